//! The disk as it may be found after a power cut.
//!
//! Of every file: all bytes up to its last sync; of later writes a random part, perhaps torn between sectors. Of
//! every folder: the names up to its last sync; of later changes a random part. Harsher than most file systems.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::Recorded;

/// A disk after a power cut.
pub struct CrashImage {
    root: PathBuf,
    files: Vec<File>,
    /// Names that are durable.
    names: Names,
    /// Names as the running program saw them.
    seen: Names,
    /// Changes of names that no sync followed, each with its folder.
    changes: Vec<(PathBuf, Change)>,
    dice: Dice,
}

type Names = BTreeMap<PathBuf, Node>;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Node {
    Folder,
    /// Its place in `files`.
    File(usize),
}

#[derive(Default)]
struct File {
    durable: Vec<u8>,
    later: Vec<Later>,
    was_synced: bool,
}

enum Later {
    Write(usize, Arc<[u8]>),
    Truncate(usize),
}

enum Change {
    Add(PathBuf, Node),
    Rename(PathBuf, PathBuf, Node),
    Remove(PathBuf),
}

impl CrashImage {
    /// The disk below `root` when the power goes after the first `cut` entries; the seed says what was lucky.
    pub fn at(root: &Path, log: &[Recorded], cut: usize, seed: u64) -> Self {
        let mut image = CrashImage {
            root: root.to_owned(),
            files: Vec::new(),
            names: Names::new(),
            seen: Names::new(),
            changes: Vec::new(),
            dice: Dice(seed),
        };
        log.iter().take(cut).for_each(|entry| image.replay(entry));
        image
    }

    /// Lets the dice fall and writes the disk into an empty folder.
    pub fn write(mut self, into: &Path) -> io::Result<()> {
        for (_, change) in std::mem::take(&mut self.changes) {
            if self.dice.coin() {
                change.apply(&mut self.names);
            }
        }
        // In the order of names a folder comes before what is in it; what is in a lost folder is lost.
        for (path, node) in &self.names {
            let Ok(below_root) = path.strip_prefix(&self.root) else { continue };
            let target = into.join(below_root);
            if !target.parent().is_some_and(Path::is_dir) {
                continue;
            }
            match node {
                Node::Folder => fs::create_dir(target)?,
                Node::File(place) => {
                    if let Some(file) = self.files.get(*place) {
                        fs::write(target, file.after_the_cut(&mut self.dice))?;
                    }
                }
            }
        }
        Ok(())
    }

    fn replay(&mut self, entry: &Recorded) {
        match entry {
            Recorded::Open(path) if !self.seen.contains_key(path) => {
                self.files.push(File::default());
                self.change(path, Change::Add(path.clone(), Node::File(self.files.len() - 1)));
            }
            Recorded::Open(_) | Recorded::Mark(_) => {}
            Recorded::Write(path, offset, bytes) => {
                self.later(path, Later::Write(to_usize(*offset), bytes.clone()))
            }
            Recorded::Truncate(path, size) => self.later(path, Later::Truncate(to_usize(*size))),
            Recorded::Sync(path) => self.sync(path),
            Recorded::Rename(from, to) => {
                if let Some(node) = self.seen.get(from).copied() {
                    self.change(to, Change::Rename(from.clone(), to.clone(), node));
                }
            }
            Recorded::Remove(path, durably) => {
                self.change(path, Change::Remove(path.clone()));
                if *durably {
                    self.sync_folder(&parent(path));
                }
            }
            Recorded::MakeFolder(path) => {
                let above: Vec<&Path> =
                    path.ancestors().take_while(|above| *above != self.root.as_path()).collect();
                for folder in above.into_iter().rev() {
                    if !self.seen.contains_key(folder) {
                        self.change(folder, Change::Add(folder.to_owned(), Node::Folder));
                    }
                }
            }
            Recorded::SyncFolder(path) => self.sync_folder(path),
        }
    }

    fn change(&mut self, path: &Path, change: Change) {
        change.apply(&mut self.seen);
        self.changes.push((parent(path), change));
    }

    fn later(&mut self, path: &Path, later: Later) {
        if let Some(file) = self.file(path) {
            file.later.push(later);
        }
    }

    fn sync(&mut self, path: &Path) {
        let Some(file) = self.file(path) else { return };
        for later in std::mem::take(&mut file.later) {
            later.apply(&mut file.durable);
        }
        let first = !std::mem::replace(&mut file.was_synced, true);
        // SQLite syncs the folder with the first sync of a new log or journal (`unixSync`, UNIXFILE_DIRSYNC).
        let name = path.to_string_lossy();
        if first && (name.ends_with("-wal") || name.ends_with("-journal")) {
            self.sync_folder(&parent(path));
        }
    }

    fn sync_folder(&mut self, folder: &Path) {
        let (names, changes) = (&mut self.names, std::mem::take(&mut self.changes));
        for (of, change) in changes {
            if of == folder {
                change.apply(names);
            } else {
                self.changes.push((of, change));
            }
        }
    }

    fn file(&mut self, path: &Path) -> Option<&mut File> {
        match self.seen.get(path) {
            Some(Node::File(place)) => self.files.get_mut(*place),
            _ => None,
        }
    }
}

impl Change {
    fn apply(&self, names: &mut Names) {
        match self {
            Change::Add(path, node) => {
                names.insert(path.clone(), *node);
            }
            Change::Rename(from, to, node) => {
                names.remove(from);
                names.insert(to.clone(), *node);
            }
            Change::Remove(path) => {
                names.remove(path);
            }
        }
    }
}

impl File {
    fn after_the_cut(&self, dice: &mut Dice) -> Vec<u8> {
        let mut bytes = self.durable.clone();
        for later in &self.later {
            match later {
                Later::Write(offset, written) if dice.coin() => {
                    // Torn: some of its sectors arrived. One in four is whole.
                    let whole = dice.roll(4) == 0;
                    for start in (0..written.len()).step_by(SECTOR_BYTES) {
                        if whole || dice.coin() {
                            let end = (start + SECTOR_BYTES).min(written.len());
                            put(&mut bytes, offset + start, written, start..end);
                        }
                    }
                }
                Later::Truncate(_) if dice.coin() => later.apply(&mut bytes),
                Later::Write(..) | Later::Truncate(_) => {}
            }
        }
        bytes
    }
}

impl Later {
    fn apply(&self, bytes: &mut Vec<u8>) {
        match self {
            Later::Write(offset, written) => put(bytes, *offset, written, 0..written.len()),
            Later::Truncate(size) => bytes.resize(*size, 0),
        }
    }
}

/// Writes a part of `written` at an offset; what lies between the end and the offset becomes zeros.
fn put(bytes: &mut Vec<u8>, offset: usize, written: &[u8], part: Range<usize>) {
    let end = offset + part.len();
    if bytes.len() < end {
        bytes.resize(end, 0);
    }
    if let (Some(target), Some(source)) = (bytes.get_mut(offset..end), written.get(part)) {
        target.copy_from_slice(source);
    }
}

fn parent(path: &Path) -> PathBuf {
    path.parent().unwrap_or(path).to_owned()
}

fn to_usize(number: u64) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

/// SplitMix64 (Steele, Lea, Flood 2014): the same seed, the same luck.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % sides
    }

    fn coin(&mut self) -> bool {
        self.roll(2) == 0
    }
}

/// What a disk writes whole or not at all.
const SECTOR_BYTES: usize = 512;
