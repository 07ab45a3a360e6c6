//! Kept bytes, named by their digest (BLAKE3), compressed in frames: small ones in a row, large ones in a file.
//!
//! A file and its folder are synced before the unit that names it may commit. Bytes are never shared between
//! organizations. Nothing here deletes.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use model::limits;

use crate::lock::locked;
use crate::rows::RowValues;
use crate::{Read, StoreError, Tx};

mod faulty;
mod files;
mod frames;

pub(crate) use faulty::FaultyFiles;
pub use files::{DiskFiles, Files};

use frames::{Frames, Stored};

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
}

/// `blob.place`: in the row.
const IN_ROW: i32 = 0;
/// `blob.place`: in a file.
const IN_FILE: i32 = 1;
/// `blob.statecode`: live.
const LIVE: i32 = 0;
/// `blob.statecode`: condemned.
const CONDEMNED: i32 = 1;

/// The blob files of one organization.
pub(crate) struct Blobs {
    files: Arc<dyn Files>,
    folder: PathBuf,
    /// Folders known to be there durably.
    synced: Mutex<BTreeSet<PathBuf>>,
    /// Tells temporary files apart.
    written: AtomicU64,
}

impl Blobs {
    pub(crate) fn new(files: Arc<dyn Files>, folder: PathBuf) -> Self {
        Blobs { files, folder, synced: Mutex::default(), written: AtomicU64::new(0) }
    }

    /// Compresses, and writes a file where the result is large. What it returns is durable. `blobid` is the digest
    /// of the bytes.
    pub(crate) fn put(&self, raw: &[u8], blobid: [u8; 32]) -> Result<PreparedBlob, StoreError> {
        debug_assert_eq!(*blake3::hash(raw).as_bytes(), blobid, "a blob is named by its digest");
        let size = i64::try_from(raw.len()).map_err(|_| StoreError::Full)?;
        let bytes = frames::compress(raw)?;
        if bytes.len() <= limits::BLOB_ROW_BYTES_MAX {
            return Ok(PreparedBlob { blobid, size, place: IN_ROW, bytes: Some(bytes.into()) });
        }
        self.write(&blobid, &bytes)?;
        Ok(PreparedBlob { blobid, size, place: IN_FILE, bytes: None })
    }

    /// Writes even where a file of that name is: it may be on its way out, or not yet synced by its writer.
    fn write(&self, blobid: &[u8; 32], bytes: &[u8]) -> Result<(), StoreError> {
        let path = self.path(blobid);
        let folder = path.parent().unwrap_or(&self.folder);
        self.make_folder(folder)?;
        let number = self.written.fetch_add(1, Ordering::Relaxed);
        let temporary = path.with_extension(format!("{}-{number}.tmp", std::process::id()));
        let written = self
            .files
            .write(&temporary, bytes)
            .and_then(|()| self.files.sync_file(&temporary))
            .and_then(|()| self.files.rename(&temporary, &path))
            .and_then(|()| self.files.sync_folder(folder));
        if written.is_err() {
            // What is left of it is in nobody's way.
            let _ = self.files.remove(&temporary);
        }
        Ok(written?)
    }

    /// Makes a folder and syncs the one it is in.
    fn make_folder(&self, folder: &Path) -> Result<(), StoreError> {
        if locked(&self.synced).contains(folder) {
            return Ok(());
        }
        self.files.make_folder(folder)?;
        self.files.sync_folder(&self.folder)?;
        locked(&self.synced).insert(folder.to_owned());
        Ok(())
    }

    /// The whole of a blob, compared with its digest.
    pub(crate) fn get(&self, read: &Read<'_>, blobid: &[u8]) -> Result<Vec<u8>, StoreError> {
        let plain = self.frames(read, blobid)?.all()?;
        if blake3::hash(&plain).as_bytes() == blobid { Ok(plain) } else { Err(StoreError::Corrupt) }
    }

    /// A part of a blob; shorter where the blob ends earlier.
    pub(crate) fn get_range(
        &self,
        read: &Read<'_>,
        blobid: &[u8],
        (offset, length): (usize, usize),
    ) -> Result<Vec<u8>, StoreError> {
        self.frames(read, blobid)?.range(offset, length)
    }

    /// How many blobs have lost their file.
    pub(crate) fn missing_files(&self, read: &Read<'_>) -> Result<i64, StoreError> {
        let sql = "select blobid
            from blob
            where place = ?1 and condemnedon is null";
        let ids: Vec<Vec<u8>> = read.rows(sql, &[IN_FILE.into()], |row| row.take())?;
        let mut missing = 0;
        for id in &ids {
            missing += i64::from(!self.files.exists(&self.path(&digest(id)?))?);
        }
        Ok(missing)
    }

