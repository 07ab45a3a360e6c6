//! Whose an address is, and what is noted beside it.

use model::Timestamp;
use model::decision::Entity;
use model::schema::customers::{Account, Contact, Lead};
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

fn account() -> Account {
    Account {
        accountid: id(9),
        name: "Fabrikam".into(),
        emailaddress1: Some("info@fabrikam.test".into()),
        emailaddress2: None,
        emailaddress3: None,
        telephone1: None,
        websiteurl: None,
        address1_city: None,
        statecode: 0,
        createdon: Timestamp(5),
        modifiedon: Timestamp(6),
        donotemail: false,
        donotbulkemail: true,
    }
}

fn lead() -> Lead {
    Lead {
        leadid: id(8),
        subject: None,
        firstname: None,
        lastname: None,
        fullname: "Bob".into(),
        companyname: None,
        emailaddress1: Some("bob@northwind.test".into()),
        emailaddress2: None,
        emailaddress3: None,
        statecode: 2,
        createdon: Timestamp(5),
        modifiedon: Timestamp(6),
        donotemail: true,
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
fn forget(house: &House, rows: usize) {
    let sql = "update recordaddress set name = null, parentcustomerid = null, statecode = 0, modifiedon = 0, \
               donotemail = 0, donotbulkemail = 0";
    assert_eq!(house.organization.tamper(sql).unwrap(), rows);
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
    forget(&house, 2);
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

/// What a node notes that is stopped after so many handfuls.
fn note(house: &House, node: u8, handfuls: usize) -> usize {
    let done = std::cell::Cell::new(0);
    let is_stopped = || done.replace(done.get() + 1) >= handfuls;
    house.organization.note_customers(id(node), &|| Timestamp(1), &is_stopped).unwrap()
}

#[test]
fn customers_of_a_house_of_before_are_noted_once() {
    let house = with_ann();
    let add = |tx: &mut store::Tx<'_>| {
        let (account, lead) = (account(), lead());
        tx.add_account(&account).and_then(|()| tx.add_lead(&lead))
    };
    house.organization.unit(Priority::Background, add).wait().unwrap();
    opt_out(&house);
    let told = || [ANN, "info@fabrikam.test", "bob@northwind.test"].map(|address| found(&house, address));
    let before = told();
    forget(&house, 4);
    assert_eq!(note(&house, 1, 0), 0, "stopped before it began");
    assert_eq!(note(&house, 1, 1), 4);
    for (address, name) in
        [(ANN, "Ann Lee"), ("info@fabrikam.test", "Fabrikam"), ("bob@northwind.test", "Bob")]
    {
        let rows = house.organization.read(|read| read.addresses(address)).unwrap();
        assert_eq!(rows[0].name.as_deref(), Some(name));
    }
    assert_eq!(told(), before);
    assert_eq!(note(&house, 1, 9), 0);
    forget(&house, 4);
    assert_eq!(note(&house, 1, 9), 0, "all were noted");
}

#[test]
fn what_another_node_notes_is_left_to_it() {
    let house = with_ann();
    forget(&house, 2);
    let unit = house
        .organization
        .unit(Priority::Background, |tx| tx.take_lease("customersnoted", id(2), Timestamp(1)));
    assert!(unit.wait().unwrap().is_some());
    assert_eq!(note(&house, 1, 9), 0);
}
