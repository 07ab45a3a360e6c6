//! Looking: which messages are next, and what the ledger knows of them.

use std::collections::HashMap;
use std::sync::Arc;

use model::{MessageKey, Timestamp, limits};

use super::{Round, Trouble, Watched};
use crate::ledger::{Entry, HeaderDigest, Ledger, Listed};
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
    /// Whether whatever stopped the process may have been this message.
    pub(super) fn is_doubtful(&self) -> bool {
        self.entry.ended.is_none() && self.entry.attempts >= limits::POLL_ALONE_FROM
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

    /// Whether it is not even to be fetched any more.
    pub(super) fn is_left(&self) -> bool {
        self.entry.attempts >= limits::POLL_LEAVE_FROM
    }
}

/// What is next in the folder; `None` once a round has come to its end.
pub(super) async fn ahead<S: Source, L: Ledger>(
    watched: &mut Watched<S>,
    ledger: &L,
) -> Result<Option<Vec<Shown>>, Trouble> {
    let mut round = match watched.round.take() {
        Some(round) => round,
        None => {
            // What the last round told is noted first: else it were missed here.
            tell(watched, ledger).await?;
            let unlisted = ledger.present(&watched.folder).await?.into_iter().collect();
            Round { after: watched.folder.after.clone(), unlisted }
        }
    };
    if watched.is_looked_at() && !round.unlisted.is_empty() {
        return left_open(watched, round).await.map(Some);
    }
    let mut shown = watched.source.list(round.after.as_ref()).await?;
    let Some(last) = shown.last() else {
        return end(watched, round.unlisted.into_iter().collect()).await;
    };
    round.after = Some(last.key.clone());
    if watched.is_looked_at() {
        watched.folder.after.clone_from(&round.after);
        watched.told.seen_up_to.clone_from(&round.after);
        let since = watched.since;
        shown.retain(|shown| shown.arrived.is_none_or(|arrived| since.is_none_or(|since| arrived >= since)));
    }
    for shown in &shown {
        round.unlisted.remove(&shown.key);
    }
    watched.round = Some(round);
    Ok(Some(shown))
}

/// What was seen before, has not ended, and is not listed again: everything listed stays, so only what is new is.
async fn left_open<S: Source>(watched: &mut Watched<S>, mut round: Round) -> Result<Vec<Shown>, Trouble> {
    let keys: Vec<MessageKey> = round.unlisted.iter().take(limits::POLL_TURN_MESSAGES_MAX).cloned().collect();
    for key in &keys {
        round.unlisted.remove(key);
    }
    watched.round = Some(round);
    watched.has_open = true;
    let shown = watched.source.again(&keys).await?;
    let is_shown = |key: &MessageKey| shown.iter().any(|shown| shown.key == *key);
    let left_out: Vec<MessageKey> = keys.into_iter().filter(|key| !is_shown(key)).collect();
    if !left_out.is_empty() {
        let missing = watched.source.missing(&left_out).await?;
        watched.told.absent.extend(missing);
    }
    Ok(shown)
}

/// The end of a round: what the ledger has and the source did not list may be gone, which is asked for.
async fn end<S: Source>(
    watched: &mut Watched<S>,
    unlisted: Vec<MessageKey>,
) -> Result<Option<Vec<Shown>>, Trouble> {
    if unlisted.is_empty() {
        return Ok(None);
    }
    // The others come in the next round: a ledger takes few at a time.
    let unlisted: Vec<MessageKey> = unlisted.into_iter().take(limits::POLL_TURN_MESSAGES_MAX).collect();
    let absent = watched.source.missing(&unlisted).await?;
    let is_any = !absent.is_empty();
    watched.told.absent.extend(absent);
    Ok(is_any.then(Vec::new))
}

/// Tells the ledger what it was not told yet.
pub(super) async fn tell<S: Source, L: Ledger>(watched: &mut Watched<S>, ledger: &L) -> Result<(), Trouble> {
    if !watched.told.is_empty() {
        let told = watched.told.clone();
        ledger.see(&watched.folder, told, Vec::new()).await?;
        watched.told = crate::Told::default();
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

/// Enters these messages into the ledger; those of them that are due.
pub(super) async fn see<S: Source, L: Ledger>(
    watched: &mut Watched<S>,
    ledger: &L,
    shown: Vec<Shown>,
) -> Result<Vec<Seen>, Trouble> {
    let (shown, mut headers) = headers(watched, shown).await?;
    let listed = shown.iter().map(|shown| Listed {
        key: shown.key.clone(),
        size: shown.size,
        arrived: shown.arrived,
        header: headers.get(&shown.key).map(|header| HeaderDigest::of(header)),
    });
    let (told, listed) = (watched.told.clone(), listed.collect());
    let entries = ledger.see(&watched.folder, told, listed).await?.ok_or(Trouble::Anew)?;
    watched.told = crate::Told::default();
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

/// Those that are still there, and the headers of them. Whatever the answer leaves out is gone only where the source says
/// so.
async fn headers<S: Source>(
    watched: &mut Watched<S>,
    mut shown: Vec<Shown>,
) -> Result<(Vec<Shown>, HashMap<MessageKey, Arc<[u8]>>), Trouble> {
    if shown.is_empty() {
        return Ok((shown, HashMap::new()));
    }
    let keys: Vec<MessageKey> = shown.iter().map(|shown| shown.key.clone()).collect();
    let fetched = watched.source.headers(&keys).await?;
    let mut headers: HashMap<MessageKey, Arc<[u8]>> =
        fetched.into_iter().map(|fetched| (fetched.key, fetched.bytes)).collect();
    headers.retain(|_, header| !header.is_empty());
    let left_out: Vec<MessageKey> = keys.into_iter().filter(|key| !headers.contains_key(key)).collect();
    if !left_out.is_empty() {
        let missing = watched.source.missing(&left_out).await?;
        shown.retain(|shown| !missing.contains(&shown.key));
        watched.told.absent.extend(missing);
    }
    Ok((shown, headers))
}
