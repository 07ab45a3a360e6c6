//! What a header says: the facts that decide where a mail belongs (RFC 5322 §3.6).
//!
//! What passes through: the fields of one message, each decoded once. Works on a header without its body.
//! Never fails on a field: what cannot be read is left out.

use model::{EmailAddress, Mailbox, MessageId, Timestamp, limits};

use crate::field::Field;
use crate::marks::Marks;
use crate::message::{self, Unreadable};
use crate::{addresses, date, header_decoder, subject, thread_index};

/// The header of one message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    /// Its Message-ID.
    pub message_id: Option<MessageId>,
    /// Who wrote it. Of several From fields the first that holds an address counts.
    pub from: Vec<Mailbox>,
    /// Who sent it on their behalf (RFC 5322 §3.6.2).
    pub sender: Option<Mailbox>,
    /// Where answers go.
    pub reply_to: Vec<Mailbox>,
    /// To whom it is addressed; of several fields all count, as resending programs add one.
    pub to: Vec<Mailbox>,
    /// Who gets a copy.
    pub cc: Vec<Mailbox>,
    /// Blind recipients, where a program left them in.
    pub bcc: Vec<Mailbox>,
    /// The subject, decoded and unfolded; empty where there is none. Not cut: the table does that.
    pub subject: String,
    /// When it was written.
    pub date: Option<Timestamp>,
    /// What it answers.
    pub in_reply_to: Vec<MessageId>,
    /// The conversation before it, oldest first: the first and the last half of [`limits::REFERENCES_MAX`].
    pub references: Vec<MessageId>,
    /// The conversation of Outlook, in hexadecimal (MS-OXOMSG §2.2.1.3).
    pub thread_index: Option<String>,
    /// `prioritycode`: 0 low, 1 normal, 2 high.
    pub priority: i32,
    /// How many Received fields it has; see [`limits::RECEIVED_MAX`].
    pub received_count: usize,
    /// Mailboxes it came through: Delivered-To, X-Original-To, Envelope-To, X-Sieve-Redirected-From, Resent-From.
    /// Anybody can write these: hints, no proof.
    pub delivered_to: Vec<EmailAddress>,
    /// Whether it was redirected or resent (RFC 5322 §3.6.6, or the mark of a Sieve server).
    pub redirected: bool,
    /// Whether a mailbox of Exchange or Gmail says that a rule of it passed this on.
    pub passed_on: bool,
    /// Whether it calls itself the report of a journal (MS-OXCMAIL names the field X-MS-Journal-Report). A claim.
    pub journal_report: bool,
    /// Whether its User-Agent is Thunderbird. A claim.
    pub by_thunderbird: bool,
    /// Signs of automatic, list, bulk and report mail.
    pub marks: Marks,
}

/// Reads the header of a message, or of the header section alone, without looking at a body.
///
/// # Errors
/// [`Unreadable::Empty`], [`Unreadable::NotAMessage`] and [`Unreadable::HeaderTooLong`].
pub fn read_header(raw: &[u8]) -> Result<Header, Unreadable> {
    Header::read(raw)
}

/// The fields of a message as they stand, and where its body begins: for whoever has to see whether another program reads
/// the same.
///
/// # Errors
/// Those of [`read_header`].
pub fn raw_fields(raw: &[u8]) -> Result<RawFields<'_>, Unreadable> {
    let (start, section) = message::section(raw)?;
    let fields = section.fields.iter().map(|field| (field.name, field.value)).collect();
    Ok(RawFields { fields, body_offset: start + section.body_offset })
}

/// See [`raw_fields`].
#[derive(Debug, PartialEq, Eq)]
pub struct RawFields<'x> {
    /// Name and value of each, without blanks at its ends.
    pub fields: Vec<(&'x str, &'x [u8])>,
    /// Bytes before the body.
    pub body_offset: usize,
}

impl<'x> RawFields<'x> {
    /// The values of the fields of this name, in any case.
    pub fn values(&self, name: &str) -> impl Iterator<Item = &'x [u8]> {
        self.fields.iter().filter(move |(field, _)| field.eq_ignore_ascii_case(name)).map(|(_, value)| *value)
    }
}

impl Header {
    /// The same as [`read_header`].
    ///
    /// # Errors
    /// [`Unreadable::Empty`], [`Unreadable::NotAMessage`] and [`Unreadable::HeaderTooLong`].
    pub fn read(header_bytes: &[u8]) -> Result<Self, Unreadable> {
        let (_, section) = message::section(header_bytes)?;
        Ok(Header::from_fields(&section.fields))
    }

    /// The author: the first of From, else Sender.
    pub fn author(&self) -> Option<&Mailbox> {
        self.from.first().or(self.sender.as_ref())
    }

    /// The author and the id of the mail that this is, where it looks like what Thunderbird's *Redirect* makes: the
    /// author stands in Reply-To, and the mail names itself alone, in References and In-Reply-To, under its own
    /// subject. Answers have a prefix, and where the mail itself was an answer nobody can tell the two apart.
    pub fn readdressed(&self) -> Option<(&Mailbox, &MessageId)> {
        let ([author], [id]) = (self.reply_to.as_slice(), self.in_reply_to.as_slice()) else { return None };
        let names_itself = self.references.as_slice() == [id.clone()];
        let is_answer = subject::kind(&self.subject) == subject::Kind::Answer;
        let is_from = self.from.iter().any(|from| from.address.key() == author.address.key());
        (self.by_thunderbird && names_itself && !is_answer && !is_from && !self.redirected)
            .then_some((author, id))
    }

