//! The sink door: an SMTP and LMTP server that mail is redirected or forwarded to.
//!
//! What passes through: commands and message bytes from a peer become one question per recipient
//! ([`Intake::welcome`]) and one [`Arrived`] per message ([`Intake::take`]); the answers become replies.
//! Read it as [`listener`] (sockets, time), `session` (the conversation), `command` and `data` (bytes).
//!
//! *Invariant:* it decides nothing about mail and keeps none: a message is acknowledged only after
//! [`Intake::take`] has resolved, and only CRLF.CRLF ends one.

pub mod auth;
pub mod body;
mod command;
mod data;
mod in_flight;
pub mod intake;
pub mod listener;
mod measure;
mod proxy;
mod rates;
mod replies;
mod session;
pub mod tls;
mod trace;

pub use in_flight::InFlight;
pub use intake::{Answer, Arrived, Credential, Intake, Peer, Protocol, Refusal, TryLater, Welcome};
#[cfg(feature = "testing")]
pub use listener::testing;
pub use listener::{Clock, Door, DoorProtocol, DoorSettings, Patience};
pub use rates::{PerMinute, Rates};
