//! Houses and archives that older programs wrote, opened and restored by this one: all of it is there, what comes again is known,
//! and mail goes on as if it had always been this program's. `older/README.md` says how they came to be.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use postroom::commands::{Reply, Request, Restore, UndeliverableRequest};
use store::StoreError;
use tempfile::TempDir;
use testkit::House;
use testkit::house::free_ports;
use testkit::kept::emails_by_id;
use testkit::samples::{self, Round, Sample};
use testkit::world::{Made, World};

mod outgoing;

const ORGANIZATIONS: [&str; 2] = ["contoso", "tailspin"];

#[test]
fn a_house_of_the_third_schema_is_opened() {
    let (house, _folder) = opened("schema-3");
    goes_on(&house, "schema-3");
}

#[test]
fn a_house_of_the_fourth_schema_is_opened() {
    let (house, _folder) = opened("schema-4");
    goes_on(&house, "schema-4");
}

#[test]
fn a_house_of_the_fifth_schema_is_opened() {
    let (house, _folder) = opened("schema-5");
    goes_on(&house, "schema-5");
}

#[test]
fn archives_of_the_third_schema_are_restored() {
    let (house, _folder) = restored("schema-3");
    goes_on(&house, "schema-3");
}

#[test]
fn archives_of_the_fourth_schema_are_restored() {
    let (house, _folder) = restored("schema-4");
    goes_on(&house, "schema-4");
}

#[test]
fn archives_of_the_fifth_schema_are_restored() {
    let (house, _folder) = restored("schema-5");
    goes_on(&house, "schema-5");
}

/// A house in files, with the data folder of an older one.
fn opened(schema: &str) -> (House, TempDir) {
    let folder = unpacked(schema);
    let data = folder.path().join("data");
    let mut settings = free_ports(&data).unwrap();
    // Its rows are in files, whatever tests use.
    settings.database.url.clear();
    (House::start_in(&data, settings).unwrap(), folder)
}

/// The data folder of an older house, in a folder.
fn unpacked(schema: &str) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let packed = older().join(schema).join("house.tar.gz");
    let unpacked = Command::new("tar").arg("-xzf").arg(packed).arg("-C").arg(folder.path()).status().unwrap();
    assert!(unpacked.success());
    folder
}

/// A house of today that the archives were restored into, and the keys of the older house brought along, where it had any.
fn restored(schema: &str) -> (House, TempDir) {
    let folder = unpacked(schema);
    let keys = folder.path().join("data/secret.keys");
    let mut settings = free_ports(&folder.path().join("new")).unwrap();
    if keys.exists() {
        settings.secrets.key_file = keys;
    }
    let house = House::start_in(&settings.data.clone(), settings).unwrap();
    let said = said(schema);
    for (number, name) in (1..).zip(ORGANIZATIONS) {
        let file = older().join(schema).join(format!("{name}.postroom"));
        let asked = Restore { file, name: None, with_addresses: true, work: number };
        let Reply::Restored(restored) = house.command(Request::Restore(asked)).unwrap() else {
            panic!("not restored")
        };
        // The older program told what it holds, in the columns that it knew.
        let line = said
            .lines()
            .find(|line| line.starts_with(&format!("{name}: ")) && line.contains("digest"))
            .unwrap();
        assert!(line.ends_with(&restored.held.digest), "{line}: {}", restored.held.digest);
    }
    (house, folder)
}

/// All that the older program took in is here; it comes again and is known, and the others come as they always did.
fn goes_on(house: &House, schema: &str) {
    let world = World::read(&mail().join("world.toml")).unwrap();
    let made = Made::found(&world, |request| house.command(request)).unwrap();
    let samples = samples::read(&mail()).unwrap();
    let sent = fs::read_to_string(older().join("sent.txt")).unwrap();
    let sent: BTreeSet<&str> = sent.lines().collect();
    let (before, behind): (Vec<&Sample>, Vec<&Sample>) =
        samples.iter().partition(|sample| sent.contains(sample.name.as_str()));
    assert_eq!(before.len(), sent.len());
    books_are_those(house, schema);
    has_what_was_made(house, schema);
    never_logs(house, &world);
    outgoing::is_as_it_was_said(house, &said(schema));
    let held = held(house);
    are_kept_as_they_came(house, &before);

    let mut round = Round::new(house, &world, &made, false).unwrap();
    let mut differences = Vec::new();
    for sample in before {
        let ended = round.send(sample).unwrap();
        assert_eq!(ended.answer, 250, "{}", sample.name);
    }
    assert_eq!(self::held(house), held, "what came again is not kept again");
    for sample in behind {
        let ended = round.send(sample).unwrap();
        differences.extend(ended.differences.into_iter().map(|words| format!("{}: {words}", sample.name)));
    }
    assert!(differences.is_empty(), "\n{}", differences.join("\n"));
    outgoing::is_as_it_was_said(house, &said(schema));
    outgoing::comes_back(house, &said(schema));
    let Reply::Verified(books) = house.command(Request::VerifyBytes(None)).unwrap() else {
        panic!("no books")
    };
    assert!(books.iter().all(|book| book.faults.is_empty()), "{books:?}");
}

