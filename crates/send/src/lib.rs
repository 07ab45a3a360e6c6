//! The outbox's door: mails that are due are taken to their relays.
//!
//! ```text
//! claim some ─▶ a session with the relay (kept for the next ones) ─▶ each mail: data, may it end?, the end ─▶ written down
//! ```
//!
//! What passes through: the house is reached through [`Outbox`], a relay through [`Carrier`]. [`send_due`] goes on until
//! nothing is due for one relay, with several sessions at once, some of which carry no bulk mail.
//!
//! *Invariants:* a mail that was claimed is written down, whatever happens, or its claim runs out; the end of its data goes out only
//! after the house said yes to it; it decides nothing.

mod batch;
mod carrier;
mod outbox;
mod work;

pub use carrier::Carrier;
pub use model::attempt::{Reply, Tried};
pub use outbox::{Admitted, Loaded, Outbox, Parcel};
pub use work::{Ended, send_due};
