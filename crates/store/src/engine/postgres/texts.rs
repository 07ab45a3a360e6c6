//! Statements in the words of PostgreSQL, made once for each connection.

use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::Arc;

use model::schema::Table;
use tokio_postgres::types::Type;

use super::dialect;
use crate::engine::Form;

/// What is known about a statement that is written once for both engines.
pub(super) struct Known {
    /// In the words of PostgreSQL.
    pub(super) text: Arc<str>,
    /// The tables that it names.
    pub(super) tables: Vec<&'static str>,
}

/// The table, whether its key is made of the transaction, whether taken keys are skipped.
type RowsKey = (&'static str, bool, bool);

/// The texts so far. A statement is known by its place in memory.
#[derive(Default)]
pub(super) struct Texts {
    known: RefCell<HashMap<(usize, usize), Arc<Known>>>,
    of_many: RefCell<HashMap<(usize, usize), Arc<str>>>,
    rows: RefCell<HashMap<RowsKey, Arc<str>>>,
}

impl Texts {
    pub(super) fn known(&self, sql: &'static str) -> Arc<Known> {
        let mut texts = self.known.borrow_mut();
        let known = texts.entry(place(sql)).or_insert_with(|| {
            Arc::new(Known { text: dialect::statement(sql).into(), tables: dialect::tables_in(sql) })
        });
        Arc::clone(known)
    }

    /// A question asked for many sets of values.
    pub(super) fn of_many(&self, sql: &'static str, kinds: &[Type]) -> Arc<str> {
        let mut texts = self.of_many.borrow_mut();
        let text = texts.entry(place(sql)).or_insert_with(|| dialect::question_of_many(sql, kinds).into());
        Arc::clone(text)
    }

    /// Rows of a table written together; with `skips` those whose key is taken are left out.
    pub(super) fn rows(&self, table: &Table, form: Form, skips: bool) -> Arc<str> {
        let is_numbered = form == Form::Numbered;
        let mut texts = self.rows.borrow_mut();
        let text = texts.entry((table.name, is_numbered, skips)).or_insert_with(|| {
            let made = form.made_column(table).filter(|_| is_numbered);
            dialect::rows_of(table, made.map(|column| (column, EVENT_NUMBER)), skips).into()
        });
        Arc::clone(text)
    }
}

fn place(sql: &'static str) -> (usize, usize) {
    (sql.as_ptr() as usize, sql.len())
}

/// `event.eventid` is made of the transaction's id and the place in it; a transaction has fewer events than that.
const EVENT_NUMBER: &str = "pg_current_xact_id()::text::bigint * 1048576 + {}";
