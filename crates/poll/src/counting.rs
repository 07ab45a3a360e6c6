//! The second implementation of the contract (feature `counting`): a Router without a house of its own.
//!
//! What passes through: what a source holds is counted, and handed on by LMTP to a house elsewhere.
//!
//! *Invariant:* as the contract has it: an answer only after the other house has said that the mail is kept, and the same
//! copy again is answered the same and handed on once. It is all in memory: for tests.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use connect::Patience;
use connect::lmtp::{Envelope, Lmtp, Reply};
use model::Id;
use model::outcome::Outcome;

use crate::contract::{Advice, Cause, Delivered, Delivery, Intake, NotNow, Offered, Pair, What};

mod ledger;

pub use ledger::Remembered;

/// Counts, and hands on to an LMTP server.
#[derive(Debug, Clone)]
pub struct Counting {
    /// Host and port.
    server: String,
    /// To whom everything goes.
    recipient: String,
    known: Arc<Mutex<Known>>,
}

#[derive(Debug, Default)]
struct Known {
    counts: Counts,
    ended: HashMap<Id, Outcome>,
}

/// What came by.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Headers that were asked about.
    pub asked: u64,
    /// Mails that the other house has.
    pub kept: u64,
    /// Mails that it refused for good.
    pub refused: u64,
    /// Mails that were gone or could not be fetched.
    pub never_came: u64,
    /// Bytes of the mails that it has.
    pub bytes: u64,
}

impl Counting {
    /// Hands on to this server (`localhost:24`).
    pub fn new(server: String, recipient: String) -> Self {
        Counting { server, recipient, known: Arc::default() }
    }

    /// What came by so far.
    pub fn counts(&self) -> Counts {
        self.known().counts
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn hand_on(&self, raw: &[u8]) -> Result<Outcome, NotNow> {
        let envelope = Envelope::new(sender(raw), [self.recipient.clone()]);
        let mut lmtp = Lmtp::at_host(&self.server, Patience::default()).await.map_err(not_now)?;
        let replies = lmtp.hand_over(&envelope, raw).await.map_err(not_now)?;
        lmtp.bye().await;
        let mut known = self.known();
        match replies.first() {
            Some(reply) if reply.is_positive() => {
                known.counts.kept += 1;
                known.counts.bytes += raw.len() as u64;
                Ok(Outcome::Stored)
            }
            Some(reply) if reply.is_lasting() => {
                known.counts.refused += 1;
                Ok(Outcome::Undeliverable)
            }
            reply => Err(later(reply)),
        }
    }
}

impl Intake for Counting {
    async fn check(&self, _: Pair, offered: Vec<Offered>) -> Result<Vec<Advice>, NotNow> {
        self.known().counts.asked += offered.len() as u64;
        // What the other house wants is for it to say.
        Ok(vec![Advice::Fetch; offered.len()])
    }

    async fn deliver(&self, _: Pair, delivery: Delivery) -> Result<Delivered, NotNow> {
        if let Some(outcome) = self.known().ended.get(&delivery.copy) {
            return Ok(Delivered::Ended(*outcome));
        }
        let outcome = match delivery.what {
            What::Whole(raw) | What::SetAside(raw) => self.hand_on(&raw).await?,
            What::Header(_) => return Ok(Delivered::WholeWanted),
            What::Vanished => self.never_came(Outcome::Ignored),
            What::Unfetchable { .. } => self.never_came(Outcome::Undeliverable),
        };
        self.known().ended.insert(delivery.copy, outcome);
        Ok(Delivered::Ended(outcome))
    }
}

impl Counting {
    fn never_came(&self, outcome: Outcome) -> Outcome {
        self.known().counts.never_came += 1;
        outcome
    }

    /// What became of a copy.
    fn ended(&self, copy: Id) -> Option<Outcome> {
        self.known().ended.get(&copy).copied()
    }
}

/// What the last mail server noted, or nobody: only a field in the first line is its own.
fn sender(raw: &[u8]) -> String {
    let line = raw.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let line = String::from_utf8_lossy(line);
    let noted = line.strip_prefix("Return-Path: <").and_then(|rest| rest.trim_end().strip_suffix('>'));
    noted.unwrap_or_default().to_owned()
}

fn not_now(error: connect::ConnectError) -> NotNow {
    NotNow { words: error.words, cause: Cause::House }
}

fn later(reply: Option<&Reply>) -> NotNow {
    let words = reply.map_or_else(|| "no answer".to_owned(), |reply| reply.text.clone());
    NotNow { words: format!("the other house says: {words}"), cause: Cause::House }
}
