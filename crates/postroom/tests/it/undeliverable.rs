//! What waits for a person, by the command line and on its pages.

use std::ops::Add as _;

use crate::client::{MailClient, http, mail};
use crate::pages::sign_in;
use crate::program::Place;

/// A mail that has been round too often.
fn circling() -> String {
    "Received: from a.test by b.test; Mon, 23 Nov 2026 09:00:00 +0000\r\n".repeat(101) + &mail(7)
}

fn id(list: &str) -> String {
    list.split_whitespace().next_back().unwrap().to_owned()
}

#[test]
fn the_command_line_shows_replays_and_dismisses() {
    let place = Place::with_contoso();
    let house = place.serve();
    assert!(MailClient::smtp(house.smtp).send(&["crm@sink.test"], &circling()).starts_with("250 "));
    let list = place.well(&["undeliverable", "list"]);
    for words in ["contoso", "sink:crm@sink.test", "loop: ", "not tried again"] {
        assert!(list.contains(words), "{words} is not in {list}");
    }
    let id = id(&list);
    let shown = place.well(&["undeliverable", "show", &id]);
    assert!(shown.contains("reading") && shown.contains("kept is all of it"), "{shown}");
    place.well(&["undeliverable", "export", &id, "--to", "kept.eml"]);
    assert_eq!(std::fs::read(place.path("kept.eml")).unwrap(), circling().as_bytes());
    assert_eq!(
        place.run(&["undeliverable", "export", &id, "--to", "kept.eml"]).code,
        1,
        "nothing is replaced"
    );
    for words in [vec!["undeliverable", "replay", &id], vec!["undeliverable", "replay", "--all"]] {
        let said = place.run(&words);
        assert_eq!(said.code, 1, "{said:?}");
        assert!(said.out.contains("wait"), "{said:?}");
    }
    assert!(place.well(&["undeliverable", "list"]).contains("tried 2×"));
    assert_eq!(place.run(&["undeliverable", "dismiss", &id]).code, 2, "it wants a reason");
    place.well(&["undeliverable", "dismiss", &id, "--reason", "two rules, mended"]);
    let again = place.run(&["undeliverable", "dismiss", &id, "--reason", "again"]);
    assert!(again.code == 1 && again.err.contains("waits no longer"), "{again:?}");
    assert_eq!(place.well(&["undeliverable", "list"]), "");
    let ended = place.well(&["undeliverable", "list", "--ended"]);
    assert!(ended.contains("dismissed two rules, mended"), "{ended}");
    assert!(place.well(&["undeliverable", "replay", &id]).contains("it was dismissed before"));
    let none = place.run(&["undeliverable", "show", "no-id"]);
    assert!(none.code == 1 && none.err.contains("no undeliverable mail has the id"), "{none:?}");
    assert_eq!(place.well(&["verify"]), "contoso: 1 copies seen, 0 e-mails, all is well\n");
}

#[test]
fn the_pages_let_an_administrator_act_and_nobody_else() {
    let place = Place::with_contoso();
    let house = place.serve();
    assert!(MailClient::smtp(house.smtp).send(&["crm@sink.test"], &circling()).starts_with("250 "));
    let jane = sign_in(&place, &house);
    let words = ["user", "add", "--org", "contoso", "--name", "Ada", "--address", "ada@contoso.test"];
    let said =
        place.run_with(&[words.as_slice(), &["--admin", "--password-stdin"]].concat(), "correct horse\n");
    assert_eq!(said.code, 0, "{said:?}");
    let form = "POST /sign-in\naddress=ada%40contoso.test&password=correct+horse";
    let heard = http(house.web, form, "");
    let cookie = heard.head.lines().find_map(|line| line.strip_prefix("set-cookie: ")).unwrap();
    let ada = format!("Cookie: {}\r\n", cookie.split(';').next().unwrap());
    let one = http(house.web, "GET /undeliverable", &ada).link("/undeliverable/");
    let dismiss = format!("POST {one}/dismiss\nreason=a+loop");
    let (source, file) = (format!("GET {one}/source"), format!("GET {one}/file"));
    for asked in ["GET /undeliverable", &format!("GET {one}"), &source, &file, &dismiss] {
        assert_eq!(http(house.web, asked, &jane).status, 404, "{asked}");
    }
    assert_eq!(http(house.web, &file, &ada).body, circling().as_bytes());
    assert_eq!(http(house.web, &format!("POST {one}/replay"), &ada).status, 303);
    let page = http(house.web, &format!("GET {one}"), &ada).text();
    assert!(page.contains("It was tried again 1 time"), "{page}");
    let all = http(house.web, "POST /undeliverable/replay", &ada);
    assert!(all.head.contains("/undeliverable?ended=0&waiting=1&left=0"), "{}", all.head);
    assert_eq!(http(house.web, &format!("POST {one}/dismiss\nreason="), &ada).status, 409);
    assert_eq!(http(house.web, &dismiss, &ada).status, 303);
    let page = http(house.web, &format!("GET {one}"), &ada).text();
    assert!(page.contains("ada@contoso.test dismissed it"), "{page}");
    assert!(http(house.web, "GET /undeliverable", &ada).text().contains("Nothing is stuck"));
    assert_eq!(http(house.web, &"GET ".to_owned().add(&one), "").status, 303, "nobody without a session");
}
