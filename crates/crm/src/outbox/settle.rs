//! What became of a mail at its relay: recipients are settled one by one, and what is left waits for its next try.

use std::sync::Arc;

use model::attempt::{Reply, Tried};
use model::decision::{Entity, RecordRef};
use model::schema::emails::{
    STATE_COMPLETED, STATE_OPEN, STATUS_CANCELED, STATUS_FAILED, STATUS_PENDING_SEND, STATUS_SENT,
};
use model::schema::outbox::{OutboxMail, OutboxRecipient};
use model::{Id, Moment, Timestamp, limits};
use store::{Organization, Priority, StoreError, Tx};

use super::queue::{BULK, Claimed, PERSONAL, WAITING};
use super::sent_copies;
use super::turns::{self, Turn, pause_seconds};
use super::withheld;
use crate::CrmError;
use crate::records::note;

const SENT: i32 = 1;
pub(super) const FAILED: i32 = 2;
pub(super) const UNCERTAIN: i32 = 3;
const CANCELED: i32 = 4;

/// How a mail stands after a try.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Settled {
    /// All recipients are settled.
    Ended,
    /// Some wait until then.
    Waits(Timestamp),
    /// It waits for a person.
    ForAPerson,
    /// Another node has it by now, or it was not to end: nothing was written.
    Lost,
}

/// What a session with a relay has to write down, with one commit.
#[derive(Debug, Clone, Default)]
pub struct Ends {
    /// What tries came to.
    pub tried: Arc<[(Arc<Claimed>, Tried)]>,
    /// Mails of which the end of the data is about to go out.
    pub ending: Vec<Arc<Claimed>>,
}

/// What was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    /// How each mail stands that was tried.
    pub settled: Vec<Settled>,
    /// Of each mail that is about to end whether it may: its taker still has it, and nobody of those whose turn it is wants no
    /// mail by now. With no the connection has to be dropped before that.
    pub may_end: Vec<bool>,
}

/// Writes down what tries came to, and notes that others are about to end; after the commit it says whether they may.
///
/// # Errors
/// Where the store cannot do it: nothing may end. What was tried is tried again when its time has run out, and is sent twice where it
/// was taken.
pub async fn write_down(
    organization: &Arc<Organization>,
    ends: Ends,
    moment: Moment,
) -> Result<Written, CrmError> {
    let unit = organization.unit(Priority::Intake, move |tx| {
        let moment = moment.again();
        // Before all rows: nobody waits for the version who holds what others wait for.
        tx.records_version()?;
        let settled = ends.tried.iter().map(|(claimed, tried)| settle(tx, (claimed, tried), &moment));
        let settled = settled.collect::<Result<Vec<_>, StoreError>>()?;
        let mut may_end = withheld::still_go(tx, &ends.ending, &moment)?;
        for (may_end, claimed) in may_end.iter_mut().zip(&ends.ending) {
            *may_end = *may_end && tx.begin_dot(&claimed.mail, moment.now)?;
        }
        Ok(Written { settled, may_end })
    });
    unit.await.map_err(|error: StoreError| error.into())
}

