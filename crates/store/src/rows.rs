//! Rows in and out: what a statement is given, what it gives back, and the two views of a database.
//!
//! [`Read`] is one consistent snapshot, [`Tx`] the inside of a unit of work; whatever asks questions of a
//! `Read` works inside a unit too. Statements of nouns are generated once from their declaration.
//! SQL is written in this room only, with `?1`, `?2` … for values, in the words that both engines know.

use std::cell::{Cell, OnceCell};
use std::collections::BTreeSet;
use std::ops::Deref;
use std::time::Duration;

use model::schema::{Field, Noun, Table, Value, WrongValue};
use model::{Id, Timestamp};

use crate::StoreError;
use crate::blobs::Blobs;
use crate::engine::{Asking, Cells, Form, Insertion, Lent, Readers, Session, Step};
use crate::hints::{self, Hint};
use crate::memory::{Memory, Question, Weighed};

mod generated;

/// One consistent snapshot of a database. It begins with the first question that memory cannot answer.
pub struct Read<'c> {
    connection: Connection<'c>,
    /// What is known about records without asking; `None` in the catalogue.
    memory: Option<&'c Memory>,
    /// The version of the records that answers out of memory are believed under.
    version: Cell<Option<i64>>,
}

enum Connection<'c> {
    /// One that somebody holds, inside a transaction or for a single statement.
    Held(&'c dyn Session),
    /// One that is lent, and a snapshot begun, when it is needed.
    Lent(&'c Readers, OnceCell<Lent<'c>>),
}

impl<'c> Read<'c> {
    /// On a connection that somebody holds.
    pub(crate) fn new(session: &'c dyn Session) -> Self {
        Read { connection: Connection::Held(session), memory: None, version: Cell::new(None) }
    }

    /// On a connection that is lent with the first question; that begins a snapshot.
    pub(crate) fn of(readers: &'c Readers, memory: &'c Memory) -> Self {
        let version = Cell::new(memory.believed());
        Read { connection: Connection::Lent(readers, OnceCell::new()), memory: Some(memory), version }
    }

    fn connected(&self) -> Result<&dyn Session, StoreError> {
        match &self.connection {
            Connection::Held(session) => Ok(*session),
            Connection::Lent(readers, lent) => {
                if lent.get().is_none() {
                    let fresh = readers.lend()?;
                    fresh.session()?.step(Step::BeginRead)?;
                    // Nobody else fills it: this is not shared between threads.
                    let _ = lent.set(fresh);
                }
                lent.get().ok_or(StoreError::Closed)?.session()
            }
        }
    }

