//! Mail that was set aside, for its pages, and what an administrator does about it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crm::CrmError;
use crm::undeliverables::{self, DISMISSED, Here, Kept, OPEN, Replayed};
use model::outcome::{Outcome, Reason};
use model::schema::intake::OriginalOutcome;
use model::{Id, limits};
use store::{Organization, Read, StoreError};
use tokio::runtime::Handle;
use web::Failure;
use web::values::{
    List, OriginalEnd, Page, ReplayedAll, UndeliverableEnd, UndeliverableLine, UndeliverableMail, Visitor,
};

use super::{author, failure, lines, store_failure};
use crate::house::House;

/// A page of those that wait: of those that are kept apart, or of the others.
pub(super) fn list(
    organization: &Organization,
    (is_apart, page): (bool, &Page),
) -> Result<List<UndeliverableLine>, Failure> {
    let behind = page.after.as_deref().map(lines::behind).transpose()?;
    let most = limits::PAGE_ROWS_MAX;
    let rows = undeliverables::waiting_apart(organization, is_apart, (behind, most + 1));
    let mut rows = rows.map_err(failure)?;
    let has_more = rows.len() > most;
    rows.truncate(most);
    let key = |kept: &Kept| format!("{}.{}", kept.row.createdon.0, kept.row.undeliverableid);
    let next = rows.last().filter(|_| has_more).map(key);
    let rows = organization.read(|read| rows.into_iter().map(|kept| line(read, kept)).collect());
    Ok(List { rows: rows.map_err(store_failure)?, next })
}

fn line(read: &Read<'_>, kept: Kept) -> Result<UndeliverableLine, StoreError> {
    let Kept { row: it, source, step, here } = kept;
    let is_quarantined = undeliverables::is_quarantined(&it);
    let verdicts = if is_quarantined { read.verdicts_of(it.copyid)? } else { Vec::new() };
    // That of the original, where it has one; else that of the mail as it came.
    let of = |number: i32| verdicts.iter().find(|verdict| verdict.originalnumber == number).cloned();
    let verdict = of(it.originalnumber).or_else(|| of(0));
    Ok(UndeliverableLine {
        is_quarantined,
        can_be_released: undeliverables::is_released_by_hand(it.reason),
        verdict: author::words_of(&verdict),
        id: it.undeliverableid,
        time: it.createdon,
        source,
        sender: it.sender.unwrap_or_default(),
        subject: it.subject,
        reason: Reason::from_code(i64::from(it.reason)).map_or("", Reason::words).to_owned(),
        step: step.name().to_owned(),
        detail: it.detail,
        size_bytes: u64::try_from(it.size).unwrap_or(0),
        is_header: here == Here::Header,
        attempts: u32::try_from(it.attempts).unwrap_or(0),
        tried: it.lasttriedon,
    })
}

/// One of them, with how it ended.
pub(super) fn mail(organization: &Organization, id: Id) -> Result<UndeliverableMail, Failure> {
    let kept = undeliverables::find(organization, id).map_err(failure)?;
    let (row, copyid) = (kept.row.clone(), kept.row.copyid);
    let originals = organization.read(|read| {
        let outcomes = read.outcomes(copyid)?;
        outcomes.iter().map(|outcome| original(read, outcome)).collect::<Result<Vec<_>, _>>()
    });
    let end = UndeliverableEnd {
        is_dismissed: row.statecode == DISMISSED,
        time: row.endedon,
        by: row.endedby.unwrap_or_default(),
        reason: row.endreason.unwrap_or_default(),
        originals: originals.map_err(|error: StoreError| failure(error.into()))?,
    };
    let line = organization.read(|read| line(read, kept)).map_err(store_failure)?;
    Ok(UndeliverableMail { line, end: (row.statecode != OPEN).then_some(end) })
}

fn original(read: &Read<'_>, row: &OriginalOutcome) -> Result<OriginalEnd, StoreError> {
    let email = row.activityid.map(|id| read.email(id)).transpose()?.flatten();
    Ok(OriginalEnd {
        outcome: Outcome::from_code(i64::from(row.outcome)).map_or("", Outcome::name).to_owned(),
        reason: Reason::from_code(i64::from(row.reason)).map_or("", Reason::words).to_owned(),
        email: email.map(|email| (email.activityid.to_string(), email.subject)),
    })
}

/// Takes one in again. On a thread that may wait.
pub(super) fn replay(house: &House, organization: &Arc<Organization>, id: Id) -> Result<Replayed, Failure> {
    let moment = house.moment().map_err(|_| Failure::TryLater)?;
    Handle::current().block_on(undeliverables::replay(organization, id, moment)).map_err(failure)
}

/// Of a page that takes longer nobody learns anything.
const REPLAY_TIME: Duration = Duration::from_secs(15);

/// Takes all in again that wait, the least tried first, as long as a page may take.
pub(super) fn replay_all(house: &House, organization: &Arc<Organization>) -> Result<ReplayedAll, Failure> {
    let (began, mut all) = (Instant::now(), ReplayedAll::default());
    for id in undeliverables::waiting(organization).map_err(failure)? {
        if began.elapsed() > REPLAY_TIME {
            all.left += 1;
            continue;
        }
        match replay(house, organization, id)? {
            Replayed::Ended(_) => all.ended += 1,
            Replayed::Waits => all.waiting += 1,
            Replayed::Over => {}
        }
    }
    Ok(all)
}

/// Notes that nothing is to come of one, in the name of the visitor.
pub(super) fn dismiss(
    house: &House,
    (organization, visitor): (&Arc<Organization>, &Visitor),
    (id, reason): (Id, &str),
) -> Result<(), Failure> {
    let by = (visitor.address.as_str(), reason);
    let dismissed = undeliverables::dismiss(organization, id, by, house.now());
    match Handle::current().block_on(dismissed) {
        // One that ended before says so on its page.
        Ok(_) => Ok(()),
        Err(CrmError::Invalid(_)) => Err(Failure::NotSaid),
        Err(error) => Err(failure(error)),
    }
}
