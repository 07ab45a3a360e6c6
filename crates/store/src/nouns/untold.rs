//! Events that a follower was told in vain.
//!
//! *Invariant:* one that was passed over stays until it was told after all.

use model::schema::house::Untold;
use model::{Id, Timestamp};

use super::Cursor;
use crate::StoreError;
use crate::rows::{Read, Tx};

/// `statecode` of one that holds up those behind it.
const WAITING: i32 = 0;
/// `statecode` of one that does so no more.
const PASSED_OVER: i32 = 1;

impl Read<'_> {
    /// What a follower was told in vain, and has not heard since; the newest first.
    pub fn untold(&self, follower: &str, limit: usize) -> Result<Vec<Untold>, StoreError> {
        let tail = "where follower = ?1 order by createdon desc, eventid desc limit ?2";
        self.nouns(tail, &[follower.into(), limit.into()])
    }

    /// One of them, by its place.
    pub fn untold_at(&self, follower: &str, at: Cursor) -> Result<Option<Untold>, StoreError> {
        let tail = "where follower = ?1 and epoch = ?2 and eventid = ?3";
        self.noun(tail, &[follower.into(), at.epoch.into(), at.eventid.into()])
    }

    /// The one that waits in this epoch, by the e-mail that it tells of.
    pub fn untold_waiting(
        &self,
        (follower, email): (&str, Id),
        epoch: Id,
    ) -> Result<Option<Untold>, StoreError> {
        let tail = "where follower = ?1 and activityid = ?2 and statecode = ?3 and epoch = ?4 \
                    order by eventid limit 1";
        self.noun(tail, &[follower.into(), email.into(), WAITING.into(), epoch.into()])
    }

    /// One that was passed over, in whichever epoch, by the e-mail that it tells of; the first of them.
    pub fn untold_passed_over(&self, follower: &str, email: Id) -> Result<Option<Untold>, StoreError> {
        let tail = "where follower = ?1 and activityid = ?2 and statecode = ?3 \
                    order by createdon, eventid limit 1";
        self.noun(tail, &[follower.into(), email.into(), PASSED_OVER.into()])
    }
}

impl Tx<'_> {
    /// Notes one anew.
    pub fn note_untold(&mut self, row: &Untold) -> Result<(), StoreError> {
        self.drop_untold(row)?;
        self.insert(row)
    }

    /// It was told after all.
    pub fn drop_untold(&mut self, row: &Untold) -> Result<(), StoreError> {
        let params = [row.follower.as_str().into(), row.epoch.into(), row.eventid.into()];
        self.execute("delete from untold where follower = ?1 and epoch = ?2 and eventid = ?3", &params)
            .map(drop)
    }

    /// The follower is here: what held him up does so no more. What waited in another epoch has no turn any more: it is passed
    /// over from `now` on.
    pub fn drop_untold_up_to(
        &mut self,
        follower: &str,
        place: Cursor,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let sql =
            "delete from untold where follower = ?1 and epoch = ?2 and eventid <= ?3 and statecode = ?4";
        let params = [follower.into(), place.epoch.into(), place.eventid.into(), WAITING.into()];
        self.execute(sql, &params)?;
        let sql = "update untold set statecode = ?3, modifiedon = ?4 \
                   where follower = ?1 and epoch <> ?2 and statecode = ?5";
        let params = [follower.into(), place.epoch.into(), PASSED_OVER.into(), now.into(), WAITING.into()];
        self.execute(sql, &params).map(drop)
    }
}
