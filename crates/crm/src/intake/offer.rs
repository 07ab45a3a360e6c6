//! What an original says of itself: `CheckIncoming`'s six values and the rest that helps to decide.

use crate::tokens::SentTo;
use message::bounce::Bounce;
use message::{Header, Marks};
use model::{EmailAddress, Id, Mailbox, MessageId, Timestamp};

/// The few details by which an original is checked, before and after its body is there.
///
/// The first six are those of Dynamics' `CheckIncomingEmail`; all others may be missing.
#[derive(Debug, Clone, Default)]
pub struct Offer {
    /// `Message-ID`.
    pub message_id: Option<MessageId>,
    /// `Subject`, decoded.
    pub subject: String,
    /// The first mailbox of `From`.
    pub from: Option<Mailbox>,
    /// Further authors: other mailboxes of `From`, and `Sender`.
    pub authors: Vec<Mailbox>,
    /// `To`.
    pub to: Vec<Mailbox>,
    /// `Cc`.
    pub cc: Vec<Mailbox>,
    /// `Bcc`, where a client left it in.
    pub bcc: Vec<Mailbox>,
    /// `Date`.
    pub date: Option<Timestamp>,
    /// `In-Reply-To`.
    pub in_reply_to: Vec<MessageId>,
    /// `References`, in order.
    pub references: Vec<MessageId>,
    /// The conversation part of `Thread-Index`.
    pub thread_index: Option<String>,
    /// Classic tracking tokens in the subject.
    pub tokens: Vec<String>,
    /// The subject without prefixes, tokens and case.
    pub canonical_subject: String,
    /// Automatic, list, report.
    pub marks: Marks,
    /// Message-IDs that a report returns.
    pub returned: Vec<MessageId>,
    /// Recipients that a report speaks of.
    pub reported: Vec<EmailAddress>,
    /// Whose return path it came to.
    pub returned_to: Option<SentTo>,
    /// The e-mail that it answers, as the word in an address that it came to says.
    pub answers: Option<Id>,
    /// What it tells about mail of ours, where it may be a report; `None` while only the header is known.
    pub bounce: Option<Bounce>,
    /// How many `Received` fields it carries.
    pub received_count: usize,
    /// Mailboxes that it was delivered to on its way.
    pub delivered_to: Vec<EmailAddress>,
    /// Who handed it in and to whom, as a journal says: the envelope it had inside.
    pub journal: Option<Envelope>,
    /// Whether it is known only as somebody quoted or readdressed it: dates and ids are those of a claim.
    pub is_guess: bool,
    /// The digest of its text; `None` while only the header is known.
    pub text_digest: Option<[u8; 16]>,
    /// The digest of its bytes; `None` while only the header is known.
    pub raw_digest: Option<[u8; 32]>,
}

/// An envelope inside an organisation's own mail system.
#[derive(Debug, Clone, Default)]
pub struct Envelope {
    /// The sender, known to that system; `None` where he has no address of the Internet.
    pub sender: Option<EmailAddress>,
    /// Whether it was the null sender.
    pub is_null_sender: bool,
    /// All recipients.
    pub recipients: Vec<EmailAddress>,
}

impl Offer {
    /// From a decoded header. The caller adds digests and returned ids where he has the body.
    pub fn of_header(header: &Header, token_prefixes: &[String]) -> Self {
        Offer {
            message_id: header.message_id.clone(),
            subject: header.subject.clone(),
            from: header.from.first().or(header.sender.as_ref()).cloned(),
            authors: header.from.iter().skip(1).chain(&header.sender).cloned().collect(),
            to: header.to.clone(),
            cc: header.cc.clone(),
            bcc: header.bcc.clone(),
            date: header.date,
            in_reply_to: header.in_reply_to.clone(),
            references: header.references.clone(),
            thread_index: header.thread_index.clone(),
            tokens: message::token::find(&header.subject, token_prefixes),
            canonical_subject: message::subject::canonical(&header.subject, token_prefixes),
            marks: header.marks,
            returned: Vec::new(),
            reported: Vec::new(),
            returned_to: None,
            answers: None,
            bounce: None,
            received_count: header.received_count,
            delivered_to: header.delivered_to.clone(),
            journal: None,
            is_guess: false,
            text_digest: None,
            raw_digest: None,
        }
    }

    /// Everybody it is written to, in the order of the header.
    pub fn recipients(&self) -> impl Iterator<Item = &Mailbox> {
        self.to.iter().chain(&self.cc).chain(&self.bcc)
    }

    /// Everybody on it: authors first, then the recipients.
    pub fn participants(&self) -> impl Iterator<Item = &EmailAddress> {
        self.from.iter().chain(&self.authors).chain(self.recipients()).map(|mailbox| &mailbox.address)
    }

    /// All Message-IDs it names, `In-Reply-To` first, each once.
    pub fn referenced(&self) -> Vec<(&MessageId, bool)> {
        let mut seen = Vec::new();
        let answered = self.in_reply_to.iter().map(|id| (id, true));
        let chain = self.references.iter().rev().map(|id| (id, false));
        for (id, is_in_reply_to) in answered.chain(chain) {
            if self.message_id.as_ref() != Some(id) && !seen.iter().any(|(known, _)| *known == id) {
                seen.push((id, is_in_reply_to));
            }
        }
        seen.truncate(model::limits::REFERENCES_MAX);
        seen
    }
}
