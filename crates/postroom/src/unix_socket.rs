//! Sockets of this machine that the house listens at.
//!
//! *Invariant:* nobody may come before the socket has its mode, and what is no socket of ours is never replaced.

use std::fs;
use std::io;
use std::os::unix::fs::{DirBuilderExt, FileTypeExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use tokio::net::UnixListener;

/// A listening socket; its file goes with it.
#[derive(Debug)]
pub(crate) struct UnixSocket {
    listener: UnixListener,
    file: SocketFile,
}

/// The file of a socket, which goes when this is dropped.
#[derive(Debug)]
pub(crate) struct SocketFile {
    path: PathBuf,
    /// Device and number: another one under this name is another's.
    is: (u64, u64),
}

/// The bytes that the path of a socket may have: sun_path of unix(7), without its end.
const PATH_BYTES_MAX: usize = 107;

impl UnixSocket {
    /// Listens there, for whom this mode lets in. A socket that one left who died is replaced.
    ///
    /// # Errors
    /// Where somebody listens there, or something else lies there; where the folder cannot be written; where the path is
    /// longer than a socket's may be.
    pub(crate) fn bind(path: &Path, mode: u32) -> io::Result<Self> {
        if path.as_os_str().len() > PATH_BYTES_MAX {
            return Err(io::Error::new(
                io::ErrorKind::InvalidFilename,
                "longer than the 107 bytes of a socket's path",
            ));
        }
        let (Some(folder), Some(name)) = (path.parent(), path.file_stem()) else {
            return Err(io::ErrorKind::InvalidFilename.into());
        };
        if let Ok(there) = fs::symlink_metadata(path) {
            let is_taken =
                !there.file_type().is_socket() || std::os::unix::net::UnixStream::connect(path).is_ok();
            if is_taken {
                return Err(io::ErrorKind::AddrInUse.into());
            }
        }
        // A socket is open to others between bind and chmod, so it is made where nobody else may go.
        let closet = folder.join(format!(".{}", name.to_string_lossy()));
        let hidden = closet.join("sock");
        if closet.exists() {
            drop(fs::remove_file(&hidden));
            fs::remove_dir(&closet)?;
        }
        fs::DirBuilder::new().mode(0o700).create(&closet)?;
        let listener = UnixListener::bind(&hidden)?;
        fs::set_permissions(&hidden, fs::Permissions::from_mode(mode))?;
        let is = identity(&hidden)?;
        fs::rename(&hidden, path)?;
        fs::remove_dir(&closet)?;
        Ok(UnixSocket { listener, file: SocketFile { path: path.to_owned(), is } })
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        &self.file.path
    }

    /// The socket, and its file, which is to be kept as long.
    pub(crate) fn into_parts(self) -> (UnixListener, SocketFile) {
        (self.listener, self.file)
    }
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        // Whoever finds it after this process would find nobody behind it; that is no harm, only untidy.
        if identity(&self.path).is_ok_and(|is| is == self.is) {
            drop(fs::remove_file(&self.path));
        }
    }
}

fn identity(path: &Path) -> io::Result<(u64, u64)> {
    fs::symlink_metadata(path).map(|file| (file.dev(), file.ino()))
}