/// The books add up, to what the older program said.
fn books_are_those(house: &House, schema: &str) {
    let Reply::Verified(books) = house.command(Request::VerifyBytes(None)).unwrap() else {
        panic!("no books")
    };
    let said = said(schema);
    for book in books {
        assert_eq!(book.faults, Vec::<String>::new());
        let line = format!("{}: {} copies seen, {} e-mails, ", book.organization, book.seen, book.emails);
        assert!(said.contains(&line), "{line}, and not {said}");
    }
}

/// What the older program was told to make, and what it set aside.
fn has_what_was_made(house: &House, schema: &str) {
    let ask = |request| house.command(request).unwrap();
    let (organization, sink) = ("contoso".to_owned(), "crm@sink.contoso.test".to_owned());
    let Reply::SinkCredentials(credentials) = ask(Request::SinkCredentials { organization, sink }) else {
        panic!("no credentials")
    };
    assert_eq!(credentials[0].name, "crm+exchange@sink.contoso.test");
    let Reply::Undeliverables(waiting) = ask(Request::Undeliverables(None)) else { panic!("none") };
    let ended = Request::Undeliverable(UndeliverableRequest::Ended(None));
    let Reply::Undeliverables(ended) = ask(ended) else { panic!("none") };
    let Reply::Mailboxes(mailboxes) = ask(Request::Mailboxes(None)) else { panic!("none") };
    let names: Vec<&str> = mailboxes.iter().map(|mailbox| mailbox.name.as_str()).collect();
    if schema == "schema-3" {
        assert_eq!((waiting.len(), ended.len(), names.as_slice()), (2, 0, [].as_slice()));
        return;
    }
    assert_eq!((waiting.len(), ended.len(), names.as_slice()), (1, 1, ["forwards"].as_slice()));
}

/// Whose mail is not kept is known still.
fn never_logs(house: &House, world: &World) {
    for made in &world.organization {
        let organization = house.organization(&made.name).unwrap();
        for entry in &made.never_log {
            let found = organization.read(|read| read.never_log_of(&entry.pattern, &entry.pattern)).unwrap();
            let is_for_all = found.iter().any(|it| it.systemuserid.is_none());
            assert!(!found.is_empty() && is_for_all == entry.user.is_none(), "{}", entry.pattern);
        }
    }
}

/// How many e-mails have each Message-ID, in each organization.
fn held(house: &House) -> Vec<std::collections::BTreeMap<String, usize>> {
    ORGANIZATIONS.iter().map(|name| emails_by_id(&house.organization(name).unwrap()).unwrap()).collect()
}

/// What came by itself and was stored has the bytes that were sent.
fn are_kept_as_they_came(house: &House, samples: &[&Sample]) {
    let mut kept = BTreeSet::new();
    for name in ORGANIZATIONS {
        let organization = house.organization(name).unwrap();
        let emails = organization.read(|read| {
            let lines = read.latest_emails(None, 1_000)?;
            lines
                .into_iter()
                .map(|line| Ok(read.email(line.id)?.unwrap().blobid))
                .collect::<Result<Vec<_>, StoreError>>()
        });
        kept.extend(emails.unwrap().iter().map(|blob| organization.blob(blob).unwrap()));
    }
    let is_whole = |sample: &&&Sample| {
        let originals = sample.expected.copies().into_iter().flat_map(|(_, copy)| copy.originals);
        originals.clone().count() == 1
            && originals
                .clone()
                .all(|it| it.outcome.as_deref() == Some("stored") && it.unwrap.as_deref() == Some("direct"))
    };
    let whole: Vec<_> = samples.iter().filter(is_whole).collect();
    assert!(whole.len() >= 10, "{}", whole.len());
    for sample in whole {
        assert!(kept.contains(&sample.raw), "{}", sample.name);
    }
}

fn said(schema: &str) -> String {
    fs::read_to_string(older().join(schema).join("said.txt")).unwrap()
}

fn older() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("older")
}

fn mail() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../mail")
}
