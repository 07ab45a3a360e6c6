//! The books of a day, as the first page shows them.

use crm::accounting::{self, DayAccount, SourceLine};
use model::outcome::{Outcome, Reason};
use model::schema::intake::OriginalOutcome;
use store::{Read, StoreError};
use web::values::{Accounting, CopyLine, Day, ReasonCount, SourceDay, Tally};

/// The last copies that are shown.
const LATEST_MAX: usize = 20;

/// The books of one day.
pub(super) fn of_day(read: &Read<'_>, day: Day, present: Day) -> Result<Accounting, StoreError> {
    let account = accounting::of_day(read, day.0)?;
    let latest = read.latest_outcomes(day.0, LATEST_MAX)?;
    Ok(Accounting {
        day,
        is_today: day == present,
        total: total(&account),
        sources: account.sources.iter().map(source).collect(),
        ignored: ignored(&account),
        latest: latest.iter().map(|row| copy_line(read, row)).collect::<Result<_, _>>()?,
    })
}

/// What is missing on a day: the sum of all sources, or, where they outweigh each other, what the join found.
pub(super) fn gap(account: &DayAccount) -> i64 {
    let sum: i64 = account.sources.iter().map(SourceLine::gap).sum();
    if sum == 0 { account.without_outcome } else { sum }
}

fn total(account: &DayAccount) -> Tally {
    let mut total = Tally::default();
    for line in &account.sources {
        let one = tally(line);
        total.seen += one.seen;
        total.stored += one.stored;
        total.duplicate += one.duplicate;
        total.ignored += one.ignored;
        total.quarantined += one.quarantined;
        total.undeliverable += one.undeliverable;
        total.waiting += one.waiting;
    }
    Tally { gap: gap(account), ..total }
}

fn source(line: &SourceLine) -> SourceDay {
    SourceDay { source: line.source.clone(), tally: tally(line) }
}

fn tally(line: &SourceLine) -> Tally {
    let of = |outcome| count(line.of(outcome));
    Tally {
        seen: count(line.seen),
        stored: of(Outcome::Stored),
        duplicate: of(Outcome::Duplicate),
        ignored: of(Outcome::Ignored),
        quarantined: of(Outcome::Quarantined),
        undeliverable: of(Outcome::Undeliverable),
        waiting: count(line.waiting),
        gap: line.gap(),
    }
}

fn count(number: i64) -> u64 {
    u64::try_from(number).unwrap_or(0)
}

fn ignored(account: &DayAccount) -> Vec<ReasonCount> {
    let rows = account.reasons.iter().filter(|(outcome, _, _)| *outcome == Outcome::Ignored);
    let words = |reason: Reason| reason.words().to_owned();
    let mut counts: Vec<ReasonCount> = rows
        .map(|(_, reason, number)| ReasonCount { words: words(*reason), count: count(*number) })
        .collect();
    counts.sort_by_key(|row| std::cmp::Reverse(row.count));
    counts
}

fn copy_line(read: &Read<'_>, row: &OriginalOutcome) -> Result<CopyLine, StoreError> {
    let email = row.activityid.map(|id| read.email(id)).transpose()?.flatten();
    Ok(CopyLine {
        time: row.createdon,
        source: row.source.clone(),
        outcome: Outcome::from_code(i64::from(row.outcome)),
        reason: Reason::from_code(i64::from(row.reason)).map_or("", Reason::words).to_owned(),
        email: email.map(|email| (email.activityid.to_string(), email.subject)),
    })
}
