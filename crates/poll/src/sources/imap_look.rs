//! A user's own mailbox at an IMAP server as a source: several folders, each opened with EXAMINE.
//!
//! What passes through: UIDs as keys, in ascending order, from the last one that was seen.
//!
//! *Invariant:* it asks through [`Look`] alone, which cannot change anything. No message is passed over: a list is
//! believed to go on where the last one ended only when it begins with a message that was seen before.

use std::collections::HashMap;
use std::time::Duration;

use connect::imap::{Folder, FolderName, Listed, Look, Namespace, Opened, Standing, Window};
use model::{FolderRole, MessageKey, limits};

use super::imap::{again, bodies, headers, missing, shown};
use crate::source::{
    Disposal, Disposed, Fetched, Folders, Place, Progress, Shown, Source, SourceError, SourceTrouble,
    Validity,
};

/// A session with a user's mailbox.
pub struct ImapLook<L> {
    session: L,
    folders: Vec<(Place, FolderName)>,
    open: Option<Open>,
    /// How far the folders had come when each was opened last.
    stood: HashMap<FolderName, Standing>,
    remark: Option<String>,
}

/// The open folder.
struct Open {
    name: FolderName,
    validity: Validity,
    /// Messages in it, when it was opened.
    exists: u32,
    /// The place of the first message that was not listed, from 1; unknown before anything was.
    next: Option<u32>,
}

/// The folders of a user.
#[derive(Debug, Clone, Default)]
pub struct Chosen {
    /// That of sent mail; else the one that the server or its name calls so.
    pub sent: Option<String>,
    /// Others than that and the inbox.
    pub others: Vec<String>,
}

impl<L: Look> ImapLook<L> {
    /// Finds the folders.
    ///
    /// # Errors
    /// [`SourceError`].
    pub async fn open(mut session: L, chosen: &Chosen) -> Result<Self, SourceError> {
        let inbox = FolderName::inbox();
        let mut folders = vec![(place(&inbox, FolderRole::Inbox), inbox.clone())];
        let there = session.folders().await?;
        let mut left_out = Vec::new();
        match sent_of(&mut session, &there, chosen.sent.as_deref()).await? {
            Ok(name) => folders.push((place(&name, FolderRole::Sent), name)),
            Err(words) => left_out.push(words),
        }
        for name in &chosen.others {
            match found(&there, name) {
                Some(name) if folders.iter().any(|(_, there)| *there == name) => {}
                Some(name) => folders.push((place(&name, FolderRole::Other), name)),
                None => left_out.push(format!("there is no folder {name}")),
            }
        }
        let remark = (!left_out.is_empty()).then(|| left_out.join("; "));
        Ok(ImapLook { session, folders, open: None, stood: HashMap::new(), remark })
    }

    /// Takes leave.
    pub async fn close(self) {
        // Whatever it says, we go.
        self.session.bye().await.unwrap_or_default();
    }

    fn opened(&mut self) -> Result<(&mut L, &mut Open), SourceError> {
        let not_open = || contradiction("no folder is open");
        Ok((&mut self.session, self.open.as_mut().ok_or_else(not_open)?))
    }
}

/// The folder of sent mail of a mailbox: the one of this name, else the one that the server or its name calls so; in words, why
/// there is none.
///
/// # Errors
/// [`SourceError`].
pub async fn sent_folder<L: Look>(
    session: &mut L,
    named: Option<&str>,
) -> Result<Result<FolderName, String>, SourceError> {
    let there = session.folders().await?;
    sent_of(session, &there, named).await
}

async fn sent_of<L: Look>(
    session: &mut L,
    there: &[Folder],
    named: Option<&str>,
) -> Result<Result<FolderName, String>, SourceError> {
    let sent = match named {
        Some(name) => found(there, name).ok_or_else(|| format!("there is no folder {name}")),
        None => sent(there, session.namespace().await?.as_ref()),
    };
    let is_inbox = sent.as_ref().is_ok_and(|name| *name == FolderName::inbox());
    Ok(if is_inbox { Err("the inbox is no folder of sent mail".to_owned()) } else { sent })
}

fn place(name: &FolderName, role: FolderRole) -> Place {
    Place { name: name.as_str().to_owned(), role }
}

fn found(there: &[Folder], name: &str) -> Option<FolderName> {
    let found = there.iter().find(|folder| folder.name.as_str() == name && folder.can_be_opened);
    found.map(|folder| folder.name.clone())
}

