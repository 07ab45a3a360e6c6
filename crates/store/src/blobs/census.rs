//! What is kept where, and what is missing there.

use std::collections::BTreeSet;

use model::limits;
use model::schema::house::BLOB_PLACES;

use super::place::{Digest, Place};
use super::{Blobs, IN_BUCKET, IN_FILE, digest};
use crate::engine::Readers;
use crate::rows::RowValues;
use crate::{Read, StoreError};

/// The kept bytes of one place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BlobCount {
    /// The place, in the words of [`BLOB_PLACES`].
    pub place: &'static str,
    /// How many blobs.
    pub blobs: i64,
    /// Their plain bytes.
    pub bytes: i64,
    /// Those of them that nothing names, and that a sweep removes.
    pub condemned: i64,
}

impl Blobs {
    /// How many blobs have lost their file.
    pub(crate) fn missing_files(&self, readers: &Readers) -> Result<i64, StoreError> {
        self.missing(readers, IN_FILE)
    }

    /// How many blobs have lost their object in the bucket.
    pub(crate) fn missing_objects(&self, readers: &Readers) -> Result<i64, StoreError> {
        self.missing(readers, IN_BUCKET)
    }

    /// Compares the rows with a list of the place: to ask for each one would take a network's time each.
    fn missing(&self, readers: &Readers, place: i32) -> Result<i64, StoreError> {
        let mut ids = readers.ask(|read| read.blob_ids_at(place))?;
        if ids.is_empty() {
            return Ok(0);
        }
        ids.sort_unstable();
        let place = self.place(place)?;
        // Bytes are there before the row that names them, so what is listed after the rows were read is enough.
        let (mut there, mut reached) = (BTreeSet::new(), None);
        let mut missing = 0;
        for id in ids {
            let id = digest(&id)?;
            while reached != Some(END) && reached.is_none_or(|reached| reached < id) {
                reached = Some(list_on(place, reached.as_ref(), &mut there)?);
            }
            missing += i64::from(!there.remove(&id));
            // What lies before it has no row.
            there = there.split_off(&id);
        }
        Ok(missing)
    }
}

/// Lists a page; says how far it goes.
fn list_on(
    place: &dyn Place,
    after: Option<&Digest>,
    there: &mut BTreeSet<Digest>,
) -> Result<Digest, StoreError> {
    let listed = place.list(after, limits::BLOB_PAGE)?;
    there.extend(listed.iter().map(|listed| listed.digest));
    Ok(listed.last().map_or(END, |last| last.digest))
}

/// Behind all digests that are met.
const END: Digest = [0xff; 32];

impl Read<'_> {
    /// Names of blobs behind another, in their order: some, and none at the end.
    pub(crate) fn blob_ids_after(&self, blobid: &[u8]) -> Result<Vec<Vec<u8>>, StoreError> {
        let sql = "select blobid
            from blob
            where blobid > ?1
            order by blobid
            limit 1000";
        self.rows(sql, &[blobid.into()], |row| row.take())
    }

    /// The same without those whose bytes are on their way out.
    pub(crate) fn kept_blob_ids_after(&self, blobid: &[u8]) -> Result<Vec<Vec<u8>>, StoreError> {
        let sql = "select blobid
            from blob
            where blobid > ?1 and (condemnedon is null or statecode = 1)
            order by blobid
            limit 1000";
        self.rows(sql, &[blobid.into()], |row| row.take())
    }

    /// Names of the live blobs of a place.
    fn blob_ids_at(&self, place: i32) -> Result<Vec<Vec<u8>>, StoreError> {
        let sql = "select blobid
            from blob
            where place = ?1 and condemnedon is null";
        self.rows(sql, &[place.into()], |row| row.take())
    }

    /// The kept bytes of each place. Looks at every row.
    pub(crate) fn blob_counts(&self) -> Result<Vec<BlobCount>, StoreError> {
        let sql = "select place, count(*), cast(coalesce(sum(size), 0) as bigint), count(condemnedon)
            from blob
            group by place
            order by place";
        let count = |row: &mut RowValues<'_>| {
            let place: i64 = row.take()?;
            let place = BLOB_PLACES.iter().find(|(number, _)| *number == place).map(|(_, words)| *words);
            let place = place.ok_or(StoreError::Corrupt)?;
            Ok(BlobCount { place, blobs: row.take()?, bytes: row.take()?, condemned: row.take()? })
        };
        self.rows(sql, &[], count)
    }
}
