//! Our side: users, queues, sinks, never-log lists.

use std::sync::Arc;

use model::decision::{Entity, RecordRef};
use model::filter::IncomingFilter;
use model::network::Network;
use model::schema::people::{NeverLog, Queue, Sink, SystemUser};
use model::{EmailAddress, Id, Moment};
use store::{Organization, Priority, Store, StoreError};

use super::{RouteTo, note, publish};
use crate::CrmError;
use crate::sign_in::PasswordHash;

/// A user to be added.
#[derive(Debug, Clone)]
pub struct NewUser {
    /// The full name.
    pub name: String,
    /// The address.
    pub address: EmailAddress,
    /// What incoming mail is kept.
    pub filter: IncomingFilter,
    /// Whether the user runs the house.
    pub is_administrator: bool,
    /// What lets the user sign in; without one the user cannot.
    pub password: Option<PasswordHash>,
    /// Random bytes of which the key for sinks is made.
    pub key_seed: [u8; 10],
}

/// Adds a user and publishes the address.
pub async fn add_user(
    store: &Store,
    organization: &Arc<Organization>,
    new: NewUser,
    moment: Moment,
) -> Result<SystemUser, CrmError> {
    let name = named(&new.name)?;
    is_free(store, &new.address)?;
    let user = SystemUser {
        systemuserid: moment.id(),
        fullname: name,
        internalemailaddress: new.address.to_string(),
        incomingemailfilteringmethod: new.filter,
        isdisabled: false,
        isadministrator: new.is_administrator,
        passwordhash: new.password.map(PasswordHash::into_text),
        sinkkey: key(&new.key_seed),
        createdon: moment.now,
        emailserverprofile: None,
    };
    let added = user.clone();
    write(organization, moment, move |tx, moment| {
        tx.add_user(&added)?;
        note(tx, moment, RecordRef { entity: Entity::SystemUser, id: added.systemuserid }, "created")
    })
    .await?;
    publish(store, organization, &new.address, RouteTo::User(user.systemuserid))?;
    Ok(user)
}

/// Adds a queue and publishes its address.
pub async fn add_queue(
    store: &Store,
    organization: &Arc<Organization>,
    (name, address, filter): (String, EmailAddress, IncomingFilter),
    moment: Moment,
) -> Result<Queue, CrmError> {
    let name = named(&name)?;
    is_free(store, &address)?;
    let queue = Queue {
        queueid: moment.id(),
        name,
        emailaddress: address.to_string(),
        incomingemailfilteringmethod: filter,
        createdon: moment.now,
        emailserverprofile: None,
    };
    let added = queue.clone();
    write(organization, moment, move |tx, moment| {
        tx.add_queue(&added)?;
        note(tx, moment, RecordRef { entity: Entity::Queue, id: added.queueid }, "created")
    })
    .await?;
    publish(store, organization, &address, RouteTo::Queue(queue.queueid))?;
    Ok(queue)
}

/// Who may write to a sink beside loopback and those who know a user's key.
#[derive(Debug, Clone, Default)]
pub struct SinkNetworks {
    /// Networks that may write.
    pub writing: Vec<Network>,
    /// Of those, the networks that refuse our own domains from outside, so that From may be believed.
    pub refusing: Vec<Network>,
}

/// Adds a sink and publishes its address.
pub async fn add_sink(
    store: &Store,
    organization: &Arc<Organization>,
    (address, networks): (EmailAddress, SinkNetworks),
    moment: Moment,
) -> Result<Sink, CrmError> {
    if address.split_detail().1.is_some() {
        return Err(CrmError::Invalid("the address of a sink has no +detail of its own".to_owned()));
    }
    is_free(store, &address)?;
    let words = |networks: &[Network]| networks.iter().map(Network::to_string).collect::<Vec<_>>().join(" ");
    let sink = Sink {
        sinkid: moment.id(),
        address: address.to_string(),
        networks: words(&[networks.writing.as_slice(), &networks.refusing].concat()),
        refusing: words(&networks.refusing),
        createdon: moment.now,
    };
    let added = sink.clone();
    write(organization, moment, move |tx, _| tx.add_sink(&added)).await?;
    publish(store, organization, &address, RouteTo::Sink(sink.sinkid))?;
    Ok(sink)
}

