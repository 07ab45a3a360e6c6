//! The words of PostgreSQL for statements that are written once, for both engines.
//!
//! Placeholders `?1` become `$1`; what stands in `/*pg … */`, a remark for SQLite, is meant. Two forms carry many
//! rows in one statement: a question asked for many sets of values at once, and rows written together.

use std::collections::HashSet;
use std::fmt::Write as _;

use model::schema::{ORGANIZATION_TABLES, Table};
use tokio_postgres::types::Type;

/// A statement in the words of PostgreSQL.
pub(super) fn statement(sql: &str) -> String {
    placeholders(&uncommented(sql), "$")
}

/// A question asked for many sets of values at once; each row begins with the number of its set, from 1. The values
/// are given as arrays, one for each placeholder.
pub(super) fn question_of_many(sql: &str, kinds: &[Type]) -> String {
    let names: Vec<String> = (1..=kinds.len()).map(|place| format!("p{place}")).collect();
    format!(
        "select q.n, x.* from unnest({}) with ordinality as q ({}, n) cross join lateral ({}) as x",
        arrays(kinds),
        names.join(", "),
        placeholders(&uncommented(sql), "q.p"),
    )
}

/// Rows written together, given as arrays, one for each column. A row whose key is taken is an error or, with `skips`,
/// left out. What the rows give for `made.0` is a part of the expression `made.1`, where it is called `{}`.
pub(super) fn rows_of(table: &Table, made: Option<(&str, &str)>, skips: bool) -> String {
    let names: Vec<&str> = table.columns.iter().map(|column| column.name).collect();
    let kinds: Vec<Type> = table.columns.iter().map(|column| kind_of(column.kind)).collect();
    let places: Vec<String> = (1..=names.len()).map(|place| format!("p{place}")).collect();
    let selected = names.iter().zip(&places).map(|(name, place)| match made {
        Some((column, expression)) if column == *name => expression.replace("{}", &format!("q.{place}")),
        _ => format!("q.{place}"),
    });
    format!(
        "insert into {} ({}) select {} from unnest({}) with ordinality as q ({}, n) order by q.n{}",
        table.name,
        names.join(", "),
        selected.collect::<Vec<_>>().join(", "),
        arrays(&kinds),
        places.join(", "),
        if skips { " on conflict do nothing" } else { "" },
    )
}

/// The tables that a statement names; perhaps some more.
pub(super) fn tables_in(sql: &str) -> Vec<&'static str> {
    let words: HashSet<&str> = sql.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').collect();
    ORGANIZATION_TABLES.iter().map(|table| table.name).filter(|name| words.contains(name)).collect()
}

/// The type of a column's values.
pub(super) fn kind_of(kind: model::schema::Kind) -> Type {
    use model::schema::Kind;
    match kind {
        Kind::Key | Kind::Lookup(_) | Kind::AnyLookup | Kind::Bytes => Type::BYTEA,
        Kind::Text(_) | Kind::Memo => Type::TEXT,
        Kind::Int | Kind::Bool | Kind::DateTime | Kind::Choice(_) => Type::INT8,
    }
}

/// A script of migrations: the types of columns are PostgreSQL's, text compares byte by byte as in SQLite.
pub(super) fn script(sql: &str) -> String {
    let mut text = String::with_capacity(sql.len() * 2);
    for line in uncommented(sql).lines() {
        let line = line.replace(") strict, without rowid;", ");").replace(") strict;", ");");
        let line = line.replace(" autoincrement", "");
        match line.find(" add column ") {
            Some(place) => {
                let (before, column) = line.split_at(place + " add column ".len());
                text.push_str(before);
                text.push_str(&column_text(column));
            }
            None if line.starts_with("    ") => {
                text.push_str("    ");
                text.push_str(&column_text(line.trim_start()));
            }
            None => text.push_str(&line),
        }
        text.push('\n');
    }
    text
}

/// `name type …`, where the second word is a type.
fn column_text(line: &str) -> String {
    let mut words = line.splitn(3, ' ');
    let (Some(name), Some(kind)) = (words.next(), words.next()) else { return line.to_owned() };
    let (kind, comma) = kind.split_at(kind.trim_end_matches([',', ';']).len());
    let kind = match kind {
        "blob" => "bytea",
        "integer" => "bigint",
        "text" => "text collate \"C\"",
        _ => return line.to_owned(),
    };
    let rest = words.next().map(|rest| format!(" {rest}")).unwrap_or_default();
    format!("{name} {kind}{comma}{rest}")
}

fn arrays(kinds: &[Type]) -> String {
    let mut text = String::new();
    for (place, kind) in (1..).zip(kinds) {
        let comma = if place > 1 { ", " } else { "" };
        let name = match *kind {
            Type::BYTEA => "bytea",
            Type::TEXT => "text",
            _ => "bigint",
        };
        let _ = write!(text, "{comma}${place}::{name}[]");
    }
    text
}

fn placeholders(sql: &str, mark: &str) -> String {
    let mut text = String::with_capacity(sql.len() + 16);
    let mut rest = sql;
    while let Some(place) = rest.find('?') {
        let (before, after) = rest.split_at(place);
        text.push_str(before);
        let after = after.get(1..).unwrap_or_default();
        text.push_str(if after.starts_with(|c: char| c.is_ascii_digit()) { mark } else { "?" });
        rest = after;
    }
    text.push_str(rest);
    text
}

fn uncommented(sql: &str) -> String {
    let mut text = String::with_capacity(sql.len());
    let mut rest = sql;
    while let Some((before, after)) = rest.split_once("/*pg") {
        text.push_str(before);
        let (meant, after) = after.split_once("*/").unwrap_or((after, ""));
        text.push_str(meant);
        rest = after;
    }
    text.push_str(rest);
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statements_are_said_in_the_words_of_postgresql() {
        assert_eq!(statement("a = ?1 and b = ?12 /*pg for update*/"), "a = $1 and b = $12  for update");
        assert_eq!(
            question_of_many("select a from b where c = ?1 limit ?2", &[Type::BYTEA, Type::INT8]),
            "select q.n, x.* from unnest($1::bytea[], $2::bigint[]) with ordinality as q (p1, p2, n) \
             cross join lateral (select a from b where c = q.p1 limit q.p2) as x"
        );
    }

    #[test]
    fn scripts_get_the_types_of_postgresql() {
        let text = "create table blob (\n    blobid blob not null,\n    bytes blob,\n    name text\n) strict, without rowid;\n\
                    alter table blob add column place integer not null default 0;\nalter table blob add column owner blob;";
        assert_eq!(
            script(text),
            "create table blob (\n    blobid bytea not null,\n    bytes bytea,\n    name text collate \"C\"\n);\n\
             alter table blob add column place bigint not null default 0;\nalter table blob add column owner bytea;\n"
        );
    }
}
