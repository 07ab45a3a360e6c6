//! What is not trusted, and keys that sign, by the command line.

use crate::client::{MailClient, http};
use crate::pages::sign_in_as;
use crate::program::Place;

#[test]
fn what_is_kept_apart_is_listed_released_and_dismissed() {
    let place = Place::with_contoso();
    let house = place.serve();
    // It says that one of us hands it over; the envelope says that a stranger sent it.
    let mail = "From: jane@contoso.test\r\nTo: crm@sink.test\r\nSubject: Fwd: pallets\r\nMessage-ID: <f@contoso.test>\r\n\r\n\
                ---------- Forwarded message ---------\r\nFrom: zoe@fabrikam.test\r\nSubject: pallets\r\n\r\nFifty.\r\n";
    assert!(MailClient::smtp(house.smtp).send(&["crm@sink.test"], mail).starts_with("250 "));
    let list = place.well(&["quarantine", "list"]);
    assert!(list.contains("unproven: ") && list.contains("Fwd: pallets"), "{list}");
    let id = list.split_whitespace().next_back().unwrap().to_owned();
    let ada = ["--name", "Ada", "--address", "ada@contoso.test", "--admin"];
    place.well(&[&["user", "add", "--org", "contoso"], &ada[..]].concat());
    let cookie = sign_in_as("ada@contoso.test", &place, &house);
    let page = http(house.web, "GET /quarantine", &cookie).text();
    assert!(page.contains("Fwd: pallets") && page.contains("nothing proves it"), "{page}");
    assert!(!http(house.web, "GET /undeliverable", &cookie).text().contains("Fwd: pallets"));
    let released = place.run(&["quarantine", "release", &id]);
    assert!(released.code == 1 && released.out.contains("it waits on: unproven"), "{released:?}");
    place.well(&["quarantine", "dismiss", &id, "--reason", "forged"]);
    assert_eq!(place.well(&["quarantine", "list"]), "");
    assert!(place.well(&["undeliverable", "list", "--ended"]).contains("dismissed forged"));
}

#[test]
fn keys_are_added_listed_and_forgotten() {
    let place = Place::with_contoso();
    let _house = place.serve();
    let of = ["--org", "contoso", "--domain", "contoso.test", "--selector"];
    let with = |verb: &str, rest: &[&str]| [&["dkim", verb], &of[..], rest].concat().join(" ");
    let run = |line: String| place.run(&line.split(' ').collect::<Vec<_>>());
    let added = run(with("add", &["crm1"]));
    assert!(added.out.contains("crm1._domainkey.contoso.test. IN TXT ( \"v=DKIM1; k=rsa; p="), "{added:?}");
    assert_eq!(run(with("add", &["crm1"])).code, 1, "the name is taken");
    let short = run(with("add", &["crm2", "--ed25519"]));
    assert!(short.out.contains("k=ed25519"), "{short:?}");
    place.file("key.pem", "no key");
    let wrong = run(with("add", &["crm3", "--key-file", "key.pem"]));
    assert!(wrong.code == 1 && wrong.err.contains("no private key in PEM"), "{wrong:?}");
    assert_eq!(place.well(&["dkim", "list"]).lines().filter(|line| line.contains("IN TXT")).count(), 2);
    assert_eq!(run(with("remove", &["crm1"])).code, 0);
    assert_eq!(run(with("remove", &["crm1"])).code, 1);
    let keys = place.well(&["secrets", "list"]);
    assert!(keys.contains('1'), "what is sealed is counted: {keys}");
}

#[test]
fn a_name_server_that_is_none_is_said_at_the_start() {
    let place = Place::with_contoso();
    place.file("wrong.toml", "[trust]\nresolver = \"dns.example\"\n");
    let said = place.run(&["--settings", "wrong.toml", "org", "list"]);
    assert!(said.code == 2 && said.err.contains("trust.resolver"), "{said:?}");
}
