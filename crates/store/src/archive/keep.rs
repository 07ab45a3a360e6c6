//! An archive is written: to a file beside the one that it becomes, then synced and renamed.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use blake3::Hasher;
use model::schema::{Noun, Table, Value, catalogue};
use model::{Id, Timestamp, limits};
use zstd::stream::write::Encoder;

use super::content::{Content, Part};
use super::digest::{Digest, Digesting, TableDigest};
use super::format::{self, FORMAT, Kind, NAME};
use super::{ArchiveError, LIVE, Progress};
use crate::engine::Frozen;
use crate::rows::Read;
use crate::{Organization, Store, StoreError, migrations};

/// An archive that was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Backup {
    /// What it holds.
    pub digest: Digest,
    /// Its size.
    pub bytes: u64,
    /// Kept bytes that are lost in the house, and so in the archive.
    pub lost: u64,
}

pub(super) fn back_up(
    store: &Store,
    organization: &Organization,
    (file, taken): (&Path, Timestamp),
    progress: &Progress,
) -> Result<Backup, ArchiveError> {
    let part = PartFile::create(file)?;
    // Beside the archive: there is room for it there, and the disk of the house does not fill.
    let frozen = freeze(organization, &with_ending(file, ".part.db"), progress)?;
    let content = Content { read: frozen.read(), blobs: organization.blobs(), progress };
    let mut writing = Writing::begin(part.file.try_clone().map_err(ArchiveError::File)?)?;
    writing.header(organization, content.read.epoch()?, taken)?;
    let routes = store.catalogue.routes_of(organization.id())?;
    writing.routes(&routes, &content.read)?;
    content.walk(&mut |part| writing.part(&part))?;
    let backup = writing.end()?;
    part.finish(file)?;
    Ok(backup)
}

/// The database at one moment, copied there where that is needed.
pub(super) fn freeze(
    organization: &Organization,
    copy: &Path,
    progress: &Progress,
) -> Result<Frozen, ArchiveError> {
    let mut stopped = false;
    let frozen = organization.writer().engine().freeze(copy, &mut |done, of| {
        progress.at("copying the database", done, of).map_err(|_| {
            stopped = true;
            StoreError::Closed
        })
    });
    if stopped { Err(ArchiveError::Stopped) } else { Ok(frozen?) }
}

/// The file that becomes the archive. Two commands never write one.
struct PartFile {
    file: File,
    path: PathBuf,
    is_done: bool,
}

impl PartFile {
    fn create(file: &Path) -> Result<Self, ArchiveError> {
        let path = with_ending(file, ".part");
        // What a killed command left behind goes; and nobody else's file is written to, however it came to be there.
        let _left = match File::open(&path) {
            Ok(left) => {
                let left = only_here(left)?;
                fs::remove_file(&path).map_err(ArchiveError::File)?;
                Some(left)
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(ArchiveError::File(error)),
        };
        // Everything the organization has is in it.
        let made = OpenOptions::new().create_new(true).write(true).mode(PRIVATE).open(&path);
        let file = only_here(made.map_err(ArchiveError::File)?)?;
        Ok(PartFile { file, path, is_done: false })
    }

    /// Whether the file is still the one of this name: another command may have taken it for one that was left behind.
    fn is_ours(&self) -> io::Result<bool> {
        let (ours, named) = (self.file.metadata()?, fs::symlink_metadata(&self.path)?);
        Ok((ours.dev(), ours.ino()) == (named.dev(), named.ino()))
    }

    fn finish(mut self, file: &Path) -> Result<(), ArchiveError> {
        let folder = match file.parent() {
            Some(folder) if folder != Path::new("") => folder,
            _ => Path::new("."),
        };
        if !self.is_ours().map_err(ArchiveError::File)? {
            // Nothing of it is ours to remove either.
            self.is_done = true;
            return Err(ArchiveError::BeingWritten);
        }
        let renamed = self
            .file
            .sync_all()
            .and_then(|()| fs::rename(&self.path, file))
            .and_then(|()| File::open(folder)?.sync_all());
        self.is_done = renamed.is_ok();
        renamed.map_err(ArchiveError::File)
    }
}

/// Locks a file. `BeingWritten` where another command has it.
fn only_here(file: File) -> Result<File, ArchiveError> {
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(ArchiveError::BeingWritten),
        Err(TryLockError::Error(error)) => Err(ArchiveError::File(error)),
    }
}

