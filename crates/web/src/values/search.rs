//! Search among the mail: what was asked, what was found, how far the index is.

use model::Timestamp;
use serde::{Deserialize, Serialize};

use super::as_millis_or_none;
use super::lists::{List, MailLine};

/// What a person asks: the line of the search box, and the fields of the form, which say the same in parts.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct SearchForm {
    /// The line, with names before colons: `from:jane pallets`.
    pub q: String,
    /// Whatever has no field of its own.
    pub words: String,
    /// The sender.
    pub from: String,
    /// The recipients.
    pub to: String,
    /// The subject.
    pub subject: String,
    /// `attachment` where it must have one.
    pub has: String,
    /// The first day, `2026-11-23`.
    pub after: String,
    /// The day behind the last one.
    pub before: String,
}

/// What was found.
#[derive(Debug, Clone, Serialize)]
pub struct Found {
    /// All that was asked, in one line that asks the same.
    pub line: String,
    /// The same by fields; its `q` is empty.
    pub form: SearchForm,
    /// What was not understood, in sentences.
    pub notes: Vec<String>,
    /// The words to mark in subjects and texts.
    pub marked: Vec<String>,
    /// The mails, newest first.
    pub list: List<MailLine>,
    /// Mails that are not in the index yet; found in a moment. Counted no further than ten thousand.
    pub left: u64,
    /// Whatever happened up to then is in the index.
    #[serde(serialize_with = "as_millis_or_none")]
    pub up_to: Option<Timestamp>,
}
