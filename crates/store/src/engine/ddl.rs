//! The tables as statements that make them: the dialect of SQLite.

use model::schema::{Index, Kind, Table};

/// The statements that make these tables and their indexes.
pub(crate) fn script(tables: &[&Table]) -> String {
    tables.iter().map(|table| table_text(table)).collect::<Vec<_>>().join("\n")
}

fn table_text(table: &Table) -> String {
    let numbered = table.is_numbered();
    let mut lines: Vec<String> = Vec::new();
    for column in table.columns {
        let required = if column.required { " not null" } else { "" };
        let key = if numbered && table.key.contains(&column.name) {
            // A number that was given never returns: cursors stand on it.
            " primary key autoincrement"
        } else {
            ""
        };
        lines.push(format!("    {} {}{required}{key}", column.name, column_type(column.kind)));
    }
    if !numbered {
        lines.push(format!("    primary key ({})", table.key.join(", ")));
    }
    let clustered = if table.clustered { ", without rowid" } else { "" };
    let mut text = format!("create table {} (\n{}\n) strict{clustered};\n", table.name, lines.join(",\n"));
    for index in table.indexes {
        text.push_str(&index_text(table, index));
    }
    text
}

fn column_type(kind: Kind) -> &'static str {
    match kind {
        Kind::Key | Kind::Lookup(_) | Kind::AnyLookup | Kind::Bytes => "blob",
        Kind::Text(_) | Kind::Memo => "text",
        Kind::Int | Kind::Bool | Kind::DateTime | Kind::Choice(_) => "integer",
    }
}

fn index_text(table: &Table, index: &Index) -> String {
    let unique = if index.unique { "unique " } else { "" };
    let present = match (index.sparse, index.columns.first(), index.without) {
        (true, Some(first), _) => format!("\nwhere {first} is not null"),
        (_, _, Some(lacked)) => format!("\nwhere {lacked} is null"),
        _ => String::new(),
    };
    format!(
        "create {unique}index {table}_{name} on {table} ({columns}){present};\n",
        table = table.name,
        name = index.columns.iter().copied().chain(index.without).collect::<Vec<_>>().join("_"),
        columns = index.columns.join(", "),
    )
}
