//! Servers whose packages cannot be installed beside others (each wants to be the mail server of the machine): they
//! run below a root of their own, an overlay of the machine's with their packages unpacked into it.
//!
//! What passes through: Debian packages from the cache that `.ci/install` fills, and a script, into a process whose
//! end is the end of everything it started.
//!
//! *Invariant:* what is written below that root is gone with it; of the machine only one folder is shared.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result};
use tempfile::TempDir;

use super::{is_root, open_folder};
use crate::Missing;

/// A process below a root of its own.
pub(super) struct Apart {
    folder: TempDir,
    child: Child,
}

/// Makes the root in a mount namespace, and waits there for what it starts: this shell is the first process of the
/// namespace and stays root, for the kernel forgets `--kill-child` where a server gives root up. `/bin` and `/lib` may
/// be links; unpacking goes through them. Where the machine has a package itself, none was fetched.
const ENTER: &str = r#"set -e
shared=$1 script=$2
shift 2
top=$shared/top
mkdir "$top"
mount -t tmpfs -o mode=755 none "$top"
mkdir "$top/upper" "$top/work" "$top/root"
mount -t overlay overlay -o "lowerdir=/,upperdir=$top/upper,workdir=$top/work" "$top/root"
for packages in "$@"; do
  for package in "$packages"/*.deb; do
    [ -e "$package" ] || continue
    dpkg-deb --fsys-tarfile "$package" | tar -x --keep-directory-symlink -C "$top/root"
  done
done
mount -t proc proc "$top/root/proc"
mount --rbind /dev "$top/root/dev"
mount -t tmpfs -o mode=755 none "$top/root/run"
mkdir -p "$top/root$shared"
mount --bind "$shared" "$top/root$shared"
cd "$shared"
chroot "$top/root" /bin/sh -c "cd '$shared'; $script" &
wait $!
"#;

impl Apart {
    /// Starts a script as root below a root that has these packages. The script begins in the shared folder, which holds
    /// these files, and ends with `exec` of the server in the foreground. What it says goes to the file `said`.
    ///
    /// # Errors
    /// [`Missing`] where the package is, or root, or the right to mount.
    pub(super) fn start(names: &[&str], files: &[(&str, String)], script: &str) -> Result<Self> {
        let packages = names.iter().map(|name| packages(name)).collect::<Result<Vec<_>, _>>()?;
        let package = names.first().copied().unwrap_or_default();
        is_root(package)?;
        may_mount()?;
        let folder = open_folder(None)?;
        for (name, text) in files {
            fs::write(folder.path().join(name), text)?;
        }
        let said = fs::File::create(folder.path().join("said"))?;
        let mut unshare = namespace();
        unshare.args(["/bin/sh", "-c", ENTER, "enter"]).arg(folder.path()).arg(script).args(packages);
        unshare.stdin(Stdio::null()).stdout(said.try_clone()?).stderr(said);
        let child = unshare.spawn().with_context(|| format!("{package} cannot be started"))?;
        Ok(Apart { folder, child })
    }

    /// The shared folder, at the same place for both.
    pub(super) fn path(&self) -> &Path {
        self.folder.path()
    }

    /// What the server wrote into a file of the shared folder.
    pub(super) fn read(&self, name: &str) -> String {
        fs::read_to_string(self.folder.path().join(name)).unwrap_or_default()
    }
}

impl Drop for Apart {
    fn drop(&mut self) {
        // The first process of the namespace goes with it, and all others with that one. Both fail only for a
        // process that has ended, which is what is wanted.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn namespace() -> Command {
    let mut unshare = Command::new("/usr/bin/unshare");
    unshare.args(["--mount", "--propagation", "private", "--pid", "--fork", "--kill-child"]);
    unshare
}

/// Containers often have root without this.
fn may_mount() -> Result<(), Missing> {
    let mut mount = namespace();
    mount.args(["/bin/mount", "-t", "tmpfs", "none", "/mnt"]).stdout(Stdio::null()).stderr(Stdio::null());
    match mount.status() {
        Ok(status) if status.success() => Ok(()),
        _ => Err(Missing::new("a server apart from the others (it wants the right to mount)")),
    }
}

/// The folder with a package and what it needs, as `.ci/install` leaves it.
fn packages(package: &str) -> Result<PathBuf, Missing> {
    let set = std::env::var_os("POSTROOM_PEERS").map(PathBuf::from);
    let cache = || {
        let set = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
        let home = || std::env::var_os("HOME").map(|home| Path::new(&home).join(".cache"));
        set.or_else(home).map(|cache| cache.join("postroom-peers"))
    };
    let folder = set.or_else(cache).map(|folder| folder.join(package));
    folder.filter(|folder| folder.is_dir()).ok_or_else(|| Missing::new(format!("{package} (unpacked apart)")))
}
