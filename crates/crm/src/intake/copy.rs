//! A copy: one arrival at one source for one organisation, and what becomes of it.

use std::net::IpAddr;
use std::sync::Arc;

use model::outcome::{Outcome, Reason};
use model::{EmailAddress, FolderRole, Id, Timestamp};
use store::Priority;

/// One arrival, as a door hands it over. It names only recipients of its organisation.
#[derive(Debug, Clone)]
pub struct Copy {
    /// The id that the door's ledger gives it.
    pub copyid: Id,
    /// Where it arrived.
    pub source: Source,
    /// When.
    pub arrived: Timestamp,
    /// Whether the envelope is known: else nobody can tell the null sender from none.
    pub has_envelope: bool,
    /// MAIL FROM; `None` for the null sender, and where there was no envelope.
    pub mail_from: Option<String>,
    /// RCPT TO, of this organisation alone.
    pub recipients: Vec<EnvelopeRecipient>,
    /// Who brought it.
    pub peer: Option<IpAddr>,
    /// The door's own `Received` field for it.
    pub trace: Option<String>,
    /// Whether the door vouches that From, where it is one of us, is true.
    pub proof: Proof,
    /// The message, as received.
    pub raw: Arc<[u8]>,
    /// Line ends other than CRLF were seen.
    pub has_bare_line_ends: bool,
}

/// One recipient of the envelope.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EnvelopeRecipient {
    /// The address as it was given.
    pub address: EmailAddress,
    /// What it leads to.
    pub source: Source,
    /// The user whose key stands in the address of a sink: whose mailbox it came from.
    pub user: Option<Id>,
}

impl Copy {
    /// Whether MAIL FROM was empty (RFC 5321 §4.5.5).
    pub fn has_null_sender(&self) -> bool {
        self.has_envelope && self.mail_from.is_none()
    }

    /// The users whose keys stand in the envelope, in its order.
    pub fn mailbox_users(&self) -> impl Iterator<Item = Id> {
        self.recipients.iter().filter_map(|recipient| recipient.user)
    }
}

/// Where a copy arrived.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// At a sink: mail handed on from our mailboxes.
    Sink(EmailAddress),
    /// At the address of a queue.
    Queue(EmailAddress),
    /// At a user's own address.
    User(EmailAddress),
    /// At the postmaster of a domain, who is nobody else (RFC 5321 §4.5.1): mail about the house, not of customers.
    Postmaster(EmailAddress),
    /// At the return path of a mail that went out from here; the address without its secret detail.
    Return(EmailAddress),
    /// By hand: *Track in CRM*.
    Track,
    /// Out of a mailbox's old mail, by the administrator's hand; the name of its file or folder.
    Mailbox(String),
    /// In a forward mailbox, which is a sink at another mail server; its name.
    Forward(String),
    /// In a folder of a user's own mailbox, which is only looked at; the mailbox's name.
    Synced(String, FolderRole),
    /// Nowhere: it was written here, and is to go out.
    Outbox,
}

impl Source {
    /// The name under which it is accounted for.
    pub fn name(&self) -> String {
        match self {
            Source::Sink(address) => format!("sink:{address}"),
            Source::Queue(address) => format!("queue:{address}"),
            Source::User(address) => format!("user:{address}"),
            Source::Postmaster(address) => format!("postmaster:{address}"),
            Source::Return(address) => format!("return:{address}"),
            Source::Track => "track".to_owned(),
            Source::Mailbox(name) => format!("track:{name}"),
            Source::Forward(name) | Source::Synced(name, _) => format!("mailbox:{name}"),
            Source::Outbox => "outbox".to_owned(),
        }
    }

