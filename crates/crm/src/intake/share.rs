//! One message, many recipients: each organisation gets a copy that names its own recipients alone.
//!
//! What is for its postmaster is a copy of its own: whatever becomes of the other, that one waits for a person. So is what
//! comes to a return path: it is about one mail, whoever else gets it.
//!
//! What passes through: an [`Arrival`] and the recipients that were welcomed, into a copy an organisation,
//! with the source it is accounted under and the proof it carries.

use std::net::IpAddr;
use std::sync::Arc;

use model::{Id, Timestamp};
use store::Organization;

use super::copy::{Copy, EnvelopeRecipient, Proof, Source};
use super::welcome::Recipient;

/// What all copies of one message have in common.
#[derive(Debug, Clone)]
pub struct Arrival {
    /// When it arrived.
    pub arrived: Timestamp,
    /// MAIL FROM; `None` for the null sender.
    pub mail_from: Option<String>,
    /// Who brought it.
    pub peer: Option<IpAddr>,
    /// The door's own `Received` field for it.
    pub trace: Option<String>,
    /// The message, as received.
    pub raw: Arc<[u8]>,
    /// Line ends other than CRLF were seen.
    pub has_bare_line_ends: bool,
}

/// The recipients of one message in one organization.
pub struct Share {
    /// The organisation.
    pub organization: Arc<Organization>,
    /// Their places among all recipients of the message.
    pub places: Vec<usize>,
    recipients: Vec<Recipient>,
}

/// Recipients by organization, in the order in which each was first named.
pub fn shares(recipients: Vec<Recipient>) -> Vec<Share> {
    let mut shares: Vec<Share> = Vec::new();
    for (place, recipient) in recipients.into_iter().enumerate() {
        match shares.iter_mut().find(|share| share.is_for(&recipient)) {
            Some(share) => {
                share.places.push(place);
                share.recipients.push(recipient);
            }
            None => {
                let organization = Arc::clone(&recipient.organization);
                shares.push(Share { organization, places: vec![place], recipients: vec![recipient] });
            }
        }
    }
    shares
}

impl Share {
    fn is_for(&self, recipient: &Recipient) -> bool {
        let is_postmaster =
            |recipient: &Recipient| matches!(recipient.envelope.source, Source::Postmaster(_));
        let is_return = |recipient: &Recipient| matches!(recipient.envelope.source, Source::Return(_));
        let goes_with = |first: &Recipient| {
            let is_about_the_same = first.envelope == recipient.envelope;
            is_postmaster(first) == is_postmaster(recipient)
                && (is_about_the_same || !(is_return(first) || is_return(recipient)))
        };
        self.organization.id() == recipient.organization.id()
            && self.recipients.first().is_some_and(goes_with)
    }

    /// The copy that this organization gets. It names none but its own recipients.
    pub fn copy(&self, arrival: &Arrival, copyid: Id) -> Copy {
        let mut recipients: Vec<EnvelopeRecipient> = Vec::with_capacity(self.recipients.len());
        for recipient in &self.recipients {
            if !recipients.contains(&recipient.envelope) {
                recipients.push(recipient.envelope.clone());
            }
        }
        Copy {
            copyid,
            source: self.source(),
            arrived: arrival.arrived,
            has_envelope: true,
            mail_from: arrival.mail_from.clone(),
            recipients,
            peer: arrival.peer,
            trace: arrival.trace.clone(),
            proof: self.proof(),
            raw: Arc::clone(&arrival.raw),
            has_bare_line_ends: arrival.has_bare_line_ends,
        }
    }

    /// Under which it is accounted for: a sink says most about a mail, a user's own address least.
    fn source(&self) -> Source {
        let rank = |source: &&Source| match source {
            Source::Sink(_) => 0,
            Source::Queue(_) => 1,
            Source::User(_) => 2,
            Source::Postmaster(_) => 3,
            Source::Return(_) => 4,
            Source::Track | Source::Mailbox(_) | Source::Forward(_) | Source::Synced(..) | Source::Outbox => {
                5
            }
        };
        let sources = self.recipients.iter().map(|recipient| &recipient.envelope.source);
        sources.min_by_key(rank).cloned().unwrap_or(Source::Track)
    }

    /// The weakest of all: one address that strangers may write to is enough to doubt From.
    fn proof(&self) -> Proof {
        let strength = |proof: &Proof| match proof {
            Proof::None => 0,
            Proof::User(_) => 1,
            Proof::Network | Proof::Mailbox | Proof::Hand => 2,
        };
        let proofs = self.recipients.iter().map(|recipient| recipient.proof);
        proofs.min_by_key(strength).unwrap_or(Proof::None)
    }
}