/// The folder of sent mail: the only one of the mailbox's own that the server says is it (RFC 6154); else the only one
/// whose name says so. Folders of others, and old ones deep below, may say the same of themselves.
fn sent(there: &[Folder], namespace: Option<&Namespace>) -> Result<FolderName, String> {
    let unsaid = Namespace::default();
    let own = namespace.unwrap_or(&unsaid);
    let of_ours: Vec<(&Folder, &str)> = there
        .iter()
        .filter(|folder| folder.can_be_opened)
        .filter_map(|folder| Some((folder, at_the_top(folder, own)?)))
        .collect();
    let is_said = |folder: &Folder| folder.special_use.as_deref() == Some("Sent");
    let mut candidates: Vec<&Folder> =
        of_ours.iter().map(|(folder, _)| *folder).filter(|folder| is_said(folder)).collect();
    if candidates.is_empty() && namespace.is_some() {
        candidates
            .extend(there.iter().filter(|folder| is_said(folder) && is_in_a_shell(folder, (own, there))));
    }
    if candidates.is_empty() {
        let is_named = |name: &str| SENT_NAMES.contains(&name.to_lowercase().as_str());
        candidates.extend(of_ours.iter().filter(|(_, name)| is_named(name)).map(|(folder, _)| *folder));
    }
    match candidates.as_slice() {
        [] => Err("no folder of sent mail is found".to_owned()),
        [one] => Ok(one.name.clone()),
        several => {
            let names: Vec<&str> = several.iter().map(|folder| folder.name.as_str()).collect();
            Err(format!("several folders may be that of sent mail, and none is taken: {}", names.join(", ")))
        }
    }
}

/// The name of a folder of the mailbox's own that stands beside the inbox or directly below it.
fn at_the_top<'f>(folder: &'f Folder, own: &Namespace) -> Option<&'f str> {
    let name = own.among_own(folder.name.as_str())?;
    let Some(delimiter) = folder.delimiter else { return Some(name) };
    let name = name.strip_prefix(delimiter).unwrap_or(name);
    match name.split_once(delimiter) {
        None => Some(name),
        Some((above, below)) if above.eq_ignore_ascii_case("INBOX") => {
            (!below.contains(delimiter)).then_some(below)
        }
        Some(_) => None,
    }
}

/// Whether it stands in one at the top that holds nothing but folders, as `[Gmail]/Sent Mail` does.
fn is_in_a_shell(folder: &Folder, (own, there): (&Namespace, &[Folder])) -> bool {
    let above = folder.delimiter.and_then(|delimiter| folder.name.as_str().rsplit_once(delimiter));
    let is_above = |shell: &&Folder| above.is_some_and(|(above, _)| shell.name.as_str() == above);
    let is_ours = own.among_own(folder.name.as_str()).is_some() && folder.can_be_opened;
    let shell = there.iter().find(is_above);
    is_ours && shell.is_some_and(|shell| !shell.can_be_opened && at_the_top(shell, own).is_some())
}

/// What mail programs call it where the server does not say: Thunderbird, Apple, Outlook, in their usual languages.
const SENT_NAMES: [&str; 13] = [
    "sent",
    "sent items",
    "sent messages",
    "sent mail",
    "sent-mail",
    "gesendet",
    "gesendete objekte",
    "gesendete elemente",
    "envoy\u{e9}s",
    "\u{e9}l\u{e9}ments envoy\u{e9}s",
    "enviados",
    "elementos enviados",
    "posta inviata",
];

impl<L: Look> Source for ImapLook<L> {
    fn validity(&self) -> Validity {
        self.open.as_ref().map_or(Validity(0), |open| open.validity)
    }

