//! The files of a Maildir, by way of its open folders: whatever becomes of its path, no other place is touched.
//!
//! *Invariant:* no link is followed, nothing but plain files is opened, and a name that is taken stays as it is.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{self, BufRead as _, BufReader, Read as _};
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use model::{MessageKey, Timestamp, limits};
use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags, Stat};
use rustix::io::Errno;

use crate::source::Disposed;

/// An open Maildir.
#[derive(Debug)]
pub(super) struct Folder {
    top: File,
    /// `new` and `cur`, which hold whole messages.
    parts: [File; 2],
}

/// When `new` and `cur` were changed last: seconds, and parts of one.
pub(super) type Changed = [Option<(i64, i64)>; 2];

/// A message in it.
#[derive(Debug, Clone)]
pub(super) struct Found {
    part: usize,
    name: OsString,
    pub(super) size: u64,
    pub(super) arrived: Option<Timestamp>,
}

impl Found {
    /// Whether somebody marked it as removed, and its mail program will take it away.
    pub(super) fn is_marked_as_removed(&self) -> bool {
        let name = self.name.as_bytes();
        let flags = name.iter().rposition(|byte| *byte == b':').and_then(|colon| name.get(colon + 1..));
        flags.and_then(|flags| flags.strip_prefix(b"2,")).is_some_and(|flags| flags.contains(&b'T'))
    }
}

