//! Compression in frames, so that an attachment can be read without the whole mail.
//!
//! Frames of Zstandard (RFC 8878), each of `BLOB_FRAME_BYTES` plain bytes. A table of their compressed sizes
//! stands before them in a skippable frame (§3.1.2), so plain `zstd -d` reads a blob too.

use std::borrow::Cow;
use std::cell::RefCell;
use std::ops::Range;

use model::limits::{self, BLOB_FRAME_BYTES};
use zstd::bulk::{Compressor, Decompressor};

use super::place::{Digest, Place};
use crate::StoreError;

/// Compresses; the result begins with the table.
pub(super) fn compress(raw: &[u8]) -> Result<Vec<u8>, StoreError> {
    let mut chunks: Vec<&[u8]> = raw.chunks(BLOB_FRAME_BYTES).collect();
    if chunks.is_empty() {
        chunks.push(&[]);
    }
    let frames: Vec<Vec<u8>> = chunks.into_iter().map(compress_frame).collect::<Result<_, _>>()?;
    let mut whole = Vec::with_capacity(frames.iter().map(|f| f.len() + 4).sum::<usize>() + HEADER_BYTES);
    whole.extend(SKIPPABLE.to_le_bytes());
    whole.extend(le_u32(frames.len() * 4)?);
    for frame in &frames {
        whole.extend(le_u32(frame.len())?);
    }
    frames.iter().for_each(|frame| whole.extend(frame));
    Ok(whole)
}

/// Where compressed bytes are.
pub(super) enum Stored<'b> {
    /// In memory, out of a row.
    Row(Vec<u8>),
    /// In a file or a bucket.
    Outside(&'b dyn Place, Digest),
}

impl Stored<'_> {
    fn part(&self, start: u64, length: usize) -> Result<Cow<'_, [u8]>, StoreError> {
        match self {
            Stored::Row(bytes) => {
                let start = usize::try_from(start).map_err(|_| StoreError::Corrupt)?;
                let end = start.checked_add(length).ok_or(StoreError::Corrupt)?;
                bytes.get(start..end).map(Cow::Borrowed).ok_or(StoreError::Corrupt)
            }
            Stored::Outside(place, digest) => place.read(digest, start, length).map(Cow::Owned),
        }
    }
}

/// A compressed blob, opened to be read.
pub(super) struct Frames<'b> {
    stored: Stored<'b>,
    /// Plain bytes.
    size: usize,
    /// Where each frame stands in the stored bytes.
    table: Vec<Range<u64>>,
}

impl<'b> Frames<'b> {
    /// Reads the table. `size` is that of the plain bytes.
    pub(super) fn open(size: usize, stored: Stored<'b>) -> Result<Self, StoreError> {
        let count = size.div_ceil(BLOB_FRAME_BYTES).max(1);
        let header = stored.part(0, HEADER_BYTES + count * 4)?;
        let (magic, lengths) = header.split_at_checked(HEADER_BYTES).ok_or(StoreError::Corrupt)?;
        if !magic.starts_with(&SKIPPABLE.to_le_bytes()) {
            return Err(StoreError::Corrupt);
        }
        let mut start = header.len() as u64;
        let mut table = Vec::with_capacity(count);
        for length in lengths.as_chunks::<4>().0 {
            let end = start + u64::from(u32::from_le_bytes(*length));
            table.push(start..end);
            start = end;
        }
        drop(header);
        Ok(Frames { stored, size, table })
    }

    /// All of it.
    pub(super) fn all(&self) -> Result<Vec<u8>, StoreError> {
        self.range(0, self.size)
    }

    /// A part of it, from the frames that hold it alone; shorter where the blob ends earlier.
    pub(super) fn range(&self, offset: usize, length: usize) -> Result<Vec<u8>, StoreError> {
        let offset = offset.min(self.size);
        let length = length.min(self.size - offset);
        if length == 0 {
            return Ok(Vec::new());
        }
        let first = offset / BLOB_FRAME_BYTES;
        let last = (offset + length - 1) / BLOB_FRAME_BYTES;
        let wanted = self.table.get(first..=last).ok_or(StoreError::Corrupt)?;
        let mut plain = self.plain(wanted, (last - first + 1) * BLOB_FRAME_BYTES)?;
        plain.drain(..offset - first * BLOB_FRAME_BYTES);
        if plain.len() < length {
            return Err(StoreError::Corrupt);
        }
        plain.truncate(length);
        Ok(plain)
    }

    /// All of it as it is stored.
    pub(super) fn stored_bytes(&self) -> Result<Vec<u8>, StoreError> {
        let end = self.table.last().map_or(0, |range| range.end);
        let length = usize::try_from(end).map_err(|_| StoreError::Corrupt)?;
        if length > limits::ARCHIVE_RECORD_BYTES_MAX {
            return Err(StoreError::Corrupt);
        }
        Ok(self.stored.part(0, length)?.into_owned())
    }

    fn plain(&self, wanted: &[Range<u64>], size_max: usize) -> Result<Vec<u8>, StoreError> {
        let (Some(first), Some(last)) = (wanted.first(), wanted.last()) else { return Ok(Vec::new()) };
        let length = usize::try_from(last.end - first.start).map_err(|_| StoreError::Corrupt)?;
        let stored = self.stored.part(first.start, length)?;
        let mut plain = Vec::with_capacity(size_max.min(self.size));
        for frame in wanted {
            let (start, end) = (frame.start - first.start, frame.end - first.start);
            let range = usize::try_from(start).ok().zip(usize::try_from(end).ok());
            let frame = range.and_then(|(start, end)| stored.get(start..end)).ok_or(StoreError::Corrupt)?;
            plain.extend(decompress_frame(frame)?);
        }
        Ok(plain)
    }
}

fn compress_frame(plain: &[u8]) -> Result<Vec<u8>, StoreError> {
    COMPRESSOR.with_borrow_mut(|kept| {
        let compressor = match kept {
            Some(compressor) => compressor,
            None => kept.insert(Compressor::new(LEVEL)?),
        };
        Ok(compressor.compress(plain)?)
    })
}

fn decompress_frame(frame: &[u8]) -> Result<Vec<u8>, StoreError> {
    DECOMPRESSOR.with_borrow_mut(|kept| {
        let decompressor = match kept {
            Some(decompressor) => decompressor,
            None => kept.insert(Decompressor::new()?),
        };
        decompressor.decompress(frame, BLOB_FRAME_BYTES).map_err(|_| StoreError::Corrupt)
    })
}

fn le_u32(number: usize) -> Result<[u8; 4], StoreError> {
    u32::try_from(number).map(u32::to_le_bytes).map_err(|_| StoreError::Full)
}

// Contexts are kept per thread: making one costs more than compressing a small mail.
thread_local! {
    static COMPRESSOR: RefCell<Option<Compressor<'static>>> = const { RefCell::new(None) };
    static DECOMPRESSOR: RefCell<Option<Decompressor<'static>>> = const { RefCell::new(None) };
}

/// Mail is compressed while somebody waits; higher levels win little on base64.
const LEVEL: i32 = 1;
/// The first magic number of skippable frames (RFC 8878 §3.1.2).
const SKIPPABLE: u32 = 0x184D_2A50;
/// Magic number and length of the skippable frame.
const HEADER_BYTES: usize = 8;
