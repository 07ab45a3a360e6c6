//! The alarm: the books of the latest days are looked at again and again, so that a gap is told before anybody asks.
//!
//! *Invariant:* it reads and says; what is wrong stays as it is for a person to see.

use model::{Id, Timestamp, limits};
use store::{Organization, Read, StoreError};

use super::{date, of_day};
use crate::mailboxes::ACTIVE;

/// What is wrong.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Alarm {
    /// On a day, what was seen at a source is not what ended and waits.
    Gap {
        /// The day, in days since 1970 UTC.
        day: i64,
        /// The source.
        source: String,
        /// Seen and without an end; below zero: ended and not seen.
        gap: i64,
    },
    /// On a day, copies have no outcome of their own, though the sums agree.
    WithoutOutcome {
        /// The day.
        day: i64,
        /// How many.
        copies: i64,
    },
    /// Messages wait in a mailbox for more than a day.
    Waits {
        /// The mailbox's name.
        mailbox: String,
        /// Since when the first of them.
        since: Timestamp,
    },
    /// A mailbox cannot be looked at for more than an hour: its mail waits there unseen.
    Trouble {
        /// The mailbox's name.
        mailbox: String,
        /// When it was last well, or was added.
        since: Timestamp,
    },
}

/// Every kind of alarm.
pub const KINDS: [&str; 3] = ["books", "waiting", "mailbox"];

impl Alarm {
    /// What kind it is, in a word.
    pub fn kind(&self) -> &'static str {
        match self {
            Alarm::Gap { .. } | Alarm::WithoutOutcome { .. } => "books",
            Alarm::Waits { .. } => "waiting",
            Alarm::Trouble { .. } => "mailbox",
        }
    }

    /// The day of the books that it is about.
    pub fn day(&self) -> i64 {
        match self {
            Alarm::Gap { day, .. } | Alarm::WithoutOutcome { day, .. } => *day,
            Alarm::Waits { since, .. } | Alarm::Trouble { since, .. } => since.day(),
        }
    }

    /// For a person.
    pub fn words(&self) -> String {
        match self {
            Alarm::Gap { day, source, gap } if *gap > 0 => {
                format!("{}: {gap} of the copies seen at {source} have no end", date(*day))
            }
            Alarm::Gap { day, source, gap } => {
                format!("{}: {} more copies ended at {source} than were seen", date(*day), gap.unsigned_abs())
            }
            Alarm::WithoutOutcome { day, copies } => {
                format!("{}: {copies} copies have no outcome of their own", date(*day))
            }
            Alarm::Waits { mailbox, since } => {
                format!("messages wait in the mailbox {mailbox} since {}", date(since.day()))
            }
            Alarm::Trouble { mailbox, since } => {
                format!("the mailbox {mailbox} cannot be looked at since {}", date(since.day()))
            }
        }
    }
}

/// Looks at the books of so many days, the present one the last of them, and at what waits.
///
/// # Errors
/// Where the books cannot be read.
pub fn look(organization: &Organization, now: Timestamp, days: i64) -> Result<Vec<Alarm>, StoreError> {
    let mut alarms = Vec::new();
    for day in (0..days).map(|before| now.day() - before) {
        // Each day in a snapshot of its own: none is held long.
        alarms.extend(organization.read(|read| gaps(read, day))?);
    }
    alarms.extend(organization.read(|read| waits(read, now))?);
    alarms.extend(organization.read(|read| troubled(read, now))?);
    Ok(alarms)
}

fn gaps(read: &Read<'_>, day: i64) -> Result<Vec<Alarm>, StoreError> {
    let account = of_day(read, day)?;
    let lines = account.sources.iter().filter(|line| line.gap() != 0);
    let mut alarms: Vec<Alarm> =
        lines.map(|line| Alarm::Gap { day, source: line.source.clone(), gap: line.gap() }).collect();
    if alarms.is_empty() && account.without_outcome != 0 {
        alarms.push(Alarm::WithoutOutcome { day, copies: account.without_outcome });
    }
    Ok(alarms)
}

fn waits(read: &Read<'_>, now: Timestamp) -> Result<Vec<Alarm>, StoreError> {
    let late = now.plus_seconds(-limits::MAILBOX_WAITS_SECONDS_MAX);
    let mut alarms = Vec::new();
    for waiting in read.waiting_in_mailboxes()? {
        if waiting.since < late {
            alarms.push(Alarm::Waits { mailbox: name(read, waiting.mailbox)?, since: waiting.since });
        }
    }
    Ok(alarms)
}

/// As the nodes that watch them have told. Whoever is left alone is no trouble.
fn troubled(read: &Read<'_>, now: Timestamp) -> Result<Vec<Alarm>, StoreError> {
    let late = now.plus_seconds(-limits::MAILBOX_TROUBLE_SECONDS_MAX);
    let mut alarms = Vec::new();
    for told in read.mailbox_states()?.into_iter().filter(|told| !told.iswell) {
        let mailbox = read.mailbox(told.mailboxid)?.filter(|mailbox| mailbox.statecode == ACTIVE);
        let Some(mailbox) = mailbox else { continue };
        let since = told.succeededon.unwrap_or(mailbox.createdon);
        if since < late {
            alarms.push(Alarm::Trouble { mailbox: mailbox.name, since });
        }
    }
    Ok(alarms)
}

fn name(read: &Read<'_>, mailbox: Id) -> Result<String, StoreError> {
    Ok(read.mailbox(mailbox)?.map(|mailbox| mailbox.name).unwrap_or_default())
}
