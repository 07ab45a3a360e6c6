//! Locks: the one on the data folder, so that two programs never share it, and those between threads.

use std::fs::{File, OpenOptions, Permissions, TryLockError};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
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
        let mut options = OpenOptions::new();
        // Whoever may open the file may hold the lock, and then we could not start.
        options.create(true).truncate(false).read(true).write(true).mode(PRIVATE);
        let file = options.open(data.join("lock"))?;
        match file.try_lock() {
            Ok(()) => {
                file.set_permissions(Permissions::from_mode(PRIVATE))?;
                Ok(FolderLock { _file: file })
            }
            Err(TryLockError::WouldBlock) => Err(StoreError::Locked),
            Err(TryLockError::Error(error)) => Err(error.into()),
        }
    }
}

/// For its owner alone.
const PRIVATE: u32 = 0o600;

/// Locks. A panic of another holder is no reason to stop: units of work are undone by the database, and
/// what these locks guard is whole at every moment.
pub(crate) fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_else_may_open_the_lock() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lock");
        File::create(&path).unwrap().set_permissions(Permissions::from_mode(0o644)).unwrap();
        for _ in 0..2 {
            drop(FolderLock::take(folder.path()).unwrap());
            assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, PRIVATE);
            std::fs::remove_file(&path).unwrap();
        }
    }
}
