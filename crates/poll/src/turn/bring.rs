//! Bringing: headers and bodies are delivered, many at a time, so that they share a commit.

use std::collections::HashMap;
use std::sync::Arc;

use model::outcome::Outcome;
use model::{MessageKey, limits};
use tokio::task::{Id, JoinSet};

use super::ask::Asked;
use super::look::Seen;
use super::{Trouble, Watched, clear};
use crate::contract::{Advice, Delivered, Delivery, Intake, NotNow, What};
use crate::ledger::{Entry, PutOff};
use crate::source::Source;

/// A message whose outcome is committed.
#[derive(Debug)]
pub(super) struct Ended {
    pub(super) entry: Entry,
    pub(super) outcome: Outcome,
    /// Its header, where it is there: certainly that of the message which the outcome is of.
    pub(super) header: Option<Arc<[u8]>>,
}

/// Delivers whatever can be delivered; what has ended is in the list, also where something else went wrong.
pub(super) async fn bring<S: Source, I: Intake>(
    watched: &mut Watched<S>,
    intake: &I,
    (asked, ended): (Vec<Asked>, &mut Vec<Ended>),
) -> Result<(), Trouble> {
    let (mut at_once, mut whole) = (Vec::new(), Vec::new());
    for Asked { seen, advice } in asked {
        if let Some(outcome) = seen.entry.ended {
            ended.push(Ended { entry: seen.entry, outcome, header: seen.header });
            continue;
        }
        match without_body(&seen, advice) {
            Some(what) => at_once.push((seen, what)),
            None => whole.push(seen),
        }
    }
    let wanted = deliver(watched, intake, (at_once, &mut *ended)).await?;
    let mut too_large = Vec::new();
    for seen in wanted {
        match without_body(&seen, Advice::Fetch) {
            Some(what) => too_large.push((seen, what)),
            None => whole.push(seen),
        }
    }
    deliver(watched, intake, (too_large, &mut *ended)).await?;
    while !whole.is_empty() {
        let rest = whole.split_off(fitting(&whole));
        let fetched = fetch(watched, whole).await?;
        whole = rest;
        let wanted = deliver(watched, intake, (fetched, &mut *ended)).await?;
        for seen in wanted {
            put_off(watched, seen.entry.key, "the whole was delivered and the whole was asked for");
        }
    }
    Ok(())
}

/// What is delivered of a message without its body, if that is enough.
fn without_body(seen: &Seen, advice: Advice) -> Option<What> {
    match &seen.header {
        _ if seen.is_absent => Some(What::Vanished),
        // First: of what is nobody's business here nothing is kept, however large it is.
        Some(header) if advice == Advice::Ignore => Some(What::Header(Arc::clone(header))),
        _ if seen.size > limits::MESSAGE_BYTES_MAX as u64 => {
            Some(unfetchable(seen, &format!("{} bytes are more than are taken in", seen.size)))
        }
        _ => None,
    }
}

fn unfetchable(seen: &Seen, words: &str) -> What {
    What::Unfetchable { header: seen.header.clone().unwrap_or_default(), words: words.to_owned() }
}

/// How many of them, from the first, are fetched at a time.
fn fitting(seen: &[Seen]) -> usize {
    let mut bytes = 0;
    let fits = |seen: &&Seen| {
        bytes += seen.size;
        bytes <= limits::POLL_TURN_BYTES
    };
    seen.iter().take_while(fits).count().max(1)
}

/// The bodies of these. One that does not come, or is not the message of the header, is tried later; in the end it is
/// told that it cannot be fetched.
async fn fetch<S: Source>(watched: &mut Watched<S>, seen: Vec<Seen>) -> Result<Vec<(Seen, What)>, Trouble> {
    let has_fetched = watched.has_fetched;
    let fetchable = seen.iter().filter(|seen| seen.header.is_some() && !(seen.is_left() && has_fetched));
    let keys: Vec<MessageKey> = fetchable.map(|seen| seen.entry.key.clone()).collect();
    // Where the line breaks or nothing comes for too long, each of these may be the reason.
    watched.suspects.clone_from(&keys);
    let bodies = if keys.is_empty() { Vec::new() } else { watched.source.bodies(&keys).await? };
    watched.suspects.clear();
    watched.has_fetched |= !bodies.is_empty();
    let mut bodies: HashMap<MessageKey, Arc<[u8]>> =
        bodies.into_iter().map(|fetched| (fetched.key, fetched.bytes)).collect();
    let mut fetched = Vec::new();
    for seen in seen {
        let body = bodies.remove(&seen.entry.key);
        let body = match taken(watched, &seen, body) {
            Ok(what) => {
                fetched.push((seen, what));
                continue;
            }
            Err(body) => body,
        };
        let words = match (body, &seen.header) {
            (_, None) => "the server shows it and does not give its header",
            (None, _) => "the server shows it and does not give it",
            _ => "the server gives another message than the one of the header, or a part of it",
        };
        // A line that carries nothing is no fault of the message.
        if seen.is_given_up() && (watched.has_fetched || seen.is_unreadable(watched.has_headed)) {
            let what = unfetchable(&seen, words);
            fetched.push((seen, what));
        } else {
            put_off(watched, seen.entry.key, words);
        }
    }
    Ok(fetched)
}

