//! The log of a database (SQLite's WAL), watched from the side and carried over into the file.
//!
//! The writer never checkpoints by itself: that would make somebody's mail wait. One thread looks at every
//! database now and then; only where a log has grown long is the writer held for a moment, so that the log can
//! begin anew. A database at rest gets an empty log.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use model::limits;

use super::{Checkpoint, Engine, LogState, Purpose, Session};
use crate::StoreError;
use crate::lock::locked;

/// The log of one database.
pub(crate) struct Log {
    engine: Arc<dyn Engine>,
    commits: AtomicU64,
    watch: Mutex<Watch>,
}

#[derive(Default)]
struct Watch {
    /// A connection of its own, while the database is in use.
    session: Option<Box<dyn Session>>,
    /// The commits at the last look.
    seen: u64,
    /// Looks since the last commit.
    quiet: u32,
}

impl Log {
    pub(crate) fn new(engine: Arc<dyn Engine>) -> Self {
        Log { engine, commits: AtomicU64::new(0), watch: Mutex::default() }
    }

    /// Counts a commit.
    pub(crate) fn committed(&self) {
        self.commits.fetch_add(1, Ordering::Relaxed);
    }

    /// Commits since the database was opened.
    pub(crate) fn commits(&self) -> u64 {
        self.commits.load(Ordering::Relaxed)
    }

    /// Looks once. `hold` runs what it is given while nobody writes.
    pub(crate) fn tend(&self, hold: impl FnOnce(&mut dyn FnMut())) -> Result<(), StoreError> {
        let mut watch = locked(&self.watch);
        let commits = self.commits();
        if watch.seen == commits {
            return watch.rest();
        }
        watch.seen = commits;
        watch.quiet = 0;
        let session = match watch.session.take() {
            Some(session) => session,
            None => self.engine.open(Purpose::Checkpoint)?,
        };
        carry_over(session.as_ref(), hold)?;
        watch.session = Some(session);
        Ok(())
    }
}

impl Watch {
    /// Empties the log of a database that has come to rest, and lets go of it.
    fn rest(&mut self) -> Result<(), StoreError> {
        self.quiet = self.quiet.saturating_add(1);
        if self.quiet < LOOKS_BEFORE_REST {
            return Ok(());
        }
        match self.session.take() {
            Some(session) => session.checkpoint(Checkpoint::Truncate).map(drop),
            None => Ok(()),
        }
    }
}

fn carry_over(session: &dyn Session, hold: impl FnOnce(&mut dyn FnMut())) -> Result<(), StoreError> {
    let mut log = session.checkpoint(Checkpoint::Look)?;
    if log.pages - log.carried >= limits::LOG_PAGES_MAX {
        log = session.checkpoint(Checkpoint::Passive)?;
    }
    if log.pages >= limits::LOG_PAGES_BEFORE_PAUSE_MAX {
        // While the writer runs, new pages always follow those that are carried over, and the log only grows.
        let mut held: Result<LogState, StoreError> = Ok(log);
        hold(&mut || held = session.checkpoint(Checkpoint::Passive));
        held?;
    }
    Ok(())
}

/// Looks without a commit after which a database is at rest.
const LOOKS_BEFORE_REST: u32 = 10;
