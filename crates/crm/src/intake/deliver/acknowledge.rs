//! Where a queue acknowledges its mail, the answer is claimed with the e-mail that it answers (decision 38).

use model::decision::{Entity, RecordRef};
use model::schema::answers::{Acknowledgement, AutoAnswer};
use model::schema::house::Job;
use model::{EmailAddress, Id};
use store::{StoreError, Tx};

use super::Work;
use crate::answers::{ACKNOWLEDGE, Arrival, may_answer};
use crate::intake::copy::Source;
use crate::records::note;

/// An hour, in which a domain gets so many answers.
const HOUR_SECONDS: i64 = 3_600;

impl Work<'_> {
    /// Claims the answer of the first queue in the envelope that gives one, where the mail may be answered, and leaves a job.
    pub(super) fn acknowledge(&self, tx: &mut Tx<'_>, email: Id) -> Result<(), StoreError> {
        let Some((how, queue)) = self.acknowledging(tx)? else { return Ok(()) };
        let arrival = Arrival {
            mail_from: self.copy().mail_from.as_deref(),
            method: self.original.method,
            queue: &queue,
            is_continued: self.checked.verdict.thread.email.is_some(),
        };
        let Ok(to) = may_answer(&self.original.offer, self.facts(), &arrival) else { return Ok(()) };
        let now = self.moment.now;
        let most = usize::try_from(how.hourlymax).unwrap_or_default();
        let since = now.plus_seconds(-HOUR_SECONDS);
        if tx.answers_to_domain(&to.domain_key(), (since, most))? >= most {
            metrics::counter!("postroom_answers_total", "end" => "loop").increment(1);
            tracing::info!(queue = %how.queueid, "a domain gets no more answers for now: something may answer them");
            return note(tx, self.moment, RecordRef { entity: Entity::Email, id: email }, "not-acknowledged");
        }
        let answer = AutoAnswer {
            queueid: how.queueid,
            address: to.key(),
            domain: to.domain_key(),
            activityid: email,
            answeredon: now,
            until: now.plus_seconds(i64::from(how.perioddays) * 24 * HOUR_SECONDS),
        };
        if tx.claim_answer(&answer)? {
            tx.enqueue(&Job {
                jobid: self.moment.id(),
                kind: ACKNOWLEDGE.to_owned(),
                jobkey: format!("{} {email}", how.queueid),
                dueon: now,
                leaseuntil: None,
                attempts: 0,
                lasterror: None,
                owner: None,
            })?;
        }
        Ok(())
    }

    /// The first queue that the envelope names and that acknowledges.
    fn acknowledging(&self, tx: &Tx<'_>) -> Result<Option<(Acknowledgement, EmailAddress)>, StoreError> {
        for to in self.copy().recipients.iter().filter(|to| matches!(to.source, Source::Queue(_))) {
            let records = self.facts().records_of(&to.address).iter();
            let queue = records.map(|known| known.record).find(|record| record.entity == Entity::Queue);
            if let Some(queue) = queue
                && let Some(how) = tx.acknowledgement(queue.id)?
            {
                return Ok(Some((how, to.address.clone())));
            }
        }
        Ok(None)
    }
}
