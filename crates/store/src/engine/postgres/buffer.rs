//! What a transaction is going to write: rows go out together, a statement for each table, and behind them changes of rows that are
//! there, in their order.
//!
//! What passes through: rows and changes, in the order in which units wrote them; those of a unit that failed are taken out
//! again. Whoever asks a question that such a row or change could answer otherwise is told so, and sends them first.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use model::schema::{Table, Value};

use super::texts::Known;
use super::wire::{Params, Request};
use crate::engine::Form;

/// What waits.
enum Waiting {
    /// A row.
    Row { table: Table, form: Form, values: Vec<Value> },
    /// A change, of which nobody asks how much it changed.
    Change { known: Arc<Known>, values: Vec<Value> },
}

impl Waiting {
    /// What it touches: texts and bytes, by their hash with each table.
    fn touched(&self) -> Vec<u64> {
        match self {
            Waiting::Row { table, values, .. } => hashes(&[table.name], values).collect(),
            Waiting::Change { known, values } => hashes(&known.tables, values).collect(),
        }
    }
}

/// Rows of one table and form, as they go out together.
pub(super) struct Group<'b> {
    pub(super) table: Table,
    pub(super) form: Form,
    pub(super) rows: Vec<&'b [Value]>,
}

/// What waits, and what has been touched by this transaction.
#[derive(Default)]
pub(super) struct Buffer {
    waiting: Vec<Waiting>,
    /// Texts and bytes in rows and changes of this transaction, those that were sent included, by their hash with their table.
    touched: HashMap<u64, u32>,
}

impl Buffer {
    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// How much waits.
    pub(super) fn len(&self) -> usize {
        self.waiting.len()
    }

    pub(super) fn push(&mut self, table: Table, form: Form, values: Vec<Value>) {
        self.add(Waiting::Row { table, form, values });
    }

    pub(super) fn push_change(&mut self, known: Arc<Known>, values: Vec<Value>) {
        self.add(Waiting::Change { known, values });
    }

    fn add(&mut self, waiting: Waiting) {
        for hash in waiting.touched() {
            *self.touched.entry(hash).or_default() += 1;
        }
        self.waiting.push(waiting);
    }

    /// Takes out what waits behind the first so many.
    pub(super) fn truncate(&mut self, length: usize) {
        while self.waiting.len() > length {
            let Some(last) = self.waiting.pop() else { break };
            for hash in last.touched() {
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
        for waiting in &self.waiting {
            let Waiting::Row { table, form, values } = waiting else { continue };
            let same = |group: &&mut Group<'_>| group.table.name == table.name && group.form == *form;
            match groups.iter_mut().find(same) {
                Some(group) => group.rows.push(values),
                None => groups.push(Group { table: *table, form: *form, rows: vec![values] }),
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

    /// The changes that wait, in their order.
    pub(super) fn changes(&self) -> impl Iterator<Item = Request<'_>> {
        self.waiting.iter().filter_map(|waiting| match waiting {
            Waiting::Row { .. } => None,
            Waiting::Change { known, values } => {
                Some(Request { text: Arc::clone(&known.text), params: Params::Given(values) })
            }
        })
    }

    /// Forgets what waits: it was sent.
    pub(super) fn sent(&mut self) {
        self.waiting.clear();
    }
}

fn key(values: &[Value]) -> Option<&[u8]> {
    match values.first() {
        Some(Value::Bytes(bytes)) => Some(bytes),
        _ => None,
    }
}

fn hashes<'v>(tables: &'v [&'static str], values: &'v [Value]) -> impl Iterator<Item = u64> {
    tables.iter().flat_map(|table| values.iter().filter_map(|value| hash(table, value)))
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
