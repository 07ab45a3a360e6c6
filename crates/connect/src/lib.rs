//! Going out to other people's mail servers.
//!
//! What passes through: an address and a secret go in, an open session comes out ([`imap::Session`], [`pop3::Pop3`]), and through it
//! lists of messages, headers, and bodies piece by piece; mail goes out by [`smtp`] and [`lmtp`]. Providers of tokens and hooks are asked by [`http`]. Read it as [`target`] (whom), [`secret`] (as whom), `wire`
//! (bytes and time), [`imap`], [`pop3`] and [`smtp`] (the protocols).
//!
//! *Invariant:* whatever a server sends, memory and time are bounded, and an answer that was not asked for is never
//! taken for one. Nothing is written to the log here: what servers say may hold addresses. It knows no CRM.

mod error;
pub mod http;
pub mod imap;
pub mod lmtp;
pub mod oauth;
pub mod pop3;
mod sasl;
pub mod secret;
pub mod smtp;
pub mod target;
mod tls;
pub mod webhook;
mod wire;

pub use error::{ConnectError, Kind};
pub use secret::{Login, Secret};
pub use target::{Target, TlsMode};
pub use wire::Patience;
