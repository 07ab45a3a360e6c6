//! Looking: which messages are next, and what the ledger knows of them.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use model::{Timestamp, limits};

use super::{Trouble, Watched};
use crate::ledger::{Entry, HeaderDigest, Ledger, Listed};
use crate::source::{Header, Key, Source};

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

    /// Whether it is not to be read any more.
    pub(super) fn is_given_up(&self) -> bool {
        self.entry.attempts >= limits::POLL_SET_ASIDE_FROM
    }

    /// Whether it is not even to be fetched any more.
    pub(super) fn is_left(&self) -> bool {
        self.entry.attempts >= limits::POLL_LEAVE_FROM
    }
}

/// The keys of this turn; `None` once a round has come to its end.
pub(super) async fn ahead<S: Source, L: Ledger>(
    watched: &mut Watched<S>,
    ledger: &L,
) -> Result<Option<Vec<Key>>, Trouble> {
    if !watched.is_within_round {
        // What the last round told is noted first: else it were missed below.
        tell(watched, ledger).await?;
        let keys = watched.source.keys().await?;
        find_absent(watched, ledger, &keys).await?;
        watched.ahead = keys.into();
        watched.is_within_round = true;
    }
    let count = watched.ahead.len().min(limits::POLL_TURN_MESSAGES_MAX);
    let keys: Vec<Key> = watched.ahead.drain(..count).collect();
    watched.is_within_round = !keys.is_empty();
    let is_over = keys.is_empty() && watched.told.absent.is_empty();
    Ok((!is_over).then_some(keys))
}

/// What the ledger has and the source does not list: whether it is gone is asked for.
async fn find_absent<S: Source, L: Ledger>(
    watched: &mut Watched<S>,
    ledger: &L,
    keys: &[Key],
) -> Result<(), Trouble> {
    let listed: HashSet<&Key> = keys.iter().collect();
    let mut unlisted = ledger.present(&watched.folder).await?;
    unlisted.retain(|key| !listed.contains(key));
    if !unlisted.is_empty() {
        let absent = watched.source.missing(&unlisted).await?;
        watched.told.absent.extend(absent);
    }
    Ok(())
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

/// What was tried and is neither suspect nor put off: the process lived on, so its attempts begin at 0 again.
pub(super) fn note_survivors<S>(watched: &mut Watched<S>, mut tried: Vec<Key>) {
    let suspects = std::mem::take(&mut watched.suspects);
    let told = &mut watched.told;
    tried.retain(|key| !suspects.contains(key) && !told.put_off.iter().any(|put_off| put_off.key == *key));
    told.survived.extend(tried);
}

/// Enters these messages into the ledger; those of them that are due.
pub(super) async fn see<S: Source, L: Ledger>(
    watched: &mut Watched<S>,
    ledger: &L,
    keys: &[Key],
) -> Result<Vec<Seen>, Trouble> {
    let mut headers = headers(watched, keys).await?;
    let listed = headers.iter().map(|header| Listed {
        key: header.key.clone(),
        size: header.size,
        arrived: header.arrived,
        header: header.header.as_deref().map(HeaderDigest::of),
    });
    let (told, listed) = (watched.told.clone(), listed.collect());
    let entries = ledger.see(&watched.folder, told, listed).await?;
    watched.told = crate::Told::default();
    let mut by_key: HashMap<Key, Header> =
        headers.drain(..).map(|header| (header.key.clone(), header)).collect();
    let seen = entries.into_iter().filter(|entry| entry.is_due).map(|entry| {
        let header = by_key.remove(&entry.key);
        let is_absent = header.is_none();
        let (size, arrived) = header.as_ref().map_or((0, None), |header| (header.size, header.arrived));
        Seen { entry, header: header.and_then(|header| header.header), size, arrived, is_absent }
    });
    Ok(seen.collect())
}

/// The headers of those that are there. Whatever the answer leaves out is gone only where the source says so.
async fn headers<S: Source>(watched: &mut Watched<S>, keys: &[Key]) -> Result<Vec<Header>, Trouble> {
    if keys.is_empty() {
        return Ok(Vec::new());
    }
    let mut headers = watched.source.headers(keys).await?;
    let given: HashSet<Key> = headers.iter().map(|header| header.key.clone()).collect();
    let left_out: Vec<Key> = keys.iter().filter(|key| !given.contains(key)).cloned().collect();
    if !left_out.is_empty() {
        let missing: HashSet<Key> = watched.source.missing(&left_out).await?.into_iter().collect();
        let there = left_out.into_iter().filter(|key| !missing.contains(key));
        headers.extend(there.map(|key| Header { key, header: None, size: 0, arrived: None }));
        watched.told.absent.extend(missing);
    }
    Ok(headers)
}
