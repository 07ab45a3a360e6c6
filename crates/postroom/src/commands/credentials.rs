//! Commands about credentials of sinks.

use std::sync::Arc;

use crm::records::credentials::{self, NewCredential, Vouching};
use receive::auth::scram;
use serde::{Deserialize, Serialize};

use super::records::secret;
use super::{CommandError, Reply, address, organization};
use crate::house::House;

/// A credential of a sink, by its name.
#[derive(Serialize, Deserialize)]
pub struct SinkCredentialName {
    /// The organization's name.
    pub organization: String,
    /// The sink's address.
    pub sink: String,
    /// The credential's name at the sink.
    pub name: String,
}

/// A credential to be added.
#[derive(Serialize, Deserialize)]
pub struct AddSinkCredential {
    /// Where, and by which name.
    pub of: SinkCredentialName,
    /// The address of the user whose own it is.
    pub user: Option<String>,
    /// Whether its holder refuses our own domains from outside.
    pub is_refusing: bool,
}

/// A credential that was made, with its secret, this once.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct NewSinkCredential {
    /// The name that a peer gives.
    pub name: String,
    /// What it proves that it knows.
    pub secret: String,
}

/// A credential in a list.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SinkCredentialRow {
    /// The name that a peer gives.
    pub name: String,
    /// The address of the user whose own it is.
    pub user: Option<String>,
    /// Whether its holder refuses our own domains from outside.
    pub is_refusing: bool,
    /// When it was made, as RFC 3339 has it.
    pub created: String,
}

impl std::fmt::Debug for NewSinkCredential {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NewSinkCredential").field("name", &self.name).finish_non_exhaustive()
    }
}

pub(super) async fn add(house: &House, new: AddSinkCredential) -> Result<Reply, CommandError> {
    let organization = organization(house, &new.of.organization)?;
    let sink = address(&new.of.sink)?;
    let vouching = match (&new.user, new.is_refusing) {
        (Some(user), _) => Vouching::User(address(user)?),
        (None, true) => Vouching::AllOfUs,
        (None, false) => Vouching::Nobody,
    };
    let name = credentials::full_name(&sink, &new.of.name)?;
    let secret = secret()?;
    let made = scram::Verifier::of(&name, &secret);
    let verifier = credentials::Verifier {
        salt: made.salt,
        iterations: made.iterations.cast_signed(),
        stored_key: made.stored_key.to_vec(),
        server_key: made.server_key.to_vec(),
    };
    let credential = NewCredential { sink, name: new.of.name, vouching, verifier };
    credentials::add(&organization, credential, house.moment()?).await?;
    Ok(Reply::NewSinkCredential(NewSinkCredential { name, secret }))
}

pub(super) fn list(house: &House, (name, sink): (&str, &str)) -> Result<Reply, CommandError> {
    let organization = organization(house, name)?;
    let sink = address(sink)?;
    let mut rows = Vec::new();
    for (row, user) in credentials::list(&organization, &sink)? {
        rows.push(SinkCredentialRow {
            name: credentials::full_name(&sink, &row.name)?,
            user,
            is_refusing: row.isrefusing,
            created: super::mail::rfc_3339(row.createdon),
        });
    }
    Ok(Reply::SinkCredentials(rows))
}

pub(super) async fn remove(house: &Arc<House>, of: SinkCredentialName) -> Result<Reply, CommandError> {
    let organization = organization(house, &of.organization)?;
    credentials::remove(&organization, &address(&of.sink)?, &of.name).await?;
    Ok(Reply::Done)
}