impl Folder {
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        let top = rustix::fs::open(path, FOLDER, Mode::empty())?;
        let part = |name| rustix::fs::openat(&top, name, FOLDER | OFlags::NOFOLLOW, Mode::empty());
        let parts = [part("new")?.into(), part("cur")?.into()];
        Ok(Folder { top: top.into(), parts })
    }

    /// The messages, at most [`limits::MAILDIR_MESSAGES_MAX`]: the rest comes when some have left.
    pub(super) fn list(&self) -> io::Result<BTreeMap<MessageKey, Found>> {
        Ok(self.list_up_to(limits::MAILDIR_MESSAGES_MAX)?.0)
    }

    /// So many messages, and whether these are all.
    fn list_up_to(&self, most: usize) -> io::Result<(BTreeMap<MessageKey, Found>, bool)> {
        let mut all = BTreeMap::new();
        // What moves from `new` to `cur` meanwhile is met there.
        for (part, open) in self.parts.iter().enumerate() {
            for entry in Dir::read_from(open)? {
                let entry = entry?;
                let name = OsStr::from_bytes(entry.file_name().to_bytes());
                if all.len() >= most {
                    return Ok((all, false));
                }
                if let Some(key) = key(name)
                    && let Some(found) = self.look_at(part, name)?
                {
                    all.insert(key, found);
                }
            }
        }
        Ok((all, true))
    }

    /// Where messages are by now, and which of these are certainly gone: only whoever has met all messages knows.
    pub(super) fn look_again(
        &self,
        keys: &[MessageKey],
        most: usize,
    ) -> io::Result<(BTreeMap<MessageKey, Found>, Vec<MessageKey>)> {
        // One that another program renames meanwhile (a flag is set) may be missed, hardly twice.
        let ((first, is_first_whole), (second, is_second_whole)) =
            (self.list_up_to(most)?, self.list_up_to(most)?);
        let is_gone = |key: &&MessageKey| !first.contains_key(*key) && !second.contains_key(*key);
        let knows = is_first_whole && is_second_whole;
        let gone = keys.iter().filter(|key| knows && is_gone(key)).cloned().collect();
        Ok((second, gone))
    }

    /// `None` where it is gone, or no plain file.
    fn look_at(&self, part: usize, name: &OsStr) -> io::Result<Option<Found>> {
        let Some(open) = self.parts.get(part) else { return Ok(None) };
        match rustix::fs::statat(open, name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) if FileType::from_raw_mode(stat.st_mode).is_file() => Ok(Some(Found {
                part,
                name: name.to_owned(),
                size: u64::try_from(stat.st_size).unwrap_or_default(),
                arrived: arrived(&stat),
            })),
            Ok(_) | Err(Errno::NOENT) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// A message with CRLF at the ends of its lines, or its header with the empty line.
    pub(super) fn read(&self, found: &Found, is_header: bool) -> io::Result<Vec<u8>> {
        let open = self.parts.get(found.part).ok_or(io::ErrorKind::NotFound)?;
        // Whatever has come into its place: neither a link nor a pipe holds us up.
        let how = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let file: File = rustix::fs::openat(open, &*found.name, how, Mode::empty())?.into();
        if !file.metadata()?.is_file() {
            return Err(io::ErrorKind::InvalidData.into());
        }
        let most = if is_header { limits::HEADER_BYTES_MAX } else { limits::MESSAGE_BYTES_MAX };
        let mut lines = BufReader::new(file.take(most as u64 + 1));
        let (mut bytes, mut line) = (Vec::new(), Vec::new());
        while lines.read_until(b'\n', &mut line)? > 0 {
            let is_whole_line = line.ends_with(b"\n");
            if is_whole_line && !line.ends_with(b"\r\n") {
                line.insert(line.len() - 1, b'\r');
            }
            let is_empty = line == b"\r\n";
            bytes.append(&mut line);
            if is_header && is_empty {
                return Ok(bytes);
            }
        }
        if !is_header && bytes.len() > most {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        Ok(bytes)
    }

    /// Removes these, or moves them to the folder `aside`.
    pub(super) fn dispose(&self, messages: Vec<(MessageKey, Found)>, aside: Option<&OsStr>) -> Disposed {
        let mut disposed = Disposed::default();
        let target = aside.map(|name| self.make_aside(name)).transpose();
        let target = match &target {
            Ok(target) => target.as_ref(),
            Err(error) => {
                disposed.refusal = Some(format!("the folder for undeliverable mail cannot be made: {error}"));
                return disposed;
            }
        };
        let mut moved = self.take_out_all(messages, target, &mut disposed);
        for _ in 0..RENAMED_MAX {
            if moved.is_empty() {
                break;
            }
            // Somebody else was faster, or another program renamed them: a flag was set, or they were seen.
            match self.look_again(&moved, limits::MAILDIR_MESSAGES_MAX) {
                Ok((mut there, gone)) => {
                    let again = moved.iter().filter_map(|key| there.remove_entry(key)).collect();
                    disposed.gone.extend(gone);
                    moved = self.take_out_all(again, target, &mut disposed);
                }
                Err(error) => {
                    disposed.refusal = Some(format!("the Maildir cannot be read: {error}"));
                    break;
                }
            }
        }
        if let Err(error) = self.parts.iter().chain(target).try_for_each(File::sync_all) {
            // It may all be there again after a crash; then it is taken out again.
            disposed.refusal = Some(format!("the Maildir cannot be written: {error}"));
        }
        disposed
    }

    /// Takes these out, and answers which of them are not where they were found.
    fn take_out_all(
        &self,
        messages: Vec<(MessageKey, Found)>,
        target: Option<&File>,
        disposed: &mut Disposed,
    ) -> Vec<MessageKey> {
        let mut moved = Vec::new();
        for (key, found) in messages {
            match self.take_out(&found, target) {
                Ok(()) => disposed.gone.push(key),
                Err(error) if error.kind() == io::ErrorKind::NotFound => moved.push(key),
                Err(error) => {
                    disposed.refusal = Some(format!("a file cannot be taken out of the Maildir: {error}"));
                }
            }
        }
        moved
    }

    fn take_out(&self, found: &Found, target: Option<&File>) -> io::Result<()> {
        let part = self.parts.get(found.part).ok_or(io::ErrorKind::NotFound)?;
        if let Some(target) = target {
            // In `new` a name has no flags.
            let unique = OsStr::from_bytes(unique(&found.name));
            // Unlike a rename, it fails where the name is taken.
            match rustix::fs::linkat(part, &*found.name, target, unique, AtFlags::empty()) {
                // We were here before, and the end of it was lost.
                Err(Errno::EXIST) if is_same((part, &found.name), (target, unique))? => {}
                linked => linked?,
            }
            target.sync_all()?;
        }
        Ok(rustix::fs::unlinkat(part, &*found.name, AtFlags::empty())?)
    }

    /// `new` of a folder beside, made as this one is (Maildir++), with its owner.
    fn make_aside(&self, name: &OsStr) -> io::Result<File> {
        let like = rustix::fs::fstat(self.parts.first().ok_or(io::ErrorKind::NotFound)?)?;
        let folder: File = make_folder((&self.top, name), &like)?;
        for part in ["tmp", "cur"] {
            make_folder((&folder, OsStr::new(part)), &like)?;
        }
        // By this file other programs know it for a folder of another Maildir.
        match rustix::fs::openat(&folder, "maildirfolder", MARK, Mode::from_raw_mode(like.st_mode & 0o666)) {
            Ok(mark) => given_to(&mark.into(), &like),
            // Whatever stands there is not of our making, and may be another name of any file.
            Err(Errno::EXIST) => {}
            Err(error) => return Err(error.into()),
        }
        make_folder((&folder, OsStr::new("new")), &like)
    }

    /// When the parts were changed last: something came or went.
    pub(super) fn changed(&self) -> Changed {
        let when =
            |part: &File| rustix::fs::fstat(part).ok().map(|stat| (stat.st_mtime, stat.st_mtime_nsec as i64));
        let [new, cur] = &self.parts;
        [when(new), when(cur)]
    }
}

/// How often a message is looked for anew that other programs rename: then it waits for the next look.
const RENAMED_MAX: usize = 3;

const FOLDER: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);

