//! Commands about addresses to which nothing is sent.

use std::sync::Arc;

use crm::outbox::suppression;
use model::schema::suppression::SUPPRESSION_REASONS;
use serde::{Deserialize, Serialize};
use store::Organization;

use super::mail::rfc_3339;
use super::{CommandError, Reply, address, organization, organizations};
use crate::house::House;

/// Something about suppressed addresses.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SuppressionRequest {
    /// What was suppressed last in one organization, or in all.
    List(Option<String>),
    /// Sends nothing to an address any more.
    Add {
        /// The organization's name.
        organization: String,
        /// The address.
        address: String,
        /// Why.
        why: String,
    },
    /// Lets mail go there again.
    Release {
        /// The organization's name.
        organization: String,
        /// The address.
        address: String,
        /// Who does it, or why.
        by: String,
    },
}

/// A suppressed address.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SuppressionRow {
    /// The organization's name.
    pub organization: String,
    /// The address.
    pub address: String,
    /// Since when, as RFC 3339 writes it.
    pub since: String,
    /// The reason.
    pub reason: String,
    /// The words that told it.
    pub words: String,
    /// The report, where one told it.
    pub email: Option<String>,
    /// When it was released and by whom, where it was.
    pub released: Option<String>,
}

/// Addresses that one list shows.
const LISTED_MAX: usize = 1_000;

pub(super) async fn run(house: &Arc<House>, request: SuppressionRequest) -> Result<Reply, CommandError> {
    match request {
        SuppressionRequest::List(name) => list(&organizations(house, name)?),
        SuppressionRequest::Add { organization: of, address: text, why } => {
            let (organization, address) = (organization(house, &of)?, address(&text)?);
            suppression::suppress(&organization, (address, why), house.moment()?).await?;
            Ok(Reply::Done)
        }
        SuppressionRequest::Release { organization: of, address: text, by } => {
            let (organization, address) = (organization(house, &of)?, address(&text)?);
            match suppression::release(&organization, (address, by), house.moment()?).await? {
                true => Ok(Reply::Done),
                false => Err(CommandError::NotSuppressed(text)),
            }
        }
    }
}

fn list(organizations: &[Arc<Organization>]) -> Result<Reply, CommandError> {
    let mut rows = Vec::new();
    for organization in organizations {
        for found in suppression::suppressions(organization, LISTED_MAX)? {
            let reason = SUPPRESSION_REASONS.iter().find(|(code, _)| *code == i64::from(found.reason));
            let by = found.releasedby.unwrap_or_default();
            rows.push(SuppressionRow {
                organization: organization.name().to_owned(),
                address: found.address,
                since: rfc_3339(found.createdon),
                reason: reason.map_or("", |(_, reason)| reason).to_owned(),
                words: found.words,
                email: found.activityid.map(|id| id.to_string()),
                released: found.releasedon.map(|time| format!("{} {by}", rfc_3339(time))),
            });
        }
    }
    Ok(Reply::Suppressions(rows))
}