/// Whoever has lost the mail writes nothing.
fn settle(
    tx: &mut Tx<'_>,
    (claimed, tried): (&Claimed, &Tried),
    moment: &Moment,
) -> Result<Settled, StoreError> {
    let (mail, now) = (&claimed.mail, moment.now);
    if let Tried::Untouched(pause) = tried {
        let pause = i64::try_from(pause.as_millis()).unwrap_or(i64::MAX);
        let until = Timestamp(now.0.saturating_add(pause));
        let released = OutboxMail { dueon: until, ..mail.clone() };
        return Ok(if tx.release_outbox(&released)? { Settled::Waits(until) } else { Settled::Lost });
    }
    if let Tried::Stopped { words, is_failure } = tried {
        return stop(tx, (claimed, words, *is_failure), moment);
    }
    // Whoever holds the mail alone changes its recipients: they are those that were read when it was taken.
    let Turn { recipients, others } = claimed.turn();
    let is_uncertain = matches!(tried, Tried::Uncertain { .. });
    // Of an earlier try nobody knows to this day.
    let doton = mail.doton.or(is_uncertain.then_some(now));
    let end = Time { now, is_late: now >= mail.expireson, doton };
    let mut settled: Vec<OutboxRecipient> =
        recipients.iter().enumerate().map(|(place, one)| told(one, reply(tried, place), &end)).collect();
    let waiting = settled.iter().filter(|recipient| recipient.statecode == WAITING).count();
    let waits_for_a_person = is_uncertain && waiting > 0 && mail.lane != PERSONAL;
    if waits_for_a_person {
        let waiting = settled.iter_mut().filter(|recipient| recipient.statecode == WAITING);
        waiting.for_each(|recipient| recipient.statecode = UNCERTAIN);
    }
    let is_alone = mail.returndomain.is_some();
    let tries = mail.tries.saturating_add(1);
    let until = match settled.first_mut().filter(|_| is_alone) {
        Some(recipient) => {
            recipient.doton = recipient.doton.or(doton).filter(|_| recipient.statecode == WAITING);
            turns::put_off(recipient, &others, (now, reply(tried, 0).is_some()))
        }
        None => {
            now.plus_seconds(if takes_more(&settled) { 0 } else { pause_seconds(tries, mail.activityid) })
        }
    };
    let goes_on = !others.is_empty() || (waiting > 0 && !waits_for_a_person);
    let has_ended = others.is_empty() && waiting == 0;
    let is_released = tx.release_outbox(&OutboxMail {
        waitsin: Some(mail.lane).filter(|_| goes_on),
        dueon: until,
        // Each of those who are tried alone has a mark of his own.
        doton: doton.filter(|_| waiting > 0 && !is_alone),
        lasterror: words(tried, settled.len()).or_else(|| not_sent(&claimed.recipients)),
        endedon: has_ended.then_some(now),
        tries,
        ..mail.clone()
    })?;
    if !is_released {
        return Ok(Settled::Lost);
    }
    settled.iter().try_for_each(|recipient| tx.settle_recipient(recipient))?;
    let is_sent = |recipients: &[OutboxRecipient]| recipients.iter().any(|one| one.statecode == SENT);
    if let Some(mailbox) = claimed.kept_in().filter(|_| is_sent(&settled) && !is_sent(&claimed.recipients)) {
        sent_copies::want(tx, (mailbox, mail.activityid), moment)?;
    }
    if has_ended {
        let all = claimed.recipients.iter().chain(&settled);
        return end_of(tx, (mail.activityid, all), moment).map(|()| Settled::Ended);
    }
    Ok(if goes_on { Settled::Waits(until) } else { Settled::ForAPerson })
}

/// Ends a mail for all who wait. Who may have it already stays uncertain.
fn stop(
    tx: &mut Tx<'_>,
    (claimed, words, is_failure): (&Claimed, &str, bool),
    moment: &Moment,
) -> Result<Settled, StoreError> {
    let (mail, now) = (&claimed.mail, moment.now);
    let ended = OutboxMail {
        waitsin: None,
        dueon: now,
        lasterror: Some(cut(words)),
        endedon: Some(now),
        ..mail.clone()
    };
    if !tx.release_outbox(&ended)? {
        return Ok(Settled::Lost);
    }
    let stopped = |recipient: &OutboxRecipient| OutboxRecipient {
        statecode: match (mail.doton.or(recipient.doton), is_failure) {
            (Some(_), _) => UNCERTAIN,
            (None, true) => FAILED,
            (None, false) => CANCELED,
        },
        replytext: Some(cut(words)),
        settledon: Some(now),
        ..recipient.clone()
    };
    let waiting = claimed.recipients.iter().filter(|recipient| recipient.statecode == WAITING);
    let settled: Vec<OutboxRecipient> = waiting.map(stopped).collect();
    settled.iter().try_for_each(|recipient| tx.settle_recipient(recipient))?;
    let others = claimed.recipients.iter().filter(|recipient| recipient.statecode != WAITING);
    let all = (mail.activityid, others.chain(&settled));
    match is_failure {
        true => end_of(tx, all, moment)?,
        false => end_canceled(tx, all, moment)?,
    }
    Ok(Settled::Ended)
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
    doton: Option<Timestamp>,
}

/// The e-mail is Sent where anybody got it, else Failed.
pub(super) fn end_of<'r>(
    tx: &mut Tx<'_>,
    (id, recipients): (Id, impl IntoIterator<Item = &'r OutboxRecipient>),
    moment: &Moment,
) -> Result<(), StoreError> {
    let was_sent = recipients.into_iter().any(|recipient| recipient.statecode == SENT);
    let (status, operation) = match was_sent {
        true => ((STATE_COMPLETED, STATUS_SENT), "sent"),
        false => ((STATE_OPEN, STATUS_FAILED), "failed"),
    };
    tx.set_email_status(id, status)?;
    note(tx, moment, RecordRef { entity: Entity::Email, id }, operation)
}

