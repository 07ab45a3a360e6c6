//! The nouns of the house and their own rules.
//!
//! What passes through: nothing; everything else is made of it. Each table is declared once in
//! [`schema`], with Dataverse logical names, and becomes DDL, lists and documentation from there.
//!
//! *Invariant:* no I/O, no clock, no randomness: time and random bytes come in as arguments.

pub mod address;
pub mod attempt;
pub mod decision;
pub mod filter;
pub mod folder;
pub mod id;
pub mod language;
pub mod limits;
pub mod message_id;
pub mod network;
pub mod outcome;
pub mod schema;
pub mod search;
pub mod time;
pub mod trust;

pub use address::{EmailAddress, Mailbox};
pub use folder::{FolderRole, MessageKey};
pub use id::{Id, Moment};
pub use message_id::MessageId;
pub use time::Timestamp;
