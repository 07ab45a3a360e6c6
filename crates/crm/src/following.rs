//! Whoever outside is told of mail that came: what is to be told next, and how far that has come.
//!
//! What passes through: events of e-mails in the order of commit, from a cursor that stands in the settings of the
//! organization. It goes on when those before it were told.
//!
//! *Invariant:* each is told at least once, under the same name; who follows keeps no mail waiting.

use std::sync::Arc;

use model::decision::Entity;
use model::schema::emails::{ActivityParty, Email};
use model::{Id, Timestamp, limits};
use store::{Cursor, HeldLease, Organization, Priority, Read, StoreError};

use crate::CrmError;

/// An e-mail that came.
#[derive(Debug, Clone)]
pub struct Came {
    /// The number of the event that tells of it.
    pub eventid: i64,
    /// It.
    pub email: Email,
    /// Who wrote it, and to whom.
    pub parties: Vec<ActivityParty>,
}

/// What is to be told next.
#[derive(Debug, Clone)]
pub struct Stretch {
    /// The e-mails, in the order of commit.
    pub came: Vec<Came>,
    /// The epoch of their events.
    pub epoch: Id,
    /// The cursor behind the last of them, and behind what nobody is told of.
    pub end: Cursor,
    /// Whether something was looked at: else all was told.
    pub is_news: bool,
}

/// What is to be told next: so many e-mails at most. Who follows for the first time is told of what happens from `since` on,
/// and so is he where the events were numbered anew.
///
/// # Errors
/// Where the store cannot say.
pub fn next(
    organization: &Organization,
    (follower, since): (&str, Timestamp),
    limit: usize,
) -> Result<Stretch, CrmError> {
    Ok(organization.read(|read| {
        let reached = reached(read, follower)?;
        let begin = match reached {
            Some(cursor) => cursor,
            None => Cursor { eventid: read.last_event_before(since)?, ..read.first_cursor()? },
        };
        let events = read.events_after(begin, limits::FOLLOWED_EVENTS_MAX)?;
        let mut stretch =
            Stretch { came: Vec::new(), epoch: begin.epoch, end: begin, is_news: reached.is_none() };
        for event in events {
            if stretch.came.len() == limit {
                break;
            }
            (stretch.end.eventid, stretch.is_news) = (event.eventid, true);
            if event.objecttypecode != Entity::Email as i32 || event.operation != "created" {
                continue;
            }
            // What went out, or is gone since, came to nobody.
            if let Some(email) = read.email(event.objectid)?.filter(|email| !email.directioncode) {
                let parties = read.parties(email.activityid)?;
                stretch.came.push(Came { eventid: event.eventid, email, parties });
            }
        }
        Ok::<_, StoreError>(stretch)
    })?)
}

/// The place where a follower is; `None` where he is at none that counts.
fn reached(read: &Read<'_>, follower: &str) -> Result<Option<Cursor>, StoreError> {
    let text = read.setting(&setting(follower))?.unwrap_or_default();
    let found = text.split_once(' ').and_then(|(epoch, eventid)| {
        Some(Cursor { epoch: epoch.parse().ok()?, eventid: eventid.parse().ok()? })
    });
    let epoch = read.epoch()?;
    Ok(found.filter(|cursor| cursor.epoch == epoch))
}

fn setting(follower: &str) -> String {
    format!("follower {follower}")
}

/// Has one node at a time tell a follower; `None` while another one does.
///
/// # Errors
/// Where the store cannot do it.
pub async fn lease(
    organization: &Arc<Organization>,
    (follower, node): (&str, Id),
    now: Timestamp,
) -> Result<Option<HeldLease>, CrmError> {
    let name = format!("follower/{follower}");
    let unit = organization.unit(Priority::Background, move |tx| tx.take_lease(&name, node, now));
    unit.await.map_err(|error: StoreError| error.into())
}

/// Holds it for longer. Says whether it was still held.
///
/// # Errors
/// Where the store cannot do it.
pub async fn renew(
    organization: &Arc<Organization>,
    lease: HeldLease,
    now: Timestamp,
) -> Result<bool, CrmError> {
    let unit = organization.unit(Priority::Background, move |tx| tx.renew_lease(&lease, now));
    unit.await.map_err(|error: StoreError| error.into())
}

/// Gives it back.
///
/// # Errors
/// Where the store cannot do it; then it runs out.
pub async fn give_back(organization: &Arc<Organization>, lease: HeldLease) -> Result<(), CrmError> {
    let unit = organization.unit(Priority::Background, move |tx| tx.give_lease_back(&lease));
    unit.await.map_err(|error: StoreError| error.into())
}

/// Notes how far a follower was told. Says whether whoever told him still has the lease; else nothing was noted.
///
/// # Errors
/// Where the store cannot do it: he is told again.
pub async fn note(
    organization: &Arc<Organization>,
    (follower, lease): (&str, HeldLease),
    cursor: Cursor,
) -> Result<bool, CrmError> {
    let name = setting(follower);
    let unit = organization.unit(Priority::Background, move |tx| {
        let is_held = tx.is_held(&lease)?;
        if is_held {
            tx.set_setting(&name, &format!("{} {}", cursor.epoch, cursor.eventid))?;
        }
        Ok::<_, StoreError>(is_held)
    });
    Ok(unit.await?)
}
