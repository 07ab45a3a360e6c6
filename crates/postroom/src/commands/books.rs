//! Commands that look into the books: a full recount, and what waits for a person.

use std::sync::Arc;

use crm::accounting::Verified;
use model::outcome::Reason;
use serde::{Deserialize, Serialize};
use store::{Organization, StoreError};

use super::{CommandError, Reply};

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

/// A mail that could not be processed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct UndeliverableRow {
    /// The organization's name.
    pub organization: String,
    /// Its id.
    pub id: String,
    /// When it was kept, as RFC 3339 writes it.
    pub time: String,
    /// From whom, as far as that could be read.
    pub sender: Option<String>,
    /// Its subject, as far as that could be read.
    pub subject: String,
    /// The name of the reason.
    pub reason: String,
    /// What exactly failed.
    pub detail: String,
    /// Its size in bytes.
    pub size_bytes: i64,
}

/// More than anybody looks through on a command line; the pages show them all.
const UNDELIVERABLES_MAX: usize = 1_000;

/// Counts again; `recount` says how much is looked at.
pub(super) fn verify(
    organizations: &[Arc<Organization>],
    recount: fn(&Organization) -> Result<Verified, StoreError>,
) -> Result<Reply, CommandError> {
    let mut rows = Vec::with_capacity(organizations.len());
    for organization in organizations {
        let verified = recount(organization)?;
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

pub(super) fn undeliverables(organizations: &[Arc<Organization>]) -> Result<Reply, CommandError> {
    let mut rows = Vec::new();
    for organization in organizations {
        for it in organization.read(|read| read.open_undeliverables(UNDELIVERABLES_MAX))? {
            rows.push(UndeliverableRow {
                organization: organization.name().to_owned(),
                id: it.undeliverableid.to_string(),
                time: super::mail::rfc_3339(it.createdon),
                sender: it.sender,
                subject: it.subject,
                reason: Reason::from_code(i64::from(it.reason)).map_or("", Reason::name).to_owned(),
                detail: it.detail,
                size_bytes: it.size,
            });
        }
    }
    Ok(Reply::Undeliverables(rows))
}
