//! Several nodes on one database: they see each other, and what one of them changes the others know soon.

use std::sync::Arc;
use std::time::{Duration, Instant};

use model::schema::catalogue::{Node, Route};
use model::{Id, Timestamp};
use store::{Database, Priority, Store, StoreError, StoreSettings};

use crate::house::{House, id, skip};

const START: Timestamp = Timestamp(1_000_000);

#[test]
fn nodes_are_seen_until_they_go() {
    let house = House::new();
    let store = &house.store;
    store.be_seen(&node(1), START).unwrap();
    let first = store.nodes(START).unwrap().remove(0);
    assert_eq!((first.node.name.as_str(), first.node.statecode), ("node 1", 1));
    assert!((0..60_000).contains(&first.silent));
    store.be_seen(&Node { statecode: 2, ..node(1) }, START.plus_seconds(1)).unwrap();
    let again = store.nodes(START.plus_seconds(1)).unwrap().remove(0);
    assert_eq!((again.node.statecode, again.node.startedon), (2, first.node.startedon));
    store.be_seen(&node(2), START.plus_seconds(2)).unwrap();
    let ids: Vec<Id> = store.nodes(START).unwrap().into_iter().map(|seen| seen.node.nodeid).collect();
    let expected = if store.is_at_server() { vec![id(1), id(2)] } else { vec![id(2)] };
    assert_eq!(ids, expected, "whoever has a folder has it alone");
    store.go(id(2)).unwrap();
    store.go(id(1)).unwrap();
    assert_eq!(store.nodes(START).unwrap(), []);
}

#[test]
fn the_clock_of_this_machine_is_compared() {
    let house = House::new();
    let store = &house.store;
    let real = || Timestamp(i64::try_from(std::time::UNIX_EPOCH.elapsed().unwrap().as_millis()).unwrap());
    assert!(store.clock_ahead(real).unwrap().abs() < 5_000);
    if store.is_at_server() {
        let ahead = store.clock_ahead(|| real().plus_seconds(3_600)).unwrap();
        assert!((3_500_000..3_700_000).contains(&ahead), "{ahead}");
    }
}

#[test]
fn what_one_node_changes_the_other_knows_soon() {
    let house = House::new();
    let Some(other) = Other::beside(&house) else { return };
    let (here, there) = (&house.store, &other.store);
    let route = route("crm@sink.test");
    assert_eq!(there.route(&route.address).unwrap(), None);
    here.publish_route(&route).unwrap();
    assert_eq!(
        there.route(&route.address).unwrap().as_ref(),
        Some(&route),
        "an address is never unknown by heart"
    );
    here.withdraw_route(&route.address, route.organizationid).unwrap();
    eventually("the route is gone there too", || there.route(&route.address).unwrap().is_none());

    let organization = there.organization(id(1)).unwrap();
    let setting = || organization.read(|read| read.deciding_setting("some")).unwrap();
    let version = || organization.read(|read| read.records_version()).unwrap();
    let before = version();
    assert_eq!(setting(), None);
    set(&house, "one");
    eventually("the setting is known there too", || setting().as_deref() == Some("one"));
    assert!(version() > before);
    set(&house, "two");
    assert!(organization.catch_up().unwrap() || setting().as_deref() == Some("two"));
    assert_eq!(setting().as_deref(), Some("two"), "whoever must know it asks");
}

#[test]
fn a_program_that_would_end_an_older_node_waits_for_it() {
    let house = House::new();
    if Other::beside(&house).is_none() {
        return;
    }
    house.store.be_seen(&Node { knownschema: 1, ..node(1) }, START).unwrap();
    let refused = Other::open(&house).map(drop);
    assert!(matches!(&refused, Err(StoreError::OlderNode { name, .. }) if name == "node 1"), "{refused:?}");
    house.store.go(id(1)).unwrap();
    Other::open(&house).unwrap();
}

fn set(house: &House, value: &'static str) {
    let unit = house.organization.unit(Priority::Background, move |tx| {
        tx.set_setting("some", value)?;
        tx.bump_records_version()
    });
    unit.wait().unwrap();
}

/// Another node on the database of a house, where it is at a server.
pub(crate) struct Other {
    pub(crate) store: Arc<Store>,
    _folder: tempfile::TempDir,
}

impl Other {
    pub(crate) fn beside(house: &House) -> Option<Self> {
        let database = Database::for_tests(house.folder.path());
        if database == Database::Sqlite {
            skip("two nodes need a database server (POSTROOM_TEST_DATABASE)");
            return None;
        }
        Some(Other::open(house).unwrap())
    }

    fn open(house: &House) -> Result<Self, StoreError> {
        let database = Database::for_tests(house.folder.path());
        let folder = tempfile::tempdir().unwrap();
        let settings = StoreSettings { database, ..StoreSettings::new(folder.path()) };
        Ok(Other { store: Store::open(settings)?, _folder: folder })
    }
}

pub(crate) fn eventually(what: &str, is_so: impl Fn() -> bool) {
    let began = Instant::now();
    while !is_so() {
        assert!(began.elapsed() < Duration::from_secs(20), "not yet: {what}");
        std::thread::yield_now();
    }
}

fn node(number: u8) -> Node {
    Node {
        nodeid: id(number),
        name: format!("node {number}"),
        roles: "receive web".to_owned(),
        version: "1.0.0".to_owned(),
        knownschema: 3,
        startedon: START,
        seenon: START,
        statecode: 1,
        hooks: None,
    }
}

fn route(address: &str) -> Route {
    Route { address: address.to_owned(), organizationid: id(1), kind: 1, targetid: id(5) }
}
