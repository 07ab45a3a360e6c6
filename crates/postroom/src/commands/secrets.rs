//! Commands about the keys that secrets are sealed with.

use std::collections::BTreeMap;
use std::sync::Arc;

use crm::mailboxes::secrets::{self, Sealed};
use crm::secrets::key_of;
use serde::{Deserialize, Serialize};
use store::Organization;

use super::{CommandError, Reply, nodes};
use crate::house::House;

/// A key, and what is sealed with it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyRow {
    /// Its id.
    pub key: String,
    /// Whether it is in the file.
    pub is_here: bool,
    /// Whether it seals what is new.
    pub is_present: bool,
    /// Secrets that only it opens.
    pub secrets: usize,
    /// Whose they are.
    pub organizations: Vec<String>,
}

/// What became of sealing everything anew.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rotated {
    /// The key that seals now.
    pub key: String,
    /// Secrets that were sealed anew.
    pub sealed: usize,
    /// Those that could not be, and why.
    pub left: Vec<String>,
}

/// The keys of the file and those that are missing, and how much each opens.
pub(super) fn list(house: &House, organizations: &[Arc<Organization>]) -> Result<Reply, CommandError> {
    let ids: Vec<String> = house.keyring.ids()?.iter().map(ToString::to_string).collect();
    let mut uses: BTreeMap<String, (usize, Vec<String>)> = BTreeMap::new();
    for organization in organizations {
        for sealed in secrets::all(organization)? {
            let key = key_of(&sealed.record).map_or_else(|_| "unreadable".to_owned(), |id| id.to_string());
            let (count, names) = uses.entry(key).or_default();
            *count += 1;
            if names.last().map(String::as_str) != Some(organization.name()) {
                names.push(organization.name().to_owned());
            }
        }
    }
    let mut rows = Vec::new();
    for (place, key) in ids.into_iter().enumerate() {
        let (secrets, organizations) = uses.remove(&key).unwrap_or_default();
        rows.push(KeyRow { key, is_here: true, is_present: place == 0, secrets, organizations });
    }
    let missing = uses.into_iter().map(|(key, (secrets, organizations))| KeyRow {
        key,
        is_here: false,
        is_present: false,
        secrets,
        organizations,
    });
    rows.extend(missing);
    Ok(Reply::Keys(rows))
}

/// A new key seals from now on, and what others have sealed is sealed anew. The others stay in the file: an archive, or
/// a copy of the database, may still need them.
///
/// A file that the settings name is not written to: whoever keeps it puts a new first line into it, at every node, and
/// this seals what is older.
pub(super) async fn rotate(house: &House) -> Result<Reply, CommandError> {
    if house.keyring.is_ours() {
        if nodes::serves_elsewhere(house)? {
            let words = "other nodes serve too, each with a key file of its own: name one file for all \
                         (secrets.key_file) and put a new first line into it";
            return Err(CommandError::Elsewhere(words.to_owned()));
        }
        if house.keyring.ids()?.is_empty() {
            return Err(CommandError::Elsewhere("nothing is sealed yet, so there is no key".to_owned()));
        }
        house.keyring.renew()?;
    }
    let present = house.keyring.ids()?.first().copied();
    let present = present.ok_or_else(|| CommandError::Elsewhere("the key file has no key".to_owned()))?;
    let mut rotated = Rotated { key: present.to_string(), sealed: 0, left: Vec::new() };
    for organization in super::organizations(house, None)? {
        for sealed in secrets::all(&organization)? {
            if key_of(&sealed.record) == Ok(present) {
                continue;
            }
            let (row, table, column) = (sealed.row, sealed.column.table(), sealed.column.column());
            match seal_anew(house, &organization, sealed).await {
                Ok(true) => rotated.sealed += 1,
                // Another one was set meanwhile: with the present key.
                Ok(false) => {}
                Err(error) => {
                    let name = organization.name();
                    rotated.left.push(format!("{name}, {column} of {table} {row}: {error}"));
                }
            }
        }
    }
    Ok(Reply::Rotated(rotated))
}

async fn seal_anew(
    house: &House,
    organization: &Arc<Organization>,
    former: Sealed,
) -> Result<bool, CommandError> {
    let cell = former.cell(organization.id());
    let secret = house.keyring.open(cell, &former.record)?;
    let sealed = house.keyring.seal(cell, &secret)?;
    Ok(secrets::replace(organization, former, sealed).await?)
}
