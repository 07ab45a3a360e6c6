//! The form of an archive: a line that names it, a stream of records (compressed, RFC 8878), a digest of all before it.
//!
//! A record is its kind, one byte, the length of what follows, four bytes, and that. Values are written with their type
//! and length, so that the same rows are always the same bytes.
//!
//! *Invariant:* whatever is read, nothing is taken that is longer than a limit, and nothing panics.

use std::io::{self, BufRead, Read, Write};

use model::limits;
use model::schema::Value;

use super::ArchiveError;

/// The first line, before the number of the format.
pub(super) const NAME: &str = "postroom archive ";
/// The format that this program writes, and the latest that it reads.
pub(super) const FORMAT: i64 = 1;
/// The first line may have so many bytes.
const LINE_BYTES_MAX: u64 = 64;
/// The digest at the end: BLAKE3.
pub(super) const DIGEST_BYTES: u64 = 32;

/// What a record is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// What the archive says of itself.
    Header,
    /// A table begins: its name, the names of its columns.
    Table,
    /// A row of it.
    Row,
    /// The frames of the blob whose row came before.
    Frames,
    /// A table ends: how many rows it has, the digest of what they say.
    TableEnd,
    /// The archive ends.
    End,
}

impl Kind {
    /// How long its content may be.
    fn bytes_max(self) -> usize {
        match self {
            Kind::Frames => limits::ARCHIVE_RECORD_BYTES_MAX,
            Kind::Row => limits::ARCHIVE_ROW_BYTES_MAX,
            Kind::Header | Kind::Table | Kind::TableEnd | Kind::End => limits::ARCHIVE_NAMES_BYTES_MAX,
        }
    }
}

const KINDS: [(u8, Kind); 6] = [
    (b'H', Kind::Header),
    (b'T', Kind::Table),
    (b'R', Kind::Row),
    (b'F', Kind::Frames),
    (b'E', Kind::TableEnd),
    (b'Z', Kind::End),
];

/// Writes a record. `TooLong` as an error of the file would help nobody: what is longer than the limit was never kept.
pub(super) fn write(out: &mut impl Write, kind: Kind, content: &[u8]) -> Result<(), ArchiveError> {
    let letter = KINDS.iter().find(|(_, known)| *known == kind).map_or(0, |(letter, _)| *letter);
    let length = u32::try_from(content.len()).ok().filter(|length| *length as usize <= kind.bytes_max());
    let length = length.ok_or(ArchiveError::Damaged("a row is larger than an archive takes"))?;
    let mut head = [letter, 0, 0, 0, 0];
    head[1..].copy_from_slice(&length.to_le_bytes());
    out.write_all(&head).and_then(|()| out.write_all(content)).map_err(ArchiveError::File)
}

/// Reads the next record.
pub(super) fn read(from: &mut impl Read) -> Result<(Kind, Vec<u8>), ArchiveError> {
    let mut head = [0; 5];
    from.read_exact(&mut head).map_err(torn)?;
    let [letter, length @ ..] = head;
    let kind = KINDS.iter().find(|(known, _)| *known == letter).map(|(_, kind)| *kind);
    let kind = kind.ok_or(ArchiveError::Damaged("a record is of no known kind"))?;
    let length = u64::from(u32::from_le_bytes(length));
    if length > kind.bytes_max() as u64 {
        return Err(ArchiveError::Damaged("a record is too long"));
    }
    let mut content = Vec::new();
    // Grows with what is there, whatever the length claims.
    from.take(length).read_to_end(&mut content).map_err(torn)?;
    if content.len() as u64 == length { Ok((kind, content)) } else { Err(ENDS_EARLY) }
}

/// Reads the first line; the number of its format.
pub(super) fn read_name(from: &mut impl BufRead) -> Result<(), ArchiveError> {
    let mut line = Vec::new();
    from.take(LINE_BYTES_MAX).read_until(b'\n', &mut line).map_err(ArchiveError::File)?;
    let line = str::from_utf8(&line).ok().and_then(|line| line.strip_suffix('\n'));
    let number = line.and_then(|line| line.strip_prefix(NAME)).and_then(|number| number.parse().ok());
    match number {
        Some(FORMAT) => Ok(()),
        Some(found) if found > FORMAT => Err(ArchiveError::TooNew { what: "format", found, known: FORMAT }),
        _ => Err(ArchiveError::NotAnArchive),
    }
}

/// Appends values, each with its type and length.
pub(super) fn put<'v>(out: &mut Vec<u8>, values: impl IntoIterator<Item = &'v Value>) {
    for value in values {
        match value {
            Value::Null => out.push(NULL),
            Value::Int(number) => {
                out.push(INT);
                out.extend(number.to_le_bytes());
            }
            Value::Text(text) => put_bytes(out, TEXT, text.as_bytes()),
            Value::Bytes(bytes) => put_bytes(out, BYTES, bytes),
        }
    }
}