/// The e-mail of what goes to nobody who waits is Canceled; but whoever has it by now keeps it, and whoever may have it stays uncertain.
fn end_canceled<'r>(
    tx: &mut Tx<'_>,
    (id, recipients): (Id, impl IntoIterator<Item = &'r OutboxRecipient>),
    moment: &Moment,
) -> Result<(), StoreError> {
    let states: Vec<i32> = recipients.into_iter().map(|recipient| recipient.statecode).collect();
    let (status, operation) = match (states.contains(&SENT), states.contains(&UNCERTAIN)) {
        (true, _) => ((STATE_COMPLETED, STATUS_SENT), "canceled"),
        (false, true) => ((STATE_OPEN, STATUS_FAILED), "failed"),
        (false, false) => ((STATE_CANCELED, STATUS_CANCELED), "canceled"),
    };
    tx.set_email_status(id, status)?;
    note(tx, moment, RecordRef { entity: Entity::Email, id }, operation)
}

fn reply(tried: &Tried, place: usize) -> Option<&Reply> {
    match tried {
        Tried::Untouched(_) | Tried::Stopped { .. } => None,
        Tried::Answered(replies) | Tried::TakenOver(replies) => replies.get(place),
        Tried::NotSent { replies, .. } | Tried::Uncertain { replies, .. } => {
            replies.get(place).and_then(Option::as_ref)
        }
    }
}

