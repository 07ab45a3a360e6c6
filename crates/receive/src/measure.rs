//! What the door counts and times, by name in one place.
//!
//! What passes through: facts of sessions, to the recorder the program has installed.
//!
//! *Invariant:* labels are fixed words, never anything from outside.

use std::time::Duration;

/// Counts a connection as open while it lives.
#[derive(Debug)]
pub(crate) struct OpenConnection;

impl OpenConnection {
    pub(crate) fn new() -> Self {
        metrics::gauge!("postroom_receive_connections").increment(1.0);
        OpenConnection
    }
}

impl Drop for OpenConnection {
    fn drop(&mut self) {
        metrics::gauge!("postroom_receive_connections").decrement(1.0);
    }
}

/// A connection got no place.
pub(crate) fn turned_away(why: &'static str) {
    metrics::counter!("postroom_receive_turned_away_total", "why" => why).increment(1);
}

/// A message has been answered for one recipient, or as a whole.
pub(crate) fn message(answer: &'static str) {
    metrics::counter!("postroom_receive_messages_total", "answer" => answer).increment(1);
}

/// A step took so long: `handshake`, `data` (354 to the final dot), `take` (final dot to answer).
pub(crate) fn step(step: &'static str, took: Duration) {
    metrics::histogram!("postroom_receive_step_seconds", "step" => step).record(took.as_secs_f64());
}
