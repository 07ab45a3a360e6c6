//! By which way out a mail goes: that of the queue or the user who writes it, else the organization's.
//!
//! What passes through: the address of a sender, into a way out; and what is set for whom. It is asked once, where a mail is
//! written into the outbox: what waits there, and what is tried again, keeps the way that it was given.

use std::sync::Arc;

use model::decision::{Entity, RecordRef};
use model::{EmailAddress, Id, Moment};
use store::{Organization, Priority, Read, StoreError};

use super::relays;
use crate::intake::gather;
use crate::records::{note, people};
use crate::{CrmError, answers, mailboxes};

/// Whose way out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WayOf {
    /// That of all mail whose sender has none of his own.
    Organization,
    /// That of mail which is written as the queue with this address.
    Queue(EmailAddress),
    /// That of mail which the user with this address writes as himself.
    User(EmailAddress),
}

/// Who goes by which way.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ways {
    /// The way of all mail whose sender has none of his own; nothing where there is no way at all.
    pub default: Option<Id>,
    /// The addresses of queues and users who have one, queues first, each by name.
    pub own: Vec<(Id, String)>,
}

/// Has mail go by the way out of this name from now on. With no name a queue or user goes by the organization's, and that is the one
/// that was added first.
///
/// # Errors
/// [`CrmError::NotFound`] where the queue or the user is not here; [`CrmError::Invalid`] where no way out has this name.
pub async fn set_way(
    organization: &Arc<Organization>,
    (of, name): (WayOf, Option<&str>),
    moment: Moment,
) -> Result<(), CrmError> {
    let way = name.map(|name| way_named(organization, name)).transpose()?;
    let sender = match of {
        WayOf::Organization => None,
        WayOf::Queue(address) => {
            Some(RecordRef { entity: Entity::Queue, id: answers::queue_of(organization, &address)? })
        }
        WayOf::User(address) => {
            let user = people::user_by_address(organization, &address)?;
            Some(RecordRef { entity: Entity::SystemUser, id: user.systemuserid })
        }
    };
    let unit = organization.unit(Priority::Background, move |tx| {
        let Some(sender) = sender else {
            let value = way.map(|way| way.to_string()).unwrap_or_default();
            return tx.set_setting(DEFAULT, &value);
        };
        match sender.entity {
            Entity::Queue => tx.set_way_of_queue(sender.id, way)?,
            _ => tx.set_way_of_user(sender.id, way)?,
        }
        note(tx, &moment, sender, "way-out-set")
    });
    Ok(unit.await?)
}

/// The setting that names the organization's way out (Dataverse: `defaultemailserverprofileid`).
const DEFAULT: &str = "defaultemailserverprofileid";

/// Who goes by which way out.
///
/// # Errors
/// Where the store cannot say.
pub fn ways(organization: &Organization) -> Result<Ways, CrmError> {
    let (set, queues, users) =
        organization.read(|read| Ok::<_, StoreError>((default(read)?, read.queues()?, read.users()?)))?;
    let queues = queues.into_iter().map(|queue| (queue.emailserverprofile, queue.emailaddress));
    let users = users.into_iter().map(|user| (user.emailserverprofile, user.internalemailaddress));
    let own = queues.chain(users).filter_map(|(way, address)| Some((way?, address))).collect();
    let first =
        || Ok::<_, CrmError>(relays::relays(organization)?.first().map(|way| way.emailserverprofileid));
    Ok(Ways { default: set.map_or_else(first, |set| Ok(Some(set)))?, own })
}

/// The way out of a mail that is written from this address.
///
/// # Errors
/// [`CrmError::Invalid`] where there is none, or the one that is set is here no more: it goes by no other in silence.
pub(super) fn way_of(organization: &Organization, from: &EmailAddress) -> Result<Id, CrmError> {
    let set = organization.read(|read| match own(read, from)? {
        Some(own) => Ok::<_, StoreError>(Some(own)),
        None => default(read),
    })?;
    let known = relays::relays(organization)?;
    let mut ids = known.iter().map(|way| way.emailserverprofileid);
    let way = match set {
        Some(set) => ids.find(|id| *id == set),
        None => ids.next(),
    };
    way.ok_or_else(|| match set {
        Some(_) => CrmError::Invalid(format!(
            "the way out of what {from} writes is not here any more: `postroom relay list` shows those that are"
        )),
        None => CrmError::Invalid(
            "no relay is known that mail goes out by: `postroom relay add` adds one".to_owned(),
        ),
    })
}

/// The way that the queue or the user with this address has.
fn own(read: &Read<'_>, from: &EmailAddress) -> Result<Option<Id>, StoreError> {
    for known in gather::known_records(read, from)? {
        let id = known.record.id;
        let own = match known.record.entity {
            Entity::Queue => read.queue(id)?.and_then(|queue| queue.emailserverprofile),
            Entity::SystemUser => read.user(id)?.and_then(|user| user.emailserverprofile),
            _ => None,
        };
        if own.is_some() {
            return Ok(own);
        }
    }
    Ok(None)
}

fn default(read: &Read<'_>) -> Result<Option<Id>, StoreError> {
    let set = read.setting(DEFAULT)?.filter(|text| !text.is_empty());
    set.map(|text| text.parse().map_err(|_| StoreError::Corrupt)).transpose()
}

/// A way out by its name.
///
/// # Errors
/// [`CrmError::Invalid`] where there is none, with the next step; where the store cannot say.
pub fn way_named(organization: &Organization, name: &str) -> Result<Id, CrmError> {
    let known = relays::relays(organization)?.into_iter().find(|known| known.name == name);
    known.map(|known| known.emailserverprofileid).ok_or_else(|| {
        CrmError::Invalid(format!("there is no way out called “{name}”: `postroom relay list` shows them"))
    })
}

/// The name of a new way out.
///
/// # Errors
/// [`CrmError::Invalid`] where it can be none; *none* says that there is none.
pub(super) fn named(name: &str) -> Result<String, CrmError> {
    match mailboxes::named(name)? {
        name if name == "none" => {
            Err(CrmError::Invalid("“none” says that there is no way out, and names none".to_owned()))
        }
        name => Ok(name),
    }
}