/// A file that nobody had made before. Never waits, as for whoever reads a pipe.
const MARK: OFlags = OFlags::WRONLY
    .union(OFlags::CREATE)
    .union(OFlags::EXCL)
    .union(OFlags::NONBLOCK)
    .union(OFlags::NOFOLLOW)
    .union(OFlags::CLOEXEC);

/// Opens a folder, and makes it where it is missing.
fn make_folder((parent, name): (&File, &OsStr), like: &Stat) -> io::Result<File> {
    let made = rustix::fs::mkdirat(parent, name, Mode::from_raw_mode(like.st_mode & 0o7777));
    match made {
        Ok(()) | Err(Errno::EXIST) => {}
        Err(error) => return Err(error.into()),
    }
    let folder: File = rustix::fs::openat(parent, name, FOLDER | OFlags::NOFOLLOW, Mode::empty())?.into();
    if made.is_ok() {
        given_to(&folder, like);
        parent.sync_all()?;
    }
    Ok(folder)
}

/// Whether both names are of one file.
fn is_same((part, name): (&File, &OsStr), (target, other): (&File, &OsStr)) -> io::Result<bool> {
    let here = rustix::fs::statat(part, name, AtFlags::SYMLINK_NOFOLLOW)?;
    let there = rustix::fs::statat(target, other, AtFlags::SYMLINK_NOFOLLOW)?;
    Ok((here.st_dev, here.st_ino) == (there.st_dev, there.st_ino))
}

/// Only root can, and only then it matters.
fn given_to(file: &File, like: &Stat) {
    drop(std::os::unix::fs::fchown(file, Some(like.st_uid), Some(like.st_gid)));
}

/// The name without its flags, as a key; `None` for what is no message.
fn key(name: &OsStr) -> Option<MessageKey> {
    let unique = unique(name);
    if unique.is_empty() || unique.starts_with(b".") {
        return None;
    }
    let digest = blake3::hash(unique);
    let digest = digest.as_bytes().first_chunk::<16>()?;
    Some(MessageKey::of_digest(*digest))
}

fn unique(name: &OsStr) -> &[u8] {
    name.as_bytes().split(|byte| *byte == b':').next().unwrap_or_default()
}

fn arrived(stat: &Stat) -> Option<Timestamp> {
    let seconds = stat.st_mtime;
    (seconds > 0).then(|| Timestamp::from_seconds(seconds))
}

#[cfg(test)]
mod tests;
