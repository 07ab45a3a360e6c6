//! Bytes that lie in a place without a row of theirs: their writer ended before its unit, or the unit found the same
//! bytes kept elsewhere.

use model::{Timestamp, limits};

use super::Swept;
use super::look::a_day_before;
use crate::blobs::keep::{DELETING, LIVE};
use crate::blobs::place::Listed;
use crate::rows::RowValues;
use crate::{Organization, Priority, Read, StoreError};

/// Goes through every place and gives bytes without a row one that says that they go. The row is what keeps a unit from
/// naming them meanwhile.
pub(super) fn claim(organization: &Organization, now: Timestamp, swept: &mut Swept) -> Result<(), StoreError> {
    let before = a_day_before(now);
    for (number, place) in organization.blobs().places() {
        swept.leftovers += place.clear_leftovers(before)?;
        let mut after = None;
        loop {
            let page = place.list(after.as_ref(), limits::BLOB_PAGE)?;
            let Some(last) = page.last() else { break };
            after = Some(last.digest);
            let old: Vec<Listed> = page.into_iter().filter(|listed| listed.written <= before).collect();
            let (mut orphans, mut strays) = (Vec::new(), Vec::new());
            for listed in old {
                match organization.readers().ask(|read| read.blob_place(&listed.digest))? {
                    None => orphans.push(listed.digest),
                    // Live elsewhere: no unit names these, for it would need a day until that row is gone.
                    Some((other, LIVE)) if other != number => strays.push(listed.digest),
                    Some(_) => {}
                }
            }
            for stray in strays {
                place.remove(&stray)?;
                swept.orphans += 1;
            }
            for few in orphans.chunks(limits::ROWS_PER_UNIT_MAX) {
                let few = few.to_vec();
                let unit = organization.unit(Priority::Background, move |tx| {
                    let mut claimed = 0;
                    for digest in &few {
                        let sql = "insert into blob (blobid, size, place, bytes, statecode, condemnedon)
                            values (?1, 0, ?2, null, ?3, ?4)
                            on conflict do nothing";
                        let row = [digest.into(), number.into(), DELETING.into(), now.into()];
                        claimed += tx.execute(sql, &row)?;
                    }
                    Ok::<_, StoreError>(claimed)
                });
                swept.orphans += unit.wait()?;
            }
        }
    }
    Ok(())
}

impl Read<'_> {
    /// Where a blob lies and its state.
    fn blob_place(&self, blobid: &[u8; 32]) -> Result<Option<(i32, i32)>, StoreError> {
        let sql = "select place, statecode
            from blob
            where blobid = ?1";
        let pair = |row: &mut RowValues<'_>| Ok((row.take()?, row.take()?));
        self.one(sql, &[blobid.into()], pair)
    }
}
