//! How an engine goes about the statements it was given: for tests, which hold that each row is found by an index.
//!
//! What passes through: the plan of a statement, in the words of its engine, and every access to rows in it. What is
//! right is not said here.

use std::collections::HashSet;

/// The plan of a statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// The statement, in the words of its engine.
    pub statement: String,
    /// The plan, in the words of its engine.
    pub lines: Vec<String>,
    /// Where rows are looked for.
    pub accesses: Vec<Access>,
}

/// A place in a plan where rows of a table are looked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Access {
    /// The table, as the statement calls it, or its index.
    pub table: String,
    /// What they are looked for by; empty where all rows are walked through, along an index or not.
    pub conditions: Vec<Condition>,
}

/// A column of an index that an access begins with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Condition {
    /// The column.
    pub column: String,
    /// Whether it has one value, or several that are given; else it is a range.
    pub is_equal: bool,
}

/// The accesses in a plan of SQLite (<https://sqlite.org/eqp.html>).
pub(crate) fn of_sqlite(lines: &[String]) -> Vec<Access> {
    let made: HashSet<&str> = lines
        .iter()
        .filter_map(|line| line.strip_prefix("CO-ROUTINE ").or_else(|| line.strip_prefix("MATERIALIZE ")))
        .collect();
    let access = |line: &String| {
        let (is_walk, rest) = match line.strip_prefix("SCAN ") {
            Some(rest) => (true, rest),
            None => (false, line.strip_prefix("SEARCH ")?),
        };
        let table = rest.split(' ').next().unwrap_or_default();
        // Rows of a question inside, values that are given, and lists that look for their words themselves.
        if made.contains(table)
            || rest == "CONSTANT ROW"
            || table.starts_with('(')
            || rest.contains(" VIRTUAL TABLE ")
        {
            return None;
        }
        let within = rest.split_once('(').and_then(|(_, within)| within.rsplit_once(')'));
        if within.is_none() && !is_walk {
            // The first row of an index, or the last.
            return None;
        }
        // An index that is made for this one question walks through everything first.
        let is_made = rest.contains("AUTOMATIC");
        let within = within.filter(|_| !is_made);
        let conditions = within.map(|(within, _)| within.split(" AND ").flat_map(sqlite_condition));
        Some(Access { table: table.to_owned(), conditions: conditions.into_iter().flatten().collect() })
    };
    lines.iter().filter_map(access).collect()
}

/// `column=?`, `column<?`, or `(one,two)<(?,?)`.
fn sqlite_condition(text: &str) -> Option<Condition> {
    let column = words(text).next()?;
    Some(Condition {
        column,
        is_equal: text.ends_with("=?") && !text.ends_with(">=?") && !text.ends_with("<=?"),
    })
}

/// The accesses in a plan of PostgreSQL (<https://www.postgresql.org/docs/15/using-explain.html>).
pub(crate) fn of_postgres(lines: &[String]) -> Vec<Access> {
    let mut accesses: Vec<Access> = Vec::new();
    let mut is_access = false;
    for line in lines {
        let text = line.trim_start().trim_start_matches("->").trim_start();
        if let Some(condition) = text.strip_prefix("Index Cond: ").or_else(|| text.strip_prefix("TID Cond: "))
        {
            let found = condition.split(" AND ").filter_map(postgres_condition);
            if let (Some(access), true) = (accesses.last_mut(), is_access) {
                access.conditions.extend(found);
            }
        } else if let Some(place) = scanned(text) {
            accesses.push(Access { table: place.to_owned(), conditions: Vec::new() });
            is_access = true;
        } else if line.contains("->") {
            is_access = false;
        }
    }
    accesses
}

/// The table or index whose rows a line of a plan walks through or looks up. A bitmap is looked up first, in an index.
fn scanned(text: &str) -> Option<&str> {
    for start in ["Seq Scan on ", "Parallel Seq Scan on ", "Bitmap Index Scan on ", "Tid Scan on "] {
        if let Some(rest) = text.strip_prefix(start) {
            return rest.split(' ').next();
        }
    }
    let is_index = text.starts_with("Index Scan") || text.starts_with("Index Only Scan");
    let (_, rest) = text.split_once(" on ").filter(|_| is_index)?;
    rest.split(' ').next()
}

/// `(column = $1)`, `(column = ANY (…))`, `(ROW(one, two) < ROW($1, $2))`.
fn postgres_condition(text: &str) -> Option<Condition> {
    let column = words(text).find(|word| word != "ROW")?;
    Some(Condition { column, is_equal: text.contains(" = ") })
}

fn words(text: &str) -> impl Iterator<Item = String> {
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    text.split(move |c| !is_word(c)).filter(|word| !word.is_empty()).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(accesses: &[Access]) -> Vec<String> {
        let condition = |it: &Condition| format!("{}{}", it.column, if it.is_equal { "=" } else { "<" });
        let conditions = |access: &Access| access.conditions.iter().map(condition).collect::<String>();
        accesses.iter().map(|access| format!("{} {}", access.table, conditions(access))).collect()
    }

    fn lines(text: &str) -> Vec<String> {
        text.lines().map(str::to_owned).collect()
    }

    #[test]
    fn plans_of_sqlite_are_read() {
        let plan = lines(
            "CO-ROUTINE p\nSEARCH activityparty USING INDEX a (addressused=? AND sortdate>? AND sortdate<?)\nSCAN p\n\
             SEARCH e USING INDEX b ((sortdate,activityid)<(?,?))\nSCAN email USING COVERING INDEX c\nSCAN CONSTANT ROW\n\
             SEARCH f USING AUTOMATIC COVERING INDEX (name=?)\nSEARCH event USING INTEGER PRIMARY KEY (rowid>?)\n\
             USE TEMP B-TREE FOR ORDER BY\nSCAN w VIRTUAL TABLE INDEX 0:M6\nSEARCH copy USING COVERING INDEX d\n\
             SEARCH a USING INDEX g (accountid=?) LEFT-JOIN",
        );
        assert_eq!(
            said(&of_sqlite(&plan)),
            [
                "activityparty addressused=sortdate<sortdate<",
                "e sortdate<",
                "email ",
                "f ",
                "event rowid<",
                "a accountid="
            ]
        );
    }

    #[test]
    fn plans_of_postgresql_are_read() {
        let plan = lines(
            "Limit\n  ->  Nested Loop\n        ->  Seq Scan on queue q\n              Filter: (name = $1)\n        \
             ->  Index Scan Backward using email_sortdate on email e\n              Index Cond: (ROW(sortdate, \
             activityid) < ROW($1, $2))\n              Filter: (statecode = 0)\n  ->  Bitmap Heap Scan on blob\n        \
             Recheck Cond: (blobid = $3)\n        ->  Bitmap Index Scan on blob_pkey\n              Index Cond: (blobid \
             = $3)\n  ->  Index Only Scan using event_pkey on event",
        );
        assert_eq!(said(&of_postgres(&plan)), ["queue ", "email sortdate<", "blob_pkey blobid=", "event "]);
    }
}