    pub(crate) fn from_fields(fields: &[Field<'_>]) -> Self {
        let mut header = Header::empty();
        let mut subject = None;
        for field in fields {
            let name = field.name.to_ascii_lowercase();
            match name.as_str() {
                "subject" => subject = subject.or_else(|| Some(header_decoder::decode(field.value))),
                _ => header.take(&name, field),
            }
            header.marks.note(&name, field);
        }
        header.marks = header.marks.settled();
        header.subject = subject.unwrap_or_default();
        header
    }

    fn empty() -> Self {
        Header {
            message_id: None,
            from: Vec::new(),
            sender: None,
            reply_to: Vec::new(),
            to: Vec::new(),
            cc: Vec::new(),
            bcc: Vec::new(),
            subject: String::new(),
            date: None,
            in_reply_to: Vec::new(),
            references: Vec::new(),
            thread_index: None,
            priority: NORMAL,
            received_count: 0,
            delivered_to: Vec::new(),
            redirected: false,
            passed_on: false,
            journal_report: false,
            by_thunderbird: false,
            marks: Marks::default(),
        }
    }

    fn take(&mut self, name: &str, field: &Field<'_>) {
        let value = field.value;
        match name {
            "message-id" if self.message_id.is_none() => {
                self.message_id = MessageId::parse(&header_decoder::plain(value));
            }
            "from" if self.from.is_empty() => self.from = addresses::read(value),
            "sender" if self.sender.is_none() => self.sender = addresses::read(value).into_iter().next(),
            "reply-to" if self.reply_to.is_empty() => self.reply_to = addresses::read(value),
            "to" => append(&mut self.to, value),
            "cc" => append(&mut self.cc, value),
            "bcc" => append(&mut self.bcc, value),
            "date" if self.date.is_none() => self.date = date::read(value),
            "in-reply-to" if self.in_reply_to.is_empty() => self.in_reply_to = message_ids(value),
            "references" if self.references.is_empty() => self.references = message_ids(value),
            "thread-index" if self.thread_index.is_none() => {
                self.thread_index = thread_index::conversation(value);
            }
            "importance" | "x-priority" | "priority" | "x-msmail-priority" if self.priority == NORMAL => {
                self.priority = priority(value);
            }
            "received" => self.received_count += 1,
            "delivered-to" | "x-original-to" | "envelope-to" => self.came_through(value),
            "resent-from" | "x-sieve-redirected-from" => {
                self.redirected = true;
                self.came_through(value);
            }
            "resent-to" | "resent-date" | "resent-sender" | "resent-message-id" => self.redirected = true,
            "x-ms-exchange-inbox-rules-loop"
            | "x-ms-exchange-forwardingloop"
            | "x-forwarded-to"
            | "x-forwarded-for" => self.passed_on = true,
            "user-agent" => {
                self.by_thunderbird |= header_decoder::plain(value).to_lowercase().contains("thunderbird");
            }
            "x-ms-journal-report" => self.journal_report = true,
            _ => {}
        }
    }

    fn came_through(&mut self, value: &[u8]) {
        for mailbox in addresses::read(value) {
            if self.delivered_to.len() < limits::RECEIVED_MAX && !self.delivered_to.contains(&mailbox.address)
            {
                self.delivered_to.push(mailbox.address);
            }
        }
    }
}

const LOW: i32 = 0;
const NORMAL: i32 = 1;
const HIGH: i32 = 2;

fn append(list: &mut Vec<Mailbox>, value: &[u8]) {
    if list.len() < limits::PARTIES_MAX {
        list.extend(addresses::read(value));
        list.truncate(limits::PARTIES_MAX);
    }
}

/// The ids of In-Reply-To or References. Old programs write phrases between them (RFC 5322 §4.5.4), some
/// leave the angle brackets out.
pub(crate) fn message_ids(value: &[u8]) -> Vec<MessageId> {
    let text = header_decoder::plain(value);
    let all: Vec<&str> = match text.contains('<') {
        true => text.split('<').skip(1).map(|id| id.split('>').next().unwrap_or_default()).collect(),
        false => text.split([' ', '\t', ',']).filter(|word| word.contains('@')).collect(),
    };
    let half = limits::REFERENCES_MAX / 2;
    let last = all.len().saturating_sub(half).max(half);
    let kept = all.iter().take(half).chain(all.iter().skip(last));
    let mut ids: Vec<MessageId> = Vec::new();
    for id in kept.filter_map(|id| MessageId::parse(id)) {
        if !ids.contains(&id) {
            ids.push(id);
        }
    }
    ids
}

/// Importance and Priority say it in words (RFC 2156 §5.3), X-Priority in numbers from 1, the highest, to 5.
fn priority(value: &[u8]) -> i32 {
    let text = header_decoder::plain(value).to_ascii_lowercase();
    match text.split([' ', '(', ';']).next().unwrap_or_default() {
        "high" | "urgent" | "highest" | "1" | "2" => HIGH,
        "low" | "non-urgent" | "lowest" | "4" | "5" => LOW,
        _ => NORMAL,
    }
}

#[cfg(test)]
mod tests;
