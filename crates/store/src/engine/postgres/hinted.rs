//! The connection that hints go over: beside those of the pool, so that none of them waits for it, nor it for them.
//!
//! `LISTEN` and `NOTIFY` stand here and nowhere else (<https://www.postgresql.org/docs/15/sql-notify.html>).

use std::cell::Cell;

use super::PostgresServer;
use super::wire::{Hear, Params, Request, Wire};
use crate::StoreError;

impl PostgresServer {
    /// Connects; `hear` is told what others tell on this channel, once it is listened to.
    pub(crate) fn hint_line(&self, channel: String, hear: Hear) -> Result<HintLine, StoreError> {
        let wire = self.pool.connect_beside(OPTIONS, hear)?;
        Ok(HintLine { wire, channel, is_listening: Cell::new(false) })
    }
}

/// A commit that notifies is never waited for, neither a disk nor a replica: others that notify wait until it has ended.
const OPTIONS: &str = "-c synchronous_commit=off -c lock_timeout=5s \
                       -c tcp_keepalives_idle=5 -c tcp_keepalives_interval=2 -c tcp_keepalives_count=3";

/// A connection for hints.
pub(crate) struct HintLine {
    wire: Wire,
    /// A name that needs no quotation marks.
    channel: String,
    is_listening: Cell<bool>,
}

impl HintLine {
    /// Whether it can be used again.
    pub(crate) fn is_sound(&self) -> bool {
        self.wire.is_sound()
    }

    /// Whether what is told is heard.
    pub(crate) fn is_listening(&self) -> bool {
        self.is_listening.get()
    }

    /// Hears from now on what is told.
    pub(crate) fn listen(&self) -> Result<(), StoreError> {
        self.script(format!("listen {}", self.channel))?;
        self.is_listening.set(true);
        Ok(())
    }

    /// Tells all of these in one transaction. They are made of names that need no quotation marks, and of words of ours.
    pub(crate) fn tell(&self, payloads: &[String]) -> Result<(), StoreError> {
        let told: Vec<String> =
            payloads.iter().map(|payload| format!("notify {}, '{payload}'", self.channel)).collect();
        self.script(told.join("; "))
    }

    fn script(&self, text: String) -> Result<(), StoreError> {
        self.wire.send(vec![Request { text: text.into(), params: Params::Script }]).map(drop)
    }
}
