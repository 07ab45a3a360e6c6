//! What an engine must offer: sessions on one database, with statements, rows and transactions.
//!
//! Everything above speaks to these traits; [`sqlite`] and [`postgres`] implement them. Nothing here knows what the
//! rows mean.

use std::path::Path;

use model::schema::{Table, Value};

use crate::StoreError;
use crate::rows::{Param, Read};

#[cfg(test)]
pub(crate) mod ddl;
mod frozen;
#[cfg(feature = "testing")]
pub(crate) mod heard;
mod log;
pub(crate) mod postgres;
mod readers;
#[cfg(feature = "recorder")]
pub(crate) mod recorder;
pub(crate) mod sqlite;

pub(crate) use frozen::{Removed, remove};
pub(crate) use log::Log;
pub(crate) use readers::{Lent, Readers};

/// One database: a SQLite file or a PostgreSQL schema.
pub(crate) trait Engine: Send + Sync {
    /// A new connection.
    fn open(&self, purpose: Purpose) -> Result<Box<dyn Session>, StoreError>;
    /// Waits until the operating system has written out what checkpoints carried over so far. They sync by
    /// themselves; this leaves little for them to wait for.
    fn write_out(&self) -> Result<(), StoreError>;
    /// A view of the whole database at one moment, however long it is looked at, that holds nobody up. An engine that
    /// has to copy for it copies to this path, and says how many of how many pages it has.
    fn freeze(&self, copy: &Path, pages: &mut Pages<'_>) -> Result<Frozen, StoreError>;
    /// Closes the sessions that rest, so that nobody goes on with numbers that were given before the rows were filled in
    /// from elsewhere.
    fn forget_sessions(&self) {}
    /// The script that removes everything, where it is more than files of the data folder: for a transaction of the catalogue,
    /// which is at the same server. No session of it is open.
    fn erasure(&self) -> Option<String> {
        None
    }
    /// Whether it is a server's: sessions rest in a pool of all databases, have no log to be tended, and write side by
    /// side with those of other nodes.
    fn is_remote(&self) -> bool {
        false
    }
    /// Its name: a path, or a schema.
    #[cfg(feature = "testing")]
    fn name(&self) -> String;
    /// How it goes about the statements that it was given since somebody listened.
    #[cfg(feature = "testing")]
    fn plans(&self) -> Result<Vec<crate::Plan>, StoreError> {
        let heard = heard::by(&self.name());
        if heard.is_empty() {
            return Ok(Vec::new());
        }
        let session = self.open(Purpose::Write)?;
        heard.iter().map(|statement| session.plan(statement)).collect()
    }
}

/// Hears of pages copied, and of how many; an error of its ends the copy.
pub(crate) type Pages<'p> = dyn FnMut(u64, u64) -> Result<(), StoreError> + 'p;

/// A database as it was at one moment.
pub(crate) struct Frozen {
    // Closed before its copy goes.
    session: Box<dyn Session>,
    _copy: Option<Removed>,
}

impl Frozen {
    /// A session within a snapshot, of a copy where there is one.
    pub(crate) fn new(session: Box<dyn Session>, copy: Option<Removed>) -> Self {
        Frozen { session, _copy: copy }
    }

    /// What it holds.
    pub(crate) fn read(&self) -> Read<'_> {
        Read::new(self.session.as_ref())
    }
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
    /// Runs a statement of which nobody asks how many rows it changed: at a server it may wait for the next trip. It names the
    /// rows that it changes by bytes or texts, as questions do.
    fn change(&self, sql: &'static str, params: &[Param<'_>]) -> Result<(), StoreError> {
        self.execute(sql, params).map(drop)
    }
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
    /// Writes a row; the values in the order of the columns. How many were written: none where a key of it is taken
    /// and the form allows that.
    fn insert(&self, insertion: &Insertion, values: Vec<Value>) -> Result<usize, StoreError> {
        let made = insertion.form.made_column(&insertion.table);
        let columns = insertion.table.columns.iter().zip(&values);
        let params: Vec<Param<'_>> =
            columns.filter(|(column, _)| Some(column.name) != made).map(|(_, value)| value.into()).collect();
        self.execute(insertion.sql, &params)
    }
    /// Whether it may be used again.
    fn is_sound(&self) -> bool {
        true
    }
    /// Makes what has to be there before the first migration.
    fn prepare_schema(&self) -> Result<(), StoreError> {
        Ok(())
    }
    /// Whether statements go to a server.
    fn is_remote(&self) -> bool {
        false
    }
    /// How units run side by side, where the engine is far away.
    fn together(&self) -> Option<&dyn Together> {
        None
    }
    /// Whether the unit that runs was given an answer that is none: it will run again, and nothing may be remembered.
    fn is_guessing(&self) -> bool {
        false
    }
    /// Holds a key until the transaction ends; another transaction that wants to hold it waits, and then sees all that
    /// this one wrote. Nothing where only one session ever writes.
    fn hold(&self, _key: &[u8]) {}
    /// How it would go about a statement that is given in the engine's own words.
    #[cfg(feature = "testing")]
    fn plan(&self, statement: &str) -> Result<crate::Plan, StoreError>;
}

/// Units that share a transaction at a server: their questions are asked ahead, together, and their rows go out
/// together.
pub(crate) trait Together {
    /// From now on, until the transaction ends.
    fn begin(&self);
    /// Before anything was sent: whoever else wants to hold the version of the records waits until this transaction
    /// ends, in the order in which they came. Many that hold it for a moment would keep one out for ever who changes it.
    fn exclude(&self);
    /// A unit begins to run.
    fn begin_unit(&self, asking: Asking) -> Place;
    /// Whether the unit missed an answer. It has to run again.
    fn has_missed(&self) -> bool;
    /// Undoes what was written since. An error where it was sent already: then the transaction is lost.
    fn take_back(&self, place: Place) -> Result<(), StoreError>;
    /// Asks all questions that were noted, in one go.
    fn fetch(&self) -> Result<(), StoreError>;
}

/// What becomes of a question whose answer is not here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Asking {
    /// It is noted, whatever it is, and answered with nothing; nothing is written.
    OnlyAhead,
    /// It is noted and answered with nothing. A question behind a change of the unit's own is asked at once.
    Ahead,
    /// It is asked at once.
    Itself,
}

/// How far a transaction was when a unit began.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Place {
    /// Rows that waited.
    pub(crate) rows: usize,
    /// How often something had been sent.
    pub(crate) sends: u64,
}

/// A row to be written.
pub(crate) struct Insertion {
    /// Its table.
    pub(crate) table: Table,
    /// How.
    pub(crate) form: Form,
    /// As one statement.
    pub(crate) sql: &'static str,
}

/// How a row is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// A key that is taken is an error.
    New,
    /// Left out where a key is taken, and whoever writes it goes by that.
    IfAbsent,
    /// Left out where a key is taken, and nobody asks.
    Unasked,
    /// Its key is the next number of its table.
    Numbered,
    /// This column is the next number of the ledger.
    OnSheet(&'static str),
}

impl Form {
    /// The column whose value the store makes.
    pub(crate) fn made_column(self, table: &Table) -> Option<&'static str> {
        match self {
            Form::New | Form::IfAbsent | Form::Unasked => None,
            Form::Numbered => table.key.first().copied(),
            Form::OnSheet(column) => Some(column),
        }
    }
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
