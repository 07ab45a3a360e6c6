//! Large frames in files: `blobs/ab/<the other 62 digits>.zst`.
//!
//! A file and its folder are synced before anybody hears that it was written.

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use model::Timestamp;

use super::files::Files;
use super::place::{Digest, Listed, Place, digest_of, names};
use crate::StoreError;
use crate::lock::locked;

/// The files of one organization.
pub(super) struct Folder {
    files: Arc<dyn Files>,
    folder: PathBuf,
    /// Folders known to be there durably.
    synced: Mutex<BTreeSet<PathBuf>>,
    /// Tells temporary files apart.
    written: AtomicU64,
}

impl Folder {
    pub(super) fn new(files: Arc<dyn Files>, folder: PathBuf) -> Self {
        Folder { files, folder, synced: Mutex::default(), written: AtomicU64::new(0) }
    }

    fn path(&self, digest: &Digest) -> PathBuf {
        let (first, rest) = names(digest);
        self.folder.join(first).join(rest)
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

    /// The names in one of the 256 folders; none where it is not there.
    fn names_in(&self, first: &str) -> Result<Vec<(String, Timestamp)>, StoreError> {
        match self.files.list(&self.folder.join(first)) {
            Ok(names) => Ok(names),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
            Err(error) => Err(error.into()),
        }
    }
}

impl Place for Folder {
    /// Writes even where a file of that name is: it may not yet be synced by its writer.
    fn write(&self, digest: &Digest, frames: Vec<u8>) -> Result<(), StoreError> {
        let path = self.path(digest);
        let folder = path.parent().unwrap_or(&self.folder);
        self.make_folder(folder)?;
        let number = self.written.fetch_add(1, Ordering::Relaxed);
        let temporary = path.with_extension(format!("{}-{number}.{LEFTOVER}", std::process::id()));
        let written = self
            .files
            .write(&temporary, &frames)
            .and_then(|()| self.files.sync_file(&temporary))
            .and_then(|()| self.files.rename(&temporary, &path))
            .and_then(|()| self.files.sync_folder(folder));
        if written.is_err() {
            // What is left of it is in nobody's way, and swept a day later.
            let _ = self.files.remove(&temporary);
        }
        Ok(written?)
    }

    fn read(&self, digest: &Digest, start: u64, length: usize) -> Result<Vec<u8>, StoreError> {
        self.files.read(&self.path(digest), start, length).map_err(|error| match error.kind() {
            io::ErrorKind::UnexpectedEof => StoreError::Corrupt,
            io::ErrorKind::NotFound => StoreError::NotFound,
            _ => error.into(),
        })
    }

    fn exists(&self, digest: &Digest) -> Result<bool, StoreError> {
        Ok(self.files.exists(&self.path(digest))?)
    }

    /// Not synced: a file that is back after a power cut is swept again.
    /// The lock on the data folder says so.
    fn is_ours(&self) -> Result<(), StoreError> {
        Ok(())
    }

    fn remove(&self, digest: &Digest) -> Result<(), StoreError> {
        match self.files.remove(&self.path(digest)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error.into()),
            _ => Ok(()),
        }
    }

    fn list(&self, after: Option<&Digest>, wanted: usize) -> Result<Vec<Listed>, StoreError> {
        let mut found = Vec::new();
        for byte in after.map_or(0, |digest| digest[0])..=u8::MAX {
            let first = format!("{byte:02x}");
            let names = self.names_in(&first)?.into_iter();
            let listed = |(rest, written): (String, Timestamp)| {
                Some(Listed { digest: digest_of(&first, &rest)?, written })
            };
            found.extend(names.filter_map(listed).filter(|it| after.is_none_or(|after| it.digest > *after)));
            if found.len() >= wanted {
                break;
            }
        }
        found.sort_unstable_by_key(|listed| listed.digest);
        Ok(found)
    }

    fn clear_leftovers(&self, before: Timestamp) -> Result<usize, StoreError> {
        let mut cleared = 0;
        for byte in 0..=u8::MAX {
            let first = format!("{byte:02x}");
            for (name, written) in self.names_in(&first)? {
                let path = self.folder.join(&first).join(name);
                let is_leftover = path.extension().is_some_and(|ending| ending == LEFTOVER);
                if is_leftover && written < before {
                    match self.files.remove(&path) {
                        Ok(()) => cleared += 1,
                        // Its writer is there after all, and gave it its name.
                        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                        Err(error) => return Err(error.into()),
                    }
                }
            }
        }
        Ok(cleared)
    }
}

/// How files end that are not whole yet.
const LEFTOVER: &str = "tmp";
