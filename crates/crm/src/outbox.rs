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
mod pre_send;
mod preview;
mod pulling;
mod queue;
mod relays;
pub(crate) mod returns;
mod send_as;
mod sent_copies;
mod settle;
mod shares;
mod shown;
mod signature;
mod subject_tokens;
pub mod suppression;
mod turns;
mod ways;
mod withheld;
mod writing;

use std::sync::Arc;

use model::schema::emails::{Email, STATUS_CANCELED, STATUS_DRAFT, STATUS_PENDING_SEND, STATUS_SENDING};
use model::schema::intake::OriginalOutcome;
use model::schema::outbox::{OutboxMail, OutboxRecipient};
use model::{EmailAddress, Id, Moment, Timestamp, limits};
use store::{Organization, Read, StoreError};

use crate::CrmError;
use crate::intake::outgoing;

pub use answers::{Answer, AnswerKind, answer, record_named};
pub use draft::{About, Draft, Earlier, File, How, Recipient, What, Who};
pub use drafts::{
    SendEmail, Unsaid, change_draft, discard_draft, draft, drafts_of, keep_draft, save_draft, send_email,
    take_back, unsaid, would_be,
};
pub use message::compose::{Automatic, Importance};
pub use model::attempt::{Reply as RecipientReply, Tried};
pub use outside::{OUTSIDE, Reported, Ticket, add_outside, begun, report};
pub use pace::{
    AWAY_MAX, Change, Place, all_limits, give_back_places, places, set_limit, share_of, take_share,
    to_domains,
};
pub use pre_send::{Fields, PreSendAnswer, note_pre_send, rewritten};
pub use preview::{Preview, preview};
pub use pulling::{Handed, Pull, Pulled, background_send};
pub use queue::{BULK, Claimed, Loaded, PERSONAL, Wanted, claim, free, held, let_go, load, renew};
pub use relays::{
    LMTP, NewRelay, PICKUP, PROGRAM, RELAY_KINDS, Relay, SMTP, add_relay, is_way_out, lead_back, relay,
    relays, set_relay,
};
pub use send_as::{senders, set_send_as};
pub use sent_copies::{SentCopy, SentMail, sent_mail, settle_sent_copy, take_sent_copy, waiting_sent_copies};
pub use settle::{
    Ends, Settled, Written, cancel, move_waiting, note_untaken, retry, retry_by, untaken, write_down,
};
pub use shown::{Shown, Standing, Whose, shown, shown_one, troubles};
pub use signature::{Signature, set_signature, signature};
pub use subject_tokens::{DIGITS as TOKEN_DIGITS, tracking_token};
pub use ways::{WayOf, Ways, set_way, way_named, ways};

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
    let kept = drafts::kept(organization, &draft)?;
    // The unit that writes the e-mail gives it the first id of its moment, or that of its draft.
    let id = kept.as_ref().map_or_else(|| moment.again().id(), |row| row.activityid);
    let (raw, mut outgoing) = written(organization, (draft, By::Outbox), (id, &moment))?;
    if let Some(row) = kept {
        drafts::in_place_of(row, &mut outgoing);
    }
    let wanted = (outgoing.subject.clone(), outgoing.recipients.clone());
    let receipt = outgoing::take_in(organization, (copyid, raw), outgoing, moment).await?;
    let email = receipt.originals.into_iter().find_map(|original| original.email);
    let email = email.ok_or(CrmError::Store(StoreError::Corrupt))?;
    let Some(key) = key else { return Ok(email) };
    match found_under(organization, (copyid, email), &wanted)? {
        Found::Same => Ok(email),
        Found::Another => Err(CrmError::Invalid(format!("another mail was sent under the key “{key}”"))),
        Found::TakenBack => Err(CrmError::Invalid(format!(
            "the mail that was sent under the key “{key}” was canceled: to send it after all, take another key"
        ))),
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

/// A key under which a mail goes out where a person sends it anew: the given one, or one after it where the mail under that
/// was canceled, taken back or discarded.
///
/// # Errors
/// [`CrmError::Invalid`] where the key is none, or was used up; [`CrmError::Store`] where the store cannot say.
pub fn open_key(organization: &Organization, key: &str) -> Result<String, CrmError> {
    for number in 1..=KEYS_MAX {
        let key = if number == 1 { key.to_owned() } else { format!("{key} {number}") };
        let copyid = keyed(&key)?;
        let is_new = organization.read(|read| Ok::<_, StoreError>(read.outcomes(copyid)?.is_empty()))?;
        if is_new || is_sent_under(organization, &key)? {
            return Ok(key);
        }
    }
    Err(CrmError::Invalid("this mail was sent and canceled too often".to_owned()))
}

/// Whether a mail was sent under a key, and not taken back since.
///
/// # Errors
/// [`CrmError::Invalid`] where the key is none; [`CrmError::Store`] where the store cannot say.
pub fn is_sent_under(organization: &Organization, key: &str) -> Result<bool, CrmError> {
    let copyid = keyed(key)?;
    let sent = organization.read(|read| {
        let email = read.outcomes(copyid)?.iter().find_map(|outcome| outcome.activityid);
        email.map(|email| sent_as(read, (copyid, email))).transpose()
    })?;
    Ok(sent.flatten().is_some())
}

/// Nobody sends one mail and takes it back so often.
const KEYS_MAX: usize = 50;

/// An e-mail as this copy of it goes out, or went. What was taken back and then sent again goes out as another copy: its row in the
/// outbox is of another unit than this copy's outcome, and has the time of that. One without an outcome was sent at this moment.
fn sent_as(read: &Read<'_>, (copyid, email): (Id, Id)) -> Result<Option<Email>, StoreError> {
    let mail = read.outbox_mail(email)?;
    let is_of =
        |outcome: &OriginalOutcome| mail.as_ref().is_some_and(|mail| mail.createdon == outcome.createdon);
    let is_this = read.outcomes(copyid)?.iter().all(is_of);
    Ok(read.email(email)?.filter(|row| is_this && !is_taken_back(row)))
}

fn is_taken_back(email: &Email) -> bool {
    [STATUS_CANCELED, STATUS_DRAFT].contains(&email.statuscode)
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
        By::Outbox => Some(ways::way_of(organization, &draft.who.from)?),
        By::OtherMeans => None,
    };
    let outgoing = outgoing::Outgoing {
        mail_from: draft.mail_from().cloned(),
        recipients,
        lane: draft.lane(),
        relay,
        due: draft.due.unwrap_or(moment.now).max(moment.now),
        delayed: draft.due,
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

/// What was sent under a key.
enum Found {
    /// What is wanted now.
    Same,
    /// Another mail.
    Another,
    /// It does not go out any more.
    TakenBack,
}

fn found_under(
    organization: &Organization,
    (copyid, email): (Id, Id),
    (subject, recipients): &(String, Vec<EmailAddress>),
) -> Result<Found, CrmError> {
    let (sent, rows) = organization.read(|read| {
        Ok::<_, StoreError>((sent_as(read, (copyid, email))?, read.outbox_recipients(email)?))
    })?;
    let is_same = |(row, wanted): (&OutboxRecipient, &EmailAddress)| row.address == wanted.as_str();
    let Some(sent) = sent else { return Ok(Found::TakenBack) };
    let had = (sent.subject.as_str(), sent.trackingtoken.as_deref());
    let has_subject = subject_tokens::is_subject(organization, had, subject)?;
    let is_whole = rows.len() == recipients.len() && rows.iter().zip(recipients).all(is_same);
    Ok(if is_whole && has_subject { Found::Same } else { Found::Another })
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