/// A recipient as the relay's answer leaves it (RFC 5321 §4.2.1: 2yz done, 4yz later, 5yz never).
fn told(recipient: &OutboxRecipient, reply: Option<&Reply>, end: &Time) -> OutboxRecipient {
    let statecode = match reply.map(|reply| reply.code / 100) {
        Some(2) => SENT,
        Some(5) => FAILED,
        _ if end.is_late && (end.doton.is_some() || recipient.doton.is_some()) => UNCERTAIN,
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
    let says = |who: &str, replies: &[Reply]| {
        let refused = replies.iter().take(recipients).find(|reply| reply.code / 100 != 2);
        refused.map(|reply| format!("{who} says: {} {}", reply.code, reply.text))
    };
    let text = match tried {
        Tried::Untouched(_) => None,
        Tried::Stopped { words, .. } => Some(words.clone()),
        Tried::Answered(replies) => says("the relay", replies),
        Tried::TakenOver(replies) => says("the hook", replies),
        Tried::NotSent { words, .. } | Tried::Uncertain { words, .. } => Some(words.clone()),
    };
    text.map(|text| cut(&text))
}

pub(super) fn cut(text: &str) -> String {
    text.chars().take(limits::ERROR_CHARS_MAX).collect()
}

/// Why somebody does not get it to whom it was not sent.
fn not_sent(recipients: &[OutboxRecipient]) -> Option<String> {
    let is_withheld = |one: &&OutboxRecipient| one.statecode == FAILED && one.replycode.is_none();
    recipients.iter().filter(is_withheld).find_map(|recipient| recipient.replytext.clone())
}

/// Cancels a mail that waits. Says whether it did: what is on its way goes on. Whoever may have it all the same stays uncertain,
/// and then the mail is not called canceled.
///
/// # Errors
/// Where the store cannot do it.
pub async fn cancel(organization: &Arc<Organization>, id: Id, moment: Moment) -> Result<bool, CrmError> {
    let unit = organization.unit(Priority::Intake, move |tx| {
        let moment = moment.again();
        let canceled = tx.cancel_outbox(id, (moment.now, CANCELED_IN_DOUBT))?;
        if canceled {
            let recipients = tx.outbox_recipients(id)?;
            end_canceled(tx, (id, &recipients), &moment)?;
        }
        Ok::<_, StoreError>(canceled)
    });
    Ok(unit.await?)
}

/// What is said of a mail that was canceled when it was out for somebody already, perhaps.
const CANCELED_IN_DOUBT: &str = "it was canceled, and may have gone out to somebody: no answer came";

/// Has a mail tried again now, also for those who were given up, by its own way out. Says whether it did.
///
/// # Errors
/// As [`retry_by`].
pub async fn retry(organization: &Arc<Organization>, id: Id, moment: Moment) -> Result<bool, CrmError> {
    retry_by(organization, (id, None), moment).await
}

/// Has all mail that waits for one way out, and that nobody has at this moment, go by another; an event tells it of each. Says how
/// many mails. What broke off in the middle is said again.
///
/// # Errors
/// [`CrmError::Invalid`] where both are the same; [`CrmError::Store`] where the store cannot do it.
pub async fn move_waiting(
    organization: &Arc<Organization>,
    (from, to): (Id, Id),
    moment: Moment,
) -> Result<usize, CrmError> {
    if from == to {
        return Err(CrmError::Invalid("it waits for this way out already".to_owned()));
    }
    let times = (moment.now, moment.now.plus_seconds(limits::OUTBOX_DAYS_MAX * 86_400));
    let mut all = 0;
    for lane in [PERSONAL, BULK] {
        loop {
            let moment = moment.again();
            let unit = organization.unit(Priority::Background, move |tx| {
                let moved = tx.move_outbox((from, to, lane), limits::ROWS_PER_UNIT_MAX, times)?;
                let mut mails = moved.iter().map(|id| RecordRef { entity: Entity::Email, id: *id });
                mails.try_for_each(|mail| note(tx, &moment, mail, "pending"))?;
                Ok::<_, StoreError>(moved.len())
            });
            match unit.await? {
                0 => break,
                moved => all += moved,
            }
        }
    }
    Ok(all)
}

/// Says of mail that waits for a way out, and that nobody has taken for a while, why this node leaves it to others: where no node
/// has what it takes, whoever looks at the outbox reads so.
///
/// # Errors
/// Where the store cannot do it.
pub async fn note_untaken(
    organization: &Arc<Organization>,
    (way, words): (Id, &str),
    moment: Moment,
) -> Result<(), CrmError> {
    let words = cut(&format!("{UNTAKEN}{words}"));
    let unit = organization.unit(Priority::Background, move |tx| {
        for lane in [PERSONAL, BULK] {
            tx.note_untaken((way, lane), &words, (moment.now, UNTAKEN_SECONDS))?;
        }
        Ok::<_, StoreError>(())
    });
    Ok(unit.await?)
}

/// Why nobody takes mail of a lane by this way out, where a node has said so and nothing has gone since.
///
/// # Errors
/// Where the store cannot say.
pub fn untaken(organization: &Organization, (way, lane): (Id, i32)) -> Result<Option<String>, CrmError> {
    let words = organization.read(|read| read.first_error_at((way, lane)))?;
    Ok(words.filter(|words| words.starts_with(UNTAKEN)))
}

/// How these words begin.
const UNTAKEN: &str = "no node has taken it so far: ";
/// Others have so long to take it.
const UNTAKEN_SECONDS: i64 = 60;

/// Has a mail tried again now, also for those who were given up, by its own way out or from now on by another. Says whether it did.
///
/// # Errors
/// [`CrmError::Invalid`] where nothing is sent to one of them any more, or one wants no mail; [`CrmError::Store`] where the store cannot do it.
pub async fn retry_by(
    organization: &Arc<Organization>,
    (id, way): (Id, Option<Id>),
    moment: Moment,
) -> Result<bool, CrmError> {
    let unit = organization.unit(Priority::Intake, move |tx| {
        let moment = moment.again();
        let Some(mail) = tx.outbox_mail(id)? else { return Ok(false) };
        let rows = tx.outbox_recipients(id)?;
        let tried = rows.iter().filter(|row| matches!(row.statecode, WAITING | FAILED | UNCERTAIN));
        let refusals = withheld::refusals(tx, &mail, &tried.collect::<Vec<_>>())?;
        if !refusals.is_empty() {
            return Err(CrmError::Invalid(refusals.join("; ")));
        }
        let until = moment.now.plus_seconds(limits::OUTBOX_DAYS_MAX * 86_400);
        let is_tried = tx.retry_outbox((id, way), (moment.now, until))?;
        if is_tried {
            tx.set_email_status(id, (STATE_OPEN, STATUS_PENDING_SEND))?;
            note(tx, &moment, RecordRef { entity: Entity::Email, id }, "pending")?;
        }
        Ok(is_tried)
    });
    unit.await
}

const STATE_CANCELED: i32 = 2;
