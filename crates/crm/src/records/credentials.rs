//! Credentials of sinks: what a peer from anywhere proves with AUTH, so that it may write to the sink.
//!
//! What passes through: verifiers of random secrets; the secrets themselves never come here.
//!
//! *Invariant:* a credential says who writes. Whether From is believed is said when it is made, and for whom; see
//! `docs/decisions/0012-credentials-of-sinks.md`.

use std::sync::Arc;

use model::schema::catalogue::Route;
use model::schema::people::{Sink, SinkCredential};
use model::{EmailAddress, Id, Moment};
use store::{Organization, Priority, Store, StoreError};

use crate::CrmError;

/// The longest name of a credential.
const NAME_BYTES_MAX: usize = 40;

/// A credential to be added.
#[derive(Debug, Clone)]
pub struct NewCredential {
    /// The sink it is for.
    pub sink: EmailAddress,
    /// Its name there.
    pub name: String,
    /// Of whom From is believed.
    pub vouching: Vouching,
    /// What is kept of its secret.
    pub verifier: Verifier,
}

/// Of whom the proof of a credential makes From believed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Vouching {
    /// Of nobody: its holder hands on whatever comes.
    Nobody,
    /// Of this user, whose own it is.
    User(EmailAddress),
    /// Of all of us: its holder refuses our own domains from outside.
    AllOfUs,
}

/// What is kept of a secret (RFC 5802 §3).
#[derive(Clone)]
pub struct Verifier {
    /// Goes into the hash with the secret.
    pub salt: Vec<u8>,
    /// Rounds of the hash.
    pub iterations: i32,
    /// Checks the client.
    pub stored_key: Vec<u8>,
    /// Proves the server.
    pub server_key: Vec<u8>,
}

impl std::fmt::Debug for Verifier {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Verifier(…)")
    }
}

/// The name that a peer gives: the sink's address with the credential's name as its detail.
///
/// # Errors
/// [`CrmError::Invalid`] where the name has other characters than small letters, digits, `-`, `_` and `.`.
pub fn full_name(sink: &EmailAddress, name: &str) -> Result<String, CrmError> {
    let is_plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '_' | '.');
    if name.is_empty() || name.len() > NAME_BYTES_MAX || !name.chars().all(is_plain) {
        let rule = "a credential's name has 1 to 40 small letters, digits, -, _ and .";
        return Err(CrmError::Invalid(rule.to_owned()));
    }
    Ok(format!("{}+{name}@{}", sink.local_part(), sink.domain()))
}

/// Adds a credential to a sink.
///
/// # Errors
/// [`CrmError::Taken`] where the sink has one of this name; [`CrmError::NotFound`] where there is no such sink or
/// user.
pub async fn add(
    organization: &Arc<Organization>,
    new: NewCredential,
    moment: Moment,
) -> Result<(), CrmError> {
    let full_name = full_name(&new.sink, &new.name)?;
    let sink = sink(organization, &new.sink)?;
    let systemuserid = match &new.vouching {
        Vouching::User(address) => Some(super::people::user_by_address(organization, address)?.systemuserid),
        _ => None,
    };
    let credential = SinkCredential {
        sinkcredentialid: moment.id(),
        sinkid: sink.sinkid,
        name: new.name,
        systemuserid,
        isrefusing: new.vouching == Vouching::AllOfUs,
        salt: new.verifier.salt,
        iterations: new.verifier.iterations,
        storedkey: new.verifier.stored_key,
        serverkey: new.verifier.server_key,
        createdon: moment.now,
    };
    let added = organization.unit(Priority::Background, move |tx| {
        let is_free = tx.sink_credential_by_name(credential.sinkid, &credential.name)?.is_none();
        if is_free {
            tx.add_sink_credential(&credential)?;
        }
        Ok::<bool, StoreError>(is_free)
    });
    if added.await? { Ok(()) } else { Err(CrmError::Taken { what: full_name }) }
}

/// The credentials of a sink, and the users whose own some are.
///
/// # Errors
/// [`CrmError::NotFound`] where there is no such sink.
pub fn list(
    organization: &Organization,
    sink_address: &EmailAddress,
) -> Result<Vec<(SinkCredential, Option<String>)>, CrmError> {
    let sink = sink(organization, sink_address)?;
    let rows = organization.read(|read| {
        let user = |id: Id| Ok::<_, StoreError>(read.user(id)?.map(|user| user.internalemailaddress));
        let with_user = |row: SinkCredential| {
            let user = row.systemuserid.map(user).transpose()?.flatten();
            Ok((row, user))
        };
        read.sink_credentials(sink.sinkid)?.into_iter().map(with_user).collect()
    });
    Ok(rows?)
}

/// Takes a credential away. Whoever has proven it may write no more, in open sessions too.
///
/// # Errors
/// [`CrmError::NotFound`] where there is no such sink or credential.
pub async fn remove(
    organization: &Arc<Organization>,
    sink_address: &EmailAddress,
    name: &str,
) -> Result<(), CrmError> {
    let sink = sink(organization, sink_address)?;
    let found = organization.read(|read| read.sink_credential_by_name(sink.sinkid, name))?;
    let id = found.ok_or(CrmError::NotFound { what: "a credential of this name" })?.sinkcredentialid;
    let removed = organization.unit(Priority::Background, move |tx| tx.remove_sink_credential(id));
    Ok(removed.await.map_err(|error: StoreError| error)?)
}

/// The credential of a full name, whosever it is.
///
/// # Errors
/// [`StoreError`]; then it may be there.
pub fn by_full_name(store: &Store, full_name: &str) -> Result<Option<SinkCredential>, StoreError> {
    let Some(address) = EmailAddress::parse(full_name) else { return Ok(None) };
    let (sink, Some(name)) = address.split_detail() else { return Ok(None) };
    let Some(route) = store.route(&sink.key())?.filter(is_sink) else { return Ok(None) };
    let organization = match store.organization(route.organizationid) {
        Err(StoreError::NotFound) => return Ok(None),
        found => found?,
    };
    organization.read(|read| read.sink_credential_by_name(route.targetid, &name.to_lowercase()))
}

fn is_sink(route: &Route) -> bool {
    route.kind == super::SINK_ROUTE
}

fn sink(organization: &Organization, address: &EmailAddress) -> Result<Sink, CrmError> {
    let sink = organization.read(|read| {
        let records = read.addresses(&address.key())?;
        let sink = records.iter().find(|record| record.objecttypecode == store::SINK_TYPE_CODE);
        sink.map(|record| read.sink(record.objectid)).transpose().map(Option::flatten)
    })?;
    sink.ok_or(CrmError::NotFound { what: "a sink with this address" })
}
