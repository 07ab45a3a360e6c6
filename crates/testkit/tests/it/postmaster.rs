//! `RCPT TO:<postmaster>` at a running house (RFC 5321 §4.5.1).

use model::outcome::Reason;
use testkit::client::{Client, Envelope, Protocol};

use super::house::{SINK, ZOE, books_are_whole, email_count, house, mail, timeline};

#[test]
fn mail_to_postmaster_is_taken_and_kept_apart() {
    let (house, _) = house();
    let [example, other] = ["example", "other"].map(|name| house.organization(name).unwrap());
    let mut client = Client::connect(house.smtp().unwrap(), Protocol::Smtp).unwrap();
    let mut send = |to: &[&str], raw: &[u8]| {
        let rcpt_to = to.iter().map(|to| (*to).to_owned()).collect();
        client.send(&Envelope { mail_from: ZOE.to_owned(), rcpt_to }, raw).unwrap().codes()
    };
    // Without a domain it is the first organization's.
    assert_eq!(send(&["Postmaster"], &mail("bare", "By no domain.")), [250]);
    assert_eq!(send(&["postmaster@OTHER.test"], &mail("domain", "By a domain.")), [250]);
    assert_eq!(send(&["postmaster@nobody.test"], &mail("none", "Of no domain of ours.")), [550]);
    for (organization, subject) in [(&example, "About bare"), (&other, "About domain")] {
        let waiting = organization.read(|read| read.open_undeliverables(9)).unwrap();
        let told: Vec<_> = waiting.iter().map(|it| (it.subject.as_str(), it.reason)).collect();
        assert_eq!(told, [(subject, Reason::Postmaster as i32)]);
        assert_eq!(email_count(organization), 0);
    }
    // A mail to both is the customer's, and waits for the postmaster as well.
    assert_eq!(send(&["postmaster", SINK], &mail("both", "To both.")), [250]);
    assert_eq!(timeline(&example, ZOE).len(), 1);
    assert_eq!(example.read(|read| read.undeliverable_count()).unwrap(), 2);
    books_are_whole(&house);
}
