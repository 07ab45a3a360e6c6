//! Locks: the one on the data folder, so that two programs never share it, and those between threads.

use std::fs::{File, OpenOptions, TryLockError};
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::StoreError;

/// The lock on a data folder, held until it is dropped or the process ends, however it ends.
#[derive(Debug)]
pub(crate) struct FolderLock {
    _file: File,
}

impl FolderLock {
    /// Takes the lock (`flock` on the file `lock`). `Locked` where another process has it.
    pub(crate) fn take(data: &Path) -> Result<Self, StoreError> {
        let file =
            OpenOptions::new().create(true).truncate(false).read(true).write(true).open(data.join("lock"))?;
        match file.try_lock() {
            Ok(()) => Ok(FolderLock { _file: file }),
            Err(TryLockError::WouldBlock) => Err(StoreError::Locked),
            Err(TryLockError::Error(error)) => Err(error.into()),
        }
    }
}

/// Locks. A panic of another holder is no reason to stop: units of work are undone by the database, and
/// what these locks guard is whole at every moment.
pub(crate) fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
