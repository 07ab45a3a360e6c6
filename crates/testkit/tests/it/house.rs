//! A small world that most stories are told in, and questions to its store.

use std::sync::Arc;

use model::Id;
use store::{Organization, Read, StoreError};
use testkit::House;
use testkit::world::{Made, World};

/// Where mail is redirected and forwarded to.
pub(crate) const SINK: &str = "sink@router.test";
/// A customer.
pub(crate) const ZOE: &str = "zoe@customer.test";

pub(crate) const WORLD: &str = r#"
[[organization]]
name = "example"
sink = [{ address = "sink@router.test" }]
user = [
    { name = "Jane Doe", address = "jane@example.test", filter = "known-customers" },
    { name = "Jane Doe at home", address = "u1@example.test", filter = "known-customers" },
]
contact = [
    { name = "Zoë Müller", address = "zoe@customer.test" },
    { name = "Bob Buyer", address = "bob@customer.test" },
]

[[organization]]
name = "other"
sink = [{ address = "sink@other.test" }]
user = [{ name = "Tara Singh", address = "tara@other.test", filter = "known-customers" }]
contact = [{ name = "Z. Mueller", address = "zoe@customer.test" }]
"#;

/// A house with that world in it.
pub(crate) fn house() -> (House, Made) {
    let house = House::start().unwrap();
    let made = with_world(&house);
    (house, made)
}

/// What stands in a house before anything comes.
pub(crate) fn with_world(house: &House) -> Made {
    let world = World::parse(WORLD).unwrap();
    world.make(|request| house.command(request), |_| None).unwrap()
}

/// A plain mail of a customer to Jane, with a Message-ID of its own.
pub(crate) fn mail(id: &str, text: &str) -> Vec<u8> {
    format!(
        "From: Zoe <{ZOE}>\r\nTo: jane@example.test\r\nSubject: About {id}\r\n\
         Date: Mon, 23 Nov 2026 09:15:00 +0100\r\nMessage-ID: <{id}@customer.test>\r\n\r\n{text}\r\n"
    )
    .into_bytes()
}

/// Message-IDs and subjects of the e-mails on the timeline of the record with this address.
pub(crate) fn timeline(organization: &Arc<Organization>, address: &str) -> Vec<(String, String)> {
    let question = |read: &Read<'_>| {
        let records = read.records_by_address(address)?;
        let mut lines = Vec::new();
        for record in records {
            for line in read.timeline(record.id, 1_000)? {
                let email = read.email(line.id)?;
                let id = email.and_then(|email| email.messageid).unwrap_or_default();
                lines.push((id, line.subject));
            }
        }
        Ok::<_, StoreError>(lines)
    };
    organization.read(question).unwrap()
}

/// How many e-mails an organization has.
pub(crate) fn email_count(organization: &Arc<Organization>) -> i64 {
    organization.read(|read| read.email_count()).unwrap()
}

/// The source of the newest e-mail.
pub(crate) fn newest_source(organization: &Arc<Organization>) -> Vec<u8> {
    let newest: Option<Id> =
        organization.read(|read| Ok(read.latest_emails(None, 1)?.first().map(|line| line.id))).unwrap();
    let email = organization.read(|read| read.email(newest.unwrap())).unwrap().unwrap();
    organization.blob(&email.blobid).unwrap()
}

/// Asserts that every copy that was seen has its outcome.
pub(crate) fn books_are_whole(house: &House) {
    let reply = house.command(postroom::commands::Request::Verify(None)).unwrap();
    let postroom::commands::Reply::Verified(books) = reply else { panic!("{reply:?}") };
    assert!(books.iter().all(|book| book.faults.is_empty()), "{books:?}");
}
