//! A mailbox at a POP3 server as a source.
//!
//! What passes through: unique ids as keys, or digests of whole messages where a server has none. A session holds the
//! mailbox for one round: what is to leave is marked, and leaves when the session ends well. Whether it did, the list of
//! the next session says, and nothing else.
//!
//! *Invariant:* the same key is the same message. Ids may be told of several (RFC 1939 §7): those are counted, and are
//! equal to the byte at a server that keeps to the standard.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use connect::pop3::{Listed, Pop3};
use connect::{ConnectError, Kind};
use model::{MessageKey, limits};

use crate::source::{Disposal, Disposed, Fetched, Shown, Source, SourceError, SourceTrouble, Validity};

/// A mailbox to be emptied, locked.
pub struct Pop3Mailbox {
    /// `None` once it has ended.
    session: Option<Pop3>,
    messages: Vec<Message>,
    places: HashMap<MessageKey, usize>,
    /// How many messages have an id or digest.
    counts: HashMap<[u8; 16], u32>,
    /// Whether the list is that of all messages.
    is_complete: bool,
    /// How many are marked for removal.
    going: usize,
    /// Between two sessions.
    pause: Duration,
    /// Whether the server said that what was marked is removed.
    has_ended_well: bool,
    broken: BrokenOff,
}

/// Sizes of messages at which sessions broke off while their keys were read, and how often; for all sessions with a
/// mailbox. Where a server gives no ids, its numbers mean nothing to the next session.
#[derive(Debug, Clone, Default)]
pub struct BrokenOff(Arc<Mutex<HashMap<u64, u32>>>);

impl BrokenOff {
    /// Whether one of this size is not read any more to learn its key. A line may break at any message once.
    fn is_left(&self, size: u64) -> bool {
        let broken = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        broken.get(&size).is_some_and(|count| *count >= 2)
    }

    fn begin(&self, size: u64) {
        let mut broken = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if broken.len() >= SIZES_MAX {
            broken.clear();
        }
        *broken.entry(size).or_default() += 1;
    }

    fn is_read(&self, size: u64) {
        let mut broken = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // Another of the same size may still be one at which sessions break off.
        if let Some(count) = broken.get_mut(&size) {
            *count -= 1;
        }
        broken.retain(|_, count| *count > 0);
    }
}

struct Message {
    number: u32,
    size: u64,
    /// Where the server has no ids, it is known once the message is listed.
    key: Option<MessageKey>,
    is_going: bool,
    was_fetched: bool,
}

impl Pop3Mailbox {
    /// What is in the mailbox. The next session begins after `pause` at the earliest.
    ///
    /// # Errors
    /// [`SourceError`].
    pub async fn open(mut session: Pop3, pause: Duration, broken: BrokenOff) -> Result<Self, SourceError> {
        let mut listed = session.list().await?;
        listed.sort_by_key(|listed| listed.number);
        listed.dedup_by_key(|listed| listed.number);
        let ids = session.ids().await?;
        let pause = pause.max(session.can().delay()).max(PAUSE_LEAST);
        let is_complete = listed.len() < limits::POP3_MESSAGES_MAX;
        let message = |Listed { number, size }| Message {
            number,
            size,
            key: None,
            is_going: false,
            was_fetched: false,
        };
        let messages = listed.into_iter().map(message).collect();
        let (places, counts) = (HashMap::new(), HashMap::new());
        let session = Some(session);
        let (going, has_ended_well) = (0, false);
        let mut mailbox = Pop3Mailbox {
            session,
            messages,
            places,
            counts,
            is_complete,
            going,
            pause,
            has_ended_well,
            broken,
        };
        if let Some(ids) = ids {
            for place in 0..mailbox.messages.len() {
                let id = mailbox.messages.get(place).and_then(|message| ids.get(&message.number));
                let id = id.ok_or_else(|| contradiction("the server lists a message without its id"))?;
                mailbox.name(place, digest(id));
            }
        }
        Ok(mailbox)
    }

    /// The key of a message, after what it is known by, and how many before it are known by the same.
    fn name(&mut self, place: usize, digest: [u8; 16]) {
        let Some(message) = self.messages.get_mut(place) else { return };
        let count = self.counts.entry(digest).or_default();
        let key = match *count {
            0 => digest,
            count => self::digest(&[digest.as_slice(), &count.to_le_bytes()].concat()),
        };
        *count += 1;
        let key = MessageKey::of_digest(key);
        message.key = Some(key.clone());
        self.places.insert(key, place);
    }

    fn session(&mut self) -> Result<&mut Pop3, SourceError> {
        self.session.as_mut().ok_or_else(|| SourceError {
            trouble: SourceTrouble::Away,
            words: "the session has ended".to_owned(),
        })
    }

    fn message(&self, key: &MessageKey) -> Option<&Message> {
        self.messages.get(*self.places.get(key)?).filter(|message| !message.is_going)
    }

