//! Writing a mail (RFC 5322, RFC 2045–2047): what a person wrote here, in the form in which it travels.
//!
//! What passes through: a [`Letter`] becomes bytes; [`for_transport`] takes the blind recipients out of them.
//!
//! *Invariant:* lines end with CRLF, and nowhere stands a CR or LF by itself: no relay can be made to see two mails in one.
//! Nothing that a name or a subject holds becomes a field.

use std::borrow::Cow;

use mail_builder::MessageBuilder;
use mail_builder::headers::address::Address;
use mail_builder::headers::message_id;
use model::{Mailbox, MessageId, Timestamp, limits};

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
    /// Its text; lines may end as they like.
    pub text: &'l str,
    /// What it answers.
    pub in_reply_to: Option<&'l MessageId>,
    /// The ids of the conversation so far, the oldest first.
    pub references: &'l [MessageId],
}

/// Writes a mail. The blind recipients stand in it as in a sender's own copy: see [`for_transport`].
pub fn compose(letter: &Letter<'_>) -> Vec<u8> {
    let mut builder = MessageBuilder::new()
        .message_id(letter.message_id.as_str())
        .date(letter.date.seconds())
        .from(address(letter.from))
        .subject(one_line(letter.subject));
    for (name, mailboxes) in [("To", letter.to), ("Cc", letter.cc), ("Bcc", letter.bcc)] {
        if !mailboxes.is_empty() {
            builder = builder.header(name, Address::new_list(mailboxes.iter().map(address).collect()));
        }
    }
    if let Some(id) = letter.in_reply_to {
        builder = builder.in_reply_to(id.as_str());
    }
    let references = shortened(letter.references);
    if !references.is_empty() {
        builder = builder.references(message_id::MessageId::from(references));
    }
    let mut raw = Vec::new();
    builder.text_body(lines(letter.text)).serialize(&mut raw);
    raw
}

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

fn address(mailbox: &Mailbox) -> Address<'_> {
    Address::new_address(mailbox.name.as_deref().map(one_line), mailbox.address.as_str())
}

/// Control characters have no place in a field.
fn one_line(text: &str) -> String {
    let blank = |c: char| if c.is_control() { ' ' } else { c };
    text.trim().chars().map(blank).collect()
}

/// Text with the line ends of mail, and without what no line may hold.
fn lines(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + text.len() / 32);
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\r' | '\n' => {
                if c == '\r' {
                    chars.next_if_eq(&'\n');
                }
                out.push_str("\r\n");
            }
            '\0' => {}
            c => out.push(c),
        }
    }
    if !out.is_empty() && !out.ends_with('\n') {
        out.push_str("\r\n");
    }
    out
}

/// The first ids and the last ones (RFC 5322 §3.6.4 sets no limit; header lines have one).
fn shortened(references: &[MessageId]) -> Vec<&str> {
    let most = limits::COMPOSED_REFERENCES_MAX;
    let skipped = references.len().saturating_sub(most);
    let is_kept = |place: usize| place == 0 || place > skipped || skipped == 0;
    let kept = references.iter().enumerate().filter(|(place, _)| is_kept(*place));
    kept.map(|(_, id)| id.as_str()).collect()
}

#[cfg(test)]
mod tests;
