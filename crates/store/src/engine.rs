//! What an engine must offer: sessions on one database, with statements, rows and transactions.
//!
//! Everything above speaks to these traits; [`sqlite`] implements them. Nothing here knows what the rows mean.

use model::schema::Value;

use crate::StoreError;
use crate::rows::Param;

#[cfg(test)]
pub(crate) mod ddl;
mod log;
mod readers;
#[cfg(feature = "recorder")]
pub(crate) mod recorder;
pub(crate) mod sqlite;

pub(crate) use log::Log;
pub(crate) use readers::{Lent, Readers};

/// One database: a SQLite file, later a PostgreSQL schema.
pub(crate) trait Engine: Send + Sync {
    /// A new connection.
    fn open(&self, purpose: Purpose) -> Result<Box<dyn Session>, StoreError>;
    /// Waits until the operating system has written out what checkpoints carried over so far. They sync by
    /// themselves; this leaves little for them to wait for.
    fn write_out(&self) -> Result<(), StoreError>;
}

/// What a connection is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// Units of work.
    Write,
    /// Questions.
    Read,
    /// Searches: each may take no longer than [`model::limits::SEARCH_SECONDS_MAX`].
    Search,
    /// Checkpoints.
    Checkpoint,
    /// Loads of a text index: what a power cut takes of it is made again.
    Index,
}

/// How far a checkpoint goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Checkpoint {
    /// Only looks.
    Look,
    /// What can be carried over beside readers and the writer.
    Passive,
    /// All of it, and the log becomes empty.
    Truncate,
}

/// The log of a database, in pages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct LogState {
    /// Pages in the log.
    pub(crate) pages: i64,
    /// Of those, the pages that are in the database file already.
    pub(crate) carried: i64,
}

/// One connection.
pub(crate) trait Session: Send {
    /// Runs a statement; the number of rows it changed.
    fn execute(&self, sql: &'static str, params: &[Param<'_>]) -> Result<usize, StoreError>;
    /// Runs a question and hands over its rows until `each` has enough.
    fn query(
        &self,
        sql: &'static str,
        params: &[Param<'_>],
        each: &mut EachRow<'_>,
    ) -> Result<(), StoreError>;
    /// Runs a text of several statements: a migration.
    fn script(&self, sql: &str) -> Result<(), StoreError>;
    /// Begins, ends or marks a transaction.
    fn step(&self, step: Step) -> Result<(), StoreError>;
    /// Whether a transaction is open: after an error the engine may have ended it on its own.
    fn in_transaction(&self) -> bool;
    /// Gives back memory that nothing needs now.
    fn shrink(&self) -> Result<(), StoreError>;
    /// Carries committed pages from the log into the database file.
    fn checkpoint(&self, how: Checkpoint) -> Result<LogState, StoreError>;
}

/// Takes a row; says whether it wants the next one.
pub(crate) type EachRow<'e> = dyn FnMut(&dyn Cells) -> Result<bool, StoreError> + 'e;

/// The cells of a row.
pub(crate) trait Cells {
    /// The value at a place; `None` past the end, and where text is not UTF-8.
    fn value(&self, place: usize) -> Option<Value>;
}

/// A step of a transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    /// Begins a transaction that only reads: one snapshot.
    BeginRead,
    /// Begins a transaction that writes; nobody else writes until it ends.
    BeginWrite,
    /// Ends it and keeps everything, durably.
    Commit,
    /// Ends it and keeps nothing.
    Rollback,
    /// Marks a place to return to.
    Mark,
    /// Forgets the mark, keeps what came after it.
    Unmark,
    /// Returns to the mark and forgets it.
    Return,
}
