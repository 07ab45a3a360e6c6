//! Units of work: kept or not, alone.

use store::{Priority, StoreError};

use crate::house::House;

#[test]
fn a_unit_that_answered_is_seen() {
    let house = House::new();
    let blob = house.organization.put_blob(b"a mail").unwrap();
    let blobid = blob.blobid;
    house.organization.unit(Priority::Intake, move |tx| tx.keep_blob(&blob)).wait().unwrap();
    assert_eq!(house.organization.blob(&blobid).unwrap(), b"a mail");
}

#[test]
fn a_panic_ends_its_unit_alone() {
    let house = House::new();
    let ended: Result<(), StoreError> =
        house.organization.unit(Priority::Intake, |_| panic!("on purpose")).wait();
    assert!(matches!(ended, Err(StoreError::Panicked)));
    house.organization.unit(Priority::Intake, |_| Ok::<_, StoreError>(())).wait().unwrap();
}
