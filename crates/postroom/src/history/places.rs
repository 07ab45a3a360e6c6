//! Finds mail under a path: which files are mail, which are mailbox files, which folders are Maildirs.
//!
//! What passes through: folders, into the files in them, one folder at a time in the order of names. Below the
//! path follows no link, not even one that takes a folder's place while it looks; opens nothing but regular files,
//! changes nothing. Drafts, deleted mail and junk are passed over, unless the folder itself was named.

use std::ffi::OsStr;
use std::fs::{self, File, Metadata};
use std::io::{self, Read};
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::path::{Component, Path, PathBuf};

use message::mbox::{self, LeftOut};
use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags};

/// Something that was found.
#[derive(Debug)]
pub enum Found {
    /// A file with one mail.
    Mail(Place),
    /// A file with many.
    Mbox(Place),
    /// Marked as no mail to keep, with all that is in it.
    LeftOut(PathBuf, LeftOut),
    /// A file that holds no mail.
    NoMail(PathBuf),
    /// It could not be looked at.
    Fault(PathBuf, io::Error),
}

/// A file, and the name it has for good.
#[derive(Debug)]
pub struct Place {
    /// Where it is now.
    pub path: PathBuf,
    /// What stays the same while it lies there: of a mail in a Maildir the name without its flags, and not
    /// whether it is new.
    pub lasting: PathBuf,
    /// When it was delivered, in seconds since 1970, where its name says so; else 0.
    pub delivered: i64,
}

/// Looks at a path and all that is below it. `visit` says whether to go on.
pub fn walk(root: &Path, visit: &mut dyn FnMut(Found) -> bool) {
    // The same file has the same key by whatever way it is named.
    let root = match root.canonicalize().and_then(|root| Ok((fs::metadata(&root)?, root))) {
        Ok(found) => found,
        Err(error) => {
            visit(Found::Fault(root.to_owned(), error));
            return;
        }
    };
    match root {
        (metadata, root) if metadata.is_dir() => drop(folder(&root, 0, visit)),
        (metadata, root) => drop(visit(named_file(root, &metadata))),
    }
}

/// Opens a regular file that [`walk`] found. Whoever can write there may have put a link to another's file or folder, or
/// a pipe that never ends, in its place since.
pub fn open(path: &Path) -> io::Result<File> {
    let file = File::from(without_links(path, OFlags::NONBLOCK)?);
    if !file.metadata()?.is_file() {
        return Err(io::Error::other("not a regular file"));
    }
    Ok(file)
}

