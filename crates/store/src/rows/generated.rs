//! Statements generated from the declarations, each built once and kept for the life of the program.

use std::collections::HashMap;
use std::sync::{LazyLock, PoisonError, RwLock};

use model::schema::{Noun, Table};

/// `select` all columns, then `tail`.
pub(super) fn select<N: Noun>(tail: &'static str) -> &'static str {
    text((N::TABLE.name, tail), || {
        let columns: Vec<_> = N::TABLE.columns.iter().map(|c| c.name).collect();
        format!("select {}\nfrom {}\n{tail}", columns.join(", "), N::TABLE.name)
    })
}

/// `insert` of all columns.
pub(super) fn insert<N: Noun>() -> &'static str {
    insert_into(&N::TABLE)
}

/// The same for a table.
pub(super) fn insert_into(table: &Table) -> &'static str {
    text((table.name, "insert"), || insert_text(table, &[], ""))
}

/// Some rows of a table in the order of its key, from the first on; the last parameter says how many.
pub(super) fn first_page(table: &Table) -> &'static str {
    text((table.name, "first page"), || page_text(table, ""))
}

/// Some rows behind a key.
pub(super) fn next_page(table: &Table) -> &'static str {
    text((table.name, "next page"), || {
        let places: Vec<_> = (1..=table.key.len()).map(|n| format!("?{n}")).collect();
        page_text(table, &format!("\nwhere ({}) > ({})", table.key.join(", "), places.join(", ")))
    })
}

/// How many rows a table has.
pub(super) fn count(table: &Table) -> &'static str {
    text((table.name, "count"), || format!("select count(*) from {}", table.name))
}

fn page_text(table: &Table, behind: &str) -> String {
    let columns: Vec<_> = table.columns.iter().map(|c| c.name).collect();
    let (columns, key) = (columns.join(", "), table.key.join(", "));
    let place = if behind.is_empty() { 1 } else { table.key.len() + 1 };
    format!("select {columns}\nfrom {}{behind}\norder by {key}\nlimit ?{place}", table.name)
}

/// `insert` that does nothing where a unique key is taken.
pub(super) fn insert_if_absent<N: Noun>() -> &'static str {
    text((N::TABLE.name, "insert if absent"), || insert_text(&N::TABLE, &[], "\non conflict do nothing"))
}

/// `insert` of all columns but the key, which the engine counts up.
pub(super) fn insert_numbered<N: Noun>() -> &'static str {
    insert_numbered_into(&N::TABLE)
}

/// The same for a table.
pub(super) fn insert_numbered_into(table: &Table) -> &'static str {
    text((table.name, "insert numbered"), || insert_text(table, table.key, ""))
}

/// `insert` of all columns, one of which is what `next` selects. One row of values: where rows are selected, SQLite
/// keeps each page as it was before, for it cannot know that there is only one.
pub(super) fn insert_next<N: Noun>(column: &'static str, next: &'static str) -> &'static str {
    text((N::TABLE.name, next), || {
        let given = N::TABLE.columns.iter().map(|c| c.name).filter(|name| *name != column);
        let names: Vec<_> = given.chain([column]).collect();
        let places: Vec<_> = (1..names.len()).map(|n| format!("?{n}")).collect();
        let table = N::TABLE.name;
        format!("insert into {table} ({})\nvalues ({}, (select {next}))", names.join(", "), places.join(", "))
    })
}

/// Whether one of the keys of a row is taken, and the places of the columns that are given for that.
pub(super) fn taken<N: Noun>() -> (&'static str, Vec<usize>) {
    let place = |name: &&str| N::TABLE.columns.iter().position(|column| column.name == *name);
    let keys = || {
        let unique = N::TABLE.indexes.iter().filter(|index| index.unique).map(|index| index.columns);
        std::iter::once(N::TABLE.key).chain(unique)
    };
    let places = keys().flatten().filter_map(place).collect();
    let sql = text((N::TABLE.name, "taken"), || {
        let mut number = 0;
        let mut same = |name: &&str| {
            number += 1;
            format!("{name} = ?{number}")
        };
        let each: Vec<String> = keys()
            .map(|key| {
                let all: Vec<String> = key.iter().map(&mut same).collect();
                format!("select 1 from {} where {}", N::TABLE.name, all.join(" and "))
            })
            .collect();
        each.join(" union all ")
    });
    (sql, places)
}

/// The question that `next` is, by itself.
pub(super) fn select_next(next: &'static str) -> &'static str {
    text(("", next), || format!("select {next}"))
}

fn insert_text(table: &Table, without: &[&str], tail: &str) -> String {
    let columns: Vec<_> = table.columns.iter().map(|c| c.name).filter(|n| !without.contains(n)).collect();
    let places: Vec<_> = (1..=columns.len()).map(|n| format!("?{n}")).collect();
    format!("insert into {} ({})\nvalues ({}){tail}", table.name, columns.join(", "), places.join(", "))
}

/// The statements so far, by table and what follows. As many as are written in this room, so never freed.
static TEXTS: LazyLock<RwLock<HashMap<(&str, &str), &'static str>>> = LazyLock::new(RwLock::default);

fn text(key: (&'static str, &'static str), build: impl FnOnce() -> String) -> &'static str {
    if let Some(known) = TEXTS.read().unwrap_or_else(PoisonError::into_inner).get(&key) {
        return known;
    }
    let mut texts = TEXTS.write().unwrap_or_else(PoisonError::into_inner);
    texts.entry(key).or_insert_with(|| Box::leak(build().into_boxed_str()))
}
