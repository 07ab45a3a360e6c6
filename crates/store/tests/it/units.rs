//! Units of work: kept or not, together and alone.

use std::sync::mpsc::channel;

use model::decision::Entity;
use model::filter::IncomingFilter;
use model::schema::people::Queue;
use model::{EmailAddress, Timestamp, limits};
use store::{Priority, Read, StoreError};

use crate::house::House;

#[test]
fn a_unit_that_answered_is_seen_and_is_there_after_reopening() {
    let house = House::new();
    house.set("one").wait().unwrap();
    assert!(house.is_set("one"));
    house.store.close();
    let House { store, organization, folder } = house;
    drop((store, organization));
    let store = store::Store::open(store::StoreSettings::for_tests(folder.path())).unwrap();
    let organization = store.organization_by_name("Organization 1").unwrap();
    assert_eq!(organization.read(|read| read.setting("one")).unwrap().as_deref(), Some("kept"));
}

#[test]
fn a_failed_unit_leaves_nothing_while_its_neighbors_stay() {
    #[derive(Debug, PartialEq)]
    struct Refused(&'static str);
    impl From<StoreError> for Refused {
        fn from(_: StoreError) -> Self {
            Refused("by the store")
        }
    }

    let house = House::new();
    let (gate, gate_unit) = house.gate();
    let before = house.set("before");
    let failed = house.organization.unit(Priority::Intake, |tx| {
        tx.set_setting("failed", "half")?;
        Err::<(), _>(Refused("by the unit"))
    });
    let panicked = house.organization.unit(Priority::Intake, |tx| -> Result<(), StoreError> {
        tx.set_setting("panicked", "half")?;
        panic!("on purpose")
    });
    let after = house.set("after");
    drop(gate);

    gate_unit.wait().unwrap();
    before.wait().unwrap();
    after.wait().unwrap();
    assert_eq!(failed.wait(), Err(Refused("by the unit")));
    assert!(matches!(panicked.wait(), Err(StoreError::Panicked)));
    assert_eq!(house.organization.commits(), 1);
    assert_eq!(
        ["before", "failed", "panicked", "after"].map(|name| house.is_set(name)),
        [true, false, false, true]
    );
}

#[test]
fn the_first_unit_of_a_batch_may_fail_too() {
    let house = House::new();
    let failed = house.organization.unit(Priority::Intake, |tx| {
        tx.set_setting("failed", "half")?;
        Err::<(), _>(StoreError::NotFound)
    });
    assert!(matches!(failed.wait(), Err(StoreError::NotFound)));
    house.set("after").wait().unwrap();
    assert_eq!(["failed", "after"].map(|name| house.is_set(name)), [false, true]);
}

#[test]
fn units_that_wait_share_a_commit() {
    let house = House::new();
    let (gate, gate_unit) = house.gate();
    let units: Vec<_> = (0..200).map(|number| house.set(&format!("setting {number}"))).collect();
    drop(gate);
    gate_unit.wait().unwrap();
    units.into_iter().for_each(|unit| unit.wait().unwrap());
    assert_eq!(house.organization.commits(), 1);
}

#[test]
fn intake_goes_before_background_but_not_for_ever() {
    let house = House::new();
    let (told, order) = channel();
    let (gate, _gate_unit) = house.gate();
    let submit = |priority, name: String| {
        let told = told.clone();
        house.organization.unit(priority, move |_| told.send(name.clone()).map_err(|_| StoreError::Closed))
    };
    let _background = submit(Priority::Background, "background".into());
    let units: Vec<_> = (0..100).map(|number| submit(Priority::Intake, format!("intake {number}"))).collect();
    drop(gate);
    units.into_iter().for_each(|unit| unit.wait().unwrap());
    let order: Vec<String> = order.try_iter().collect();
    let place = order.iter().position(|name| name == "background");
    assert_eq!(place, Some(model::limits::INTAKE_BEFORE_BACKGROUND_MAX));
}

#[test]
fn a_line_has_an_end() {
    let house = House::new();
    let (gate, gate_unit) = house.gate();
    let unit = || house.organization.unit(Priority::Background, |_| Ok::<_, StoreError>(()));
    let waiting: Vec<_> = (0..model::limits::UNITS_WAITING_MAX).map(|_| unit()).collect();
    assert!(matches!(unit().wait(), Err(StoreError::Busy)));
    drop(gate);
    gate_unit.wait().unwrap();
    waiting.into_iter().for_each(|unit| unit.wait().unwrap());
    unit().wait().unwrap();
}

#[test]
fn organizations_do_not_wait_for_each_other() {
    let house = House::new();
    let other = house.store.create_organization(crate::house::organization(2)).unwrap();
    let (gate, gate_unit) = house.gate();
    // The first organization's batch is held; the second commits all the same.
    other.unit(Priority::Intake, |tx| tx.set_setting("other", "kept")).wait().unwrap();
    drop(gate);
    gate_unit.wait().unwrap();
}

#[test]
fn units_that_wait_run_when_the_store_closes_and_later_ones_are_told() {
    let house = House::new();
    let (gate, gate_unit) = house.gate();
    let waiting = house.set("waiting");
    std::thread::scope(|scope| {
        scope.spawn(|| house.store.close());
        drop(gate);
    });
    gate_unit.wait().unwrap();
    waiting.wait().unwrap();
    assert!(house.is_set("waiting"));
    assert!(matches!(house.set("late").wait(), Err(StoreError::Closed)));
}

#[test]
fn what_is_known_about_records_is_never_older_than_the_last_commit() {
    let house = House::new();
    let known = |address: &str| house.organization.read(|read| Ok(read.addresses(address)?.len())).unwrap();
    assert_eq!(known("ann@example.com"), 0);
    let add = |address: &'static str, end: Result<(), StoreError>| {
        let end = std::sync::Mutex::new(Some(end));
        let unit = house.organization.unit(Priority::Intake, move |tx| {
            // Asked first, so that the old answer is at hand, and again behind the change.
            assert_eq!(tx.addresses(address)?.len(), 0);
            tx.add_address(address, 2, crate::house::id(7))?;
            assert_eq!(tx.addresses(address)?.len(), 1);
            tx.bump_records_version()?;
            end.lock().unwrap().take().unwrap_or(Err(StoreError::NotFound))
        });
        unit.wait()
    };
    assert!(add("bob@example.com", Err(StoreError::NotFound)).is_err());
    assert_eq!(known("bob@example.com"), 0, "the unit was undone");
    add("ann@example.com", Ok(())).unwrap();
    assert_eq!(known("ann@example.com"), 1);
    assert_eq!(known("bob@example.com"), 0);
    let sees = house
        .organization
        .unit(Priority::Intake, |tx| Ok::<_, StoreError>(tx.addresses("ann@example.com")?.len()));
    assert_eq!(sees.wait().unwrap(), 1);
}

