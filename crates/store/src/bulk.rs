//! Very many rows out of a few: for measurements of a full house.
//!
//! What passes through: an organization with one contact, which has taken in four mails by its door (a new one and an
//! answer to it, of its contact and of a stranger), gets contacts and e-mails like them, as many as wanted. Every row
//! that a door writes is there, with ids, keys and times of its own; only kept bytes are not: all have the same one.
//!
//! *Invariant:* what is written is what intake would have written, so that every recount but that of bytes finds it in
//! order. Three quarters of the mails come before the secondary indexes and the rest behind them, so that the indexes
//! are as full as those of a house that grew. Nobody else has the organization open, and a run that ends early leaves
//! nothing that is worth anything.

use std::time::Instant;

use model::Id;
use model::schema::{Column, ORGANIZATION_TABLES, Table};

use crate::engine::{Checkpoint, Engine, Purpose, Session};
use crate::rows::Read;
use crate::{Store, StoreError};

mod words;

use words::Words;
pub(crate) use words::functions;

/// What an organization is filled with.
#[derive(Debug, Clone, Copy)]
pub struct Bulk<'b> {
    /// Contacts with an address each, the one that is there included; at least two.
    pub contacts: u64,
    /// E-mails beside those that are there.
    pub emails: u64,
    /// What the address of a writer has before and behind its number. Those with even numbers are contacts.
    pub address: (&'b str, &'b str),
}

/// The tables that a mail has rows in, and whether its rows are anywhere in their key.
const OF_MAILS: [(&str, bool); 9] = [
    ("email", false),
    ("activityparty", false),
    ("emailcopy", false),
    ("copy", false),
    ("outcome", false),
    ("event", false),
    ("identity", true),
    ("messagereference", true),
    ("blob", true),
];
/// The tables that a contact has rows in.
const OF_CONTACTS: [(&str, bool); 3] = [("contact", false), ("recordaddress", true), ("event", false)];

/// Rows in a statement where a transaction may have no more: fewer than there are numbers for its events.
const PER_TRANSACTION: u64 = 1_000_000;

impl Store {
    /// Fills an organization that is not open. `say` hears what was done and how long it took.
    ///
    /// # Errors
    /// `Busy` where it is open; `Conflict` where it was filled before.
    pub fn multiply(&self, id: Id, bulk: &Bulk<'_>, say: &dyn Fn(&str)) -> Result<(), StoreError> {
        if self.open_organizations().iter().any(|open| open.id() == id) {
            return Err(StoreError::Busy);
        }
        let engine: Box<dyn Engine> = match &self.server {
            Some(server) => Box::new(server.organization(id)),
            None => Box::new(self.settings.database(&self.folder(id).join("org.db"))),
        };
        let session = engine.open(Purpose::Checkpoint)?;
        let filling = Filling { session: session.as_ref(), words: Words::of(session.as_ref(), bulk), say };
        filling.fill(bulk)
    }
}

struct Filling<'f> {
    session: &'f dyn Session,
    words: Words<'f>,
    say: &'f dyn Fn(&str),
}

/// An index, with the statement that makes it.
struct Index {
    name: String,
    made_by: String,
}

impl Filling<'_> {
    fn fill(&self, bulk: &Bulk<'_>) -> Result<(), StoreError> {
        self.run(&self.words.begin(&table_names()))?;
        let indexes = self.indexes()?;
        self.run(&indexes.iter().map(|index| format!("drop index {};\n", index.name)).collect::<String>())?;
        for table in OF_CONTACTS {
            self.write(table, (1, bulk.contacts - 1), &|range| self.words.contacts(range))?;
        }
        let (grown, all) = (bulk.emails / 4 * 3, bulk.emails);
        self.mails((1, grown))?;
        for index in &indexes {
            self.timed(&index.name, || self.run(&index.made_by))?;
        }
        self.mails((grown + 1, all))?;
        self.run(&self.words.end(&table_names()))?;
        if self.session.is_remote() {
            let tables = table_names().join(", ");
            self.timed("vacuum", || self.run(&format!("vacuum (analyze) {tables}\n;")))?;
            return self.timed("checkpoint", || self.run("checkpoint\n;"));
        }
        self.session.checkpoint(Checkpoint::Truncate).map(drop)
    }

    fn mails(&self, range: (u64, u64)) -> Result<(), StoreError> {
        OF_MAILS.into_iter().try_for_each(|table| self.write(table, range, &|range| self.words.mails(range)))
    }

    /// The rows of a table for so many numbers.
    fn write(
        &self,
        (name, is_anywhere): (&'static str, bool),
        (first, last): (u64, u64),
        source: &dyn Fn((u64, u64)) -> words::Source,
    ) -> Result<(), StoreError> {
        let Some(table) = ORGANIZATION_TABLES.iter().find(|table| table.name == name) else {
            return Err(StoreError::NotFound);
        };
        // Events are numbered by transaction; what has no order is put in order, all of it at once.
        let step = if name == "event" { PER_TRANSACTION } else { u64::MAX };
        self.timed(&format!("{name} {first} to {last}"), || {
            let mut from = first;
            while from <= last {
                let until = last.min(from.saturating_add(step - 1));
                self.run(&insert(table, is_anywhere, &source((from, until))))?;
                from = until + 1;
            }
            Ok(())
        })
    }

    /// The indexes beside the keys.
    fn indexes(&self) -> Result<Vec<Index>, StoreError> {
        let read = Read::new(self.session);
        let all = read.rows(self.words.indexes, &[], |row| {
            Ok((row.take::<String>()?, Index { name: row.take()?, made_by: row.take()? }))
        })?;
        let names = table_names();
        Ok(all
            .into_iter()
            .filter(|(table, _)| names.contains(&table.as_str()))
            .map(|(_, index)| index)
            .collect())
    }

    fn timed(&self, what: &str, work: impl FnOnce() -> Result<(), StoreError>) -> Result<(), StoreError> {
        let began = Instant::now();
        work()?;
        let seconds = began.elapsed().as_secs_f64();
        if seconds > SAID_SECONDS {
            (self.say)(&format!("{seconds:9.1} s  {what}"));
        }
        Ok(())
    }

    /// Of several lines, so that it may take as long as a migration does.
    fn run(&self, script: &str) -> Result<(), StoreError> {
        self.session.script(&format!("-- filling\n{script}"))
    }
}

/// What takes longer is told.
const SAID_SECONDS: f64 = 2.0;

fn table_names() -> Vec<&'static str> {
    let mut names: Vec<&'static str> = OF_MAILS.iter().chain(&OF_CONTACTS).map(|(name, _)| *name).collect();
    names.sort_unstable();
    names.dedup();
    names
}

/// One statement that writes the rows of a table for each number of a source.
fn insert(table: &Table, is_anywhere: bool, source: &words::Source) -> String {
    let name = table.name;
    let names: Vec<&str> = table.columns.iter().map(|column| column.name).collect();
    let value = |column: &Column| source.value(name, column.name);
    let values: Vec<String> = table.columns.iter().map(value).collect();
    let order = if is_anywhere { " order by 1" } else { "" };
    format!(
        "insert into {name} ({}) select {} from {} cross join bulk_{name} t where {}{order};",
        names.join(", "),
        values.join(", "),
        source.numbers,
        source.only(name),
    )
}
