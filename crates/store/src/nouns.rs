//! Questions and facts about the nouns: one file per family. All SQL about records stands here.
//!
//! Questions are functions of [`Read`](crate::Read), so they work in a snapshot and in a unit of work alike;
//! changes are functions of [`Tx`](crate::Tx).

mod accounting;
mod answers;
mod customers;
mod domain_keys;
mod drafts;
mod emails;
mod followers;
mod grants;
mod house;
mod identities;
mod indexed;
mod intake;
mod leases;
mod ledger;
mod lists;
mod mailbox_states;
mod mailboxes;
mod noted;
mod outbox;
mod outbox_limits;
mod outbox_lists;
mod people;
mod pre_send;
mod retention;
mod suppression;
mod templates;
mod together;
mod undeliverables;
mod untold;
mod verdicts;

pub use accounting::{DayLine, OutcomeCount, ReasonCount};
pub use customers::{AddressedRecord, SINK_TYPE_CODE};
pub use emails::{EmailFacts, Tie};
pub(crate) use followers::{FOLLOWER, FormerPlace};
pub use grants::{SealedTokens, SecretColumn};
pub use house::Cursor;
pub(crate) use house::{EPOCH, RECORDS_VERSION};
pub use identities::{Claims, Naming};
pub use indexed::IndexedEmail;
pub use leases::HeldLease;
pub use ledger::{Generation, PutOffThere, WaitingThere};
pub use lists::{Behind, BehindName, EmailLine, RecordLine, UnresolvedLine};
pub use outbox::{EmailSource, LeftBehind};
pub use outbox_limits::Share;
pub use outbox_lists::OutboxLine;
pub use templates::TemplateLine;
pub use together::OptOut;
