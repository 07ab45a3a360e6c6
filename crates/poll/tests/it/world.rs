//! A server with one folder, a ledger and an intake, all in memory, and a fuse that makes one call of theirs fail.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use model::outcome::Outcome;
use model::{FolderRole, Id, MessageKey, Timestamp, limits};
use poll::{
    Advice, Cause, Delivered, Delivery, Disposal, Disposed, Entry, Fetched, Folder, HeaderDigest, House,
    Intake, Ledger, Listed, NotNow, Offered, Pair, Place, Settled, Short, Shown, Source, SourceError,
    SourceTrouble, Told, Trouble, Turned, Validity, Watched, What, turn,
};

/// Everything that outlives a session.
#[derive(Debug, Default)]
pub(crate) struct State {
    // The server.
    pub(crate) validity: u32,
    pub(crate) messages: BTreeMap<u32, Vec<u8>>,
    /// Of these, those that are marked as removed.
    marked: BTreeSet<u32>,
    pub(crate) set_aside: Vec<Vec<u8>>,
    pub(crate) is_full: bool,
    /// It lists no more at a time.
    pub(crate) window: Option<usize>,
    pub(crate) withholds: BTreeSet<u32>,
    pub(crate) hangs: BTreeSet<u32>,
    pub(crate) header_hangs: BTreeSet<u32>,
    pub(crate) header_is_made_anew: bool,
    pub(crate) stalls: bool,
    pub(crate) sizes_are_estimates: bool,
    pub(crate) body_is_made_anew: bool,
    pub(crate) breaks_while_waiting: bool,
    /// Each session ends with waiting, and wishes for so long a pause.
    pub(crate) one_look: Option<Duration>,
    heads: u32,
    // The ledger.
    generation: i64,
    known_validity: u32,
    pub(crate) rows: BTreeMap<(i64, MessageKey), Row>,
    copies: u32,
    after: Option<MessageKey>,
    pub(crate) put_off: Vec<String>,
    short: Short,
    // The house.
    pub(crate) deliveries: BTreeMap<Id, (Outcome, Option<Vec<u8>>)>,
    pub(crate) is_closed: bool,
    /// The call that fails, counted down; and whether its effect stands.
    fuse: Option<(u32, bool)>,
}

#[derive(Debug, Clone)]
pub(crate) struct Row {
    copy: Id,
    header: Option<HeaderDigest>,
    pub(crate) attempts: u32,
    is_put_off: bool,
    is_settled: bool,
    pub(crate) is_gone: bool,
}

impl State {
    fn row(&self, key: &MessageKey) -> Option<&Row> {
        self.rows.get(&(self.generation, key.clone()))
    }
}

#[derive(Debug, Clone, Default)]
pub(crate) struct World(Arc<Mutex<State>>);

/// What a call does when its turn to fail has come.
enum Fate {
    Works,
    FailsBefore,
    FailsAfter,
}

