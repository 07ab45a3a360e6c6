//! Kept bytes, named by their digest (BLAKE3), compressed in frames: small ones in a row, large ones in a file or, by
//! setting, in a bucket. What lies in one place is read there, whatever the setting says by now.
//!
//! Large bytes are durable before the unit that names them may commit, and no unit waits for a network. Bytes are never
//! shared between organizations. Only the [`sweep`] deletes; see decision 18.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use model::{Id, limits};

use crate::rows::RowValues;
use crate::{Read, StoreError};

mod bucket;
mod carried;
mod census;
mod faulty;
mod files;
mod folder;
mod frames;
mod keep;
mod place;
pub(crate) mod sweep;

pub(crate) use bucket::Mark;
pub use bucket::{Addressing, Bucket, BucketError, BucketSettings, Credentials, Secret};
pub use census::BlobCount;
pub(crate) use faulty::FaultyFiles;
pub use files::{DiskFiles, Files};
pub use sweep::Swept;

use folder::Folder;
use frames::{Frames, Stored};
use place::{Digest, Place};

/// Bytes that are ready to be named in a unit of work.
#[derive(Debug, Clone)]
pub struct PreparedBlob {
    /// BLAKE3 of the plain bytes.
    pub blobid: [u8; 32],
    /// Plain bytes.
    pub size: i64,
    /// One of [`model::schema::house::BLOB_PLACES`].
    pub place: i32,
    /// The frames, where they go into the row.
    pub bytes: Option<Arc<[u8]>>,
    /// Since when they are being prepared: a sweep leaves alone what is younger.
    since: Instant,
}

/// `blob.place`: in the row.
const IN_ROW: i32 = 0;
/// `blob.place`: in a file.
const IN_FILE: i32 = 1;
/// `blob.place`: in the bucket.
const IN_BUCKET: i32 = 2;

/// The kept bytes of one organization, as far as they do not stand in rows.
pub(crate) struct Blobs {
    folder: Folder,
    bucket: Option<Box<dyn Place>>,
}

impl Blobs {
    /// Files in a folder, and the part of a bucket that belongs to this organization, where there is one.
    pub(crate) fn new(files: Arc<dyn Files>, folder: PathBuf, bucket: Option<(Arc<Bucket>, Id)>) -> Self {
        let bucket = bucket.map(|(bucket, id)| Box::new(bucket.of(id)) as Box<dyn Place>);
        Blobs { folder: Folder::new(files, folder), bucket }
    }

    /// Compresses, and writes a file or an object where the result is large. What it returns is durable. `blobid` is
    /// the digest of the bytes.
    pub(crate) fn put(&self, raw: &[u8], blobid: [u8; 32]) -> Result<PreparedBlob, StoreError> {
        debug_assert_eq!(*blake3::hash(raw).as_bytes(), blobid, "a blob is named by its digest");
        let since = Instant::now();
        let size = i64::try_from(raw.len()).map_err(|_| StoreError::Full)?;
        let bytes = frames::compress(raw)?;
        if bytes.len() <= limits::BLOB_ROW_BYTES_MAX {
            return Ok(PreparedBlob { blobid, size, place: IN_ROW, bytes: Some(bytes.into()), since });
        }
        let place = if self.bucket.is_some() { IN_BUCKET } else { IN_FILE };
        // Even where there are such bytes: they may be on their way out.
        self.place(place)?.write(&blobid, bytes)?;
        Ok(PreparedBlob { blobid, size, place, bytes: None, since })
    }

    /// Where a blob lies: asked of the database, before anything is asked of the place.
    pub(crate) fn find(&self, read: &Read<'_>, blobid: &[u8]) -> Result<Found<'_>, StoreError> {
        let sql = "select size, place, bytes
            from blob
            where blobid = ?1";
        let row = |row: &mut RowValues<'_>| {
            Ok((row.take::<i64>()?, row.take::<i32>()?, row.take::<Option<Vec<u8>>>()?))
        };
        let (size, place, bytes) = read.one(sql, &[blobid.into()], row)?.ok_or(StoreError::NotFound)?;
        let blobid = digest(blobid)?;
        let stored = match (place, bytes) {
            (IN_ROW, Some(bytes)) => Stored::Row(bytes),
            (IN_ROW, None) => return Err(StoreError::Corrupt),
            (place, _) => Stored::Outside(self.place(place)?, blobid),
        };
        Ok(Found { blobid, size: usize::try_from(size).map_err(|_| StoreError::Corrupt)?, stored })
    }

    /// The place with this number.
    fn place(&self, place: i32) -> Result<&dyn Place, StoreError> {
        match (place, &self.bucket) {
            (IN_FILE, _) => Ok(&self.folder),
            (IN_BUCKET, Some(bucket)) => Ok(bucket.as_ref()),
            (IN_BUCKET, None) => Err(BucketError::NotSet.into()),
            _ => Err(StoreError::Corrupt),
        }
    }

    /// The places there are, with their numbers.
    fn places(&self) -> impl Iterator<Item = (i32, &dyn Place)> {
        [IN_FILE, IN_BUCKET].into_iter().filter_map(|number| Some((number, self.place(number).ok()?)))
    }
}

/// A blob whose place is known.
pub(crate) struct Found<'b> {
    blobid: Digest,
    size: usize,
    stored: Stored<'b>,
}

impl Found<'_> {
    /// The whole of it, compared with its digest.
    pub(crate) fn all(self) -> Result<Vec<u8>, StoreError> {
        let blobid = self.blobid;
        let plain = Frames::open(self.size, self.stored)?.all()?;
        if *blake3::hash(&plain).as_bytes() == blobid { Ok(plain) } else { Err(StoreError::Corrupt) }
    }

    /// A part of it; shorter where the blob ends earlier.
    pub(crate) fn range(self, offset: usize, length: usize) -> Result<Vec<u8>, StoreError> {
        Frames::open(self.size, self.stored)?.range(offset, length)
    }
}

/// The digest in a name: all of it, or what stands behind the second in which small bytes were kept.
fn digest(blobid: &[u8]) -> Result<Digest, StoreError> {
    blobid.last_chunk().copied().ok_or(StoreError::NotFound)
}
