//! The outbox, for its page and for the page of an e-mail, and what a person does with what stands in it.

use std::sync::Arc;

use crm::CrmError;
use crm::outbox::{self, Shown, Standing, Whose};
use model::{Id, limits};
use store::Organization;
use tokio::runtime::Handle;
use web::Failure;
use web::values::{List, OutboxChange, OutboxLine, OutboxStanding, OutboxTroubles, Page, Visitor};

use super::names::Names;
use super::{failure, lines, store_failure};
use crate::house::House;

/// A page of what stands so.
pub(super) fn list(
    house: &House,
    (organization, visitor): (&Organization, &Visitor),
    (standing, page): (Option<OutboxStanding>, &Page),
) -> Result<List<OutboxLine>, Failure> {
    let behind = page.after.as_deref().map(lines::behind).transpose()?;
    let asked = (whose(visitor), standing.map(wanted));
    let most = limits::PAGE_ROWS_MAX;
    let (rows, next) = outbox::shown(organization, asked, (behind, most), house.now()).map_err(failure)?;
    let rows = organization.read(|read| {
        let names = &mut Names::new(read);
        rows.into_iter().map(|row| line(names, visitor, row)).collect::<Result<_, _>>()
    });
    Ok(List { rows: rows.map_err(store_failure)?, next: next.map(|(time, id)| format!("{}.{id}", time.0)) })
}

/// How one goes out; `None` where it does not, or is another's.
pub(super) fn one(
    house: &House,
    (organization, visitor): (&Organization, &Visitor),
    id: Id,
) -> Result<Option<OutboxLine>, Failure> {
    match outbox::shown_one(organization, (whose(visitor), id), house.now()) {
        Ok(shown) => organization
            .read(|read| line(&mut Names::new(read), visitor, shown))
            .map(Some)
            .map_err(store_failure),
        Err(CrmError::NotFound { .. }) => Ok(None),
        Err(error) => Err(failure(error)),
    }
}

pub(super) fn troubles(
    house: &House,
    (organization, visitor): (&Organization, &Visitor),
) -> Result<OutboxTroubles, Failure> {
    let (failed, uncertain) = outbox::troubles(organization, whose(visitor), house.now()).map_err(failure)?;
    let count = |number: usize| u64::try_from(number).unwrap_or(u64::MAX);
    Ok(OutboxTroubles { failed: count(failed), uncertain: count(uncertain) })
}

/// Does something with one. On a thread that may wait.
pub(super) fn change(
    house: &House,
    (organization, visitor): (&Arc<Organization>, &Visitor),
    (id, change): (Id, OutboxChange),
) -> Result<bool, Failure> {
    // Another's is not there.
    let shown = outbox::shown_one(organization, (whose(visitor), id), house.now()).map_err(failure)?;
    // Written anew it would go to all: also to whoever has it already.
    if change == OutboxChange::Undo && shown.line.attempts > 0 {
        return Ok(false);
    }
    let is_his = shown.line.ownerid == Some(visitor.user);
    let moment = house.moment().map_err(|_| Failure::TryLater)?;
    let done = Handle::current().block_on(async {
        match change {
            OutboxChange::Retry => outbox::retry(organization, id, moment).await,
            // Whatever was a draft of the visitor's is it again: nothing of it is lost that a letter cannot say.
            OutboxChange::Undo if is_his && was_draft(organization, id)? => {
                outbox::take_back(organization, id, moment).await
            }
            OutboxChange::Cancel | OutboxChange::Undo => outbox::cancel(organization, id, moment).await,
        }
    });
    if change == OutboxChange::Retry {
        house.relays_away.forget();
        house.outbox_bell.notify_one();
    }
    done.map_err(failure)
}

fn was_draft(organization: &Organization, id: Id) -> Result<bool, CrmError> {
    let mail = organization.read(|read| read.outbox_mail(id))?;
    Ok(mail.is_some_and(|mail| mail.wasdraft))
}

/// An administrator sees all, as on the other pages.
pub(super) fn whose(visitor: &Visitor) -> Whose {
    if visitor.is_administrator { Whose::All } else { Whose::Of(visitor.user) }
}

fn line(names: &mut Names<'_, '_>, visitor: &Visitor, shown: Shown) -> Result<OutboxLine, store::StoreError> {
    let (can_retry, can_cancel) = (shown.may_be_retried(), shown.may_be_canceled());
    let row = shown.line;
    let owner = row.ownerid.filter(|owner| *owner != visitor.user);
    Ok(OutboxLine {
        id: row.id,
        time: row.createdon,
        due: row.waitsin.filter(|_| row.owner.is_none()).map(|_| row.dueon),
        standing: told(shown.standing),
        to: row.torecipients.replace(';', ", "),
        recipients: u64::try_from(row.recipients).unwrap_or(0),
        subject: row.subject,
        words: row.lasterror.unwrap_or_default(),
        way: row.way,
        owner: owner.map(|owner| names.user(owner)).transpose()?.flatten(),
        can_retry,
        can_cancel,
    })
}

const STANDINGS: [(Standing, OutboxStanding); 7] = [
    (Standing::Scheduled, OutboxStanding::Scheduled),
    (Standing::Waiting, OutboxStanding::Waiting),
    (Standing::Sending, OutboxStanding::Sending),
    (Standing::Uncertain, OutboxStanding::Uncertain),
    (Standing::Failed, OutboxStanding::Failed),
    (Standing::Sent, OutboxStanding::Sent),
    (Standing::Canceled, OutboxStanding::Canceled),
];

fn told(standing: Standing) -> OutboxStanding {
    let pair = STANDINGS.into_iter().find(|(ours, _)| *ours == standing);
    pair.map_or(OutboxStanding::Waiting, |(_, told)| told)
}

fn wanted(standing: OutboxStanding) -> Standing {
    let pair = STANDINGS.into_iter().find(|(_, told)| *told == standing);
    pair.map_or(Standing::Waiting, |(ours, _)| ours)
}
