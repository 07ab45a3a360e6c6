//! What became of a mail at its relay: recipients are settled one by one, and what is left waits for its next try.

use std::sync::Arc;

use model::decision::{Entity, RecordRef};
use model::schema::emails::{STATE_COMPLETED, STATE_OPEN, STATUS_FAILED, STATUS_PENDING_SEND, STATUS_SENT};
use model::schema::outbox::{OutboxMail, OutboxRecipient};
use model::{Id, Moment, Timestamp, limits};
use store::{Organization, Priority, StoreError, Tx};

use super::queue::{PERSONAL, WAITING};
use crate::CrmError;
use crate::records::note;

const SENT: i32 = 1;
const FAILED: i32 = 2;
const UNCERTAIN: i32 = 3;

/// What a relay said of one recipient.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecipientReply {
    /// Of three digits (RFC 5321 §4.2.1).
    pub code: u16,
    /// Its words.
    pub text: String,
}

/// What a try came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Tried {
    /// The relay answered for each recipient, in the order of [`Loaded::recipients`](super::Loaded::recipients).
    Answered(Vec<RecipientReply>),
    /// Nothing went out: the relay was not reached, or the connection ended before the end of the data. Some recipients may
    /// have been answered for all the same.
    NotSent {
        /// Why, in words.
        words: String,
        /// What was said of each recipient, where anything was.
        replies: Vec<Option<RecipientReply>>,
    },
    /// Nothing was tried: the node is to stop.
    Untouched,
    /// The end of the data went out and no answer came: whether it was taken nobody knows.
    Uncertain {
        /// What happened, in words.
        words: String,
        /// What was said of each recipient before.
        replies: Vec<Option<RecipientReply>>,
    },
}

/// How a mail stands after a try.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Settled {
    /// All recipients are settled.
    Ended,
    /// Some wait until then.
    Waits(Timestamp),
    /// It waits for a person.
    ForAPerson,
    /// Another node has it by now: nothing was written.
    Lost,
}

/// Writes down what a try came to.
///
/// # Errors
/// Where the store cannot do it: the mail is tried again when its time has run out, and is sent twice where it was taken.
pub async fn settle(
    organization: &Arc<Organization>,
    mail: OutboxMail,
    tried: Tried,
    moment: Moment,
) -> Result<Settled, CrmError> {
    let unit = organization.unit(Priority::Intake, move |tx| {
        match write(tx, &mail, &tried, &moment.again()) {
            // Undone as a whole.
            Ok(Settled::Lost) => Err(StoreError::LeaseLost),
            written => written,
        }
    });
    match unit.await {
        Err(StoreError::LeaseLost) => Ok(Settled::Lost),
        settled => Ok(settled?),
    }
}

fn write(tx: &mut Tx<'_>, mail: &OutboxMail, tried: &Tried, moment: &Moment) -> Result<Settled, StoreError> {
    let now = moment.now;
    if *tried == Tried::Untouched {
        let released = OutboxMail { dueon: now, ..mail.clone() };
        return Ok(if tx.release_outbox(&released)? { Settled::Waits(now) } else { Settled::Lost });
    }
    let mut recipients = tx.outbox_recipients(mail.activityid)?;
    // Whoever holds the mail alone changes them: they are those that were loaded.
    recipients.retain(|recipient| recipient.statecode == WAITING);
    let is_uncertain = matches!(tried, Tried::Uncertain { .. });
    // Of an earlier try nobody knows to this day.
    let doton = mail.doton.or(is_uncertain.then_some(now));
    let end = Time { now, is_late: now >= mail.expireson, may_have_it: doton.is_some() };
    let settled: Vec<OutboxRecipient> = recipients
        .iter()
        .enumerate()
        .map(|(place, recipient)| told(recipient, reply(tried, place), &end))
        .collect();
    let waiting = settled.iter().filter(|recipient| recipient.statecode == WAITING).count();
    let waits_for_a_person = is_uncertain && waiting > 0 && mail.lane != PERSONAL;
    let until = now.plus_seconds(if takes_more(&settled) { 0 } else { pause_seconds(mail) });
    let released = OutboxMail {
        waitsin: Some(mail.lane).filter(|_| waiting > 0 && !waits_for_a_person),
        dueon: until,
        doton: doton.filter(|_| waiting > 0),
        lasterror: words(tried, recipients.len()),
        endedon: (waiting == 0).then_some(now),
        ..mail.clone()
    };
    for mut recipient in settled {
        if waits_for_a_person && recipient.statecode == WAITING {
            recipient.statecode = UNCERTAIN;
        }
        tx.settle_recipient(&recipient)?;
    }
    if !tx.release_outbox(&released)? {
        return Ok(Settled::Lost);
    }
    match (waiting, waits_for_a_person) {
        (0, _) => end_of(tx, mail.activityid, moment).map(|()| Settled::Ended),
        (_, true) => Ok(Settled::ForAPerson),
        (_, false) => Ok(Settled::Waits(until)),
    }
}

/// Whether a relay took some and wants the others with the next mail (RFC 5321 §4.5.3.1.10).
fn takes_more(settled: &[OutboxRecipient]) -> bool {
    let mut waiting = settled.iter().filter(|recipient| recipient.statecode == WAITING);
    settled.iter().any(|recipient| recipient.statecode == SENT)
        && waiting.all(|recipient| recipient.replycode == Some(452))
}