    /// An answer that depends on records alone: out of memory, or asked and remembered.
    ///
    /// Inside a unit of work it is remembered only while the unit sees the committed version: what is not committed
    /// may yet be undone. Nor is it remembered where records changed between the version that is believed and the snapshot:
    /// a part of it may have come out of memory.
    pub(crate) fn remembered<T: Weighed + Clone + Send + Sync + 'static>(
        &self,
        (question, about): (Question, &str),
        ask: impl FnOnce(&Self) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let Some(memory) = self.memory else { return ask(self) };
        let version = self.records_version()?;
        if let Some(answer) = memory.get(version, question, about) {
            return Ok(answer);
        }
        let answer = ask(self)?;
        let seen = self.version_seen()?;
        if seen == version && seen <= memory.latest() && !self.connected()?.is_guessing() {
            memory.put(seen, (question, about), answer.clone());
        }
        Ok(answer)
    }

    /// The same of an answer about many records, which is worth its price only while they do not change; `None` where
    /// they do.
    pub(crate) fn when_calm<T: Weighed + Clone + Send + Sync + 'static>(
        &self,
        about: (Question, &str),
        ask: impl FnOnce(&Self) -> Result<T, StoreError>,
    ) -> Result<Option<T>, StoreError> {
        match self.memory {
            // Under another version the answer is not kept, and would be asked for again each time.
            Some(memory) if memory.is_calm() && self.records_version()? == memory.latest() => {
                self.remembered(about, ask).map(Some)
            }
            _ => Ok(None),
        }
    }

    /// A number that grows whenever addresses, filters, never-log lists or settings of decisions change: facts about
    /// records that were read under the same number still hold.
    pub fn records_version(&self) -> Result<i64, StoreError> {
        match self.version.get() {
            Some(version) => Ok(version),
            None => {
                let version = self.version_seen()?;
                if !self.connected()?.is_guessing() {
                    self.version.set(Some(version));
                }
                Ok(version)
            }
        }
    }

    /// Holds a key until the unit of work ends: what another unit decides by it waits meanwhile. See
    /// [`Session::hold`].
    pub(crate) fn hold(&self, key: &[u8]) -> Result<(), StoreError> {
        self.connected()?.hold(key);
        Ok(())
    }

    /// Whether others may write while this unit of work runs.
    pub(crate) fn is_shared(&self) -> Result<bool, StoreError> {
        Ok(self.connected()?.is_remote())
    }

    /// Asks many questions in few round trips, where the engine is far away: `ask` runs until all it wants to know is
    /// here. Never within a unit of work, which does so by itself.
    pub(crate) fn in_few_trips<T>(
        &self,
        ask: impl Fn(&Self) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let session = self.connected()?;
        let Some(together) = session.together() else { return ask(self) };
        together.begin();
        for _ in 0..ROUNDS_MAX {
            together.begin_unit(Asking::Ahead);
            let answer = ask(self);
            if !together.has_missed() {
                together.begin_unit(Asking::Itself);
                return answer;
            }
            together.fetch()?;
        }
        together.begin_unit(Asking::Itself);
        ask(self)
    }

    /// The rows of a question, each made into something of the caller's.
    pub(crate) fn rows<T>(
        &self,
        sql: &'static str,
        params: &[Param<'_>],
        mut each: impl FnMut(&mut RowValues<'_>) -> Result<T, StoreError>,
    ) -> Result<Vec<T>, StoreError> {
        let mut found = Vec::new();
        self.connected()?.query(sql, params, &mut |cells| {
            found.push(each(&mut RowValues { cells, next: 0 })?);
            Ok(true)
        })?;
        Ok(found)
    }

    /// The first row of a question.
    pub(crate) fn one<T>(
        &self,
        sql: &'static str,
        params: &[Param<'_>],
        each: impl FnOnce(&mut RowValues<'_>) -> Result<T, StoreError>,
    ) -> Result<Option<T>, StoreError> {
        let (mut found, mut each) = (None, Some(each));
        self.connected()?.query(sql, params, &mut |cells| {
            if let Some(each) = each.take() {
                found = Some(each(&mut RowValues { cells, next: 0 })?);
            }
            Ok(false)
        })?;
        Ok(found)
    }

    /// The nouns of a table; `tail` follows `select … from table`: `where activityid = ?1`.
    pub(crate) fn nouns<N: Noun>(
        &self,
        tail: &'static str,
        params: &[Param<'_>],
    ) -> Result<Vec<N>, StoreError> {
        self.rows(generated::select::<N>(tail), params, |row| row.noun())
    }

    /// Some rows of a table behind a key, in the order of its key, which is the same on every engine: bytes and text
    /// are compared byte by byte.
    pub(crate) fn page(
        &self,
        table: &Table,
        behind: Option<&[Value]>,
        limit: usize,
    ) -> Result<Vec<Vec<Value>>, StoreError> {
        let mut params: Vec<Param<'_>> = behind.unwrap_or_default().iter().map(Param::from).collect();
        params.push(limit.into());
        let sql = if behind.is_some() { generated::next_page(table) } else { generated::first_page(table) };
        self.rows(sql, &params, |row| {
            let values: Vec<Value> = table.columns.iter().map_while(|_| row.next()).collect();
            if values.len() == table.columns.len() { Ok(values) } else { Err(StoreError::Corrupt) }
        })
    }

    /// How many rows a table has; 0 where to count them takes too long.
    pub(crate) fn row_count(&self, table: &Table) -> Result<i64, StoreError> {
        if self.connected()?.is_remote() {
            return Ok(0);
        }
        Ok(self.one(generated::count(table), &[], |row| row.take())?.unwrap_or(0))
    }

    /// The first noun of a table; `tail` as in [`Read::nouns`].
    pub(crate) fn noun<N: Noun>(
        &self,
        tail: &'static str,
        params: &[Param<'_>],
    ) -> Result<Option<N>, StoreError> {
        self.one(generated::select::<N>(tail), params, |row| row.noun())
    }
}

/// Questions that depend on each other's answers in more steps than this are asked one by one.
const ROUNDS_MAX: u32 = 6;

/// The inside of a unit of work.
pub struct Tx<'c> {
    read: Read<'c>,
    /// `None` in the catalogue, which keeps no blobs.
    pub(crate) blobs: Option<&'c Blobs>,
    /// Whether a statement that writes was run, be it in vain.
    has_written: bool,
    /// The version of the records that this unit made.
    bumped: Option<i64>,
    /// What this unit leaves for other nodes, and how long after its commit that is due.
    hints: BTreeSet<(Duration, Hint)>,
}

impl<'c> Deref for Tx<'c> {
    type Target = Read<'c>;

    fn deref(&self) -> &Read<'c> {
        &self.read
    }
}

impl<'c> Tx<'c> {
    pub(crate) fn new(session: &'c dyn Session, blobs: Option<&'c Blobs>) -> Self {
        Tx { read: Read::new(session), blobs, has_written: false, bumped: None, hints: BTreeSet::new() }
    }

    /// The same, with what is known about records, and the version of them that this unit begins with.
    pub(crate) fn knowing(self, memory: &'c Memory, version: i64) -> Self {
        let version = Cell::new(Some(version));
        Tx { read: Read { memory: Some(memory), version, ..self.read }, ..self }
    }

    /// The version of the records that this unit made, where it changed them.
    pub(crate) fn bumped(&self) -> Option<i64> {
        self.bumped
    }

    /// Notes that this unit changed the records, and under which version others will see that.
    pub(crate) fn note_records_version(&mut self, version: i64) {
        self.bumped = Some(version);
        self.read.version.set(Some(version));
    }

    /// Says that something is left here for whichever node does such work, due so long after the commit. Other nodes are told
    /// then, where they listen; what is due more than `limits::HINT_SECONDS_MAX` later is found by their rounds.
    pub fn hint(&mut self, hint: Hint, after: Duration) {
        if hints::is_soon(after) {
            self.hints.insert((after, hint));
        }
    }

    /// What this unit leaves for other nodes.
    pub(crate) fn hints(&mut self) -> &mut BTreeSet<(Duration, Hint)> {
        &mut self.hints
    }

    /// Whether there may be something to undo.
    pub(crate) fn has_written(&self) -> bool {
        self.has_written
    }

    /// Writes a row. `Conflict` where a unique key is taken: the row is not written, the unit may go on.
    pub(crate) fn insert<N: Noun>(&mut self, noun: &N) -> Result<(), StoreError> {
        self.write(noun, Form::New, generated::insert::<N>()).map(drop)
    }

    /// Writes a row with one column made by the store: `next` is what is selected for it,
    /// `max(variant) + 1 from identity where keyhash = ?1`, where `?1` is the first column. Whatever the noun has there
    /// does not count.
    pub(crate) fn insert_next<N: Noun>(
        &mut self,
        noun: &N,
        column: &'static str,
        next: &'static str,
    ) -> Result<(), StoreError> {
        let mut values = noun.to_values();
        let place = N::TABLE.columns.iter().position(|known| known.name == column);
        if !self.read.connected()?.is_remote() {
            place.map(|place| values.remove(place));
            return self
                .insert_values(generated::insert_next::<N>(column, next), &values)
                .map(drop)
                .map_err(in_table::<N>);
        }
        let first: Vec<Param<'_>> = values.iter().take(1).map(Param::from).collect();
        let made: i64 = self.one(generated::select_next(next), &first, |row| row.take())?.unwrap_or(0);
        if let Some(value) = place.and_then(|place| values.get_mut(place)) {
            *value = Value::Int(made);
        }
        self.write_values::<N>(values, Form::New, generated::insert::<N>()).map(drop)
    }

    /// Writes a row whose `column` is the next number of the ledger.
    pub(crate) fn insert_on_sheet<N: Noun>(
        &mut self,
        noun: &N,
        column: &'static str,
        next: &'static str,
    ) -> Result<(), StoreError> {
        self.write(noun, Form::OnSheet(column), generated::insert_next::<N>(column, next)).map(drop)
    }

    /// Writes a row unless one with a key of its is there. Says whether it was written.
    pub(crate) fn insert_if_absent<N: Noun>(&mut self, noun: &N) -> Result<bool, StoreError> {
        Ok(self.write(noun, Form::IfAbsent, generated::insert_if_absent::<N>())? == 1)
    }

    /// Writes a row unless one with a key of its is there, which is all the same to whoever writes it.
    pub(crate) fn insert_unless_there<N: Noun>(&mut self, noun: &N) -> Result<(), StoreError> {
        self.write(noun, Form::Unasked, generated::insert_if_absent::<N>()).map(drop)
    }

    /// Writes a row whose key is the next number of its table, whatever number the noun has.
    pub(crate) fn insert_numbered<N: Noun>(&mut self, noun: &N) -> Result<(), StoreError> {
        self.write(noun, Form::Numbered, generated::insert_numbered::<N>()).map(drop)
    }

    /// Writes a row, its values in the order of the columns. Where the store numbers the rows of the table, it gives
    /// this one the next number.
    pub(crate) fn insert_row(&mut self, table: &Table, values: Vec<Value>) -> Result<(), StoreError> {
        let (form, sql) = if table.is_numbered() {
            (Form::Numbered, generated::insert_numbered_into(table))
        } else {
            (Form::New, generated::insert_into(table))
        };
        self.begin_to_write();
        self.read.connected()?.insert(&Insertion { table: *table, form, sql }, values).map(drop)
    }

    /// Runs a statement; the number of rows it changed.
    pub(crate) fn execute(&mut self, sql: &'static str, params: &[Param<'_>]) -> Result<usize, StoreError> {
        self.begin_to_write();
        self.read.connected()?.execute(sql, params)
    }

    /// Runs a text of several statements.
    pub(crate) fn script(&mut self, sql: &str) -> Result<(), StoreError> {
        self.begin_to_write();
        self.read.connected()?.script(sql)
    }

    /// Runs a statement of which nobody asks how many rows it changed; at a server it goes with the next trip, those of all units
    /// together. It names the rows that it changes by bytes or texts.
    pub(crate) fn change_unasked(
        &mut self,
        sql: &'static str,
        params: &[Param<'_>],
    ) -> Result<(), StoreError> {
        self.begin_to_write();
        self.read.connected()?.change(sql, params)
    }

    /// From now on this unit asks for itself: memory does not know what it writes.
    fn begin_to_write(&mut self) {
        self.has_written = true;
        self.read.memory = None;
    }

    fn write<N: Noun>(&mut self, noun: &N, form: Form, sql: &'static str) -> Result<usize, StoreError> {
        self.write_values::<N>(noun.to_values(), form, sql)
    }

    fn write_values<N: Noun>(
        &mut self,
        values: Vec<Value>,
        form: Form,
        sql: &'static str,
    ) -> Result<usize, StoreError> {
        if form == Form::IfAbsent && self.read.connected()?.is_remote() && self.is_taken::<N>(&values)? {
            return Ok(0);
        }
        self.begin_to_write();
        let insertion = Insertion { table: N::TABLE, form, sql };
        self.read.connected()?.insert(&insertion, values).map_err(in_table::<N>)
    }

    /// Whether a key of such a row is taken. What is learned before it is written can be learned with everything else.
    fn is_taken<N: Noun>(&self, values: &[Value]) -> Result<bool, StoreError> {
        let (sql, places) = generated::taken::<N>();
        let params: Vec<Param<'_>> =
            places.iter().filter_map(|place| values.get(*place)).map(Param::from).collect();
        Ok(self.one(sql, &params, |_| Ok(()))?.is_some())
    }

    fn insert_values(&mut self, sql: &'static str, values: &[Value]) -> Result<usize, StoreError> {
        let params: Vec<Param<'_>> = values.iter().map(Param::from).collect();
        self.execute(sql, &params)
    }

    /// Changes one row and returns what the statement returns of it; `returning` makes it a question too.
    pub(crate) fn change<T>(
        &mut self,
        sql: &'static str,
        params: &[Param<'_>],
        each: impl FnOnce(&mut RowValues<'_>) -> Result<T, StoreError>,
    ) -> Result<Option<T>, StoreError> {
        self.begin_to_write();
        self.one(sql, params, each)
    }
}

/// A clash of keys, in the table it happened in.
fn in_table<N: Noun>(error: StoreError) -> StoreError {
    match error {
        StoreError::Conflict { .. } => StoreError::Conflict { table: N::TABLE.name },
        other => other,
    }
}

/// The values of one row, taken from left to right.
pub(crate) struct RowValues<'r> {
    cells: &'r dyn Cells,
    next: usize,
}

impl RowValues<'_> {
    /// The next value, as what the caller says it is.
    pub(crate) fn take<F: Field>(&mut self) -> Result<F, StoreError> {
        let value = self.next().ok_or(StoreError::Corrupt)?;
        F::from_value(value).ok_or(StoreError::WrongValue(WrongValue { column: "of a question" }))
    }

    /// A whole noun: its values in the order of its columns.
    pub(crate) fn noun<N: Noun>(&mut self) -> Result<N, StoreError> {
        Ok(N::from_values(self)?)
    }
}

impl Iterator for RowValues<'_> {
    type Item = Value;

    fn next(&mut self) -> Option<Value> {
        let value = self.cells.value(self.next);
        self.next += 1;
        value
    }
}

/// A value given to a statement, borrowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Param<'a> {
    /// No value.
    Null,
    /// A whole number.
    Int(i64),
    /// Text.
    Text(&'a str),
    /// Bytes.
    Bytes(&'a [u8]),
    /// A record id: bytes that need no owner.
    Id(Id),
}

macro_rules! param {
    ($($type:ty, $value:ident => $param:expr;)+) => {
        $(impl<'a> From<$type> for Param<'a> {
            fn from($value: $type) -> Self {
                $param
            }
        })+
    };
}

param! {
    i64, v => Param::Int(v);
    i32, v => Param::Int(i64::from(v));
    u32, v => Param::Int(i64::from(v));
    usize, v => Param::Int(i64::try_from(v).unwrap_or(i64::MAX));
    bool, v => Param::Int(i64::from(v));
    Timestamp, v => Param::Int(v.0);
    Id, v => Param::Id(v);
    &'a Id, v => Param::Id(*v);
    &'a str, v => Param::Text(v);
    &'a String, v => Param::Text(v);
    &'a [u8], v => Param::Bytes(v);
    &'a Vec<u8>, v => Param::Bytes(v);
}

impl<'a, const N: usize> From<&'a [u8; N]> for Param<'a> {
    fn from(bytes: &'a [u8; N]) -> Self {
        Param::Bytes(bytes)
    }
}

impl<'a, P: Into<Param<'a>>> From<Option<P>> for Param<'a> {
    fn from(value: Option<P>) -> Self {
        value.map_or(Param::Null, Into::into)
    }
}

impl<'a> From<&'a Value> for Param<'a> {
    fn from(value: &'a Value) -> Self {
        match value {
            Value::Null => Param::Null,
            Value::Int(number) => Param::Int(*number),
            Value::Text(text) => Param::Text(text),
            Value::Bytes(bytes) => Param::Bytes(bytes),
        }
    }
}
