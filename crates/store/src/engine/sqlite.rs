//! SQLite: one file per database, write-ahead log, every commit synced (`synchronous = full`).
//!
//! Whatever has to do with its files, its pragmas and its error codes stands here and nowhere else.

use std::cell::Cell;
use std::collections::HashMap;
use std::ffi::CString;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, LazyLock, Mutex};
use std::time::{Duration, Instant};

use model::limits;
use model::schema::Value;
use rusqlite::config::DbConfig;
use rusqlite::functions::FunctionFlags;
use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{CachedStatement, Connection, ErrorCode, OpenFlags, Row, ToSql, ffi};

use super::{Cells, Checkpoint, EachRow, Engine, Frozen, LogState, Pages, Purpose, Session, Step, frozen};
use crate::StoreError;
use crate::faults::{Fault, Faults};
use crate::lock::locked;
use crate::rows::Param;

/// A database file.
#[derive(Debug)]
pub(crate) struct SqliteFile {
    path: PathBuf,
    faults: Faults,
    /// The VFS, where it is not the usual one.
    vfs: Option<CString>,
    /// The most pages the file may have; 0 for no limit. Tests fill a disk with it.
    pages_max: AtomicU32,
}

impl SqliteFile {
    pub(crate) fn new(path: &Path, faults: &Faults, vfs: Option<CString>) -> Self {
        SqliteFile { path: path.to_owned(), faults: faults.clone(), vfs, pages_max: AtomicU32::new(0) }
    }

    /// Lets connections opened from now on fill only so many pages; 0 for no limit.
    #[cfg(feature = "testing")]
    pub(crate) fn limit_pages(&self, pages_max: u32) {
        self.pages_max.store(pages_max, Ordering::SeqCst);
    }
}

impl Engine for SqliteFile {
    fn open(&self, purpose: Purpose) -> Result<Box<dyn Session>, StoreError> {
        let mut connection = self.connect()?;
        let pages_max = self.pages_max.load(Ordering::SeqCst);
        prepare(&connection, purpose, pages_max).map_err(from_sqlite)?;
        let deadline = (purpose == Purpose::Search).then(|| deadline(&mut connection)).transpose();
        let deadline = deadline.map_err(from_sqlite)?;
        Ok(Box::new(SqliteSession {
            connection,
            faults: self.faults.clone(),
            within: Cell::new(false),
            deadline,
        }))
    }

    fn write_out(&self) -> Result<(), StoreError> {
        let file = {
            let mut held = locked(&HELD);
            match held.get(&self.path) {
                Some(file) => Arc::clone(file),
                None => {
                    let file = Arc::new(File::open(&self.path)?);
                    held.insert(self.path.clone(), Arc::clone(&file));
                    file
                }
            }
        };
        Ok(file.sync_data()?)
    }

    #[cfg(feature = "testing")]
    fn name(&self) -> String {
        self.path.display().to_string()
    }

    fn freeze(&self, copy: &Path, pages: &mut Pages<'_>) -> Result<Frozen, StoreError> {
        let source = self.connect()?;
        prepare(&source, Purpose::Read, 0).map_err(from_sqlite)?;
        frozen::freeze(&source, copy, pages)
    }
}

impl SqliteFile {
    fn connect(&self) -> Result<Connection, StoreError> {
        // A connection is used by one thread at a time, so SQLite's own locking around it is left out.
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
            | OpenFlags::SQLITE_OPEN_CREATE
            | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        match &self.vfs {
            None => Connection::open_with_flags(&self.path, flags),
            Some(vfs) => Connection::open_with_flags_and_vfs(&self.path, flags, vfs.as_c_str()),
        }
        .map_err(from_sqlite)
    }
}

/// Files of databases that were opened beside SQLite, by path: never closed. To close any descriptor of a file takes
/// all locks of the process from it (fcntl(2), <https://sqlite.org/howtocorrupt.html>, §2.2), and another program would
/// take the database for unused.
static HELD: LazyLock<Mutex<HashMap<PathBuf, Arc<File>>>> = LazyLock::new(Mutex::default);

/// When the statement that runs is given up.
type Deadline = Arc<Mutex<Option<Instant>>>;

