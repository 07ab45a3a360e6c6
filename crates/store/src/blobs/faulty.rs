//! The file layer with faults on purpose in front of it.

use std::io;
use std::path::Path;
use std::sync::Arc;

use model::Timestamp;

use super::Files;
use crate::faults::Faults;

/// Files whose calls fail as planned.
pub(crate) struct FaultyFiles {
    pub(crate) files: Arc<dyn Files>,
    pub(crate) faults: Faults,
}

impl FaultyFiles {
    fn sound(&self) -> io::Result<&dyn Files> {
        match self.faults.next() {
            None => Ok(self.files.as_ref()),
            Some(fault) => Err(fault.io_error()),
        }
    }
}

impl Files for FaultyFiles {
    fn make_folder(&self, folder: &Path) -> io::Result<()> {
        self.sound()?.make_folder(folder)
    }

    fn write(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        self.sound()?.write(path, bytes)
    }

    fn sync_file(&self, path: &Path) -> io::Result<()> {
        self.sound()?.sync_file(path)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.sound()?.rename(from, to)
    }

    fn sync_folder(&self, folder: &Path) -> io::Result<()> {
        self.sound()?.sync_folder(folder)
    }

    fn read(&self, path: &Path, start: u64, length: usize) -> io::Result<Vec<u8>> {
        self.sound()?.read(path, start, length)
    }

    fn exists(&self, path: &Path) -> io::Result<bool> {
        self.sound()?.exists(path)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.sound()?.remove(path)
    }

    fn list(&self, folder: &Path) -> io::Result<Vec<(String, Timestamp)>> {
        self.sound()?.list(folder)
    }
}