/// Puts an address or `@domain` on the never-log list of the organisation, or of one user.
pub async fn add_never_log(
    organization: &Arc<Organization>,
    pattern: &str,
    user: Option<Id>,
    moment: Moment,
) -> Result<(), CrmError> {
    let wrong = || CrmError::Invalid("write an address, or @domain for a whole domain".to_owned());
    let pattern = pattern.trim();
    let pattern = match pattern.strip_prefix('@') {
        Some(domain) if domain.contains('.') => {
            EmailAddress::parse(&format!("any@{domain}")).ok_or_else(wrong)?.domain_key()
        }
        _ => EmailAddress::parse(pattern).ok_or_else(wrong)?.key(),
    };
    let entry = NeverLog { neverlogid: moment.id(), pattern, systemuserid: user, createdon: moment.now };
    write(organization, moment, move |tx, _| tx.add_never_log(&entry)).await
}

/// Sets what lets a user sign in, and ends all sessions: whoever changes a password may do so because somebody
/// else knows it.
pub async fn set_password(
    organization: &Arc<Organization>,
    user: Id,
    password: PasswordHash,
    moment: Moment,
) -> Result<(), CrmError> {
    let hash = password.into_text();
    write(organization, moment, move |tx, moment| {
        tx.set_password_hash(user, &hash)?;
        tx.close_sessions_of(user)?;
        note(tx, moment, RecordRef { entity: Entity::SystemUser, id: user }, "password-set")
    })
    .await
}

/// Disables a user: no more signing in, and all sessions end.
pub async fn disable_user(
    organization: &Arc<Organization>,
    user: Id,
    moment: Moment,
) -> Result<(), CrmError> {
    write(organization, moment, move |tx, moment| {
        tx.disable_user(user)?;
        tx.close_sessions_of(user)?;
        note(tx, moment, RecordRef { entity: Entity::SystemUser, id: user }, "disabled")
    })
    .await
}

/// The user of an organisation who has this address.
pub fn user_by_address(organization: &Organization, address: &EmailAddress) -> Result<SystemUser, CrmError> {
    let user = organization.read(|read| {
        let records = read.addresses(&address.key())?;
        let user = records.iter().find(|record| record.objecttypecode == Entity::SystemUser as i32);
        user.map(|record| read.user(record.objectid)).transpose().map(Option::flatten)
    })?;
    user.ok_or(CrmError::NotFound { what: "a user with this address" })
}

async fn write(
    organization: &Arc<Organization>,
    moment: Moment,
    change: impl Fn(&mut store::Tx<'_>, &Moment) -> Result<(), StoreError> + Send + 'static,
) -> Result<(), CrmError> {
    // The ids were drawn already: the unit goes on from there, the same at each run.
    Ok(organization.unit(Priority::Background, move |tx| change(tx, &moment.again())).await?)
}

/// Two things cannot have one address: RCPT would not know which is meant.
fn is_free(store: &Store, address: &EmailAddress) -> Result<(), CrmError> {
    match store.route(&address.key())? {
        Some(_) => Err(CrmError::Taken { what: address.to_string() }),
        None => Ok(()),
    }
}

fn named(name: &str) -> Result<String, CrmError> {
    let name = name.trim();
    if name.is_empty() || name.chars().count() > model::limits::NAME_CHARS_MAX {
        return Err(CrmError::Invalid("a name has 1 to 200 characters".to_owned()));
    }
    Ok(name.to_owned())
}

/// 16 letters and digits that survive any mail system: lower case, none that look alike.
fn key(seed: &[u8; 10]) -> String {
    const LETTERS: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";
    let bits = seed.iter().fold(0u128, |bits, byte| (bits << 8) | u128::from(*byte));
    let letter = |place: u32| LETTERS.get(((bits >> (place * 5)) & 31) as usize).copied().unwrap_or(b'a');
    (0..16).map(|place| char::from(letter(place))).collect()
}
