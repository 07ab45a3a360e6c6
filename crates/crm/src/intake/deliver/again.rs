//! A copy that was set aside is delivered once more: what can be read now ends otherwise, all else as before.
//!
//! *Invariant:* one unit of work, under the copy's own id. What the copy brought before it has brought; what a person has
//! dismissed stays dismissed; the books say the same number of copies for the same day.

use model::Id;
use model::outcome::Outcome;
use model::schema::intake::Undeliverable;
use store::Tx;

use super::{DeliverError, Delivery, Work, check, earlier_receipt, enter};
use crate::intake::copy::{OriginalReceipt, Receipt};
use crate::undeliverables::{DISMISSED, OPEN};

/// What became of a replay.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::intake) enum Again {
    /// It waits no longer, since before.
    Over,
    /// It waits no longer; what its copy ended as.
    Ended(Receipt),
    /// It waits still.
    Waits,
}

/// Delivers the copy of an Undeliverable again. Runs inside a unit of work.
pub(in crate::intake) fn deliver_again(
    tx: &mut Tx<'_>,
    delivery: &Delivery,
    id: Id,
) -> Result<Again, DeliverError> {
    let (opened, moment) = (&delivery.opened, delivery.moment.again());
    // First of all: of two that replay it at once, the second waits and finds it ended.
    if !tx.begin_replay(id, moment.now)? {
        return Ok(Again::Over);
    }
    let copyid = opened.copy.copyid;
    let (entry, before) = (tx.copy(copyid)?, earlier_receipt(tx, copyid)?);
    let (Some(entry), Some(before)) = (entry, before) else { return Ok(Again::Over) };
    if tx.records_version()? != opened.desk.records_version {
        return Err(DeliverError::Overtaken);
    }
    let rows = tx.undeliverables_of(copyid)?;
    let dismissed: Vec<&Undeliverable> = rows.iter().filter(|row| row.statecode == DISMISSED).collect();
    let (mut receipts, mut stuck) = (Vec::with_capacity(opened.originals.len()), Vec::new());
    for (original, kept) in opened.originals.iter().zip(&delivery.kept.originals) {
        let blobid = kept.as_ref().ok_or(DeliverError::Overtaken)?.blobid;
        if let Some(row) = dismissed.iter().find(|row| row.blobid == blobid) {
            receipts.push(as_before(&before, row));
            continue;
        }
        let checked = check::check(tx, opened, original)?;
        let work = Work { opened, original, checked: &checked, kept: kept.as_ref(), moment: &moment };
        let receipt = brought(&before, work.end(tx)?);
        if is_aside(receipt.outcome) {
            stuck.push((blobid, receipt.reason, work.detail(receipt.reason)));
        }
        receipts.push(receipt);
    }
    let receipt = Receipt { copyid, originals: receipts };
    if receipt != before {
        tx.take_back_outcomes(copyid)?;
        enter(tx, (delivery, Some(&entry)), &receipt, &moment)?;
    }
    let mut waits = false;
    for row in rows.iter().filter(|row| row.statecode == OPEN) {
        match stuck.iter().find(|(blobid, ..)| row.blobid == *blobid) {
            Some((_, reason, detail)) if row.undeliverableid == id => {
                tx.still_waits(id, *reason as i32, detail)?;
                waits = true;
            }
            Some(_) => {}
            None => tx.end_replay(row.undeliverableid, moment.now)?,
        }
    }
    Ok(if waits { Again::Waits } else { Again::Ended(receipt) })
}

fn is_aside(outcome: Outcome) -> bool {
    matches!(outcome, Outcome::Quarantined | Outcome::Undeliverable)
}

/// The end of an original that was dismissed.
fn as_before(before: &Receipt, row: &Undeliverable) -> OriginalReceipt {
    let place = usize::try_from(row.originalnumber - 1).unwrap_or_default();
    let aside = before.originals.get(place).filter(|receipt| is_aside(receipt.outcome));
    let any = before.originals.iter().find(|receipt| is_aside(receipt.outcome));
    aside.or(any).cloned().unwrap_or(OriginalReceipt {
        outcome: Outcome::Undeliverable,
        reason: model::outcome::Reason::Fault,
        email: None,
    })
}

/// A mail that is here because this very copy brought it before is no duplicate of itself.
fn brought(before: &Receipt, receipt: OriginalReceipt) -> OriginalReceipt {
    let was =
        before.originals.iter().find(|was| was.outcome == Outcome::Stored && was.email == receipt.email);
    match was {
        Some(was) if receipt.outcome == Outcome::Duplicate => was.clone(),
        _ => receipt,
    }
}
