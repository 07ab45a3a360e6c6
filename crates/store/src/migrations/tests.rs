use std::path::Path;

use model::schema::{CATALOGUE_TABLES, ORGANIZATION_TABLES, Table};

use super::{CATALOGUE, ORGANIZATION, migrate};
use crate::StoreError;
use crate::engine::sqlite::SqliteFile;
use crate::engine::{Engine, Purpose, Session, ddl};
use crate::faults::Faults;
use crate::rows::{Read, RowValues};

#[test]
fn migrated_from_every_release_is_what_the_declarations_say() {
    check("0001.sql", ORGANIZATION_TABLES, ORGANIZATION);
    check("0001_catalogue.sql", CATALOGUE_TABLES, CATALOGUE);
}

#[test]
fn a_database_of_a_later_program_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let session = open(folder.path());
    migrate(
        session.as_ref(),
        &["create table one (a integer) strict", "create table two (a integer) strict"],
    )
    .unwrap();
    let refused = migrate(session.as_ref(), &["create table one (a integer) strict"]);
    assert!(matches!(refused, Err(StoreError::TooNew { found: 2, known: 1 })));
}

#[test]
fn a_script_that_fails_leaves_the_schema_before_it() {
    let folder = tempfile::tempdir().unwrap();
    let session = open(folder.path());
    let bad = "create table two (a integer) strict; create table two (a integer) strict";
    assert!(migrate(session.as_ref(), &["create table one (a integer) strict", bad]).is_err());
    let names: Vec<String> = schema(session.as_ref()).into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["one", "schemaversion"]);
}

fn check(name: &str, tables: &[&Table], scripts: &[&str]) {
    let declared = ddl::script(tables);
    if std::env::var_os("UPDATE_SCHEMA").is_some() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/migrations").join(name);
        return std::fs::write(path, declared).unwrap();
    }
    let folder = tempfile::tempdir().unwrap();
    let fresh = open(folder.path());
    migrate(fresh.as_ref(), &[&declared]).unwrap();
    for released in 1..=scripts.len() {
        let folder = tempfile::tempdir().unwrap();
        let session = open(folder.path());
        migrate(session.as_ref(), &scripts[..released]).unwrap();
        migrate(session.as_ref(), scripts).unwrap();
        assert_eq!(schema(session.as_ref()), schema(fresh.as_ref()), "from release {released} of {name}");
    }
}

fn open(folder: &Path) -> Box<dyn Session> {
    SqliteFile::new(&folder.join("some.db"), &Faults::none(), None).open(Purpose::Write).unwrap()
}

fn schema(session: &dyn Session) -> Vec<(String, String)> {
    let sql = "select name, sql from sqlite_master
        where sql is not null and name not like 'sqlite_%'
        order by name";
    let row = |row: &mut RowValues<'_>| Ok((row.take()?, row.take()?));
    Read::new(session).rows(sql, &[], row).unwrap()
}
