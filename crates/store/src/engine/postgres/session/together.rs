//! Units that share a transaction: what they ask is gathered, and asked in one go.

use model::schema::Value;
use tokio_postgres::types::Type;

use super::PostgresSession;
use crate::StoreError;
use crate::engine::postgres::values::{Column, Line};
use crate::engine::postgres::wire::{Params, Request};
use crate::engine::{Asking, Place, Together};

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
        let column = |(place, kind): (usize, &Type)| {
            Column::new(kind, sets.iter().filter_map(|values| values.get(place)))
        };
        let columns = kinds.iter().enumerate().map(column).collect::<Result<_, _>>()?;
        Ok(Request { text, params: Params::Columns(columns) })
    }
}

/// Holding the version of the records (`for share`) takes a lock on its table that conflicts with this one, and those
/// who wait for locks on tables get them in their order.
const BEGIN_EXCLUDING: &str = "begin; lock table setting in exclusive mode";
