//! Archives and moves, as an administrator makes them.

use std::fs;
use std::path::Path;
use std::process::Child;

use crate::client::{MailClient, mail};
use crate::program::Place;

#[test]
fn a_house_that_serves_is_backed_up_and_restored_elsewhere() {
    let (from, to) = (Place::with_contoso(), Place::new());
    let serving = from.serve();
    let mut smtp = MailClient::smtp(serving.smtp);
    deliver(&mut smtp, 1);
    let said = from.well(&["backup", "--org", "contoso", "contoso.postroom"]);
    assert!(said.starts_with("contoso: 1 e-mails in ") && said.contains(", digest "), "{said}");
    deliver(&mut smtp, 2);
    let held = from.well(&["verify", "--digest"]);
    assert!(held.starts_with("contoso  ") && held.contains("\n  email "), "{held}");

    let archive = from.path("contoso.postroom");
    let restored = to.well(&["restore", archive.to_str().unwrap()]);
    assert!(
        restored.starts_with("contoso: 1 e-mails as of ") && restored.contains("addresses"),
        "{restored}"
    );
    assert_eq!(to.well(&["verify", "--bytes"]), "contoso: 1 copies seen, 1 e-mails, all is well\n");
    assert_eq!(digest(&said), digest(&restored));
    // It is a house like any other: the first mail is known there, the second comes in.
    let serving = to.serve();
    let mut smtp = MailClient::smtp(serving.smtp);
    deliver(&mut smtp, 1);
    deliver(&mut smtp, 2);
    assert_eq!(to.well(&["verify"]), "contoso: 3 copies seen, 2 e-mails, all is well\n");
}

#[test]
fn what_cannot_be_restored_says_why_and_leaves_nothing() {
    let (from, to) = (Place::with_contoso(), Place::new());
    from.well(&["backup", "--all", "archives"]);
    let file = from.path("archives/contoso.postroom");
    let refused = |place: &Place, words: &[&str]| {
        let said = place.run(words);
        assert_eq!((said.code, said.out.as_str()), (1, ""), "{said:?}");
        said.err
    };
    let path = file.to_str().unwrap();
    let there = refused(&from, &["restore", path]);
    assert!(there.contains("already an organization") && there.contains("--as"), "{there}");
    let taken = refused(&from, &["restore", path, "--as", "copy"]);
    assert!(taken.contains("crm@sink.test, jane@contoso.test"), "{taken}");
    let name = refused(&from, &["restore", path, "--as", "../copy"]);
    assert!(name.contains("letters, digits"), "{name}");
    assert!(from.well(&["restore", path, "--as", "copy", "--without-addresses"]).contains("0 addresses"));

    let missing = refused(&to, &["restore", "missing.postroom"]);
    assert!(missing.contains("missing.postroom") && missing.contains("No such file"), "{missing}");
    to.file("other", "From jane@contoso.test\n");
    assert!(refused(&to, &["restore", "other"]).contains("no archive of Postroom"));
    let mut bytes = fs::read(&file).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    to.file("damaged", &bytes);
    assert!(refused(&to, &["restore", "damaged"]).contains("damaged or not whole"));
    to.file("later", "postroom archive 7\n…");
    assert!(refused(&to, &["restore", "later"]).contains("later Postroom"));
    let folder = refused(&from, &["backup", "--org", "contoso", "nowhere/contoso.postroom"]);
    assert!(folder.contains("nowhere/contoso.postroom") && folder.contains("No such file"), "{folder}");
    assert_eq!(to.well(&["org", "list"]), "");
}

#[test]
fn a_restore_that_is_killed_leaves_nothing_and_is_begun_again() {
    let (from, to) = (Place::with_contoso(), Place::new());
    if to.server().is_some() {
        return println!(
            "skipped: how far a restore has come is seen by files, and there are none at a server"
        );
    }
    let mails: String =
        (0..600).map(|n| format!("From zoe@fabrikam.test\n{}\n", mail(n).replace('\r', ""))).collect();
    from.file("mails.mbox", mails);
    from.well(&["track", "--org", "contoso", "mails.mbox"]);
    let said = from.well(&["backup", "--org", "contoso", "contoso.postroom"]);
    let archive = from.path("contoso.postroom");
    let words = ["restore", archive.to_str().unwrap()];
    let data = to.path("data");
    for size in [1, 200_000, 600_000] {
        let mut child = to.start(&words);
        when_written(&mut child, &data, size);
        child.kill().unwrap();
        child.wait().unwrap();
        assert_eq!(to.well(&["org", "list"]), "", "killed when {size} bytes were written");
    }
    let restored = to.well(&words);
    assert_eq!(digest(&said), digest(&restored));
    assert_eq!(to.well(&["verify", "--bytes"]), "contoso: 600 copies seen, 600 e-mails, all is well\n");
}

