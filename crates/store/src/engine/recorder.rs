//! Power cuts, for tests: everything that reaches the disk is recorded, and a disk is made of it as it may be
//! found after the power went: what was synced is there, of the rest anything.
//!
//! `kill -9` proves less: it keeps the page cache of the kernel.

use std::ffi::{CStr, CString};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use model::Timestamp;

use crate::StoreError;
use crate::blobs::Files;
use crate::lock::locked;

mod image;
#[allow(unsafe_code, reason = "a VFS is a table of C functions")]
mod vfs;

pub use image::CrashImage;

/// What reached the disk, in order.
pub struct Recorder {
    name: CString,
    root: PathBuf,
    log: Mutex<Vec<Recorded>>,
}

/// One thing that reached the disk.
#[derive(Debug, Clone)]
pub enum Recorded {
    /// A file was opened, and made where it was not there.
    Open(PathBuf),
    /// Bytes were written at an offset.
    Write(PathBuf, u64, Arc<[u8]>),
    /// A file was cut to a size.
    Truncate(PathBuf, u64),
    /// The bytes of a file are durable.
    Sync(PathBuf),
    /// A file has another name.
    Rename(PathBuf, PathBuf),
    /// A file was removed; with `true`, durably.
    Remove(PathBuf, bool),
    /// A folder was made, and those above it.
    MakeFolder(PathBuf),
    /// The names in a folder are durable.
    SyncFolder(PathBuf),
    /// Something the test wants to find again: what was promised so far.
    Mark(String),
}

impl Recorder {
    /// A recorder of what happens below this folder. It lives as long as the program.
    pub fn new(root: &Path) -> Result<Arc<Self>, StoreError> {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let name = format!("recorder-{}", COUNT.fetch_add(1, Ordering::Relaxed));
        let name = CString::new(name).map_err(io::Error::other)?;
        let recorder = Arc::new(Recorder { name, root: root.canonicalize()?, log: Mutex::default() });
        vfs::register(&recorder)?;
        Ok(recorder)
    }

    /// Records something the test wants to find again.
    pub fn mark(&self, mark: impl Into<String>) {
        self.record(Recorded::Mark(mark.into()));
    }

    /// Everything so far.
    pub fn log(&self) -> Vec<Recorded> {
        locked(&self.log).clone()
    }

    /// The folder whose disk it is.
    pub fn root(&self) -> &Path {
        &self.root
    }

    pub(crate) fn vfs_name(&self) -> &CStr {
        &self.name
    }

    fn record(&self, entry: Recorded) {
        locked(&self.log).push(entry);
    }
}

/// The file layer of blobs, recorded.
pub(crate) struct RecordedFiles {
    pub(crate) files: Arc<dyn Files>,
    pub(crate) recorder: Arc<Recorder>,
}

impl RecordedFiles {
    fn record(&self, done: io::Result<()>, entry: impl FnOnce() -> Recorded) -> io::Result<()> {
        done.inspect(|()| self.recorder.record(entry()))
    }
}

impl Files for RecordedFiles {
    fn make_folder(&self, folder: &Path) -> io::Result<()> {
        self.record(self.files.make_folder(folder), || Recorded::MakeFolder(folder.into()))
    }

    fn write(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        self.record(self.files.write(path, bytes), || Recorded::Open(path.into()))?;
        self.record(Ok(()), || Recorded::Truncate(path.into(), 0))?;
        self.record(Ok(()), || Recorded::Write(path.into(), 0, bytes.into()))
    }

    fn sync_file(&self, path: &Path) -> io::Result<()> {
        self.record(self.files.sync_file(path), || Recorded::Sync(path.into()))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.record(self.files.rename(from, to), || Recorded::Rename(from.into(), to.into()))
    }

    fn sync_folder(&self, folder: &Path) -> io::Result<()> {
        self.record(self.files.sync_folder(folder), || Recorded::SyncFolder(folder.into()))
    }

    fn read(&self, path: &Path, start: u64, length: usize) -> io::Result<Vec<u8>> {
        self.files.read(path, start, length)
    }

    fn exists(&self, path: &Path) -> io::Result<bool> {
        self.files.exists(path)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.record(self.files.remove(path), || Recorded::Remove(path.into(), false))
    }

    fn list(&self, folder: &Path) -> io::Result<Vec<(String, Timestamp)>> {
        self.files.list(folder)
    }
}
