//! Side work, done later from rows of the `job` table. A job may run twice.

use std::sync::Arc;

use model::decision::{Entity, RecordRef};
use model::{EmailAddress, Moment, limits};
use store::{Organization, Priority, StoreError, Tx};

use crate::CrmError;
use crate::correlate::who::{self, Settled};
use crate::intake::gather;
use crate::records::note;

/// The kind of job that ties parties without a record to records that have their address by now.
pub const REMATCH: &str = "rematch";

/// How long a taken job is left to its taker.
const LEASE_SECONDS: i64 = 300;
/// How long a failed job waits.
const RETRY_SECONDS: i64 = 60;

/// Runs the job that is due longest; says whether there was one.
pub async fn run_one(organization: &Arc<Organization>, moment: Moment) -> Result<bool, CrmError> {
    let now = moment.now;
    let until = now.plus_seconds(LEASE_SECONDS);
    let lease = organization.unit(Priority::Background, move |tx| tx.lease_job(now, until));
    let Some(job) = lease.await? else { return Ok(false) };
    let jobid = job.jobid;
    let work = organization.unit(Priority::Background, move |tx| match job.kind.as_str() {
        REMATCH => rematch(tx, &job.jobkey, &moment.again()).and_then(|is_done| {
            if is_done { tx.finish_job(job.jobid) } else { tx.defer_job(job.jobid, now, "") }
        }),
        _ => tx.finish_job(job.jobid),
    });
    if let Err(error) = work.await {
        let words = error.to_string();
        let later = now.plus_seconds(RETRY_SECONDS);
        organization.unit(Priority::Background, move |tx| tx.defer_job(jobid, later, &words)).await?;
        return Err(error.into());
    }
    Ok(true)
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
