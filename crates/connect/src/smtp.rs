//! SMTP, as far as mail is handed to a relay by it (RFC 5321, our own, as IMAP is); [`lmtp`](crate::lmtp) is the same session
//! with another greeting, and a reply for each recipient.
//!
//! What passes through: [`Smtp::open`] makes a session of a target and a login; through it mails go out one after the other,
//! and what the server says of each recipient comes back. Read it as `reply` (bytes), `session` (commands and their
//! replies), `sign_in`, `text` (a mail as it travels), `transaction` (one mail).
//!
//! *Invariant:* a mail counts as taken only where the server said so after all of it, and as not taken only where its end
//! was never sent or the server refused it; between the two it is uncertain, and said to be. What is in an envelope never
//! becomes a command, and no bare CR or LF leaves.

mod envelope;
mod extensions;
pub mod reply;
#[cfg(test)]
pub(crate) mod script;
mod session;
mod sign_in;
#[cfg(test)]
mod tests;
mod text;
mod transaction;

use std::future::Future;

pub use crate::sasl::NONCE_BYTES;
pub use envelope::{Envelope, Notify, Occasion, Recipient, Reports, Returned, is_plain};
pub use extensions::Extensions;
pub use reply::Reply;
pub use text::is_clean;

use crate::error::ConnectError;
pub(crate) use session::{Manner, Session};

/// An open session with a server, signed in. One task owns it, and gives it one mail after the other.
pub struct Smtp {
    session: Session,
}

/// How we greet.
#[derive(Debug, Clone, Copy)]
pub struct Hello<'h> {
    /// Our name: a domain, or an address in brackets (RFC 5321 §4.1.4).
    pub name: &'h str,
    /// Random bytes for this one session.
    pub nonce: &'h [u8; NONCE_BYTES],
}

/// A mail on its way out.
#[derive(Debug, Clone, Copy)]
pub struct Outgoing<'m> {
    /// Who sends it, and to whom.
    pub envelope: &'m Envelope,
    /// Header and body. Every line ends with CRLF.
    pub raw: &'m [u8],
}

/// What became of a mail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sent {
    /// One for each recipient, in their order: its own refusal, else what was said of the whole. Positive is taken.
    pub recipients: Vec<Reply>,
}

/// A mail whose transaction broke off. The session is over.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{error}")]
pub struct SendFailure {
    /// What went wrong.
    pub error: ConnectError,
    /// One for each recipient, in their order: what is certain already.
    pub recipients: Vec<Option<Reply>>,
    /// Whether the server may have the mail for those of whom nothing is certain: its end was on the way.
    pub is_uncertain: bool,
}

impl Smtp {
    /// What the server said that it can do.
    pub fn can(&self) -> &Extensions {
        &self.session.can
    }

    /// Whether there may be another mail in this session: it broke off, the server took its leave, or it takes no more
    /// mails at a time (RFC 9422).
    pub fn has_ended(&self) -> bool {
        self.session.has_ended()
    }

    /// Sends a mail. `may_end` is asked when all but its end has been sent, or nothing of a small one; where it says no,
    /// the connection is dropped, and the server has nothing. What the server surely cannot take is not sent, and has a reply of ours
    /// ([`Reply::is_ours`]).
    ///
    /// # Errors
    /// [`SendFailure`], where the session ended on the way. Refusals are none. Where this future is dropped before
    /// `may_end` was asked, the server has nothing.
    pub async fn send<F: Future<Output = bool>>(
        &mut self,
        mail: &Outgoing<'_>,
        may_end: impl FnOnce() -> F,
    ) -> Result<Sent, SendFailure> {
        self.session.transact(mail, may_end).await
    }

    /// Takes leave.
    pub async fn close(self) {
        self.session.quit().await;
    }
}