impl World {
    /// A folder with these messages.
    pub(crate) fn of(messages: &[&str]) -> Self {
        let world = World::default();
        for (uid, text) in (1..).zip(messages) {
            world.state().messages.insert(uid, text.replace('\n', "\r\n").into_bytes());
        }
        world
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// Lets the n-th call from now fail, after or before it had its effect.
    pub(crate) fn break_call(&self, number: u32, has_effect: bool) {
        self.state().fuse = Some((number, has_effect));
    }

    /// Whether the call has come that was to fail.
    pub(crate) fn has_broken(&self) -> bool {
        self.state().fuse.take().is_none()
    }

    fn fate(&self) -> Fate {
        let mut state = self.state();
        match state.fuse {
            Some((0, has_effect)) => {
                state.fuse = None;
                if has_effect { Fate::FailsAfter } else { Fate::FailsBefore }
            }
            Some((number, has_effect)) => {
                state.fuse = Some((number - 1, has_effect));
                Fate::Works
            }
            None => Fate::Works,
        }
    }

    fn call<T, E>(&self, error: E, work: impl FnOnce(&mut State) -> Result<T, E>) -> Result<T, E> {
        let fate = self.fate();
        if matches!(fate, Fate::FailsBefore) {
            return Err(error);
        }
        let answer = work(&mut self.state())?;
        if matches!(fate, Fate::FailsAfter) { Err(error) } else { Ok(answer) }
    }

    fn house(&self) -> House<Self, Self> {
        House { intake: self.clone(), ledger: self.clone() }
    }

    /// A session from its beginning until the folder was looked at to its end.
    pub(crate) async fn session(&self) -> Result<usize, Trouble> {
        let (source, house) = (Session(self.clone()), self.house());
        let watched = Watched::begin(source, (PAIR, "INBOX"), &house.ledger).await?;
        let mut watched = watched.recalling(self.state().short.clone());
        to_its_end(&mut watched, &house).await
    }

    /// A look at the folder from where the ledger has it to its end. Whoever takes something out fails.
    pub(crate) async fn look(&self) -> Result<usize, Trouble> {
        let (source, house) = (Session(self.clone()), self.house());
        let before = self.state().messages.clone();
        let place = Place { name: "INBOX".to_owned(), role: FolderRole::Inbox };
        let mut watched = Watched::look(source, (PAIR, &place, None), &house.ledger).await?;
        let looked = to_its_end(&mut watched, &house).await;
        assert_eq!(self.state().messages, before);
        looked
    }

    /// Texts that were delivered whole, and how each ended.
    pub(crate) fn delivered(&self) -> Vec<(String, Outcome)> {
        let state = self.state();
        let whole = state.deliveries.values().filter_map(|(outcome, text)| Some((text.clone()?, *outcome)));
        whole.map(|(text, outcome)| (String::from_utf8_lossy(&text).into_owned(), outcome)).collect()
    }

    pub(crate) fn outcomes(&self) -> Vec<Outcome> {
        self.state().deliveries.values().map(|(outcome, _)| *outcome).collect()
    }

    /// Time goes by: what was put off is due.
    pub(crate) fn wait(&self) {
        self.state().rows.values_mut().for_each(|row| row.is_put_off = false);
    }
}

pub(crate) const PAIR: Pair = Pair { organization: Id([1; 16]), mailbox: Id([2; 16]) };

pub(crate) struct Session(pub(crate) World);

pub(crate) fn away() -> SourceError {
    SourceError { trouble: SourceTrouble::Away, words: "the line broke".to_owned() }
}

fn not_now() -> NotNow {
    NotNow { words: "the store is away".to_owned(), cause: Cause::House }
}

fn head(message: &[u8]) -> Arc<[u8]> {
    match message.windows(4).position(|four| four == b"\r\n\r\n") {
        Some(at) => message[..at + 4].into(),
        None => [message, b"\r\n"].concat().into(),
    }
}

impl Source for Session {
    fn validity(&self) -> Validity {
        Validity(self.0.state().validity)
    }

    async fn list(&mut self, after: Option<&MessageKey>) -> Result<Vec<Shown>, SourceError> {
        let after = after.and_then(MessageKey::uid).unwrap_or_default();
        self.0.call(away(), |state| {
            let behind = state.messages.range(after + 1..).filter(|(uid, _)| !state.marked.contains(uid));
            let shown =
                behind.take(state.window.unwrap_or(limits::POLL_TURN_MESSAGES_MAX)).map(|(uid, message)| {
                    Shown {
                        key: MessageKey::of_uid(*uid),
                        size: size(message) * if state.sizes_are_estimates { 2 } else { 1 },
                        arrived: Some(Timestamp(1)),
                    }
                });
            Ok(shown.collect())
        })
    }

