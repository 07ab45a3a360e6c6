//! Lists that are read page by page, and the line of a mail that stands in most of them.

use model::{Id, Timestamp};
use serde::Serialize;

use super::records::RecordLink;
use super::{as_millis, as_text};

/// Which page of a list is wanted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Page {
    /// The beginning of a name or an address; empty for all. Lists that cannot be searched ignore it.
    pub search: String,
    /// [`List::next`] of the page before; `None` for the first. One that the house did not give out
    /// is [`super::Failure::NotFound`].
    pub after: Option<String>,
}

/// One page of a list, at most `limits::PAGE_ROWS_MAX` rows.
#[derive(Debug, Clone, Serialize)]
pub struct List<T> {
    /// The rows.
    pub rows: Vec<T>,
    /// Where the next page begins (a key, not a number of rows: new mail moves nothing); `None` at the end.
    pub next: Option<String>,
}

/// Whether a mail came or went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Direction {
    /// From outside to us.
    Incoming,
    /// From us to a customer.
    Outgoing,
}

/// One mail in a list.
#[derive(Debug, Clone, Serialize)]
pub struct MailLine {
    /// Its `activityid`.
    #[serde(serialize_with = "as_text")]
    pub id: Id,
    /// Whether it came or went.
    pub direction: Direction,
    /// When it was sent, never later than it was received: `sortdate`.
    #[serde(serialize_with = "as_millis")]
    pub time: Timestamp,
    /// The sender's name, or the address where the mail gives no name.
    pub sender: String,
    /// Its subject; may be empty.
    pub subject: String,
    /// Its first words.
    pub preview: String,
    /// How many files it carries.
    pub attachments: u32,
    /// The customer it belongs to, where that is certain.
    pub record: Option<RecordLink>,
    /// Whether one of its parties waits for a person.
    pub is_unsettled: bool,
    /// Whether it is a draft: the visitor's own, for others are not listed.
    pub is_draft: bool,
}