    fn numbers(&self, keys: &[MessageKey]) -> Vec<u32> {
        keys.iter().filter_map(|key| Some(self.message(key)?.number)).collect()
    }

    fn key_of(&self, number: u32) -> Option<MessageKey> {
        let place = self.messages.binary_search_by_key(&number, |message| message.number).ok()?;
        self.messages.get(place)?.key.clone()
    }

    /// Gives keys to those that have none: the server has no ids, so all of each is read. Nothing less is certain to be
    /// one message alone, and whoever is certain may remove it.
    async fn read_keys(&mut self, places: &[usize]) -> Result<(), SourceError> {
        for &place in places {
            let Some(message) = self.messages.get(place).filter(|message| message.key.is_none()) else {
                continue;
            };
            let (number, size) = (message.number, message.size);
            let mut hasher = blake3::Hasher::new();
            let mut is_given = false;
            // One that is too large is not taken in, and reading it would end the session.
            if size <= limits::MESSAGE_BYTES_MAX as u64 && !self.broken.is_left(size) {
                let mut take = |_: u32, piece: &[u8]| {
                    hasher.update(piece);
                    Ok(())
                };
                self.broken.begin(size);
                is_given = !self.session()?.messages(&[number], &mut take).await?.is_empty();
                self.broken.is_read(size);
            }
            if !is_given {
                // Only its size is known. Whether another stands in its place, its header says.
                hasher.update(format!("a message of {size} bytes that is not given").as_bytes());
            } else if let Some(message) = self.messages.get_mut(place) {
                message.was_fetched = true;
            }
            let mut digest = [0; 16];
            hasher.finalize_xof().fill(&mut digest);
            self.name(place, digest);
        }
        Ok(())
    }

    /// Whether ending the session would remove what the house does not have: such servers remove all that was fetched.
    fn would_lose(&self) -> bool {
        let removes = self.session.as_ref().is_some_and(|session| session.can().removes_what_was_fetched());
        removes && self.messages.iter().any(|message| message.was_fetched && !message.is_going)
    }

    /// Whether it would for certain: what was listed last, before this place, is under way, and may leave.
    fn would_lose_before(&self, place: usize) -> bool {
        let under_way = UNDER_WAY * limits::POLL_TURN_MESSAGES_MAX;
        let before = self.messages.iter().take(place.saturating_sub(under_way));
        let may_stay = before.into_iter().any(|message| message.was_fetched && !message.is_going);
        may_stay && self.would_lose()
    }
}

impl Source for Pop3Mailbox {
    fn validity(&self) -> Validity {
        Validity(0)
    }

    async fn list(&mut self, after: Option<&MessageKey>) -> Result<Vec<Shown>, SourceError> {
        let from = after.map_or(0, |key| self.places.get(key).map_or(self.messages.len(), |place| place + 1));
        // Where nothing will leave with this session, the rest of the mailbox is read in it.
        if self.going >= limits::POP3_SESSION_MESSAGES && !self.would_lose_before(from) {
            return Ok(Vec::new());
        }
        let behind = self.messages.iter().enumerate().skip(from).filter(|(_, message)| !message.is_going);
        let places: Vec<usize> =
            behind.map(|(place, _)| place).take(limits::POLL_TURN_MESSAGES_MAX).collect();
        self.read_keys(&places).await?;
        let messages = places.iter().filter_map(|place| self.messages.get(*place));
        let shown = messages.filter_map(|message| {
            Some(Shown { key: message.key.clone()?, size: message.size, arrived: None })
        });
        Ok(shown.collect())
    }

    async fn headers(&mut self, keys: &[MessageKey]) -> Result<Vec<Fetched>, SourceError> {
        let numbers = self.numbers(keys);
        let mut begun: HashMap<u32, Vec<u8>> = HashMap::new();
        let session = self.session()?;
        let has_top = session.can().has("TOP");
        let mut given =
            session.headers(&numbers, &mut |number, piece| keep_header(&mut begun, number, piece)).await?;
        let left: Vec<u32> = numbers.iter().copied().filter(|number| !given.contains(number)).collect();
        if !has_top && !left.is_empty() {
            // A server without TOP. What else it says of a message that it does not show, it says of the whole as well.
            let keep = &mut |number, piece: &[u8]| keep_header(&mut begun, number, piece);
            let whole = session.messages(&left, keep).await?;
            self.note_fetched(&whole);
            given.extend(whole);
        }
        let headers = given.into_iter().filter_map(|number| {
            Some(Fetched { key: self.key_of(number)?, bytes: head(begun.get(&number)?).into() })
        });
        Ok(headers.collect())
    }

