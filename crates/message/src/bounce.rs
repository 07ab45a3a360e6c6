//! What a mail tells about mail of ours: that it failed for good or for now, waits, is unwanted, arrived, or was answered by
//! nobody.
//!
//! What passes through: a message that was read. Fields of the standards are asked first (RFC 3464, RFC 5965, RFC 8098), then
//! the words of servers that know none, by the rules of `reasons` and not where `bait` knows better, at last what says that nobody
//! wrote it (RFC 3834). Each answer carries what told it. Never believed by itself: anybody can write such a mail.

mod addresses;
mod answer;
mod bait;
mod complaints;
mod failure;
mod fields;
mod folding;
mod footer;
mod lists;
mod notice;
mod pairs;
mod persons;
mod reasons;
mod servers;
mod services;
mod spelling;

use model::{EmailAddress, Mailbox};

use crate::marks::Marks;
use crate::message::Message;
use notice::Notice;

/// What a mail tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// Nothing about our mail.
    Nothing,
    /// An answer that no person wrote.
    Auto,
    /// It arrived, was passed on or shown.
    Receipt,
    /// It is not delivered yet, and still tried.
    Delayed,
    /// It was not delivered, for a passing reason or one of this mail or its sender.
    Soft,
    /// It was not delivered, for good, and nothing says whether this recipient's address works.
    Unclear,
    /// It was not delivered: this recipient's address does not work.
    Hard,
    /// A recipient calls it unwanted.
    Complaint,
}

/// What is told about one recipient.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    /// The recipient, as the sender knows him as far as that is told.
    pub address: EmailAddress,
    /// What became of it.
    pub kind: Kind,
    /// Status (RFC 3463): `5.1.1`; empty where none is told.
    pub status: String,
    /// The words or the field that told it, at most [`limits::ERROR_CHARS_MAX`](model::limits::ERROR_CHARS_MAX) characters.
    pub words: String,
}

/// What a mail tells about mail of ours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bounce {
    /// The gravest of what it tells.
    pub kind: Kind,
    /// About whom, at most [`limits::RECIPIENTS_MAX`](model::limits::RECIPIENTS_MAX); nobody where the mail names nobody.
    pub recipients: Vec<Told>,
    /// The words or the field that told the kind.
    pub words: String,
}

/// Reads what a mail tells.
pub fn read(message: &Message<'_>) -> Bounce {
    told(&Notice::of(message))
}

/// Reads what a mail tells that came to a return path of ours. Nobody knows that but who got our mail, so it is about that, be it in
/// the form of a worm or in the words of bait.
pub fn read_returned(message: &Message<'_>) -> Bounce {
    let mut notice = Notice::of(message);
    notice.is_returned = true;
    told(&notice)
}

fn told(notice: &Notice<'_>) -> Bounce {
    complaints::complaint(notice)
        .or_else(|| fields::delivery(notice))
        .or_else(|| fields::disposition(notice))
        .or_else(|| enclosed(notice))
        .or_else(|| services::notified(notice))
        .or_else(|| failure::failed(notice))
        .or_else(|| failure::shown(notice))
        .or_else(|| answer::automatic(notice.message))
        .unwrap_or_else(Bounce::nothing)
}

/// Whether a mail may tell something about mail of ours, by its header and its envelope: the form of a report, From a daemon, a master
/// of mail, or nobody; any other name that servers give themselves only where the return path is nobody's, for persons may have it too.
/// `false` says that it is not worth reading, unless it came to where only reports come.
pub fn may_be(from: Option<&Mailbox>, marks: Marks, has_null_sender: bool) -> bool {
    let is_server = |from: &Mailbox| {
        let local = from.address.local_part();
        ["mailer-daemon", "postmaster"].iter().any(|known| local.eq_ignore_ascii_case(known))
            || servers::is_of_complaints(from)
            || (has_null_sender && servers::is_named(from))
    };
    marks.report || marks.from_mail_system || from.is_none_or(is_server)
}

/// What the report tells that a server encloses in a mail of its own, as scanners do that add their words to it. One that somebody
/// else wrote is handed on, and tells nothing.
fn enclosed(notice: &Notice<'_>) -> Option<Bounce> {
    let report = crate::read(notice.returned.first()?).ok()?;
    let writer = |message: &Message<'_>| message.header().from.first().map(|from| from.address.key());
    let is_daemon = |message: &Message<'_>| {
        let mut from = message.header().from.iter().map(|from| from.address.local_part());
        from.any(|local| {
            local.eq_ignore_ascii_case("mailer-daemon") || local.eq_ignore_ascii_case("postmaster")
        })
    };
    // One that another server wrote, where this one says nothing of whom it is about.
    let is_passed_on = || is_daemon(&report) && is_daemon(notice.message) && notice.named().is_empty();
    let is_own =
        report.header().marks.report && (writer(&report) == writer(notice.message) || is_passed_on());
    if is_own { fields::delivery(&Notice::of(&report)) } else { None }
}

/// A field of the mail that a report returns, where that has it.
pub fn returned_field(message: &Message<'_>, name: &str) -> Option<String> {
    let notice = Notice::of(message);
    notice
        .returned
        .iter()
        .find_map(|raw| fields::value(raw, name).or_else(|| fields::value_in_text(raw, name)))
}

impl Bounce {
    /// What tells nothing about mail of ours.
    fn nothing() -> Self {
        Bounce { kind: Kind::Nothing, recipients: Vec::new(), words: String::new() }
    }

    /// Of what is told about recipients the gravest.
    fn of(recipients: Vec<Told>) -> Option<Self> {
        let gravest = recipients.iter().max_by_key(|told| told.kind)?;
        let (kind, words) = (gravest.kind, gravest.words.clone());
        Some(Bounce { kind, words, recipients })
    }

    /// The recipients of whom it tells the gravest.
    pub fn gravest(&self) -> impl Iterator<Item = &Told> {
        self.recipients.iter().filter(|told| told.kind == self.kind)
    }
}

#[cfg(test)]
mod tests;