/// A queue that takes all mail to its name at example.com.
fn queue(name: &str, number: u8) -> Queue {
    Queue {
        queueid: crate::house::id(number),
        name: name.to_owned(),
        emailaddress: format!("{name}@example.com"),
        incomingemailfilteringmethod: IncomingFilter::All,
        createdon: Timestamp(0),
        emailserverprofile: None,
    }
}

#[test]
fn our_addresses_are_told_from_those_of_customers_however_often_they_are_asked_for() {
    let house = House::new();
    let ours = |address: &str| {
        let rows = house.organization.read(|read| read.our_addresses(address)).unwrap();
        rows.into_iter().map(|row| (row.objecttypecode, row.objectid)).collect::<Vec<_>>()
    };
    let add = |name: &'static str, number: u8| {
        let unit = house.organization.unit(Priority::Intake, move |tx| {
            tx.add_queue(&queue(name, number))?;
            tx.add_address(
                &format!("{name}@customer.test"),
                Entity::Contact as i32,
                crate::house::id(number + 100),
            )?;
            // A customer may have an address of ours as well.
            tx.add_address(
                &format!("{name}@example.com"),
                Entity::Contact as i32,
                crate::house::id(number + 100),
            )
        });
        unit.wait().unwrap();
    };
    let owner = |number: u8| vec![(Entity::Queue as i32, crate::house::id(number))];
    for (name, number) in [("sales", 1), ("help", 2)] {
        assert_eq!(ours(&format!("{name}@example.com")), [], "nobody has it yet");
        add(name, number);
        // Beyond that number all are known at once.
        for _ in 0..2 * limits::QUESTIONS_BEFORE_ALL {
            assert_eq!(ours(&format!("{name}@example.com")), owner(number));
            assert_eq!(ours("sales@example.com"), owner(1));
            assert_eq!(ours(&format!("{name}@customer.test")), []);
            assert_eq!(ours("stranger@elsewhere.test"), []);
        }
    }
}

#[test]
fn a_unit_does_not_look_again_for_whose_addresses_were_foreseen() {
    if std::env::var_os("POSTROOM_TEST_DATABASE").is_some() {
        return crate::house::skip("at a server units ask together, and nothing is asked before");
    }
    let house = House::new();
    let found = || {
        let unit = house.organization.unit(Priority::Intake, |tx| {
            let logged = tx.never_log_of("new@customer.test", "@customer.test")?.len();
            Ok::<_, StoreError>((tx.records_by_address("new@customer.test")?.len(), logged))
        });
        unit.wait().unwrap()
    };
    house.organization.foresee(&[EmailAddress::parse("new@customer.test").unwrap()]);
    // Behind everybody's back: only who looks at the rows sees it.
    let row = "insert into recordaddress (address, objecttypecode, objectid, name) \
               values ('new@customer.test', 2, x'01010101010101010101010101010101', 'New')";
    house.organization.tamper(row).unwrap();
    let row = "insert into neverlog (neverlogid, pattern, createdon) \
               values (x'01010101010101010101010101010101', '@customer.test', 0)";
    house.organization.tamper(row).unwrap();
    assert_eq!(found(), (0, 0));
    house.organization.unit(Priority::Intake, |tx| tx.bump_records_version()).wait().unwrap();
    assert_eq!(found(), (1, 1), "what was known before the records changed is known no more");
}

#[test]
fn an_answer_that_began_before_the_records_changed_is_not_kept_for_what_they_are_now() {
    let house = House::new();
    let whose = |read: &Read<'_>| read.records_by_address("new@example.com").map(|found| found.len());
    // A part of the question is known: nobody has the address.
    assert_eq!(house.organization.read(|read| read.addresses("new@example.com")).unwrap(), []);
    let before = house.organization.read(|read| {
        house.organization.unit(Priority::Intake, |tx| tx.add_queue(&queue("new", 1))).wait()?;
        whose(read)
    });
    assert!(before.unwrap() <= 1, "as it was before, or as it is");
    assert_eq!(house.organization.read(whose).unwrap(), 1);
}

#[tokio::test]
async fn a_unit_can_be_awaited() {
    let house = House::new();
    house.set("one").await.unwrap();
    assert!(house.is_set("one"));
}
