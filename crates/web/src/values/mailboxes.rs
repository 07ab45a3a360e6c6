//! Values of the page of mailboxes.

use model::{Id, Timestamp};
use serde::Serialize;

use super::{as_millis, as_millis_or_none, as_text};

/// A mailbox at a mail server that is watched.
#[derive(Debug, Clone, Serialize)]
pub struct MailboxLine {
    /// Its `mailboxid`.
    #[serde(serialize_with = "as_text")]
    pub id: Id,
    /// Its name here.
    pub name: String,
    /// Who signs in, and where.
    pub account: String,
    /// How it goes, in words.
    pub state: String,
    /// How it goes.
    pub standing: MailboxStanding,
    /// When it was last known to be looked at to its end.
    #[serde(serialize_with = "as_millis_or_none")]
    pub succeeded: Option<Timestamp>,
    /// When it is tried again, where there is trouble.
    #[serde(serialize_with = "as_millis_or_none")]
    pub next_try: Option<Timestamp>,
    /// Messages that were seen there and have no end yet.
    pub waiting: u64,
    /// When the first of them was seen.
    #[serde(serialize_with = "as_millis_or_none")]
    pub since: Option<Timestamp>,
    /// Messages there that were put off; `None` where none was.
    pub put_off: Option<MailboxPutOff>,
    /// Which node watches it, and when it told so; `None` where it is the one that shows this page.
    pub told: Option<MailboxTold>,
}

/// What is tried again later.
#[derive(Debug, Clone, Serialize)]
pub struct MailboxPutOff {
    /// How many messages.
    pub count: u64,
    /// Why the last of them, in words, which may be the server's.
    pub words: String,
}

/// Who told how it goes.
#[derive(Debug, Clone, Serialize)]
pub struct MailboxTold {
    /// The node.
    pub node: String,
    /// When.
    #[serde(serialize_with = "as_millis")]
    pub time: Timestamp,
}

/// How it goes with a mailbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum MailboxStanding {
    /// It is watched.
    Well,
    /// It cannot be looked at now.
    Trouble,
    /// It is left alone.
    Paused,
    /// Nobody has told.
    Unknown,
}

/// What an administrator does with a mailbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MailboxChange {
    /// Leave it alone.
    Pause,
    /// Watch it again.
    Resume,
    /// Look at all that lies there once more.
    Resync,
}
