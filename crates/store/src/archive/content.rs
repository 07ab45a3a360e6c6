//! The content of an organization, walked through in one order: tables as they are declared, rows by their keys, and
//! with the row of each blob its frames.
//!
//! *Invariant:* the order is the same on every engine, and no more is held in memory than a page of rows or the frames
//! of one blob.

use model::schema::{Table, Value};

use super::{ArchiveError, BLOB, Progress, is_kept, kept_tables, place_of};
use crate::StoreError;
use crate::blobs::Blobs;
use crate::rows::Read;

/// A step of the walk.
pub(super) enum Part<'p> {
    /// A table begins.
    Table(&'static Table),
    /// A row of it.
    Row(&'p [Value]),
    /// A row of the table of blobs, with the frames; `None` where they are lost.
    Blob(&'p [Value], Option<&'p [u8]>),
    /// The table ends.
    End,
}

/// What is walked through.
pub(super) struct Content<'c> {
    /// All of it at one moment.
    pub(super) read: Read<'c>,
    pub(super) blobs: &'c Blobs,
    pub(super) progress: &'c Progress,
}

impl Content<'_> {
    /// Walks through everything.
    pub(super) fn walk(
        &self,
        each: &mut dyn FnMut(Part<'_>) -> Result<(), ArchiveError>,
    ) -> Result<(), ArchiveError> {
        for table in kept_tables() {
            each(Part::Table(table))?;
            self.rows(table, each)?;
            each(Part::End)?;
        }
        Ok(())
    }

    fn rows(
        &self,
        table: &'static Table,
        each: &mut dyn FnMut(Part<'_>) -> Result<(), ArchiveError>,
    ) -> Result<(), ArchiveError> {
        let of = u64::try_from(self.read.row_count(table)?).unwrap_or_default();
        let keys: Option<Vec<usize>> = table.key.iter().map(|column| place_of(table, column)).collect();
        let keys = keys.ok_or(StoreError::Corrupt)?;
        let limit = if table.name == BLOB { BLOBS_PER_PAGE } else { ROWS_PER_PAGE };
        let (mut done, mut behind) = (0, None);
        loop {
            self.progress.at(table.name, done, of)?;
            let rows = self.read.page(table, behind.as_deref(), limit)?;
            let Some(last) = rows.last() else { return Ok(()) };
            behind = keys.iter().map(|place| last.get(*place).cloned()).collect::<Option<Vec<_>>>();
            done += rows.len() as u64;
            for row in rows.iter().filter(|row| is_kept(table, row)) {
                if table.name == BLOB { self.blob(row, each)? } else { each(Part::Row(row))? }
            }
        }
    }

    fn blob(
        &self,
        row: &[Value],
        each: &mut dyn FnMut(Part<'_>) -> Result<(), ArchiveError>,
    ) -> Result<(), ArchiveError> {
        let (Some(Value::Bytes(blobid)), Some(Value::Int(size)), Some(Value::Int(place)), Some(bytes)) =
            (row.first(), row.get(1), row.get(2), row.get(3))
        else {
            return Err(StoreError::Corrupt.into());
        };
        if let Value::Bytes(bytes) = bytes {
            return each(Part::Blob(row, Some(bytes)));
        }
        // What is lost is lost here as there: the rest is worth keeping.
        let frames = match self.blobs.whole_frames(blobid, (*size, *place)) {
            Err(StoreError::NotFound | StoreError::Corrupt) => None,
            frames => Some(frames?),
        };
        each(Part::Blob(row, frames.as_deref()))
    }
}

/// Rows that are held at a time.
const ROWS_PER_PAGE: usize = 500;
/// The same for blobs, of which each may have `limits::BLOB_ROW_BYTES_MAX` in its row.
const BLOBS_PER_PAGE: usize = 64;
