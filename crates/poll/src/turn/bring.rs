//! Bringing: bodies are fetched; then headers and bodies are delivered.

use std::collections::HashMap;
use std::sync::Arc;

use model::outcome::Outcome;
use model::{MessageKey, limits};
use tokio::task::JoinSet;

use super::ask::{Asked, Entered};
use super::look::Seen;
use super::{AtHand, House, Trouble, Watched, clear};
use crate::contract::{Advice, Cause, Delivered, Delivery, Intake, NotNow, What};
use crate::ledger::{Entry, Ledger, Settled};
use crate::room::Held;
use crate::source::Source;

/// A message whose outcome is committed.
#[derive(Debug)]
pub(super) struct Ended {
    pub(super) entry: Entry,
    pub(super) outcome: Outcome,
    /// Its header, where it is there: certainly that of the message which the outcome is of.
    pub(super) header: Option<Arc<[u8]>>,
}

/// Messages with what is delivered of each.
#[derive(Debug)]
pub(super) struct Ready {
    deliveries: Vec<(Seen, What)>,
    /// Their outcomes were committed before.
    ended: Vec<Ended>,
    /// An attempt at these is counted.
    pub(super) tried: Vec<MessageKey>,
    held: Vec<Held>,
}

/// What became of messages that were ready.
#[derive(Debug)]
pub(super) struct Brought {
    pub(super) ended: Vec<Ended>,
    /// Those of them that may leave the folder.
    pub(super) settled: Result<Vec<Settled>, NotNow>,
    /// The whole of them is wanted.
    pub(super) wanted: Entered,
    pub(super) refused: Vec<(MessageKey, NotNow)>,
    /// The whole was delivered, and wanted.
    pub(super) in_vain: Vec<MessageKey>,
    /// Whether the house did anything with one of them.
    pub(super) is_any_taken: bool,
    pub(super) tried: Vec<MessageKey>,
}

/// Fetches the bodies that are to be delivered.
pub(super) async fn fetch<S: Source>(watched: &mut Watched<S>, entered: Entered) -> Result<Ready, Trouble> {
    let Entered { asked, tried, held } = entered;
    let mut ready = Ready { deliveries: Vec::new(), ended: Vec::new(), tried, held };
    let mut whole = Vec::new();
    for Asked { seen, advice } in asked {
        if let Some(outcome) = seen.entry.ended {
            ready.ended.push(Ended { entry: seen.entry, outcome, header: seen.header });
            continue;
        }
        match without_body(&seen, advice) {
            Some(what) => ready.deliveries.push((seen, what)),
            None => whole.push(seen),
        }
    }
    while !whole.is_empty() {
        let rest = whole.split_off(fitting(&whole));
        match bodies(watched, whole).await {
            Ok(fetched) => ready.deliveries.extend(fetched),
            Err((trouble, suspects)) => {
                // Where the line breaks or nothing comes for too long, each of these may be the reason.
                clear::note_survivors(watched, (ready.tried, &suspects));
                return Err(trouble);
            }
        }
        whole = rest;
    }
    Ok(ready)
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
/// told that it cannot be fetched. With trouble come those that were asked for.
async fn bodies<S: Source>(
    watched: &mut Watched<S>,
    seen: Vec<Seen>,
) -> Result<Vec<(Seen, What)>, (Trouble, Vec<MessageKey>)> {
    let has_fetched = watched.has_fetched;
    let fetchable = seen.iter().filter(|seen| seen.header.is_some() && !(seen.is_left() && has_fetched));
    let keys: Vec<MessageKey> = fetchable.map(|seen| seen.entry.key.clone()).collect();
    let bodies = match keys.is_empty() {
        true => Vec::new(),
        false => watched.source.bodies(&keys).await.map_err(|error| (error.into(), keys))?,
    };
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
            clear::put_off(watched, seen.entry.key, words);
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

/// Delivers whatever is ready, and settles what has ended. All deliveries are waited for: what is committed counts, whatever
/// became of the others.
pub(super) async fn bring<I: Intake, L: Ledger>(
    at_hand: AtHand,
    house: House<I, L>,
    ready: Option<Ready>,
) -> Option<Brought> {
    let Ready { deliveries, ended, tried, held } = ready?;
    let mut brought = Brought {
        ended,
        settled: Ok(Vec::new()),
        wanted: Entered::default(),
        refused: Vec::new(),
        in_vain: Vec::new(),
        is_any_taken: false,
        tried,
    };
    let at_work = at_hand.room.at_work().await;
    deliver(&at_hand, &house.intake, (deliveries, &mut brought)).await;
    drop(at_work);
    if !brought.wanted.is_empty() {
        brought.wanted.held = held;
    }
    brought.settled = clear::settle(&at_hand, &house.ledger, &brought.ended).await;
    Some(brought)
}

/// Delivers these, many at a time so that they share a commit.
async fn deliver<I: Intake>(
    at_hand: &AtHand,
    intake: &I,
    (deliveries, brought): (Vec<(Seen, What)>, &mut Brought),
) {
    let (mut under_way, mut keys) = (JoinSet::new(), HashMap::new());
    let mut waiting = deliveries.into_iter();
    loop {
        while under_way.len() < limits::POLL_DELIVERIES_MAX
            && let Some((seen, what)) = waiting.next()
        {
            let (intake, pair, role) = (intake.clone(), at_hand.folder.pair, at_hand.folder.role);
            let is_whole = !matches!(what, What::Header(_));
            let (copy, arrived, size) = (seen.entry.copy, seen.arrived, seen.size);
            let delivery = Delivery { copy, role, arrived, size, what };
            let key = seen.entry.key.clone();
            let delivered = async move { (seen, is_whole, intake.deliver(pair, delivery).await) };
            keys.insert(under_way.spawn(delivered).id(), key);
        }
        let Some(joined) = under_way.join_next_with_id().await else { return };
        match joined {
            Ok((id, (seen, is_whole, answer))) => {
                keys.remove(&id);
                brought.add((seen, is_whole), answer);
            }
            Err(failed) => {
                let words = "the intake failed on a message".to_owned();
                let not_now = NotNow { words, cause: Cause::Fault };
                brought.refused.extend(keys.remove(&failed.id()).map(|key| (key, not_now)));
            }
        }
    }
}

impl Brought {
    fn add(&mut self, (seen, is_whole): (Seen, bool), answer: Result<Delivered, NotNow>) {
        self.is_any_taken |= answer.is_ok();
        match answer {
            Ok(Delivered::Ended(outcome)) => {
                self.ended.push(Ended { entry: seen.entry, outcome, header: seen.header });
            }
            Ok(Delivered::WholeWanted) if is_whole => self.in_vain.push(seen.entry.key),
            Ok(Delivered::WholeWanted) => self.wanted.asked.push(Asked { seen, advice: Advice::Fetch }),
            Err(not_now) => self.refused.push((seen.entry.key, not_now)),
        }
    }
}
