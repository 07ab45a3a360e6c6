//! What came back: a report is noted at the recipient that it is about, and may end that anything is sent there.
//!
//! *Invariant:* a report suppresses an address only where a word of ours proves which recipient it is about: it came to that
//! recipient's return path, or returns the field that went out to that recipient alone. Message-IDs and returned headers are known to
//! everybody who got the mail: by them a report is noted as a claim, and changes nothing.

use message::bounce::{Bounce, Kind};
use model::decision::{Entity, RecordRef};
use model::schema::emails::{STATE_OPEN, STATUS_FAILED, STATUS_SENT};
use model::schema::outbox::OutboxRecipient;
use model::{EmailAddress, Id, Moment, limits};
use store::{StoreError, Tx};

use super::suppression::{self, COMPLAINT, DEAD, SEVERAL};
use crate::records::note;
use crate::tokens::SentTo;

/// Of `BOUNCE_KINDS`.
pub(crate) const HARD: i32 = 1;
const SOFT: i32 = 2;
const DELAYED: i32 = 3;
const COMPLAINED: i32 = 4;
const UNCLEAR: i32 = 5;
const FAILED: i32 = 2;

/// A report about an e-mail that went out from here.
pub(crate) struct Report<'r> {
    /// The e-mail.
    pub(crate) about: Id,
    /// The recipient, where a word of ours proves that.
    pub(crate) proven: Option<SentTo>,
    /// What it tells.
    pub(crate) told: &'r Bounce,
    /// Whether it came from nobody: then it tells of a failure, in whatever words.
    pub(crate) is_from_nobody: bool,
    /// The e-mail that the report is; `None` where nobody wants it logged.
    pub(crate) evidence: Option<Id>,
}

/// Notes a report, within the unit that stores it.
pub(crate) fn note_report(tx: &mut Tx<'_>, report: &Report<'_>, moment: &Moment) -> Result<(), StoreError> {
    let recipients = tx.outbox_recipients(report.about)?;
    let mut has_changed = false;
    for recipient in recipients {
        let Some((kind, words)) = report.tells(&recipient) else { continue };
        let is_proven = report.proven.is_some();
        let is_graver = is_graver((kind, is_proven), &recipient);
        let address = EmailAddress::parse(&recipient.address).map(|address| address.key());
        let Some(address) = address.filter(|_| is_graver) else { continue };
        has_changed = true;
        tx.note_bounce(&OutboxRecipient {
            bouncekind: Some(kind),
            isbounceproven: Some(is_proven),
            bouncewords: Some(words.clone()),
            bouncedon: Some(moment.now),
            // What is only claimed is not counted.
            bouncedaddress: is_proven.then(|| address.clone()),
            bounceid: report.evidence,
            ..recipient
        })?;
        if is_proven && let Some(reason) = reason(tx, (&address, kind), moment)? {
            suppression::note(tx, (&address, reason), (&words, report.evidence), moment)?;
        }
    }
    if has_changed {
        note(tx, moment, RecordRef { entity: Entity::Email, id: report.about }, "bounced")?;
        fail_where_nobody_has_it(tx, report.about, moment)?;
    }
    Ok(())
}

impl Report<'_> {
    /// What it tells about a recipient, and the words that tell it; `None` where nothing.
    fn tells(&self, recipient: &OutboxRecipient) -> Option<(i32, String)> {
        let key = EmailAddress::parse(&recipient.address)?.key();
        let named = self.told.recipients.iter().find(|told| told.address.key() == key);
        let (kind, words) = match (self.proven, named) {
            (Some(proven), _) if proven.number != recipient.recipientnumber => return None,
            // A server behind may know him by another address.
            (Some(_), None) => (self.told.kind, &self.told.words),
            (_, Some(told)) => (told.kind, &told.words),
            (None, None) => return None,
        };
        let kind = match kind {
            Kind::Hard => HARD,
            Kind::Soft => SOFT,
            Kind::Unclear => UNCLEAR,
            Kind::Delayed => DELAYED,
            Kind::Complaint => COMPLAINED,
            // What is understood and tells nothing has words: that somebody asked, or does not complain.
            Kind::Nothing if self.is_from_nobody && self.proven.is_some() && words.is_empty() => SOFT,
            Kind::Nothing | Kind::Auto | Kind::Receipt => return None,
        };
        let words = if words.is_empty() { "a report in words that are not understood" } else { words };
        Some((kind, words.chars().take(limits::ERROR_CHARS_MAX).collect()))
    }
}

/// Whether a report says more than what is noted: proof before claims, then the graver.
fn is_graver((kind, is_proven): (i32, bool), recipient: &OutboxRecipient) -> bool {
    let weight = |kind: i32| match kind {
        COMPLAINED => 4,
        HARD => 3,
        SOFT | UNCLEAR => 2,
        _ => 1,
    };
    let known = recipient.bouncekind.map(|kind| (recipient.isbounceproven.unwrap_or(false), weight(kind)));
    known.is_none_or(|known| (is_proven, weight(kind)) > known)
}

/// Why an address is suppressed for what came back, where it is.
fn reason(tx: &Tx<'_>, (address, kind): (&str, i32), moment: &Moment) -> Result<Option<i32>, StoreError> {
    Ok(match kind {
        HARD => Some(DEAD),
        COMPLAINED => Some(COMPLAINT),
        // What does not say whether the address works ends nothing by itself.
        SOFT | UNCLEAR => {
            let since = moment.now.plus_seconds(-limits::SOFT_BOUNCE_DAYS * 86_400);
            // Whoever let mail go there again has mended what it was about.
            let released = tx.suppression_released(address)?;
            let since = released.map_or(since, |released| released.max(since));
            let count = tx.bounces_of(address, SOFT, since)? + tx.bounces_of(address, UNCLEAR, since)?;
            (count >= limits::SOFT_BOUNCES_MAX).then_some(SEVERAL)
        }
        _ => None,
    })
}

/// A mail that the relay took, and that no recipient has.
fn fail_where_nobody_has_it(tx: &mut Tx<'_>, id: Id, moment: &Moment) -> Result<(), StoreError> {
    let is_lost = |recipient: &OutboxRecipient| {
        let is_dead = recipient.bouncekind == Some(HARD) && recipient.isbounceproven == Some(true);
        recipient.statecode == FAILED || is_dead
    };
    let was_sent = tx.email(id)?.is_some_and(|email| email.statuscode == STATUS_SENT);
    if was_sent && tx.outbox_recipients(id)?.iter().all(is_lost) {
        tx.set_email_status(id, (STATE_OPEN, STATUS_FAILED))?;
        note(tx, moment, RecordRef { entity: Entity::Email, id }, "failed")?;
    }
    Ok(())
}