/// Lets the engine look at a deadline while it works: <https://sqlite.org/c3ref/progress_handler.html>. FTS5 takes a few
/// steps for each page of its lists.
fn deadline(connection: &mut Connection) -> rusqlite::Result<Deadline> {
    const STEPS: i32 = 200;
    let deadline = Deadline::default();
    let seen = Arc::clone(&deadline);
    connection.progress_handler(
        STEPS,
        Some(move || locked(&seen).is_some_and(|deadline| Instant::now() > deadline)),
    )?;
    Ok(deadline)
}

fn prepare(connection: &Connection, purpose: Purpose, pages_max: u32) -> rusqlite::Result<()> {
    dialect(connection)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS_MAX);
    connection.busy_timeout(BUSY_TIMEOUT)?;
    // Plans do not depend on the values that are bound: else statements are prepared anew at almost every use.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    // The page size counts only for a new file, before its log is made: small, for most of what a mail touches is
    // one row somewhere in an index. Marks of units are kept in memory (`temp_store`): a unit is small.
    connection.execute_batch(
        "pragma page_size = 4096;
         pragma journal_mode = wal;
         pragma synchronous = full;
         pragma wal_autocheckpoint = 0;
         pragma temp_store = memory;",
    )?;
    let cache_bytes = match purpose {
        Purpose::Write => writer_cache(connection)?,
        Purpose::Read | Purpose::Search => limits::READER_CACHE_BYTES,
        Purpose::Checkpoint => limits::CHECKPOINT_CACHE_BYTES,
        Purpose::Index => limits::INDEX_CACHE_BYTES,
    };
    // The second is one limit for the whole process: beyond it a cache gives up a page for each it takes.
    let memory_bytes = limits::ENGINE_MEMORY_BYTES_MAX;
    connection.execute_batch(&format!(
        "pragma cache_size = -{}; pragma soft_heap_limit = {memory_bytes}",
        cache_bytes / 1024
    ))?;
    match purpose {
        Purpose::Read | Purpose::Search => connection.execute_batch("pragma query_only = on"),
        Purpose::Write if pages_max > 0 => {
            connection.execute_batch(&format!("pragma max_page_count = {pages_max}"))
        }
        // Whoever checkpoints gives way to whoever works.
        Purpose::Checkpoint => connection.busy_timeout(Duration::ZERO),
        Purpose::Write => Ok(()),
        // Its log is synced and carried over when it has grown, by the connection that writes it: nobody waits.
        Purpose::Index => connection.execute_batch(&format!(
            "pragma synchronous = normal; pragma wal_autocheckpoint = {}",
            limits::INDEX_LOG_PAGES_MAX
        )),
    }
}

/// Cached pages of the connection that writes, by how large the file is when it is opened.
fn writer_cache(connection: &Connection) -> rusqlite::Result<usize> {
    const PART: i64 = 128;
    let bytes: i64 = connection.query_row(
        "select page_count * page_size from pragma_page_count, pragma_page_size",
        [],
        |row| row.get(0),
    )?;
    let part = usize::try_from(bytes / PART).unwrap_or_default();
    Ok(part.clamp(limits::WRITER_CACHE_BYTES, limits::WRITER_CACHE_BYTES_MAX))
}

/// The functions that statements name and that differ between the engines. Whoever writes here writes alone, so every
/// event that can be read is followed by later ones only; and the house that has the file has the only clock.
fn dialect(connection: &Connection) -> rusqlite::Result<()> {
    let flags =
        FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC | FunctionFlags::SQLITE_INNOCUOUS;
    #[cfg(feature = "testing")]
    crate::bulk::functions(connection)?;
    connection.create_scalar_function("settled", 1, flags, |_| Ok(true))?;
    connection.create_scalar_function("leaseclock", 1, flags, |given| given.get::<i64>(0))
}

/// One connection.
struct SqliteSession {
    connection: Connection,
    faults: Faults,
    /// A transaction was begun and not ended by us.
    within: Cell<bool>,
    /// Where statements have one.
    deadline: Option<Deadline>,
}

