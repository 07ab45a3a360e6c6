//! The corpus on its way through one house: each frame by a connection of its own, message after message.
//!
//! What passes through: pieces in, what became of each out, as the store holds it.
//!
//! *Invariant:* within a frame the order is always the same, so that what is a duplicate of what is too.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, anyhow};
use model::outcome::{Outcome, Reason};
use model::schema::intake::OriginalOutcome;
use model::{Id, Timestamp};
use store::{Organization, Read, StoreError};

use super::frame::{FRAMES, Frame, WORLD};
use super::pieces::Piece;
use crate::House;
use crate::client::{Client, Envelope, Protocol};
use crate::world::{Made, World};

/// What became of a message.
#[derive(Debug, Clone)]
pub struct Sent {
    /// The code that decided for the sender.
    pub answer: u16,
    /// In the words of the list: `stored accept-all attached`, one for each original.
    pub became: String,
    /// How long the door took.
    pub took: Duration,
}

/// What became of the corpus.
pub struct Run {
    /// For each piece, in the order of `FRAMES`.
    pub sent: Vec<[Sent; 3]>,
    /// The house it went through.
    pub house: House,
}

/// Sends every piece in every frame.
///
/// # Errors
/// When the house does not start, or a connection breaks.
pub fn send_all(pieces: &[Piece]) -> Result<Run> {
    let house = House::start()?;
    let world = World::parse(WORLD)?;
    let made = world.make(|request| house.command(request), |_| None)?;
    let columns = std::thread::scope(|scope| {
        let (house, made) = (&house, &made);
        let threads = FRAMES.map(|frame| scope.spawn(move || Sender::new(house, made, frame)?.send(pieces)));
        threads.map(|thread| thread.join().unwrap_or_else(|_| Err(anyhow!("a sender stopped"))))
    });
    let [forward, direct, report] = columns;
    let rows = forward?.into_iter().zip(direct?).zip(report?);
    let sent = rows.map(|((forward, direct), report)| [forward, direct, report]).collect();
    Ok(Run { sent, house })
}

struct Sender {
    frame: Frame,
    envelope: Envelope,
    client: Client,
    organization: Arc<Organization>,
    known: BTreeSet<Id>,
}

impl Sender {
    fn new(house: &House, made: &Made, frame: Frame) -> Result<Self> {
        let mut envelope = frame.envelope();
        for recipient in &mut envelope.rcpt_to {
            *recipient = made.recipient(recipient)?;
        }
        let client = Client::connect(house.smtp()?, Protocol::Smtp)?;
        let organization = house.organization(frame.name())?;
        Ok(Sender { frame, envelope, client, organization, known: BTreeSet::new() })
    }

    fn send(mut self, pieces: &[Piece]) -> Result<Vec<Sent>> {
        let mut all = Vec::with_capacity(pieces.len());
        for (number, piece) in pieces.iter().enumerate() {
            let words = || format!("{} ({})", piece.name, self.frame.name());
            let raw = self.frame.around(number, &piece.raw);
            let begun = Instant::now();
            let replies = self.client.send(&self.envelope, &raw).with_context(words)?;
            let took = begun.elapsed();
            let answer = replies.codes().into_iter().max().unwrap_or_default();
            let became = match answer {
                250 => self.look().with_context(|| format!("{} ({})", piece.name, self.frame.name()))?,
                refused => format!("refused {refused}"),
            };
            all.push(Sent { answer, became, took });
        }
        self.client.quit()?;
        Ok(all)
    }

    /// What became of the one copy that came since the last look.
    fn look(&mut self) -> Result<String> {
        let known = &mut self.known;
        let found = self.organization.read(|read| {
            let day = now().day();
            let mut latest = read.latest_outcomes(day, LATEST)?;
            latest.extend(read.latest_outcomes(day - 1, LATEST)?);
            let fresh = latest.into_iter().map(|outcome| outcome.copyid).find(|copy| !known.contains(copy));
            let Some(copy) = fresh else { return Ok(None) };
            known.insert(copy);
            became(read, copy).map(Some)
        })?;
        found.context("it was answered 250, and the books do not have it")
    }
}

/// One mail makes fewer originals than this.
const LATEST: usize = 128;

fn became(read: &Read<'_>, copy: Id) -> Result<String, StoreError> {
    let mut outcomes = read.outcomes(copy)?;
    outcomes.sort_by_key(|outcome| outcome.originalnumber);
    let words: Vec<String> =
        outcomes.iter().map(|outcome| original(read, outcome)).collect::<Result<_, _>>()?;
    Ok(words.join(" + "))
}

fn original(read: &Read<'_>, row: &OriginalOutcome) -> Result<String, StoreError> {
    let outcome = Outcome::from_code(i64::from(row.outcome)).map_or("", Outcome::name);
    let reason = Reason::from_code(i64::from(row.reason)).map_or("", Reason::name);
    let email = match row.activityid {
        Some(id) if row.outcome == Outcome::Stored as i32 => read.email(id)?,
        _ => None,
    };
    Ok(match email {
        Some(email) => format!("{outcome} {reason} {}", email.unwrapmethod),
        None => format!("{outcome} {reason}"),
    })
}

fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}
