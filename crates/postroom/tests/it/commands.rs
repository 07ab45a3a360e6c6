//! Commands: what they print, how they end, and that nothing is kept where nothing should be.

use std::os::unix::fs::PermissionsExt;

use crate::client::mail;
use crate::program::Place;

#[test]
fn check_tells_what_would_become_of_a_mail_and_keeps_nothing() {
    let place = Place::with_contoso();
    place.file("mail.eml", mail(1));
    let words = ["check", "--org", "contoso", "--mail-from", "zoe@fabrikam.test", "--rcpt", "crm@sink.test"];
    for serving in [false, true] {
        let _house = serving.then(|| place.serve());
        let json = place.well(&[words.as_slice(), &["--json", "mail.eml", "mail.eml"]].concat());
        assert_eq!(json.lines().count(), 2);
        let told: serde_json::Value = serde_json::from_str(json.lines().next().unwrap()).unwrap();
        assert_eq!((&told["file"], &told["outcome"]), (&"mail.eml".into(), &"stored".into()));
        let offer = &told["offers"][0];
        assert_eq!(offer["unwrap"], serde_json::json!({ "method": "direct", "depth": 0 }));
        assert_eq!(offer["offer"]["message_id"], "1@fabrikam.test");
        assert_eq!(offer["decision"]["reason"], "known-sender");
        assert_eq!(offer["decision"]["reason_code"], 5);
        let text = place.well(&[words.as_slice(), &["mail.eml"]].concat());
        assert!(text.contains("would be  stored, because known-sender (ReasonCode 5)"), "{text}");
        assert_eq!(place.well(&["verify"]), "contoso: 0 copies seen, 0 e-mails, all is well\n");
    }
    let other = ["check", "--org", "contoso", "--mail-from", "", "--rcpt", "x@else.test", "mail.eml"];
    let said = place.run(&other);
    assert_eq!(said.code, 1);
    assert!(said.err.contains("no sink, queue or user has this address"), "{said:?}");
}

#[test]
fn tracked_mail_is_kept_and_told() {
    let place = Place::with_contoso();
    place.file("a.eml", mail(1));
    let said = place.well(&["track", "--org", "contoso", "a.eml", "a.eml"]);
    assert!(said.starts_with("a.eml: stored\n  stored, by-hand, e-mail "), "{said}");
    assert!(said.ends_with("1 duplicate, 1 stored\n"), "{said}");
    let json = place.well(&["track", "--org", "contoso", "--json", "a.eml"]);
    let told: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!((&told["file"], &told["outcome"]), (&"a.eml".into(), &"duplicate".into()));
    place.file("empty.eml", "");
    assert_eq!(place.run(&["track", "--org", "contoso", "empty.eml"]).code, 1);
    assert!(place.well(&["undeliverable", "list"]).contains("unreadable"));
}

#[test]
fn the_same_table_twice_adds_nothing_twice() {
    let place = Place::with_contoso();
    let rows: String = (0..1_200).map(|n| format!("Person {n};p{n}@many.test;Berlin\r\n")).collect();
    place.file("many.csv", format!("\u{feff}Full Name;E-mail;Job Title\r\n{rows}"));
    let import = ["import", "contacts", "--org", "contoso", "many.csv"];
    assert_eq!(place.well(&import), "1200 added, 0 already here, 0 faults\n");
    let _house = place.serve();
    assert_eq!(place.well(&import), "0 added, 1200 already here, 0 faults\n");
}

#[test]
fn each_fault_of_a_table_is_named_with_its_line() {
    let place = Place::with_contoso();
    let table = b"name,emailaddress1\nGood,a@good.test\n\"Two\nlines\",nonsense\n\xff,b@bad.test\nShort\n";
    place.file("x.csv", table);
    let said = place.run(&["import", "accounts", "--org", "contoso", "x.csv"]);
    assert_eq!((said.code, said.out.as_str()), (1, "1 added, 0 already here, 3 faults\n"));
    let mut faults: Vec<&str> = said.err.lines().collect();
    faults.sort_unstable();
    assert!(faults[0].starts_with("x.csv:3: emailaddress1: "), "{said:?}");
    assert!(faults[1].starts_with("x.csv:5: the row is not written in UTF-8"), "{said:?}");
    assert!(faults[2].starts_with("x.csv:6: 1 cells where the heading has 2"), "{said:?}");
    place.file("y.csv", "name,shoe size\nA,42\n");
    let said = place.run(&["import", "accounts", "--org", "contoso", "y.csv"]);
    assert_eq!(said.code, 1);
    assert!(said.err.contains("the column “shoe size” is unknown"), "{said:?}");
}

