//! The sums of the books: seen by the ledger beside what became of it.

use crate::StoreError;
use crate::rows::Read;

/// Seen and ended at one source on one day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DayLine {
    /// The source.
    pub source: String,
    /// Copies in the door's ledger.
    pub seen: i64,
    /// Of those, copies without an outcome.
    pub without_outcome: i64,
}

/// Copies of one outcome at one source on one day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutcomeCount {
    /// The source.
    pub source: String,
    /// The outcome's number.
    pub outcome: i32,
    /// Copies.
    pub copies: i64,
}

/// Originals of one outcome and reason on one day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReasonCount {
    /// The outcome's number.
    pub outcome: i32,
    /// The reason's number.
    pub reason: i32,
    /// Originals.
    pub originals: i64,
}

impl Read<'_> {
    /// Per source: what the ledger saw on a day, and how much of it has no outcome.
    pub fn seen_on(&self, day: i64) -> Result<Vec<DayLine>, StoreError> {
        let sql = "select c.source, count(*), \
                   sum(case when exists (select 1 from outcome o where o.copyid = c.copyid and o.iscopyoutcome = 1) \
                   then 0 else 1 end) \
                   from copy c where c.day = ?1 group by c.source order by c.source";
        self.rows(sql, &[day.into()], |row| {
            Ok(DayLine { source: row.take()?, seen: row.take()?, without_outcome: row.take()? })
        })
    }

    /// Per source and outcome: copies that ended on a day.
    pub fn ended_on(&self, day: i64) -> Result<Vec<OutcomeCount>, StoreError> {
        let sql = "select source, outcome, count(*) from outcome where day = ?1 and iscopyoutcome = 1 \
                   group by source, outcome order by source, outcome";
        self.rows(sql, &[day.into()], |row| {
            Ok(OutcomeCount { source: row.take()?, outcome: row.take()?, copies: row.take()? })
        })
    }

    /// Originals by outcome and reason on a day.
    pub fn reasons_on(&self, day: i64) -> Result<Vec<ReasonCount>, StoreError> {
        let sql = "select outcome, reason, count(*) from outcome where day = ?1 \
                   group by outcome, reason order by outcome desc, count(*) desc";
        self.rows(sql, &[day.into()], |row| {
            Ok(ReasonCount { outcome: row.take()?, reason: row.take()?, originals: row.take()? })
        })
    }

    /// The days that have copies or outcomes, newest first.
    pub fn days(&self) -> Result<Vec<i64>, StoreError> {
        let sql = "select day from copy union select day from outcome order by 1 desc";
        self.rows(sql, &[], |row| row.take())
    }

    /// Outcomes that name no copy of the ledger: the other side of a gap.
    pub fn outcomes_without_copy(&self) -> Result<i64, StoreError> {
        let sql = "select count(*) from outcome o where not exists \
                   (select 1 from copy c where c.copyid = o.copyid)";
        Ok(self.one(sql, &[], |row| row.take())?.unwrap_or(0))
    }

    /// E-mails whose source is not kept.
    pub fn emails_without_source(&self) -> Result<i64, StoreError> {
        let sql = "select count(*) from email e where not exists \
                   (select 1 from blob b where b.blobid = e.blobid)";
        Ok(self.one(sql, &[], |row| row.take())?.unwrap_or(0))
    }

    /// E-mails that no stored outcome names.
    pub fn emails_without_outcome(&self) -> Result<i64, StoreError> {
        let sql = "select count(*) from email e where not exists \
                   (select 1 from outcome o where o.activityid = e.activityid)";
        Ok(self.one(sql, &[], |row| row.take())?.unwrap_or(0))
    }

    /// How many e-mails there are.
    pub fn email_count(&self) -> Result<i64, StoreError> {
        Ok(self.one("select count(*) from email", &[], |row| row.take())?.unwrap_or(0))
    }
}
