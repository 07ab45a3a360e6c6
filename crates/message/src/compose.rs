//! Writing a mail (RFC 5322, RFC 2045–2047, RFC 2231): what a person wrote here, in the form in which it travels.
//!
//! What passes through: a [`Letter`] becomes bytes; [`for_transport`] takes the blind recipients out of them. The same
//! letter always becomes the same bytes. HTML goes through the cleaner of pages, and has its text beside it.
//!
//! *Invariant:* lines end with CRLF and have at most 998 characters, all of ASCII, and nowhere stands a CR or LF by itself:
//! no relay can be made to see two mails in one. Nothing that a name, a subject or a file's name holds becomes a field.

mod change;
mod fields;
mod parts;
mod text;
mod twin;

use std::borrow::Cow;

use model::{Mailbox, MessageId, Timestamp};

pub use change::{Change, changed, is_sound};
pub use parts::{media_type, safe_html};
pub use twin::of as plain_of;

/// A mail to be written.
#[derive(Debug, Clone, Copy)]
pub struct Letter<'l> {
    /// Its own id.
    pub message_id: &'l MessageId,
    /// When it was written.
    pub date: Timestamp,
    /// Who writes.
    pub from: &'l Mailbox,
    /// To whom.
    pub to: &'l [Mailbox],
    /// Who else is to see it.
    pub cc: &'l [Mailbox],
    /// Who else is to see it, unseen by the others.
    pub bcc: &'l [Mailbox],
    /// Its subject.
    pub subject: &'l str,
    /// Its text; lines may end as they like. Where it says nothing, it is made of the HTML.
    pub text: &'l str,
    /// Its HTML, as its writer made it.
    pub html: Option<&'l str>,
    /// What is attached, in order.
    pub attachments: &'l [Attached<'l>],
    /// What it answers.
    pub in_reply_to: Option<&'l MessageId>,
    /// The ids of the conversation so far, the oldest first.
    pub references: &'l [MessageId],
    /// The conversation as Outlook tells it; see [`thread_index::answer`](crate::thread_index::answer).
    pub outlook: Option<Outlook<'l>>,
    /// How much it matters.
    pub importance: Importance,
    /// Whether its writer asks to be told that it was seen (RFC 8098 §2.1).
    pub wants_receipt: bool,
    /// Whether a program wrote it (RFC 3834 §5).
    pub automatic: Automatic,
}

impl<'l> Letter<'l> {
    /// A letter that says nothing yet.
    pub fn new(message_id: &'l MessageId, date: Timestamp, from: &'l Mailbox) -> Self {
        Letter {
            message_id,
            date,
            from,
            to: &[],
            cc: &[],
            bcc: &[],
            subject: "",
            text: "",
            html: None,
            attachments: &[],
            in_reply_to: None,
            references: &[],
            outlook: None,
            importance: Importance::Normal,
            wants_receipt: false,
            automatic: Automatic::No,
        }
    }
}

/// Something that is attached.
#[derive(Debug, Clone, Copy)]
pub struct Attached<'l> {
    /// The name of its file.
    pub name: &'l str,
    /// `type/subtype`. What is none, or would be a part with parts of its own, goes as bytes of any kind.
    pub mimetype: &'l str,
    /// By which name the HTML shows it behind `cid:`. A picture that the HTML does not name is attached like any file.
    pub content_id: Option<&'l str>,
    /// What it holds.
    pub bytes: &'l [u8],
}

/// The conversation as Outlook tells it (MS-OXOMSG §2.2.1).
#[derive(Debug, Clone, Copy)]
pub struct Outlook<'l> {
    /// `Thread-Index`, in base64.
    pub index: &'l str,
    /// `Thread-Topic`: the subject with which the conversation began.
    pub topic: &'l str,
}

/// How much a mail matters; as numbers those of `prioritycode`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Importance {
    /// It can wait.
    Low = 0,
    /// Like most.
    #[default]
    Normal = 1,
    /// It cannot wait.
    High = 2,
}

/// Whether a program wrote a mail (RFC 3834 §5).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Automatic {
    /// A person did.
    #[default]
    No,
    /// A program, of itself; it goes to many, be it with a mail for each.
    Generated,
    /// A program, in answer to a mail.
    Replied,
}

/// Writes a mail. The blind recipients stand in it as in a sender's own copy: see [`for_transport`].
pub fn compose(letter: &Letter<'_>) -> Vec<u8> {
    let body = parts::Body::of(letter);
    let mut out = Vec::with_capacity(body.size() + FIELDS_BYTES);
    fields::write(letter, &mut out);
    body.write(&mut out);
    out
}

/// Room for the fields of most mails.
const FIELDS_BYTES: usize = 4 * 1024;

/// A mail as it goes to the recipients: without the field `Bcc` (RFC 5322 §3.6.3).
pub fn for_transport(raw: &[u8]) -> Cow<'_, [u8]> {
    let mut out: Option<Vec<u8>> = None;
    let mut at = 0;
    let mut is_blind = false;
    while let Some(line) = raw.get(at..).and_then(|rest| rest.split_inclusive(|byte| *byte == b'\n').next()) {
        if line == b"\r\n" || line == b"\n" {
            break;
        }
        let is_folded = line.starts_with(b" ") || line.starts_with(b"\t");
        is_blind = if is_folded {
            is_blind
        } else {
            line.get(..4).is_some_and(|name| name.eq_ignore_ascii_case(b"bcc:"))
        };
        match (&mut out, is_blind) {
            (None, true) => out = Some(raw.get(..at).unwrap_or_default().to_vec()),
            (Some(out), false) => out.extend_from_slice(line),
            _ => {}
        }
        at += line.len();
    }
    match out {
        None => Cow::Borrowed(raw),
        Some(mut out) => {
            out.extend_from_slice(raw.get(at..).unwrap_or_default());
            Cow::Owned(out)
        }
    }
}

#[cfg(test)]
mod tests;
