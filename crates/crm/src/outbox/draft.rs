//! What a person wants to send: to whom, what, how, in which conversation, and when.

use message::compose::{Automatic, Importance};
use model::decision::RecordRef;
use model::{EmailAddress, Id, Mailbox, Timestamp};

use super::queue::{BULK, PERSONAL};

/// A mail to be sent.
#[derive(Debug, Clone)]
pub struct Draft {
    /// Who writes, and to whom.
    pub who: Who,
    /// What it says.
    pub what: What,
    /// How it travels.
    pub how: How,
    /// Where it belongs.
    pub about: About,
    /// Not before then.
    pub due: Option<Timestamp>,
    /// Under one key of the caller's choice a mail is sent once, however often this is called.
    pub key: Option<String>,
    /// The e-mail that it was kept as: where that is a draft of its author still, it is sent in its place.
    pub kept_as: Option<Id>,
}

/// Who writes, and to whom.
#[derive(Debug, Clone)]
pub struct Who {
    /// The user who writes; nobody where it is the administrator's command. Users write as themselves, and as queues that
    /// they are let.
    pub author: Option<Id>,
    /// The address of a user or a queue of the organization.
    pub from: EmailAddress,
    /// To whom.
    pub to: Vec<Recipient>,
    /// Who else is to see it.
    pub cc: Vec<Recipient>,
    /// Who else is to see it, unseen by the others.
    pub bcc: Vec<Recipient>,
}

/// Somebody a mail is written to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recipient {
    /// The name and the address.
    pub mailbox: Mailbox,
    /// The record that is meant, where somebody chose one. It has to have the address.
    pub record: Option<RecordRef>,
}

impl From<Mailbox> for Recipient {
    fn from(mailbox: Mailbox) -> Self {
        Recipient { mailbox, record: None }
    }
}

/// What a mail says.
#[derive(Debug, Clone, Default)]
pub struct What {
    /// Its subject.
    pub subject: String,
    /// The tracking token that its subject gets, as [`tracking_token`](super::tracking_token) gave it; else one is drawn where the
    /// organization wants that.
    pub token: Option<String>,
    /// Its text; where it is empty and there is HTML, it is made of that.
    pub text: String,
    /// Its HTML. It is cleaned as a page is.
    pub html: Option<String>,
    /// What is attached.
    pub files: Vec<File>,
}

/// Something that is attached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File {
    /// Its name.
    pub name: String,
    /// Its type; see [`message::compose::media_type`].
    pub mimetype: String,
    /// By which name the HTML shows it behind `cid:`, where it is a picture.
    pub content_id: Option<String>,
    /// What it holds.
    pub bytes: Vec<u8>,
}

/// How a mail travels.
#[derive(Debug, Clone, Copy, Default)]
pub struct How {
    /// How much it matters.
    pub importance: Importance,
    /// Whether whoever reads it is asked to say so (`readreceiptrequested`).
    pub wants_read_receipt: bool,
    /// Whether the last mail server is asked to say that it was delivered (`deliveryreceiptrequested`).
    pub wants_delivery_receipt: bool,
    /// Whether a program wrote it.
    pub automatic: Automatic,
}

/// Where a mail belongs.
#[derive(Debug, Clone, Default)]
pub struct About {
    /// The e-mail that it answers or carries on.
    pub earlier: Option<Earlier>,
    /// The record that it is about; else that of the conversation.
    pub regarding: Option<RecordRef>,
}

/// An earlier e-mail, and what is done with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Earlier {
    /// It is answered.
    Answered(Id),
    /// It is carried on to others: the mail stands in its conversation, and is no answer.
    Forwarded(Id),
}

impl Earlier {
    /// The e-mail that is meant.
    pub fn email(self) -> Id {
        match self {
            Earlier::Answered(id) | Earlier::Forwarded(id) => id,
        }
    }
}

impl Draft {
    /// A draft that says nothing yet, by this address.
    pub fn by(from: EmailAddress) -> Self {
        Draft {
            who: Who { author: None, from, to: Vec::new(), cc: Vec::new(), bcc: Vec::new() },
            what: What::default(),
            how: How::default(),
            about: About::default(),
            due: None,
            key: None,
            kept_as: None,
        }
    }

    /// Who goes first: what a person wrote, or what programs write and send to many.
    pub(super) fn lane(&self) -> i32 {
        if self.how.automatic == Automatic::No { PERSONAL } else { BULK }
    }

    /// The sender in the envelope. RFC 3834 §3.3: what answers by itself is answered by nobody, and no bounce of it makes a loop.
    pub(super) fn mail_from(&self) -> Option<&EmailAddress> {
        Some(&self.who.from).filter(|_| self.how.automatic != Automatic::Replied)
    }
}

impl Who {
    /// Everybody it is written to, in order.
    pub fn recipients(&self) -> impl Iterator<Item = &Recipient> {
        self.to.iter().chain(&self.cc).chain(&self.bcc)
    }
}
