//! Migrations: the scripts of every release, applied in order, each in a transaction of its own.
//!
//! They only grow: a released script is never changed (a test holds their digests). The last one is open until it is
//! released: what the declarations gained is added at its end, by hand, with its reason.

use crate::StoreError;
use crate::engine::{Session, Step};
use crate::rows::Read;

/// The scripts of an organization's database.
pub(crate) const ORGANIZATION: &[&str] =
    &[include_str!("migrations/0001.sql"), include_str!("migrations/0002.sql"), include_str!("migrations/0003.sql")];
/// The scripts of the catalogue.
pub(crate) const CATALOGUE: &[&str] =
    &[include_str!("migrations/0001_catalogue.sql"), include_str!("migrations/0002_catalogue.sql")];

/// The latest schema of an organization that this program knows.
#[must_use]
pub fn known_schema() -> i64 {
    i64::try_from(ORGANIZATION.len()).unwrap_or(i64::MAX)
}

/// Brings a database to the latest schema. `TooNew` where it has seen a later program.
pub(crate) fn migrate(session: &dyn Session, scripts: &[&str]) -> Result<(), StoreError> {
    session.prepare_schema()?;
    // At a server many nodes begin at once: the row 0 is what they take turns by.
    session.script(
        "create table if not exists schemaversion (
    version integer not null primary key
) strict;
/*pg insert into schemaversion (version) values (0) on conflict do nothing; */",
    )?;
    let found: i64 = Read::new(session)
        .one(VERSION, &[], |row| row.take())?
        .unwrap_or(0);
    let known = i64::try_from(scripts.len()).unwrap_or(i64::MAX);
    if found > known {
        return Err(StoreError::TooNew { found, known });
    }
    for (version, script) in (1i64..).zip(scripts).filter(|(version, _)| *version > found) {
        session.step(Step::BeginWrite)?;
        session.script(TURN)?;
        if Read::new(session).one(VERSION, &[], |row| row.take::<i64>())?.unwrap_or(0) >= version {
            session.step(Step::Rollback)?;
            continue;
        }
        let applied = session
            .script(script)
            .and_then(|()| {
                session.execute("insert into schemaversion (version) values (?1)", &[version.into()])
            })
            .and_then(|_| session.step(Step::Commit));
        if let Err(error) = applied {
            session.step(Step::Rollback)?;
            return Err(error);
        }
    }
    Ok(())
}

const VERSION: &str = "select coalesce(max(version), 0) from schemaversion";
/// Nothing for SQLite, where whoever began to write is alone.
const TURN: &str = "/*pg set local lock_timeout = 0; select 1 from schemaversion where version = 0 for update; */";

#[cfg(test)]
mod tests;
