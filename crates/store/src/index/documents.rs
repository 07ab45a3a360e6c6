//! The tables of the index: a document for each e-mail, and the lists of its words (FTS5).
//!
//! The number of a document is made of its sort date, so that "newest first" is the order in which FTS5 keeps its
//! lists: a search reads no more of them than its page needs, and a span of days is a range of numbers.

use std::collections::HashMap;

use model::{Id, Timestamp, limits};

use super::Position;
use super::words::spread;
use crate::StoreError;
use crate::engine::Session;
use crate::nouns::Cursor;
use crate::rows::{Param, Read, RowValues};

/// An e-mail as it is indexed. All texts are as they were written.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Document {
    /// The e-mail.
    pub activityid: Id,
    /// By which it is sorted.
    pub sortdate: Timestamp,
    /// The source that its text was taken from.
    pub blobid: Vec<u8>,
    /// Its subject.
    pub subject: String,
    /// Its readable text; at most `limits::INDEXED_TEXT_BYTES_MAX` of it are indexed.
    pub text: String,
    /// Name and address of the sender.
    pub sender: String,
    /// Names and addresses of the recipients.
    pub recipients: String,
    /// Names of its attachments.
    pub files: String,
    /// Whether it has attachments.
    pub is_attached: bool,
}

/// Marks that are words of their own. Private characters: no text and no search comes near them.
pub(super) const ATTACHED: &str = "\u{e001}";
/// The other one; every document has one of the two.
pub(super) const BARE: &str = "\u{e002}";

/// The tables of this release, and what is read out of a source for them. Another release has another number, and
/// makes the index anew.
const VERSION: i64 = 5;
const TABLES: &str = r#"
    begin immediate;
    create table position (only integer primary key, eventid integer not null, createdon integer not null) strict;
    insert into position (only, eventid, createdon) values (1, 0, 0);
    create table document (docid integer primary key, activityid blob not null, blobid blob not null) strict;
    create unique index document_activityid on document (activityid);
    create virtual table word using fts5(subject, text, sender, recipients, files, marks,
        content = '', contentless_delete = 1, tokenize = "unicode61 remove_diacritics 2");
    insert into word (word, rank) values ('hashsize', 8388608);
    create table record (recordid integer primary key, objectid blob not null, objecttypecode integer not null) strict;
    create unique index record_objectid on record (objectid);
    create virtual table name using fts5(words,
        content = '', contentless_delete = 1, detail = none, prefix = '1 2 3',
        tokenize = "unicode61 remove_diacritics 2");
    pragma user_version = 5;
    commit;"#;

/// Makes the tables in a new file; `Corrupt` where another release made them.
pub(super) fn make(session: &dyn Session) -> Result<(), StoreError> {
    let version =
        "select (select user_version from pragma_user_version), (select count(*) from sqlite_master)";
    let found = Read::new(session).one(version, &[], |row| Ok((row.take::<i64>()?, row.take::<i64>()?)))?;
    match found {
        Some((VERSION, _)) => session.script(EPOCH),
        Some((_, 0)) => session.script(TABLES).and_then(|()| session.script(EPOCH)),
        _ => Err(StoreError::Corrupt),
    }
}

/// The epoch of the events that were looked at. An index that is older than epochs is one of the first.
const EPOCH: &str = "create table if not exists epoch (only integer primary key, epoch blob not null) strict";

pub(super) fn position(read: &Read<'_>) -> Result<Position, StoreError> {
    let sql = "select eventid, createdon, (select epoch from epoch where only = 1)
        from position
        where only = 1";
    let row = |row: &mut RowValues<'_>| {
        let (eventid, createdon) = (row.take()?, row.take()?);
        let epoch = row.take::<Option<Id>>()?.unwrap_or_default();
        Ok(Position { cursor: Cursor { epoch, eventid }, createdon })
    };
    read.one(sql, &[], row)?.ok_or(StoreError::Corrupt)
}

pub(super) fn count(read: &Read<'_>) -> Result<i64, StoreError> {
    Ok(read.one("select count(*) from document", &[], |row| row.take())?.unwrap_or(0))
}

pub(super) fn sources(read: &Read<'_>, emails: &[Id]) -> Result<Vec<(Id, Vec<u8>)>, StoreError> {
    let mut found = Vec::with_capacity(emails.len());
    for id in emails {
        let sql = "select blobid from document where activityid = ?1";
        if let Some(blobid) = read.one(sql, &[(*id).into()], |row| row.take())? {
            found.push((*id, blobid));
        }
    }
    Ok(found)
}

