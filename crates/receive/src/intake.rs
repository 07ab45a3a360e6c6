//! The seam between the door and the house: what the door asks, and what it is answered.
//!
//! What passes through: a recipient address out, a [`Welcome`] back; a whole message out, one
//! [`Answer`] per recipient back.
//!
//! *Invariant:* these types know neither sockets nor storage; who implements [`Intake`] decides.

use std::future::Future;
use std::net::IpAddr;

use model::Id;

use crate::auth::scram::Verifier;
use crate::body::Body;

/// What the door asks of the house. The door decides nothing itself.
pub trait Intake: Send + Sync + 'static {
    /// What a welcome found out about the recipient, handed back with the message so that it need
    /// not be looked up twice.
    type Recipient: Send + 'static;

    /// Whether this address is ours and this peer may write to it. Asked at RCPT, on the thread that
    /// serves connections: one look-up, no waiting.
    ///
    /// `mail_from` is `None` for the null sender `<>`, and may be no address at all. `recipient` is the address as
    /// the peer wrote it, without a source route; `postmaster` may stand without a domain (RFC 5321 §4.5.1).
    fn welcome(&self, peer: &Peer, mail_from: Option<&str>, recipient: &str) -> Welcome<Self::Recipient>;

    /// The credential of this name, which a peer offers to prove with AUTH; `None` where there is none. Asked on
    /// the thread that serves connections: one look-up, no waiting.
    ///
    /// # Errors
    /// [`TryLater`], where it cannot be said now.
    fn credential(&self, name: &str) -> Result<Option<Credential>, TryLater>;

    /// Takes a message in, for all its recipients. Resolves only after it is kept durably, because
    /// the peer forgets the message on a positive answer.
    ///
    /// Gives one answer per recipient, in their order; a missing one counts as
    /// [`Answer::TryAgain`]. When the house stops, the future may be dropped before it resolves.
    fn take(&self, message: Arrived<Self::Recipient>) -> impl Future<Output = Vec<Answer>> + Send;
}

/// Who is at the other end of a connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Peer {
    /// The network address; IPv4 never in its IPv6-mapped form.
    pub address: IpAddr,
    /// What the peer called itself in HELO, EHLO or LHLO. Unproven.
    pub helo: String,
    /// Whether the connection is encrypted.
    pub tls: bool,
    /// How the peer greeted.
    pub protocol: Protocol,
    /// The credential whose secret the peer has proven to know (RFC 4954).
    pub credential: Option<Id>,
}

/// A credential as the house keeps it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Credential {
    /// Its id.
    pub id: Id,
    /// What checks its secret.
    pub verifier: Verifier,
}

/// It cannot be said now; the same question may be answered later.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TryLater;

/// The protocol spoken, by the greeting that opened it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    /// HELO: SMTP without extensions (RFC 5321 §4.1.1.1).
    Smtp,
    /// EHLO: SMTP with extensions.
    Esmtp,
    /// LHLO: LMTP (RFC 2033), one answer per recipient.
    Lmtp,
}

/// The answer to RCPT.
#[derive(Debug)]
pub enum Welcome<R> {
    /// The recipient is ours, with what the intake wants to remember of it.
    Yes(R),
    /// It is refused.
    No(Refusal),
}

/// Why a recipient is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// No such address here: 550 5.1.1; to a stranger the same as the next.
    Unknown,
    /// The address exists, this peer may not write to it: 550 5.7.1. A stranger (see
    /// [`crate::DoorSettings::trusts`]) does not learn that it exists.
    NotAllowedToWrite,
    /// It cannot be said now: 451 4.3.0.
    TryLater,
}

impl Refusal {
    /// Whether the same question may be answered otherwise later.
    pub fn is_temporary(self) -> bool {
        matches!(self, Refusal::TryLater)
    }
}

/// A message that arrived whole, with its envelope.
#[derive(Debug)]
pub struct Arrived<R> {
    /// Who brought it.
    pub peer: Peer,
    /// The envelope sender; `None` is the null sender `<>` of reports (RFC 5321 §4.5.5). It may be no address
    /// at all, such as `root`; then it holds no blank, bracket or control character.
    pub mail_from: Option<String>,
    /// The recipients that were welcomed, in the order of their RCPT commands; at least one.
    pub recipients: Vec<(String, R)>,
    /// The message as received, dots unstuffed, without our own trace field; at most the message size
    /// of the settings.
    pub raw: Body,
    /// Our own `Received` field (RFC 5321 §4.4) with its CRLF, kept beside the message.
    pub trace_header: String,
    /// Whether `raw` holds CR without LF or LF without CR. They are kept as they came.
    pub bare_line_ends: bool,
    /// Whether the peer declared SMTPUTF8 (RFC 6531): addresses and header may be UTF-8.
    pub smtputf8: bool,
    /// Whether the peer declared BODY=8BITMIME (RFC 6152).
    pub body_8bit: bool,
}

/// What becomes of a message for one recipient. Texts may be shown to strangers: no addresses, no
/// reasons that tell about the inside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// It is kept; the text names it for later questions: 250.
    Accepted(String),
    /// It is not kept, the peer shall bring it again: 451.
    TryAgain(String),
    /// It is not kept and never will be. Over SMTP it reaches the peer only when all recipients are
    /// refused, because a mail that was redirected to us would bounce to the customer.
    Refused {
        /// A reply code from 500 to 599; another counts as 554.
        code: u16,
        /// An enhanced code of class 5 (RFC 3463).
        enhanced: &'static str,
        /// A sentence for the peer.
        text: String,
    },
}
