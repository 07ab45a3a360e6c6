//! Mail that goes out: written, put into the outbox, taken to a relay, settled recipient by recipient.
//!
//! ```text
//! Draft ─▶ compose ─▶ intake (one unit: e-mail, parties, outbox) ─▶ claim ─▶ room send ─▶ settle ─▶ Sent · waits · Failed
//! ```
//!
//! *Invariant:* a mail goes out only after the commit that put it on its record. Whoever has claimed it asks
//! [`write_down`] just before the end of its data: what was asked so and got no answer is uncertain, and is told apart from
//! what certainly did not go.

mod answer_address;
mod answers;
mod draft;
mod drafts;
pub(crate) mod opt_outs;
mod outside;
mod pace;
mod preview;
mod queue;
mod relays;
pub(crate) mod returns;
mod send_as;
mod settle;
mod shown;
mod subject_tokens;
pub mod suppression;
mod turns;
mod withheld;
mod writing;

use std::sync::Arc;

use model::schema::emails::{Email, STATUS_PENDING_SEND, STATUS_SENDING};
use model::schema::outbox::{OutboxMail, OutboxRecipient};
use model::{EmailAddress, Id, Moment, Timestamp, limits};
use store::{Organization, StoreError};

use crate::CrmError;
use crate::intake::outgoing;

pub use answers::{Answer, AnswerKind, answer, record_named};
pub use draft::{About, Draft, Earlier, File, How, Recipient, What, Who};
pub use drafts::{SendEmail, change_draft, discard_draft, draft, save_draft, send_email, take_back};
pub use message::compose::{Automatic, Importance};
pub use outside::{OUTSIDE, Pull, Pulled, Reported, Ticket, add_outside, background_send, begun, report};
pub use pace::{Change, Place, all_limits, give_back_places, places, set_limit, take_share};
pub use preview::{Preview, preview};
pub use queue::{BULK, Claimed, Loaded, PERSONAL, Wanted, claim, free, held, let_go, load, renew};
pub use relays::{NewRelay, Relay, SMTP, add_relay, lead_back, relay, relays, set_relay};
pub use send_as::{senders, set_send_as};
pub use settle::{Ends, RecipientReply, Settled, Tried, Written, cancel, retry, write_down};
pub use shown::{Shown, Standing, Whose, shown, shown_one, troubles};
pub use subject_tokens::{DIGITS as TOKEN_DIGITS, tracking_token};

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
    let key = draft.key.clone();
    let copyid = key.as_deref().map(keyed).transpose()?.unwrap_or(copyid);
    // The unit that writes the e-mail gives it the first id of its moment.
    let (raw, outgoing) = written(organization, (draft, By::Outbox), (moment.again().id(), &moment))?;
    let wanted = (outgoing.subject.clone(), outgoing.recipients.clone());
    let receipt = outgoing::take_in(organization, (copyid, raw), outgoing, moment).await?;
    let email = receipt.originals.into_iter().find_map(|original| original.email);
    let email = email.ok_or(CrmError::Store(StoreError::Corrupt))?;
    match key {
        Some(key) if !is_that_mail(organization, email, &wanted)? => {
            Err(CrmError::Invalid(format!("another mail was sent under the key “{key}”")))
        }
        _ => Ok(email),
    }
}

/// By which means a mail goes out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum By {
    /// The outbox.
    Outbox,
    /// Others: it is noted as sent.
    OtherMeans,
}

/// A draft as it travels, and how it goes out. The draft is let go of before the bytes are shared: a mail of fifty megabytes
/// is never here three times.
fn written(
    organization: &Organization,
    (mut draft, by): (Draft, By),
    (email, moment): (Id, &Moment),
) -> Result<(Arc<[u8]>, outgoing::Outgoing), CrmError> {
    let recipients = writing::recipients(&draft)?;
    if by == By::Outbox {
        suppression::refuse(organization, &recipients)?;
    }
    let subject = draft.what.subject.clone();
    let token = subject_tokens::put(organization, &mut draft.what, email)?;
    let raw = writing::write(organization, &draft, (email, moment))?;
    let relay = match by {
        By::Outbox => Some(relays::default(organization)?.emailserverprofileid),
        By::OtherMeans => None,
    };
    let outgoing = outgoing::Outgoing {
        mail_from: draft.mail_from().cloned(),
        recipients,
        lane: draft.lane(),
        relay,
        due: draft.due.unwrap_or(moment.now).max(moment.now),
        draft: None,
        owner: draft.who.author,
        subject,
        token,
        chosen: writing::chosen(organization, &draft)?,
        continues: draft.about.earlier.map(Earlier::email),
        regarding: draft.about.regarding,
        receipts: (draft.how.wants_read_receipt, draft.how.wants_delivery_receipt),
    };
    drop(draft);
    Ok((raw.into(), outgoing))
}

/// The status of an e-mail as it is shown: *Sending* while a node has it. It is not written so, for each mail would cost one
/// more change of its row each time that it is tried.
pub fn shown_status(email: &Email, mail: Option<&OutboxMail>) -> i32 {
    let is_on_its_way = mail.is_some_and(|mail| mail.waitsin.is_some() && mail.owner.is_some());
    if is_on_its_way && email.statuscode == STATUS_PENDING_SEND { STATUS_SENDING } else { email.statuscode }
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
    let Some(sent) = sent else { return Ok(false) };
    let had = (sent.subject.as_str(), sent.trackingtoken.as_deref());
    let has_subject = subject_tokens::is_subject(organization, had, subject)?;
    Ok(has_subject && rows.len() == recipients.len() && rows.iter().zip(recipients).all(is_same))
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
