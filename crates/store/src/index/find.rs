//! Questions to the index: a search becomes an expression of FTS5 and a range of document numbers.
//!
//! *Invariant:* of what a person wrote only letters and digits reach the expression, inside quotation marks.

use model::search::{Field, Search, Term};
use model::{Id, Timestamp, limits};

use super::documents::{ATTACHED, BARE, first_of};
use super::words::spread;
use crate::StoreError;
use crate::rows::{Read, RowValues};

/// The part of time that is looked at, and where the page begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Span {
    /// Not older, to the second.
    pub since: Option<Timestamp>,
    /// Older, to the second.
    pub before: Option<Timestamp>,
    /// The last hit of the page before ([`Hit::docid`]).
    pub behind: Option<i64>,
}

/// An e-mail that was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hit {
    /// The e-mail.
    pub email: Id,
    /// Its place in the order: newer e-mails have higher ones.
    pub docid: i64,
}

pub(super) fn find(
    read: &Read<'_>,
    search: &Search,
    (span, limit): (Span, usize),
) -> Result<Vec<Hit>, StoreError> {
    let first = span.since.map_or(i64::MIN, first_of);
    let end = span.before.map_or(i64::MAX, first_of).min(span.behind.unwrap_or(i64::MAX));
    let hit = |row: &mut RowValues<'_>| Ok(Hit { email: row.take()?, docid: row.take()? });
    let Some(expression) = expression(search) else {
        let sql = "select activityid, docid
            from document
            where docid >= ?1 and docid < ?2
            order by docid desc
            limit ?3";
        return read.rows(sql, &[first.into(), end.into(), limit.into()], hit);
    };
    // A cross join keeps the index of words outside: its order is the order of the answer.
    let sql = "select d.activityid, d.docid
        from word w cross join document d on d.docid = w.rowid
        where w.word match ?1 and w.rowid >= ?2 and w.rowid < ?3
        order by w.rowid desc
        limit ?4";
    read.rows(sql, &[(&expression).into(), first.into(), end.into(), limit.into()], hit)
}

/// The words that are looked for; `None` where only time is. <https://sqlite.org/fts5.html> §3
fn expression(search: &Search) -> Option<String> {
    let mut room = limits::SEARCH_WORDS_MAX;
    let (mut wanted, mut excluded) = (Vec::new(), Vec::new());
    for term in &search.terms {
        let Some(phrase) = phrase(term, &mut room) else { continue };
        if term.is_excluded { excluded.push(phrase) } else { wanted.push(phrase) }
    }
    match search.has_attachment {
        Some(true) => wanted.push(format!("marks : \"{ATTACHED}\"")),
        Some(false) => wanted.push(format!("marks : \"{BARE}\"")),
        // `not` stands between two sides; the left one is everything.
        None if wanted.is_empty() && !excluded.is_empty() => {
            wanted.push(format!("marks : (\"{ATTACHED}\" OR \"{BARE}\")"));
        }
        None => {}
    }
    let all = (!wanted.is_empty()).then(|| wanted.join(" AND "))?;
    Some(if excluded.is_empty() { all } else { format!("({all}) NOT ({})", excluded.join(" OR ")) })
}

fn phrase(term: &Term, room: &mut usize) -> Option<String> {
    let words = words(term, room);
    let column = match term.field {
        Field::Anywhere => "",
        Field::From => "sender : ",
        Field::To => "recipients : ",
        Field::Subject => "subject : ",
        Field::File => "files : ",
    };
    (!words.is_empty()).then(|| format!("{column}\"{}\"", words.join(" ")))
}

/// The words of a term, as many of them as there is room for in a search.
pub(super) fn words(term: &Term, room: &mut usize) -> Vec<String> {
    let words: Vec<String> = spread(&term.words).split_whitespace().take(*room).map(str::to_owned).collect();
    *room -= words.len();
    words
}
