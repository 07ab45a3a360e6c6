//! Whose turn it is. Where each recipient has a return path of his own, a mail goes out to one at a time, and each has his
//! own count of tries, his own time, and his own mark that nobody knows whether he has it.
//!
//! *Invariant:* whose turn it is follows from the rows alone: whoever loads a mail, whoever settles it, and whoever takes it
//! over from a node that died mean the same recipient.

use model::schema::outbox::{OutboxMail, OutboxRecipient};
use model::{Id, Timestamp};

use super::queue::WAITING;

/// The recipients that a mail is tried for, and those who wait for another try.
pub(super) struct Turn<'r> {
    pub(super) recipients: Vec<&'r OutboxRecipient>,
    pub(super) others: Vec<&'r OutboxRecipient>,
}

impl<'r> Turn<'r> {
    /// Of those who wait: all, or where each has a return path of his own the one who may be tried first.
    pub(super) fn of(mail: &OutboxMail, recipients: &'r [OutboxRecipient]) -> Self {
        let mut waiting: Vec<&OutboxRecipient> =
            recipients.iter().filter(|recipient| recipient.statecode == WAITING).collect();
        if mail.returndomain.is_none() {
            return Turn { recipients: waiting, others: Vec::new() };
        }
        waiting.sort_by_key(|recipient| (recipient.dueon, recipient.recipientnumber));
        let others = waiting.split_off(waiting.len().min(1));
        Turn { recipients: waiting, others }
    }
}

/// Puts off whom a mail was tried for alone, and says when the mail is due again. What a relay says of one keeps none of the
/// others; a relay that said nothing keeps them all.
pub(super) fn put_off(
    recipient: &mut OutboxRecipient,
    others: &[&OutboxRecipient],
    (now, was_answered): (Timestamp, bool),
) -> Timestamp {
    recipient.attempts = recipient.attempts.saturating_add(1);
    let is_waiting = recipient.statecode == WAITING;
    let until = now.plus_seconds(pause_seconds(recipient.attempts, recipient.activityid));
    recipient.dueon = until;
    if is_waiting && !was_answered {
        return until;
    }
    let next = others.iter().map(|other| other.dueon).chain(is_waiting.then_some(until)).min();
    next.map_or(now, |next| next.max(now))
}

/// Growing, and spread by what differs between mails: many that failed together do not come again together
/// (RFC 5321 §4.5.4.1 asks for thirty minutes and more after the first tries).
pub(super) fn pause_seconds(attempts: i32, mail: Id) -> i64 {
    const PAUSES: [i64; 7] = [60, 300, 900, 1_800, 3_600, 7_200, 14_400];
    let step = usize::try_from(attempts.saturating_sub(1)).unwrap_or_default();
    let pause = PAUSES.get(step).copied().unwrap_or(14_400);
    let spread = i64::from(mail.0[15]) * pause / 1_024;
    pause + spread
}
