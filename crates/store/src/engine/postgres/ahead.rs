//! Questions asked ahead: what the units of a transaction are going to ask, gathered, asked in one go, remembered.
//!
//! A unit runs with the answers that are here; what it misses is noted and answered with nothing, and the unit runs
//! again once the answers have come. Units may run again by their nature, so nothing they did without an answer counts.

use std::collections::{HashMap, HashSet};

use model::schema::Value;

use super::values::Line;

/// Answers of this transaction, and questions that wait.
#[derive(Default)]
pub(super) struct Ahead {
    answers: HashMap<Key, Vec<Line>>,
    wanted: Vec<(&'static str, Vec<Value>)>,
    noted: HashSet<Key>,
}

/// A statement, by its place in memory, and its values.
type Key = (usize, usize, Vec<u8>);

impl Ahead {
    /// The answer, where it is here.
    pub(super) fn answer(&self, sql: &'static str, values: &[Value]) -> Option<&[Line]> {
        self.answers.get(&key(sql, values)).map(Vec::as_slice)
    }

    /// Notes a question.
    pub(super) fn want(&mut self, sql: &'static str, values: Vec<Value>) {
        if self.noted.insert(key(sql, &values)) {
            self.wanted.push((sql, values));
        }
    }

    /// The questions that wait, those of one text together.
    pub(super) fn take_wanted(&mut self) -> Vec<(&'static str, Vec<Vec<Value>>)> {
        self.noted.clear();
        let mut groups: Vec<(&'static str, Vec<Vec<Value>>)> = Vec::new();
        for (sql, values) in self.wanted.drain(..) {
            match groups.iter_mut().find(|(known, _)| std::ptr::eq(*known, sql)) {
                Some((_, sets)) => sets.push(values),
                None => groups.push((sql, vec![values])),
            }
        }
        groups
    }

    /// Remembers an answer.
    pub(super) fn put(&mut self, sql: &'static str, values: &[Value], rows: Vec<Line>) {
        self.answers.insert(key(sql, values), rows);
    }

    /// Forgets all answers: rows were changed that they may tell of.
    pub(super) fn forget(&mut self) {
        self.answers.clear();
    }
}

fn key(sql: &'static str, values: &[Value]) -> Key {
    let mut bytes = Vec::with_capacity(values.len() * 20);
    for value in values {
        let (tag, content): (u8, &[u8]) = match value {
            Value::Null => (0, &[]),
            Value::Int(number) => (1, &number.to_le_bytes()),
            Value::Text(text) => (2, text.as_bytes()),
            Value::Bytes(content) => (3, content),
        };
        bytes.push(tag);
        bytes.extend((content.len() as u64).to_le_bytes());
        bytes.extend(content);
    }
    (sql.as_ptr() as usize, sql.len(), bytes)
}