    fn frames(&self, read: &Read<'_>, blobid: &[u8]) -> Result<Frames<'_>, StoreError> {
        let sql = "select size, place, bytes
            from blob
            where blobid = ?1";
        let row = |row: &mut RowValues<'_>| {
            Ok((row.take::<i64>()?, row.take::<i32>()?, row.take::<Option<Vec<u8>>>()?))
        };
        let (size, place, bytes) = read.one(sql, &[blobid.into()], row)?.ok_or(StoreError::NotFound)?;
        let stored = match (place, bytes) {
            (IN_ROW, Some(bytes)) => Stored::Row(bytes),
            (IN_FILE, _) => Stored::File(self.files.as_ref(), self.path(&digest(blobid)?)),
            _ => return Err(StoreError::Corrupt),
        };
        Frames::open(usize::try_from(size).map_err(|_| StoreError::Corrupt)?, stored)
    }

    /// `blobs/ab/<the other 62 digits>.zst`: one folder would grow beyond what people can look through.
    fn path(&self, blobid: &[u8; 32]) -> PathBuf {
        let digits = blake3::Hash::from_bytes(*blobid).to_hex();
        let (first, rest) = digits.as_str().split_at(2);
        self.folder.join(first).join(format!("{rest}.zst"))
    }
}

fn digest(blobid: &[u8]) -> Result<[u8; 32], StoreError> {
    blobid.try_into().map_err(|_| StoreError::NotFound)
}

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
}

impl Tx<'_> {
    /// Names prepared bytes in this unit, so that they stay; bytes that were condemned live again.
    ///
    /// `Temporary` where the same bytes are being deleted at this moment: prepare them again and repeat.
    pub fn keep_blob(&mut self, blob: &PreparedBlob) -> Result<(), StoreError> {
        let row = model::schema::house::Blob {
            blobid: blob.blobid.to_vec(),
            size: blob.size,
            place: blob.place,
            bytes: blob.bytes.as_deref().map(<[u8]>::to_vec),
            statecode: LIVE,
            condemnedon: None,
        };
        if self.insert_if_absent(&row)? {
            return self.still_on_disk(blob);
        }
        let state = self.one(
            "select statecode
            from blob
            where blobid = ?1",
            &[(&blob.blobid).into()],
            |row| row.take::<i32>(),
        )?;
        match state {
            Some(LIVE) => Ok(()),
            Some(CONDEMNED) => self
                .execute(
                    "update blob
                    set statecode = 0, condemnedon = null
                    where blobid = ?1",
                    &[(&blob.blobid).into()],
                )
                .map(drop),
            _ => Err(StoreError::Temporary { why: "the same bytes are being deleted" }),
        }
    }

    /// A sweep may have deleted the file between its writing and this unit: it deletes bytes before the row,
    /// so where there was no row, a look at the file is conclusive.
    fn still_on_disk(&self, blob: &PreparedBlob) -> Result<(), StoreError> {
        let gone = blob.place == IN_FILE && {
            let blobs = self.blobs.ok_or(StoreError::NotFound)?;
            !blobs.files.exists(&blobs.path(&blob.blobid))?
        };
        if gone { Err(StoreError::Temporary { why: "the same bytes were being deleted" }) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::sqlite::SqliteFile;
    use crate::engine::{Engine as _, Purpose};
    use crate::faults::Faults;
    use crate::migrations;

    #[test]
    fn keeping_revives_what_was_condemned_and_waits_for_what_is_being_deleted() {
        let folder = tempfile::tempdir().unwrap();
        let file = SqliteFile::new(&folder.path().join("some.db"), &Faults::none(), None);
        let session = file.open(Purpose::Write).unwrap();
        migrations::migrate(session.as_ref(), migrations::ORGANIZATION).unwrap();
        let blobs = Blobs::new(Arc::new(DiskFiles), folder.path().join("blobs"));
        let blob = blobs.put(b"a mail", *blake3::hash(b"a mail").as_bytes()).unwrap();
        let mut tx = Tx::new(session.as_ref(), Some(&blobs));
        tx.keep_blob(&blob).unwrap();
        tx.keep_blob(&blob).unwrap();

        tx.execute("update blob set statecode = 1, condemnedon = 5", &[]).unwrap();
        tx.keep_blob(&blob).unwrap();
        let sql = "select count(*) from blob where statecode = 0 and condemnedon is null";
        assert_eq!(tx.one(sql, &[], |row| row.take::<i64>()).unwrap(), Some(1));

        tx.execute("update blob set statecode = 2", &[]).unwrap();
        assert!(matches!(tx.keep_blob(&blob), Err(StoreError::Temporary { .. })));
        tx.execute("delete from blob", &[]).unwrap();
        tx.keep_blob(&blob).unwrap();
        assert_eq!(blobs.get(&tx, &blob.blobid).unwrap(), b"a mail");
    }
}
