//! Whose an address is, and what is noted beside it.

use model::Timestamp;
use model::decision::Entity;
use model::schema::customers::Contact;
use store::{AddressedRecord, Priority};

use crate::house::{House, id};

const ANN: &str = "ann@fabrikam.test";

fn ann() -> Contact {
    Contact {
        contactid: id(7),
        firstname: None,
        lastname: None,
        fullname: "Ann Lee".into(),
        emailaddress1: Some("Ann@fabrikam.test".into()),
        emailaddress2: Some("lee@fabrikam.test".into()),
        emailaddress3: None,
        parentcustomerid: Some(id(9)),
        jobtitle: None,
        telephone1: None,
        statecode: 1,
        createdon: Timestamp(5),
        modifiedon: Timestamp(6),
        donotemail: false,
        donotbulkemail: false,
    }
}

fn with_ann() -> House {
    let house = House::new();
    let add = |tx: &mut store::Tx<'_>| {
        tx.add_contact(&ann())?;
        tx.bump_records_version().map(drop)
    };
    house.organization.unit(Priority::Background, add).wait().unwrap();
    house
}

fn found(house: &House, address: &str) -> AddressedRecord {
    house.organization.read(|read| read.records_by_address(address)).unwrap().remove(0)
}

fn opt_out(house: &House) {
    let opt_out = |tx: &mut store::Tx<'_>| {
        assert!(tx.set_opt_outs((Entity::Contact, id(7)), [Some(true), None], Timestamp(8))?);
        tx.bump_records_version().map(drop)
    };
    house.organization.unit(Priority::Background, opt_out).wait().unwrap();
}

/// As it was before anything was noted.
fn forget(house: &House) {
    let sql = "update recordaddress set name = null, parentcustomerid = null, statecode = 0, modifiedon = 0, \
               donotemail = 0, donotbulkemail = 0";
    assert_eq!(house.organization.tamper(sql).unwrap(), 2);
    let bump = |tx: &mut store::Tx<'_>| tx.bump_records_version().map(drop);
    house.organization.unit(Priority::Background, bump).wait().unwrap();
}

#[test]
fn an_address_tells_what_its_record_says_whether_it_is_noted_or_not() {
    let house = with_ann();
    let noted = found(&house, ANN);
    let expected = (Some(Entity::Contact), id(7), "Ann Lee", false, Some(id(9)), Timestamp(6), false);
    let told =
        |it: &AddressedRecord| (it.entity, it.id, it.is_active, it.company, it.modified, it.wants_no_mail);
    assert_eq!(told(&noted), (expected.0, expected.1, expected.3, expected.4, expected.5, expected.6));
    assert_eq!(noted.name, expected.2);
    forget(&house);
    assert_eq!(found(&house, ANN), noted);
    opt_out(&house);
    assert!(found(&house, ANN).wants_no_mail);
}

#[test]
fn an_opt_out_counts_at_every_address_of_its_record() {
    let house = with_ann();
    opt_out(&house);
    for address in [ANN, "lee@fabrikam.test"] {
        let it = found(&house, address);
        assert!(it.wants_no_mail && !it.wants_no_bulk_mail && it.modified == Timestamp(8), "{it:?}");
    }
}

#[test]
fn customers_of_a_house_of_before_are_noted_once() {
    let house = with_ann();
    opt_out(&house);
    let before = found(&house, ANN);
    forget(&house);
    assert_eq!(house.organization.note_customers().unwrap(), 2);
    let rows = house.organization.read(|read| read.addresses(ANN)).unwrap();
    assert_eq!(rows[0].name.as_deref(), Some("Ann Lee"));
    assert_eq!(found(&house, ANN), before);
    assert_eq!(house.organization.note_customers().unwrap(), 0);
}
