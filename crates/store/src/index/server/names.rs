//! Records by the beginnings of their words, at a server.

use std::collections::HashSet;

use model::Id;
use model::decision::Entity;
use model::schema::Value;

use super::super::names::{NamedRecord, WORDS_MAX, mark};
use super::super::words::spread;
use super::documents::listed;
use super::tables;
use crate::StoreError;
use crate::engine::{Form, Insertion, Session};
use crate::rows::Read;

/// Writes records inside a transaction; one that is there stays as it is.
pub(super) fn write(session: &dyn Session, records: &[NamedRecord]) -> Result<(), StoreError> {
    if records.is_empty() {
        return Ok(());
    }
    let read = Read::new(session);
    let ids: Vec<Id> = records.iter().map(|record| record.id).collect();
    let sql = "select d.objectid
        from unnest(string_to_array(?1, ' ')) as q (id)
        cross join lateral (
            select objectid from indexrecord where objectid = decode(q.id, 'hex') limit 1) as d";
    let known = read.rows(sql, &[(&listed(&ids)).into()], |row| row.take::<Id>())?;
    let mut known: HashSet<Id> = known.into_iter().collect();
    let sql = "select coalesce(max(recordid), 0) from indexrecord";
    let last = read.one(sql, &[], |row| row.take::<i64>())?.unwrap_or(0);
    let insertion = Insertion { table: tables::RECORD, form: Form::New, sql: "" };
    let new = records.iter().filter(|record| known.insert(record.id));
    for (number, record) in (last + 1..).zip(new) {
        let values = vec![Value::Int(number), Value::Bytes(record.id.0.to_vec()), Value::Text(words(record))];
        session.insert(&insertion, values)?;
    }
    tables::sort_in(session)
}

/// The mark of its kind, its words, and the short beginnings of them, which very many share.
fn words(record: &NamedRecord) -> String {
    let mut text = mark(record.entity).to_owned();
    for word in spread(&record.words).split_whitespace() {
        text.push(' ');
        text.push_str(word);
        for (place, _) in word.char_indices().skip(1).take(SHORT_CHARS_MAX) {
            text.push_str(&beginning(word.get(..place).unwrap_or_default()));
        }
        if word.chars().count() <= SHORT_CHARS_MAX {
            text.push_str(&beginning(word));
        }
    }
    text
}

fn beginning(word: &str) -> String {
    format!(" {BEGINNING}{word}")
}

pub(super) fn find(
    read: &Read<'_>,
    entity: Entity,
    (words, limit): (&str, usize),
) -> Result<Vec<Id>, StoreError> {
    let spread = spread(words);
    let wanted: Vec<String> = spread
        .split_whitespace()
        .take(WORDS_MAX)
        .map(|word| match word.chars().count() {
            0..=SHORT_CHARS_MAX => format!("'{BEGINNING}{word}'"),
            _ => format!("'{word}':*"),
        })
        .collect();
    if wanted.is_empty() {
        return Ok(Vec::new());
    }
    let expression = format!("'{}' & {}", mark(entity), wanted.join(" & "));
    // The sum keeps the planner from reading all records in their order.
    let sql = "select objectid
        from indexrecord
        where array_to_tsvector(string_to_array(words, ' ')) @@ cast(cast(?1 as text) as tsquery)
        order by recordid + 0 desc
        limit ?2";
    read.rows(sql, &[(&expression).into(), limit.into()], |row| row.take())
}

/// The mark of a beginning.
const BEGINNING: &str = "\u{e041}";
/// Beginnings of so many characters are words of their own; longer ones are few enough to be gathered.
const SHORT_CHARS_MAX: usize = 3;
