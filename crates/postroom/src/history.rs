//! Old mail in files: mailbox files (mbox), Maildirs, folders of `.eml`.
//!
//! What passes through: paths, into [`Letter`]s a batch at a time, each with the key of its place, so that a
//! second run brings the same copies. Nothing is ever changed where it reads.
//!
//! *Invariant:* what cannot be read is named and the rest goes on; no more than a few batches are held, however
//! much there is.

pub mod letters;
pub mod mbox;
pub mod places;

pub use letters::{Batch, Fault, Letter, Reading};
pub use message::mbox::{Form, LeftOut};