#[test]
fn outgoing_mail_stands_where_it_is_restored_as_it_did_and_goes_when_somebody_says_so() {
    let (from, to) = (Place::with_contoso(), Place::new());
    from.well(&["relay", "outside", "--org", "contoso", "pulled"]);
    from.file("offer.txt", "Fifty pallets?\n");
    from.file("welcome.txt", "Dear {{ contact.fullname }},\n");
    let hello = ["--subject", "Hello", "--text", "welcome.txt", "Welcome"];
    from.well(&[&["template", "add", "--org", "contoso"], &hello[..]].concat());
    let of = |verb: &'static str, id: &str| ["outbox", verb, "--org", "contoso", id].map(str::to_owned);
    let run = |place: &Place, words: &[String], more: &[&str]| {
        place.well(&words.iter().map(String::as_str).chain(more.iter().copied()).collect::<Vec<_>>())
    };
    for (subject, reply) in [("Taken", "250 2.0.0 taken"), ("Refused", "550 5.1.1 no such user")] {
        let id = send(&from, subject);
        from.well(PULL);
        run(&from, &of("report", &id), &["1", "--reply", &format!("zoe@fabrikam.test {reply}")]);
    }
    let begun = send(&from, "Begun");
    from.well(PULL);
    run(&from, &of("begun", &begun), &["1"]);
    let held = send(&from, "Held");
    from.well(PULL);
    let waits = send(&from, "Waits");
    from.well(&["suppression", "add", "--org", "contoso", "--why", "he left", "tom@northwind.test"]);
    from.well(&["backup", "--org", "contoso", "contoso.postroom"]);

    to.well(&["restore", from.path("contoso.postroom").to_str().unwrap()]);
    // What comes back is known by words that are made with these keys.
    fs::copy(from.path("data/secret.keys"), to.path("data/secret.keys")).unwrap();
    for words in [["template", "list"], ["suppression", "list"], ["relay", "list"]] {
        assert_eq!(to.well(&words), from.well(&words), "{words:?}");
    }
    let states = |place: &Place| {
        let listed = place.well(&["outbox", "list"]);
        let lines = ["Taken", "Refused"].map(|subject| listed.lines().find(|line| line.contains(subject)));
        lines.map(|line| line.unwrap().split_whitespace().collect::<Vec<_>>().join(" "))
    };
    assert_eq!(states(&to), states(&from));
    assert_eq!(to.well(PULL), "", "it may have gone out since");
    for id in [&waits, &held, &begun] {
        run(&to, &of("retry", id), &[]);
        let pulled: serde_json::Value = serde_json::from_str(&to.well(PULL)).unwrap();
        assert_eq!(pulled["email"].as_str(), Some(id.as_str()));
        let (attempt, name) = (pulled["attempt"].as_i64().unwrap(), |attempt| format!("{id}-{attempt}.eml"));
        if *id != waits {
            let before = fs::read(from.path(&name(1))).unwrap();
            assert_eq!(
                fs::read(to.path(&name(attempt))).unwrap(),
                before,
                "byte for byte, under the same Message-ID"
            );
        }
    }
    to.file("offer.txt", "Fifty pallets?\n");
    let who = ["--from", "jane@contoso.test", "--to", "tom@northwind.test", "--subject", "More", "offer.txt"];
    let refused = to.run(&[&["send", "--org", "contoso"], &who[..]].concat());
    assert!(refused.code != 0 && refused.err.contains("tom@northwind.test"), "{refused:?}");
    assert!(to.well(&["verify", "--bytes"]).ends_with("5 e-mails, all is well\n"));
}

/// One mail, for an hour.
const PULL: &[&str] = &[
    "outbox", "pull", "--org", "contoso", "--relay", "pulled", "--limit", "1", "--for", "3600", "--into", ".",
];

/// Sends a mail from Jane to Zoë; its id.
fn send(place: &Place, subject: &str) -> String {
    let who = ["--from", "jane@contoso.test", "--to", "zoe@fabrikam.test", "--subject", subject, "offer.txt"];
    place.well(&[&["send", "--org", "contoso"], &who[..]].concat()).trim().to_owned()
}

#[test]
fn an_organization_moves_and_its_mail_comes_again() {
    let (from, to) = (Place::with_contoso(), Place::new());
    let data = to.path("there");
    to.house_file("house.toml", &data);
    let serving = from.serve();
    let mut smtp = MailClient::smtp(serving.smtp);
    deliver(&mut smtp, 1);
    let before = from.well(&["verify", "--digest"]);
    let settings = to.path("house.toml");
    let words = ["move", "--org", "contoso", "--to", settings.to_str().unwrap()];
    let said = from.well(&words);
    assert!(said.starts_with("contoso: 1 e-mails moved, digest "), "{said}");
    assert!(before.starts_with(&format!("contoso  {}", digest(&said))), "{before}");
    assert_eq!(from.well(&["org", "list"]), "");
    let refused = smtp.send(&["crm@sink.test"], &mail(2));
    assert!(refused.starts_with("550"), "nobody here has the address any more: {refused}");

    let there = ["--settings", settings.to_str().unwrap()];
    let at = |words: &[&str]| to.well(&[&there, words].concat());
    assert_eq!(at(&["verify", "--bytes"]), "contoso: 1 copies seen, 1 e-mails, all is well\n");
    let again = from.run(&words);
    assert!(again.err.contains("no organization called"), "{again:?}");
    // And back, though what was here is still in the folder.
    let back = from.path("back.toml");
    from.house_file("back.toml", &from.path("data"));
    let said = to.well(&[&there[..], &["move", "--org", "contoso", "--to", back.to_str().unwrap()]].concat());
    assert!(said.starts_with("contoso: 1 e-mails moved"), "{said}");
    deliver(&mut smtp, 1);
    assert_eq!(from.well(&["verify"]), "contoso: 2 copies seen, 1 e-mails, all is well\n");
}

