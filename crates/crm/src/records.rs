//! Records are made here: organisations, users, queues, sinks, customers. Each change writes an event, and
//! whatever an address decides makes the version of the records grow.

pub mod credentials;
pub mod import;
pub mod people;

use std::sync::Arc;

use model::decision::RecordRef;
use model::schema::catalogue;
use model::schema::house::Event;
use model::{Id, Moment};
use store::{Organization, Store, StoreError, Tx};

use crate::CrmError;

/// Makes an organisation with a database of its own.
///
/// # Errors
/// [`CrmError::Taken`] where the name is; [`CrmError::Invalid`] where it is empty or has other characters than
/// letters, digits, `-` and `_`.
pub fn add_organization(store: &Store, name: &str, moment: &Moment) -> Result<Arc<Organization>, CrmError> {
    check_organization_name(name)?;
    let organization =
        catalogue::Organization { organizationid: moment.id(), name: name.to_owned(), createdon: moment.now };
    store.create_organization(organization).map_err(|error| match error {
        StoreError::Exists => CrmError::Taken { what: format!("the name {name}") },
        other => other.into(),
    })
}

/// Whether an organisation may have this name.
///
/// # Errors
/// [`CrmError::Invalid`].
pub fn check_organization_name(name: &str) -> Result<(), CrmError> {
    let is_plain = |c: char| c.is_alphanumeric() || c == '-' || c == '_';
    if name.is_empty() || name.len() > 60 || !name.chars().all(is_plain) {
        return Err(CrmError::Invalid("a name has 1 to 60 letters, digits, - and _".to_owned()));
    }
    Ok(())
}

/// Writes that something happened to a record.
pub(crate) fn note(
    tx: &mut Tx<'_>,
    moment: &Moment,
    record: RecordRef,
    operation: &str,
) -> Result<(), StoreError> {
    let event = Event {
        eventid: 0,
        createdon: moment.now,
        systemuserid: None,
        objectid: record.id,
        objecttypecode: record.entity as i32,
        operation: operation.to_owned(),
        detail: None,
    };
    tx.append_event(&event)
}

/// What a route to a sink is marked with.
const SINK_ROUTE: i32 = 1;

/// What an address of ours leads to.
#[derive(Debug, Clone, Copy)]
pub(crate) enum RouteTo {
    Sink(Id),
    Queue(Id),
    User(Id),
    Return(Id),
}

/// Publishes an address after the organisation's own commit: from now on RCPT knows it.
pub(crate) fn publish(
    store: &Store,
    organization: &Organization,
    address: &model::EmailAddress,
    to: RouteTo,
) -> Result<(), CrmError> {
    let (kind, targetid) = match to {
        RouteTo::Sink(id) => (SINK_ROUTE, id),
        RouteTo::Queue(id) => (2, id),
        RouteTo::User(id) => (3, id),
        RouteTo::Return(id) => (4, id),
    };
    let route =
        catalogue::Route { address: address.key(), organizationid: organization.id(), kind, targetid };
    store.publish_route(&route).map_err(|error| match error {
        StoreError::AddressTaken => CrmError::Taken { what: address.to_string() },
        other => other.into(),
    })
}