    /// Its kind, as its name begins.
    pub fn kind(&self) -> &'static str {
        match self {
            Source::Sink(_) => "sink",
            Source::Queue(_) => "queue",
            Source::User(_) => "user",
            Source::Postmaster(_) => "postmaster",
            Source::Return(_) => "return",
            Source::Track | Source::Mailbox(_) => "track",
            Source::Forward(_) | Source::Synced(..) => "mailbox",
            Source::Outbox => "outbox",
        }
    }

    /// The source that is accounted for under a name.
    pub fn named(name: &str) -> Option<Self> {
        match name {
            "track" => return Some(Source::Track),
            "outbox" => return Some(Source::Outbox),
            _ => {}
        }
        let (kind, rest) = name.split_once(':')?;
        Some(match kind {
            "sink" => Source::Sink(EmailAddress::parse(rest)?),
            "queue" => Source::Queue(EmailAddress::parse(rest)?),
            "user" => Source::User(EmailAddress::parse(rest)?),
            "postmaster" => Source::Postmaster(EmailAddress::parse(rest)?),
            "return" => Source::Return(EmailAddress::parse(rest)?),
            "track" => Source::Mailbox(rest.to_owned()),
            "mailbox" => Source::Forward(rest.to_owned()),
            _ => return None,
        })
    }

    /// Whether somebody put it in, and no mail server: there was no envelope.
    pub fn is_by_hand(&self) -> bool {
        matches!(self, Source::Track | Source::Mailbox(_))
    }

    /// Whether mailboxes hand on to it what came to them.
    pub fn is_sink(&self) -> bool {
        matches!(self, Source::Sink(_) | Source::Forward(_))
    }

    /// Whether it lies in a mailbox that is watched, whose ledger knows it.
    pub fn is_polled(&self) -> bool {
        matches!(self, Source::Forward(_) | Source::Synced(..))
    }

    /// What waits: a sender at a door never does for mail that lay for years, or lies safe in a mailbox.
    pub fn priority(&self) -> Priority {
        let lies_safe = self.is_polled() || matches!(self, Source::Mailbox(_));
        if lies_safe { Priority::Background } else { Priority::Intake }
    }

    /// Whether originals may be taken out of forwards that arrive here (a sink, or a person's own hand).
    pub fn unwraps(&self) -> bool {
        self.is_sink() || *self == Source::Track
    }
}

/// What vouches for the sender of a copy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Proof {
    /// Nothing: From is a claim.
    None,
    /// It came from a network that refuses our own domains from outside.
    Network,
    /// The peer has proven a credential of this user's own, so From is believed where it is this user.
    User(Id),
    /// It lay in a mailbox of ours, given by the administrator's hand; the filters are asked all the same.
    Mailbox,
    /// One of us put it in by hand.
    Hand,
}

impl Proof {
    /// The number under which it is kept with mail that is set aside.
    pub(crate) fn code(self) -> i32 {
        match self {
            Proof::None => 0,
            Proof::Network => 1,
            Proof::User(_) => 2,
            Proof::Mailbox => 3,
            Proof::Hand => 4,
        }
    }

    /// The user whose credential it is.
    pub(crate) fn user(self) -> Option<Id> {
        if let Proof::User(id) = self { Some(id) } else { None }
    }

    /// The proof that was kept.
    pub(crate) fn kept(code: i32, user: Option<Id>) -> Self {
        match (code, user) {
            (1, _) => Proof::Network,
            (2, Some(user)) => Proof::User(user),
            (3, _) => Proof::Mailbox,
            (4, _) => Proof::Hand,
            _ => Proof::None,
        }
    }
}

/// What became of one original.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OriginalReceipt {
    /// Its outcome.
    pub outcome: Outcome,
    /// Why.
    pub reason: Reason,
    /// The e-mail it became or is.
    pub email: Option<Id>,
}

/// What became of a copy, after the commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receipt {
    /// The copy.
    pub copyid: Id,
    /// Its originals, in order.
    pub originals: Vec<OriginalReceipt>,
}

impl Receipt {
    /// That of a mail which was written here and is in the outbox already.
    pub(super) fn of_sent(copyid: Id, email: Id) -> Self {
        let original =
            OriginalReceipt { outcome: Outcome::Stored, reason: Reason::Composed, email: Some(email) };
        Receipt { copyid, originals: vec![original] }
    }

    /// Whether nothing of it was there any more. Where it is there after all it is decided about.
    pub fn has_vanished(&self) -> bool {
        self.originals.iter().all(|original| original.reason == Reason::Vanished)
    }

    /// Whether its server did not give it. Where it is had after all it is decided about.
    pub fn was_not_given(&self) -> bool {
        self.originals.iter().all(|original| original.reason == Reason::Unfetchable)
    }

    /// The copy's outcome: the gravest of its originals'.
    pub fn outcome(&self) -> Outcome {
        self.originals.iter().map(|original| original.outcome).max().unwrap_or(Outcome::Undeliverable)
    }
}