    async fn bodies(&mut self, keys: &[MessageKey]) -> Result<Vec<Fetched>, SourceError> {
        let numbers = self.numbers(keys);
        let (mut bodies, mut bytes): (HashMap<u32, Vec<u8>>, u64) = (HashMap::new(), 0);
        let mut take = |number: u32, piece: &[u8]| {
            let body = bodies.entry(number).or_default();
            bytes += piece.len() as u64;
            let is_too_large = body.len() + piece.len() > limits::MESSAGE_BYTES_MAX
                || bytes > limits::POLL_TURN_BYTES + limits::MESSAGE_BYTES_MAX as u64;
            if is_too_large {
                let words = "the server gives more of a message than it listed".to_owned();
                return Err(ConnectError { kind: Kind::Limit, words });
            }
            body.extend_from_slice(piece);
            Ok(())
        };
        let given = self.session()?.messages(&numbers, &mut take).await?;
        self.note_fetched(&given);
        let fetched = given.into_iter().filter_map(|number| {
            Some(Fetched { key: self.key_of(number)?, bytes: bodies.remove(&number)?.into() })
        });
        Ok(fetched.collect())
    }

    /// The list of a session is that of the mailbox: while it lasts nobody else changes anything.
    async fn missing(&mut self, keys: &[MessageKey]) -> Result<Vec<MessageKey>, SourceError> {
        let is_known = self.is_complete && self.messages.iter().all(|message| message.key.is_some());
        Ok(keys.iter().filter(|key| is_known && !self.places.contains_key(key)).cloned().collect())
    }

    async fn dispose(&mut self, keys: &[MessageKey], how: Disposal) -> Result<Disposed, SourceError> {
        if how == Disposal::SetAside {
            let refusal = Some("POP3 has no other folder: it stays where it is".to_owned());
            return Ok(Disposed { refusal, ..Disposed::default() });
        }
        let mut numbers = self.numbers(keys);
        numbers.sort_unstable();
        let taken = self.session()?.delete(&numbers).await?;
        let going: Vec<MessageKey> = taken.iter().filter_map(|number| self.key_of(*number)).collect();
        for key in &going {
            let message = self.places.get(key).and_then(|place| self.messages.get_mut(*place));
            if let Some(message) = message {
                message.is_going = true;
                self.going += 1;
            }
        }
        let refusal = Some("the server does not remove it".to_owned());
        Ok(Disposed { going, refusal, ..Disposed::default() })
    }

    /// Ends the session.
    async fn wait(&mut self, _: Duration) -> Result<(), SourceError> {
        let would_lose = self.would_lose();
        let Some(session) = self.session.take() else { return Ok(()) };
        if would_lose {
            let words = "the server removes whatever was read (EXPIRE 0), and a message that was read is not taken in \
                         yet: nothing is removed before it is";
            return Err(SourceError { trouble: SourceTrouble::Away, words: words.to_owned() });
        }
        session.quit().await?;
        self.has_ended_well = true;
        Ok(())
    }

    fn ends_with_wait(&self) -> bool {
        true
    }

    /// Behind a session that was full and ended well, the next one goes on at once.
    fn stay_away(&self) -> Duration {
        let has_more = self.has_ended_well && self.going >= limits::POP3_SESSION_MESSAGES;
        if has_more { Duration::ZERO } else { self.pause }
    }

    fn has_a_place_apart(&self) -> bool {
        false
    }
}

impl Pop3Mailbox {
    fn note_fetched(&mut self, numbers: &[u32]) {
        for number in numbers {
            let place = self.messages.binary_search_by_key(number, |message| message.number);
            if let Some(message) = place.ok().and_then(|place| self.messages.get_mut(place)) {
                message.was_fetched = true;
            }
        }
    }
}

/// Handfuls that may be under way between their list and their end.
const UNDER_WAY: usize = 4;

/// More sizes are not remembered.
const SIZES_MAX: usize = 1_000;

/// However short a pause is wished for: a server that is asked without one takes it for an attack.
const PAUSE_LEAST: Duration = Duration::from_secs(1);

fn digest(bytes: &[u8]) -> [u8; 16] {
    let mut digest = [0; 16];
    blake3::Hasher::new().update(bytes).finalize_xof().fill(&mut digest);
    digest
}

/// Of one that is too large its beginning is kept.
fn keep_header(begun: &mut HashMap<u32, Vec<u8>>, number: u32, piece: &[u8]) -> Result<(), ConnectError> {
    let header = begun.entry(number).or_default();
    let room = limits::HEADER_BYTES_MAX.saturating_sub(header.len());
    header.extend_from_slice(piece.get(..room.min(piece.len())).unwrap_or_default());
    Ok(())
}

/// Up to the first empty line, and with it.
fn head(message: &[u8]) -> &[u8] {
    let mut at = 0;
    for line in message.split_inclusive(|byte| *byte == b'\n') {
        at += line.len();
        if matches!(line, b"\r\n" | b"\n") {
            break;
        }
    }
    message.get(..at).unwrap_or_default()
}

fn contradiction(words: &str) -> SourceError {
    SourceError { trouble: SourceTrouble::Contradiction, words: words.to_owned() }
}
