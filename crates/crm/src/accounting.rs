//! Nothing lost, in numbers: what the doors saw beside what became of it, per source and day.
//!
//! `seen` comes from the ledger, the outcomes from a table of their own; the two are joined, never derived
//! from each other. A gap is an alarm. What lies in a mailbox is seen before it is taken in: until then it waits.

pub mod alarm;

use std::collections::BTreeMap;

use model::outcome::{OUTCOMES, Outcome, Reason};
use store::{Organization, Read, StoreError};

/// One source on one day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceLine {
    /// The source.
    pub source: String,
    /// Copies that the door's ledger saw.
    pub seen: i64,
    /// Copies by outcome, in the order of [`OUTCOMES`].
    pub ended: [i64; 5],
    /// Seen in a mailbox, where they lie untouched until they end.
    pub waiting: i64,
}

impl SourceLine {
    /// Copies of one outcome.
    pub fn of(&self, outcome: Outcome) -> i64 {
        let place = OUTCOMES.iter().position(|(known, _)| *known == outcome);
        place.and_then(|place| self.ended.get(place)).copied().unwrap_or(0)
    }

    /// Seen, not waiting and not ended; below zero: ended and not seen.
    pub fn gap(&self) -> i64 {
        self.seen - self.waiting - self.ended.iter().sum::<i64>()
    }
}

/// One day.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DayAccount {
    /// The day, in days since 1970 UTC.
    pub day: i64,
    /// Each source.
    pub sources: Vec<SourceLine>,
    /// Copies without an outcome of their own, found by joining ledger and outcomes.
    pub without_outcome: i64,
    /// Originals by outcome and reason, the gravest outcome first.
    pub reasons: Vec<(Outcome, Reason, i64)>,
}

impl DayAccount {
    /// Whether something is missing: the alarm.
    pub fn has_gap(&self) -> bool {
        self.without_outcome != 0 || self.sources.iter().any(|line| line.gap() != 0)
    }
}

/// The account of one day.
pub fn of_day(read: &Read<'_>, day: i64) -> Result<DayAccount, StoreError> {
    let mut lines: BTreeMap<String, SourceLine> = BTreeMap::new();
    let mut without_outcome = 0;
    for seen in read.seen_on(day)? {
        without_outcome += seen.without_outcome;
        let line = line(&mut lines, &seen.source);
        line.seen += seen.seen;
        line.waiting += seen.waiting;
    }
    for ended in read.ended_on(day)? {
        let place = OUTCOMES.iter().position(|(outcome, _)| *outcome as i32 == ended.outcome);
        if let Some(count) = place.and_then(|place| line(&mut lines, &ended.source).ended.get_mut(place)) {
            *count += ended.copies;
        }
    }
    let reasons = read.reasons_on(day)?.into_iter().filter_map(|count| {
        let outcome = Outcome::from_code(i64::from(count.outcome))?;
        Some((outcome, Reason::from_code(i64::from(count.reason))?, count.originals))
    });
    Ok(DayAccount {
        day,
        sources: lines.into_values().collect(),
        without_outcome,
        reasons: reasons.collect(),
    })
}

fn line<'l>(lines: &'l mut BTreeMap<String, SourceLine>, source: &str) -> &'l mut SourceLine {
    lines.entry(source.to_owned()).or_insert_with(|| SourceLine {
        source: source.to_owned(),
        seen: 0,
        ended: [0; 5],
        waiting: 0,
    })
}

/// What a full recount found.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Verified {
    /// Every day with copies, newest first.
    pub days: Vec<DayAccount>,
    /// How many e-mails there are.
    pub emails: i64,
    /// What is wrong, in words; empty where all is well.
    pub faults: Vec<String>,
}

/// Counts everything again, day by day, and looks for rows and files that miss what they name.
pub fn verify(organization: &Organization) -> Result<Verified, StoreError> {
    let mut verified = organization.read(recount)?;
    // Outside the snapshot, as there may be many files. A file is there before the row that names it.
    verified.fault(organization.missing_blob_files()?, "kept sources have lost their file");
    verified.fault(organization.missing_blob_objects()?, "kept sources have lost their object in the bucket");
    Ok(verified)
}

/// Like [`verify`], and reads every kept source and compares it with its digest: as long as that takes.
pub fn verify_bytes(organization: &Organization) -> Result<Verified, StoreError> {
    let mut verified = verify(organization)?;
    verified.fault(organization.damaged_blobs()?, "kept sources are damaged");
    Ok(verified)
}

impl Verified {
    fn fault(&mut self, count: i64, words: &str) {
        if count != 0 {
            self.faults.push(format!("{count} {words}"));
        }
    }
}

fn recount(read: &Read<'_>) -> Result<Verified, StoreError> {
    let days: Result<Vec<DayAccount>, StoreError> =
        read.days()?.into_iter().map(|day| of_day(read, day)).collect();
    let mut verified = Verified { days: days?, emails: read.email_count()?, faults: Vec::new() };
    let gaps = verified.days.iter().filter(|day| day.has_gap()).map(gap);
    verified.faults = gaps.collect();
    for (count, words) in losses(read)? {
        verified.fault(count, words);
    }
    Ok(verified)
}

fn gap(account: &DayAccount) -> String {
    let seen: i64 = account.sources.iter().map(|line| line.seen).sum();
    match account.without_outcome {
        0 => format!("{}: {seen} copies were seen, and another number ended", date(account.day)),
        missing => format!("{}: {missing} of {seen} copies seen have no outcome", date(account.day)),
    }
}

/// Every question of the recount with the words for what it finds. A loss may answer several of them.
fn losses(read: &Read<'_>) -> Result<[(i64, &'static str); 16], StoreError> {
    Ok([
        (read.copies_taken_out()?, "copies are missing from the ledger"),
        (read.copies_with_other_outcomes()?, "copies do not have one outcome for each original"),
        (read.outcomes_without_copy()?, "outcomes name a copy that no door saw"),
        (read.outcomes_without_email()?, "outcomes name an e-mail that is not there"),
        (read.outcomes_without_email_copy()?, "outcomes have no envelope noted with their e-mail"),
        (read.outcomes_without_undeliverable()?, "mails were undeliverable, and none is kept"),
        (read.emails_without_outcome()?, "e-mails were brought by no copy"),
        (read.emails_with_other_parties()?, "e-mails do not have all their parties"),
        (read.emails_without_identity()?, "e-mails have lost a key by which they are known"),
        (read.emails_with_other_attachments()?, "e-mails do not have all their attachments"),
        (read.emails_without_source()?, "e-mails have no source kept"),
        (read.versions_without_source()?, "other sources of e-mails are not kept"),
        (read.copies_without_outer_mail()?, "copies have no outer mail kept"),
        (read.undeliverables_without_source()?, "Undeliverables have no source kept"),
        (read.undeliverables_without_outcome()?, "Undeliverables have no outcome that says so"),
        (read.sources_without_owner()?, "kept sources belong to nothing: what named them is gone"),
    ])
}

/// A day as `2026-11-23`.
pub fn date(day: i64) -> String {
    let seconds = day.saturating_mul(86_400);
    jiff::Timestamp::from_second(seconds)
        .map_or_else(|_| day.to_string(), |at| at.strftime("%Y-%m-%d").to_string())
}
