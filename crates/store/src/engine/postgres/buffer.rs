//! Rows that a transaction is going to write: they go out together, a statement for each table.
//!
//! What passes through: rows, in the order in which units wrote them; those of a unit that failed are taken out
//! again. Whoever asks a question that such a row could change is told so, and sends them first.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};

use model::schema::{Table, Value};

use crate::engine::Form;

/// One row.
struct Row {
    table: Table,
    form: Form,
    values: Vec<Value>,
}

/// Rows of one table and form, as they go out together.
pub(super) struct Group<'b> {
    pub(super) table: Table,
    pub(super) form: Form,
    pub(super) rows: Vec<&'b [Value]>,
}

/// The rows that wait, and what has been touched by rows of this transaction.
#[derive(Default)]
pub(super) struct Buffer {
    rows: Vec<Row>,
    /// Texts and bytes in rows of this transaction, those that were sent included, by their hash with their table.
    touched: HashMap<u64, u32>,
}

impl Buffer {
    pub(super) fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// How many rows wait.
    pub(super) fn len(&self) -> usize {
        self.rows.len()
    }

    pub(super) fn push(&mut self, table: Table, form: Form, values: Vec<Value>) {
        for hash in values.iter().filter_map(|value| hash(table.name, value)) {
            *self.touched.entry(hash).or_default() += 1;
        }
        self.rows.push(Row { table, form, values });
    }

    /// Takes out the rows behind the first so many.
    pub(super) fn truncate(&mut self, length: usize) {
        while self.rows.len() > length {
            let Some(row) = self.rows.pop() else { break };
            for hash in row.values.iter().filter_map(|value| hash(row.table.name, value)) {
                if let Some(count) = self.touched.get_mut(&hash) {
                    *count -= 1;
                    if *count == 0 {
                        self.touched.remove(&hash);
                    }
                }
            }
        }
    }

    /// Whether an answer to a question to these tables with these values could be changed by rows of this transaction.
    ///
    /// Every question of a unit compares a text or bytes that it is given with a column, for equality: a row that it
    /// could find holds one of them. Of a question that gives none, nothing is known.
    pub(super) fn touches(&self, tables: &[&'static str], values: &[Value]) -> bool {
        if self.touched.is_empty() {
            return false;
        }
        let is_touched =
            |table: &str, value: &Value| hash(table, value).is_some_and(|h| self.touched.contains_key(&h));
        let tells = values.iter().any(|value| matches!(value, Value::Text(_) | Value::Bytes(_)));
        !tells || tables.iter().any(|table| values.iter().any(|value| is_touched(table, value)))
    }

    /// The rows that wait, a group for each table and form, in the order of their first rows.
    pub(super) fn groups(&self) -> Vec<Group<'_>> {
        let mut groups: Vec<Group<'_>> = Vec::new();
        for row in &self.rows {
            let same = |group: &&mut Group<'_>| group.table.name == row.table.name && group.form == row.form;
            match groups.iter_mut().find(same) {
                Some(group) => group.rows.push(&row.values),
                None => groups.push(Group { table: row.table, form: row.form, rows: vec![&row.values] }),
            }
        }
        for group in &mut groups {
            // Claims in the order of their keys: two transactions never wait for each other crosswise.
            if group.table.name == "identity" {
                group.rows.sort_by(|one, other| key(one).cmp(&key(other)));
            }
        }
        groups
    }

    /// Forgets the rows that wait: they were sent.
    pub(super) fn sent(&mut self) {
        self.rows.clear();
    }
}

fn key(values: &[Value]) -> Option<&[u8]> {
    match values.first() {
        Some(Value::Bytes(bytes)) => Some(bytes),
        _ => None,
    }
}

/// Of a text or bytes; numbers are everywhere.
fn hash(table: &str, value: &Value) -> Option<u64> {
    let mut hasher = DefaultHasher::new();
    table.hash(&mut hasher);
    match value {
        Value::Text(text) => text.hash(&mut hasher),
        Value::Bytes(bytes) => bytes.hash(&mut hasher),
        Value::Null | Value::Int(_) => return None,
    }
    Some(hasher.finish())
}
