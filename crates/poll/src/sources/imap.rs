//! A folder of an IMAP server as a source.
//!
//! What passes through: UIDs as keys. A message that nobody can remove alone, because the server has no UIDPLUS, is
//! marked as deleted and passed over from then on. Where nobody else removes anything, none is passed over: what is marked
//! there is taken in like everything else, and then all that is marked is ours, and may go.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use connect::imap::{BodySink, FolderName, Imap, Listed, Look, Opened, Session, Uid, UidSet, Window};
use connect::{ConnectError, Kind};
use model::{MessageKey, limits};

use crate::source::{Disposal, Disposed, Fetched, Shown, Source, SourceError, SourceTrouble, Validity};

/// An open folder to be emptied.
pub struct ImapFolder {
    session: Session,
    validity: Validity,
    /// Where undeliverable mail goes.
    aside: FolderName,
    /// The place in the folder that is listed next, from 1.
    next: u32,
    /// Nobody else removes anything there.
    is_exclusive: bool,
    /// Marked as deleted in this session, and still there.
    marked: UidSet,
}

impl ImapFolder {
    /// Opens a folder to work in. `aside` is the name of the folder for undeliverable mail, among the mailbox's own.
    ///
    /// # Errors
    /// [`SourceError`]; where the folder can only be looked at, too.
    pub async fn open(
        mut session: Session,
        (folder, aside): (&FolderName, &str),
    ) -> Result<Self, SourceError> {
        let aside = session.own_folder(aside).await?;
        let Opened { uidvalidity, is_read_only, .. } = session.select(folder).await?;
        if is_read_only {
            let words = "the folder may only be looked at: nothing can be taken out of it".to_owned();
            return Err(SourceError { trouble: SourceTrouble::NotOffered, words });
        }
        Ok(ImapFolder {
            session,
            validity: Validity(uidvalidity),
            aside,
            next: 1,
            is_exclusive: false,
            marked: UidSet::default(),
        })
    }

    /// The same where nobody else removes anything in the folder.
    #[must_use]
    pub fn exclusive(self, is_exclusive: bool) -> Self {
        ImapFolder { is_exclusive, ..self }
    }

    /// Takes leave.
    pub async fn close(self) {
        // Whatever it says, we go.
        self.session.bye().await.unwrap_or_default();
    }

    async fn window(&mut self, after: u32) -> Result<Vec<Shown>, SourceError> {
        let count = u32::try_from(limits::POLL_TURN_MESSAGES_MAX).unwrap_or(u32::MAX);
        loop {
            let listed = self.session.list(Window { first: self.next, count }).await?;
            let Some(last) = listed.last() else { return Ok(Vec::new()) };
            self.next = last.sequence.saturating_add(1);
            let is_new = |uid: Uid| uid.get() > after;
            let shown: Vec<Shown> = listed
                .iter()
                .filter(|listed| is_new(listed.uid) && (!listed.flags.is_deleted || self.is_exclusive))
                .map(shown)
                .collect();
            if !shown.is_empty() {
                return Ok(shown);
            }
        }
    }
}

impl Source for ImapFolder {
    fn validity(&self) -> Validity {
        self.validity
    }

    async fn list(&mut self, after: Option<&MessageKey>) -> Result<Vec<Shown>, SourceError> {
        if after.is_none() {
            self.next = 1;
        }
        self.window(after.and_then(MessageKey::uid).unwrap_or_default()).await
    }

    async fn headers(&mut self, keys: &[MessageKey]) -> Result<Vec<Fetched>, SourceError> {
        headers(&mut self.session, keys).await
    }

    async fn bodies(&mut self, keys: &[MessageKey]) -> Result<Vec<Fetched>, SourceError> {
        bodies(&mut self.session, keys).await
    }

    async fn missing(&mut self, keys: &[MessageKey]) -> Result<Vec<MessageKey>, SourceError> {
        missing(&mut self.session, keys).await
    }

