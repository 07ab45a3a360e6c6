//! Mail that goes out: written, put into the outbox, taken to a relay, settled recipient by recipient.
//!
//! ```text
//! Draft ─▶ compose ─▶ intake (one unit: e-mail, parties, outbox) ─▶ claim ─▶ room send ─▶ settle ─▶ Sent · waits · Failed
//! ```
//!
//! *Invariant:* a mail goes out only after the commit that put it on its record. Whoever has claimed it asks
//! [`may_end`] just before the end of its data: what was asked so and got no answer is uncertain, and is told apart from
//! what certainly did not go.

mod queue;
mod relays;
mod settle;
mod turns;

use std::sync::Arc;

use message::compose::{Letter, compose};
use model::decision::Entity;
use model::schema::outbox::OutboxRecipient;
use model::{EmailAddress, Id, Mailbox, MessageId, Moment, Timestamp, limits};
use store::{Organization, StoreError};

use crate::CrmError;
use crate::intake::{gather, outgoing};

pub use queue::{Loaded, PERSONAL, claim, free, load, may_end};
pub use relays::{NewRelay, Relay, SMTP, add_relay, lead_back, relay, relays, set_relay};
pub use settle::{RecipientReply, Settled, Tried, cancel, retry, settle};

/// A mail to be sent.
#[derive(Debug, Clone)]
pub struct Draft {
    /// Who writes: the address of a user or a queue of the organization.
    pub from: EmailAddress,
    /// To whom.
    pub to: Vec<Mailbox>,
    /// Who else is to see it.
    pub cc: Vec<Mailbox>,
    /// Who else is to see it, unseen by the others.
    pub bcc: Vec<Mailbox>,
    /// Its subject.
    pub subject: String,
    /// Its text.
    pub text: String,
    /// The e-mail that it answers.
    pub answers: Option<Id>,
    /// Not before then.
    pub due: Option<Timestamp>,
    /// Under one key of the caller's choice a mail is sent once, however often this is called.
    pub key: Option<String>,
}

/// Writes a mail, puts it on its records and into the outbox, and says, after the commit, which e-mail it is. `copyid` is
/// the copy that it is in the books, where the draft has no key.
///
/// # Errors
/// [`CrmError::Invalid`] where the draft cannot be sent as it is, in words; [`CrmError::NotFound`] where what it answers is
/// not here; [`CrmError::Store`]: nothing was kept.
pub async fn send(
    organization: &Arc<Organization>,
    draft: Draft,
    (copyid, moment): (Id, Moment),
) -> Result<Id, CrmError> {
    let recipients = recipients(&draft)?;
    let relay = relays::default(organization)?;
    let from = writer(organization, &draft.from)?;
    let thread = draft.answers.map(|email| thread(organization, email)).transpose()?.unwrap_or_default();
    let copyid = draft.key.as_deref().map(keyed).transpose()?.unwrap_or(copyid);
    // The unit that writes the e-mail gives it the first id of its moment: so the Message-ID carries the record.
    let message_id = own_id(moment.again().id(), &draft.from)?;
    let raw = compose(&Letter {
        to: &draft.to,
        cc: &draft.cc,
        bcc: &draft.bcc,
        subject: &draft.subject,
        text: &draft.text,
        in_reply_to: thread.last(),
        references: &thread,
        ..Letter::new(&message_id, moment.now, &from)
    });
    if raw.len() > limits::MESSAGE_BYTES_MAX {
        return Err(CrmError::Invalid("the mail is too large".to_owned()));
    }
    let due = draft.due.unwrap_or(moment.now).max(moment.now);
    let (key, wanted) = (draft.key, (draft.subject, recipients.clone()));
    let outgoing = outgoing::Outgoing {
        mail_from: draft.from,
        recipients,
        lane: PERSONAL,
        relay: relay.emailserverprofileid,
        due,
    };
    let receipt = outgoing::take_in(organization, (copyid, raw.into()), outgoing, moment).await?;
    let email = receipt.originals.into_iter().find_map(|original| original.email);
    let email = email.ok_or(CrmError::Store(StoreError::Corrupt))?;
    match key {
        Some(key) if !is_that_mail(organization, email, &wanted)? => {
            Err(CrmError::Invalid(format!("another mail was sent under the key “{key}”")))
        }
        _ => Ok(email),
    }
}

