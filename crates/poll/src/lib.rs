//! The Router: folders of other people's mail systems, watched, and what lies in them handed to the house.
//!
//! What passes through: the messages of one folder ([`Source`]) become rows of a ledger ([`Ledger`]), questions and
//! deliveries ([`Intake`]), and, once an answer is committed, leave the folder. Read it as [`mod@turn`].
//!
//! *Invariant:* it decides nothing about mail and knows no database. Nothing leaves a folder before its outcome is
//! committed, and nothing is taken for gone that the source did not call gone.

pub mod contract;
#[cfg(feature = "counting")]
pub mod counting;
pub mod ledger;
mod lines;
pub mod pause;
pub mod room;
pub mod source;
pub mod sources;
pub mod sync;
pub mod turn;
pub mod watch;

pub use contract::{Advice, Cause, Delivered, Delivery, Intake, NotNow, Offered, Pair, What};
pub use ledger::{Entry, Folder, HeaderDigest, Ledger, Listed, PutOff, Settled, Told};
pub use room::Room;
pub use source::{
    Disposal, Disposed, Fetched, Folders, Place, Progress, Shown, Source, SourceError, SourceTrouble,
    Validity,
};
pub use sync::{Entrance, sync};
pub use turn::{House, Short, Trouble, Turned, Watched, turn};
pub use watch::{Live, Opener, Watching, watch};
