//! Migrations: the scripts of every release, applied in order, each in a transaction of its own.
//!
//! They only grow: a released script is never changed (a test holds their digests). The last one is open until it is
//! released: what the declarations gained is added at its end, by hand, with its reason.

use crate::StoreError;
use crate::engine::{Session, Step};
use crate::rows::Read;

/// The scripts of an organization's database.
pub(crate) const ORGANIZATION: &[&str] = &[
    include_str!("migrations/0001.sql"),
    include_str!("migrations/0002.sql"),
    include_str!("migrations/0003.sql"),
    include_str!("migrations/0004.sql"),
    include_str!("migrations/0005.sql"),
];
/// The scripts of the catalogue.
pub(crate) const CATALOGUE: &[&str] = &[
    include_str!("migrations/0001_catalogue.sql"),
    include_str!("migrations/0002_catalogue.sql"),
    include_str!("migrations/0003_catalogue.sql"),
];

/// The latest schema of an organization that this program knows.
#[must_use]
pub fn known_schema() -> i64 {
    i64::try_from(ORGANIZATION.len()).unwrap_or(i64::MAX)
}

/// The oldest schema whose programs go on with a database that this program has brought to its own.
#[must_use]
pub(crate) fn readable_by() -> i64 {
    let newest = ORGANIZATION.len().max(1);
    ORGANIZATION.last().map_or(1, |script| readable_by_of(script, newest))
}

/// Brings a database to the latest schema. `TooNew` where it has seen a later program and this one cannot work with what
/// that made of it.
///
/// A script that only adds what an older program leaves alone says so in a line (`READABLE_BY`): then nodes of the older
/// program serve on beside it. That is how a house is upgraded node by node; see `docs/operate/upgrade.md`.
pub(crate) fn migrate(session: &dyn Session, scripts: &[&str]) -> Result<(), StoreError> {
    session.prepare_schema()?;
    let mut tried = 0;
    while let Err(error) = session.script(BOOK) {
        tried += 1;
        // Two nodes that make the same table at once get in each other's way, whatever `if not exists` says.
        if tried == ATTEMPTS_MAX || !session.is_remote() || !session.is_sound() {
            return Err(error);
        }
    }
    know_readers(session)?;
    let known = i64::try_from(scripts.len()).unwrap_or(i64::MAX);
    let (found, readable_by) = version(session)?;
    if found > known {
        let is_readable = readable_by > 0 && readable_by <= known;
        return if is_readable { Ok(()) } else { Err(StoreError::TooNew { found, known }) };
    }
    for (number, script) in (1..).zip(scripts).filter(|(number, _)| as_version(*number) > found) {
        if !apply(session, number, script)? {
            // Another node did it meanwhile, and perhaps more than this program knows.
            return migrate(session, scripts);
        }
    }
    Ok(())
}

/// What is to be done for rows that came out of an archive of an older schema, as the scripts since then do for rows that
/// they find.
pub(crate) fn catch_up(schema: i64) -> &'static [&'static str] {
    if schema < 5 { &[NOTE_FORMER_KEYS, NOTE_FORMER_NAMES] } else { &[] }
}

/// Until when mail may have claimed keys of the former form; in the fifth script too.
const NOTE_FORMER_KEYS: &str = "insert into setting (name, value)
select 'formerkeysuntil', cast(max(case when senton > sortdate then senton else sortdate end) + 86400000 as text) from email
having max(sortdate) is not null";
/// That what names others did not note it; in the fifth script too.
const NOTE_FORMER_NAMES: &str = "insert into setting (name, value)
select 'formernames', '1' where exists (select 1 from messagereference)";

/// Applies a script; says whether it was still to be applied. All of it is kept, or nothing.
fn apply(session: &dyn Session, number: usize, script: &str) -> Result<bool, StoreError> {
    session.step(Step::BeginWrite)?;
    let applied = session.script(TURN).and_then(|()| {
        if version(session)?.0 >= as_version(number) {
            return Ok(false);
        }
        session.script(script)?;
        let sql = "insert into schemaversion (version, readableby) values (?1, ?2)";
        session.execute(sql, &[as_version(number).into(), readable_by_of(script, number).into()])?;
        session.step(Step::Commit)?;
        Ok(true)
    });
    match applied {
        Ok(true) => Ok(true),
        Ok(false) => session.step(Step::Rollback).map(|()| false),
        Err(error) => {
            tracing::error!(
                number,
                error = &error as &dyn std::error::Error,
                "the schema stays as it was before this script"
            );
            // Where it cannot be sent the connection is lost, and the server undoes it by itself.
            let _ = session.step(Step::Rollback);
            Err(error)
        }
    }
}

/// The version of the schema, and the oldest one whose programs can work with it; 0 where that was not said.
fn version(session: &dyn Session) -> Result<(i64, i64), StoreError> {
    let sql = "select version, readableby from schemaversion order by version desc limit 1";
    let found = Read::new(session).one(sql, &[], |row| Ok((row.take()?, row.take()?)))?;
    Ok(found.unwrap_or((0, 0)))
}

/// Files of the first two releases have a table without the column.
fn know_readers(session: &dyn Session) -> Result<(), StoreError> {
    if session.is_remote() {
        return Ok(());
    }
    let sql = "select 1 from pragma_table_info('schemaversion') where name = 'readableby'";
    if Read::new(session).one(sql, &[], |_| Ok(()))?.is_none() {
        session.script("alter table schemaversion add column readableby integer not null default 0")?;
    }
    Ok(())
}

/// What a script says of the programs before it: the oldest schema whose programs may go on beside it. A script that
/// says nothing ends them all.
const READABLE_BY: &str = "-- Readable by programs of schema ";

fn readable_by_of(script: &str, number: usize) -> i64 {
    let said = script.lines().find_map(|line| line.strip_prefix(READABLE_BY));
    said.and_then(|text| text.trim_end_matches('.').parse().ok()).unwrap_or(as_version(number))
}

fn as_version(number: usize) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// In which the versions stand. At a server many nodes begin at once: the row 0 is what they take turns by.
const BOOK: &str = "create table if not exists schemaversion (
    version integer not null primary key,
    readableby integer not null default 0
) strict;
/*pg insert into schemaversion (version) values (0) on conflict do nothing; */";
/// Nodes that begin at once get in each other's way only once or twice.
const ATTEMPTS_MAX: u32 = 5;
/// Nothing for SQLite, where whoever began to write is alone. In two lines: whoever waits here waits for a migration.
const TURN: &str = "/*pg set local lock_timeout = 0;
select 1 from schemaversion where version = 0 for update; */";

#[cfg(test)]
mod tests;
