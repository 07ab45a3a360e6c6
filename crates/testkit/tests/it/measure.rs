//! Every measurement goes through to its end, with very little: what it would measure is looked at, not how fast.

use std::path::Path;
use std::time::Duration;

use serde_json::Value;
use testkit::measure::{self, Full, HookKind, Mode, Plan, Sending};
use testkit::missing::or_skip;

/// One run of no time: each connection sends the letter that it began with.
fn plan(cases: &[(usize, usize)]) -> Plan {
    Plan { cases: cases.to_vec(), runs: 1, duration: Duration::ZERO, peers: None }
}

/// Measures; what was measured, and the table.
#[track_caller]
fn check(mode: Mode, cases: &[(usize, usize)], expect: &[&str]) -> Value {
    let folder = tempfile::tempdir().unwrap();
    measure::intake(folder.path(), (mode, &plan(cases)), &|_| {}).unwrap();
    look(folder.path(), mode.name(), expect)
}

/// What stands in the files of a measurement.
#[track_caller]
fn look(folder: &Path, name: &str, expect: &[&str]) -> Value {
    let file = |ending: &str| folder.join(name).with_extension(ending);
    let written: Value = serde_json::from_slice(&std::fs::read(file("json")).unwrap()).unwrap();
    let rows = written.get("rows").unwrap_or(&written).as_array().unwrap();
    let what: Vec<&str> = rows.iter().map(|row| row["what"].as_str().unwrap()).collect();
    assert_eq!(what, expect);
    let is_measured = |row: &Value| row["rate_per_second"].as_f64().unwrap() > 0.0;
    assert!(rows.iter().all(is_measured), "{written}");
    let table = std::fs::read_to_string(file("md")).unwrap();
    assert!(table.contains("| 4 KB | "), "{table}");
    let left = std::fs::read_dir(folder).unwrap().count();
    assert_eq!(left, 2, "only the figures are left");
    written
}

#[test]
fn the_table_beside_a_bare_loop() {
    let written = check(Mode::Table, &[(4096, 2)], &["postroom smtp, stored"; 2]);
    assert!(written[0]["bare_rate_per_second"].as_f64().unwrap() > 0.0);
}

#[test]
fn many_organizations() {
    check(Mode::Organizations(3), &[(4096, 4)], &["one organization", "3 organizations"]);
}

#[test]
fn bursts() {
    let written = check(Mode::Burst(5), &[], &["connections kept", "a connection for each mail"]);
    assert_eq!(written["runs"][1]["accepted"], 5);
    assert_eq!(written["rows"][1]["refused"], "none");
}

#[test]
fn large_mails_beside_small_ones() {
    let expect = [
        "4 KB alone",
        "4 KB beside 1 × 1 MiB",
        "1 MiB beside 4 KB",
        "4 KB beside 2 × 1 MiB",
        "1 MiB beside 4 KB",
    ];
    check(Mode::Beside(1 << 20), &[], &expect);
}

#[test]
fn many_contacts() {
    let written =
        check(Mode::Contacts(1_500), &[(4096, 2)], &["0 contacts", "1000 contacts", "1500 contacts"]);
    assert_eq!(written["facts"].as_array().unwrap().len(), 5);
}

#[test]
fn a_full_house_whose_books_add_up() {
    let folder = tempfile::tempdir().unwrap();
    let full = Full { addresses: 300, emails: 403, is_kept: false, is_there: false };
    measure::flat(folder.path(), (full, &plan(&[(4096, 2)])), &|_| {}).unwrap();
    look(
        folder.path(),
        "flat",
        &[
            "1000 contacts, no e-mails, mail by 2000 writers",
            "300 contacts, 403 e-mails, mail by 2000 writers",
            "1000 contacts, no e-mails, mail by 600 writers",
            "300 contacts, 403 e-mails, mail by 600 writers",
        ],
    );
}

#[test]
fn with_and_without_the_index() {
    let written = check(Mode::NoIndex, &[(4096, 2)], &["the index follows", "the index stands still"]);
    assert_eq!(written["facts"].as_array().unwrap().len(), 2);
}

#[test]
fn rows_alone() {
    let is_at_server = std::env::var(testkit::database::VARIABLE).is_ok_and(|url| !url.is_empty());
    let mut expect = match is_at_server {
        true => vec!["the house, rows at a server", "bare by units, at a server"],
        false => vec!["the house, rows in files", "bare by units, in files"],
    };
    if Path::new("/usr/lib/postgresql").exists() {
        expect.extend([
            "bare, PostgreSQL, 1 to a commit",
            "bare, PostgreSQL, 8 to a commit",
            "bare, PostgreSQL, 64 to a commit",
        ]);
    }
    check(Mode::Rows, &[(4096, 2)], &expect);
}

#[test]
fn mail_that_waits() {
    or_skip(|| {
        let folder = tempfile::tempdir()?;
        let plan = Plan { peers: Some(Duration::ZERO), ..plan(&[(4096, 3)]) };
        measure::send(folder.path(), (Sending { mails: 70, signed: true, hook: None }, &plan), &|_| {})?;
        let expect = ["postroom, outbox, signed", "smtp-source", "Postfix, its queue"];
        let written = look(folder.path(), "send", &expect);
        assert_eq!(written["facts"].as_array().unwrap().len(), 2);
        Ok(())
    });
}

#[test]
fn mail_that_a_hook_is_asked_about() {
    or_skip(|| {
        for (kind, what) in [(HookKind::Program, "a program asked"), (HookKind::Service, "a service asked")] {
            let folder = tempfile::tempdir()?;
            let plan = Plan { peers: None, ..plan(&[(4096, 3)]) };
            let sending = Sending { mails: 20, signed: false, hook: Some(kind) };
            measure::send(folder.path(), (sending, &plan), &|_| {})?;
            look(folder.path(), "send", &[&format!("postroom, outbox, {what}")]);
        }
        Ok(())
    });
}

#[test]
fn mail_that_is_verified() {
    let sides = [
        "one domain, nobody asked",
        "one domain, verified",
        "new domains, nobody asked",
        "new domains, verified",
    ];
    let written = check(Mode::Verified, &[(4096, 2)], &sides);
    let asked = written["facts"][0]["figure"].as_f64().unwrap();
    assert!(asked > 6.0, "of new domains each mail has questions: {written}");
}

#[test]
fn the_house_itself() {
    let folder = tempfile::tempdir().unwrap();
    measure::house(folder.path(), &plan(&[]), &|_| {}).unwrap();
    let written = std::fs::read(folder.path().join("house.json")).unwrap();
    let rows: Vec<Value> = serde_json::from_slice(&written).unwrap();
    assert_eq!(rows.len(), 8);
    assert!(rows.iter().all(|row| row["p50"].as_f64().unwrap() > 0.0), "{rows:?}");
}
