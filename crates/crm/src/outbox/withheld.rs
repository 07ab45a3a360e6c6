//! Whom a mail does not go to any more when its hour comes: since it was written the address was suppressed, or the customer
//! opted out. What passes through: mails that were just taken, with their recipients, within the unit that took them; and once
//! more, where that was a while ago, those whose end is about to go out.
//!
//! *Invariant:* a mail that comes back from here goes to nobody who wants none of it at this moment.

use std::collections::{BTreeMap, HashMap};
use std::ops::RangeInclusive;
use std::sync::Arc;

use model::schema::outbox::{OutboxMail, OutboxRecipient};
use model::{EmailAddress, Id, Moment, Timestamp};
use store::{OptOut, Read, StoreError, Tx};

use super::opt_outs::{self, Wants};
use super::queue::{Asked, Claimed, Taken, WAITING};
use super::settle::{FAILED, UNCERTAIN, cut, end_of};
use super::suppression;

/// Settles whoever gets no mail any more, in words. Where that is somebody whose turn it is, the mail is let go of, for the others;
/// what comes back goes as it is.
pub(super) fn withhold(
    tx: &mut Tx<'_>,
    mails: Vec<OutboxMail>,
    moment: &Moment,
) -> Result<Vec<Taken>, StoreError> {
    let taken = with_recipients(tx, mails, moment)?;
    let why = Why::of(tx, taken.iter().flat_map(|taken| taken.turn().recipients))?;
    let mut goes = Vec::with_capacity(taken.len());
    for mut taken in taken {
        if why.lets_go(tx, &mut taken, moment)? {
            goes.push(taken);
        }
    }
    Ok(goes)
}

/// Which of the mails whose end is about to go out still go to all whose turn it is. One waits behind others for long where
/// little goes out a minute, and an outside sender has his for hours. Whether an address is suppressed is asked each time: what
/// comes back says so at any moment, on any node, and one look at an index knows it. Of who opted out nothing is asked about what
/// was taken a moment ago, unless somebody has since, or another record was changed: that a unit knows without a question.
pub(super) fn still_go(
    tx: &mut Tx<'_>,
    mails: &[Arc<Claimed>],
    moment: &Moment,
) -> Result<Vec<bool>, StoreError> {
    let age = |asked: Timestamp| moment.now.0.saturating_sub(asked.0);
    let version = tx.records_version()?;
    let is_known = |claimed: &Claimed| {
        let is_young = |asked: Asked| KNOWN.contains(&age(asked.on)) && asked.version == Some(version);
        was_let_go(claimed) || claimed.asked.is_some_and(is_young)
    };
    let old = mails.iter().filter(|claimed| !is_known(claimed));
    let old = keys(old.flat_map(|claimed| claimed.waiting()));
    let open = mails.iter().filter(|claimed| !was_let_go(claimed));
    let open = keys(open.flat_map(|claimed| claimed.waiting()));
    let why = Why::among(tx, (&open, &old))?;
    let mut go = Vec::with_capacity(mails.len());
    for claimed in mails {
        if was_let_go(claimed) || why.is_empty() {
            go.push(true);
            continue;
        }
        let (mail, recipients) = (claimed.mail.clone(), claimed.recipients.clone());
        let asked = Asked { on: moment.now, version: Some(version) };
        go.push(why.lets_go(tx, &mut Taken { mail, recipients, asked }, moment)?);
    }
    Ok(go)
}

/// Whoever was told once that it goes may have sent it.
fn was_let_go(claimed: &Claimed) -> bool {
    claimed.asked.is_some_and(|asked| asked.version.is_none())
}

/// So many milliseconds long an answer about who opted out holds where no record was changed: mostly a mail goes within them.
const KNOWN: RangeInclusive<i64> = 0..=60_000;

/// Why a mail is not sent to some of these, in words.
pub(super) fn refusals(
    read: &Read<'_>,
    mail: &OutboxMail,
    recipients: &[&OutboxRecipient],
) -> Result<Vec<String>, StoreError> {
    let why = Why::of(read, recipients.iter().copied())?;
    Ok(why.refused(read, mail, recipients)?.into_values().collect())
}

fn with_recipients(tx: &Tx<'_>, mails: Vec<OutboxMail>, moment: &Moment) -> Result<Vec<Taken>, StoreError> {
    let ids: Vec<Id> = mails.iter().map(|mail| mail.activityid).collect();
    let asked = Asked { on: moment.now, version: Some(tx.records_version()?) };
    let mut of: HashMap<Id, Vec<OutboxRecipient>> = HashMap::with_capacity(ids.len());
    for recipient in tx.outbox_recipients_of(&ids)? {
        of.entry(recipient.activityid).or_default().push(recipient);
    }
    let with = |mail: OutboxMail| {
        let recipients = of.remove(&mail.activityid).unwrap_or_default();
        Taken { mail, recipients, asked }
    };
    Ok(mails.into_iter().map(with).collect())
}

/// What stands against sending to some addresses, as they are compared.
struct Why {
    suppressed: HashMap<String, String>,
    opted_out: Vec<OptOut>,
}

