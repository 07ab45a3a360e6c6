//! What the product does: every decision, and nothing else.
//!
//! Mail comes in as a [`intake::Copy`] and leaves as outcomes; records are made, found and shown.
//! Doors translate and ask here; the store keeps what is decided here.
//!
//! *Invariant:* no socket, no SQL text, no HTTP; time and random seeds are drawn at the doors.

pub mod accounting;
pub mod answers;
pub mod correlate;
pub mod error;
pub mod following;
pub mod intake;
pub mod jobs;
pub mod mailboxes;
pub mod outbox;
pub mod records;
pub mod search;
pub mod secrets;
pub mod settings;
pub mod sign_in;
pub mod signing;
pub mod templates;
pub mod tokens;
pub mod undeliverables;

pub use error::CrmError;
