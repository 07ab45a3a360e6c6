//! The Router's contract: what it asks of the house, in the two questions of the original, *CheckIncoming* and
//! *DeliverIncoming*.
//!
//! What passes through: headers out, advice back; a message out, what became of it back.
//!
//! *Invariant:* ids, bytes and words only, so that a Router on another machine can speak it over a wire.

use std::future::Future;
use std::sync::Arc;

use model::outcome::Outcome;
use model::{FolderRole, Id, Timestamp};
use serde::{Deserialize, Serialize};

mod wire;

/// What the Router asks of the house. The Router decides nothing itself.
pub trait Intake: Clone + Send + Sync + 'static {
    /// For each header, in their order, whether more than the header is wanted. Advice: the delivery decides.
    ///
    /// # Errors
    /// [`NotNow`]: everything stays where it is.
    fn check(
        &self,
        pair: Pair,
        offered: Vec<Offered>,
    ) -> impl Future<Output = Result<Vec<Advice>, NotNow>> + Send;

    /// Takes a copy in. Resolves only after what became of it is kept durably, because it leaves its folder then. The
    /// same copy again is answered the same, and kept once.
    ///
    /// # Errors
    /// [`NotNow`]: it stays where it is.
    fn deliver(
        &self,
        pair: Pair,
        delivery: Delivery,
    ) -> impl Future<Output = Result<Delivered, NotNow>> + Send;
}

/// A mailbox, and the organization that its mail is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Pair {
    /// The organization.
    #[serde(with = "wire::id")]
    pub organization: Id,
    /// The mailbox, a record of the organization.
    #[serde(with = "wire::id")]
    pub mailbox: Id,
}

/// A header that is asked about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Offered {
    /// The copy it belongs to.
    #[serde(with = "wire::id")]
    pub copy: Id,
    /// What its folder is.
    #[serde(with = "wire::role")]
    pub role: FolderRole,
    /// The header, with the empty line.
    #[serde(with = "wire::bytes")]
    pub header: Arc<[u8]>,
    /// Bytes of the whole message.
    pub size: u64,
}

/// What to do with a message of which the header is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Advice {
    /// By its header nobody wants it: deliver the header.
    Ignore,
    /// Deliver the whole.
    Fetch,
}

/// A copy, handed over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delivery {
    /// The copy: the id that the ledger gave it.
    #[serde(with = "wire::id")]
    pub copy: Id,
    /// What its folder is.
    #[serde(with = "wire::role")]
    pub role: FolderRole,
    /// When it came into its folder, where the source says so.
    #[serde(with = "wire::time")]
    pub arrived: Option<Timestamp>,
    /// Bytes of the whole message.
    pub size: u64,
    /// What of it.
    pub what: What,
}

/// What of a message is handed over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum What {
    /// All of it.
    Whole(#[serde(with = "wire::bytes")] Arc<[u8]>),
    /// The header alone, because it was advised to be ignored.
    Header(#[serde(with = "wire::bytes")] Arc<[u8]>),
    /// All of it, to be kept for a person and not to be read: reading it has failed too often.
    SetAside(#[serde(with = "wire::bytes")] Arc<[u8]>),
    /// Nothing: somebody took it out of the folder before it was read.
    Vanished,
    /// Its header, if even that: the source shows it and does not give it, or it is too large. It stays at the source,
    /// apart.
    Unfetchable {
        /// The header, or nothing.
        #[serde(with = "wire::bytes")]
        header: Arc<[u8]>,
        /// Why, for people; no content of the mail.
        words: String,
    },
}

/// What became of a delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Delivered {
    /// It is committed.
    Ended(#[serde(with = "wire::outcome")] Outcome),
    /// What is known now wants more than the header: deliver the whole.
    WholeWanted,
}

/// The house cannot do it now; asked again later, it may.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
#[error("{words}")]
pub struct NotNow {
    /// Why, for the log and the list of mailboxes.
    pub words: String,
    /// Whose it is.
    pub cause: Cause,
}

/// Why the house cannot do it now, as far as other messages are concerned.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Cause {
    /// The house's: it takes no other one either.
    House,
    /// Our own processing failed on it: the attempt counts, for the same message may be why.
    Fault,
    /// Somebody whom the house asks about each message did not take this one well: it waits, and keeps none behind it waiting.
    Message,
}