#[test]
fn a_move_that_broke_off_after_the_other_house_had_all_goes_on() {
    let (from, to) = (Place::with_contoso(), Place::new());
    let settings = to.path("house.toml");
    to.house_file("house.toml", &to.path("data"));
    // What such a move has done by then.
    from.well(&["backup", "--org", "contoso", "contoso.postroom"]);
    to.well(&["restore", from.path("contoso.postroom").to_str().unwrap()]);
    let said = from.well(&["move", "--org", "contoso", "--to", settings.to_str().unwrap()]);
    assert!(said.starts_with("contoso: 0 e-mails moved"), "{said}");
    assert_eq!(from.well(&["org", "list"]), "");
    // Restored there and not the same any more: nobody knows which one counts, so nothing is opened or forgotten.
    let other = Place::with_contoso();
    other.well(&["backup", "--org", "contoso", "contoso.postroom"]);
    let third = Place::new();
    third.house_file("house.toml", &third.path("data"));
    third.well(&["restore", other.path("contoso.postroom").to_str().unwrap()]);
    other.well(&["never-log", "add", "--org", "contoso", "@fabrikam.test"]);
    let said = other.run(&["move", "--org", "contoso", "--to", third.path("house.toml").to_str().unwrap()]);
    assert!(said.err.contains("contoso stays closed"), "{said:?}");
    assert_eq!(other.run(&["never-log", "add", "--org", "contoso", "@litware.test"]).code, 1, "it is closed");
    other.well(&["org", "reopen", "contoso"]);
    other.well(&["never-log", "add", "--org", "contoso", "@litware.test"]);
}

#[test]
fn a_move_that_fails_leaves_the_organization_open_here() {
    let (from, to) = (Place::with_contoso(), Place::with_contoso());
    let serving = from.serve();
    let settings = to.path("house.toml");
    to.house_file("house.toml", &to.path("data"));
    let said = from.run(&["move", "--org", "contoso", "--to", settings.to_str().unwrap()]);
    assert!(said.err.contains("contoso stays here and is open again"), "{said:?}");
    assert!(said.err.contains("already an organization"), "{said:?}");
    deliver(&mut MailClient::smtp(serving.smtp), 1);
    let own = from.path("own.toml");
    from.house_file("own.toml", &from.path("data"));
    let said = from.run(&["move", "--org", "contoso", "--to", own.to_str().unwrap()]);
    assert!(said.err.contains("this very house"), "{said:?}");
    assert!(!from.path("data").join("moving-contoso.postroom").exists());
}

#[test]
fn one_move_at_a_time_goes_from_a_house() {
    let (from, to) = (Place::with_contoso(), Place::new());
    to.house_file("house.toml", &to.path("data"));
    let settings = to.path("house.toml");
    let words = ["move", "--org", "contoso", "--to", settings.to_str().unwrap()];
    let another = fs::File::open(from.path("data")).unwrap();
    another.lock().unwrap();
    let said = from.run(&words);
    assert!(said.code == 1 && said.err.contains("another `postroom move` from this house"), "{said:?}");
    from.well(&["never-log", "add", "--org", "contoso", "@fabrikam.test"]);
    drop(another);
    assert!(from.well(&words).starts_with("contoso: 0 e-mails moved"));
}

fn deliver(smtp: &mut MailClient, number: u32) {
    let answer = smtp.send(&["crm@sink.test"], &mail(number));
    assert!(answer.starts_with("250"), "{answer}");
}

/// The digest at the end of a line.
fn digest(said: &str) -> &str {
    let line = said.lines().next().unwrap();
    line.rsplit(' ').next().unwrap()
}

/// Waits until a restore has written so many bytes of its database, or has ended.
fn when_written(child: &mut Child, data: &Path, size: u64) {
    let written = || {
        let folders = fs::read_dir(data.join("organizations")).ok()?;
        let sizes = folders.flatten().flat_map(|folder| {
            ["org.db", "org.db-wal"]
                .map(|name| fs::metadata(folder.path().join(name)).map_or(0, |it| it.len()))
        });
        Some(sizes.sum::<u64>())
    };
    while written().unwrap_or(0) < size {
        if child.try_wait().unwrap().is_some() {
            return;
        }
        std::thread::yield_now();
    }
}
