//! What a follower was told in vain: shown, passed over by a person, and told after all.

use std::sync::Arc;

use model::schema::house::Untold;
use model::{Id, Timestamp, limits};
use store::{Cursor, Organization, Priority, StoreError};

use super::{Came, PASSED_OVER, go_on, is_waiting, place_held};
use crate::CrmError;

/// What a follower was told in vain and has not heard since, the newest first.
///
/// # Errors
/// Where the store cannot say.
pub fn untold(organization: &Organization, follower: &str) -> Result<Vec<Untold>, CrmError> {
    Ok(organization.read(|read| read.untold(follower, limits::UNTOLD_LISTED_MAX))?)
}

/// What was passed over of an e-mail, the first of it; `None` where there is nothing.
///
/// # Errors
/// Where the store cannot say.
pub fn passed_over(
    organization: &Organization,
    (follower, email): (&str, Id),
) -> Result<Option<Untold>, CrmError> {
    Ok(organization.read(|read| read.untold_passed_over(follower, email))?)
}

/// Passes over what waits to be told of an e-mail: what is behind it is told, and it stays in the list. Says whether it waited.
///
/// # Errors
/// Where the store cannot do it.
pub async fn pass_over(
    organization: &Arc<Organization>,
    (follower, email): (&'static str, Id),
    now: Timestamp,
) -> Result<bool, CrmError> {
    let unit = organization.unit(Priority::Background, move |tx| {
        let epoch = tx.epoch()?;
        let Some(row) = tx.untold_waiting((follower, email), epoch)? else { return Ok(false) };
        let at = Cursor { epoch, eventid: row.eventid };
        let place = place_held(tx, follower, at)?;
        // Whoever tells may have noted it once more since.
        let Some(row) = tx.untold_at(follower, at)?.filter(is_waiting) else { return Ok(false) };
        tx.note_untold(&Untold { statecode: PASSED_OVER, modifiedon: now, ..row })?;
        go_on(tx, (follower, place), now)?;
        Ok::<_, StoreError>(true)
    });
    Ok(unit.await?)
}

/// What is told again of an event that was passed over; `None` where its e-mail is gone.
///
/// # Errors
/// Where the store cannot say.
pub fn again(organization: &Organization, row: &Untold) -> Result<Option<Came>, CrmError> {
    Ok(organization.read(|read| {
        let Some(email) = read.email(row.activityid)? else { return Ok(None) };
        let parties = read.parties(email.activityid)?;
        Ok::<_, StoreError>(Some(Came { eventid: row.eventid, email, parties }))
    })?)
}

/// It was told after all, or nobody can be told any more.
///
/// # Errors
/// Where the store cannot do it: it stays in the list.
pub async fn was_told(organization: &Arc<Organization>, row: Untold) -> Result<(), CrmError> {
    let unit = organization.unit(Priority::Background, move |tx| tx.drop_untold(&row));
    unit.await.map_err(|error: StoreError| error.into())
}
