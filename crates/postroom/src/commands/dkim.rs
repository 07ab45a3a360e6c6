//! Commands about keys that outgoing mail is signed with.

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use crm::secrets::Cell;
use crm::signing::{self, NewDomainKey};
use model::Id;
use serde::{Deserialize, Serialize};
use store::{Organization, SecretColumn};
use trust::sign::{self, KeyKind, SigningKey};

use super::{CommandError, Reply, organization, organizations};
use crate::house::House;

/// Something about signing keys.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DkimRequest {
    /// Adds a key.
    Add(AddDomainKey),
    /// Those of one organization, or of all.
    List(Option<String>),
    /// Forgets one.
    Remove {
        /// The organization's name.
        organization: String,
        /// Whose mail it signs.
        domain: String,
        /// Under which name.
        selector: String,
    },
}

/// A key to be added.
#[derive(Serialize, Deserialize)]
pub struct AddDomainKey {
    /// The organization's name.
    pub organization: String,
    /// Whose mail it signs.
    pub domain: String,
    /// Under which name its record stands.
    pub selector: String,
    /// The private key in PEM; `None` for a new one.
    pub pem: Option<String>,
    /// Whether a new one is of Ed25519 and not of RSA.
    pub is_ed25519: bool,
}

/// A signing key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DomainKeyRow {
    /// The organization's name.
    pub organization: String,
    /// Where its record belongs.
    pub name: String,
    /// The text of the record (TXT).
    pub record: String,
}

pub(super) async fn run(house: &House, request: DkimRequest) -> Result<Reply, CommandError> {
    match request {
        DkimRequest::Add(new) => add(house, new).await,
        DkimRequest::List(name) => list(&organizations(house, name)?),
        DkimRequest::Remove { organization: name, domain, selector } => {
            signing::remove(&organization(house, &name)?, &domain, &selector).await?;
            Ok(Reply::Done)
        }
    }
}

async fn add(house: &House, new: AddDomainKey) -> Result<Reply, CommandError> {
    let organization = organization(house, &new.organization)?;
    let invalid = |error: sign::SignError| crm::CrmError::Invalid(error.to_string());
    let der = match &new.pem {
        Some(pem) => sign::from_pem(pem).map_err(invalid)?,
        None => sign::make(if new.is_ed25519 { KeyKind::Ed25519 } else { KeyKind::Rsa }).map_err(invalid)?,
    };
    let record = SigningKey::read(&der).map_err(invalid)?.record();
    let moment = house.moment()?;
    let cell = signing_key_of(organization.id(), signing::row_of(&moment));
    let text = zeroize::Zeroizing::new(STANDARD.encode(&*der));
    let sealed = house.keyring.seal(cell, &text)?;
    let AddDomainKey { domain, selector, .. } = new;
    let key = NewDomainKey { domain: domain.clone(), selector: selector.clone(), record, sealed };
    signing::add(&organization, key, moment).await?;
    let added = |row: &DomainKeyRow| row.name == format!("{selector}._domainkey.{domain}").to_lowercase();
    match list(&[organization])? {
        Reply::DomainKeys(mut rows) => {
            // Of a domain outside ASCII the name is another than it was given: then all are shown.
            if rows.iter().any(added) {
                rows.retain(added);
            }
            Ok(Reply::DomainKeys(rows))
        }
        other => Ok(other),
    }
}

/// The cell of a private key.
pub(crate) fn signing_key_of(organization: Id, key: Id) -> Cell<'static> {
    let column = SecretColumn::SigningKey;
    Cell { organization, table: column.table(), row: key, column: column.column() }
}

fn list(organizations: &[Arc<Organization>]) -> Result<Reply, CommandError> {
    let mut rows = Vec::new();
    for organization in organizations {
        rows.extend(signing::list(organization)?.into_iter().map(|key| DomainKeyRow {
            organization: organization.name().to_owned(),
            name: format!("{}._domainkey.{}", key.selector, key.domain),
            record: key.record,
        }));
    }
    Ok(Reply::DomainKeys(rows))
}
