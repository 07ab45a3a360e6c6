//! A small disk of its own, in memory, which a test can fill.

use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};
use testkit::Missing;

/// Mounted until it is dropped.
pub(super) struct SmallDisk {
    folder: tempfile::TempDir,
}

impl SmallDisk {
    /// With so many megabytes. Skips the test where this user may not mount one.
    pub(super) fn mount(megabytes: u32) -> Result<Option<Self>> {
        let folder = tempfile::tempdir()?;
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", &format!("size={megabytes}m"), "tmpfs"]).arg(folder.path());
        if !mount.output().is_ok_and(|output| output.status.success()) {
            return Err(Missing::new("a disk that a test may fill (mount, as root)").into());
        }
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755))?;
        Ok(Some(SmallDisk { folder }))
    }

    pub(super) fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Takes all room but a little, until what is returned is dropped.
    pub(super) fn fill(&self) -> Result<Filling> {
        let path = self.path().join("filling");
        let mut file = fs::File::create(&path).context("no file")?;
        while file.write_all(&[0; 64 * 1024]).is_ok() {}
        // A server that cannot write at all stops; one that cannot grow refuses.
        file.set_len(file.metadata()?.len().saturating_sub(256 * 1024))?;
        Ok(Filling { path })
    }
}

/// Room that is taken.
pub(super) struct Filling {
    path: PathBuf,
}

impl Drop for Filling {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.path);
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // What still uses it lets go of it when it ends.
        let _ = Command::new("umount").arg("-l").arg(self.folder.path()).output();
    }
}
