//! A session on one schema: transactions whose rows go out together and whose questions are asked ahead.
//!
//! By itself every statement is a round trip. Between [`Together::begin`] and the end of the transaction rows wait in
//! the [`Buffer`] and questions in [`Ahead`]; what a unit sees is the same in both ways.
//!
//! *Invariant:* a transaction whose statement failed is over: nothing of it is ever committed.

use std::cell::RefCell;
use std::sync::Arc;

use model::schema::Value;

use super::ahead::Ahead;
use super::buffer::{Buffer, Group};
use super::dialect;
use super::pool::{Lease, Sheet};
use super::texts::Known;
use super::values::{Column, Line, owned};
use super::wire::{Answer, Params, Request};
use crate::StoreError;
use crate::engine::{Asking, Checkpoint, EachRow, Form, Insertion, LogState, Place, Session, Step, Together};
use crate::faults::{Fault, Faults};
use crate::rows::Param;

/// One session.
pub(super) struct PostgresSession {
    lease: Lease,
    faults: Faults,
    state: RefCell<State>,
}

#[derive(Default)]
struct State {
    /// A transaction was begun and not ended by us.
    within: bool,
    /// What begins it, while that was not sent yet.
    begin: Option<&'static str>,
    /// It failed, and can only be rolled back.
    failed: bool,
    /// It may write.
    is_writing: bool,
    /// Units run side by side.
    together: bool,
    /// The unit that runs asks for itself: it changed something, or it has tried often enough.
    asks_itself: bool,
    /// The unit that runs was answered with nothing where an answer was not here.
    has_missed: bool,
    buffer: Buffer,
    ahead: Ahead,
    /// Keys that this transaction holds, and those it is going to.
    held: Vec<Vec<u8>>,
    to_hold: Vec<Vec<u8>>,
    /// How often something was sent that cannot be taken back.
    sends: u64,
    /// Events of this transaction that were sent.
    events: i64,
    /// Copies of this transaction that were sent.
    copies: i64,
}

impl PostgresSession {
    pub(super) fn new(lease: Lease, faults: &Faults) -> Self {
        PostgresSession { lease, faults: faults.clone(), state: RefCell::default() }
    }

    /// What is known about a statement.
    fn known(&self, sql: &'static str) -> Result<Arc<Known>, StoreError> {
        Ok(self.lease.wire()?.texts().known(sql))
    }

    fn statement<'v>(&self, sql: &'static str, values: &'v [Value]) -> Result<Request<'v>, StoreError> {
        Ok(Request { text: Arc::clone(&self.known(sql)?.text), params: Params::Given(values) })
    }

    /// Sends statements, with what has to go before them: the beginning of the transaction, keys to hold, and, where
    /// wanted, the rows that wait. The answers to the statements alone come back.
    fn send(&self, statements: Vec<Request<'_>>, with_rows: bool) -> Result<Vec<Answer>, StoreError> {
        let mut state = self.state.borrow_mut();
        if state.failed {
            return Err(StoreError::Temporary { why: "the transaction had failed" });
        }
        let count = statements.len();
        let sent = self.send_all(&mut state, statements, with_rows);
        match sent {
            Ok(mut answers) => Ok(answers.split_off(answers.len().saturating_sub(count))),
            Err(error) => {
                state.failed = state.within;
                Err(error)
            }
        }
    }

