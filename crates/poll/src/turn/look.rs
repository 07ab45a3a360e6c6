//! Looking: which messages are next, and what the ledger knows of them.

use std::collections::HashMap;
use std::sync::Arc;

use model::{MessageKey, Timestamp, limits};

use super::{Round, Trouble, Watched};
use crate::ledger::{Entry, HeaderDigest, Ledger, Listed, Told};
use crate::source::{Shown, Source};

/// A message of this turn.
#[derive(Debug)]
pub(super) struct Seen {
    pub(super) entry: Entry,
    pub(super) header: Option<Arc<[u8]>>,
    pub(super) size: u64,
    pub(super) arrived: Option<Timestamp>,
    /// It is not in the folder any more.
    pub(super) is_absent: bool,
}

impl Seen {
    /// Whether these begin with its header. Of a message that is its header alone some servers give the empty line with the
    /// header only.
    pub(super) fn is_begun_by(&self, body: &[u8]) -> bool {
        self.header.as_ref().is_some_and(|header| {
            let more = header.strip_prefix(body);
            body.starts_with(header) || more.is_some_and(|more| matches!(more, b"\r\n" | b"\r\n\r\n"))
        })
    }

    /// Whether these may be the whole of it. What a server says of a size may be a little off (RFC 3501 §6.4.5 counts
    /// bytes that some make only when they give the message), and half a message is none.
    pub(super) fn is_whole(&self, body: &[u8]) -> bool {
        body.len() as u64 >= self.size - self.size / 16
    }

    /// Whether it is not to be read any more.
    pub(super) fn is_given_up(&self) -> bool {
        self.entry.attempts >= limits::POLL_SET_ASIDE_FROM
    }

    /// Whether its header never came, though others did, or however often it was asked for.
    pub(super) fn is_unreadable(&self, has_headed: bool) -> bool {
        self.header.is_none() && (has_headed || self.entry.attempts >= limits::POLL_UNREADABLE_FROM)
    }

    /// Whether it is not even to be fetched any more.
    pub(super) fn is_left(&self) -> bool {
        self.entry.attempts >= limits::POLL_LEAVE_FROM
    }
}

/// A message that is next.
#[derive(Debug)]
pub(super) struct Next {
    pub(super) shown: Shown,
    /// What the ledger had of it when the round began.
    pub(super) known: Option<Entry>,
}

impl Next {
    pub(super) fn attempts(&self) -> u32 {
        self.known.as_ref().map_or(0, |known| known.attempts)
    }

    /// Whether its header came before.
    pub(super) fn has_header(&self) -> bool {
        self.known.as_ref().is_some_and(|known| known.has_header)
    }

    /// Whether whatever stopped the process or the server may have been this message.
    pub(super) fn is_doubtful(&self) -> bool {
        self.attempts() >= limits::POLL_ALONE_FROM
    }
}

/// What is next in the folder; `None` once a round has come to its end.
pub(super) async fn ahead<S: Source, L: Ledger>(
    watched: &mut Watched<S>,
    ledger: &L,
) -> Result<Option<Vec<Next>>, Trouble> {
    let mut round = match watched.round.take() {
        Some(round) => round,
        None => {
            // What the last round told is noted first: else it were missed here.
            tell(watched, ledger).await?;
            let present = ledger.present(&watched.folder).await?.into_iter();
            let unlisted = present.map(|entry| (entry.key.clone(), entry)).collect();
            Round { after: watched.folder.after.clone(), unlisted }
        }
    };
    if watched.is_looked_at() && !round.unlisted.is_empty() {
        return left_open(watched, round).await.map(Some);
    }
    let mut shown = watched.source.list(round.after.as_ref()).await?;
    let Some(last) = shown.last() else {
        return end(watched, round).await;
    };
    round.after = Some(last.key.clone());
    if watched.is_looked_at() {
        watched.folder.after.clone_from(&round.after);
        watched.listed_to.clone_from(&round.after);
        let since = watched.since;
        shown.retain(|shown| shown.arrived.is_none_or(|arrived| since.is_none_or(|since| arrived >= since)));
    }
    let next = shown.into_iter().map(|shown| Next { known: round.unlisted.remove(&shown.key), shown });
    let next = next.collect();
    watched.round = Some(round);
    Ok(Some(next))
}

