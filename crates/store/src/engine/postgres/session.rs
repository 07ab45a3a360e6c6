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
use super::buffer::Buffer;
use super::dialect;
use super::pool::{Lease, Sheet};
use super::texts::Known;
use super::values::{Line, owned};
use super::wire::{Params, Request};
use crate::StoreError;
use crate::engine::{Checkpoint, EachRow, Form, Insertion, LogState, Session, Step, Together};
use crate::faults::{Fault, Faults};
use crate::rows::Param;

mod together;
mod trip;

use trip::{script, with_keys};

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
            last.push(with_keys(LET_GO, &held));
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

    /// Behind the rows that wait: what a unit changed before it asks or changes at once goes before that.
    fn change(&self, sql: &'static str, params: &[Param<'_>]) -> Result<(), StoreError> {
        if !self.state.borrow().together {
            return self.execute(sql, params).map(drop);
        }
        self.meet_faults()?;
        let known = self.known(sql)?;
        let mut state = self.state.borrow_mut();
        if !state.has_missed {
            state.buffer.push_change(known, params.iter().map(owned).collect());
        }
        Ok(())
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

/// Keys that were held by this transaction alone.
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