    fn send_all(
        &self,
        state: &mut State,
        statements: Vec<Request<'_>>,
        with_rows: bool,
    ) -> Result<Vec<Answer>, StoreError> {
        let mut requests: Vec<Request<'_>> = Vec::new();
        // Begun from now on, be it that the rest fails: then it has to be rolled back.
        requests.extend(state.begin.take().map(script));
        let mut statements = statements.into_iter().peekable();
        // The version comes before all keys: nobody waits for it who holds what others wait for.
        let first = statements.next_if(|statement| statement.text.ends_with(VERSION_LOCK));
        let is_version_first = first.is_some();
        requests.extend(first);
        let to_hold = std::mem::take(&mut state.to_hold);
        if !to_hold.is_empty() {
            let keys = to_hold.iter().map(|key| Some(key.as_slice())).collect();
            requests.push(Request { text: HOLD.into(), params: Params::Columns(vec![Column::Bytes(keys)]) });
        }
        let before = requests.len();
        let holds = usize::from(!to_hold.is_empty());
        let State { buffer, events, copies, together, .. } = &mut *state;
        let groups = if with_rows { buffer.groups() } else { Vec::new() };
        let numbers = self.numbers(&groups, (events, copies))?;
        let expected: Vec<(usize, Form, &str)> =
            groups.iter().map(|group| (group.rows.len(), group.form, group.table.name)).collect();
        for group in &groups {
            // The commit may be on the same trip: what somebody counts on must end the transaction where it fails.
            let skips = group.form == Form::Unasked || !*together;
            let text = self.lease.wire()?.texts().rows(&group.table, group.form, skips);
            requests.push(rows(text, group, &numbers)?);
        }
        requests.extend(statements);
        #[cfg(feature = "testing")]
        for request in requests.iter().filter(|request| !matches!(request.params, Params::Script)) {
            crate::engine::heard::note(self.lease.schema(), &request.text);
        }
        let is_sent = !groups.is_empty();
        let group_count = groups.len();
        let mut answers = self.lease.wire()?.send(requests).map_err(|error| match error {
            StoreError::Conflict { table } if is_sent && *together => StoreError::Overtaken { table },
            other => other,
        })?;
        drop(groups);
        if is_sent {
            buffer.sent();
        }
        state.sends += u64::from(is_sent);
        state.held.extend(to_hold);
        for ((count, form, table), answer) in expected.into_iter().zip(answers.iter().skip(before)) {
            if form != Form::Unasked && answer.changed != count as u64 {
                return Err(StoreError::Overtaken { table });
            }
        }
        if is_version_first {
            // Its answer stands before those of the other statements again.
            let version = answers.remove(before - holds - 1);
            answers.insert(before - 1 + group_count, version);
        }
        Ok(answers)
    }

