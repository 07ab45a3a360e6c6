//! Commands that look into the books: a full recount.

use std::sync::Arc;

use crm::accounting::Verified;
use model::limits;
use serde::{Deserialize, Serialize};
use store::{Organization, StoreError};

use super::{CommandError, Reply};
use crate::house::House;

/// What a recount of one organization found.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct VerifiedRow {
    /// The organization's name.
    pub organization: String,
    /// E-mails.
    pub emails: i64,
    /// Copies that the doors saw.
    pub seen: i64,
    /// What is wrong; empty where all is well.
    pub faults: Vec<String>,
}

/// Counts again; `recount` says how much is looked at. What a watcher would find by itself later is told at once too.
pub(super) fn verify(
    house: &House,
    organizations: &[Arc<Organization>],
    recount: fn(&Organization) -> Result<Verified, StoreError>,
) -> Result<Reply, CommandError> {
    let mut rows = Vec::with_capacity(organizations.len());
    for organization in organizations {
        let verified = recount(organization)?;
        house.look_at(organization, limits::BOOKS_DAYS_DAILY)?;
        let lines = verified.days.iter().flat_map(|day| &day.sources);
        rows.push(VerifiedRow {
            organization: organization.name().to_owned(),
            emails: verified.emails,
            seen: lines.map(|line| line.seen).sum(),
            faults: verified.faults,
        });
    }
    Ok(Reply::Verified(rows))
}
