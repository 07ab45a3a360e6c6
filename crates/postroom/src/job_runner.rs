//! Runs the jobs of all organizations, one at a time, when a command rings and now and then; those of one when another
//! node hints at it.
//!
//! *Invariant:* it decides nothing and may be stopped between any two jobs; a job may run twice.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use model::Id;
use store::StoreError;
use tokio_util::sync::CancellationToken;

use crate::hinted::Looks;
use crate::house::{House, NoRandom};

/// Jobs that were put off, and those of nodes that died, are looked for this often; new ones ring. With the time of a
/// lease it is less than half a minute.
const ROUND: Duration = Duration::from_secs(8);

/// Runs until `stop`.
pub(crate) async fn run(house: Arc<House>, stop: CancellationToken) {
    let mut looks = Looks::new((&house.bell, &house.hinted.jobs), house.round.unwrap_or(ROUND));
    let mut hinted = None;
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            () = round(&house, hinted.as_ref()) => {}
        }
        hinted = tokio::select! {
            () = stop.cancelled() => return,
            hinted = looks.next() => hinted,
        };
    }
}

/// Looks at the organizations that were hinted at, or at all.
async fn round(house: &Arc<House>, hinted: Option<&BTreeSet<Id>>) {
    let organizations = match house.store.organizations() {
        Ok(organizations) => organizations,
        Err(error) => {
            tracing::warn!(error = &error as &dyn std::error::Error, "jobs could not be looked for");
            return;
        }
    };
    let is_meant = |id: &Id| hinted.is_none_or(|hinted| hinted.contains(id));
    for row in organizations.into_iter().filter(|row| is_meant(&row.organizationid)) {
        if let Err(error) = all_of(house, row.organizationid).await {
            let organization = row.organizationid;
            tracing::warn!(%organization, error = &error as &dyn std::error::Error, "a job was put off");
        }
    }
}

/// Runs what is due in one organization.
async fn all_of(house: &Arc<House>, organization: Id) -> Result<(), JobError> {
    let organization = house.store.organization(organization)?;
    while crm::jobs::run_one(&organization, house.node, house.moment()?).await? {
        metrics::counter!("postroom_jobs_total").increment(1);
        // A mail may have been written.
        house.outbox_bell.notify_one();
    }
    Ok(())
}

#[derive(Debug, thiserror::Error)]
enum JobError {
    #[error("the job failed")]
    Crm(#[from] crm::CrmError),
    #[error("the organization does not open")]
    Store(#[from] StoreError),
    #[error("no moment could be drawn")]
    Random(#[from] NoRandom),
}
