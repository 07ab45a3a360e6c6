//! An archive is read: all of it once, to see whether it is whole, and once more record by record.

use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom, Take};
use std::path::Path;

use blake3::Hasher;
use model::schema::catalogue::{Organization, Route};
use model::schema::{Noun, Value};
use model::{Id, Timestamp, limits};
use zstd::stream::read::Decoder;

use super::format::{self, DIGEST_BYTES, Kind};
use super::{ArchiveError, ArchiveHeader, Progress};
use crate::migrations;

/// An archive that was found to be whole.
pub struct Archive {
    header: ArchiveHeader,
    routes: Vec<Route>,
    digest: [u8; DIGEST_BYTES as usize],
    records: Records,
}

impl Archive {
    pub(super) fn open(path: &Path, progress: &Progress) -> Result<Self, ArchiveError> {
        let mut file = File::open(path).map_err(ArchiveError::File)?;
        // Told first, for whoever gave the wrong file.
        format::read_name(&mut BufReader::new(&file))?;
        let (digest, length) = whole(&mut file, progress)?;
        let mut records = Records::new(file, length)?;
        let header = header(&mut records)?;
        let routes = routes(&mut records)?;
        Ok(Archive { header, routes, digest, records })
    }

    /// What it says of itself.
    pub fn header(&self) -> &ArchiveHeader {
        &self.header
    }

    /// The addresses that lead to it.
    pub fn routes(&self) -> &[Route] {
        &self.routes
    }

    /// Has the records behind the routes come once more.
    pub(super) fn begin_again(&mut self) -> Result<(), ArchiveError> {
        let file = self.records.from.get_ref().get_ref().file.get_ref();
        let file = file.try_clone().map_err(ArchiveError::File)?;
        self.records = Records::new(file, self.records.length)?;
        header(&mut self.records)?;
        routes(&mut self.records).map(drop)
    }

    /// The digest of all of it.
    pub(super) fn digest(&self) -> &[u8; DIGEST_BYTES as usize] {
        &self.digest
    }

    /// The records behind the routes.
    pub(super) fn records(&mut self) -> &mut Records {
        &mut self.records
    }
}

/// Reads everything and compares it with the digest at the end. Gives that, and the length before it.
fn whole(file: &mut File, progress: &Progress) -> Result<([u8; DIGEST_BYTES as usize], u64), ArchiveError> {
    let size = file.metadata().map_err(ArchiveError::File)?.len();
    let length = size.checked_sub(DIGEST_BYTES).ok_or(TORN)?;
    file.seek(SeekFrom::Start(0)).map_err(ArchiveError::File)?;
    let (mut hasher, mut piece, mut done) = (Hasher::new(), vec![0; PIECE_BYTES], 0);
    let mut plain = Read::by_ref(file).take(length);
    loop {
        progress.at("looking through the archive", done, length)?;
        let read = plain.read(&mut piece).map_err(ArchiveError::File)?;
        if read == 0 {
            break;
        }
        hasher.update(piece.get(..read).unwrap_or_default());
        done += read as u64;
    }
    let mut digest = [0; DIGEST_BYTES as usize];
    file.read_exact(&mut digest).map_err(format::torn)?;
    if hasher.finalize() != digest { Err(TORN) } else { Ok((digest, length)) }
}

/// The records of an archive, one after the other.
pub(super) struct Records {
    from: Decoder<'static, BufReader<Counted>>,
    /// How many bytes there are.
    pub(super) length: u64,
}

/// The file, and how far it was read.
struct Counted {
    file: Take<File>,
    done: u64,
}

impl Read for Counted {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read(into)?;
        self.done += read as u64;
        Ok(read)
    }
}

impl Records {
    fn new(mut file: File, length: u64) -> Result<Self, ArchiveError> {
        file.seek(SeekFrom::Start(0)).map_err(ArchiveError::File)?;
        let mut plain = BufReader::with_capacity(PIECE_BYTES, Counted { file: file.take(length), done: 0 });
        format::read_name(&mut plain)?;
        let mut from = Decoder::with_buffer(plain).map_err(ArchiveError::File)?;
        from.window_log_max(WINDOW_LOG_MAX).map_err(ArchiveError::File)?;
        Ok(Records { from, length })
    }

    /// The next one.
    pub(super) fn next(&mut self) -> Result<(Kind, Vec<u8>), ArchiveError> {
        format::read(&mut self.from)
    }

    /// How much of the file was read.
    pub(super) fn done(&self) -> u64 {
        self.from.get_ref().get_ref().done
    }
}

fn header(records: &mut Records) -> Result<ArchiveHeader, ArchiveError> {
    let (Kind::Header, content) = records.next()? else { return Err(OTHER) };
    let mut values = format::values(&content, HEADER_VALUES)?.into_iter();
    let (Some(Value::Int(schema)), Some(Value::Int(taken)), Some(Value::Bytes(epoch))) =
        (values.next(), values.next(), values.next())
    else {
        return Err(OTHER);
    };
    let known = i64::try_from(migrations::ORGANIZATION.len()).unwrap_or(i64::MAX);
    if schema > known {
        return Err(ArchiveError::TooNew { what: "schema", found: schema, known });
    }
    let organization = Organization::from_values(&mut values).map_err(|_| OTHER)?;
    let epoch = Id::from_slice(&epoch).ok_or(OTHER)?;
    Ok(ArchiveHeader { schema, organization, epoch, taken: Timestamp(taken) })
}

fn routes(records: &mut Records) -> Result<Vec<Route>, ArchiveError> {
    let (Kind::Table, _) = records.next()? else { return Err(OTHER) };
    let (mut routes, mut bytes) = (Vec::new(), 0);
    loop {
        match records.next()? {
            (Kind::TableEnd, _) => return Ok(routes),
            (Kind::Row, content) if routes.len() < limits::ARCHIVE_ROUTES_MAX => {
                bytes += content.len();
                let values = format::values(&content, Route::TABLE.columns.len())?;
                let route = Route::from_values(&mut values.into_iter()).map_err(|_| OTHER)?;
                if bytes > limits::ARCHIVE_ROUTES_BYTES_MAX || route.address.len() > limits::ADDRESS_BYTES_MAX
                {
                    return Err(OTHER);
                }
                routes.push(route);
            }
            _ => return Err(OTHER),
        }
    }
}

const TORN: ArchiveError = ArchiveError::Damaged("its bytes are not those that its digest was made of");
const OTHER: ArchiveError = ArchiveError::Damaged("its records are not those of an archive");
/// Values of the header: schema, time, epoch, the row of the organization.
const HEADER_VALUES: usize = 3 + Organization::TABLE.columns.len();
/// Bytes read at a time.
const PIECE_BYTES: usize = 1024 * 1024;
/// Decompression remembers 8 MiB at most; what this program writes asks for less.
const WINDOW_LOG_MAX: u32 = 23;