/// Whether what was sent under a key is what is wanted now.
fn is_that_mail(
    organization: &Organization,
    email: Id,
    (subject, recipients): &(String, Vec<EmailAddress>),
) -> Result<bool, CrmError> {
    let (sent, rows) = organization
        .read(|read| Ok::<_, StoreError>((read.email(email)?, read.outbox_recipients(email)?)))?;
    let is_same = |(row, wanted): (&OutboxRecipient, &EmailAddress)| row.address == wanted.as_str();
    let has_subject = sent.is_some_and(|sent| sent.subject.trim() == subject.trim());
    Ok(has_subject && rows.len() == recipients.len() && rows.iter().zip(recipients).all(is_same))
}

/// Everybody in the envelope, each once.
fn recipients(draft: &Draft) -> Result<Vec<EmailAddress>, CrmError> {
    let mut seen = std::collections::HashSet::new();
    let all = draft.to.iter().chain(&draft.cc).chain(&draft.bcc).map(|mailbox| &mailbox.address);
    let recipients: Vec<EmailAddress> = all.filter(|address| seen.insert(address.key())).cloned().collect();
    match recipients.len() {
        0 => Err(CrmError::Invalid("the mail has no recipient".to_owned())),
        count if count > limits::OUTBOX_RECIPIENTS_MAX => {
            let most = limits::OUTBOX_RECIPIENTS_MAX;
            Err(CrmError::Invalid(format!("a mail has at most {most} recipients, this one {count}")))
        }
        _ => Ok(recipients),
    }
}

/// Who writes, with his name.
fn writer(organization: &Organization, address: &EmailAddress) -> Result<Mailbox, CrmError> {
    let ours = organization.read(|read| gather::known_records(read, address))?;
    let writes = |entity: Entity| matches!(entity, Entity::SystemUser | Entity::Queue);
    let known = ours.into_iter().find(|known| writes(known.record.entity) && known.is_active);
    match known {
        Some(known) => {
            Ok(Mailbox { name: Some(known.name).filter(|name| !name.is_empty()), address: address.clone() })
        }
        None => Err(CrmError::Invalid(format!("{address} is no address of a user or a queue here"))),
    }
}

/// The ids of the conversation up to an e-mail, that one's last.
fn thread(organization: &Organization, email: Id) -> Result<Vec<MessageId>, CrmError> {
    let answered = organization.read(|read| read.email(email))?;
    let answered = answered.ok_or(CrmError::NotFound { what: "the e-mail to be answered" })?;
    let Some(own) = answered.messageid.as_deref().and_then(MessageId::parse) else { return Ok(Vec::new()) };
    let source = organization.blob(&answered.blobid)?;
    let before = message::read_header(&source).map(|header| match header.references.is_empty() {
        true => header.in_reply_to,
        false => header.references,
    });
    let mut ids = before.unwrap_or_default();
    ids.retain(|id| *id != own);
    ids.push(own);
    Ok(ids)
}

/// A Message-ID of our own. The domain is that of the writer, as for any client of his (RFC 5322 §3.6.4).
fn own_id(email: Id, from: &EmailAddress) -> Result<MessageId, CrmError> {
    let domain = from.domain_key();
    let text = format!("{email}.postroom{domain}");
    MessageId::parse(&text).ok_or_else(|| CrmError::Invalid(format!("{from} makes no Message-ID")))
}

/// The copy that a mail with a key is.
fn keyed(key: &str) -> Result<Id, CrmError> {
    let most = limits::NAME_CHARS_MAX;
    if key.trim().is_empty() || key.chars().count() > most {
        return Err(CrmError::Invalid(format!("a key has 1 to {most} characters")));
    }
    let digest = message::identity::raw_digest(format!("outbox key {key}").as_bytes());
    let mut random = [0; 10];
    random.iter_mut().zip(digest).for_each(|(byte, drawn)| *byte = drawn);
    let time = i64::from(u32::from_be_bytes([digest[10], digest[11], digest[12], digest[13]]));
    Ok(Id::from_parts(Timestamp(time), &random))
}
