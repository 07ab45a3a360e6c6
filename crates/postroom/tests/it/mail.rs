//! Mail at the doors: stored once, told apart from its repeat, refused where nobody is meant.

use crate::client::{MailClient, mail};
use crate::program::Place;

#[test]
fn a_mail_is_stored_once_however_often_it_comes() {
    let place = Place::with_contoso();
    let house = place.serve();
    let mut client = MailClient::smtp(house.smtp);
    for _ in 0..3 {
        assert!(client.send(&["crm@sink.test"], &mail(1)).starts_with("250 2.0.0 "));
    }
    assert!(client.send(&["nobody@contoso.test"], &mail(1)).starts_with("550 5.1.1"));
    assert!(client.send(&["crm+wrong-key@sink.test"], &mail(1)).starts_with("550 5.1.1"));
    assert_eq!(place.well(&["verify"]), "contoso: 3 copies seen, 1 e-mails, all is well\n");
    assert!(house.terminate().success());
    assert_eq!(place.well(&["verify", "--bytes"]), "contoso: 3 copies seen, 1 e-mails, all is well\n");
}

#[test]
fn lmtp_answers_for_each_recipient_of_each_organization() {
    let place = Place::with_contoso();
    place.well(&["org", "add", "tailspin"]);
    place.well(&["sink", "add", "--org", "tailspin", "crm@tailspin.test"]);
    let house = place.serve();
    let mut client = MailClient::lmtp(house.lmtp);
    let recipients = ["crm@sink.test", "jane@contoso.test", "crm@tailspin.test"];
    let answers = [client.send(&recipients, &mail(1)), client.hear(), client.hear()];
    assert!(answers.iter().all(|answer| answer.starts_with("250 2.0.0 ")), "{answers:?}");
    // One copy for the two recipients of one organization, another for the other.
    assert!(answers[0] == answers[1] && answers[1] != answers[2], "{answers:?}");
    let books = place.well(&["verify"]);
    assert!(books.contains("contoso: 1 copies seen, 1 e-mails, all is well"), "{books}");
    assert!(books.contains("tailspin: 1 copies seen, 0 e-mails, all is well"), "{books}");
}

#[test]
fn a_large_mail_goes_the_same_way() {
    let place = Place::with_contoso();
    let house = place.serve();
    let large = format!("{}{}", mail(7), "A line of a long report about pallets.\r\n".repeat(20_000));
    let mut client = MailClient::smtp(house.smtp);
    assert!(client.send(&["crm@sink.test"], &large).starts_with("250 2.0.0 "));
    assert!(client.send(&["crm@sink.test"], &large).starts_with("250 2.0.0 "));
    assert_eq!(place.well(&["verify"]), "contoso: 2 copies seen, 1 e-mails, all is well\n");
}

#[test]
fn a_user_who_was_added_while_it_serves_is_known_at_once() {
    let place = Place::with_contoso();
    let house = place.serve();
    let mut client = MailClient::smtp(house.smtp);
    assert!(client.send(&["ben@contoso.test"], &mail(1)).starts_with("550 "));
    let user = ["user", "add", "--org", "contoso", "--name", "Ben Ode", "--address", "ben@contoso.test"];
    let added = place.well(&user);
    assert!(client.send(&["ben@contoso.test"], &mail(1)).starts_with("250 "));
    let forward = added.lines().find_map(|line| line.strip_prefix("forward   ")).unwrap();
    assert!(client.send(&[forward], &mail(2)).starts_with("250 "));
    place.well(&["sink", "add", "--org", "contoso", "second@sink.test", "--network", "10.0.0.0/8"]);
    assert!(client.send(&["second@sink.test"], &mail(3)).starts_with("250 "));
}