fn put_bytes(out: &mut Vec<u8>, kind: u8, bytes: &[u8]) {
    out.push(kind);
    out.extend((bytes.len() as u64).to_le_bytes());
    out.extend(bytes);
}

/// Reads the values of a record, of which there are so many at most: each may take more memory than it has bytes.
pub(super) fn values(content: &[u8], values_max: usize) -> Result<Vec<Value>, ArchiveError> {
    let mut rest = content;
    let mut values = Vec::new();
    while !rest.is_empty() {
        if values.len() == values_max {
            return Err(ArchiveError::Damaged("a record has more values than its table has columns"));
        }
        values.push(value(&mut rest).ok_or(ArchiveError::Damaged("a value cannot be read"))?);
    }
    Ok(values)
}

fn value(rest: &mut &[u8]) -> Option<Value> {
    let (kind, behind) = rest.split_first()?;
    *rest = behind;
    match *kind {
        NULL => Some(Value::Null),
        INT => number(rest).map(|number| Value::Int(i64::from_le_bytes(number))),
        TEXT => String::from_utf8(bytes(rest)?.to_vec()).ok().map(Value::Text),
        BYTES => bytes(rest).map(|bytes| Value::Bytes(bytes.to_vec())),
        _ => None,
    }
}

fn number(rest: &mut &[u8]) -> Option<[u8; 8]> {
    let (number, behind) = rest.split_first_chunk::<8>()?;
    *rest = behind;
    Some(*number)
}

fn bytes<'c>(rest: &mut &'c [u8]) -> Option<&'c [u8]> {
    let length = usize::try_from(u64::from_le_bytes(number(rest)?)).ok()?;
    let (bytes, behind) = rest.split_at_checked(length)?;
    *rest = behind;
    Some(bytes)
}

const NULL: u8 = 0;
const INT: u8 = 1;
const TEXT: u8 = 2;
const BYTES: u8 = 3;
const ENDS_EARLY: ArchiveError = ArchiveError::Damaged("it ends early");

/// Whatever decompression says of bytes that are not what was written.
pub(super) fn torn(error: io::Error) -> ArchiveError {
    match error.kind() {
        io::ErrorKind::UnexpectedEof => ENDS_EARLY,
        _ if error.raw_os_error().is_some() => ArchiveError::File(error),
        _ => ArchiveError::Damaged("its compressed bytes cannot be read"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_come_back_as_they_were() {
        let all = [
            Value::Null,
            Value::Int(i64::MIN),
            Value::Int(-1),
            Value::Text(String::new()),
            Value::Text("Zoë\0\u{1f4ee}".to_owned()),
            Value::Bytes(vec![0, 255]),
            Value::Bytes(Vec::new()),
        ];
        let mut bytes = Vec::new();
        put(&mut bytes, &all);
        assert_eq!(values(&bytes, all.len()).unwrap(), all);
        assert!(values(&bytes, all.len() - 1).is_err());
        for end in 0..bytes.len() {
            // A part reads as the first few values, or not at all.
            if let Ok(some) = values(&bytes[..end], all.len()) {
                assert_eq!(some, all[..some.len()], "{end}");
            }
        }
    }

    #[test]
    fn lengths_that_lie_take_no_memory() {
        let long = [BYTES, 255, 255, 255, 255, 255, 255, 255, 127, 1];
        assert!(values(&long, 1).is_err());
        let head = [b'R', 0, 0, 0, 3, 1];
        assert!(matches!(read(&mut head.as_slice()), Err(ArchiveError::Damaged(_))));
        let head = [b'R', 255, 255, 255, 255];
        assert!(matches!(read(&mut head.as_slice()), Err(ArchiveError::Damaged(_))));
    }

    #[test]
    fn each_kind_of_record_has_a_length_of_its_own() {
        for (letter, kind) in KINDS {
            for (length, is_read) in [(kind.bytes_max(), true), (kind.bytes_max() + 1, false)] {
                let length = u32::try_from(length).unwrap();
                let [a, b, c, d] = length.to_le_bytes();
                let head = [letter, a, b, c, d];
                let mut whole = head.chain(io::repeat(NULL));
                assert_eq!(read(&mut whole).is_ok(), is_read, "{kind:?}");
            }
        }
    }

    #[test]
    fn every_table_has_fewer_columns_than_an_archive_may_name() {
        for table in super::super::kept_tables() {
            assert!(table.columns.len() < limits::ARCHIVE_COLUMNS_MAX, "{}", table.name);
        }
    }

    #[test]
    fn a_later_format_is_told_from_another_file() {
        let name = |bytes: &str| read_name(&mut bytes.as_bytes());
        assert!(name("postroom archive 1\n…").is_ok());
        assert!(matches!(
            name("postroom archive 2\n…"),
            Err(ArchiveError::TooNew { found: 2, known: 1, .. })
        ));
        for other in ["", "postroom archive 1", "postroom archive x\n", "From jane@contoso.test\n", "PK\u{3}"]
        {
            assert!(matches!(name(other), Err(ArchiveError::NotAnArchive)), "{other:?}");
        }
    }
}
