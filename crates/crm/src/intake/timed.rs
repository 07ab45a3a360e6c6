//! How long each step of the intake takes, for `/metrics`. Decides nothing; no decision reads it.

use std::time::Instant;

/// A step under way; its time is told when it is dropped.
pub(super) struct Timed {
    step: &'static str,
    began: Instant,
}

impl Timed {
    pub(super) fn new(step: &'static str) -> Self {
        Timed { step, began: Instant::now() }
    }
}

impl Drop for Timed {
    fn drop(&mut self) {
        metrics::histogram!("postroom_intake_step_seconds", "step" => self.step).record(self.began.elapsed());
    }
}
