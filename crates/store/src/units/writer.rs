//! The writing side of one database: its line of units and the one connection that writes.

use std::cell::{Cell, RefCell};
use std::error::Error;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use super::batch::Batch;
use super::line::Line;
use super::{Priority, Unit};
use crate::blobs::Blobs;
#[cfg(feature = "testing")]
use crate::engine::Checkpoint;
use crate::engine::{Engine, Log, Purpose, Readers, Session};
use crate::hints::OrganizationHints;
use crate::index::TextIndex;
use crate::lock::locked;
use crate::memory::Memory;
use crate::{Read, StoreError};

/// The writing side of one database.
pub(crate) struct Writer {
    engine: Arc<dyn Engine>,
    surroundings: Surroundings,
    line: Line,
    session: Mutex<Option<Box<dyn Session>>>,
    batch_time_max: Duration,
    log: Log,
}

/// What units of work have beside the database.
pub(crate) struct Surroundings {
    /// Kept bytes.
    pub(crate) blobs: Arc<Blobs>,
    /// What is known about records.
    pub(crate) memory: Arc<Memory>,
    /// The connections that read.
    pub(crate) readers: Arc<Readers>,
    /// The words of its e-mails.
    pub(crate) index: Arc<TextIndex>,
    /// Tells other nodes what was left for them; nothing in files.
    pub(crate) hints: Option<OrganizationHints>,
}

impl Writer {
    pub(crate) fn new(
        engine: Arc<dyn Engine>,
        session: Box<dyn Session>,
        surroundings: Surroundings,
        (batch_time_max, batches_max): (Duration, usize),
    ) -> Self {
        let log = Log::new(Arc::clone(&engine));
        let batches_max = if engine.is_remote() { batches_max } else { 1 };
        let session = Some(session).filter(|session| !session.is_remote());
        Writer {
            engine,
            surroundings,
            line: Line::new(batches_max),
            session: Mutex::new(session),
            batch_time_max,
            log,
        }
    }

    /// The engine of the database.
    pub(crate) fn engine(&self) -> &Arc<dyn Engine> {
        &self.engine
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
        if self.engine.is_remote() {
            return self.work_at_server();
        }
        let mut slot = locked(&self.session);
        // Taken out while it works: after a panic or an error another is opened.
        match slot.take().map_or_else(|| self.open_anew(), Ok) {
            Ok(session) => match self.batch(session.as_ref()) {
                Ok(()) => *slot = Some(session),
                Err(error) => tracing::warn!(error = &error as &dyn Error, "a batch failed"),
            },
            Err(error) => {
                tracing::warn!(error = &error as &dyn Error, "the database cannot be opened");
                self.line.refuse("the database cannot be opened");
            }
        }
        drop(slot);
        self.line.still_waits()
    }

    /// The same, on a connection of the pool: other threads do so at the same time.
    fn work_at_server(&self) -> bool {
        match self.engine.open(Purpose::Write) {
            Ok(session) => {
                // Those who wait may have better luck with another connection.
                if let Err(error) = self.batch(session.as_ref()) {
                    tracing::warn!(error = &error as &dyn Error, "a batch failed");
                }
            }
            Err(error) => {
                tracing::warn!(error = &error as &dyn Error, "no connection to the database could be opened");
                self.line.refuse("no connection to the database could be opened");
            }
        }
        self.line.still_waits()
    }

    /// A commit whose end nobody knows may have been kept: memory learns what the database holds.
    fn open_anew(&self) -> Result<Box<dyn Session>, StoreError> {
        let session = self.engine.open(Purpose::Write)?;
        self.surroundings.memory.advance(Read::new(session.as_ref()).version_seen()?);
        Ok(session)
    }

    fn batch(&self, session: &dyn Session) -> Result<(), StoreError> {
        let surroundings = &self.surroundings;
        let batch = Batch {
            session,
            line: &self.line,
            surroundings,
            log: &self.log,
            time_max: self.batch_time_max,
            bumped: Cell::default(),
            excludes: Cell::default(),
            hints: RefCell::default(),
        };
        batch.run()
    }

    /// Looks after the log of the database, and gives back memory when that has come to rest.
    pub(super) fn tend(&self) -> Result<(), StoreError> {
        if self.engine.is_remote() {
            return Ok(());
        }
        let rests = self.log.tend(|quiet| {
            let _held = locked(&self.session);
            let began = Instant::now();
            quiet();
            metrics::histogram!("postroom_store_pause_seconds").record(began.elapsed());
        })?;
        if rests {
            self.surroundings.readers.shrink()?;
            self.surroundings.index.shrink()?;
            locked(&self.session).as_ref().map_or(Ok(()), |session| session.shrink())?;
        }
        Ok(())
    }

    /// Carries the log over now.
    #[cfg(feature = "testing")]
    pub(crate) fn carry_log_over(&self) -> Result<(), StoreError> {
        self.engine.open(Purpose::Checkpoint)?.checkpoint(Checkpoint::Passive).map(drop)
    }

    /// Closes the connection; the next batch opens another.
    #[cfg(feature = "testing")]
    pub(crate) fn reopen(&self) {
        *locked(&self.session) = None;
    }

    /// Commits since the database was opened.
    pub(crate) fn commits(&self) -> u64 {
        self.log.commits()
    }

    /// Units in them.
    pub(crate) fn units(&self) -> u64 {
        self.log.units()
    }
}
