//! Full disks, failing calls, lost transactions: what was answered as kept is there, nothing else is.

use model::schema::catalogue::Route;
use store::{Fault, Faults, Priority, StoreError};

use crate::blobs::noise;
use crate::house::{House, id, organization};

const FAULTS: [Fault; 3] = [Fault::Io, Fault::Full, Fault::FullEndsTransaction];

#[test]
fn a_full_disk_refuses_for_now_and_works_again_with_room() {
    let house = House::new();
    if house.organization.is_at_server() {
        return crate::house::skip("a disk that is full for one database alone: a server has one disk");
    }
    house.set("before").wait().unwrap();
    let big = "x".repeat(1_000_000);
    house.organization.limit_pages(100);
    let (gate, gate_unit) = house.gate();
    let small = house.set("small");
    let big = house.organization.unit(Priority::Intake, move |tx| tx.set_setting("big", &big));
    let after = house.set("after");
    drop(gate);
    // The unit that asked for too much is refused; its neighbors are stored.
    gate_unit.wait().unwrap();
    small.wait().unwrap();
    after.wait().unwrap();
    let refused = big.wait().unwrap_err();
    assert!(refused.is_temporary(), "{refused}");
    assert_eq!(["before", "small", "big", "after"].map(|name| house.is_set(name)), [true, true, false, true]);

    house.organization.limit_pages(0);
    house.set("big").wait().unwrap();
    assert!(house.is_set("big"));
}

#[test]
fn a_batch_whose_transaction_the_engine_ended_runs_again_one_by_one() {
    let faults = Faults::planned();
    let house = House::with(|settings| settings.faults = faults.clone());
    let (gate, gate_unit) = house.gate();
    let units: Vec<_> = (0..5).map(|number| house.set(&format!("setting {number}"))).collect();
    // The gate has begun its transaction; then a mark and a statement for each unit.
    faults.fail_at(5, Fault::FullEndsTransaction);
    drop(gate);
    gate_unit.wait().unwrap();
    units.into_iter().for_each(|unit| unit.wait().unwrap());
    assert!(!faults.is_waiting());
    assert!((0..5).all(|number| house.is_set(&format!("setting {number}"))));
}

#[test]
fn whichever_call_fails_an_answer_is_true() {
    for fault in FAULTS {
        each_call(fault, |house, faults, call| {
            let (gate, gate_unit) = house.gate();
            let names: Vec<String> = (0..3).map(|number| format!("{fault:?} {call} {number}")).collect();
            let units: Vec<_> = names.iter().map(|name| house.set(name)).collect();
            faults.fail_at(call, fault);
            drop(gate);
            let answers: Vec<_> = units.into_iter().map(|unit| unit.wait()).collect();
            let _ = gate_unit.wait();
            let is_waiting = faults.is_waiting();
            faults.clear();
            for (name, answer) in names.iter().zip(answers) {
                assert_eq!(house.is_set(name), answer.is_ok(), "{fault:?} at call {call}: {name} {answer:?}");
                assert!(answer.is_ok() || answer.unwrap_err().is_temporary());
            }
            is_waiting
        });
    }
}

#[test]
fn whichever_call_fails_kept_bytes_are_whole() {
    for fault in FAULTS {
        each_call(fault, |house, faults, call| {
            let mut bytes = noise(200_000);
            bytes.extend(format!("{fault:?} {call}").bytes());
            faults.fail_at(call, fault);
            let kept = house.organization.put_blob(&bytes).and_then(|blob| {
                let named = blob.clone();
                let unit = house.organization.unit(Priority::Intake, move |tx| tx.keep_blob(&named));
                unit.wait().map(|()| blob.blobid)
            });
            let is_waiting = faults.is_waiting();
            faults.clear();
            match kept {
                Ok(blobid) => assert!(house.organization.blob(&blobid).unwrap() == bytes),
                Err(error) => assert!(error.is_temporary(), "{fault:?} at call {call}: {error}"),
            }
            is_waiting
        });
    }
}

