//! Looking: which messages are next, and what the ledger knows of them.

use std::collections::HashMap;
use std::sync::Arc;

use model::{MessageKey, Timestamp, limits};

use super::{AtHand, Round, Trouble, Watched};
use crate::ledger::{Entry, HeaderDigest, Ledger, Listed, Told};
use crate::room::Held;
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

/// Messages that go through all steps together.
#[derive(Debug, Default)]
pub(super) struct Handful {
    pub(super) shown: Vec<Shown>,
    /// Where the folder is only looked at: with these everything up to here is entered, or was before.
    listed_to: Option<MessageKey>,
    /// So often the header of one that is tried alone was asked for in vain.
    attempts: u32,
}

impl Handful {
    /// A message that is tried alone.
    pub(super) fn of_one(next: &Next) -> Self {
        let attempts = if next.has_header() { 0 } else { next.attempts() };
        Handful { shown: vec![next.shown.clone()], listed_to: None, attempts }
    }

    /// The key behind which the next handful begins.
    fn last(&self) -> Option<MessageKey> {
        self.shown.last().map(|shown| shown.key.clone())
    }

    /// What of it is in memory at a time.
    pub(super) fn bytes(&self) -> u64 {
        let all = self.shown.iter().map(|shown| shown.size).fold(0, u64::saturating_add);
        all.saturating_add(limits::POLL_HEADERS_BYTES)
    }
}

/// A handful whose headers are here, as far as the source gives them.
#[derive(Debug)]
pub(super) struct Headed {
    pub(super) shown: Vec<Shown>,
    pub(super) headers: Headers,
    pub(super) listed_to: Option<MessageKey>,
    /// Room for it.
    pub(super) held: Held,
}

type Headers = HashMap<MessageKey, Arc<[u8]>>;

/// Lists what is next, as handfuls whose bodies fit; and apart those that are to be tried alone. What was put off is passed
/// over.
pub(super) async fn list<S: Source, L: Ledger>(watched: &mut Watched<S>, ledger: &L) -> Result<(), Trouble> {
    let Some((next, listed_to)) = ahead(watched, ledger).await? else {
        watched.is_listed = true;
        return Ok(());
    };
    let is_due = |next: &Next| next.known.as_ref().is_none_or(|known| known.is_due);
    let (mut alone, together): (Vec<Next>, Vec<Next>) =
        next.into_iter().filter(is_due).partition(Next::is_doubtful);
    // The last one is the first: the least suspect.
    alone.sort_by_key(|next| std::cmp::Reverse(next.attempts()));
    watched.alone = alone;
    let mut handful = Handful::default();
    let mut bytes = 0_u64;
    for Next { shown, .. } in together {
        bytes = bytes.saturating_add(shown.size);
        if bytes > limits::POLL_TURN_BYTES && !handful.shown.is_empty() {
            bytes = shown.size;
            handful.listed_to = listed_to.as_ref().and(handful.last());
            watched.listed.push_back(std::mem::take(&mut handful));
        }
        handful.shown.push(shown);
    }
    handful.listed_to = listed_to;
    watched.listed.push_back(handful);
    Ok(())
}

/// What is next in the folder, and up to where it is listed with that; `None` once a round has come to its end.
async fn ahead<S: Source, L: Ledger>(
    watched: &mut Watched<S>,
    ledger: &L,
) -> Result<Option<(Vec<Next>, Option<MessageKey>)>, Trouble> {
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
        return Ok(Some((left_open(watched, round).await?, None)));
    }
    let mut shown = watched.source.list(round.after.as_ref()).await?;
    let Some(last) = shown.last() else {
        return Ok(end(watched, round).await?.map(|next| (next, None)));
    };
    round.after = Some(last.key.clone());
    let mut listed_to = None;
    if watched.is_looked_at() {
        watched.folder.after.clone_from(&round.after);
        listed_to.clone_from(&round.after);
        let since = watched.since;
        shown.retain(|shown| shown.arrived.is_none_or(|arrived| since.is_none_or(|since| arrived >= since)));
    }
    let next = shown.into_iter().map(|shown| Next { known: round.unlisted.remove(&shown.key), shown });
    let next = next.collect();
    watched.round = Some(round);
    Ok(Some((next, listed_to)))
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

