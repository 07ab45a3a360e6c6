//! Side work, done later from rows of the `job` table. A job may run twice.

use std::sync::Arc;

use model::decision::{Entity, RecordRef};
use model::schema::house::Job;
use model::{EmailAddress, Id, Moment, Timestamp, limits};
use store::{Organization, Priority, StoreError, Tx};

use crate::CrmError;
use crate::answers::{self, ACKNOWLEDGE};
use crate::correlate::who::{self, Settled};
use crate::intake::gather;
use crate::records::note;

/// The kind of job that ties parties without a record to records that have their address by now.
pub const REMATCH: &str = "rematch";

/// How long a failed job waits.
const RETRY_SECONDS: i64 = 60;

/// Runs the job that is due longest, for this node; says whether there was one. A job is one short unit of work, or a mail that
/// is written under a key, so its lease need not be renewed: where it ran out all the same and another node took the job,
/// nothing is kept here, or it is the same mail.
pub async fn run_one(organization: &Arc<Organization>, node: Id, moment: Moment) -> Result<bool, CrmError> {
    if organization.is_closed() {
        return Ok(false);
    }
    let now = moment.now;
    let lease = organization.unit(Priority::Background, move |tx| tx.lease_job(node, now));
    let Some(job) = lease.await? else { return Ok(false) };
    if job.kind == ACKNOWLEDGE
        && let Err(error) = answers::give(organization, &job.jobkey, moment.again()).await
    {
        if error.is_temporary() {
            return put_off(organization, job, now, error).await;
        }
        metrics::counter!("postroom_answers_total", "end" => "failed").increment(1);
        tracing::warn!(organization = %organization.id(), error = &error as &dyn std::error::Error, "a mail is not acknowledged");
    }
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
        Err(error) => put_off(organization, job, now, error.into()).await,
    }
}

/// Puts a job off that failed.
async fn put_off(
    organization: &Arc<Organization>,
    job: Job,
    now: Timestamp,
    error: CrmError,
) -> Result<bool, CrmError> {
    let (words, later) = (error.to_string(), now.plus_seconds(RETRY_SECONDS));
    organization.unit(Priority::Background, move |tx| tx.defer_job(&job, later, &words)).await?;
    Err(error)
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