/// What was seen before, has not ended, and is not listed again: everything listed stays, so only what is new is.
async fn left_open<S: Source>(watched: &mut Watched<S>, mut round: Round) -> Result<Vec<Next>, Trouble> {
    let keys: Vec<MessageKey> = round.unlisted.keys().take(limits::POLL_TURN_MESSAGES_MAX).cloned().collect();
    let mut known: HashMap<MessageKey, Entry> =
        keys.iter().filter_map(|key| round.unlisted.remove_entry(key)).collect();
    watched.round = Some(round);
    watched.has_open = true;
    let shown = watched.source.again(&keys).await?;
    let is_shown = |key: &MessageKey| shown.iter().any(|shown| shown.key == *key);
    let left_out: Vec<MessageKey> = keys.into_iter().filter(|key| !is_shown(key)).collect();
    if !left_out.is_empty() {
        let missing = watched.source.missing(&left_out).await?;
        watched.told.absent.extend(missing);
    }
    Ok(shown.into_iter().map(|shown| Next { known: known.remove(&shown.key), shown }).collect())
}

/// The end of a round: what the ledger has and the source did not list may be gone, which is asked for. What is there and
/// settled was on its way out when the line broke, and is marked as removed at most: it comes once more, and leaves.
async fn end<S: Source>(watched: &mut Watched<S>, mut round: Round) -> Result<Option<Vec<Next>>, Trouble> {
    while !round.unlisted.is_empty() {
        // The others come in the next turn: a ledger takes few at a time.
        let some = round.unlisted.keys().take(limits::POLL_TURN_MESSAGES_MAX);
        let some: Vec<MessageKey> = some.cloned().collect();
        let mut known: HashMap<MessageKey, Entry> =
            some.iter().filter_map(|key| round.unlisted.remove_entry(key)).collect();
        let absent = watched.source.missing(&some).await?;
        known.retain(|key, entry| entry.is_settled && entry.is_due && !absent.contains(key));
        let half_gone: Vec<MessageKey> = known.keys().cloned().collect();
        let shown = if half_gone.is_empty() { Vec::new() } else { watched.source.again(&half_gone).await? };
        if !absent.is_empty() || !shown.is_empty() {
            watched.told.absent.extend(absent);
            watched.round = Some(round);
            let next = shown.into_iter().map(|shown| Next { known: known.remove(&shown.key), shown });
            return Ok(Some(next.collect()));
        }
    }
    Ok(None)
}

/// Tells the ledger what it was not told yet.
pub(super) async fn tell<S: Source, L: Ledger>(watched: &mut Watched<S>, ledger: &L) -> Result<(), Trouble> {
    if !watched.told.is_empty() {
        let told = watched.told.clone();
        ledger.see(&watched.folder, told, Vec::new()).await?;
        watched.told = Told::default();
    }
    Ok(())
}

/// What was tried and is neither suspect nor put off: the process lived on, so that attempt does not count.
pub(super) fn note_survivors<S>(watched: &mut Watched<S>, mut tried: Vec<MessageKey>) {
    let suspects = std::mem::take(&mut watched.suspects);
    let told = &mut watched.told;
    tried.retain(|key| !suspects.contains(key) && !told.put_off.iter().any(|put_off| put_off.key == *key));
    told.survived.extend(tried);
}

/// What is shown, with the headers that came.
pub(super) type Headed = (Vec<Shown>, HashMap<MessageKey, Arc<[u8]>>);