/// Writes a load inside a transaction.
pub(super) fn write(
    session: &dyn Session,
    load: Vec<Document>,
    (from, to): (Position, Position),
) -> Result<(), StoreError> {
    let moved = session.execute(
        "update position set eventid = ?2, createdon = ?3 where only = 1 and eventid = ?1",
        &[from.cursor.eventid.into(), to.cursor.eventid.into(), to.createdon.into()],
    )?;
    if moved != 1 {
        return Err(StoreError::Temporary { why: "the text index was begun anew" });
    }
    if from.cursor.epoch != to.cursor.epoch {
        let sql = "insert into epoch (only, epoch) values (1, ?1)
            on conflict (only) do update set epoch = excluded.epoch";
        session.execute(sql, &[to.cursor.epoch.into()])?;
    }
    // By date, so that numbers ascend: FTS5 begins a new segment at each step back.
    let mut load: Vec<Document> =
        load.into_iter().map(|it| (it.activityid, it)).collect::<HashMap<_, _>>().into_values().collect();
    load.sort_by_key(|document| (document.sortdate, document.activityid));
    let mut numbered = Vec::with_capacity(load.len());
    for document in load {
        numbered.push((number(session, &document)?, document));
    }
    numbered.sort_by_key(|(docid, _)| *docid);
    for (docid, document) in &numbered {
        put(session, *docid, document)?;
    }
    Ok(())
}

/// The number of a document: the one it has, whose words are taken out, or a free one of its second. A mail that
/// was known only as quoted may turn out to be of another second.
fn number(session: &dyn Session, document: &Document) -> Result<i64, StoreError> {
    let read = Read::new(session);
    let known = "select docid from document where activityid = ?1";
    let id: Param<'_> = document.activityid.into();
    if let Some(docid) = read.one(known, &[id], |row| row.take::<i64>())? {
        session.execute("delete from word where rowid = ?1", &[docid.into()])?;
        if docid / PER_SECOND == first_of(document.sortdate) / PER_SECOND {
            session.execute(
                "update document set blobid = ?2 where docid = ?1",
                &[docid.into(), (&document.blobid).into()],
            )?;
            return Ok(docid);
        }
        session.execute("delete from document where docid = ?1", &[docid.into()])?;
    }
    let docid = free(&read, document.sortdate)?;
    session.execute(
        "insert into document (docid, activityid, blobid) values (?1, ?2, ?3)",
        &[docid.into(), id, (&document.blobid).into()],
    )?;
    Ok(docid)
}

/// The next free number of a second; where all of them are taken, of the seconds that follow.
fn free(read: &Read<'_>, time: Timestamp) -> Result<i64, StoreError> {
    let mut first = first_of(time);
    loop {
        let sql = "select max(docid) from document where docid >= ?1 and docid < ?2";
        let end = first + PER_SECOND;
        let last = read.one(sql, &[first.into(), end.into()], |row| row.take::<Option<i64>>())?.flatten();
        match last {
            None => return Ok(first),
            Some(last) if last + 1 < end => return Ok(last + 1),
            Some(_) => first = end,
        }
    }
}

/// Numbers of one second. Few enough that the step from one mail to the next stays short in the lists, where it
/// is written again for every word.
pub(super) const PER_SECOND: i64 = 1 << 14;
/// The last second that is told apart, in the year 36812; whatever claims to be later, or before 1970, stands
/// at that end.
const SECONDS_MAX: i64 = 1 << 40;

/// The first number of the second of a time.
pub(super) fn first_of(time: Timestamp) -> i64 {
    time.seconds().clamp(0, SECONDS_MAX) * PER_SECOND
}

fn put(session: &dyn Session, docid: i64, document: &Document) -> Result<(), StoreError> {
    let text = document.text.get(..document.text.floor_char_boundary(limits::INDEXED_TEXT_BYTES_MAX));
    let spread_all = [
        spread(&document.subject),
        spread(text.unwrap_or_default()),
        spread(&document.sender),
        spread(&document.recipients),
        spread(&document.files),
    ];
    let [subject, text, sender, recipients, files] = &spread_all;
    let marks = if document.is_attached { ATTACHED } else { BARE };
    session.execute(
        "insert into word (rowid, subject, text, sender, recipients, files, marks)
        values (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        &[
            docid.into(),
            subject.into(),
            text.into(),
            sender.into(),
            recipients.into(),
            files.into(),
            marks.into(),
        ],
    )?;
    Ok(())
}
