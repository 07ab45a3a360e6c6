//! Automatic answers: which queues give them, and to whom they went.

use model::schema::answers::{Acknowledgement, AutoAnswer};
use model::{Id, Timestamp};

use crate::StoreError;
use crate::memory::Question;
use crate::rows::{Read, Tx};

impl Read<'_> {
    /// How a queue acknowledges; `None` where it does not.
    pub fn acknowledgement(&self, queue: Id) -> Result<Option<Acknowledgement>, StoreError> {
        let ask = |read: &Self| read.noun("where queueid = ?1", &[queue.into()]);
        self.remembered((Question::Acknowledgement, &queue.to_string()), ask)
    }

    /// How many answers went to a domain since then; no more than `limit` are counted.
    pub fn answers_to_domain(
        &self,
        domain: &str,
        (since, limit): (Timestamp, usize),
    ) -> Result<usize, StoreError> {
        let sql = "select count(*) from (select 1 as one from autoanswer where domain = ?1 and answeredon > ?2 limit ?3) \
                   as latest";
        let params = [domain.into(), since.into(), limit.into()];
        let count: Option<i64> = self.one(sql, &params, |row| row.take())?;
        Ok(usize::try_from(count.unwrap_or_default()).unwrap_or_default())
    }
}

impl Tx<'_> {
    /// Has a queue acknowledge, or says anew how.
    pub fn set_acknowledgement(&mut self, row: &Acknowledgement) -> Result<(), StoreError> {
        self.drop_acknowledgement(row.queueid)?;
        self.insert(row)
    }

    /// Has a queue acknowledge no more. Decisions depend on it: the version of the records grows.
    pub fn drop_acknowledgement(&mut self, queue: Id) -> Result<(), StoreError> {
        self.execute("delete from acknowledgement where queueid = ?1", &[queue.into()])?;
        self.bump_records_version()
    }

    /// Takes an answer upon itself. Says whether it did: another one may have been given, and its period not be over.
    pub fn claim_answer(&mut self, answer: &AutoAnswer) -> Result<bool, StoreError> {
        if self.insert_if_absent(answer)? {
            return Ok(true);
        }
        let sql = "update autoanswer set activityid = ?3, answeredon = ?4, until = ?5 \
                   where queueid = ?1 and address = ?2 and until <= ?4";
        let params = [
            answer.queueid.into(),
            answer.address.as_str().into(),
            answer.activityid.into(),
            answer.answeredon.into(),
            answer.until.into(),
        ];
        Ok(self.execute(sql, &params)? == 1)
    }
}
