//! Values of the outbox: mail that goes out, and what became of it.

use model::{Id, Timestamp};
use serde::Serialize;

use super::{as_millis, as_millis_or_none, as_text};

/// How an outgoing mail stands; the tabs of the outbox are named after some of these.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum OutboxStanding {
    /// It goes out later.
    Scheduled,
    /// It goes out as soon as it can; it may have been tried before.
    Waiting,
    /// It is going out.
    Sending,
    /// Somebody may have it, and nobody knows.
    Uncertain,
    /// Somebody does not get it.
    Failed,
    /// All have it, as far as the relay says.
    Sent,
    /// It was taken back before it went.
    Canceled,
}

/// One outgoing mail.
#[derive(Debug, Clone, Serialize)]
pub struct OutboxLine {
    /// Its `activityid`.
    #[serde(serialize_with = "as_text")]
    pub id: Id,
    /// When it was put in.
    #[serde(serialize_with = "as_millis")]
    pub time: Timestamp,
    /// When it goes out, or is tried again; `None` where it waits for nothing.
    #[serde(serialize_with = "as_millis_or_none")]
    pub due: Option<Timestamp>,
    /// How it stands.
    pub standing: OutboxStanding,
    /// To whom, those that all may see.
    pub to: String,
    /// Everybody in its envelope.
    pub recipients: u64,
    /// Its subject; may be empty.
    pub subject: String,
    /// What went wrong last, in the words of the relay; may be empty.
    pub words: String,
    /// The name of the way out that it goes by; empty where that is gone.
    pub way: String,
    /// Whose it is, where that is somebody else.
    pub owner: Option<String>,
    /// Whether to try it now would do something.
    pub can_retry: bool,
    /// Whether it can still be taken back.
    pub can_cancel: bool,
}

/// Outgoing mail of the last days that somebody should look into.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct OutboxTroubles {
    /// Mails that somebody does not get.
    pub failed: u64,
    /// Mails of which nobody knows.
    pub uncertain: u64,
}

/// What a person does with one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OutboxChange {
    /// Has it tried now.
    Retry,
    /// Takes it back.
    Cancel,
    /// Takes it back to be written anew, where nobody has been tried yet.
    Undo,
}

impl OutboxStanding {
    /// The tabs of the page, in their order; the first one shows all.
    pub const TABS: [Self; 4] = [Self::Waiting, Self::Scheduled, Self::Failed, Self::Uncertain];

    /// The last part of the address of its tab.
    pub fn path(self) -> &'static str {
        match self {
            Self::Scheduled => "scheduled",
            Self::Waiting => "waiting",
            Self::Sending => "sending",
            Self::Uncertain => "uncertain",
            Self::Failed => "failed",
            Self::Sent => "sent",
            Self::Canceled => "canceled",
        }
    }
}
