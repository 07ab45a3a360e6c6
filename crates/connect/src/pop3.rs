//! POP3, as far as a mailbox is emptied by it (RFC 1939, 2449, 2595, 5034; our own, as IMAP is).
//!
//! What passes through: [`Pop3::open`] makes a session of a target and a login; from then on the mailbox is locked, and
//! shown as it was at that moment. Read it as `reply` (bytes), `session` (commands and their replies), `sign_in`.
//!
//! *Invariant:* nothing is removed before [`Pop3::quit`] ended well: a session that breaks off removes nothing
//! (RFC 1939 §6). A reply is taken for that of the oldest command that has none.

pub mod reply;
mod session;
mod sign_in;

use std::collections::BTreeMap;
use std::time::Duration;

pub use crate::sasl::NONCE_BYTES;
pub use session::{Pop3, Sink};

/// A message in a list. Numbers are those of one session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Listed {
    /// Its number.
    pub number: u32,
    /// Bytes of the whole, as the server says.
    pub size: u64,
}

/// What a server says that it can do: names in capitals, and what stands behind them (RFC 2449 §6).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Capabilities(BTreeMap<String, String>);

/// Beyond this they are not kept: no server has so many.
const NAMES_MAX: usize = 100;

impl Capabilities {
    fn read(lines: &[Vec<u8>]) -> Self {
        let read = |line: &Vec<u8>| {
            let line = String::from_utf8_lossy(line).trim().to_ascii_uppercase();
            let (name, behind) = line.split_once(' ').unwrap_or((&line, ""));
            (!name.is_empty()).then(|| (name.to_owned(), behind.trim().to_owned()))
        };
        Capabilities(lines.iter().filter_map(read).take(NAMES_MAX).collect())
    }

    /// Whether this one is there, in capitals.
    pub fn has(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    /// Whether one can sign in this way (`SASL`).
    fn has_mechanism(&self, name: &str) -> bool {
        self.0.get("SASL").is_some_and(|names| names.split(' ').any(|one| one == name))
    }

    /// How long one has to stay away between two sessions (RFC 2449 §6.5).
    pub fn delay(&self) -> Duration {
        let seconds = self.0.get("LOGIN-DELAY").and_then(|words| words.split(' ').next()?.parse().ok());
        Duration::from_secs(seconds.unwrap_or_default())
    }

    /// Whether the server itself removes what was fetched, at the end of the session (RFC 2449 §6.7).
    pub fn removes_what_was_fetched(&self) -> bool {
        self.0.get("EXPIRE").is_some_and(|words| words.split(' ').next() == Some("0"))
    }

    /// All of them, for people.
    pub fn names(&self) -> impl Iterator<Item = String> {
        self.0.iter().map(|(name, behind)| format!("{name} {behind}").trim().to_owned())
    }
}
