//! What goes to the server in one trip, and what came of each part of it.
//!
//! A trip is: the beginning of the transaction, the question that holds the version, keys to hold, rows and changes that wait, and
//! the statements that somebody wants answered.

use std::sync::Arc;

use model::schema::Value;

use super::{PostgresSession, State};
use crate::StoreError;
use crate::engine::Form;
use crate::engine::postgres::buffer::Group;
use crate::engine::postgres::dialect;
use crate::engine::postgres::values::Column;
use crate::engine::postgres::wire::{Answer, Params, Request};

/// What a request of a trip is for.
enum Part {
    /// Nobody asks what came of it.
    Before,
    /// So many rows, which have to be written unless nobody asks.
    Rows(u64, Form, &'static str),
    /// Its answer is wanted.
    Statement,
}

impl PostgresSession {
    /// Sends statements, with what has to go before them: the beginning of the transaction, keys to hold, and, where
    /// wanted, the rows that wait. The answers to the statements alone come back, in their order.
    pub(super) fn send(
        &self,
        statements: Vec<Request<'_>>,
        with_rows: bool,
    ) -> Result<Vec<Answer>, StoreError> {
        let mut state = self.state.borrow_mut();
        if state.failed {
            return Err(StoreError::Temporary { why: "the transaction had failed" });
        }
        let sent = self.trip(&mut state, statements, with_rows);
        if sent.is_err() {
            state.failed = state.within;
        }
        sent
    }

    fn trip(
        &self,
        state: &mut State,
        statements: Vec<Request<'_>>,
        with_rows: bool,
    ) -> Result<Vec<Answer>, StoreError> {
        let mut parts: Vec<(Part, Request<'_>)> = Vec::new();
        // Begun from now on, be it that the rest fails: then it has to be rolled back.
        parts.extend(state.begin.take().map(|text| (Part::Before, script(text))));
        let mut statements = statements.into_iter().map(|statement| (Part::Statement, statement)).peekable();
        // The version comes before all keys: nobody waits for it who holds what others wait for.
        parts.extend(statements.next_if(|(_, statement)| statement.text.ends_with(VERSION_LOCK)));
        let to_hold = std::mem::take(&mut state.to_hold);
        if !to_hold.is_empty() {
            parts.push((Part::Before, with_keys(HOLD, &to_hold)));
        }
        let State { buffer, events, copies, together, .. } = &mut *state;
        let groups = if with_rows { buffer.groups() } else { Vec::new() };
        let numbers = self.numbers(&groups, (events, copies))?;
        for group in &groups {
            // The commit may be on the same trip: what somebody counts on must end the transaction where it fails.
            let skips = group.form == Form::Unasked || !*together;
            let text = self.lease.wire()?.texts().rows(&group.table, group.form, skips);
            let part = Part::Rows(group.rows.len() as u64, group.form, group.table.name);
            parts.push((part, rows(text, group, &numbers)?));
        }
        let has_rows = with_rows && !buffer.is_empty();
        parts.extend(buffer.changes().filter(|_| has_rows).map(|change| (Part::Before, change)));
        parts.extend(statements);
        let (parts, requests): (Vec<Part>, Vec<Request<'_>>) = parts.into_iter().unzip();
        self.note(&requests);
        let answers = self.lease.wire()?.send(requests).map_err(|error| match error {
            StoreError::Conflict { table } if has_rows && *together => StoreError::Overtaken { table },
            other => other,
        })?;
        drop(groups);
        if has_rows {
            buffer.sent();
        }
        state.sends += u64::from(has_rows);
        state.held.extend(to_hold);
        wanted(parts, answers)
    }

    /// Tests look at the plans of what was sent.
    #[cfg(feature = "testing")]
    fn note(&self, requests: &[Request<'_>]) {
        for request in requests.iter().filter(|request| !matches!(request.params, Params::Script)) {
            crate::engine::heard::note(self.lease.schema(), &request.text);
        }
    }

    #[cfg(not(feature = "testing"))]
    #[expect(clippy::unused_self, reason = "tests note what was sent")]
    fn note(&self, _: &[Request<'_>]) {}

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

    /// Sends a single row that waits. A key that is taken leaves the transaction as it is.
    pub(super) fn send_rows_alone(&self) -> Result<(), StoreError> {
        let sent = self.send(Vec::new(), true).map(drop);
        let mut state = self.state.borrow_mut();
        if let Err(StoreError::Overtaken { .. }) = sent {
            state.failed = false;
        }
        state.ahead.forget();
        sent
    }
}

/// The answers that are wanted. `Overtaken` where rows were left out that somebody counts on.
fn wanted(parts: Vec<Part>, answers: Vec<Answer>) -> Result<Vec<Answer>, StoreError> {
    let mut wanted = Vec::new();
    for (part, answer) in parts.into_iter().zip(answers) {
        match part {
            Part::Before | Part::Rows(_, Form::Unasked, _) => {}
            Part::Rows(count, _, table) if answer.changed != count => {
                return Err(StoreError::Overtaken { table });
            }
            Part::Rows(..) => {}
            Part::Statement => wanted.push(answer),
        }
    }
    Ok(wanted)
}

/// A statement about keys.
pub(super) fn with_keys<'k>(text: &'static str, keys: &'k [Vec<u8>]) -> Request<'k> {
    let keys = keys.iter().map(|key| Some(key.as_slice())).collect();
    Request { text: text.into(), params: Params::Columns(vec![Column::Bytes(keys)]) }
}

#[derive(Default)]
struct Numbers {
    events: Vec<Value>,
    copies: Vec<Value>,
}

pub(super) fn script(text: &'static str) -> Request<'static> {
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

/// How the question ends that holds the version of the records.
const VERSION_LOCK: &str = " for share";
/// Keys that are held until the transaction ends: whoever wants one of them waits. Nothing stays of it.
const HOLD: &str = "insert into heldkey (keyhash) select k from unnest($1::bytea[]) as q (k) order by k on conflict do nothing";
