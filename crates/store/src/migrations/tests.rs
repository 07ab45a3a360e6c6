use std::path::Path;

use model::schema::{CATALOGUE_TABLES, ORGANIZATION_TABLES, Table};

use super::{CATALOGUE, ORGANIZATION, catch_up, migrate};
use crate::engine::sqlite::SqliteFile;
use crate::engine::{Engine, Purpose, Session, Step, ddl};
use crate::faults::Faults;
use crate::rows::{Read, RowValues};
use crate::server::Server;
use crate::{Database, StoreError};

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
    assert_eq!(digest(ORGANIZATION[2]), "ee05dd86782c88d7");
    assert_eq!(digest(ORGANIZATION[3]), "823e14c9a4740d54");
    assert_eq!(digest(ORGANIZATION[4]), "611527d5653b3db0");
    assert_eq!(digest(CATALOGUE[0]), "16f81c2ec3fa2152");
    assert_eq!(digest(CATALOGUE[1]), "4999d85571293960");
    assert_eq!(digest(CATALOGUE[2]), "1d12b6fbf7264b1f");
}

#[test]
fn what_was_tied_in_the_first_release_gives_way_to_a_nearer_sign() {
    let folder = tempfile::tempdir().unwrap();
    let session = open(folder.path());
    migrate(session.as_ref(), &ORGANIZATION[..1]).unwrap();
    for (id, method) in [(1, 3), (2, 4), (3, 5), (4, 103), (5, 0)] {
        add_email(session.as_ref(), id, method);
    }
    // A writer's clock is far ahead; the key of his mail goes by it all the same.
    session.script("update email set senton = 7000 where activityid = x'02'").unwrap();
    migrate(session.as_ref(), ORGANIZATION).unwrap();
    let ranks = "select correlationrank from email order by activityid";
    let ranks = Read::new(session.as_ref()).rows(ranks, &[], |row| row.take::<i64>()).unwrap();
    assert_eq!(ranks, [0, 2000, 3000, 1000, 0]);
    // What they claimed has the former form.
    assert_eq!(former_keys_until(session.as_ref()), Some("86407000".to_owned()));
}

