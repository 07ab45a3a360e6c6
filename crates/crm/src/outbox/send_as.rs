//! Who may write as whom: a user as himself, and as the queues that an administrator lets him. What passes through: the
//! grants, changed by commands; asked whenever a user writes.

use std::sync::Arc;

use model::decision::{Entity, RecordRef};
use model::schema::people::{Queue, SendAs, SystemUser};
use model::{EmailAddress, Id, Moment};
use store::{Organization, Priority, StoreError};

use crate::CrmError;
use crate::correlate::KnownRecord;
use crate::records::{note, people};

/// Lets a user write as a queue, or takes that back.
///
/// # Errors
/// [`CrmError::NotFound`] where the user or the queue is not here, or nothing is to be taken back.
pub async fn set_send_as(
    organization: &Arc<Organization>,
    (user, queue): (&EmailAddress, &EmailAddress),
    (is_granted, moment): (bool, Moment),
) -> Result<(), CrmError> {
    let user = people::user_by_address(organization, user)?.systemuserid;
    let queue = queue_by_address(organization, queue)?.queueid;
    let unit = organization.unit(Priority::Background, move |tx| {
        let grant = SendAs { systemuserid: user, queueid: queue, createdon: moment.now };
        let is_done = if is_granted {
            tx.grant_send_as(&grant)?;
            true
        } else {
            tx.revoke_send_as(user, queue)?
        };
        let operation = if is_granted { "send-as granted" } else { "send-as revoked" };
        note(tx, &moment, RecordRef { entity: Entity::Queue, id: queue }, operation)?;
        Ok::<_, StoreError>(is_done)
    });
    if unit.await? { Ok(()) } else { Err(CrmError::NotFound { what: "the grant" }) }
}

/// Who may write as which queue.
///
/// # Errors
/// Where the store cannot say.
pub fn senders(organization: &Organization) -> Result<Vec<(SystemUser, Queue)>, CrmError> {
    Ok(organization.read(|read| {
        let mut senders = Vec::new();
        for grant in read.every_send_as()? {
            if let (Some(user), Some(queue)) = (read.user(grant.systemuserid)?, read.queue(grant.queueid)?) {
                senders.push((user, queue));
            }
        }
        Ok::<_, StoreError>(senders)
    })?)
}

/// Whether who acts may write as this record of ours; an administrator's command may as any.
///
/// # Errors
/// [`CrmError::Invalid`] where he may not, in words.
pub(super) fn check(
    organization: &Organization,
    author: Option<Id>,
    writer: &KnownRecord,
) -> Result<(), CrmError> {
    let Some(author) = author else { return Ok(()) };
    let (record, name) = (writer.record, &writer.name);
    let may = match record.entity {
        Entity::Queue => organization.read(|read| read.may_send_as(author, record.id))?,
        _ => record.id == author,
    };
    let words =
        || format!("you may not write as {name}: `postroom sendas grant` lets somebody write as a queue");
    if may { Ok(()) } else { Err(CrmError::Invalid(words())) }
}

fn queue_by_address(organization: &Organization, address: &EmailAddress) -> Result<Queue, CrmError> {
    let queues = organization.read(|read| read.queues())?;
    let key = address.key();
    let is_it =
        |queue: &Queue| EmailAddress::parse(&queue.emailaddress).is_some_and(|address| address.key() == key);
    queues.into_iter().find(is_it).ok_or(CrmError::NotFound { what: "the queue" })
}
