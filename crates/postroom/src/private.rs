//! The data folder is its owner's alone: with mode 0700 nothing inside can be reached by others, whatever mode
//! it has itself.
//!
//! *Invariant:* a folder that is not evidently ours is never changed, only refused: `data = "/srv"` must not
//! close a whole machine.

use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::{fs, io};

/// Others may look into the folder, or it cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum NotPrivate {
    /// It belongs to another user and is open to more than its owner.
    #[error(
        "{path} is open to others and belongs to another user; run Postroom as its owner, or `chmod 700` it"
    )]
    Foreign {
        /// The folder.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// It is open to others and holds things that are not Postroom's.
    #[error(
        "{path} is open to others and holds more than Postroom's data; name a folder of its own, or `chmod 700` it"
    )]
    Shared {
        /// The folder.
        path: PathBuf,
    },
    /// It cannot be made or looked at.
    #[error("{path} cannot be opened")]
    Io {
        /// The folder.
        path: PathBuf,
        /// Why not.
        #[source]
        source: io::Error,
    },
}

/// Makes the data folder where it is missing, and closes one that is there to all but its owner.
///
/// # Errors
/// [`NotPrivate`]; then nothing was changed.
pub(crate) fn make(data: &Path) -> Result<(), NotPrivate> {
    let failed = |source| NotPrivate::Io { path: data.to_owned(), source };
    if !data.exists() {
        return fs::DirBuilder::new().recursive(true).mode(PRIVATE).create(data).map_err(failed);
    }
    let mode = fs::metadata(data).map_err(failed)?.permissions().mode();
    if mode & OTHERS == 0 {
        return Ok(());
    }
    if !is_ours(data).map_err(failed)? {
        return Err(NotPrivate::Shared { path: data.to_owned() });
    }
    // Only its owner may do this (chmod(2)), so it is the question whose it is, too.
    match fs::set_permissions(data, fs::Permissions::from_mode(PRIVATE)) {
        Err(source) if source.kind() == io::ErrorKind::PermissionDenied => {
            Err(NotPrivate::Foreign { path: data.to_owned(), source })
        }
        closed => closed.map_err(failed),
    }
}

/// For its owner alone.
const PRIVATE: u32 = 0o700;
/// What the group and everybody else may do.
const OTHERS: u32 = 0o077;

/// Whether nothing is in the folder, or a house.
fn is_ours(data: &Path) -> io::Result<bool> {
    // Where rows are at a server there is no catalogue here, but the bytes and the index of each organization.
    let is_house = data.join("catalogue.db").exists()
        || (data.join("organizations").is_dir() && data.join("lock").is_file());
    Ok(is_house || fs::read_dir(data)?.next().is_none())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open_folder() -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
        folder
    }

    fn mode(folder: &Path) -> u32 {
        fs::metadata(folder).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn a_house_or_an_empty_folder_is_closed_to_others() {
        let folder = open_folder();
        make(folder.path()).unwrap();
        assert_eq!(mode(folder.path()), 0o700);
        let folder = open_folder();
        fs::write(folder.path().join("catalogue.db"), "").unwrap();
        fs::write(folder.path().join("other"), "").unwrap();
        make(folder.path()).unwrap();
        assert_eq!(mode(folder.path()), 0o700);
        let folder = open_folder();
        fs::create_dir(folder.path().join("organizations")).unwrap();
        fs::write(folder.path().join("lock"), "").unwrap();
        make(folder.path()).unwrap();
        assert_eq!(mode(folder.path()), 0o700);
        let inner = folder.path().join("a/b");
        make(&inner).unwrap();
        assert_eq!(mode(&inner), 0o700);
    }

    #[test]
    fn a_folder_of_other_things_is_refused_until_it_is_closed() {
        let folder = open_folder();
        fs::write(folder.path().join("passwd"), "").unwrap();
        assert!(matches!(make(folder.path()), Err(NotPrivate::Shared { .. })));
        assert_eq!(mode(folder.path()), 0o755);
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o700)).unwrap();
        make(folder.path()).unwrap();
    }
}