/// An e-mail with as little in it as its table allows.
fn add_email(session: &dyn Session, id: u8, method: u8) {
    let columns = "select name, type from pragma_table_info('email') where \"notnull\" = 1";
    let pair = |row: &mut RowValues<'_>| Ok((row.take::<String>()?, row.take::<String>()?));
    let columns = Read::new(session).rows(columns, &[], pair).unwrap();
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

#[test]
fn a_new_house_has_no_claims_of_the_former_form_but_what_an_older_archive_brings_has() {
    let folder = tempfile::tempdir().unwrap();
    let session = open(folder.path());
    migrate(session.as_ref(), ORGANIZATION).unwrap();
    assert_eq!(former_keys_until(session.as_ref()), None);
    add_email(session.as_ref(), 1, 0);
    session
        .script("insert into messagereference (keyhash, activityid, isinreplyto) values (x'02', x'01', 1)")
        .unwrap();
    assert!(catch_up(5).is_empty());
    let behind = catch_up(4);
    behind.iter().for_each(|sql| session.script(sql).unwrap());
    assert_eq!(former_keys_until(session.as_ref()), Some("86400000".to_owned()));
    let names = "select value from setting where name = 'formernames'";
    assert!(Read::new(session.as_ref()).one(names, &[], |row| row.take::<String>()).unwrap().is_some());
    assert!(behind.iter().all(|sql| ORGANIZATION[4].contains(sql)), "as the script does");
}

fn former_keys_until(session: &dyn Session) -> Option<String> {
    let sql = "select value from setting where name = 'formerkeysuntil'";
    Read::new(session).one(sql, &[], |row| row.take()).unwrap()
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
    assert_eq!(names, ["one.a", "schemaversion.readableby", "schemaversion.version"]);
}

const ONE: &str = "create table one (\n    a integer\n) strict;";
const TWO: &str = "create table two (\n    a integer\n) strict;";
/// A made-up release that only adds: programs of schema 2 go on beside it.
const EXPAND: &str =
    "-- Readable by programs of schema 2.\nalter table one add column b integer not null default 7;";
/// A made-up release that takes away what programs of schema 2 still need.
const CONTRACT: &str = "-- Readable by programs of schema 3.\ndrop table two;";

#[test]
fn an_older_program_goes_on_beside_a_schema_that_only_grew() {
    for database in databases() {
        let (old, new) = (database.open(), database.open());
        let older = [ONE, TWO];
        migrate(old.as_ref(), &older).unwrap();
        migrate(new.as_ref(), &[ONE, TWO, EXPAND]).unwrap();
        let written = old.execute("insert into one (a) values (1)", &[]);
        assert_eq!(written.unwrap(), 1, "what it does not know has a default");
        migrate(database.open().as_ref(), &older).unwrap();
        let grown = "select b from one";
        assert_eq!(Read::new(new.as_ref()).one(grown, &[], |row| row.take::<i64>()).unwrap(), Some(7));

        migrate(new.as_ref(), &[ONE, TWO, EXPAND, CONTRACT]).unwrap();
        let refused = migrate(database.open().as_ref(), &older);
        assert!(matches!(refused, Err(StoreError::TooNew { found: 4, known: 2 })), "{refused:?}");
        migrate(database.open().as_ref(), &[ONE, TWO, EXPAND]).unwrap();
    }
}

#[test]
fn one_of_many_migrates_and_the_others_wait() {
    let slow = format!("{TWO}\n/*pg select pg_sleep(0.3); */");
    for database in databases() {
        std::thread::scope(|scope| {
            let node = || migrate(database.open().as_ref(), &[ONE, &slow, EXPAND]);
            let nodes: Vec<_> = (0..4).map(|_| scope.spawn(node)).collect();
            for ended in nodes {
                ended.join().unwrap().unwrap();
            }
        });
        let versions = "select version from schemaversion where version > 0 order by version";
        let session = database.open();
        let versions: Vec<i64> = Read::new(session.as_ref()).rows(versions, &[], |row| row.take()).unwrap();
        assert_eq!(versions, [1, 2, 3]);
    }
}

#[test]
fn a_node_that_dies_while_it_migrates_leaves_the_schema_before_it() {
    for database in databases() {
        migrate(database.open().as_ref(), &[ONE]).unwrap();
        let dying = database.open();
        dying.step(Step::BeginWrite).unwrap();
        dying.script(super::TURN).unwrap();
        dying.script(TWO).unwrap();
        std::thread::scope(|scope| {
            let waiting = scope.spawn(|| migrate(database.open().as_ref(), &[ONE, TWO]));
            // Its connection ends, and nothing was committed.
            drop(dying);
            waiting.join().unwrap().unwrap();
        });
        let bad = format!("{EXPAND}\nalter table nobody add column a integer;");
        assert!(migrate(database.open().as_ref(), &[ONE, TWO, &bad]).is_err());
        migrate(database.open().as_ref(), &[ONE, TWO, EXPAND]).unwrap();
    }
}

/// A database that several connections open.
struct Several {
    engine: Box<dyn Engine>,
    _folder: tempfile::TempDir,
}

impl Several {
    fn open(&self) -> Box<dyn Session> {
        self.engine.open(Purpose::Write).unwrap()
    }
}

/// A file, and a schema where a server is given.
fn databases() -> Vec<Several> {
    let folder = tempfile::tempdir().unwrap();
    let file = SqliteFile::new(&folder.path().join("some.db"), &Faults::none(), None);
    let at_server = Server::of(&Database::for_tests(folder.path()), &Faults::none()).unwrap();
    let mut all = vec![Several { engine: Box::new(file), _folder: folder }];
    if let Some(server) = at_server {
        let folder = tempfile::tempdir().unwrap();
        all.push(Several { engine: Box::new(server.catalogue()), _folder: folder });
    }
    all
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
