//! The sweep: kept bytes that nothing names are condemned, a day later removed, and an hour after that their name is
//! free again.
//!
//! ```text
//! live ─look: nothing names it─▶ condemned ─look, a day later: still nothing─▶ deleting ─bytes removed─▶ gone ─▶ no row
//!   ▲                               │                                            ▲
//!   └──── named again, or seen ─────┘        bytes without a row, a day old ─────┘
//! ```
//!
//! Every step is a unit that looks at the state again, so it may stop between any two; several may run side by side.
//! *Invariant:* bytes are removed only while their row says so, and a unit that meets such a row keeps nothing; what
//! is named is never removed. In a bucket that names another house nothing is removed. See decision 18.

use model::{Timestamp, limits};

use super::IN_ROW;
use super::keep::{CONDEMNED, DELETING, GONE};
use super::place::Digest;
use crate::rows::RowValues;
use crate::{Organization, Priority, Read, StoreError};

mod look;
mod orphans;

/// What a sweep did, in blobs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Swept {
    /// Condemned: nothing names them.
    pub condemned: usize,
    /// Live again: something named them all the same.
    pub revived: usize,
    /// Their bytes are removed.
    pub removed: usize,
    /// Bytes without a row that were found, to be removed: their unit was never kept.
    pub orphans: usize,
    /// Remains of files whose writer broke off, removed.
    pub leftovers: usize,
}

/// Does what is due.
pub(crate) fn sweep(organization: &Organization, clock: &dyn Fn() -> Timestamp) -> Result<Swept, StoreError> {
    let mut swept = Swept::default();
    free_names(organization, clock())?;
    remove_bytes(organization, clock, &mut swept)?;
    let now = clock();
    if look::is_due(organization, now)? {
        look::look(organization, now, &mut swept)?;
        orphans::claim(organization, now, &mut swept)?;
    }
    Ok(swept)
}

/// Takes the rows of bytes away that are gone for long enough: whatever was prepared before that is refused.
fn free_names(organization: &Organization, now: Timestamp) -> Result<(), StoreError> {
    let before = now.plus_seconds(-limits::BLOB_GONE_SECONDS);
    loop {
        let ids = organization.readers().ask(|read| read.blobs_in_state(GONE, before, &[]))?;
        if ids.is_empty() {
            return Ok(());
        }
        let unit = organization.unit(Priority::Background, move |tx| {
            ids.iter().try_for_each(|(blobid, _)| {
                let sql = "delete from blob
                    where blobid = ?1 and statecode = 3 and condemnedon <= ?2";
                tx.execute(sql, &[blobid.into(), before.into()]).map(drop)
            })
        });
        unit.wait()?;
    }
}

/// Removes the bytes whose rows say that they go. Where a place does not answer, they go another time.
fn remove_bytes(
    organization: &Organization,
    clock: &dyn Fn() -> Timestamp,
    swept: &mut Swept,
) -> Result<(), StoreError> {
    let mut after = Vec::new();
    loop {
        let doomed = organization.readers().ask(|read| read.blobs_in_state(DELETING, clock(), &after))?;
        let Some((last, _)) = doomed.last() else { return Ok(()) };
        after.clone_from(last);
        let mut removed = Vec::new();
        let mut trouble = Ok(());
        let mut ours = Vec::new();
        for (blobid, place) in doomed {
            trouble = is_ours(organization, place, &mut ours).and_then(|()| remove(organization, &blobid));
            if trouble.is_err() {
                break;
            }
            removed.push(blobid);
        }
        // The hour begins when the last of them is removed.
        let (count, now) = (removed.len(), clock());
        let unit = organization.unit(Priority::Background, move |tx| {
            removed.iter().try_for_each(|blobid| {
                let sql = "update blob
                    set statecode = 3, condemnedon = ?2
                    where blobid = ?1 and statecode = 2";
                tx.execute(sql, &[blobid.into(), now.into()]).map(drop)
            })
        });
        unit.wait()?;
        swept.removed += count;
        trouble?;
    }
}

/// Asks a place once whether we may remove there; `ours` are those that said yes.
fn is_ours(organization: &Organization, place: i32, ours: &mut Vec<i32>) -> Result<(), StoreError> {
    if !ours.contains(&place) {
        organization.blobs().place(place)?.is_ours()?;
        ours.push(place);
    }
    Ok(())
}

/// Removes the bytes of one row that says so now: since the list was read, another node may have removed them, and
/// their name may have been freed and given again.
fn remove(organization: &Organization, blobid: &[u8]) -> Result<(), StoreError> {
    let digest = super::digest(blobid)?;
    match organization.readers().ask(|read| read.blob_place(&digest))? {
        Some((place, DELETING)) => organization.blobs().place(place)?.remove(&digest),
        _ => Ok(()),
    }
}

/// Ends what is condemned since before a time and unseen: a row with its bytes at once, other bytes with what follows.
/// Condemns what is live. Says whether it was removed and whether it was condemned.
fn doom(
    tx: &mut crate::Tx<'_>,
    blobid: &[u8],
    (now, before): (Timestamp, Timestamp),
) -> Result<(bool, bool), StoreError> {
    let sql = "delete from blob
        where blobid = ?1 and place = ?2 and statecode = ?3 and condemnedon <= ?4";
    if tx.execute(sql, &[blobid.into(), IN_ROW.into(), CONDEMNED.into(), before.into()])? == 1 {
        return Ok((true, false));
    }
    let sql = "update blob
        set statecode = 2, condemnedon = ?3
        where blobid = ?1 and statecode = 1 and condemnedon <= ?2";
    if tx.execute(sql, &[blobid.into(), before.into(), now.into()])? == 1 {
        return Ok((false, false));
    }
    let sql = "update blob
        set statecode = 1, condemnedon = ?2
        where blobid = ?1 and statecode = 0";
    Ok((false, tx.execute(sql, &[blobid.into(), now.into()])? == 1))
}

impl Read<'_> {
    /// Where a blob lies and its state.
    fn blob_place(&self, blobid: &Digest) -> Result<Option<(i32, i32)>, StoreError> {
        let sql = "select place, statecode
            from blob
            where blobid = ?1";
        let pair = |row: &mut RowValues<'_>| Ok((row.take()?, row.take()?));
        self.one(sql, &[blobid.into()], pair)
    }

    /// Blobs that are in a state since that time or longer, behind this one in the order of names: name and place.
    fn blobs_in_state(
        &self,
        state: i32,
        since: Timestamp,
        after: &[u8],
    ) -> Result<Vec<(Vec<u8>, i32)>, StoreError> {
        let sql = "select blobid, place
            from blob
            where condemnedon is not null and condemnedon <= ?2 and statecode = ?1 and blobid > ?3
            order by blobid
            limit 500";
        let pair = |row: &mut RowValues<'_>| Ok((row.take()?, row.take()?));
        self.rows(sql, &[state.into(), since.into(), after.into()], pair)
    }
}
