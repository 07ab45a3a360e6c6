//! How fast mail goes out, over all nodes: limits, and the shares of them that nodes take.
//!
//! *Invariant:* of a limit no more is given out than its time allows, by the server's clock; a share is for some seconds, so
//! a mail writes nothing here.

use model::schema::outbox::OutboxLimit;
use model::{Id, Timestamp};

use crate::StoreError;
use crate::rows::{Read, Tx};

/// A part of what a limit allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Share {
    /// It is given, and lasts as long as was asked for.
    Given,
    /// There is none for so many milliseconds yet.
    In(i64),
}

impl Read<'_> {
    /// All limits.
    pub fn outbox_limits(&self) -> Result<Vec<OutboxLimit>, StoreError> {
        self.nouns("order by place", &[])
    }

    /// The limit of a place.
    pub fn outbox_limit(&self, place: &str) -> Result<Option<OutboxLimit>, StoreError> {
        self.noun("where place = ?1", &[place.into()])
    }
}

impl Tx<'_> {
    /// Writes a limit, or says anew what it is; its place stays.
    pub fn set_outbox_limit(&mut self, limit: &OutboxLimit) -> Result<(), StoreError> {
        let sql =
            "update outboxlimit set perminute = ?2, connections = ?3, ispaused = ?4 where outboxlimitid = ?1";
        let params = [
            limit.outboxlimitid.into(),
            limit.perminute.into(),
            limit.connections.into(),
            limit.ispaused.into(),
        ];
        if self.execute(sql, &params)? == 0 {
            self.insert(limit)?;
        }
        Ok(())
    }

    /// Takes a share that lasts so many milliseconds, where all that was given out before has been used up.
    pub fn take_outbox_share(
        &mut self,
        limit: Id,
        milliseconds: i64,
        now: Timestamp,
    ) -> Result<Share, StoreError> {
        let sql = "update outboxlimit set nexton = leaseclock(?2) + ?3 \
                   where outboxlimitid = ?1 and nexton <= leaseclock(?2)";
        if self.execute(sql, &[limit.into(), now.into(), milliseconds.into()])? == 1 {
            return Ok(Share::Given);
        }
        let sql = "select nexton - leaseclock(?2) from outboxlimit where outboxlimitid = ?1";
        let left: Option<i64> = self.one(sql, &[limit.into(), now.into()], |row| row.take())?;
        Ok(left.map_or(Share::Given, |left| Share::In(left.max(1))))
    }
    /// Gives so many milliseconds back of a share: nobody used them.
    pub fn give_outbox_share_back(&mut self, limit: Id, milliseconds: i64) -> Result<(), StoreError> {
        let sql = "update outboxlimit set nexton = nexton - ?2 where outboxlimitid = ?1";
        self.execute(sql, &[limit.into(), milliseconds.into()]).map(drop)
    }
}