    /// Numbers for the columns that the store makes, a list for each form.
    fn numbers(
        &self,
        groups: &[Group<'_>],
        (events, copies): (&mut i64, &mut i64),
    ) -> Result<Numbers, StoreError> {
        let mut numbers = Numbers::default();
        for group in groups {
            let count = i64::try_from(group.rows.len()).unwrap_or(i64::MAX);
            match group.form {
                Form::Numbered => {
                    numbers.events = (*events..*events + count).map(Value::Int).collect();
                    *events += count;
                }
                Form::OnSheet(_) => {
                    let first = self.lease.sheet()?.next() + *copies;
                    numbers.copies = (first..first + count).map(Value::Int).collect();
                    *copies += count;
                }
                Form::New | Form::IfAbsent | Form::Unasked => {}
            }
        }
        Ok(numbers)
    }

    /// Asks the server now; rows that the answer depends on go first.
    fn ask(&self, sql: &'static str, values: &[Value]) -> Result<Vec<Line>, StoreError> {
        let depends = {
            let (state, known) = (self.state.borrow(), self.known(sql)?);
            !state.buffer.is_empty() && (changes(sql) || state.buffer.touches(&known.tables, values))
        };
        let mut answers = self.send(vec![self.statement(sql, values)?], depends)?;
        if changes(sql) {
            let mut state = self.state.borrow_mut();
            state.ahead.forget();
            state.sends += 1;
        }
        Ok(answers.pop().map(|answer| answer.rows).unwrap_or_default())
    }

    /// The rows of a question of a unit: an answer that is here, one asked for now, or none, and the unit runs again.
    fn answer(&self, sql: &'static str, values: Vec<Value>) -> Result<Vec<Line>, StoreError> {
        {
            let mut state = self.state.borrow_mut();
            if state.together && !state.failed {
                let is_stale = changes(sql) || state.buffer.touches(&self.known(sql)?.tables, &values);
                if !is_stale && let Some(rows) = state.ahead.answer(sql, &values) {
                    return Ok(rows.to_vec());
                }
                if state.has_missed || !(state.asks_itself || is_stale) {
                    state.has_missed = true;
                    if !is_stale {
                        state.ahead.want(sql, values);
                    }
                    return Ok(Vec::new());
                }
                state.asks_itself = true;
            }
        }
        self.ask(sql, &values)
    }

    fn meet_faults(&self) -> Result<(), StoreError> {
        let Some(fault) = self.faults.next() else { return Ok(()) };
        if fault == Fault::FullEndsTransaction {
            let mut state = self.state.borrow_mut();
            state.failed = state.within;
        }
        Err(fault.error())
    }

    fn begin(&self, text: &'static str, is_writing: bool) {
        let state = State { within: true, begin: Some(text), is_writing, ..State::default() };
        *self.state.borrow_mut() = state;
    }

    fn commit(&self) -> Result<(), StoreError> {
        let (was_begun, has_rows, held) = {
            let mut state = self.state.borrow_mut();
            if state.failed {
                return Err(StoreError::Temporary { why: "the transaction had failed" });
            }
            (state.begin.is_none(), !state.buffer.is_empty(), std::mem::take(&mut state.held))
        };
        if !was_begun && !has_rows {
            self.end();
            return Ok(());
        }
        let sheet = self.lease.sheet_if_any();
        let mut last = Vec::new();
        if !held.is_empty() {
            let keys = held.iter().map(|key| Some(key.as_slice())).collect();
            last.push(Request { text: LET_GO.into(), params: Params::Columns(vec![Column::Bytes(keys)]) });
        }
        let mark = sheet.map(Sheet::mark);
        if let Some(mark) = &mark {
            last.push(Request { text: MARK.into(), params: Params::Given(mark) });
            last.push(Request { text: UNMARK.into(), params: Params::Given(mark) });
        }
        last.push(script("commit"));
        // Of an earlier warning nothing is meant here.
        self.lease.wire()?.take_warning();
        let sent = self.send(last, true);
        let is_warned = self.lease.wire()?.take_warning();
        let copies = self.state.borrow().copies;
        let settled = match sent {
            Ok(_) if is_warned => {
                // It stands at this server, and perhaps nowhere else: it is not run again, and its numbers are not used.
                self.lease.wire()?.give_up();
                Err(StoreError::Temporary { why: "the commit is not known to be replicated" })
            }
            Ok(_) => Ok(()),
            Err(error) if self.lease.is_sound() => Err(error),
            // The connection ended, and nobody knows on which side of the commit.
            Err(error) => match &mark {
                Some(mark) => {
                    self.lease.settle(mark).and_then(|is_kept| if is_kept { Ok(()) } else { Err(error) })
                }
                None => Err(error),
            },
        };
        if settled.is_ok() {
            if let Some(sheet) = sheet {
                sheet.committed(copies);
            }
            self.end();
        }
        settled
    }

    fn end(&self) {
        *self.state.borrow_mut() = State::default();
    }

    fn rollback(&self) -> Result<(), StoreError> {
        let was_begun = {
            let mut state = self.state.borrow_mut();
            let was_begun = state.within && state.begin.is_none();
            *state = State::default();
            was_begun
        };
        if was_begun { self.lease.wire()?.send_off("rollback") } else { Ok(()) }
    }
}

#[derive(Default)]
struct Numbers {
    events: Vec<Value>,
    copies: Vec<Value>,
}

fn script(text: &'static str) -> Request<'static> {
    Request { text: text.into(), params: Params::Script }
}

/// The statement that writes a group of rows.
fn rows<'g>(text: Arc<str>, group: &Group<'g>, numbers: &'g Numbers) -> Result<Request<'g>, StoreError> {
    let made = group.form.made_column(&group.table);
    let given = if group.form == Form::Numbered { &numbers.events } else { &numbers.copies };
    let mut columns = Vec::with_capacity(group.table.columns.len());
    for (place, column) in group.table.columns.iter().enumerate() {
        let kind = dialect::kind_of(column.kind);
        columns.push(if made == Some(column.name) {
            Column::new(&kind, given.iter())?
        } else {
            Column::new(&kind, group.rows.iter().filter_map(|row| row.get(place)))?
        });
    }
    Ok(Request { text, params: Params::Columns(columns) })
}

/// Whether a question changes or locks rows: it is asked when its unit comes to it, not ahead.
fn changes(sql: &str) -> bool {
    !sql.starts_with("select") || sql.contains("skip locked")
}

impl Session for PostgresSession {
    fn execute(&self, sql: &'static str, params: &[Param<'_>]) -> Result<usize, StoreError> {
        self.meet_faults()?;
        {
            let mut state = self.state.borrow_mut();
            if state.together && state.has_missed {
                return Ok(1);
            }
            state.asks_itself = true;
        }
        let values: Vec<Value> = params.iter().map(owned).collect();
        let answers = self.send(vec![self.statement(sql, &values)?], true)?;
        let mut state = self.state.borrow_mut();
        state.ahead.forget();
        state.sends += 1;
        drop(state);
        Ok(answers.first().map_or(0, |answer| usize::try_from(answer.changed).unwrap_or(usize::MAX)))
    }

    fn insert(&self, insertion: &Insertion, values: Vec<Value>) -> Result<usize, StoreError> {
        self.meet_faults()?;
        let (is_alone, is_void) = {
            let mut state = self.state.borrow_mut();
            let is_void = state.together && state.has_missed;
            if !is_void {
                state.buffer.push(insertion.table, insertion.form, values);
            }
            (!state.together, is_void)
        };
        if is_void || !is_alone {
            return Ok(1);
        }
        let is_asked = matches!(insertion.form, Form::IfAbsent | Form::Unasked);
        match self.send_rows_alone() {
            Ok(()) => Ok(1),
            Err(StoreError::Overtaken { .. }) if is_asked => Ok(0),
            Err(StoreError::Overtaken { table }) => Err(StoreError::Conflict { table }),
            Err(error) => Err(error),
        }
    }

    fn query(
        &self,
        sql: &'static str,
        params: &[Param<'_>],
        each: &mut EachRow<'_>,
    ) -> Result<(), StoreError> {
        self.meet_faults()?;
        let rows = self.answer(sql, params.iter().map(owned).collect())?;
        for row in &rows {
            if !each(row)? {
                break;
            }
        }
        Ok(())
    }

    fn script(&self, sql: &str) -> Result<(), StoreError> {
        self.meet_faults()?;
        let text: Arc<str> = dialect::script(sql).into();
        self.send(vec![Request { text, params: Params::Script }], false).map(drop)
    }

    fn step(&self, step: Step) -> Result<(), StoreError> {
        if step == Step::Rollback {
            return self.rollback();
        }
        self.meet_faults()?;
        match step {
            Step::BeginRead => self.begin("begin isolation level repeatable read, read only", false),
            Step::BeginWrite => {
                self.lease.take_sheet()?;
                self.begin("begin", true);
            }
            Step::Commit => return self.commit(),
            // Units that share a transaction run in memory first, so nothing has to be marked at the server.
            Step::Mark | Step::Unmark | Step::Return | Step::Rollback => {
                return Err(StoreError::Temporary { why: "this engine has no marks" });
            }
        }
        Ok(())
    }

    fn in_transaction(&self) -> bool {
        let state = self.state.borrow();
        state.within && !state.failed
    }

    fn shrink(&self) -> Result<(), StoreError> {
        Ok(())
    }

    fn checkpoint(&self, _: Checkpoint) -> Result<LogState, StoreError> {
        Ok(LogState::default())
    }

    fn is_sound(&self) -> bool {
        self.lease.is_sound()
    }

    fn prepare_schema(&self) -> Result<(), StoreError> {
        self.lease.prepare_schema()
    }

    fn is_remote(&self) -> bool {
        true
    }

    fn together(&self) -> Option<&dyn Together> {
        Some(self)
    }

    fn is_guessing(&self) -> bool {
        self.state.borrow().has_missed
    }

    fn hold(&self, key: &[u8]) {
        let mut state = self.state.borrow_mut();
        let is_known = |keys: &[Vec<u8>]| keys.iter().any(|known| known == key);
        if state.is_writing && !is_known(&state.held) && !is_known(&state.to_hold) {
            state.to_hold.push(key.to_owned());
        }
    }

    /// The plan that is made once for all values, as connections for units use it. Where nothing else is possible the
    /// planner walks through a table all the same.
    #[cfg(feature = "testing")]
    fn plan(&self, statement: &str) -> Result<crate::Plan, StoreError> {
        let wire = self.lease.wire()?;
        let given = wire.kinds(&statement.into())?.iter().map(|_| "null").collect::<Vec<_>>().join(", ");
        let values = if given.is_empty() { given } else { format!("({given})") };
        let send = |text: String, params| wire.send(vec![Request { text: text.into(), params }]);
        send(format!("prepare explained as {statement}"), Params::Script)?;
        let said = send(format!("explain (costs off) execute explained {values}"), Params::Given(&[]))?;
        send("deallocate explained".to_owned(), Params::Script)?;
        let cells = said.into_iter().flat_map(|answer| answer.rows).flatten();
        let text = |cell| if let Value::Text(text) = cell { Some(text) } else { None };
        let lines: Vec<String> = cells.filter_map(text).collect();
        Ok(crate::Plan {
            statement: statement.to_owned(),
            accesses: crate::plans::of_postgres(&lines),
            lines,
        })
    }
}

impl PostgresSession {
    /// Sends a single row that waits. A key that is taken leaves the transaction as it is.
    fn send_rows_alone(&self) -> Result<(), StoreError> {
        let sent = self.send(Vec::new(), true).map(drop);
        let mut state = self.state.borrow_mut();
        if let Err(StoreError::Overtaken { .. }) = sent {
            state.failed = false;
        }
        state.ahead.forget();
        sent
    }
}

impl Together for PostgresSession {
    fn begin(&self) {
        self.state.borrow_mut().together = true;
    }

    fn exclude(&self) {
        let mut state = self.state.borrow_mut();
        if state.begin.is_some() {
            state.begin = Some(BEGIN_EXCLUDING);
        }
    }

    fn begin_unit(&self, asking: Asking) -> Place {
        let mut state = self.state.borrow_mut();
        state.has_missed = asking == Asking::OnlyAhead;
        state.asks_itself = asking == Asking::Itself;
        Place { rows: state.buffer.len(), sends: state.sends }
    }

    fn has_missed(&self) -> bool {
        self.state.borrow().has_missed
    }

    fn take_back(&self, place: Place) -> Result<(), StoreError> {
        let mut state = self.state.borrow_mut();
        state.has_missed = false;
        if state.sends != place.sends {
            return Err(StoreError::Temporary { why: "what is to be undone was sent" });
        }
        state.buffer.truncate(place.rows);
        Ok(())
    }

    fn fetch(&self) -> Result<(), StoreError> {
        let groups = self.state.borrow_mut().ahead.take_wanted();
        let mut requests = Vec::with_capacity(groups.len());
        for (sql, sets) in &groups {
            requests.push(match sets.as_slice() {
                [values] => self.statement(sql, values)?,
                sets => self.question_of_many(sql, sets)?,
            });
        }
        let answers = self.send(requests, false)?;
        let mut state = self.state.borrow_mut();
        for ((sql, sets), answer) in groups.iter().zip(answers) {
            if let [values] = sets.as_slice() {
                state.ahead.put(sql, values, answer.rows);
                continue;
            }
            let mut rows: Vec<Vec<Line>> = sets.iter().map(|_| Vec::new()).collect();
            for mut line in answer.rows {
                let Value::Int(number) = line.remove(0) else { return Err(StoreError::Corrupt) };
                let place = usize::try_from(number - 1).map_err(|_| StoreError::Corrupt)?;
                rows.get_mut(place).ok_or(StoreError::Corrupt)?.push(line);
            }
            for (values, rows) in sets.iter().zip(rows) {
                state.ahead.put(sql, values, rows);
            }
        }
        Ok(())
    }
}

impl PostgresSession {
    fn question_of_many<'v>(
        &self,
        sql: &'static str,
        sets: &'v [Vec<Value>],
    ) -> Result<Request<'v>, StoreError> {
        let wire = self.lease.wire()?;
        let known = self.known(sql)?;
        let kinds = wire.kinds(&known.text)?;
        let text = wire.texts().of_many(sql, &kinds);
        let column = |(place, kind): (usize, &tokio_postgres::types::Type)| {
            Column::new(kind, sets.iter().filter_map(|values| values.get(place)))
        };
        let columns = kinds.iter().enumerate().map(column).collect::<Result<_, _>>()?;
        Ok(Request { text, params: Params::Columns(columns) })
    }
}

/// Holding the version of the records (`for share`) takes a lock on its table that conflicts with this one, and those
/// who wait for locks on tables get them in their order.
const BEGIN_EXCLUDING: &str = "begin; lock table setting in exclusive mode";
/// How the question ends that holds the version of the records.
const VERSION_LOCK: &str = " for share";
/// Keys that are held until the transaction ends: whoever wants one of them waits. Nothing stays of it.
const HOLD: &str = "insert into heldkey (keyhash) select k from unnest($1::bytea[]) as q (k) order by k on conflict do nothing";
const LET_GO: &str = "delete from heldkey where keyhash = any($1::bytea[])";
/// The mark of a commit: it is there exactly if the transaction was kept.
const MARK: &str = "insert into writersheet (sheet, number) values ($1, $2)";
const UNMARK: &str = "delete from writersheet where sheet = $1 and number < $2";

impl Drop for PostgresSession {
    fn drop(&mut self) {
        // Where that cannot be sent the connection is broken, and goes nowhere.
        let _ = self.rollback();
    }
}