    async fn headers(&mut self, keys: &[MessageKey]) -> Result<Vec<Fetched>, SourceError> {
        if self.0.state().stalls {
            tokio::time::sleep(Duration::from_secs(limits::ANSWER_SECONDS_MAX)).await;
            return Err(away());
        }
        self.0.call(away(), |state| {
            if keys.iter().filter_map(MessageKey::uid).any(|uid| state.header_hangs.contains(&uid)) {
                return Err(away());
            }
            state.heads += 1;
            let made = if state.header_is_made_anew {
                format!("X-Made: {}\r\n", state.heads)
            } else {
                String::new()
            };
            let found = keys.iter().filter_map(|key| {
                let message = state.messages.get(&key.uid()?)?;
                let bytes = [made.as_bytes(), &head(message)].concat();
                Some(Fetched { key: key.clone(), bytes: bytes.into() })
            });
            Ok(found.collect())
        })
    }

    /// Whatever is fetched has its row.
    async fn bodies(&mut self, keys: &[MessageKey]) -> Result<Vec<Fetched>, SourceError> {
        self.0.call(away(), |state| {
            assert!(keys.iter().all(|key| state.row(key).is_some()), "{keys:?}");
            let uids = keys.iter().filter_map(MessageKey::uid);
            if uids.clone().any(|uid| state.hangs.contains(&uid)) {
                return Err(away());
            }
            let given = uids.filter(|uid| !state.withholds.contains(uid));
            let found = given.filter_map(|uid| {
                let made = if state.body_is_made_anew { state.heads.to_string() } else { String::new() };
                let bytes = [state.messages.get(&uid)?.as_slice(), made.as_bytes()].concat();
                Some(Fetched { key: MessageKey::of_uid(uid), bytes: bytes.into() })
            });
            Ok(found.collect())
        })
    }

    async fn missing(&mut self, keys: &[MessageKey]) -> Result<Vec<MessageKey>, SourceError> {
        self.0.call(away(), |state| {
            let is_there = |key: &&MessageKey| key.uid().is_some_and(|uid| state.messages.contains_key(&uid));
            Ok(keys.iter().filter(|key| !is_there(key)).cloned().collect())
        })
    }

    async fn again(&mut self, keys: &[MessageKey]) -> Result<Vec<Shown>, SourceError> {
        self.0.call(away(), |state| {
            let shown = keys.iter().filter_map(|key| {
                let size = size(state.messages.get(&key.uid()?)?);
                Some(Shown { key: key.clone(), size, arrived: None })
            });
            Ok(shown.collect())
        })
    }

    /// In two steps, as a server of IMAP does: first they are marked, then what is marked goes. Whatever leaves is settled,
    /// and not told to be gone.
    async fn dispose(&mut self, keys: &[MessageKey], how: Disposal) -> Result<Disposed, SourceError> {
        let may_leave = |key| self.0.state().row(key).is_some_and(|row| row.is_settled && !row.is_gone);
        assert!(keys.iter().all(may_leave), "{keys:?}");
        if how == Disposal::Remove {
            self.0.call(away(), |state| {
                let uids = keys.iter().filter_map(MessageKey::uid);
                state.marked.extend(uids.filter(|uid| state.messages.contains_key(uid)));
                Ok(())
            })?;
        }
        self.0.call(away(), |state| {
            if how == Disposal::SetAside && state.is_full {
                return Ok(Disposed { refusal: Some("over quota".to_owned()), ..Disposed::default() });
            }
            for uid in keys.iter().filter_map(MessageKey::uid) {
                let message = state.messages.remove(&uid);
                state.marked.remove(&uid);
                if how == Disposal::SetAside {
                    state.set_aside.extend(message);
                }
            }
            Ok(Disposed { gone: keys.to_vec(), ..Disposed::default() })
        })
    }

    async fn wait(&mut self, at_most: Duration) -> Result<(), SourceError> {
        if self.0.state().breaks_while_waiting {
            return Err(away());
        }
        if !self.ends_with_wait() {
            tokio::time::sleep(at_most).await;
        }
        Ok(())
    }

