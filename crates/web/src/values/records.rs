//! Records: people, companies and leads, and the timeline that hangs on each.

use model::{Id, Timestamp};
use serde::Serialize;

use super::lists::{List, MailLine};
use super::{as_millis_or_none, as_text};

/// The kinds of records that have a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum RecordKind {
    /// A person: `contact`.
    Contact,
    /// A company: `account`.
    Account,
    /// Somebody who may become a customer: `lead`.
    Lead,
}

/// One record of one kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct RecordKey {
    /// Its kind.
    pub kind: RecordKind,
    /// Its id.
    pub id: Id,
}

/// A record by its name, to be led to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RecordLink {
    /// Its kind.
    pub kind: RecordKind,
    /// Its id.
    #[serde(serialize_with = "as_text")]
    pub id: Id,
    /// Its name.
    pub name: String,
}

/// One record in a list.
#[derive(Debug, Clone, Serialize)]
pub struct RecordLine {
    /// The record.
    pub link: RecordLink,
    /// Its first address.
    pub address: Option<String>,
    /// What tells it from others of its name: the company of a person, the city of a company, the topic of a lead.
    pub context: String,
    /// When the last mail with it was written.
    #[serde(serialize_with = "as_millis_or_none")]
    pub last_mail: Option<Timestamp>,
}

/// One record with its timeline.
#[derive(Debug, Clone, Serialize)]
pub struct Record {
    /// The record.
    pub link: RecordLink,
    /// What it is, in a few words: "Head of purchasing".
    pub headline: String,
    /// The company of a person.
    pub company: Option<RecordLink>,
    /// Its addresses, the first one first.
    pub addresses: Vec<String>,
    /// What else is known.
    pub facts: Vec<Fact>,
    /// The people of a company; empty for others.
    pub people: Vec<RecordLine>,
    /// Its mail by conversation, the one with the newest mail first.
    pub conversations: List<Conversation>,
}

/// Mails that answer one another.
#[derive(Debug, Clone, Serialize)]
pub struct Conversation {
    /// The subject of its first mail, without answer prefixes.
    pub subject: String,
    /// Its mails, newest first.
    pub mails: Vec<MailLine>,
}

/// A label with what stands behind it.
#[derive(Debug, Clone, Serialize)]
pub struct Fact {
    /// The label: "Phone".
    pub label: String,
    /// The words.
    pub value: String,
    /// The record that the words name.
    pub link: Option<RecordLink>,
}

impl RecordKind {
    /// The first segment of its page's address.
    pub fn path(self) -> &'static str {
        match self {
            RecordKind::Contact => "contacts",
            RecordKind::Account => "accounts",
            RecordKind::Lead => "leads",
        }
    }
}

impl Fact {
    /// A fact that is words alone.
    pub fn new(label: &str, value: impl Into<String>) -> Self {
        Fact { label: label.to_owned(), value: value.into(), link: None }
    }

    /// A fact that leads to a record.
    pub fn linked(label: &str, link: RecordLink) -> Self {
        Fact { label: label.to_owned(), value: link.name.clone(), link: Some(link) }
    }
}
