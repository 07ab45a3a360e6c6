//! An organization that moves to a house on another engine, and back, and its mail meanwhile.

use postroom::commands::Request;
use testkit::client::{Client, Envelope, Protocol};

use crate::house::{SINK, ZOE, house, mail, timeline};

#[test]
fn a_thousand_emails_move_there_and_back_and_are_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let steps = testkit::moving::there_and_back(folder.path(), 1_000, |_| {}).unwrap();
    assert_eq!(steps.len(), 5);
}

#[test]
fn mail_for_an_organization_that_is_closed_comes_again() {
    let (house, _) = house();
    let mut client = Client::connect(house.smtp().unwrap(), Protocol::Smtp).unwrap();
    let (here, elsewhere) = (Envelope::new(ZOE, SINK), Envelope::new(ZOE, "sink@other.test"));
    house.command(Request::CloseOrganization("example".to_owned())).unwrap();
    let put_off = client.send(&here, &mail("one", "Hello")).unwrap().codes();
    assert_eq!(put_off, [451]);
    assert_eq!(client.send(&elsewhere, &mail("two", "Hello")).unwrap().codes(), [250]);
    house.command(Request::ReopenOrganization("example".to_owned())).unwrap();
    assert_eq!(client.send(&here, &mail("one", "Hello")).unwrap().codes(), [250]);
    assert_eq!(timeline(&house.organization("example").unwrap(), ZOE).len(), 1);
}
