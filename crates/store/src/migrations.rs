//! Migrations: the scripts of every release, applied in order, each in a transaction of its own.
//!
//! They only grow: a released script is never changed (a test holds their digests). The last one is open until it is
//! released: what the declarations gained is added at its end, by hand, with its reason.

use crate::StoreError;
use crate::engine::{Session, Step};
use crate::rows::Read;

/// The scripts of an organization's database.
pub(crate) const ORGANIZATION: &[&str] =
    &[include_str!("migrations/0001.sql"), include_str!("migrations/0002.sql")];
/// The scripts of the catalogue.
pub(crate) const CATALOGUE: &[&str] = &[include_str!("migrations/0001_catalogue.sql")];

/// Brings a database to the latest schema. `TooNew` where it has seen a later program.
pub(crate) fn migrate(session: &dyn Session, scripts: &[&str]) -> Result<(), StoreError> {
    session
        .script("create table if not exists schemaversion (version integer not null primary key) strict")?;
    let found: i64 = Read::new(session)
        .one("select coalesce(max(version), 0) from schemaversion", &[], |row| row.take())?
        .unwrap_or(0);
    let known = i64::try_from(scripts.len()).unwrap_or(i64::MAX);
    if found > known {
        return Err(StoreError::TooNew { found, known });
    }
    for (version, script) in (1i64..).zip(scripts).filter(|(version, _)| *version > found) {
        session.step(Step::BeginWrite)?;
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

#[cfg(test)]
mod tests;
