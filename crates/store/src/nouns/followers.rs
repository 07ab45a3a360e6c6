//! How far whoever follows events has come, and what is done about it where events are numbered anew.
//!
//! *Invariant:* a place goes on in another epoch only by way of [`Tx::carry_follower`], behind the same events.

use super::Cursor;
use crate::StoreError;
use crate::rows::{Read, Tx};

/// What the names of settings begin with that say where a follower is.
pub(crate) const FOLLOWER: &str = "follower ";
/// `untold.statecode` of an event that waits.
const WAITING: i32 = 0;

/// A place in events of a former epoch: of a follower, or of an event that he was told in vain and that waits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FormerPlace {
    follower: String,
    /// The place, in its former epoch.
    pub(crate) at: Cursor,
    is_untold: bool,
}

impl Read<'_> {
    /// Where a follower is, in whichever epoch; `None` where he never was anywhere.
    pub fn followed(&self, follower: &str) -> Result<Option<Cursor>, StoreError> {
        Ok(self.setting(&setting(follower))?.as_deref().and_then(cursor))
    }

    /// Places of followers in this epoch, and of what waits to be told in it.
    pub(crate) fn followers_in(&self, epoch: model::Id) -> Result<Vec<FormerPlace>, StoreError> {
        let sql = "select name, value from setting where substr(name, 1, 9) = ?1 order by name";
        let pair = |row: &mut crate::rows::RowValues<'_>| Ok((row.take::<String>()?, row.take::<String>()?));
        let settings = self.rows(sql, &[FOLLOWER.into()], pair)?;
        let mut places = Vec::new();
        for (name, value) in settings {
            let follower = name.get(FOLLOWER.len()..).unwrap_or_default().to_owned();
            let Some(at) = cursor(&value).filter(|at| at.epoch == epoch) else { continue };
            let sql = "select eventid from untold where follower = ?1 and epoch = ?2 and statecode = ?3 order by eventid";
            let params = [follower.as_str().into(), epoch.into(), WAITING.into()];
            let untold: Vec<i64> = self.rows(sql, &params, |row| row.take())?;
            let waiting = |eventid| FormerPlace {
                follower: follower.clone(),
                at: Cursor { epoch, eventid },
                is_untold: true,
            };
            places.extend(untold.into_iter().map(waiting));
            places.push(FormerPlace { follower, at, is_untold: false });
        }
        Ok(places)
    }

    /// The event in front of which so many others stand, and it itself the last of them; 0 where there are none.
    pub(crate) fn nth_event(&self, number: i64) -> Result<i64, StoreError> {
        let sql = "select eventid from event order by eventid limit 1 offset ?1";
        if number <= 0 {
            return Ok(0);
        }
        self.one(sql, &[(number - 1).into()], |row| row.take())?.ok_or(StoreError::Corrupt)
    }
}

impl Tx<'_> {
    /// The same as [`Read::followed`]; nobody moves him before this unit of work ends.
    pub fn followed_held(&mut self, follower: &str) -> Result<Option<Cursor>, StoreError> {
        Ok(self.setting_held(&setting(follower))?.as_deref().and_then(cursor))
    }

    /// The follower is here from now on.
    pub fn follow(&mut self, follower: &str, at: Cursor) -> Result<(), StoreError> {
        self.set_setting(&setting(follower), &format!("{} {}", at.epoch, at.eventid))
    }

    /// Has a place count among the events as they are numbered now.
    pub(crate) fn carry_follower(&mut self, place: &FormerPlace, to: Cursor) -> Result<(), StoreError> {
        let FormerPlace { follower, at, is_untold } = place;
        if !is_untold {
            return self.follow(follower, to);
        }
        let sql =
            "update untold set epoch = ?4, eventid = ?5 where follower = ?1 and epoch = ?2 and eventid = ?3";
        let params = [
            follower.as_str().into(),
            at.epoch.into(),
            at.eventid.into(),
            to.epoch.into(),
            to.eventid.into(),
        ];
        self.execute(sql, &params).map(drop)
    }
}

fn setting(follower: &str) -> String {
    format!("{FOLLOWER}{follower}")
}

fn cursor(text: &str) -> Option<Cursor> {
    let (epoch, eventid) = text.split_once(' ')?;
    Some(Cursor { epoch: epoch.parse().ok()?, eventid: eventid.parse().ok()? })
}