/// Enters these messages into the ledger; those of them that are due.
pub(super) async fn see<S: Source, L: Ledger>(
    watched: &mut Watched<S>,
    ledger: &L,
    (shown, mut headers): Headed,
) -> Result<Vec<Seen>, Trouble> {
    let digest = |shown: &Shown| headers.get(&shown.key).map(|header| HeaderDigest::of(header));
    let listed = shown.iter().map(|shown| listed(shown, digest(shown))).collect();
    let told = told(watched);
    let at_work = watched.room.at_work().await;
    let entries = ledger.see(&watched.folder, told, listed).await?.ok_or(Trouble::Anew)?;
    drop(at_work);
    (watched.told, watched.listed_to) = (Told::default(), None);
    let mut by_key: HashMap<MessageKey, Shown> =
        shown.into_iter().map(|shown| (shown.key.clone(), shown)).collect();
    let seen = entries.into_iter().filter(|entry| entry.is_due).map(|entry| {
        let (header, shown) = (headers.remove(&entry.key), by_key.remove(&entry.key));
        let is_absent = shown.is_none();
        let (size, arrived) = shown.map_or((0, None), |shown| (shown.size, shown.arrived));
        Seen { entry, header, size, arrived, is_absent }
    });
    Ok(seen.collect())
}

/// Enters messages of which the headers did not come.
pub(super) async fn enter<S: Source, L: Ledger>(
    watched: &mut Watched<S>,
    ledger: &L,
    shown: &[Shown],
) -> Result<(), Trouble> {
    let listed = shown.iter().map(|shown| listed(shown, None)).collect();
    ledger.see(&watched.folder, told(watched), listed).await?;
    (watched.told, watched.listed_to) = (Told::default(), None);
    Ok(())
}

/// What the ledger is told beside what is entered now, which is all that was listed.
fn told<S>(watched: &Watched<S>) -> Told {
    let seen_up_to = watched.listed_to.as_ref().or(watched.told.seen_up_to.as_ref()).cloned();
    Told { seen_up_to, ..watched.told.clone() }
}

fn listed(shown: &Shown, header: Option<HeaderDigest>) -> Listed {
    Listed { key: shown.key.clone(), size: shown.size, arrived: shown.arrived, header }
}

/// What is fetched of these at a time.
pub(super) fn bytes(shown: &[Shown]) -> u64 {
    let all: u64 = shown.iter().map(|shown| shown.size).fold(0, u64::saturating_add);
    let largest = shown.iter().map(|shown| shown.size).max().unwrap_or_default();
    all.min(limits::POLL_TURN_BYTES).max(largest).saturating_add(limits::POLL_HEADERS_BYTES)
}

/// Those that are still there, and the headers of them. Whatever the answer leaves out is gone only where the source says
/// so. A header that was tried in vain too often is not asked for any more.
pub(super) async fn headers<S: Source>(
    watched: &mut Watched<S>,
    (shown, attempts): (&[Shown], u32),
) -> Result<Headed, Trouble> {
    let mut shown = shown.to_vec();
    let is_left = attempts >= limits::POLL_UNREADABLE_FROM
        || (attempts >= limits::POLL_LEAVE_FROM && watched.has_headed);
    if shown.is_empty() || is_left {
        return Ok((shown, HashMap::new()));
    }
    let keys: Vec<MessageKey> = shown.iter().map(|shown| shown.key.clone()).collect();
    let fetched = watched.source.headers(&keys).await?;
    let mut headers: HashMap<MessageKey, Arc<[u8]>> =
        fetched.into_iter().map(|fetched| (fetched.key, fetched.bytes)).collect();
    headers.retain(|_, header| !header.is_empty());
    watched.has_headed |= !headers.is_empty();
    let left_out: Vec<MessageKey> = keys.into_iter().filter(|key| !headers.contains_key(key)).collect();
    if !left_out.is_empty() {
        let missing = watched.source.missing(&left_out).await?;
        shown.retain(|shown| !missing.contains(&shown.key));
        watched.told.absent.extend(missing);
    }
    Ok((shown, headers))
}