    fn ends_with_wait(&self) -> bool {
        self.0.state().one_look.is_some()
    }

    fn stay_away(&self) -> Duration {
        self.0.state().one_look.unwrap_or_default()
    }
}

impl Ledger for World {
    async fn open(&self, pair: Pair, place: &Place, validity: Validity) -> Result<Folder, NotNow> {
        self.call(not_now(), |state| {
            if state.known_validity != validity.0 {
                state.known_validity = validity.0;
                state.generation += 1;
                state.after = None;
            }
            let (role, after) = (place.role, state.after.clone());
            Ok(Folder { pair, id: Id([3; 16]), role, generation: state.generation, after })
        })
    }

    async fn present(&self, folder: &Folder) -> Result<Vec<Entry>, NotNow> {
        self.call(not_now(), |state| {
            let rows = state
                .rows
                .iter()
                .filter(|((generation, _), row)| *generation == folder.generation && !row.is_gone);
            let entry = |key: &MessageKey, row: &Row| Entry {
                key: key.clone(),
                copy: row.copy,
                attempts: row.attempts,
                has_header: row.header.is_some(),
                is_due: !row.is_put_off,
                is_settled: row.is_settled,
                ended: None,
            };
            Ok(rows.map(|((_, key), row)| entry(key, row)).collect())
        })
    }

    async fn see(
        &self,
        folder: &Folder,
        told: Told,
        listed: Vec<Listed>,
    ) -> Result<Option<Vec<Entry>>, NotNow> {
        self.call(not_now(), |state| Ok(see(state, folder.generation, (&told, listed))))
    }

    async fn try_alone(&self, folder: &Folder, key: &MessageKey) -> Result<(), NotNow> {
        self.call(not_now(), |state| {
            if let Some(row) = state.rows.get_mut(&(folder.generation, key.clone())) {
                row.attempts += 1;
            }
            Ok(())
        })
    }

    async fn settle(
        &self,
        folder: &Folder,
        ended: Vec<(MessageKey, HeaderDigest)>,
    ) -> Result<Vec<Settled>, NotNow> {
        self.call(not_now(), |state| {
            let keys = ended.into_iter().map(|(key, _)| key);
            let settled = keys.filter_map(|key| {
                let row = state.rows.get_mut(&(folder.generation, key.clone()))?;
                row.is_settled = state.deliveries.contains_key(&row.copy);
                let (_, whole) = state.deliveries.get(&row.copy)?;
                Some(Settled { key, is_kept: whole.is_some() })
            });
            Ok(settled.collect())
        })
    }
}

fn see(state: &mut State, generation: i64, (told, listed): (&Told, Vec<Listed>)) -> Option<Vec<Entry>> {
    let deliveries = state.deliveries.clone();
    let ended = |copy: &Id| deliveries.get(copy).map(|(outcome, _)| *outcome);
    let mut entries = Vec::new();
    let place = |key: &MessageKey| (generation, key.clone());
    for key in &told.gone {
        if let Some(row) = state.rows.get_mut(&place(key)) {
            row.is_gone = true;
        }
    }
    for key in &told.survived {
        if let Some(row) = state.rows.get_mut(&place(key)) {
            row.attempts = row.attempts.saturating_sub(1);
        }
    }
    for put_off in &told.put_off {
        state.put_off.push(put_off.words.clone());
        if let Some(row) = state.rows.get_mut(&place(&put_off.key)) {
            row.is_put_off = true;
        }
    }
    let mut absent = Vec::new();
    for key in &told.absent {
        let Some(row) = state.rows.get_mut(&place(key)) else { continue };
        row.is_gone = ended(&row.copy).is_some();
        if !row.is_gone {
            absent.push(Entry {
                key: key.clone(),
                copy: row.copy,
                attempts: 1,
                has_header: false,
                is_due: true,
                is_settled: false,
                ended: None,
            });
        }
    }
    for Listed { key, header, .. } in listed {
        let copies = &mut state.copies;
        let mut new = || {
            *copies += 1;
            Row {
                copy: Id(u128::from(*copies).to_be_bytes()),
                header,
                attempts: 0,
                is_put_off: false,
                is_settled: false,
                is_gone: false,
            }
        };
        let row = state.rows.entry(place(&key)).or_insert_with(&mut new);
        let is_another = header.is_some() && row.header.is_some() && header != row.header;
        if row.is_gone || (is_another && ended(&row.copy).is_some()) {
            state.generation += 1;
            return None;
        }
        let (is_due, ended) = (!row.is_put_off, ended(&row.copy));
        if is_due && ended.is_none() && row.attempts < limits::POLL_ALONE_FROM {
            row.attempts += 1;
        }
        row.header = row.header.or(header);
        let has_header = row.header.is_some();
        let (copy, attempts, is_settled) = (row.copy, row.attempts, row.is_settled);
        entries.push(Entry { key, copy, attempts, has_header, is_due, is_settled, ended });
    }
    entries.extend(absent);
    if let Some(key) = &told.seen_up_to {
        state.after = Some(key.clone());
    }
    Some(entries)
}

/// Wants everything but mail whose subject is `noise`, cannot read `broken`, and dies of `deadly`.
impl Intake for World {
    async fn check(&self, _: Pair, offered: Vec<Offered>) -> Result<Vec<Advice>, NotNow> {
        self.call(not_now(), |_| {
            let advise = |offered: &Offered| match text(&offered.header) {
                header if header.contains("Subject: noise") => Advice::Ignore,
                _ => Advice::Fetch,
            };
            Ok(offered.iter().map(advise).collect())
        })
    }

