//! Signs outgoing mail just before it goes.
//!
//! *Invariant:* a mail whose domain has keys never goes without their signatures: receivers may refuse it for good, and
//! where a key cannot be opened now it can be later.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use crm::signing;
use model::schema::signing::DomainKey;
use model::{Id, limits};
use store::Organization;
use trust::sign::SigningKey;
use zeroize::Zeroizing;

use crate::commands::signing_key_of;
use crate::house::House;

/// Keys that have been opened: to read one takes longer than to sign with it.
#[derive(Default)]
pub(crate) struct Signers(Mutex<HashMap<Id, Arc<SigningKey>>>);

impl Signers {
    fn lock(&self) -> MutexGuard<'_, HashMap<Id, Arc<SigningKey>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The mail with the signatures of its author's domain on top; as it is, where that has no keys.
pub(crate) async fn signed(
    house: &Arc<House>,
    organization: &Arc<Organization>,
    raw: Arc<[u8]>,
) -> Result<Arc<[u8]>, String> {
    let keys = keys(house, organization, &raw)?;
    if keys.is_empty() {
        return Ok(raw);
    }
    if raw.len() <= limits::LARGE_MESSAGE_BYTES {
        return with_signatures(&keys, &raw);
    }
    // To hash it takes longer than others should wait.
    let work = tokio::task::spawn_blocking(move || with_signatures(&keys, &raw));
    work.await.map_err(|_| "a fault of Postroom".to_owned())?
}

type Opened = (DomainKey, Arc<SigningKey>);

fn keys(house: &House, organization: &Organization, raw: &[u8]) -> Result<Vec<Opened>, String> {
    let header = message::read_header(raw).map_err(|error| error.to_string())?;
    let Some(author) = header.author() else { return Ok(Vec::new()) };
    let keys = signing::of_author(organization, &author.address).map_err(|error| error.to_string())?;
    keys.into_iter()
        .map(|key| {
            let opened = open(house, organization.id(), &key).map_err(|why| {
                format!("it cannot be signed with {}._domainkey.{}: {why}", key.selector, key.domain)
            })?;
            Ok((key, opened))
        })
        .collect()
}

fn open(house: &House, organization: Id, key: &DomainKey) -> Result<Arc<SigningKey>, String> {
    if let Some(known) = house.signers.lock().get(&key.domainkeyid) {
        return Ok(Arc::clone(known));
    }
    let cell = signing_key_of(organization, key.domainkeyid);
    let text = house.keyring.open(cell, &key.privatekey).map_err(|error| error.to_string())?;
    let der = STANDARD.decode(text.as_bytes()).map(Zeroizing::new).map_err(|error| error.to_string())?;
    let opened = Arc::new(SigningKey::read(&der).map_err(|error| error.to_string())?);
    let mut known = house.signers.lock();
    // Those of organizations that are gone do not pile up.
    if known.len() >= SIGNERS_MAX {
        known.clear();
    }
    known.insert(key.domainkeyid, Arc::clone(&opened));
    Ok(opened)
}

/// Keys that are kept open: a few kilobytes each.
const SIGNERS_MAX: usize = 1_000;

fn with_signatures(keys: &[Opened], raw: &[u8]) -> Result<Arc<[u8]>, String> {
    let mut mail = Vec::with_capacity(raw.len() + keys.len() * 1024);
    for (key, signer) in keys {
        let field = signer.sign(raw, (&key.domain, &key.selector)).map_err(|error| error.to_string())?;
        mail.extend_from_slice(field.as_bytes());
    }
    mail.extend_from_slice(raw);
    Ok(mail.into())
}
