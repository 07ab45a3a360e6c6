//! Whoever outside is told of mail that came: what is to be told next, and how far that has come.
//!
//! What passes through: events of e-mails in the order of commit, from a cursor that stands in the settings of the
//! organization. It goes on when those before it were told.
//!
//! One that he was told in vain holds up those behind it, and is a row meanwhile ([`Untold`]). Where he answered and refused it
//! often and for long, or a person says so, or his place is of another epoch, it is passed over and its row stays, until it is
//! told after all.
//!
//! *Invariant:* each is told at least once, or stands in the list of those that were passed over; under the same name, but where
//! events were numbered anew before he was known to have heard it. Who follows keeps no mail waiting.

mod untold;

use std::sync::Arc;

use model::decision::Entity;
use model::schema::emails::{ActivityParty, Email};
use model::schema::house::Untold;
use model::{Id, Timestamp, limits};
use store::{Cursor, HeldLease, Organization, Priority, Read, StoreError, Tx};

use crate::CrmError;
pub use untold::{again, pass_over, passed_over, untold, was_told};

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
/// and so is he whose place is of another epoch.
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
    let epoch = read.epoch()?;
    Ok(read.followed(follower)?.filter(|cursor| cursor.epoch == epoch))
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

/// How far a follower was told.
#[derive(Debug, Clone)]
pub struct Progress {
    /// Behind the last that he heard.
    pub heard: Cursor,
    /// The next one, where he was told it in vain.
    pub unheard: Option<Unheard>,
}

/// An event that was told in vain.
#[derive(Debug, Clone)]
pub struct Unheard {
    /// Its number.
    pub eventid: i64,
    /// The e-mail that it tells of.
    pub email: Id,
    /// Whether the follower answered, and refused it: else he was not there.
    pub is_refused: bool,
    /// What he said, or what kept him from it.
    pub words: String,
}

/// What became of a note.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Noted {
    /// It goes on behind what he heard.
    On,
    /// What he did not hear waits, and all behind it.
    Waits,
    /// What he did not hear is passed over from now on, and stays in the list.
    PassedOver,
    /// Whoever told him has the lease no more: nothing was noted.
    Lost,
}

/// Whether an event waits to be told again.
#[must_use]
pub fn is_waiting(row: &Untold) -> bool {
    row.statecode == WAITING
}

const WAITING: i32 = 0;
const PASSED_OVER: i32 = 1;

/// Notes how far a follower was told. What he refused [`limits::HOOK_REFUSALS_MAX`] times, over
/// [`limits::HOOK_REFUSED_SECONDS`], is passed over.
///
/// # Errors
/// Where the store cannot do it: he is told again.
pub async fn note(
    organization: &Arc<Organization>,
    (follower, lease): (&'static str, HeldLease),
    progress: Progress,
    now: Timestamp,
) -> Result<Noted, CrmError> {
    let unit = organization.unit(Priority::Background, move |tx| {
        if !tx.is_held(&lease)? {
            return Ok(Noted::Lost);
        }
        let mut place = place_held(tx, follower, progress.heard)?;
        let mut noted = Noted::On;
        // A person may have passed it over meanwhile.
        if let Some(unheard) = progress.unheard.as_ref().filter(|unheard| unheard.eventid > place.eventid) {
            let at = Cursor { epoch: place.epoch, eventid: unheard.eventid };
            let before = tx.untold_at(follower, at)?;
            let row = told_in_vain(before, (follower, at), (unheard, now));
            noted = if is_waiting(&row) { Noted::Waits } else { Noted::PassedOver };
            place = if is_waiting(&row) { place } else { at };
            tx.note_untold(&row)?;
        }
        go_on(tx, (follower, place), now)?;
        Ok::<_, StoreError>(noted)
    });
    Ok(unit.await?)
}

/// The place of a follower, or where he is by now: nobody moves him before this unit ends, and he never goes back.
fn place_held(tx: &mut Tx<'_>, follower: &str, place: Cursor) -> Result<Cursor, StoreError> {
    let there = tx.followed_held(follower)?;
    let there = there.filter(|there| there.epoch == place.epoch).map(|there| there.eventid);
    Ok(Cursor { eventid: place.eventid.max(there.unwrap_or_default()), ..place })
}

fn go_on(tx: &mut Tx<'_>, (follower, place): (&str, Cursor), now: Timestamp) -> Result<(), StoreError> {
    tx.drop_untold_up_to(follower, place, now)?;
    tx.follow(follower, place)
}

/// Its row, after it was told in vain once more.
fn told_in_vain(
    before: Option<Untold>,
    (follower, at): (&str, Cursor),
    (unheard, now): (&Unheard, Timestamp),
) -> Untold {
    let mut row = before.unwrap_or_else(|| Untold {
        follower: follower.to_owned(),
        epoch: at.epoch,
        eventid: at.eventid,
        activityid: unheard.email,
        statecode: WAITING,
        tries: 0,
        refusals: 0,
        refusedon: None,
        words: String::new(),
        createdon: now,
        modifiedon: now,
    });
    row.tries = row.tries.saturating_add(1);
    row.words = unheard.words.chars().take(limits::ERROR_CHARS_MAX).collect();
    row.modifiedon = now;
    if unheard.is_refused {
        row.refusals = row.refusals.saturating_add(1);
        let since = *row.refusedon.get_or_insert(now);
        let is_long = now.0 - since.0 >= limits::HOOK_REFUSED_SECONDS * 1_000;
        if row.refusals >= limits::HOOK_REFUSALS_MAX && is_long {
            row.statecode = PASSED_OVER;
        }
    }
    row
}
