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
    units: AtomicU64,
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
        Log { engine, commits: AtomicU64::new(0), units: AtomicU64::new(0), watch: Mutex::default() }
    }

    /// Counts a commit of so many units.
    pub(crate) fn committed(&self, units: usize) {
        self.commits.fetch_add(1, Ordering::Relaxed);
        self.units.fetch_add(units as u64, Ordering::Relaxed);
    }

    /// Units in those commits.
    pub(crate) fn units(&self) -> u64 {
        self.units.load(Ordering::Relaxed)
    }

    /// Commits since the database was opened.
    pub(crate) fn commits(&self) -> u64 {
        self.commits.load(Ordering::Relaxed)
    }

    /// Looks once. `hold` runs what it is given while nobody writes. Says whether the database has come to rest.
    pub(crate) fn tend(&self, hold: impl FnOnce(&mut dyn FnMut())) -> Result<bool, StoreError> {
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
        carry_over(self.engine.as_ref(), session.as_ref(), hold)?;
        watch.session = Some(session);
        Ok(false)
    }
}

impl Watch {
    /// Empties the log of a database that has come to rest, and lets go of it.
    fn rest(&mut self) -> Result<bool, StoreError> {
        self.quiet = self.quiet.saturating_add(1);
        if self.quiet < LOOKS_BEFORE_REST {
            return Ok(false);
        }
        let Some(session) = self.session.take() else { return Ok(false) };
        session.checkpoint(Checkpoint::Truncate)?;
        Ok(true)
    }
}

fn carry_over(
    engine: &dyn Engine,
    session: &dyn Session,
    hold: impl FnOnce(&mut dyn FnMut()),
) -> Result<(), StoreError> {
    let mut log = session.checkpoint(Checkpoint::Look)?;
    if log.pages - log.carried >= limits::LOG_PAGES_MAX {
        log = session.checkpoint(Checkpoint::Passive)?;
    }
    if log.pages >= limits::LOG_PAGES_BEFORE_PAUSE_MAX {
        // Somebody's mail waits while the writer is held: little should be left to carry by then, and to sync. A
        // checkpoint syncs the file only where it reaches the end of the log, all that was carried over since.
        for _ in 0..PASSES_BEFORE_PAUSE {
            engine.write_out()?;
            log = session.checkpoint(Checkpoint::Passive)?;
            if log.pages - log.carried < limits::LOG_PAGES_MAX / 4 {
                break;
            }
        }
        // While the writer runs, new pages always follow those that are carried over, and the log only grows.
        let mut held: Result<LogState, StoreError> = Ok(log);
        hold(&mut || held = session.checkpoint(Checkpoint::Passive));
        held?;
    }
    Ok(())
}

/// Times that the log is carried over beside the writer before the writer is held.
const PASSES_BEFORE_PAUSE: u32 = 3;

/// Looks without a commit after which a database is at rest.
const LOOKS_BEFORE_REST: u32 = 10;

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::engine::Step;
    use crate::engine::sqlite::SqliteFile;
    use crate::faults::Faults;

    #[test]
    fn a_long_log_is_carried_over_and_begins_anew_while_the_writer_is_held() {
        let folder = tempfile::tempdir().unwrap();
        let (log, writer) = open(folder.path());
        write(&log, writer.as_ref(), limits::LOG_PAGES_MAX / 2);
        tend(&log, 0);
        assert_eq!(state(writer.as_ref()).carried, 0, "a short log is left alone");

        write(&log, writer.as_ref(), limits::LOG_PAGES_MAX);
        tend(&log, 0);
        let LogState { pages, carried } = state(writer.as_ref());
        assert!(pages >= limits::LOG_PAGES_MAX && pages == carried, "{carried} of {pages}");

        write(&log, writer.as_ref(), 2);
        let begun_anew = state(writer.as_ref()).pages;
        assert!(begun_anew < limits::LOG_PAGES_MAX, "{begun_anew}");
        write(&log, writer.as_ref(), limits::LOG_PAGES_BEFORE_PAUSE_MAX);
        tend(&log, 1);
    }

    #[test]
    fn a_database_at_rest_has_an_empty_log() {
        let folder = tempfile::tempdir().unwrap();
        let (log, writer) = open(folder.path());
        write(&log, writer.as_ref(), 10);
        let size = || std::fs::metadata(folder.path().join("some.db-wal")).unwrap().len();
        for _ in 0..LOOKS_BEFORE_REST {
            tend(&log, 0);
            assert!(size() > 0);
        }
        tend(&log, 0);
        assert_eq!(size(), 0);
    }

    fn open(folder: &Path) -> (Log, Box<dyn Session>) {
        let engine: Arc<dyn Engine> =
            Arc::new(SqliteFile::new(&folder.join("some.db"), &Faults::none(), None));
        let writer = engine.open(Purpose::Write).unwrap();
        writer.script("create table page (bytes blob) strict").unwrap();
        (Log::new(engine), writer)
    }

    /// Writes so many pages, and a few.
    fn write(log: &Log, writer: &dyn Session, pages: i64) {
        let bytes = vec![7; usize::try_from(pages * 4_096).unwrap()];
        writer.step(Step::BeginWrite).unwrap();
        writer.execute("insert into page (bytes) values (?1)", &[(&bytes).into()]).unwrap();
        writer.step(Step::Commit).unwrap();
        log.committed(1);
    }

    /// Looks once; the writer must be held so many times.
    fn tend(log: &Log, held: u32) {
        let mut holds = 0;
        log.tend(|quiet| {
            holds += 1;
            quiet();
        })
        .unwrap();
        assert_eq!(holds, held);
    }

    fn state(session: &dyn Session) -> LogState {
        session.checkpoint(Checkpoint::Look).unwrap()
    }
}
