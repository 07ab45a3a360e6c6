//! SQLite's view of one moment: a copy of the database, made in one go, that is removed when it was looked at.
//!
//! A reader that goes through all rows of a large organization takes minutes, and meanwhile the log could not begin
//! anew. To copy the pages takes a tenth of that, and the log grows no longer than for as long.

use std::fs::OpenOptions;
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use rusqlite::Connection;
use rusqlite::backup::{Backup, StepResult};

use super::sqlite::{SqliteFile, from_sqlite};
use super::{Engine, Frozen, Pages, Purpose, Step};
use crate::StoreError;
use crate::faults::Faults;

/// Copies what this connection sees.
pub(super) fn freeze(source: &Connection, copy: &Path, pages: &mut Pages<'_>) -> Result<Frozen, StoreError> {
    // What a program that was killed left behind.
    remove(copy)?;
    // Everything the organization has is in it.
    OpenOptions::new().write(true).create_new(true).mode(PRIVATE).open(copy)?;
    let removed = Removed(copy.to_owned());
    copy_pages(source, copy, pages)?;
    let session = SqliteFile::new(copy, &Faults::none(), None).open(Purpose::Read)?;
    session.step(Step::BeginRead)?;
    Ok(Frozen::new(session, Some(removed)))
}

fn copy_pages(source: &Connection, copy: &Path, pages: &mut Pages<'_>) -> Result<(), StoreError> {
    // A snapshot around all steps: else the copy begins anew whenever somebody wrote between two of them
    // (<https://sqlite.org/c3ref/backup_finish.html>).
    source.execute_batch("begin; select count(*) from sqlite_master").map_err(from_sqlite)?;
    let mut target = Connection::open(copy).map_err(from_sqlite)?;
    // It is thrown away after a cut.
    target.execute_batch("pragma journal_mode = off; pragma synchronous = off").map_err(from_sqlite)?;
    let backup = Backup::new(source, &mut target).map_err(from_sqlite)?;
    loop {
        match backup.step(PAGES_PER_STEP).map_err(from_sqlite)? {
            StepResult::Done => return Ok(()),
            StepResult::More => {
                let state = backup.progress();
                let number = |pages: i32| u64::try_from(pages).unwrap_or_default();
                pages(number(state.pagecount - state.remaining), number(state.pagecount))?;
            }
            _ => return Err(StoreError::Busy),
        }
    }
}

/// A database that is removed at the end, with its log.
pub(crate) struct Removed(PathBuf);

impl Drop for Removed {
    fn drop(&mut self) {
        if let Err(error) = remove(&self.0) {
            tracing::warn!(error = &error as &dyn std::error::Error, "a copy of a database is left behind");
        }
    }
}

/// Removes a database with its log.
pub(crate) fn remove(path: &Path) -> Result<(), StoreError> {
    for ending in ["", "-wal", "-shm"] {
        let mut name = path.as_os_str().to_owned();
        name.push(ending);
        match std::fs::remove_file(PathBuf::from(name)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error.into()),
            _ => {}
        }
    }
    Ok(())
}

/// Between two looks at whether to go on: 16 MiB.
const PAGES_PER_STEP: i32 = 4_096;
/// For its owner alone.
const PRIVATE: u32 = 0o600;