    async fn deliver(&self, _: Pair, delivery: Delivery) -> Result<Delivered, NotNow> {
        self.call(not_now(), |state| {
            if state.is_closed {
                return Err(not_now());
            }
            if let Some((outcome, _)) = state.deliveries.get(&delivery.copy) {
                return Ok(Delivered::Ended(*outcome));
            }
            let (outcome, whole) = match delivery.what {
                What::Whole(body) if text(&body).contains("Subject: deadly") => panic!("on purpose"),
                What::Whole(body) if text(&body).contains("Subject: unheard") => {
                    return Err(NotNow { words: "a hook says no".to_owned(), cause: Cause::Message });
                }
                What::Whole(body) if text(&body).contains("Subject: broken") => {
                    (Outcome::Undeliverable, Some(body))
                }
                What::Whole(body) => (Outcome::Stored, Some(body)),
                What::Header(header) if text(&header).contains("wanted after all") => {
                    return Ok(Delivered::WholeWanted);
                }
                What::Header(_) | What::Vanished => (Outcome::Ignored, None),
                What::SetAside(body) => (Outcome::Undeliverable, Some(body)),
                What::Unfetchable { .. } => (Outcome::Undeliverable, None),
            };
            state.deliveries.insert(delivery.copy, (outcome, whole.map(|body| body.to_vec())));
            Ok(Delivered::Ended(outcome))
        })
    }
}

/// Mail that says that it is huge is told to be so.
fn size(message: &[u8]) -> u64 {
    if text(message).contains("X-Size: huge") {
        limits::MESSAGE_BYTES_MAX as u64 + 1
    } else {
        message.len() as u64
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Turns until the folder was looked at to its end; how many messages found theirs.
async fn to_its_end(watched: &mut Watched<Session>, house: &House<World, World>) -> Result<usize, Trouble> {
    let mut ended = 0;
    loop {
        match turn(watched, house).await? {
            Turned::On(count) => ended += count,
            Turned::RoundOver(count) => return Ok(ended + count),
        }
    }
}