impl Drop for PartFile {
    fn drop(&mut self) {
        if !self.is_done && self.is_ours().unwrap_or(false) {
            // What is left of it is written over next time.
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// The stream of records, on its way through compression and hash into the file.
struct Writing {
    out: Encoder<'static, Hashing<BufWriter<File>>>,
    digesting: Digesting,
    content: Vec<u8>,
    lost: u64,
}

impl Writing {
    fn begin(file: File) -> Result<Self, ArchiveError> {
        let mut hashing = Hashing { inner: BufWriter::new(file), hasher: Hasher::new(), bytes: 0 };
        let name = format!("{NAME}{FORMAT}\n");
        let out = hashing.write_all(name.as_bytes()).and_then(|()| Encoder::new(hashing, LEVEL));
        let out = out.map_err(ArchiveError::File)?;
        Ok(Writing { out, digesting: Digesting::default(), content: Vec::new(), lost: 0 })
    }

    fn record(&mut self, kind: Kind, values: &[Value]) -> Result<(), ArchiveError> {
        self.content.clear();
        format::put(&mut self.content, values);
        format::write(&mut self.out, kind, &self.content)
    }

    fn header(
        &mut self,
        organization: &Organization,
        epoch: Id,
        taken: Timestamp,
    ) -> Result<(), ArchiveError> {
        let schema = migrations::ORGANIZATION.len();
        let mut header = vec![Value::Int(i64::try_from(schema).unwrap_or(i64::MAX))];
        header.extend([Value::Int(taken.0), Value::Bytes(epoch.0.to_vec())]);
        header.extend(organization.row().to_values());
        self.record(Kind::Header, &header)
    }

    /// The routes whose targets are in the snapshot: others came later.
    fn routes(&mut self, routes: &[catalogue::Route], read: &Read<'_>) -> Result<(), ArchiveError> {
        if routes.len() > limits::ARCHIVE_ROUTES_MAX {
            return Err(ArchiveError::Damaged("there are more addresses than an archive takes"));
        }
        self.table(&catalogue::Route::TABLE)?;
        let mut bytes = 0;
        for route in routes {
            if has_target(read, route)? {
                self.record(Kind::Row, &route.to_values())?;
                bytes += self.content.len();
            }
        }
        if bytes > limits::ARCHIVE_ROUTES_BYTES_MAX {
            return Err(ArchiveError::Damaged("there are longer addresses than an archive takes"));
        }
        self.record(Kind::TableEnd, &[])
    }

    fn table(&mut self, table: &Table) -> Result<(), ArchiveError> {
        let columns = table.columns.iter().map(|column| column.name);
        let names: Vec<Value> =
            [table.name].into_iter().chain(columns).map(|it| Value::Text(it.to_owned())).collect();
        self.record(Kind::Table, &names)
    }

    fn part(&mut self, part: &Part<'_>) -> Result<(), ArchiveError> {
        let ended = self.digesting.add(part);
        match part {
            Part::Table(table) => self.table(table),
            Part::Row(row) => self.record(Kind::Row, row),
            Part::Blob(row, frames) => {
                self.record(Kind::Row, row)?;
                // What is condemned may have been swept since that moment.
                self.lost += u64::from(frames.is_none() && row.get(4) == Some(&Value::Int(LIVE)));
                match frames.filter(|_| row.get(3) == Some(&Value::Null)) {
                    Some(frames) => format::write(&mut self.out, Kind::Frames, frames),
                    None => Ok(()),
                }
            }
            Part::End => {
                let Some(TableDigest { rows, digest, .. }) = ended else {
                    return Err(StoreError::Corrupt.into());
                };
                let rows = i64::try_from(rows).unwrap_or(i64::MAX);
                self.record(Kind::TableEnd, &[Value::Int(rows), Value::Bytes(digest.to_vec())])
            }
        }
    }

    fn end(mut self) -> Result<Backup, ArchiveError> {
        self.record(Kind::End, &[])?;
        let mut hashing = self.out.finish().map_err(ArchiveError::File)?;
        let digest = *hashing.hasher.finalize().as_bytes();
        hashing.write_all(&digest).and_then(|()| hashing.flush()).map_err(ArchiveError::File)?;
        Ok(Backup { digest: self.digesting.end(), bytes: hashing.bytes, lost: self.lost })
    }
}

/// The kind of a route of return paths.
pub(super) const RETURNS: i32 = 4;

fn has_target(read: &Read<'_>, route: &catalogue::Route) -> Result<bool, StoreError> {
    let sql = match route.kind {
        1 => "select 1 from sink where sinkid = ?1",
        2 => "select 1 from queue where queueid = ?1",
        // Return paths lead to the organization itself, and go on doing so when no relay has their domain any more.
        RETURNS => return Ok(true),
        _ => "select 1 from systemuser where systemuserid = ?1",
    };
    Ok(read.one(sql, &[route.targetid.into()], |_| Ok(()))?.is_some())
}

/// Whatever passes is hashed and counted.
struct Hashing<W> {
    inner: W,
    hasher: Hasher,
    bytes: u64,
}

impl<W: Write> Write for Hashing<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.inner.write(bytes)?;
        self.hasher.update(bytes.get(..written).unwrap_or_default());
        self.bytes += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

/// A path with this behind it.
pub(super) fn with_ending(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    PathBuf::from(name)
}

/// Kept mail is compressed already; rows repeat themselves enough for the fastest level.
const LEVEL: i32 = 1;
/// For its owner alone.
const PRIVATE: u32 = 0o600;
