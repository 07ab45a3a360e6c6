//! Keys that outgoing mail is signed with: whose they are, and which of them sign a mail.
//!
//! What passes through: sealed private keys, and the records that their public halves are published as. To open a key and
//! to sign with it is not done here.

use std::sync::Arc;

use model::schema::signing::DomainKey;
use model::{EmailAddress, Id, Moment, limits};
use store::{Organization, Priority, StoreError};

use crate::CrmError;

/// A key to be added.
#[derive(Debug, Clone)]
pub struct NewDomainKey {
    /// Whose mail it signs.
    pub domain: String,
    /// Under which name its record stands below that.
    pub selector: String,
    /// The text of the record.
    pub record: String,
    /// The private key, sealed for the row that gets the first id of the moment.
    pub sealed: Vec<u8>,
}

/// Adds a key.
///
/// # Errors
/// [`CrmError::Invalid`] where domain or selector is none; [`CrmError::Taken`] where the domain has a key under that name.
pub async fn add(
    organization: &Arc<Organization>,
    new: NewDomainKey,
    moment: Moment,
) -> Result<(), CrmError> {
    let (domain, selector) = names(&new.domain, &new.selector)?;
    let known = organization.read(|read| read.domain_keys_of(&domain))?;
    if known.len() >= limits::DOMAIN_KEYS_MAX {
        let words = format!("{domain} has {} keys already, and each signs every mail", known.len());
        return Err(CrmError::Invalid(words));
    }
    let name = format!("{selector}._domainkey.{domain}");
    let key = DomainKey {
        domainkeyid: moment.id(),
        domain,
        selector,
        record: new.record,
        privatekey: new.sealed,
        createdon: moment.now,
    };
    let unit = organization.unit(Priority::Background, move |tx| tx.add_domain_key(&key));
    unit.await.map_err(|error| crate::mailboxes::taken(error, &name))
}

/// Forgets a key: from now on nothing is signed with it.
///
/// # Errors
/// [`CrmError::NotFound`].
pub async fn remove(organization: &Arc<Organization>, domain: &str, selector: &str) -> Result<(), CrmError> {
    let (domain, selector) = names(domain, selector)?;
    let unit = organization.unit(Priority::Background, move |tx| tx.remove_domain_key((&domain, &selector)));
    let is_removed: bool = unit.await.map_err(|error: StoreError| CrmError::from(error))?;
    if is_removed { Ok(()) } else { Err(CrmError::NotFound { what: "the signing key" }) }
}

/// All keys of an organization.
///
/// # Errors
/// Where the store cannot say.
pub fn list(organization: &Organization) -> Result<Vec<DomainKey>, CrmError> {
    Ok(organization.read(|read| read.domain_keys())?)
}

/// The keys that sign a mail of this author: those of the domain, or of the nearest one above it that has some.
///
/// # Errors
/// Where the store cannot say.
pub fn of_author(organization: &Organization, author: &EmailAddress) -> Result<Vec<DomainKey>, CrmError> {
    let domain = author.domain_key();
    let mut domain = domain.trim_start_matches('@');
    // The last label alone is nobody's.
    while domain.contains('.') {
        let keys = organization.read(|read| read.domain_keys_of(domain))?;
        if !keys.is_empty() {
            return Ok(keys);
        }
        domain = domain.split_once('.').map_or("", |(_, above)| above);
    }
    Ok(Vec::new())
}

/// The row that a moment makes.
pub fn row_of(moment: &Moment) -> Id {
    moment.again().id()
}

/// Domain and selector in the form of the DNS.
fn names(domain: &str, selector: &str) -> Result<(String, String), CrmError> {
    let key = EmailAddress::parse(&format!("x@{}", domain.trim())).map(|address| address.domain_key());
    let key =
        key.map(|key| key.trim_start_matches('@').to_owned()).filter(|key| is_name(key) && key.contains('.'));
    let selector = selector.trim().to_lowercase();
    match key {
        None => Err(CrmError::Invalid(format!("“{domain}” is no domain"))),
        Some(_) if !is_name(&selector) || selector.len() > SELECTOR_CHARS_MAX => {
            let words =
                format!("“{selector}” is no selector: letters, digits and hyphens, as in the name of a host");
            Err(CrmError::Invalid(words))
        }
        Some(domain) => Ok((domain, selector)),
    }
}

/// RFC 1035 §2.3.4.
const SELECTOR_CHARS_MAX: usize = 63;

fn is_name(text: &str) -> bool {
    let is_label = |label: &str| {
        let is_known = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        !label.is_empty() && label.len() <= 63 && label.chars().all(is_known) && !label.starts_with('-')
    };
    text.len() <= 253 && text.split('.').all(is_label)
}
