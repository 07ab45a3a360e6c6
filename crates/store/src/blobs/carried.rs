//! Kept bytes on their way from house to house: frames as they are stored, not opened.

use super::{Blobs, Frames, IN_BUCKET, IN_FILE, Stored, digest};
use crate::StoreError;

impl Blobs {
    /// The frames of a blob that does not stand in its row, with this size and place. `NotFound` where they are lost,
    /// `Corrupt` where nobody can tell how many they are.
    pub(crate) fn whole_frames(
        &self,
        blobid: &[u8],
        (size, place): (i64, i64),
    ) -> Result<Vec<u8>, StoreError> {
        let size = usize::try_from(size).map_err(|_| StoreError::Corrupt)?;
        let place = i32::try_from(place).map_err(|_| StoreError::Corrupt)?;
        Frames::open(size, Stored::Outside(self.place(place)?, digest(blobid)?))?.stored_bytes()
    }

    /// Writes frames of a blob that does not stand in its row, durably.
    pub(crate) fn put_frames(&self, blobid: &[u8], frames: &[u8]) -> Result<(), StoreError> {
        self.place(self.large())?.write(&digest(blobid)?, frames.to_owned())
    }

    /// Where blobs that do not stand in their rows are put.
    pub(crate) fn place_of_large(&self) -> i64 {
        i64::from(self.large())
    }

    fn large(&self) -> i32 {
        if self.bucket.is_some() { IN_BUCKET } else { IN_FILE }
    }

    /// Whether frames hold the bytes that they are named after. `Corrupt`.
    pub(crate) fn check_frames(blobid: &[u8], size: i64, frames: &[u8]) -> Result<(), StoreError> {
        let size = usize::try_from(size).map_err(|_| StoreError::Corrupt)?;
        let plain = Frames::open(size, Stored::Row(frames.to_vec()))?.all()?;
        if *blake3::hash(&plain).as_bytes() == digest(blobid)? { Ok(()) } else { Err(StoreError::Corrupt) }
    }
}
