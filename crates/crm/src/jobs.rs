//! Side work, done later from rows of the `job` table. A job may run twice.

use std::sync::Arc;

use model::decision::{Entity, RecordRef};
use model::{EmailAddress, Id, Moment, limits};
use store::{Organization, Priority, StoreError, Tx};

use crate::CrmError;
use crate::correlate::who::{self, Settled};
use crate::intake::gather;
use crate::records::note;

/// The kind of job that ties parties without a record to records that have their address by now.
pub const REMATCH: &str = "rematch";

/// How long a failed job waits.
const RETRY_SECONDS: i64 = 60;

/// Runs the job that is due longest, for this node; says whether there was one. A job is one short unit of work, so its
/// lease need not be renewed: where it ran out all the same and another node took the job, nothing is kept here.
pub async fn run_one(organization: &Arc<Organization>, node: Id, moment: Moment) -> Result<bool, CrmError> {
    if organization.is_closed() {
        return Ok(false);
    }
    let now = moment.now;
    let lease = organization.unit(Priority::Background, move |tx| tx.lease_job(node, now));
    let Some(job) = lease.await? else { return Ok(false) };
    let taken = job.clone();
    let work = organization.unit(Priority::Background, move |tx| {
        let is_done = match taken.kind.as_str() {
            REMATCH => rematch(tx, &taken.jobkey, &moment.again())?,
            _ => true,
        };
        let was_held = if is_done { tx.finish_job(&taken)? } else { tx.defer_job(&taken, now, "")? };
        if was_held { Ok(()) } else { Err(StoreError::LeaseLost) }
    });
    match work.await {
        Ok(()) => Ok(true),
        Err(StoreError::LeaseLost) => {
            tracing::info!(organization = %organization.id(), kind = job.kind, "another node took a job over");
            Ok(true)
        }
        Err(error) => {
            let words = error.to_string();
            let later = now.plus_seconds(RETRY_SECONDS);
            organization.unit(Priority::Background, move |tx| tx.defer_job(&job, later, &words)).await?;
            Err(error.into())
        }
    }
}

/// Ties open parties with this address to the record that has it, or gives them candidates. Says whether
/// all are done; one unit does at most [`limits::ROWS_PER_UNIT_MAX`].
fn rematch(tx: &mut Tx<'_>, address: &str, moment: &Moment) -> Result<bool, StoreError> {
    let Some(address) = EmailAddress::parse(address) else { return Ok(true) };
    let records = gather::known_records(tx, &address)?;
    let open = tx.open_parties(&address.key(), limits::ROWS_PER_UNIT_MAX)?;
    let count = open.len();
    for party in open {
        let email = RecordRef { entity: Entity::Email, id: party.activityid };
        match who::settle(&address, &records) {
            Settled::One(record) => {
                tx.settle_party(&party, record)?;
                note(tx, moment, email, "resolved")?;
            }
            Settled::Many(candidates) => {
                let rows = crate::intake::deliver::candidates(party.activitypartyid, &candidates);
                tx.set_candidates(&party, &rows)?;
            }
            Settled::Nobody => {}
        }
    }
    // Ambiguous parties stay open and would be found again: only whole loads of settled ones go on.
    Ok(count < limits::ROWS_PER_UNIT_MAX || !matches!(who::settle(&address, &records), Settled::One(_)))
}