    async fn again(&mut self, keys: &[MessageKey]) -> Result<Vec<Shown>, SourceError> {
        again(&mut self.session, keys).await
    }

    async fn dispose(&mut self, keys: &[MessageKey], how: Disposal) -> Result<Disposed, SourceError> {
        let how = match how {
            Disposal::Remove if self.is_exclusive => {
                connect::imap::Disposal::DeleteAlone(self.marked.clone())
            }
            Disposal::Remove => connect::imap::Disposal::Delete,
            Disposal::SetAside => connect::imap::Disposal::Move(self.aside.clone()),
        };
        let disposed = match self.session.dispose(&uids(keys), &how).await {
            Err(error) if error.leaves_the_session() => {
                return Ok(Disposed { refusal: Some(error.words), ..Disposed::default() });
            }
            disposed => disposed?,
        };
        // Those behind them have moved up; so they have where those that were marked before went, too.
        let mut left = disposed.gone.len();
        if disposed.gone.is_empty() {
            for uid in disposed.flagged.iter() {
                self.marked.insert(uid);
            }
        } else {
            left += std::mem::take(&mut self.marked).len();
        }
        let left = u32::try_from(left).unwrap_or(u32::MAX);
        self.next = self.next.saturating_sub(left).max(1);
        let passed_over = disposed.flagged.iter().filter(|_| !self.is_exclusive);
        let gone = disposed.gone.iter().chain(passed_over).map(|uid| MessageKey::of_uid(uid.get())).collect();
        let refusal =
            self.is_exclusive.then(|| "others are marked as deleted, too: nothing is removed".to_owned());
        Ok(Disposed { gone, refusal, ..Disposed::default() })
    }

    fn remark(&self) -> Option<String> {
        let words = match (self.session.can().has("UIDPLUS"), self.is_exclusive, self.marked.is_empty()) {
            (true, ..) | (_, true, true) => return None,
            (_, true, false) => "others have marked messages as deleted: so ours are marked, and stay",
            (_, false, _) => {
                "the server cannot remove single messages (no UIDPLUS): they are marked as deleted, and stay"
            }
        };
        Some(words.to_owned())
    }

    async fn wait(&mut self, at_most: Duration) -> Result<(), SourceError> {
        self.session.wait(tokio::time::sleep(at_most)).await?;
        Ok(())
    }
}

pub(super) async fn headers<L: Look>(
    session: &mut L,
    keys: &[MessageKey],
) -> Result<Vec<Fetched>, SourceError> {
    let mut headers = Vec::new();
    // Few at a time: what comes with one command is bounded, and each may be as large as a header may.
    for keys in keys.chunks(HEADERS_AT_A_TIME) {
        match session.headers(&uids(keys)).await {
            Ok(some) => headers.extend(some.into_iter().map(|(uid, header)| fetched(uid, header))),
            // It may be about one of them.
            Err(error) if error.leaves_the_session() => {
                for key in keys {
                    match session.headers(&uids(std::slice::from_ref(key))).await {
                        Err(error) if !error.leaves_the_session() => return Err(error.into()),
                        one => headers
                            .extend(one.into_iter().flatten().map(|(uid, header)| fetched(uid, header))),
                    }
                }
            }
            Err(error) => return Err(error.into()),
        }
    }
    Ok(headers)
}

pub(super) async fn bodies<L: Look>(
    session: &mut L,
    keys: &[MessageKey],
) -> Result<Vec<Fetched>, SourceError> {
    let mut kept = Kept::default();
    match session.bodies(&uids(keys), &mut kept).await {
        Ok(()) => return Ok(kept.bodies),
        Err(error) if !error.leaves_the_session() => return Err(error.into()),
        Err(_) => {}
    }
    // It may be about one of them. What has come is whole.
    kept.coming = Vec::new();
    for key in keys {
        if kept.bodies.iter().any(|body| body.key == *key) {
            continue;
        }
        match session.bodies(&uids(std::slice::from_ref(key)), &mut kept).await {
            Err(error) if !error.leaves_the_session() => return Err(error.into()),
            _ => {}
        }
    }
    Ok(kept.bodies)
}

