//! Automatic answers: a queue says that it has a mail (RFC 3834).
//!
//! ```text
//! the unit that stores a mail ─▶ may: pure ─▶ claim: once a period ─▶ job ┄▶ give: template ─▶ outbox
//! ```
//!
//! *Invariant:* whether a mail is answered is decided and claimed in the unit that stores it, so a mail that comes twice, at
//! two nodes or at one, is answered once. The answer itself is written by a job, under a key: twice is once.

mod give;
mod may;

use std::sync::Arc;

use model::decision::Entity;
use model::schema::answers::Acknowledgement;
use model::{EmailAddress, Id, Moment, limits};
use store::{Organization, Priority, StoreError};

use crate::CrmError;
use crate::intake::gather::known_records;

pub use may::{Arrival, No, may_answer};

pub(crate) use give::{ACKNOWLEDGE, give};

/// How a queue is to acknowledge.
#[derive(Debug, Clone)]
pub struct Acknowledging {
    /// The title of the template; it is everybody's.
    pub title: String,
    /// For so many days nobody is answered twice.
    pub period_days: i32,
    /// So many answers go to one domain in an hour.
    pub hourly_max: i32,
}

/// Has a queue acknowledge, or stop to.
///
/// # Errors
/// [`CrmError::NotFound`] where there is no such queue or template; [`CrmError::Invalid`] where a number is out of bounds.
pub async fn set_acknowledging(
    organization: &Arc<Organization>,
    queue: &EmailAddress,
    wanted: Option<Acknowledging>,
) -> Result<(), CrmError> {
    let queue = queue_of(organization, queue)?;
    let row = wanted.map(|wanted| checked(organization, queue, wanted)).transpose()?;
    let unit = organization.unit(Priority::Background, move |tx| match &row {
        Some(row) => tx.set_acknowledgement(row),
        None => tx.drop_acknowledgement(queue),
    });
    unit.await.map_err(|error: StoreError| error.into())
}

fn checked(
    organization: &Organization,
    queueid: Id,
    wanted: Acknowledging,
) -> Result<Acknowledgement, CrmError> {
    let titled = organization.read(|read| read.templates_titled(&wanted.title))?;
    if titled.iter().all(|row| row.ispersonal) {
        return Err(CrmError::NotFound { what: "the template" });
    }
    let (days, hourly) = (limits::ANSWER_PERIOD_DAYS_MAX, limits::ANSWERS_HOURLY_MAX);
    if !(1..=days).contains(&wanted.period_days) || !(1..=hourly).contains(&wanted.hourly_max) {
        return Err(CrmError::Invalid(format!(
            "the period has 1 to {days} days, and an hour 1 to {hourly} answers"
        )));
    }
    Ok(Acknowledgement {
        queueid,
        title: wanted.title,
        perioddays: wanted.period_days,
        hourlymax: wanted.hourly_max,
    })
}

/// The queue that has an address.
pub(crate) fn queue_of(organization: &Organization, address: &EmailAddress) -> Result<Id, CrmError> {
    let known = organization.read(|read| known_records(read, address))?;
    let queue = known.into_iter().find(|known| known.record.entity == Entity::Queue);
    queue.map(|known| known.record.id).ok_or(CrmError::NotFound { what: "a queue with this address" })
}

/// A moment for what comes of a job; its ids are not those of the unit that ends the job.
pub(crate) fn later(moment: &Moment) -> Moment {
    let seed = moment.again().id().0;
    let seed = seed.iter().fold(0_u64, |seed, byte| seed.rotate_left(5) ^ u64::from(*byte));
    Moment::new(moment.now, seed)
}
