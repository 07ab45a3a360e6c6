//! Questions: one snapshot each, and cursors that skip nothing.

use model::Timestamp;
use model::schema::house::Event;
use store::{Cursor, PendingUnit, Priority, StoreError};

use crate::house::{House, id};

#[test]
fn a_question_sees_one_snapshot() {
    let house = House::new();
    house.set("before").wait().unwrap();
    house
        .organization
        .read(|read| {
            assert!(read.setting("before")?.is_some());
            house.set("meanwhile").wait()?;
            assert_eq!(read.setting("meanwhile")?, None);
            Ok(())
        })
        .unwrap();
    assert!(house.is_set("meanwhile"));
}

#[test]
fn a_question_inside_a_unit_sees_what_the_unit_wrote() {
    let house = House::new();
    let seen = house.organization.unit(Priority::Intake, |tx| {
        tx.set_setting("one", "inside")?;
        tx.setting("one")
    });
    assert_eq!(seen.wait().unwrap().as_deref(), Some("inside"));
}

#[test]
fn a_question_that_fails_or_panics_gives_its_connection_back() {
    let house = House::with(|settings| settings.readers_per_organization = 1);
    let failed: Result<(), _> = house.organization.read(|_| Err(StoreError::NotFound));
    assert!(matches!(failed, Err(StoreError::NotFound)));
    let organization = house.organization.clone();
    let panicked = std::thread::spawn(move || organization.read::<()>(|_| panic!("on purpose")).is_ok());
    assert!(panicked.join().is_err());
    house.set("one").wait().unwrap();
    assert!(house.is_set("one"));
}

#[test]
fn a_cursor_over_events_skips_none_that_commits_late() {
    let house = House::new();
    let first = append(&house, "first");
    first.wait().unwrap();
    // One unit has its number and is not committed; another is handed in behind it; the reader reads.
    let (gate, gate_unit) = house.gate();
    let (late, last) = (append(&house, "late"), append(&house, "last"));
    let mut cursor = house.organization.read(|read| read.first_cursor()).unwrap();
    let mut seen = read_on(&house, &mut cursor);
    drop(gate);
    gate_unit.wait().unwrap();
    late.wait().unwrap();
    last.wait().unwrap();
    house.organization.wait_for_events().unwrap();
    seen.extend(read_on(&house, &mut cursor));
    assert_eq!(seen, ["first", "late", "last"]);
}

#[test]
fn a_cursor_of_another_epoch_is_told_so() {
    let house = House::new();
    append(&house, "first").wait().unwrap();
    let cursor = Cursor { epoch: id(9), eventid: 1 };
    let told = house.organization.read(|read| read.events_after(cursor, 10));
    assert!(matches!(told, Err(StoreError::OtherEpoch)), "{told:?}");
    let counted = house.organization.read(|read| read.email_events_after(cursor, 10));
    assert!(matches!(counted, Err(StoreError::OtherEpoch)), "{counted:?}");
}

fn append(house: &House, operation: &str) -> PendingUnit<(), StoreError> {
    let event = Event {
        eventid: 0,
        createdon: Timestamp(1),
        systemuserid: None,
        objectid: id(9),
        objecttypecode: 4202,
        operation: operation.to_owned(),
        detail: None,
    };
    house.organization.unit(Priority::Intake, move |tx| tx.append_event(&event))
}

fn read_on(house: &House, cursor: &mut Cursor) -> Vec<String> {
    let events = house.organization.read(|read| read.events_after(*cursor, 10)).unwrap();
    cursor.eventid = events.last().map_or(cursor.eventid, |event| event.eventid);
    events.into_iter().map(|event| event.operation).collect()
}