impl Session for SqliteSession {
    fn execute(&self, sql: &'static str, params: &[Param<'_>]) -> Result<usize, StoreError> {
        self.meet_faults()?;
        self.still_within()?;
        self.heard(sql);
        let mut statement = self.bound(sql, params).map_err(from_sqlite)?;
        statement.raw_execute().map_err(from_sqlite)
    }

    fn query(
        &self,
        sql: &'static str,
        params: &[Param<'_>],
        each: &mut EachRow<'_>,
    ) -> Result<(), StoreError> {
        self.meet_faults()?;
        self.still_within()?;
        if let Some(deadline) = &self.deadline {
            *locked(deadline) = Instant::now().checked_add(Duration::from_secs(limits::SEARCH_SECONDS_MAX));
        }
        self.heard(sql);
        let mut statement = self.bound(sql, params).map_err(from_sqlite)?;
        let mut rows = statement.raw_query();
        while let Some(row) = rows.next().map_err(from_sqlite)? {
            if !each(row)? {
                break;
            }
        }
        Ok(())
    }

    fn script(&self, sql: &str) -> Result<(), StoreError> {
        self.meet_faults()?;
        self.connection.execute_batch(sql).map_err(from_sqlite)
    }

    fn step(&self, step: Step) -> Result<(), StoreError> {
        match step {
            Step::Rollback if self.connection.is_autocommit() => {}
            Step::Rollback => self.run("rollback")?,
            _ => {
                self.meet_faults()?;
                self.run_step(step)?;
            }
        }
        match step {
            Step::BeginRead | Step::BeginWrite => self.within.set(true),
            Step::Commit | Step::Rollback => self.within.set(false),
            Step::Mark | Step::Unmark | Step::Return => {}
        }
        Ok(())
    }

    fn in_transaction(&self) -> bool {
        !self.connection.is_autocommit()
    }

    fn shrink(&self) -> Result<(), StoreError> {
        self.connection.execute_batch("pragma shrink_memory").map_err(from_sqlite)
    }

    fn checkpoint(&self, how: Checkpoint) -> Result<LogState, StoreError> {
        let sql = match how {
            Checkpoint::Look => "pragma wal_checkpoint(noop)",
            Checkpoint::Passive => "pragma wal_checkpoint(passive)",
            Checkpoint::Truncate => "pragma wal_checkpoint(truncate)",
        };
        self.connection
            .query_row(sql, [], |row| Ok(LogState { pages: row.get(1)?, carried: row.get(2)? }))
            .map_err(from_sqlite)
    }

    #[cfg(feature = "testing")]
    fn plan(&self, statement: &str) -> Result<crate::Plan, StoreError> {
        let asked = self.connection.prepare(&format!("explain query plan {statement}"));
        let lines = asked.and_then(|mut asked| asked.raw_query().mapped(|row| row.get("detail")).collect());
        let lines: Vec<String> = lines.map_err(from_sqlite)?;
        Ok(crate::Plan { statement: statement.to_owned(), accesses: crate::plans::of_sqlite(&lines), lines })
    }
}

impl SqliteSession {
    #[cfg(feature = "testing")]
    fn heard(&self, sql: &str) {
        super::heard::note(self.connection.path().unwrap_or_default(), sql);
    }

    #[cfg(not(feature = "testing"))]
    #[expect(clippy::unused_self, reason = "only tests listen")]
    fn heard(&self, _: &str) {}

