//! Naming kept bytes in a unit of work.
//!
//! The row says whether the sweep may have taken the bytes: it keeps the name of bytes that it removes taken for longer
//! than prepared bytes may wait for their unit. So a unit asks the database alone.

use std::time::{Duration, Instant};

use model::schema::house::Blob;
use model::{Timestamp, limits};

use super::place::Digest;
use super::{IN_FILE, IN_ROW, PreparedBlob};
use crate::{StoreError, Tx};

/// `blob.statecode`: live.
pub(super) const LIVE: i32 = 0;
/// `blob.statecode`: condemned.
pub(super) const CONDEMNED: i32 = 1;
/// `blob.statecode`: its bytes are being removed.
pub(super) const DELETING: i32 = 2;
/// `blob.statecode`: its bytes are removed, and its name stays taken for a while.
pub(super) const GONE: i32 = 3;

impl Tx<'_> {
    /// Names prepared bytes in this unit, so that they stay; bytes that were condemned live again. Whoever writes a
    /// reference to bytes names them in the same unit.
    ///
    /// `Temporary` where the same bytes are being deleted at this moment, or were prepared too long ago: prepare them
    /// again and repeat.
    pub fn keep_blob(&mut self, blob: &PreparedBlob) -> Result<(), StoreError> {
        self.keep_as(&blob.blobid, blob)
    }

    /// The same for the source of a new e-mail; its name, which is to be written with it. Bytes that go into the row have the
    /// second `at` in which they are kept before their digest: what is kept today is written to few pages of the index of
    /// names, however large that is. The same bytes have several names then, and are kept as often.
    pub fn keep_source(&mut self, blob: &PreparedBlob, at: Timestamp) -> Result<Vec<u8>, StoreError> {
        let name = match blob.place {
            IN_ROW => dated(&blob.blobid, at),
            _ => blob.blobid.to_vec(),
        };
        self.keep_as(&name, blob)?;
        Ok(name)
    }

    fn keep_as(&mut self, name: &[u8], blob: &PreparedBlob) -> Result<(), StoreError> {
        let row = Blob {
            blobid: name.to_vec(),
            size: blob.size,
            place: blob.place,
            bytes: blob.bytes.as_deref().map(<[u8]>::to_vec),
            statecode: LIVE,
            condemnedon: None,
        };
        if self.insert_if_absent(&row)? {
            return self.not_swept(blob);
        }
        let state = self.one(
            "select statecode
            from blob
            where blobid = ?1",
            &[name.into()],
            |row| row.take::<i32>(),
        )?;
        match state {
            Some(LIVE) => Ok(()),
            Some(CONDEMNED) if self.revive(name)? => Ok(()),
            _ => Err(StoreError::Temporary { why: "the same bytes are being deleted" }),
        }
    }

    /// Lets condemned bytes live again; says whether they were condemned still.
    pub(super) fn revive(&mut self, blobid: &[u8]) -> Result<bool, StoreError> {
        let revived = self.execute(
            "update blob
            set statecode = 0, condemnedon = null
            where blobid = ?1 and statecode = 1",
            &[blobid.into()],
        )?;
        Ok(revived == 1)
    }

    /// Where there was no row, the sweep could take bytes that nothing named for a day, and their name was taken by it
    /// for an hour. So what is younger is there.
    fn not_swept(&self, blob: &PreparedBlob) -> Result<(), StoreError> {
        let age_max = Duration::from_secs(limits::BLOB_PREPARED_SECONDS_MAX);
        if blob.place != IN_ROW && Instant::now().saturating_duration_since(blob.since) > age_max {
            return Err(StoreError::Temporary { why: "the bytes were prepared too long ago" });
        }
        // A look that costs nothing, at the disk alone: somebody's hand may have removed a file.
        let is_gone = blob.place == IN_FILE && {
            let blobs = self.blobs.ok_or(StoreError::NotFound)?;
            !blobs.place(IN_FILE)?.exists(&blob.blobid)?
        };
        if is_gone { Err(StoreError::Temporary { why: "the same bytes were being deleted" }) } else { Ok(()) }
    }
}

