//! What is asked of the house: every kind of search that people make, and the pages they read.

use std::path::Path;

use anyhow::{Context, Result};
use model::Timestamp;
use store::Store;

use super::ORGANIZATION;
use super::fill::{self, NEWEST, SECONDS_BETWEEN};
use crate::letters::mix;
use crate::{database, program};

/// Pages of one kind.
pub(super) struct Kind {
    pub(super) what: String,
    pub(super) paths: Vec<String>,
}

/// How often each kind is asked.
const TIMES: u64 = 200;

/// All kinds, each of them the same at every run.
pub(super) fn kinds(folder: &Path, emails: u64) -> Result<Vec<Kind>> {
    let any = |n: u64| mix(n) % emails.max(1);
    // One of the words of a mail, not always the first.
    let of_mail = |n: u64, place: usize| fill::words(any(n)).nth(place).unwrap_or_default();
    let common = |n: u64| fill::word(n % 20);
    let day = |n: u64| date(NEWEST.plus_seconds(-(i64::try_from(any(n)).unwrap_or(0)) * SECONDS_BETWEEN));
    let search = |what: &str, line: &dyn Fn(u64) -> String| Kind {
        what: format!("search: {what}"),
        paths: (0..TIMES).map(|n| format!("/search?q={}", encoded(&line(n)))).collect(),
    };
    let mut kinds = vec![
        search("a word of one mail", &|n| fill::own_word(any(n))),
        search("a word of language", &|n| of_mail(n, 40)),
        search("one of the 20 most frequent words", &common),
        search("two words of one mail", &|n| format!("{} {}", of_mail(n, 30), of_mail(n, 70))),
        search("a phrase of two words", &|n| format!("\"{} {}\"", of_mail(n, 50), of_mail(n, 51))),
        search("from: and a word", &|n| {
            format!("from:{} {}", fill::address(fill::writer(any(n))), of_mail(n, 40))
        }),
        search("from: and a frequent word", &|n| {
            format!("from:{} {}", fill::address(fill::writer(any(n))), common(n))
        }),
        search("subject: and a word", &|n| format!("subject:{}", of_mail(n, 2))),
        search("a word, and without another", &|n| format!("{} -{}", of_mail(n, 40), common(n))),
        search("has:attachment and a word", &|n| format!("has:attachment {}", of_mail(n, 40))),
        search("a month of a frequent word", &|n| {
            format!("{} after:{} before:{}", common(n), day(n), day(n).replace("-01", "-02"))
        }),
        search("before a day, no word", &|n| format!("before:{}", day(n))),
        search("two words that never meet", &|n| format!("{} {}", fill::own_word(any(n)), common(n))),
    ];
    kinds.push(Kind { what: "mail, first page".to_owned(), paths: vec!["/mail".to_owned(); 100] });
    kinds
        .push(Kind { what: "people by name, first page".to_owned(), paths: vec!["/people".to_owned(); 100] });
    let beginning = |n: u64| fill::word(any(n) % 1_000).chars().take(3).collect::<String>();
    let paths = (0..TIMES).map(|n| format!("/people?q={}", encoded(&beginning(n)))).collect();
    kinds.push(Kind { what: "people by three letters".to_owned(), paths });
    kinds.extend(records(folder)?);
    Ok(kinds)
}

/// The pages of records: those with most mail, and others.
fn records(folder: &Path) -> Result<Vec<Kind>> {
    // The program has the lock on its folder, so a look into it has to be over before; see `fill`.
    let text =
        std::fs::read_to_string(folder.join("records")).context("the house was filled by another version")?;
    let paths: Vec<&str> = text.lines().collect();
    let of = |kind: &str| -> Vec<String> {
        paths.iter().filter(|path| path.starts_with(kind)).map(|path| (*path).to_owned()).collect()
    };
    Ok(vec![
        Kind { what: "timeline of a person".to_owned(), paths: of("/contacts/") },
        Kind { what: "timeline of a company".to_owned(), paths: of("/accounts/") },
    ])
}

/// Notes the addresses of some records' pages, while nobody else has the folder.
pub(super) fn note_records(folder: &Path) -> Result<()> {
    let store = Store::open(database::store(&program::data(folder)))?;
    let organization = store.organization_by_name(ORGANIZATION)?;
    let mut lines = Vec::new();
    for number in (0..20).chain((20..fill::CONTACTS).step_by(100)) {
        let found = organization.read(|read| read.records_by_address(&fill::address(number)))?;
        for record in found {
            lines.push(format!("/contacts/{}", record.id));
            lines.extend(record.company.map(|company| format!("/accounts/{company}")));
        }
    }
    drop(organization);
    store.close();
    std::fs::write(folder.join("records"), lines.join("\n"))?;
    Ok(())
}

/// The first of a month.
fn date(time: Timestamp) -> String {
    // Months of 30.44 days are near enough: any month will do.
    let months = time.seconds() / 2_629_800;
    format!("{:04}-{:02}-01", 1970 + months / 12, months % 12 + 1)
}

fn encoded(line: &str) -> String {
    line.bytes()
        .map(
            |byte| {
                if byte.is_ascii_alphanumeric() {
                    char::from(byte).to_string()
                } else {
                    format!("%{byte:02X}")
                }
            },
        )
        .collect()
}
