//! What real clients make when a person forwards, resends or redirects: every original of it stands on the
//! record of the customer who wrote it.

use std::path::{Path, PathBuf};

use testkit::Missing;
use testkit::client::{Client, Envelope, Protocol};
use testkit::missing::or_skip;

use super::house::{SINK, ZOE, books_are_whole, email_count, house, timeline};

const BOB: &str = "bob@customer.test";
const MIXED: &str = "Angebot für 12 Stück – Order #4711";
const PLAIN: &str = "Quick question";

#[test]
fn every_original_of_a_forward_stands_on_its_record() {
    or_skip(|| {
        let mut tried = 0;
        let mut complaints = Vec::new();
        for path in files()? {
            let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
            let Some(customers) = customers_of(&name) else { continue };
            tried += 1;
            complaints.extend(send(&name, &path, customers)?);
        }
        assert!(tried >= 30, "only {tried} forwards were there to try");
        assert!(complaints.is_empty(), "{tried} were tried\n{}", complaints.join("\n"));
        Ok(())
    });
}

/// Whose mails a sample carries; `None` for those that carry none.
fn customers_of(name: &str) -> Option<&'static [&'static str]> {
    const KINDS: [&str; 8] = [
        "-attach",
        "-inline",
        "-bounce",
        "-dist",
        "d-redirect",
        "sieve-redirect",
        "sieve-copy",
        "sieve-edit",
    ];
    match name {
        _ if !KINDS.iter().any(|part| name.contains(part)) => None,
        _ if name.ends_with("-multi") => Some(&[ZOE, BOB]),
        _ if name.ends_with("-plain") => Some(&[BOB]),
        _ => Some(&[ZOE]),
    }
}

fn send(name: &str, path: &Path, customers: &[&str]) -> anyhow::Result<Vec<String>> {
    let raw = with_crlf(&std::fs::read(path)?);
    let (house, _) = house();
    // A redirect keeps the customer's MAIL FROM; a person who forwards or resends has his own.
    let from = match name {
        _ if name.contains("sieve") => ZOE,
        _ if name.contains("thunderbird") => "u1@example.test",
        _ => "jane@example.test",
    };
    let mut client = Client::connect(house.smtp()?, Protocol::Smtp)?;
    let replies = client.send(&Envelope::new(from, SINK), &raw)?;
    let organization = house.organization("example")?;
    let mut complaints = Vec::new();
    if replies.codes() != [250] {
        complaints.push(format!("{name}: answered {:?}", replies.codes()));
    }
    let count = email_count(&organization);
    if usize::try_from(count)? != customers.len() {
        complaints.push(format!("{name}: {count} e-mails instead of {}", customers.len()));
    }
    for customer in customers {
        let (subject, id) = if *customer == ZOE { (MIXED, "orig-") } else { (PLAIN, "q1@customer.test") };
        let lines = timeline(&organization, customer);
        let stands_there = |(messageid, found): &(String, String)| {
            // sieve-edit changed the subject on the way, and Gnus forwards leave the Message-ID out.
            let is_edited = name.contains("-edit") && found.contains(subject);
            (found == subject || is_edited) && (messageid.contains(id) || messageid.is_empty())
        };
        if lines.len() != 1 || !lines.iter().all(stands_there) {
            complaints.push(format!("{name}: on the timeline of {customer} stand {lines:?}"));
        }
    }
    books_are_whole(&house);
    Ok(complaints)
}

fn files() -> anyhow::Result<Vec<PathBuf>> {
    let corpus = std::env::var_os("POSTROOM_CORPUS").map(PathBuf::from);
    let folder = corpus.map(|corpus| corpus.join("forwarded")).filter(|folder| folder.is_dir());
    let folder = folder.ok_or_else(|| Missing::new("a corpus with forwarded mail (POSTROOM_CORPUS)"))?;
    let mut files: Vec<PathBuf> =
        std::fs::read_dir(folder)?.map(|entry| Ok(entry?.path())).collect::<anyhow::Result<_>>()?;
    files.retain(|path| path.extension().is_some_and(|ending| ending == "eml"));
    files.sort();
    Ok(files)
}

/// Some clients hand mail to a local program with bare line feeds; that program makes CRLF of them.
fn with_crlf(raw: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(raw.len() + raw.len() / 32);
    for byte in raw {
        if *byte == b'\n' && bytes.last() != Some(&b'\r') {
            bytes.push(b'\r');
        }
        bytes.push(*byte);
    }
    bytes
}
