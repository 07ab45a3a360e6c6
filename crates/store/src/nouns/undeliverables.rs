//! Undeliverables: mail that was set aside, and how each of them ended.
//!
//! *Invariant:* one that waits ends once, by a replay or by a person; by itself only where the mail came after all.

use model::schema::intake::Undeliverable;
use model::{Id, Timestamp};

use super::Behind;
use crate::StoreError;
use crate::rows::{Read, Tx};

impl Read<'_> {
    /// The Undeliverable with this id.
    pub fn undeliverable(&self, id: Id) -> Result<Option<Undeliverable>, StoreError> {
        self.noun("where undeliverableid = ?1", &[id.into()])
    }

    /// Those of a copy.
    pub fn undeliverables_of(&self, copyid: Id) -> Result<Vec<Undeliverable>, StoreError> {
        self.nouns("where copyid = ?1 order by originalnumber, undeliverableid", &[copyid.into()])
    }

    /// Why a hook stopped them, of each of the open Undeliverables with the same bytes.
    pub fn stops_of_open_undeliverables(&self, blobid: &[u8]) -> Result<Vec<Option<String>>, StoreError> {
        let sql = "select stopreason from undeliverable where statecode = 0 and blobid = ?1";
        self.rows(sql, &[blobid.into()], |row| row.take())
    }

    /// Those in a state, newest first, behind one of them.
    pub fn undeliverables(
        &self,
        statecode: i32,
        behind: Behind,
        limit: usize,
    ) -> Result<Vec<Undeliverable>, StoreError> {
        let (time, id) = behind.unwrap_or((Timestamp(i64::MAX), Id([0xff; 16])));
        self.nouns(
            "where statecode = ?1 and createdon <= ?2 and (createdon, undeliverableid) < (?2, ?3) \
             order by createdon desc, undeliverableid desc limit ?4",
            &[statecode.into(), time.into(), id.into(), limit.into()],
        )
    }

    /// Those that wait for one of these reasons, newest first, behind one of them.
    pub fn undeliverables_waiting_for(
        &self,
        reasons: &[i32],
        behind: Behind,
        limit: usize,
    ) -> Result<Vec<Undeliverable>, StoreError> {
        let (time, id) = behind.unwrap_or((Timestamp(i64::MAX), Id([0xff; 16])));
        // Reason by reason: many that wait for another one are not walked through.
        let sql = "where statecode = 0 and reason = ?1 and createdon <= ?2 and (createdon, undeliverableid) < (?2, ?3) \
                   order by createdon desc, undeliverableid desc limit ?4";
        let mut found: Vec<Undeliverable> = Vec::new();
        for reason in reasons {
            found.append(&mut self.nouns(sql, &[(*reason).into(), time.into(), id.into(), limit.into()])?);
        }
        found.sort_by_key(|row| std::cmp::Reverse((row.createdon, row.undeliverableid)));
        found.truncate(limit);
        Ok(found)
    }

    /// Those that wait for this reason, and the digests of what is kept of them.
    pub fn undeliverables_for(&self, reason: i32) -> Result<Vec<(Id, Vec<u8>)>, StoreError> {
        let sql = "select undeliverableid, blobid from undeliverable where statecode = 0 and reason = ?1";
        self.rows(sql, &[reason.into()], |row| Ok((row.take()?, row.take()?)))
    }

    /// Open Undeliverables, newest first.
    pub fn open_undeliverables(&self, limit: usize) -> Result<Vec<Undeliverable>, StoreError> {
        self.nouns("where statecode = 0 order by createdon desc limit ?1", &[limit.into()])
    }
}

impl Tx<'_> {
    /// Keeps an Undeliverable.
    pub fn keep_undeliverable(&mut self, undeliverable: &Undeliverable) -> Result<(), StoreError> {
        self.insert(undeliverable)
    }

    /// Counts a replay of one that waits, and holds it until the unit ends; `false` where it waits no longer.
    pub fn begin_replay(&mut self, id: Id, now: Timestamp) -> Result<bool, StoreError> {
        let sql = "update undeliverable set attempts = attempts + 1, lasttriedon = ?2 \
                   where undeliverableid = ?1 and statecode = 0";
        Ok(self.execute(sql, &[id.into(), now.into()])? == 1)
    }

    /// Notes why a replay did not help.
    pub fn still_waits(&mut self, id: Id, reason: i32, detail: &str) -> Result<(), StoreError> {
        let sql = "update undeliverable set reason = ?2, detail = ?3 where undeliverableid = ?1";
        self.execute(sql, &[id.into(), reason.into(), detail.into()]).map(drop)
    }

    /// Notes that one waits no longer, for it was taken in after all.
    pub fn end_replay(&mut self, id: Id, now: Timestamp) -> Result<(), StoreError> {
        let sql = "update undeliverable set statecode = 1, endedon = ?2 where undeliverableid = ?1 and statecode = 0";
        self.execute(sql, &[id.into(), now.into()]).map(drop)
    }

    /// The same for those that wait with these bytes: what they hold was handed over again, and kept.
    pub fn replayed(&mut self, blobid: &[u8], now: Timestamp) -> Result<usize, StoreError> {
        let sql = "update undeliverable set statecode = 1, endedon = ?2 where statecode = 0 and blobid = ?1";
        self.execute(sql, &[blobid.into(), now.into()])
    }

    /// Notes that one waits no longer, for what it says is not so any more.
    pub fn end_by_itself(&mut self, id: Id, words: &str, now: Timestamp) -> Result<(), StoreError> {
        let sql = "update undeliverable set statecode = 1, endedon = ?2, endreason = ?3 \
                   where undeliverableid = ?1 and statecode = 0";
        self.execute(sql, &[id.into(), now.into(), words.into()]).map(drop)
    }

    /// Dismisses one that waits; `false` where it waits no longer.
    pub fn dismiss(
        &mut self,
        id: Id,
        (by, reason): (&str, &str),
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let sql = "update undeliverable set statecode = 2, endedon = ?2, endedby = ?3, endreason = ?4 \
                   where undeliverableid = ?1 and statecode = 0";
        Ok(self.execute(sql, &[id.into(), now.into(), by.into(), reason.into()])? == 1)
    }
}