/// Enters these messages into the ledger, with what is told; those of them that are due.
pub(super) async fn see<L: Ledger>(
    at_hand: &AtHand,
    ledger: &L,
    (shown, mut headers, told): (Vec<Shown>, Headers, Told),
) -> Result<Vec<Seen>, Trouble> {
    let digest = |shown: &Shown| headers.get(&shown.key).map(|header| HeaderDigest::of(header));
    let listed = shown.iter().map(|shown| listed(shown, digest(shown))).collect();
    let at_work = at_hand.room.at_work().await;
    let entries = ledger.see(&at_hand.folder, told, listed).await?.ok_or(Trouble::Anew)?;
    drop(at_work);
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

fn listed(shown: &Shown, header: Option<HeaderDigest>) -> Listed {
    Listed { key: shown.key.clone(), size: shown.size, arrived: shown.arrived, header }
}

/// Fetches the headers of a handful.
pub(super) async fn head<S: Source>(
    watched: &mut Watched<S>,
    (handful, held): (Handful, Held),
) -> Result<(), Trouble> {
    let Handful { shown, listed_to, attempts } = handful;
    let mut headed = Headed { shown, headers: Headers::new(), listed_to, held };
    let headers = headers(watched, (&mut headed, attempts)).await;
    watched.headed = Some(headed);
    if let Some(headed) = &mut watched.headed {
        headed.headers = headers?;
    }
    Ok(())
}

/// The header of any of these may be why none came: they are entered without, and the attempt counts.
pub(super) async fn enter_headless<S: Source, L: Ledger>(watched: &mut Watched<S>, ledger: &L) {
    let Some(Headed { shown, listed_to, .. }) = watched.headed.take() else { return };
    let listed = shown.iter().map(|shown| listed(shown, None)).collect();
    let told = Told { seen_up_to: listed_to, ..Told::default() };
    // Where they are not entered, they come again as they were.
    ledger.see(&watched.folder, told, listed).await.unwrap_or_default();
}

/// The headers of those that are still there. Whatever the answer leaves out is gone only where the source says so. A header
/// that was tried in vain too often is not asked for any more.
async fn headers<S: Source>(
    watched: &mut Watched<S>,
    (headed, attempts): (&mut Headed, u32),
) -> Result<Headers, Trouble> {
    let mut headers = Headers::new();
    let is_left = attempts >= limits::POLL_UNREADABLE_FROM
        || (attempts >= limits::POLL_LEAVE_FROM && watched.has_headed);
    if headed.shown.is_empty() || is_left {
        return Ok(headers);
    }
    let (mut bytes, mut asked) = (0, 0);
    while asked < headed.shown.len() {
        // What is listed as small may have large headers: the others wait.
        if bytes > limits::POLL_TURN_BYTES {
            let rest = Handful {
                shown: headed.shown.split_off(asked),
                listed_to: headed.listed_to.take(),
                attempts: 0,
            };
            // All that was listed before these is entered with the others, or was before.
            let last = headed.shown.last().map(|shown| shown.key.clone());
            headed.listed_to = rest.listed_to.as_ref().and(last);
            watched.listed.push_front(rest);
            break;
        }
        let some = headed.shown.iter().skip(asked).take(limits::IMAP_HEADERS_MAX);
        let keys: Vec<MessageKey> = some.map(|shown| shown.key.clone()).collect();
        asked += keys.len();
        for fetched in watched.source.headers(&keys).await? {
            if !fetched.bytes.is_empty() {
                bytes += fetched.bytes.len() as u64;
                headers.insert(fetched.key, fetched.bytes);
            }
        }
    }
    watched.has_headed |= !headers.is_empty();
    let left_out = headed.shown.iter().map(|shown| &shown.key).filter(|key| !headers.contains_key(key));
    let left_out: Vec<MessageKey> = left_out.cloned().collect();
    if !left_out.is_empty() {
        let missing = watched.source.missing(&left_out).await?;
        headed.shown.retain(|shown| !missing.contains(&shown.key));
        watched.told.absent.extend(missing);
    }
    Ok(headers)
}
