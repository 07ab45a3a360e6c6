//! Events that a follower was told in vain.
//!
//! *Invariant:* one that was passed over stays until it was told after all.

use model::Id;
use model::schema::house::Untold;

use super::Cursor;
use crate::StoreError;
use crate::rows::{Read, Tx};

/// `statecode` of one that holds up those behind it.
const WAITING: i32 = 0;

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

    /// One of them, by the e-mail that it tells of.
    pub fn untold_email(&self, follower: &str, email: Id) -> Result<Option<Untold>, StoreError> {
        let tail = "where follower = ?1 and activityid = ?2 order by createdon limit 1";
        self.noun(tail, &[follower.into(), email.into()])
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

    /// The follower is here: what held him up does so no more, and what waited in another epoch never will be told.
    pub fn drop_untold_up_to(&mut self, follower: &str, place: Cursor) -> Result<(), StoreError> {
        let sql =
            "delete from untold where follower = ?1 and statecode = ?2 and (epoch <> ?3 or eventid <= ?4)";
        let params = [follower.into(), WAITING.into(), place.epoch.into(), place.eventid.into()];
        self.execute(sql, &params).map(drop)
    }
}
