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
    check(ORGANIZATION_TABLES, ORGANIZATION);
    check(CATALOGUE_TABLES, CATALOGUE);
}

#[test]
fn released_scripts_stay_as_they_were() {
    let digest = |script: &str| blake3::hash(script.as_bytes()).to_hex()[..16].to_owned();
    assert_eq!(digest(ORGANIZATION[0]), "17967390a4fbf327");
    assert_eq!(digest(ORGANIZATION[1]), "27cd9c53449568f8");
    assert_eq!(digest(CATALOGUE[0]), "16f81c2ec3fa2152");
}

#[test]
fn what_was_tied_in_the_first_release_gives_way_to_a_nearer_sign() {
    let folder = tempfile::tempdir().unwrap();
    let session = open(folder.path());
    migrate(session.as_ref(), &ORGANIZATION[..1]).unwrap();
    let columns = "select name, type from pragma_table_info('email') where \"notnull\" = 1";
    let pair = |row: &mut RowValues<'_>| Ok((row.take::<String>()?, row.take::<String>()?));
    let columns = Read::new(session.as_ref()).rows(columns, &[], pair).unwrap();
    for (id, method) in [(1, 3), (2, 4), (3, 5), (4, 103), (5, 0)] {
        let value = |(name, kind): &(String, String)| match (name.as_str(), kind.as_str()) {
            ("activityid", _) => format!("x'0{id}'"),
            ("correlationmethod", _) => format!("{method}"),
            (_, "BLOB") => "x''".to_owned(),
            (_, "TEXT") => "''".to_owned(),
            _ => "0".to_owned(),
        };
        let names: Vec<&str> = columns.iter().map(|(name, _)| name.as_str()).collect();
        let values: Vec<String> = columns.iter().map(value).collect();
        let insert = format!("insert into email ({}) values ({})", names.join(", "), values.join(", "));
        session.script(&insert).unwrap();
    }
    migrate(session.as_ref(), ORGANIZATION).unwrap();
    let ranks = "select correlationrank from email order by activityid";
    let ranks = Read::new(session.as_ref()).rows(ranks, &[], |row| row.take::<i64>()).unwrap();
    assert_eq!(ranks, [0, 2000, 3000, 1000, 0]);
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
    assert_eq!(names, ["one.a", "schemaversion.version"]);
}

fn check(tables: &[&Table], scripts: &[&str]) {
    let folder = tempfile::tempdir().unwrap();
    let fresh = open(folder.path());
    migrate(fresh.as_ref(), &[&ddl::script(tables)]).unwrap();
    let declared = schema(fresh.as_ref());
    for released in 1..=scripts.len() {
        let folder = tempfile::tempdir().unwrap();
        let session = open(folder.path());
        migrate(session.as_ref(), &scripts[..released]).unwrap();
        migrate(session.as_ref(), scripts).unwrap();
        let migrated = schema(session.as_ref());
        for line in &declared {
            assert!(migrated.contains(line), "from release {released}, missing: {line:?}");
        }
        for line in &migrated {
            assert!(declared.contains(line), "from release {released}, undeclared: {line:?}");
        }
    }
}

fn open(folder: &Path) -> Box<dyn Session> {
    SqliteFile::new(&folder.join("some.db"), &Faults::none(), None).open(Purpose::Write).unwrap()
}

/// Every column and index by itself: a column that was added later stands elsewhere in the text of its table.
fn schema(session: &dyn Session) -> Vec<(String, String)> {
    let read = Read::new(session);
    let pair = |row: &mut RowValues<'_>| Ok((row.take()?, row.take()?));
    let columns = "select t.name || '.' || c.name, c.type || ' not null ' || c.\"notnull\" || ' key ' || c.pk
            || ' strict ' || t.strict || ' clustered ' || t.wr
        from pragma_table_list t, pragma_table_info(t.name) c
        where t.schema = 'main' and t.type = 'table' and t.name not like 'sqlite_%'
        order by 1";
    let mut all = read.rows(columns, &[], pair).unwrap();
    let indexes = "select name, sql from sqlite_master
        where sql is not null and type <> 'table'
        order by name";
    all.extend(read.rows(indexes, &[], pair).unwrap());
    all
}