#[test]
fn only_one_house_serves_from_a_folder() {
    let place = Place::with_contoso();
    let house = place.serve();
    let said = place.run(&["serve"]);
    assert_eq!(said.code, 1);
    assert!(said.err.contains("serves from this data folder already"), "{said:?}");
    let mode = |name: &str| std::fs::metadata(place.path(name)).unwrap().permissions().mode() & 0o777;
    let private = (0o700, 0o600, 0o600);
    assert_eq!((mode("data"), mode("data/control.sock"), mode("data/lock")), private);
    assert!(house.terminate().success());
    assert!(!place.path("data/control.sock").exists());
    // Made by hand, or by a release that did not look.
    let open = std::fs::Permissions::from_mode(0o755);
    std::fs::set_permissions(place.path("data"), open).unwrap();
    place.well(&["verify"]);
    assert_eq!(mode("data"), 0o700);
    assert!(place.serve().terminate().success());
}

#[test]
fn a_house_that_was_killed_is_no_hindrance() {
    let place = Place::with_contoso();
    drop(place.serve());
    assert!(place.path("data/control.sock").exists());
    place.well(&["org", "add", "tailspin"]);
    let house = place.serve();
    assert!(place.well(&["org", "list"]).contains("tailspin"));
    assert!(house.terminate().success());
}

#[test]
fn settings_are_printed_and_read_again() {
    let place = Place::new();
    let sample = place.well(&["settings"]);
    place.file("postroom.toml", sample.replace("data = \"data\"", "data = \"elsewhere\""));
    place.well(&["org", "add", "contoso"]);
    assert!(place.path("elsewhere/organizations").exists());
    place.file("wrong.toml", "[smtp]\nlisen = []\n");
    let said = place.run(&["--settings", "wrong.toml", "org", "list"]);
    assert_eq!(said.code, 2);
    assert!(said.err.contains("wrong.toml: there is no setting “smtp.lisen”"), "{said:?}");
    assert_eq!(place.run(&["--settings", "wrong.toml", "settings"]).out, sample);
    assert_eq!(place.run(&["no-such-command"]).code, 2);
}

#[test]
fn what_is_taken_or_missing_is_said() {
    let place = Place::with_contoso();
    let says = |words: &[&str], expected: &str| {
        let said = place.run(words);
        assert_eq!(said.code, 1, "{said:?}");
        assert!(said.err.contains(expected), "{said:?}");
    };
    says(&["org", "add", "contoso"], "the name contoso is taken already");
    says(&["sink", "add", "--org", "contoso", "jane@contoso.test"], "taken already");
    says(&["user", "list", "--org", "none"], "no organization called “none”");
    says(&["queue", "add", "--org", "contoso", "--name", "Q", "--address", "q"], "“q” is no e-mail address");
    says(
        &["queue", "add", "--org", "contoso", "--name", "Q", "--address", "q@x.test", "--filter", "some"],
        "unknown filter",
    );
    says(&["never-log", "add", "--org", "contoso", "bank"], "an address, or @domain");
    place.well(&["never-log", "add", "--org", "contoso", "@bank.test"]);
    place.well(&["never-log", "add", "--org", "contoso", "--user", "jane@contoso.test", "mum@family.test"]);
}

#[test]
fn a_server_with_its_port_behind_it_is_no_server() {
    let place = Place::with_contoso();
    place.file("password", "secret\n");
    let add = |server: &str| {
        let words = "mailbox add --org contoso --sink crm@sink.test --user crm --password-file password --refusing yes";
        let words: Vec<&str> = words.split(' ').chain(["--server", server, "crm"]).collect();
        place.run(&words)
    };
    let said = add("mail.contoso.test:993");
    assert!(said.code != 0 && said.err.contains("given apart, with --port"), "{said:?}");
    assert_eq!(place.well(&["mailbox", "list"]), "");
    assert_eq!(add("::1").code, 0);
}
