//! Documents as rows at a server: their numbers as in the index of a file, their words as one text.

use std::collections::{HashMap, HashSet};

use model::schema::Value;
use model::search::Field;
use model::{Id, limits};

use super::super::documents::{ATTACHED, BARE, Document, PER_SECOND, first_of};
use super::super::words::spread;
use super::tables;
use crate::StoreError;
use crate::engine::{Form, Insertion, Session};
use crate::rows::Read;

pub(super) fn count(read: &Read<'_>) -> Result<i64, StoreError> {
    Ok(read.one("select count(*) from indexdocument", &[], |row| row.take())?.unwrap_or(0))
}

pub(super) fn sources(read: &Read<'_>, emails: &[Id]) -> Result<Vec<(Id, Vec<u8>)>, StoreError> {
    let sql = "select d.activityid, d.blobid
        from unnest(string_to_array(?1, ' ')) as q (id)
        cross join lateral (
            select activityid, blobid from indexdocument where activityid = decode(q.id, 'hex') limit 1) as d";
    read.rows(sql, &[(&listed(emails)).into()], |row| Ok((row.take()?, row.take()?)))
}

/// Ids as one text.
pub(super) fn listed(ids: &[Id]) -> String {
    let hex = |id: &Id| id.0.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    ids.iter().map(hex).collect::<Vec<_>>().join(" ")
}

fn numbers(numbers: &[i64]) -> String {
    numbers.iter().map(i64::to_string).collect::<Vec<_>>().join(" ")
}

/// Writes a load inside a transaction.
pub(super) fn write(session: &dyn Session, load: Vec<Document>) -> Result<(), StoreError> {
    let mut load: Vec<Document> =
        load.into_iter().map(|it| (it.activityid, it)).collect::<HashMap<_, _>>().into_values().collect();
    load.sort_by_key(|document| (document.sortdate, document.activityid));
    let seconds: Vec<i64> = load.iter().map(|document| first_of(document.sortdate)).collect();
    // Before those that are there are taken out: their numbers stay theirs.
    let mut free = Free { read: Read::new(session), last: last_of(session, &seconds)? };
    let known = take_out(session, &load)?;
    let mut rows = Vec::with_capacity(load.len());
    for document in &load {
        let first = first_of(document.sortdate);
        let docid = match known.get(&document.activityid) {
            Some(docid) if docid / PER_SECOND == first / PER_SECOND => *docid,
            _ => free.next(first)?,
        };
        rows.push((docid, document));
    }
    let insertion = Insertion { table: tables::DOCUMENT, form: Form::New, sql: "" };
    let mut bytes = 0;
    for (docid, document) in rows {
        let words = words(docid, document);
        bytes += words.len();
        let values = vec![
            Value::Int(docid),
            Value::Bytes(document.activityid.0.to_vec()),
            Value::Bytes(document.blobid.clone()),
            Value::Text(words),
        ];
        session.insert(&insertion, values)?;
        if bytes >= BYTES_TOGETHER_MAX {
            bytes = 0;
            tables::sort_in(session)?;
        }
    }
    if bytes > 0 { tables::sort_in(session) } else { Ok(()) }
}

/// Words that are sent and sorted in at a time: done in a second or two, while an answer is waited for much longer.
const BYTES_TOGETHER_MAX: usize = 2 * 1024 * 1024;

/// Takes out those that are there, and gives their numbers.
fn take_out(session: &dyn Session, load: &[Document]) -> Result<HashMap<Id, i64>, StoreError> {
    let ids: Vec<Id> = load.iter().map(|document| document.activityid).collect();
    let sql = "select d.activityid, d.docid
        from unnest(string_to_array(?1, ' ')) as q (id)
        cross join lateral (
            select activityid, docid from indexdocument where activityid = decode(q.id, 'hex') limit 1) as d";
    let read = Read::new(session);
    let known =
        read.rows(sql, &[(&listed(&ids)).into()], |row| Ok((row.take::<Id>()?, row.take::<i64>()?)))?;
    if !known.is_empty() {
        let docids = numbers(&known.iter().map(|(_, docid)| *docid).collect::<Vec<_>>());
        session.execute(
            "delete from indexdocument where docid = any(cast(string_to_array(?1, ' ') as bigint[]))",
            &[(&docids).into()],
        )?;
    }
    Ok(known.into_iter().collect())
}

/// The last number that is taken in each of these seconds, given by their first numbers.
fn last_of(session: &dyn Session, firsts: &[i64]) -> Result<HashMap<i64, Option<i64>>, StoreError> {
    let mut firsts = firsts.to_vec();
    firsts.dedup();
    let sql = "select q.first, (
            select max(docid) from indexdocument where docid >= q.first and docid < q.first + ?2)
        from unnest(cast(string_to_array(?1, ' ') as bigint[])) as q (first)";
    let firsts = numbers(&firsts);
    let params = [(&firsts).into(), PER_SECOND.into()];
    let found = Read::new(session).rows(sql, &params, |row| Ok((row.take()?, row.take()?)))?;
    Ok(found.into_iter().collect())
}