    fn bound(&self, sql: &str, params: &[Param<'_>]) -> rusqlite::Result<CachedStatement<'_>> {
        let mut statement = self.connection.prepare_cached(sql)?;
        for (place, param) in params.iter().enumerate() {
            statement.raw_bind_parameter(place + 1, param)?;
        }
        Ok(statement)
    }

    fn run_step(&self, step: Step) -> Result<(), StoreError> {
        match step {
            Step::BeginRead => self.run("begin"),
            Step::BeginWrite => self.run("begin immediate"),
            Step::Commit => {
                self.still_within()?;
                self.run("commit")
            }
            Step::Rollback => self.run("rollback"),
            Step::Mark => self.run("savepoint unit"),
            Step::Unmark => self.run("release unit"),
            Step::Return => self.run("rollback to unit").and_then(|()| self.run("release unit")),
        }
    }

    fn run(&self, sql: &'static str) -> Result<(), StoreError> {
        self.bound(sql, &[]).and_then(|mut s| s.raw_execute()).map(drop).map_err(from_sqlite)
    }

    /// SQLite may answer an error by ending the whole transaction (<https://sqlite.org/lang_transaction.html>,
    /// §3). A unit that goes on all the same must not write outside of one.
    fn still_within(&self) -> Result<(), StoreError> {
        if self.within.get() && self.connection.is_autocommit() {
            return Err(StoreError::Temporary { why: "the engine ended the transaction" });
        }
        Ok(())
    }

    fn meet_faults(&self) -> Result<(), StoreError> {
        let Some(fault) = self.faults.next() else { return Ok(()) };
        if fault == Fault::FullEndsTransaction && !self.connection.is_autocommit() {
            self.run("rollback")?;
        }
        Err(fault.error())
    }
}

impl Cells for Row<'_> {
    fn value(&self, place: usize) -> Option<Value> {
        match self.get_ref(place).ok()? {
            ValueRef::Null => Some(Value::Null),
            ValueRef::Integer(number) => Some(Value::Int(number)),
            ValueRef::Text(text) => std::str::from_utf8(text).ok().map(|t| Value::Text(t.to_owned())),
            ValueRef::Blob(bytes) => Some(Value::Bytes(bytes.to_owned())),
            ValueRef::Real(_) => None,
        }
    }
}

impl ToSql for Param<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self {
            Param::Null => ValueRef::Null,
            Param::Int(number) => ValueRef::Integer(*number),
            Param::Text(text) => ValueRef::Text(text.as_bytes()),
            Param::Bytes(bytes) => ValueRef::Blob(bytes),
            Param::Id(id) => ValueRef::Blob(&id.0),
        }))
    }
}

/// An error of SQLite in the words of the store (<https://sqlite.org/rescode.html>).
pub(super) fn from_sqlite(error: rusqlite::Error) -> StoreError {
    let Some(failure) = error.sqlite_error() else { return StoreError::Statement(Box::new(error)) };
    match (failure.code, failure.extended_code) {
        (ErrorCode::DiskFull, _) => StoreError::Full,
        (ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked, _) => StoreError::Busy,
        (ErrorCode::OperationInterrupted, _) => StoreError::TookTooLong,
        (ErrorCode::OutOfMemory, _) => StoreError::Temporary { why: "no memory" },
        (ErrorCode::SystemIoFailure | ErrorCode::CannotOpen, _) => {
            StoreError::Io(std::io::Error::other(error))
        }
        (ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase, _) => StoreError::Corrupt,
        (
            ErrorCode::ConstraintViolation,
            ffi::SQLITE_CONSTRAINT_UNIQUE | ffi::SQLITE_CONSTRAINT_PRIMARYKEY | ffi::SQLITE_CONSTRAINT_ROWID,
        ) => StoreError::Conflict { table: "" },
        _ => StoreError::Statement(Box::new(error)),
    }
}

/// How long one connection waits for another to let go. Only checkpoints ever hold a writer up.
const BUSY_TIMEOUT: Duration = Duration::from_secs(10);
/// Prepared statements kept per connection: more than there are in the house.
const STATEMENTS_MAX: usize = 512;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_is_written_out_keeps_its_locks() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("some.db");
        let file = SqliteFile::new(&path, &Faults::none(), None);
        let session = file.open(Purpose::Write).unwrap();
        session.script("create table a (b)").unwrap();
        let locks = || {
            let all = std::fs::read_to_string("/proc/locks").unwrap();
            let inode =
                format!(":{} ", std::os::unix::fs::MetadataExt::ino(&std::fs::metadata(&path).unwrap()));
            all.lines().filter(|line| line.contains(&inode)).count()
        };
        let before = locks();
        assert!(before > 0, "SQLite holds a lock on a database that is open");
        file.write_out().unwrap();
        file.write_out().unwrap();
        assert_eq!(locks(), before);
    }

    #[test]
    fn a_search_without_end_is_given_up_and_the_next_one_runs() {
        let folder = tempfile::tempdir().unwrap();
        let file = SqliteFile::new(&folder.path().join("search.db"), &Faults::none(), None);
        let session = file.open(Purpose::Search).unwrap();
        let endless =
            "with recursive n (i) as (select 1 union all select i + 1 from n) select count(*) from n";
        let ended = session.query(endless, &[], &mut |_| Ok(true));
        assert!(matches!(ended, Err(StoreError::TookTooLong)), "{ended:?}");
        session.query("select 1", &[], &mut |_| Ok(true)).unwrap();
    }
}