/// The name of bytes that are kept at this time: its second in four bytes, highest first, and their digest.
fn dated(digest: &Digest, at: Timestamp) -> Vec<u8> {
    let [.., a, b, c, d] = at.seconds().to_be_bytes();
    let mut name = vec![a, b, c, d];
    name.extend_from_slice(digest);
    name
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::sync::Arc;

    use super::*;
    use crate::blobs::{Blobs, DiskFiles, IN_BUCKET};
    use crate::engine::sqlite::SqliteFile;
    use crate::engine::{Engine as _, Purpose, Session};
    use crate::faults::Faults;
    use crate::migrations;

    #[test]
    fn sources_are_named_in_the_order_of_time_and_found_by_their_names() {
        let folder = tempfile::tempdir().unwrap();
        let (session, blobs) = opened(folder.path());
        let mut tx = Tx::new(session.as_ref(), Some(&blobs));
        let noise: Vec<u8> =
            (0..40_000_u32).flat_map(|n| *blake3::hash(&n.to_le_bytes()).as_bytes()).collect();
        let mut names = Vec::new();
        for second in [1_780_000_000, 1_780_000_000, 1_780_000_001, 1_780_000_300] {
            let raw = format!("mail of {second}");
            let blob = blobs.put(raw.as_bytes(), *blake3::hash(raw.as_bytes()).as_bytes()).unwrap();
            let name = tx.keep_source(&blob, Timestamp::from_seconds(second)).unwrap();
            assert_eq!(blobs.find(&tx, &name).unwrap().all().unwrap(), raw.as_bytes());
            names.push(name);
        }
        assert!(names.is_sorted() && names[0] == names[1], "{names:?}");
        // What lies outside has one name, by which the sweep knows it.
        let large = blobs.put(&noise, *blake3::hash(&noise).as_bytes()).unwrap();
        assert_eq!(tx.keep_source(&large, Timestamp::from_seconds(5)).unwrap(), large.blobid);
        assert_eq!(blobs.find(&tx, &large.blobid).unwrap().all().unwrap(), noise);
    }

    #[test]
    fn keeping_revives_what_was_condemned_and_waits_for_what_is_being_deleted() {
        let folder = tempfile::tempdir().unwrap();
        let (session, blobs) = opened(folder.path());
        let blob = blobs.put(b"a mail", *blake3::hash(b"a mail").as_bytes()).unwrap();
        let mut tx = Tx::new(session.as_ref(), Some(&blobs));
        tx.keep_blob(&blob).unwrap();
        tx.keep_blob(&blob).unwrap();

        tx.execute("update blob set statecode = 1, condemnedon = 5", &[]).unwrap();
        tx.keep_blob(&blob).unwrap();
        let sql = "select count(*) from blob where statecode = 0 and condemnedon is null";
        assert_eq!(tx.one(sql, &[], |row| row.take::<i64>()).unwrap(), Some(1));

        for sql in ["update blob set statecode = 2", "update blob set statecode = 3"] {
            tx.execute(sql, &[]).unwrap();
            assert!(matches!(tx.keep_blob(&blob), Err(StoreError::Temporary { .. })));
        }
        tx.execute("delete from blob", &[]).unwrap();
        tx.keep_blob(&blob).unwrap();
        assert_eq!(blobs.find(&tx, &blob.blobid).unwrap().all().unwrap(), b"a mail");

        // What may have been swept while it waited is not named.
        tx.execute("delete from blob", &[]).unwrap();
        let age = Duration::from_secs(limits::BLOB_PREPARED_SECONDS_MAX + 1);
        let since = Instant::now().checked_sub(age).unwrap();
        let late = PreparedBlob { place: IN_BUCKET, bytes: None, since, ..blob };
        assert!(matches!(tx.keep_blob(&late), Err(StoreError::Temporary { .. })));
    }

    /// A new database, and a place for large bytes beside it.
    fn opened(folder: &Path) -> (Box<dyn Session>, Blobs) {
        let file = SqliteFile::new(&folder.join("some.db"), &Faults::none(), None);
        let session = file.open(Purpose::Write).unwrap();
        migrations::migrate(session.as_ref(), migrations::ORGANIZATION).unwrap();
        (session, Blobs::new(Arc::new(DiskFiles), folder.join("blobs"), None))
    }
}