pub(super) async fn missing<L: Look>(
    session: &mut L,
    keys: &[MessageKey],
) -> Result<Vec<MessageKey>, SourceError> {
    let mut missing = Vec::new();
    for keys in keys.chunks(limits::IMAP_WINDOW_MAX) {
        let asked = uids(keys);
        let there = session.exists(&asked).await?;
        missing.extend(asked.without(&there).iter().map(|uid| MessageKey::of_uid(uid.get())));
    }
    Ok(missing)
}

pub(super) async fn again<L: Look>(session: &mut L, keys: &[MessageKey]) -> Result<Vec<Shown>, SourceError> {
    let mut again = Vec::new();
    for keys in keys.chunks(limits::IMAP_WINDOW_MAX) {
        again.extend(session.list_these(&uids(keys)).await?.iter().map(shown));
    }
    Ok(again)
}

pub(super) fn shown(listed: &Listed) -> Shown {
    Shown { key: MessageKey::of_uid(listed.uid.get()), size: listed.size, arrived: listed.arrived }
}

/// A key that is no UID is none of this folder.
pub(super) fn uids(keys: &[MessageKey]) -> UidSet {
    keys.iter().filter_map(|key| Uid::new(u64::from(key.uid()?))).collect()
}

fn fetched(uid: Uid, bytes: Vec<u8>) -> Fetched {
    Fetched { key: MessageKey::of_uid(uid.get()), bytes: bytes.into() }
}

/// Headers of one command: of full size, half of what may come with it.
const HEADERS_AT_A_TIME: usize = limits::IMAP_ANSWER_BYTES_MAX as usize / limits::HEADER_BYTES_MAX / 2;

/// What is reserved for a body before any of it has come.
const PIECE_BYTES: usize = 64 * 1024;

/// Bodies in memory: a turn asks for no more than fits, whatever the server said of sizes.
#[derive(Default)]
struct Kept {
    coming: Vec<u8>,
    bytes: u64,
    bodies: Vec<Fetched>,
}

impl BodySink for Kept {
    async fn begin(&mut self, size: u64) -> io::Result<()> {
        // A server may announce more than it listed.
        let size = usize::try_from(size).ok().filter(|size| *size <= limits::MESSAGE_BYTES_MAX);
        let size = size.ok_or(io::ErrorKind::FileTooLarge)?;
        self.bytes += size as u64;
        if self.bytes > limits::POLL_TURN_BYTES + limits::MESSAGE_BYTES_MAX as u64 {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        // A server that announces much and sends nothing holds no memory.
        self.coming = Vec::with_capacity(size.min(PIECE_BYTES));
        Ok(())
    }

    async fn piece(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.coming.extend_from_slice(bytes);
        Ok(())
    }

    async fn end(&mut self, uid: Uid) -> io::Result<()> {
        let body: Arc<[u8]> = std::mem::take(&mut self.coming).into();
        self.bodies.push(Fetched { key: MessageKey::of_uid(uid.get()), bytes: body });
        Ok(())
    }
}

impl From<ConnectError> for SourceError {
    fn from(error: ConnectError) -> Self {
        let trouble = match error.kind {
            Kind::Refused => SourceTrouble::Refused,
            Kind::Tls | Kind::NoPermission | Kind::NotOffered | Kind::NoFolder => SourceTrouble::NotOffered,
            Kind::Protocol | Kind::Limit => SourceTrouble::Contradiction,
            Kind::Unreachable | Kind::Declined | Kind::Quota | Kind::Closed | Kind::TimedOut | Kind::Here => {
                SourceTrouble::Away
            }
        };
        SourceError { trouble, words: error.words }
    }
}
