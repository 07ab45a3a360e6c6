//! Settings of one organisation that decisions depend on.

use store::{Read, StoreError, Tx};

/// What an organisation has set, or the default.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrganizationSettings {
    /// Prefixes of classic tracking tokens, former ones too (Dynamics `trackingprefix`).
    pub token_prefixes: Vec<String>,
}

impl Default for OrganizationSettings {
    fn default() -> Self {
        OrganizationSettings { token_prefixes: vec!["CRM:".to_owned()] }
    }
}

const TRACKING_PREFIX: &str = "trackingprefix";

/// Reads the settings.
pub fn read(read: &Read<'_>) -> Result<OrganizationSettings, StoreError> {
    let prefixes = read.setting(TRACKING_PREFIX)?;
    Ok(match prefixes {
        Some(text) => {
            OrganizationSettings { token_prefixes: text.split_whitespace().map(str::to_owned).collect() }
        }
        None => OrganizationSettings::default(),
    })
}

/// Sets the prefixes of classic tracking tokens: the present one first, former ones behind it.
pub fn set_token_prefixes(tx: &mut Tx<'_>, prefixes: &[String]) -> Result<(), StoreError> {
    tx.set_setting(TRACKING_PREFIX, &prefixes.join(" "))
}
