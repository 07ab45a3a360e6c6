//! The writing side of one database: its line of units and the one connection that writes.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use super::line::Line;
use super::{Priority, Unit, batch};
use crate::StoreError;
use crate::blobs::Blobs;
use crate::engine::{Engine, Purpose, Session};
use crate::lock::locked;

/// The writing side of one database.
pub(crate) struct Writer {
    engine: Arc<dyn Engine>,
    blobs: Arc<Blobs>,
    line: Line,
    session: Mutex<Option<Box<dyn Session>>>,
    batches: AtomicU64,
}

impl Writer {
    pub(crate) fn new(engine: Arc<dyn Engine>, blobs: Arc<Blobs>) -> Self {
        Writer { engine, blobs, line: Line::default(), session: Mutex::default(), batches: AtomicU64::new(0) }
    }

    /// Lets a unit wait. Says whether a thread must be called. A unit that cannot wait is answered at once.
    pub(super) fn join(&self, unit: Box<dyn Unit>, priority: Priority) -> bool {
        self.line.join(unit, priority).unwrap_or_else(|(unit, error)| {
            unit.answer(Some(error));
            false
        })
    }

    /// Runs one batch. Says whether more waits.
    pub(super) fn work(&self) -> bool {
        let mut slot = locked(&self.session);
        // Taken out while it works: after a panic or an error a new one is opened.
        let session = slot.take().map_or_else(|| self.engine.open(Purpose::Write), Ok);
        match session {
            Ok(session) => match batch::run(session.as_ref(), &self.line, &self.blobs) {
                Ok(()) => *slot = Some(session),
                Err(error) => tracing::warn!(error = &error as &dyn std::error::Error, "a batch failed"),
            },
            Err(error) => {
                tracing::warn!(error = &error as &dyn std::error::Error, "the database cannot be opened");
                while let Some(unit) = self.line.next() {
                    unit.answer(Some(StoreError::Temporary { why: "the database cannot be opened" }));
                }
            }
        }
        self.batches.fetch_add(1, Ordering::Relaxed);
        drop(slot);
        self.line.still_waits()
    }

    /// Runs `quiet` while no batch runs.
    pub(crate) fn pause<T>(&self, quiet: impl FnOnce() -> T) -> T {
        let _slot = locked(&self.session);
        quiet()
    }

    /// Closes the connection; the next batch opens another.
    pub(crate) fn reopen(&self) {
        *locked(&self.session) = None;
    }

    /// Batches so far: one commit each, unless one had to run again.
    pub(crate) fn batches(&self) -> u64 {
        self.batches.load(Ordering::Relaxed)
    }

    /// Lets no unit in any more; those that wait still run.
    pub(crate) fn close(&self) {
        self.line.close();
    }
}