#[test]
fn whichever_call_fails_a_published_address_leads_there() {
    for fault in FAULTS {
        each_call(fault, |house, faults, call| {
            let address = format!("{fault:?}-{call}@example.com");
            let route = Route { address, organizationid: id(1), kind: 1, targetid: id(7) };
            faults.fail_at(call, fault);
            let published = house.store.publish_route(&route);
            let is_waiting = faults.is_waiting();
            faults.clear();
            let there = house.store.route(&route.address).unwrap();
            assert_eq!(there, published.is_ok().then_some(route));
            assert!(published.is_ok() || published.unwrap_err().is_temporary());
            is_waiting
        });
    }
}

#[test]
fn a_unit_that_overlooks_a_lost_transaction_runs_again_before_it_is_answered() {
    let faults = Faults::planned();
    let house = House::with(|settings| settings.faults = faults.clone());
    let (open, opened) = std::sync::mpsc::channel::<()>();
    let (begun, began) = std::sync::mpsc::channel::<()>();
    let careless = house.organization.unit(Priority::Intake, move |tx| {
        let _ = begun.send(());
        let _ = opened.recv();
        let _ = tx.set_setting("careless", "kept");
        Ok::<_, StoreError>(())
    });
    began.recv().unwrap();
    let neighbor = house.set("neighbor");
    faults.fail_at(1, Fault::FullEndsTransaction);
    drop(open);
    careless.wait().unwrap();
    neighbor.wait().unwrap();
    assert_eq!(["careless", "neighbor"].map(|name| house.is_set(name)), [true, true]);
}

#[test]
fn whichever_call_fails_an_organization_can_be_made_again() {
    for fault in FAULTS {
        each_call(fault, |house, faults, call| {
            let row = organization(u8::try_from(call).unwrap() + 1);
            faults.fail_at(call, fault);
            let made = house.store.create_organization(row.clone());
            let is_waiting = faults.is_waiting();
            faults.clear();
            match made {
                Ok(_) => {}
                // It may stand already; then only opening it failed.
                Err(error) => {
                    assert!(error.is_temporary(), "{fault:?} at call {call}: {error}");
                    let again = house.store.create_organization(row.clone());
                    assert!(matches!(again, Ok(_) | Err(StoreError::Exists)));
                }
            }
            let organization = house.store.organization(row.organizationid).unwrap();
            organization.unit(Priority::Intake, |tx| tx.set_setting("one", "kept")).wait().unwrap();
            is_waiting
        });
    }
}

#[test]
fn a_unit_that_goes_on_after_a_lost_transaction_writes_nothing_outside_of_one() {
    let faults = Faults::planned();
    let house = House::with(|settings| settings.faults = faults.clone());
    let (gate, gate_unit) = house.gate();
    let stubborn = house.organization.unit(Priority::Intake, |tx| {
        let first = tx.set_setting("first", "kept");
        let second = tx.set_setting("second", "kept");
        first.or(second)?;
        Err::<(), _>(StoreError::NotFound)
    });
    faults.fail_at(2, Fault::FullEndsTransaction);
    drop(gate);
    gate_unit.wait().unwrap();
    assert!(matches!(stubborn.wait(), Err(StoreError::NotFound)));
    assert_eq!(["first", "second"].map(|name| house.is_set(name)), [false, false]);
}

/// Tells a story with its first call failing, then its second, until all have; the story says whether its fault
/// is still to come.
fn each_call(fault: Fault, story: impl Fn(&House, &Faults, u64) -> bool) {
    let faults = Faults::planned();
    let house = House::with(|settings| settings.faults = faults.clone());
    let calls = (1..1_000).take_while(|call| !story(&house, &faults, *call)).count();
    assert!(calls >= 3, "{fault:?} met {calls} calls only");
}
