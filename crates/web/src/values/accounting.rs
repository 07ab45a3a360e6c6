//! The books of a day: what was seen at each source, and what became of it.

use std::fmt;
use std::str::FromStr;

use jiff::civil::Date;
use model::Timestamp;
use model::outcome::Outcome;
use serde::{Serialize, Serializer};

use super::as_millis;

/// A UTC day: days since 1970-01-01, as the books are kept. Written `2026-11-23`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Day(pub i64);

/// The books of one day.
#[derive(Debug, Clone, Serialize)]
pub struct Accounting {
    /// The day.
    pub day: Day,
    /// Whether the day is still going on.
    pub is_today: bool,
    /// All sources together.
    pub total: Tally,
    /// Each source apart.
    pub sources: Vec<SourceDay>,
    /// Why mails were ignored, most frequent first.
    pub ignored: Vec<ReasonCount>,
    /// The last copies, newest first.
    pub latest: Vec<CopyLine>,
}

/// One source on one day.
#[derive(Debug, Clone, Serialize)]
pub struct SourceDay {
    /// The source: `sink:crm@sink.example`.
    pub source: String,
    /// Its numbers.
    pub tally: Tally,
}

/// Copies by what became of them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Tally {
    /// Seen by the door's own ledger.
    pub seen: u64,
    /// Became e-mails.
    pub stored: u64,
    /// Were here already.
    pub duplicate: u64,
    /// Nobody wanted them.
    pub ignored: u64,
    /// Kept apart.
    pub quarantined: u64,
    /// Kept for a person to look at.
    pub undeliverable: u64,
    /// Seen in a mailbox, where they lie untouched until they end.
    pub waiting: u64,
    /// Seen without an outcome (or, below zero, the other way round): an alarm when not 0.
    pub gap: i64,
}

/// How many were ignored for one reason.
#[derive(Debug, Clone, Serialize)]
pub struct ReasonCount {
    /// The reason as a sentence.
    pub words: String,
    /// How many copies.
    pub count: u64,
}

/// One copy and what became of it.
#[derive(Debug, Clone, Serialize)]
pub struct CopyLine {
    /// When it arrived.
    #[serde(serialize_with = "as_millis")]
    pub time: Timestamp,
    /// Where it arrived.
    pub source: String,
    /// What became of it; `None` is a gap.
    #[serde(serialize_with = "as_name")]
    pub outcome: Option<Outcome>,
    /// Why, as a sentence.
    pub reason: String,
    /// The e-mail that it became or is: its id as text, and its subject.
    pub email: Option<(String, String)>,
}

impl Day {
    /// The day before.
    pub fn before(self) -> Day {
        Day(self.0.saturating_sub(1))
    }

    /// The day after.
    pub fn after(self) -> Day {
        Day(self.0.saturating_add(1))
    }

    /// In the civil calendar; the epoch where it is beyond any calendar.
    pub(crate) fn date(self) -> Date {
        let days = i32::try_from(self.0).unwrap_or(0);
        EPOCH.checked_add(jiff::Span::new().try_days(days).unwrap_or_default()).unwrap_or(EPOCH)
    }
}

const EPOCH: Date = Date::constant(1970, 1, 1);

/// The text is no day such as `2026-11-23`.
#[derive(Debug, thiserror::Error)]
#[error("a day is written like 2026-11-23")]
pub struct NotADay;

impl FromStr for Day {
    type Err = NotADay;

    fn from_str(text: &str) -> Result<Self, NotADay> {
        let date: Date = text.parse().map_err(|_| NotADay)?;
        let span = EPOCH.until(date).map_err(|_| NotADay)?;
        Ok(Day(i64::from(span.get_days())))
    }
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.date().fmt(f)
    }
}

impl Serialize for Day {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

fn as_name<S: Serializer>(outcome: &Option<Outcome>, serializer: S) -> Result<S::Ok, S::Error> {
    outcome.map(Outcome::name).serialize(serializer)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_is_read_as_it_is_written() {
        for text in ["1970-01-01", "2026-11-23", "2024-02-29", "1969-12-31"] {
            assert_eq!(text.parse::<Day>().unwrap().to_string(), text);
        }
        assert_eq!("1970-01-02".parse::<Day>().unwrap(), Day(1));
        assert_eq!(Day(Timestamp(1_795_424_400_000).day()).to_string(), "2026-11-23");
        for bad in ["", "23.11.2026", "2026-13-01", "yesterday"] {
            assert!(bad.parse::<Day>().is_err(), "{bad}");
        }
    }
}
