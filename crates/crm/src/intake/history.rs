//! Old mail, brought out of a mailbox by the administrator's hand.
//!
//! What passes through: a mail and where it lies, into a copy whose id is made of both. Whoever brings the same
//! mail from the same place again brings the same copy, so an import that broke off is begun anew and goes on
//! where it was. Whose mailbox it was stands in the envelope, as if a rule had handed it on.

use std::sync::Arc;

use model::schema::people::SystemUser;
use model::{EmailAddress, Id, Timestamp};
use store::Organization;

use super::copy::{Copy, EnvelopeRecipient, Proof, Receipt, Source};
use super::deliver;
use crate::CrmError;

/// The mailbox that is brought.
#[derive(Debug, Clone)]
pub struct OldMailbox {
    /// The name under which its mail is accounted for: that of its file or folder.
    pub name: String,
    /// Whose it was, where that is known.
    pub user: Option<SystemUser>,
    /// Whether the filters of the recipients are asked; else all of it is kept, as what a person tracks is.
    pub is_filtered: bool,
}

/// One mail of it.
#[derive(Debug, Clone)]
pub struct OldMail {
    /// What its place in the mailbox is known by: the digest of a file and the byte in it, or of a name.
    pub key: [u8; 32],
    /// Its order among its neighbors: near ones get ids that are near, which the tables like.
    pub order: i64,
    /// The mail.
    pub raw: Arc<[u8]>,
    /// Line ends other than CRLF are in it.
    pub has_bare_line_ends: bool,
}

impl OldMailbox {
    /// The copy that a mail of this mailbox is.
    ///
    /// The bytes are part of its id: where a mailbox file was tidied, another mail lies at the old place. So are
    /// the user and the filter, for under another of them it is another question.
    pub fn copy(&self, mail: OldMail, now: Timestamp) -> Copy {
        let mut named = mail.key.to_vec();
        named.extend_from_slice(&message::identity::raw_digest(&mail.raw));
        named.extend_from_slice(&self.user.as_ref().map_or([0; 16], |user| user.systemuserid.0));
        named.push(u8::from(self.is_filtered));
        let digest = message::identity::raw_digest(&named);
        let mut random = [0; 10];
        random.iter_mut().zip(digest).for_each(|(byte, drawn)| *byte = drawn);
        Copy {
            copyid: Id::from_parts(Timestamp(mail.order.clamp(0, ORDER_MAX)), &random),
            source: Source::Mailbox(self.name.clone()),
            arrived: now,
            has_envelope: false,
            mail_from: None,
            recipients: self.recipient().into_iter().collect(),
            peer: None,
            trace: None,
            proof: if self.is_filtered { Proof::Mailbox } else { Proof::Hand },
            raw: mail.raw,
            has_bare_line_ends: mail.has_bare_line_ends,
        }
    }

    fn recipient(&self) -> Option<EnvelopeRecipient> {
        let user = self.user.as_ref()?;
        let address = EmailAddress::parse(&user.internalemailaddress)?;
        let source = Source::Mailbox(self.name.clone());
        Some(EnvelopeRecipient { address, source, user: Some(user.systemuserid) })
    }
}

/// An id has 48 bits for its time.
const ORDER_MAX: i64 = (1 << 48) - 1;

/// What became of this very copy before, where it was taken in already.
///
/// # Errors
/// When the books cannot be read.
pub fn earlier(organization: &Organization, copyid: Id) -> Result<Option<Receipt>, CrmError> {
    Ok(organization.read(|read| deliver::earlier_receipt(read, copyid))?)
}

/// Whether the books answer for a copy for good. What was ignored is decided about again when it is taken in again.
pub fn is_settled(copy: &Copy, before: &Receipt) -> bool {
    !deliver::is_asked_again(&copy.source, before)
}
