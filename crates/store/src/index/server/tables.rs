//! The tables of the index at a server, and how far it has come.

use model::schema::{Column, Kind, Table};

use super::Position;
use crate::StoreError;
use crate::engine::Session;
use crate::nouns::Cursor;
use crate::rows::{Read, RowValues};

/// The tables of this release, as in the index of a file. A node of an older release waits beside them.
const VERSION: i64 = 1;

/// Rows wait for their turn by the row 0 of `schemaversion`, as migrations do.
///
/// New words are gathered in a list beside the index and sorted in together at the end of each load ([`sort_in`]): a
/// fourth of the work. No search ever looks through a long list.
const TABLES: &str = "
begin;
select 1 from schemaversion where version = 0 for update;
drop table if exists indexposition, indexdocument, indexrecord;
create table indexposition (
    one bigint primary key,
    version bigint not null,
    epoch bytea not null,
    eventid bigint not null,
    createdon bigint not null
);
insert into indexposition (one, version, epoch, eventid, createdon) values (1, 1, decode(repeat('00', 16), 'hex'), 0, 0);
create table indexdocument (
    docid bigint primary key,
    activityid bytea not null,
    blobid bytea not null,
    words text not null
);
create unique index indexdocument_activityid on indexdocument (activityid);
create index indexdocument_words on indexdocument
    using gin (array_to_tsvector(string_to_array(words, ' '))) with (fastupdate = on, gin_pending_list_limit = 65536);
create table indexrecord (
    recordid bigint primary key,
    objectid bytea not null,
    words text not null
);
create unique index indexrecord_objectid on indexrecord (objectid);
create index indexrecord_words on indexrecord
    using gin (array_to_tsvector(string_to_array(words, ' '))) with (fastupdate = on, gin_pending_list_limit = 65536);
commit;";

/// The rows of documents.
pub(super) const DOCUMENT: Table = table(
    "indexdocument",
    &["docid"],
    &[
        column("docid", Kind::Int),
        column("activityid", Kind::Key),
        column("blobid", Kind::Bytes),
        column("words", Kind::Memo),
    ],
);
/// The rows of records.
pub(super) const RECORD: Table = table(
    "indexrecord",
    &["recordid"],
    &[column("recordid", Kind::Int), column("objectid", Kind::Key), column("words", Kind::Memo)],
);

const fn table(name: &'static str, key: &'static [&'static str], columns: &'static [Column]) -> Table {
    Table { name, set: "", label: "", key, clustered: false, columns, indexes: &[] }
}

const fn column(name: &'static str, kind: Kind) -> Column {
    Column { name, label: "", kind, required: true }
}

/// Makes the tables. `Temporary` where those of a later release are there.
pub(super) fn make(session: &dyn Session) -> Result<(), StoreError> {
    let mut failed = None;
    for _ in 0..2 {
        match version(session)? {
            Some(VERSION) => return Ok(()),
            Some(later) if later > VERSION => {
                return Err(LATER);
            }
            Some(_) | None => {}
        }
        // Another node may have been faster; then these are made once more, and are empty as they were.
        match session.script(TABLES) {
            Ok(()) => return Ok(()),
            Err(error) => {
                session.script("rollback")?;
                failed = Some(error);
            }
        }
    }
    Err(failed.unwrap_or(StoreError::Corrupt))
}

fn version(session: &dyn Session) -> Result<Option<i64>, StoreError> {
    let read = Read::new(session);
    let sql = "select count(*) from pg_class c
        where c.relname = 'indexposition' and c.relnamespace = current_schema()::regnamespace";
    if read.one(sql, &[], |row| row.take::<i64>())? != Some(1) {
        return Ok(None);
    }
    read.one("select version from indexposition where one = 1", &[], |row| row.take())
}

pub(super) fn position(read: &Read<'_>) -> Result<Position, StoreError> {
    let sql = "select epoch, eventid, createdon from indexposition where one = 1 and version = ?1";
    let row = |row: &mut RowValues<'_>| {
        let cursor = Cursor { epoch: row.take()?, eventid: row.take()? };
        Ok(Position { cursor, createdon: row.take()? })
    };
    read.one(sql, &[VERSION.into()], row)?.ok_or(LATER)
}

/// Moves the position within a transaction, and holds it. Says whether it was where the caller believes.
pub(super) fn advance(session: &dyn Session, (from, to): (Position, Position)) -> Result<bool, StoreError> {
    let moved = session.execute(
        "update indexposition set eventid = ?2, createdon = ?3, epoch = ?5
            where one = 1 and version = ?4 and eventid = ?1",
        &[
            from.cursor.eventid.into(),
            to.cursor.eventid.into(),
            to.createdon.into(),
            VERSION.into(),
            to.cursor.epoch.into(),
        ],
    )?;
    Ok(moved == 1)
}

/// Sorts new words into the index, within the transaction that wrote them.
pub(super) fn sort_in(session: &dyn Session) -> Result<(), StoreError> {
    let sql =
        "select gin_clean_pending_list('indexdocument_words'), gin_clean_pending_list('indexrecord_words')";
    Read::new(session).rows(sql, &[], |_| Ok(())).map(drop)
}

/// Empties the index within a transaction; the position first, so that no load comes in between.
pub(super) fn clear(session: &dyn Session) -> Result<(), StoreError> {
    let sql =
        "update indexposition set eventid = 0, createdon = 0, epoch = ?2 where one = 1 and version = ?1";
    if session.execute(sql, &[VERSION.into(), Cursor::default().epoch.into()])? != 1 {
        return Err(LATER);
    }
    session.script("truncate indexdocument, indexrecord")
}

/// A node of a later release has made it anew meanwhile.
const LATER: StoreError = StoreError::Temporary { why: "the text index is of a later release" };
