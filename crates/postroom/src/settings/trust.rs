//! How it is found out who wrote a mail.

use model::trust::Policy;
use serde::{Deserialize, Deserializer};
use trust::Asked;

/// Who is asked, and whose word is believed.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrustSection {
    /// The name servers.
    #[serde(deserialize_with = "asked")]
    pub resolver: Asked,
    /// Seconds that they have for one mail.
    pub seconds_max: u64,
    /// The server whose `Authentication-Results` are believed; empty for none.
    pub results_of: String,
    /// Domains whose seals are believed.
    pub believed_sealers: Vec<String>,
    /// What is kept apart.
    pub quarantine: QuarantineFrom,
}

/// Of which wish on a domain's mail is kept apart that it disowns.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum QuarantineFrom {
    /// Of none.
    Off,
    /// Of *reject*.
    DmarcReject,
    /// Of *quarantine* or *reject*.
    DmarcQuarantine,
}

impl QuarantineFrom {
    /// The least wish.
    pub(crate) fn policy(self) -> Option<Policy> {
        match self {
            QuarantineFrom::Off => None,
            QuarantineFrom::DmarcReject => Some(Policy::Reject),
            QuarantineFrom::DmarcQuarantine => Some(Policy::Quarantine),
        }
    }
}

fn asked<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Asked, D::Error> {
    let text = String::deserialize(deserializer)?;
    text.parse().map_err(|error| serde::de::Error::custom(format!("trust.resolver: “{text}”: {error}")))
}