/// Free numbers, second by second.
struct Free<'s> {
    read: Read<'s>,
    /// The last number that is taken in a second; `None` where none is.
    last: HashMap<i64, Option<i64>>,
}

impl Free<'_> {
    /// The next free number of a second; where all of them are taken, of the seconds that follow.
    fn next(&mut self, mut first: i64) -> Result<i64, StoreError> {
        loop {
            let last = match self.last.get(&first) {
                Some(last) => *last,
                None => self.ask(first)?,
            };
            let next = last.map_or(first, |last| last + 1);
            if next < first + PER_SECOND {
                self.last.insert(first, Some(next));
                return Ok(next);
            }
            first += PER_SECOND;
        }
    }

    fn ask(&self, first: i64) -> Result<Option<i64>, StoreError> {
        let sql = "select max(docid) from indexdocument where docid >= ?1 and docid < ?2";
        let end = first + PER_SECOND;
        let last = self.read.one(sql, &[first.into(), end.into()], |row| row.take::<Option<i64>>())?;
        Ok(last.flatten())
    }
}

/// The words of a document, a gap between each two: its marks, the stretches of time it is in, its text, and what
/// stands in its headers.
fn words(docid: i64, document: &Document) -> String {
    let text = document.text.get(..document.text.floor_char_boundary(limits::INDEXED_TEXT_BYTES_MAX));
    let headers = [
        (Field::Subject, &document.subject),
        (Field::From, &document.sender),
        (Field::To, &document.recipients),
        (Field::File, &document.files),
    ];
    let bytes = document.text.len() + headers.iter().map(|(_, text)| text.len()).sum::<usize>();
    let seen = (bytes > LEXEME_BYTES_MAX / 4).then(HashSet::new);
    let text_out = String::with_capacity(bytes + 512);
    let mut words = Words { text: text_out, room: LEXEME_BYTES_MAX, seen };
    words.text.push_str(if document.is_attached { ATTACHED } else { BARE });
    for level in Level::ALL {
        words.push("", &level.word(docid));
    }
    for word in spread(text.unwrap_or_default()).split_whitespace() {
        words.push("", word);
    }
    for (field, text) in headers {
        for word in spread(text).split_whitespace() {
            words.push(mark_of(field), word);
        }
    }
    words.text
}

struct Words {
    text: String,
    /// Bytes of words there is room for.
    room: usize,
    /// Words that are there, of a large document; a word takes room once.
    seen: Option<HashSet<String>>,
}

impl Words {
    fn push(&mut self, mark: &str, word: &str) {
        let marked = format!(" {mark}{word}");
        if self.seen.as_ref().is_some_and(|seen| seen.contains(&marked)) {
            self.text.push_str(&marked);
        } else if let Some(room) = self.room.checked_sub(marked.len()) {
            self.room = room;
            self.text.push_str(&marked);
            if let Some(seen) = &mut self.seen {
                seen.insert(marked);
            }
        }
    }
}

/// The words of one `tsvector` have to be shorter together (<https://www.postgresql.org/docs/15/textsearch-limitations.html>).
/// A text of the largest size leaves half of it for the headers.
const LEXEME_BYTES_MAX: usize = 1_000_000;

/// What stands before each word of a header: a private character, as the other marks. Nothing, before those of the
/// text.
pub(super) fn mark_of(field: Field) -> &'static str {
    match field {
        Field::Anywhere => "",
        Field::Subject => "\u{e021}",
        Field::From => "\u{e022}",
        Field::To => "\u{e023}",
        Field::File => "\u{e024}",
    }
}

/// Stretches of time, each of them a word of the documents in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Level {
    mark: &'static str,
    /// Of the number of a document, so many bits are left out.
    bits: u32,
}

impl Level {
    /// A day and a half, twelve days, three months, eight years.
    pub(super) const ALL: [Level; 4] = [
        Level { mark: "\u{e031}", bits: 14 + 17 },
        Level { mark: "\u{e032}", bits: 14 + 20 },
        Level { mark: "\u{e033}", bits: 14 + 23 },
        Level { mark: "\u{e034}", bits: 14 + 28 },
    ];
    /// The shortest.
    pub(super) const FINEST: Level = Self::ALL[0];

    /// The stretch that a document is in.
    pub(super) fn stretch(self, docid: i64) -> i64 {
        docid >> self.bits
    }

    /// The same for a stretch of [`Level::FINEST`].
    pub(super) fn around(self, finest: i64) -> i64 {
        finest >> (self.bits - Self::FINEST.bits)
    }

    /// The word of a document.
    fn word(self, docid: i64) -> String {
        self.word_of(self.stretch(docid))
    }

    /// The word of a stretch.
    pub(super) fn word_of(self, stretch: i64) -> String {
        format!("{}{stretch:x}", self.mark)
    }
}
