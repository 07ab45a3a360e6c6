//! Values of the pages of mail that was set aside.

use model::{Id, Timestamp};
use serde::Serialize;

use super::{as_millis, as_millis_or_none, as_text};

/// A mail that could not be processed.
#[derive(Debug, Clone, Serialize)]
pub struct UndeliverableLine {
    /// Its `undeliverableid`.
    #[serde(serialize_with = "as_text")]
    pub id: Id,
    /// When it arrived.
    #[serde(serialize_with = "as_millis")]
    pub time: Timestamp,
    /// Where it came from: `mailbox:crm`.
    pub source: String,
    /// From whom, as far as that could be read.
    pub sender: String,
    /// Its subject, as far as that could be read.
    pub subject: String,
    /// Why, as a sentence.
    pub reason: String,
    /// Where the work on it ended, in a word.
    pub step: String,
    /// What exactly failed, for those who mend it.
    pub detail: String,
    /// Its size in bytes.
    pub size_bytes: u64,
    /// Whether it could be processed, and is kept apart because nothing proves who wrote it, or a hook stopped it.
    pub is_quarantined: bool,
    /// Whether a person may let it in as it is. What says to be one of us, and is not proven, is never believed for that.
    pub can_be_released: bool,
    /// What was found out about who wrote it; may be empty.
    pub verdict: String,
    /// Whether no more than its header is here.
    pub is_header: bool,
    /// How often it was taken in again, in vain or at last.
    pub attempts: u32,
    /// When that was last.
    #[serde(serialize_with = "as_millis_or_none")]
    pub tried: Option<Timestamp>,
}

/// One of them, with what became of it.
#[derive(Debug, Clone, Serialize)]
pub struct UndeliverableMail {
    /// What the list shows of it.
    pub line: UndeliverableLine,
    /// How it ended; `None` while it waits.
    pub end: Option<UndeliverableEnd>,
}

/// How a mail that was set aside ended.
#[derive(Debug, Clone, Serialize)]
pub struct UndeliverableEnd {
    /// Whether a person dismissed it; else it was taken in.
    pub is_dismissed: bool,
    /// When.
    #[serde(serialize_with = "as_millis_or_none")]
    pub time: Option<Timestamp>,
    /// Who dismissed it.
    pub by: String,
    /// Why it was dismissed.
    pub reason: String,
    /// What its originals became.
    pub originals: Vec<OriginalEnd>,
}

/// What one original became.
#[derive(Debug, Clone, Serialize)]
pub struct OriginalEnd {
    /// The name of the outcome.
    pub outcome: String,
    /// Why, as a sentence.
    pub reason: String,
    /// The e-mail that it became or is: its id as text, and its subject.
    pub email: Option<(String, String)>,
}

/// What became of a replay of all.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ReplayedAll {
    /// Taken in.
    pub ended: u64,
    /// Waiting on.
    pub waiting: u64,
    /// Not tried, for want of time.
    pub left: u64,
}