    async fn list(&mut self, after: Option<&MessageKey>) -> Result<Vec<Shown>, SourceError> {
        let after = after.and_then(MessageKey::uid).unwrap_or_default();
        let (session, open) = self.opened()?;
        let mut tries = 0;
        while tries < TRIES {
            let next = match open.next {
                Some(next) => next,
                None => first_behind(session, after).await?,
            };
            let Some(listed) = from(session, (next, after)).await? else {
                // Others took messages out meanwhile, and everything has moved up.
                (open.next, tries) = (None, tries + 1);
                continue;
            };
            let Some(last) = listed.last() else { return Ok(Vec::new()) };
            open.next = Some(last.sequence.saturating_add(1));
            open.exists = open.exists.max(last.sequence);
            let new: Vec<Shown> =
                listed.iter().filter(|listed| listed.uid.get() > after).map(shown).collect();
            if !new.is_empty() {
                return Ok(new);
            }
        }
        let words = "the folder changes faster than it can be listed".to_owned();
        Err(SourceError { trouble: SourceTrouble::Away, words })
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

    fn progress(&self) -> Option<Progress> {
        let open = self.open.as_ref()?;
        let done = open.next?.saturating_sub(1);
        (done < open.exists && open.exists < u32::MAX).then_some(Progress { done, of: open.exists })
    }

    fn remark(&self) -> Option<String> {
        self.remark.clone()
    }

    async fn dispose(&mut self, _: &[MessageKey], _: Disposal) -> Result<Disposed, SourceError> {
        Ok(Disposed { refusal: Some("the mailbox is only looked at".to_owned()), ..Disposed::default() })
    }

    async fn wait(&mut self, at_most: Duration) -> Result<(), SourceError> {
        self.session.wait(tokio::time::sleep(at_most)).await?;
        Ok(())
    }
}

impl<L: Look> Folders for ImapLook<L> {
    fn places(&self) -> Vec<Place> {
        self.folders.iter().map(|(place, _)| place.clone()).collect()
    }

    async fn enter(&mut self, place: &Place, may_be_spared: bool) -> Result<bool, SourceError> {
        let found = self.folders.iter().find(|(known, _)| known == place);
        let Some((_, name)) = found.cloned() else { return Err(contradiction("no such folder was chosen")) };
        if self.open.as_ref().is_some_and(|open| open.name == name) {
            return Ok(true);
        }
        if may_be_spared && let Some(stood) = self.stood.get(&name).copied() {
            // Whatever comes takes the next number.
            if self.session.standing(&name).await? == Some(stood) {
                return Ok(false);
            }
        }
        let Opened { uidvalidity, uidnext, exists, .. } = self.session.examine(&name).await?;
        self.stood.remove(&name);
        if let Some(uidnext) = uidnext {
            self.stood.insert(name.clone(), Standing { uidvalidity, uidnext });
        }
        self.open = Some(Open { name, validity: Validity(uidvalidity), exists, next: None });
        Ok(true)
    }
}

/// How often a list is begun anew while others change the folder.
const TRIES: usize = 5;

/// The place of the first message with a greater UID, or one before it; behind the last one, where there is none.
async fn first_behind<L: Look>(session: &mut L, after: u32) -> Result<u32, SourceError> {
    // Places and UIDs grow together. The session knows how many there are, and asks for none behind them.
    let (mut first, mut end) = (1, if after == 0 { 1 } else { u32::MAX });
    while first < end {
        let middle = first + (end - first) / 2;
        match session.list(Window { first: middle, count: 1 }).await?.first() {
            Some(listed) if listed.uid.get() <= after => first = middle.saturating_add(1),
            // What is not shown is looked at from before.
            _ => end = middle,
        }
    }
    Ok(first)
}

/// The messages from a place on, without a gap; `None` where the one before the place is not one that was seen.
async fn from<L: Look>(
    session: &mut L,
    (next, after): (u32, u32),
) -> Result<Option<Vec<Listed>>, SourceError> {
    let most = u32::try_from(limits::POLL_TURN_MESSAGES_MAX).unwrap_or(u32::MAX);
    let before = next.saturating_sub(1);
    let window = Window { first: before.max(1), count: most.saturating_add(u32::from(before > 0)) };
    let mut listed = session.list(window).await?;
    if before > 0 {
        let is_known = |first: &Listed| first.sequence == before && first.uid.get() <= after;
        if !listed.first().is_some_and(is_known) {
            return Ok(None);
        }
        listed.remove(0);
    }
    // What an answer leaves out is asked for alone; what is not shown then either is not there.
    let mut begin = next;
    if let Some(first) = listed.first().map(|first| first.sequence).filter(|first| *first > next) {
        let alone = session.list(Window { first: next, count: 1 }).await?;
        if !alone.is_empty() {
            return Ok(Some(alone));
        }
        begin = first;
    }
    let without_gap = (begin..).zip(&listed).take_while(|(place, listed)| *place == listed.sequence).count();
    listed.truncate(without_gap);
    Ok(Some(listed))
}

fn contradiction(words: &str) -> SourceError {
    SourceError { trouble: SourceTrouble::Contradiction, words: words.to_owned() }
}