/// Opens a path step by step, each from the folder before it: a link, wherever it stands, ends the way. The path has to be
/// one that [`walk`] made: from the root of the machine, and without links when it was begun.
fn without_links(path: &Path, flags: OFlags) -> io::Result<OwnedFd> {
    let step = OFlags::NOFOLLOW | OFlags::CLOEXEC;
    // What lies above may be open to no reading, only to going through.
    let through = step | OFlags::PATH | OFlags::DIRECTORY;
    let mut names = path.components().peekable();
    if names.next() != Some(Component::RootDir) {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    let mut folder =
        rustix::fs::open("/", OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?;
    while let Some(name) = names.next() {
        let Component::Normal(name) = name else { return Err(io::ErrorKind::InvalidInput.into()) };
        if names.peek().is_none() {
            return Ok(rustix::fs::openat(&folder, name, step | flags | OFlags::RDONLY, Mode::empty())?);
        }
        folder = rustix::fs::openat(&folder, name, through, Mode::empty())?;
    }
    Ok(rustix::fs::open("/", step | flags | OFlags::RDONLY, Mode::empty())?)
}

/// Whether a path is a folder or a mailbox file, by its form or by its name.
pub fn holds_many(path: &Path) -> bool {
    let Ok(path) = path.canonicalize() else { return false };
    match fs::metadata(&path) {
        Ok(metadata) if metadata.is_dir() => true,
        Ok(metadata) if metadata.is_file() => {
            has_extension(&path, &["mbox", "mbx"]) || matches!(sort(&path), Ok(Sort::Mbox))
        }
        _ => false,
    }
}

/// How many bytes there are below a path, for a measure of progress.
pub fn volume(root: &Path) -> u64 {
    fn below(path: &Path, depth: u32) -> u64 {
        let Ok(entries) = fs::read_dir(path) else { return 0 };
        let sizes = entries.flatten().map(|entry| match entry.metadata() {
            Ok(metadata) if metadata.is_dir() && depth < DEPTH_MAX => below(&entry.path(), depth + 1),
            Ok(metadata) if metadata.is_file() => metadata.len(),
            _ => 0,
        });
        sizes.sum()
    }
    match fs::metadata(root) {
        Ok(metadata) if metadata.is_dir() => below(root, 0),
        Ok(metadata) => metadata.len(),
        Err(_) => 0,
    }
}

/// Folders within folders: far more than people make, and no danger to the stack.
const DEPTH_MAX: u32 = 64;

/// A file that somebody named is mail, unless it says that it is a mailbox file.
fn named_file(path: PathBuf, metadata: &Metadata) -> Found {
    if !metadata.is_file() {
        return Found::NoMail(path);
    }
    match sort(&path) {
        Ok(Sort::Mbox) => Found::Mbox(place(path)),
        Ok(Sort::Other) if has_extension(&path, &["mbox", "mbx"]) => Found::NoMail(path),
        Ok(Sort::Mail | Sort::Other) => Found::Mail(place(path)),
        Err(error) => Found::Fault(path, error),
    }
}

/// Looks through one folder; says whether to go on.
fn folder(path: &Path, depth: u32, visit: &mut dyn FnMut(Found) -> bool) -> bool {
    let entries = match entries(path) {
        Ok(entries) => entries,
        Err(error) => return visit(Found::Fault(path.to_owned(), error)),
    };
    let has = |name: &str| entries.iter().any(|(path, kind)| kind.is_dir() && path.ends_with(name));
    let is_maildir = has("cur") && (has("new") || has("tmp"));
    for (path, kind) in entries {
        let name = path.file_name().unwrap_or_default();
        let goes_on = match kind {
            Kind::Folder if is_maildir && name == "tmp" => true,
            Kind::Folder if is_maildir && (name == "cur" || name == "new") => maildir(&path, visit),
            Kind::Folder | Kind::File if let Some(why) = by_folder(name) => visit(Found::LeftOut(path, why)),
            Kind::Folder if depth == DEPTH_MAX => {
                visit(Found::Fault(path, io::Error::other("the folders are nested too deep")))
            }
            Kind::Folder => folder(&path, depth + 1, visit),
            Kind::File => visit(file(path)),
            Kind::Fault(error) => visit(Found::Fault(path, error)),
            Kind::Other => true,
        };
        if !goes_on {
            return false;
        }
    }
    true
}

/// The mails of `cur` or `new` (the names are those of qmail's `maildir(5)`).
fn maildir(path: &Path, visit: &mut dyn FnMut(Found) -> bool) -> bool {
    let entries = match entries(path) {
        Ok(entries) => entries,
        Err(error) => return visit(Found::Fault(path.to_owned(), error)),
    };
    for (path, kind) in entries {
        let name = path.file_name().unwrap_or_default().as_bytes();
        let found = match kind {
            // Dot files are no mail by the rules of Maildir.
            Kind::File if name.first() != Some(&b'.') => match by_flags(name) {
                Some(why) => Found::LeftOut(path, why),
                None => Found::Mail(in_maildir(path)),
            },
            Kind::Fault(error) => Found::Fault(path, error),
            _ => continue,
        };
        if !visit(found) {
            return false;
        }
    }
    true
}

enum Kind {
    Folder,
    File,
    Other,
    Fault(io::Error),
}

impl Kind {
    fn is_dir(&self) -> bool {
        matches!(self, Kind::Folder)
    }
}

fn entries(path: &Path) -> io::Result<Vec<(PathBuf, Kind)>> {
    let mut folder = Dir::new(without_links(path, OFlags::DIRECTORY)?)?;
    let mut entries = Vec::new();
    while let Some(entry) = folder.read() {
        let entry = entry?;
        let name = entry.file_name();
        let kind = match entry.file_type() {
            // Some file systems do not tell.
            FileType::Unknown => rustix::fs::statat(folder.fd()?, name, AtFlags::SYMLINK_NOFOLLOW)
                .map(|stat| FileType::from_raw_mode(stat.st_mode)),
            kind => Ok(kind),
        };
        let kind = match kind {
            Ok(FileType::Directory) => Kind::Folder,
            Ok(FileType::RegularFile) => Kind::File,
            // It may lead round in a circle, or to what whoever put it there may not read.
            Ok(FileType::Symlink) => Kind::Fault(io::Error::other("it is a link, which is not followed")),
            Ok(_) => Kind::Other,
            Err(error) => Kind::Fault(error.into()),
        };
        let name = name.to_bytes();
        if name != b"." && name != b".." {
            entries.push((path.join(OsStr::from_bytes(name)), kind));
        }
    }
    entries.sort_by(|(a, _), (b, _)| a.cmp(b));
    Ok(entries)
}

/// A file that was found in a folder.
fn file(path: PathBuf) -> Found {
    match sort(&path) {
        Ok(Sort::Mbox) => Found::Mbox(place(path)),
        Ok(Sort::Mail) => Found::Mail(place(path)),
        Ok(Sort::Other) => Found::NoMail(path),
        Err(error) => Found::Fault(path, error),
    }
}

enum Sort {
    Mail,
    Mbox,
    Other,
}

/// What a file is: by its name where that says `.eml`, else by how it begins. Numbered files are those of MH,
/// names with flags those of a Maildir that was taken apart.
fn sort(path: &Path) -> io::Result<Sort> {
    if has_extension(path, &["eml", "emlx"]) {
        return Ok(Sort::Mail);
    }
    let mut start = Vec::new();
    open(path)?.take(START_BYTES).read_to_end(&mut start)?;
    let start = start.strip_prefix(mbox::BYTE_ORDER_MARK).unwrap_or(&start);
    let mut lines = start.split(|byte| *byte == b'\n').skip_while(|line| line.trim_ascii().is_empty());
    let first = lines.next().unwrap_or_default();
    let is_header = mbox::is_field_line(first);
    let is_parting = mbox::is_from_line(first) || mbox::is_undated_from_line(first);
    if is_parting && lines.next().is_some_and(mbox::is_field_line) {
        return Ok(Sort::Mbox);
    }
    let name = path.file_name().unwrap_or_default().as_bytes();
    let is_numbered = !name.is_empty() && name.iter().all(u8::is_ascii_digit);
    let is_mail = is_header && (is_numbered || flags(name).is_some());
    Ok(if is_mail { Sort::Mail } else { Sort::Other })
}

/// So much of a file shows what it is: two lines.
const START_BYTES: u64 = 4 * 1024;

fn has_extension(path: &Path, extensions: &[&str]) -> bool {
    let extension = path.extension().unwrap_or_default();
    extensions.iter().any(|known| extension.eq_ignore_ascii_case(known))
}

fn place(path: PathBuf) -> Place {
    Place { lasting: path.clone(), path, delivered: 0 }
}

fn in_maildir(path: PathBuf) -> Place {
    let name = path.file_name().unwrap_or_default().as_bytes();
    let end = name.len() - flags(name).map_or(0, |flags| flags.len() + INFO.len());
    let lasting_name = name.get(..end).unwrap_or(name);
    let folder = path.parent().and_then(Path::parent).unwrap_or(&path);
    let lasting = folder.join(OsStr::from_bytes(lasting_name));
    let seconds = lasting_name.split(|byte| *byte == b'.').next().unwrap_or_default();
    let delivered = std::str::from_utf8(seconds).ok().and_then(|text| text.parse().ok()).unwrap_or(0);
    Place { lasting, delivered, path }
}

/// What stands before the flags in the name of a mail. Some programs write `!` or `;` where a colon may not be.
const INFO: &[u8] = b":2,";

fn flags(name: &[u8]) -> Option<&[u8]> {
    let at = name.windows(INFO.len()).rposition(|three| {
        matches!(three.first(), Some(b':' | b'!' | b';')) && three.get(1..) == INFO.get(1..)
    })?;
    name.get(at + INFO.len()..)
}

fn by_flags(name: &[u8]) -> Option<LeftOut> {
    let flags = flags(name)?;
    match (flags.contains(&b'T'), flags.contains(&b'D')) {
        (true, _) => Some(LeftOut::Deleted),
        (false, true) => Some(LeftOut::Draft),
        (false, false) => None,
    }
}

/// Whether a folder is one of those that mail programs keep for what is no mail yet, or no more.
fn by_folder(name: &OsStr) -> Option<LeftOut> {
    let name = name.to_string_lossy().to_lowercase();
    let name =
        ["mbox", "sbd", "mbx"].iter().find_map(|end| name.strip_suffix(&format!(".{end}"))).unwrap_or(&name);
    // Maildir++ writes the whole way down: `.INBOX.Trash`.
    let last = if name.starts_with('.') { name.rsplit('.').next().unwrap_or(name) } else { name };
    let found = FOLDERS.iter().find(|(_, names)| names.contains(&last))?;
    Some(found.0)
}

/// The names mail programs give such folders, in lower case; letters beyond ASCII also as IMAP writes them
/// (RFC 3501 §5.1.3).
const FOLDERS: [(LeftOut, &[&str]); 3] = [
    (
        LeftOut::Draft,
        &[
            "drafts",
            "draft",
            "outbox",
            "unsent messages",
            "templates",
            "entwürfe",
            "entw&apw-rfe",
            "postausgang",
            "vorlagen",
            "brouillons",
            "borradores",
            "bozze",
            "rascunhos",
            "concepten",
            "robocze",
            "utkast",
            "kladder",
            "черновики",
        ],
    ),
    (
        LeftOut::Deleted,
        &[
            "trash",
            "bin",
            "deleted items",
            "deleted messages",
            "deleted",
            "papierkorb",
            "gelöschte elemente",
            "gel&apy-schte elemente",
            "gelöscht",
            "corbeille",
            "éléments supprimés",
            "papelera",
            "cestino",
            "lixeira",
            "prullenbak",
            "kosz",
            "papperskorgen",
            "корзина",
            "удаленные",
        ],
    ),
    (
        LeftOut::Junk,
        &[
            "junk",
            "spam",
            "junk e-mail",
            "junk email",
            "junk-e-mail",
            "bulk mail",
            "pourriel",
            "indésirables",
            "correo no deseado",
            "posta indesiderata",
            "ongewenst",
            "skräppost",
            "спам",
        ],
    ),
];

#[cfg(test)]
mod tests;