/// When a try ended, and what that means for who still waits.
struct Time {
    now: Timestamp,
    is_late: bool,
    may_have_it: bool,
}

/// The e-mail is Sent where anybody got it, else Failed.
fn end_of(tx: &mut Tx<'_>, id: Id, moment: &Moment) -> Result<(), StoreError> {
    let was_sent = tx.outbox_recipients(id)?.iter().any(|recipient| recipient.statecode == SENT);
    let (status, operation) = match was_sent {
        true => ((STATE_COMPLETED, STATUS_SENT), "sent"),
        false => ((STATE_OPEN, STATUS_FAILED), "failed"),
    };
    tx.set_email_status(id, status)?;
    note(tx, moment, RecordRef { entity: Entity::Email, id }, operation)
}

fn reply(tried: &Tried, place: usize) -> Option<&RecipientReply> {
    match tried {
        Tried::Untouched => None,
        Tried::Answered(replies) => replies.get(place),
        Tried::NotSent { replies, .. } | Tried::Uncertain { replies, .. } => {
            replies.get(place).and_then(Option::as_ref)
        }
    }
}

/// A recipient as the relay's answer leaves it (RFC 5321 §4.2.1: 2yz done, 4yz later, 5yz never).
fn told(recipient: &OutboxRecipient, reply: Option<&RecipientReply>, end: &Time) -> OutboxRecipient {
    let cut = |text: &str| text.chars().take(limits::ERROR_CHARS_MAX).collect::<String>();
    let statecode = match reply.map(|reply| reply.code / 100) {
        Some(2) => SENT,
        Some(5) => FAILED,
        _ if end.is_late && end.may_have_it => UNCERTAIN,
        _ if end.is_late => FAILED,
        _ => WAITING,
    };
    OutboxRecipient {
        statecode,
        replycode: reply.map(|reply| i32::from(reply.code)).or(recipient.replycode),
        replytext: reply.map(|reply| cut(&reply.text)).or_else(|| recipient.replytext.clone()),
        settledon: (statecode != WAITING).then_some(end.now),
        ..recipient.clone()
    }
}

fn words(tried: &Tried, recipients: usize) -> Option<String> {
    let of_a_reply = |reply: &RecipientReply| format!("the relay says: {} {}", reply.code, reply.text);
    let text = match tried {
        Tried::Untouched => None,
        Tried::NotSent { words, .. } | Tried::Uncertain { words, .. } => Some(words.clone()),
        Tried::Answered(replies) => {
            replies.iter().take(recipients).find(|reply| reply.code / 100 != 2).map(of_a_reply)
        }
    };
    text.map(|text| text.chars().take(limits::ERROR_CHARS_MAX).collect())
}

/// Growing, and spread by what differs between mails: many that failed together do not come again together
/// (RFC 5321 §4.5.4.1 asks for thirty minutes and more after the first tries).
fn pause_seconds(mail: &OutboxMail) -> i64 {
    const PAUSES: [i64; 7] = [60, 300, 900, 1_800, 3_600, 7_200, 14_400];
    let step = usize::try_from(mail.attempts.saturating_sub(1)).unwrap_or_default();
    let pause = PAUSES.get(step).copied().unwrap_or(14_400);
    let spread = i64::from(mail.activityid.0[15]) * pause / 1_024;
    pause + spread
}

/// Cancels a mail that waits. Says whether it did: what is on its way goes on.
///
/// # Errors
/// Where the store cannot do it.
pub async fn cancel(organization: &Arc<Organization>, id: Id, moment: Moment) -> Result<bool, CrmError> {
    let unit = organization.unit(Priority::Intake, move |tx| {
        let moment = moment.again();
        let canceled = tx.cancel_outbox(id, moment.now)?;
        if canceled {
            // Whoever has it by now keeps it.
            let was_sent = tx.outbox_recipients(id)?.iter().any(|recipient| recipient.statecode == SENT);
            let canceled = (STATE_CANCELED, STATUS_CANCELED);
            tx.set_email_status(id, if was_sent { (STATE_COMPLETED, STATUS_SENT) } else { canceled })?;
            note(tx, &moment, RecordRef { entity: Entity::Email, id }, "canceled")?;
        }
        Ok::<_, StoreError>(canceled)
    });
    Ok(unit.await?)
}

/// Has a mail tried again now, also for those who were given up. Says whether it did.
///
/// # Errors
/// Where the store cannot do it.
pub async fn retry(organization: &Arc<Organization>, id: Id, moment: Moment) -> Result<bool, CrmError> {
    let unit = organization.unit(Priority::Intake, move |tx| {
        let moment = moment.again();
        let until = moment.now.plus_seconds(limits::OUTBOX_DAYS_MAX * 86_400);
        let is_tried = tx.retry_outbox(id, (moment.now, until))?;
        if is_tried {
            tx.set_email_status(id, (STATE_OPEN, STATUS_PENDING_SEND))?;
            note(tx, &moment, RecordRef { entity: Entity::Email, id }, "pending")?;
        }
        Ok::<_, StoreError>(is_tried)
    });
    Ok(unit.await?)
}

const STATE_CANCELED: i32 = 2;
const STATUS_CANCELED: i32 = 5;
