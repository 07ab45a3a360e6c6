//! Bytes that lie in a place without a row of theirs: their writer ended before its unit, or the unit found the same
//! bytes kept elsewhere.

use model::{Timestamp, limits};

use super::Swept;
use super::look::a_day_before;
use crate::blobs::keep::{DELETING, LIVE};
use crate::blobs::place::{Digest, Place};
use crate::{Organization, Priority, StoreError};

/// Goes through every place and gives bytes without a row one that says that they go. The row is what keeps a unit from
/// naming them meanwhile.
pub(super) fn claim(
    organization: &Organization,
    now: Timestamp,
    swept: &mut Swept,
) -> Result<(), StoreError> {
    let before = a_day_before(now);
    for (number, place) in organization.blobs().places() {
        place.is_ours()?;
        swept.leftovers += place.clear_leftovers(before)?;
        let mut after = None;
        loop {
            let page = place.list(after.as_ref(), limits::BLOB_PAGE)?;
            let Some(last) = page.last() else { break };
            after = Some(last.digest);
            let mut orphans = Vec::new();
            for listed in page.iter().filter(|listed| listed.written <= before) {
                if is_orphan(organization, (number, place), &listed.digest, swept)? {
                    orphans.push(listed.digest);
                }
            }
            for few in orphans.chunks(limits::ROWS_PER_UNIT_MAX) {
                swept.orphans += doom(organization, few.to_vec(), (number, now))?;
            }
        }
    }
    Ok(())
}

/// Whether old bytes have no row. Those of a blob that is live elsewhere are removed at once: no unit names these, for
/// that row would have to go before, which takes a day.
fn is_orphan(
    organization: &Organization,
    (number, place): (i32, &dyn Place),
    digest: &Digest,
    swept: &mut Swept,
) -> Result<bool, StoreError> {
    match organization.readers().ask(|read| read.blob_place(digest))? {
        None => Ok(true),
        Some((other, LIVE)) if other != number => {
            place.remove(digest)?;
            swept.orphans += 1;
            Ok(false)
        }
        Some(_) => Ok(false),
    }
}

/// Gives them rows; how many had none still.
fn doom(
    organization: &Organization,
    orphans: Vec<Digest>,
    (place, now): (i32, Timestamp),
) -> Result<usize, StoreError> {
    let unit = organization.unit(Priority::Background, move |tx| {
        let mut claimed = 0;
        for digest in &orphans {
            let sql = "insert into blob (blobid, size, place, bytes, statecode, condemnedon)
                values (?1, 0, ?2, null, ?3, ?4)
                on conflict do nothing";
            claimed += tx.execute(sql, &[digest.into(), place.into(), DELETING.into(), now.into()])?;
        }
        Ok::<_, StoreError>(claimed)
    });
    unit.wait()
}