/// What is delivered of a body that came; where it is not enough, it comes back.
fn taken<S: Source>(
    watched: &Watched<S>,
    seen: &Seen,
    body: Option<Arc<[u8]>>,
) -> Result<What, Option<Arc<[u8]>>> {
    let body = match body {
        Some(body) if seen.is_begun_by(&body) => body,
        other => return Err(other),
    };
    let is_whole = seen.is_whole(&body) || watched.short.came_before(seen.entry.copy, &body);
    match seen.is_given_up() {
        false if is_whole => Ok(What::Whole(body)),
        true if is_whole || watched.source.has_a_place_apart() => Ok(What::SetAside(body)),
        // Where what is kept here is removed there, a part of it is not taken for the whole.
        _ => Err(Some(body)),
    }
}

fn put_off<S>(watched: &mut Watched<S>, key: MessageKey, words: &str) {
    watched.told.put_off.push(PutOff { key, words: words.to_owned() });
}

/// Delivers these at once; those of which the whole is wanted come back. All are waited for: what is committed counts,
/// whatever became of the others. Where only some are refused, those are tried later and the rest goes on: they may be why.
async fn deliver<S: Source, I: Intake>(
    watched: &mut Watched<S>,
    intake: &I,
    (deliveries, ended): (Vec<(Seen, What)>, &mut Vec<Ended>),
) -> Result<Vec<Seen>, Trouble> {
    let at_work = watched.room.at_work().await;
    let (mut under_way, mut keys) = (JoinSet::new(), HashMap::new());
    for (seen, what) in deliveries {
        let (intake, pair, role) = (intake.clone(), watched.folder.pair, watched.folder.role);
        let delivery = Delivery { copy: seen.entry.copy, role, arrived: seen.arrived, size: seen.size, what };
        let key = seen.entry.key.clone();
        let task = under_way.spawn(async move { (seen, intake.deliver(pair, delivery).await) });
        keys.insert(task.id(), key);
    }
    let before = ended.len();
    let taken = async {
        let taken = taken_in(under_way, (keys, ended)).await;
        drop(at_work);
        taken
    };
    // Meanwhile the server does what it was not asked for yet.
    let ((wanted, mut refused), left) = tokio::join!(taken, clear::away(watched));
    let faulty = refused.iter().filter(|(_, not_now)| not_now.is_fault).map(|(key, _)| key.clone());
    watched.suspects.extend(faulty);
    left?;
    let others_are_well = ended.len() > before || !wanted.is_empty();
    match refused.pop() {
        Some((key, not_now)) if others_are_well => {
            refused.push((key, not_now));
            refused.into_iter().for_each(|(key, not_now)| put_off(watched, key, &not_now.words));
            Ok(wanted)
        }
        Some((_, not_now)) => Err(not_now.into()),
        None => Ok(wanted),
    }
}

/// Waits for all of them: of which the whole is wanted, and which were refused.
async fn taken_in(
    mut under_way: JoinSet<(Seen, Result<Delivered, NotNow>)>,
    (mut keys, ended): (HashMap<Id, MessageKey>, &mut Vec<Ended>),
) -> (Vec<Seen>, Vec<(MessageKey, NotNow)>) {
    let (mut wanted, mut refused) = (Vec::new(), Vec::new());
    while let Some(joined) = under_way.join_next().await {
        match joined {
            Ok((seen, Ok(Delivered::Ended(outcome)))) => {
                ended.push(Ended { entry: seen.entry, outcome, header: seen.header });
            }
            Ok((seen, Ok(Delivered::WholeWanted))) => wanted.push(seen),
            Ok((seen, Err(not_now))) => refused.push((seen.entry.key, not_now)),
            Err(failed) => {
                let not_now = NotNow { words: "the intake failed on a message".to_owned(), is_fault: true };
                refused.extend(keys.remove(&failed.id()).map(|key| (key, not_now)));
            }
        }
    }
    (wanted, refused)
}