impl Why {
    fn of<'r>(
        read: &Read<'_>,
        recipients: impl Iterator<Item = &'r OutboxRecipient>,
    ) -> Result<Self, StoreError> {
        let keys = keys(recipients);
        Why::among(read, (&keys, &keys))
    }

    /// Which of the first are suppressed, and who opted out that has one of the second.
    fn among(read: &Read<'_>, (suppressed, opted_out): (&[String], &[String])) -> Result<Self, StoreError> {
        // What was said first counts.
        let suppressed = read.suppressions_of(suppressed)?.into_iter().rev();
        let suppressed = suppressed.map(|found| (found.address.clone(), suppression::words(&found)));
        Ok(Why { suppressed: suppressed.collect(), opted_out: read.opt_outs_of(opted_out)? })
    }

    /// Whether everybody gets everything.
    fn is_empty(&self) -> bool {
        self.suppressed.is_empty() && self.opted_out.is_empty()
    }

    /// Whether all get it whose turn it is; else whoever waits and does not is settled, and the mail let go of.
    fn lets_go(&self, tx: &mut Tx<'_>, taken: &mut Taken, moment: &Moment) -> Result<bool, StoreError> {
        if self.refused(tx, &taken.mail, &taken.turn().recipients)?.is_empty() {
            return Ok(true);
        }
        // Where each has a turn of his own, the next one is asked about, too, and so on.
        let waiting: Vec<&OutboxRecipient> =
            taken.recipients.iter().filter(|recipient| recipient.statecode == WAITING).collect();
        let refused = Why::of(tx, waiting.iter().copied())?.refused(tx, &taken.mail, &waiting)?;
        settle(tx, taken, &refused, moment).map(|()| false)
    }

    /// Who of these does not get it, by number, and why.
    fn refused(
        &self,
        read: &Read<'_>,
        mail: &OutboxMail,
        recipients: &[&OutboxRecipient],
    ) -> Result<BTreeMap<i32, String>, StoreError> {
        let mut refused = BTreeMap::new();
        if self.is_empty() {
            return Ok(refused);
        }
        let of_each: Vec<String> = recipients.iter().copied().map(key).collect();
        let has_opted_out = self.opted_out.iter().any(|one| of_each.contains(&one.address));
        let parties = if has_opted_out { read.parties(mail.activityid)? } else { Vec::new() };
        let lane = opt_outs::asked_lane(mail.lane, Some(&mail.mailfrom));
        for (recipient, key) in recipients.iter().zip(of_each) {
            let meant = opt_outs::meant(&parties, &key);
            let mut his = self.opted_out.iter().filter(|one| one.address == key);
            let opted_out = his.find_map(|one| {
                let is_meant = meant.is_none_or(|meant| meant == one.id);
                let wants = Wants { no_mail: one.wants_no_mail, no_bulk_mail: one.wants_no_bulk_mail };
                let words = opt_outs::words((&one.name, &recipient.address), wants, lane);
                words.filter(|_| is_meant)
            });
            let why = self.suppressed.get(&key).cloned().or(opted_out);
            refused.extend(why.map(|words| (recipient.recipientnumber, words)));
        }
        Ok(refused)
    }
}

/// Nobody is told anything by a relay here. Of an earlier try nobody knows to this day, and he may have it. Whoever has lost the
/// mail writes nothing.
fn settle(
    tx: &mut Tx<'_>,
    taken: &mut Taken,
    refused: &BTreeMap<i32, String>,
    moment: &Moment,
) -> Result<(), StoreError> {
    let is_alone = taken.mail.returndomain.is_some();
    let marked: Vec<i32> = match taken.mail.doton {
        Some(_) => taken.turn().recipients.iter().map(|recipient| recipient.recipientnumber).collect(),
        None => Vec::new(),
    };
    for recipient in &mut taken.recipients {
        let Some(words) = refused.get(&recipient.recipientnumber) else { continue };
        let is_uncertain = recipient.doton.is_some() || marked.contains(&recipient.recipientnumber);
        recipient.statecode = if is_uncertain { UNCERTAIN } else { FAILED };
        recipient.replycode = None;
        recipient.replytext = Some(cut(words));
        recipient.settledon = Some(moment.now);
    }
    let Taken { mail, recipients, .. } = taken;
    let waiting = recipients.iter().filter(|recipient| recipient.statecode == WAITING);
    let next = waiting.map(|recipient| recipient.dueon).min();
    let is_marked = next.is_some() && !is_alone;
    let words = recipients.iter().find_map(|recipient| refused.get(&recipient.recipientnumber));
    let is_released = tx.release_outbox(&OutboxMail {
        waitsin: next.map(|_| mail.lane),
        dueon: next.filter(|_| is_alone).map_or(moment.now, |next| next.max(moment.now)),
        doton: mail.doton.filter(|_| is_marked),
        lasterror: words.map(|words| cut(words)),
        endedon: next.is_none().then_some(moment.now),
        ..mail.clone()
    })?;
    if !is_released {
        return Ok(());
    }
    let mut settled = recipients.iter().filter(|recipient| refused.contains_key(&recipient.recipientnumber));
    settled.try_for_each(|recipient| tx.settle_recipient(recipient))?;
    if next.is_none() { end_of(tx, (mail.activityid, &*recipients), moment) } else { Ok(()) }
}

/// Their addresses, as they are compared.
fn keys<'r>(recipients: impl Iterator<Item = &'r OutboxRecipient>) -> Vec<String> {
    let mut keys: Vec<String> = recipients.map(key).collect();
    keys.sort_unstable();
    keys.dedup();
    keys
}

fn key(recipient: &OutboxRecipient) -> String {
    let address = EmailAddress::parse(&recipient.address);
    address.map_or_else(|| recipient.address.clone(), |address| address.key())
}
