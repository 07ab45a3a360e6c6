//! What an organization holds, as a few digests (BLAKE3): one for each table, one for all.
//!
//! They are the same on every engine for the same content. What differs by nature is left out: numbers that the store
//! gives (events, copies), how far followers of events are, where kept bytes lie and how they are compressed, leases, the epoch,
//! sessions.

use std::collections::HashMap;
use std::path::Path;

use blake3::Hasher;
use model::schema::{Noun as _, Table, Value, house};

use super::content::{Content, Part};
use super::{ArchiveError, BLOB, Progress, format};
use crate::Organization;
use crate::blobs::Blobs;
use crate::nouns::FOLLOWER;

/// What an organization holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Digest {
    /// Each table, in their order.
    pub tables: Vec<TableDigest>,
    /// All of them.
    pub whole: [u8; 32],
}

/// What a table holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TableDigest {
    /// Its name.
    pub table: &'static str,
    /// How many rows.
    pub rows: u64,
    /// What they say.
    pub digest: [u8; 32],
}

impl TableDigest {
    /// The digest in hexadecimal digits.
    pub fn hex(&self) -> String {
        blake3::Hash::from_bytes(self.digest).to_hex().to_string()
    }
}

/// Columns that say something of the house, not of the organization.
const LEFT_OUT: &[(&str, &str)] = &[
    ("event", "eventid"),
    ("copy", "copynumber"),
    (BLOB, "place"),
    (BLOB, "bytes"),
    ("job", "leaseuntil"),
    ("job", "owner"),
    ("outboxmail", "owner"),
    ("outboxmail", "waitsin"),
];
/// Columns that say how far a follower of events is; the settings that say so too are left out but for their names.
const PLACES: &[(&str, &str)] = &[("untold", "epoch"), ("untold", "eventid")];

/// The columns that count, by table; all of a table that is not in it.
pub(super) type Columns = HashMap<&'static str, Vec<&'static str>>;

/// The digest of an organization as it is now.
pub(super) fn of(
    organization: &Organization,
    copy: &Path,
    progress: &Progress,
) -> Result<Digest, ArchiveError> {
    let frozen = super::keep::freeze(organization, copy, progress)?;
    let content = Content { read: frozen.read(), blobs: organization.blobs(), progress };
    of_content(&content, Columns::new())
}

/// The digest of what is walked through, by these columns alone.
pub(super) fn of_content(content: &Content<'_>, columns: Columns) -> Result<Digest, ArchiveError> {
    walked(content, Digesting::of(columns))
}

/// The same with how far followers are: archives had that in it before.
pub(super) fn of_content_with_places(
    content: &Content<'_>,
    columns: Columns,
) -> Result<Digest, ArchiveError> {
    walked(content, Digesting { with_places: true, ..Digesting::of(columns) })
}

fn walked(content: &Content<'_>, mut digesting: Digesting) -> Result<Digest, ArchiveError> {
    content.walk(&mut |part| {
        digesting.add(&part);
        Ok(())
    })?;
    Ok(digesting.end())
}

/// Digests under way.
#[derive(Default)]
pub(super) struct Digesting {
    columns: Columns,
    with_places: bool,
    tables: Vec<TableDigest>,
    places: Vec<usize>,
    hasher: Hasher,
    table: &'static str,
    rows: u64,
    row: Vec<u8>,
}

impl Digesting {
    /// By these columns alone.
    pub(super) fn of(columns: Columns) -> Self {
        Digesting { columns, ..Digesting::default() }
    }

    /// Takes a step of the walk in. At the end of a table says what it holds.
    pub(super) fn add(&mut self, part: &Part<'_>) -> Option<TableDigest> {
        match part {
            Part::Table(table) => self.begin(table),
            Part::Row(row) => self.add_row(row, None),
            Part::Blob(row, frames) => self.add_row(row, Some(state(row, *frames))),
            Part::End => {
                let digest = *self.hasher.finalize().as_bytes();
                let ended = TableDigest { table: self.table, rows: self.rows, digest };
                self.tables.push(ended);
                return Some(ended);
            }
        }
        None
    }

    /// All of it.
    pub(super) fn end(self) -> Digest {
        Digest::of_tables(self.tables)
    }

    fn begin(&mut self, table: &'static Table) {
        let known = self.columns.get(table.name);
        let counts = |name: &&str| {
            let is_place = PLACES.contains(&(table.name, *name)) && !self.with_places;
            let is_left_out = is_place || LEFT_OUT.contains(&(table.name, *name));
            !is_left_out && known.is_none_or(|known| known.contains(name))
        };
        let columns = table.columns.iter().map(|column| column.name).enumerate();
        let (places, names): (Vec<usize>, Vec<&str>) = columns.filter(|(_, name)| counts(name)).unzip();
        self.hasher = Hasher::new();
        let names: Vec<Value> =
            [table.name].into_iter().chain(names).map(|it| Value::Text(it.to_owned())).collect();
        (self.places, self.table, self.rows) = (places, table.name, 0);
        self.row.clear();
        format::put(&mut self.row, &names);
        self.hash_row();
    }

    fn add_row(&mut self, row: &[Value], state: Option<Value>) {
        self.rows += 1;
        self.row.clear();
        // Of the place of a follower only whose it is.
        let is_place = !self.with_places
            && self.table == house::Setting::TABLE.name
            && matches!(row.first(), Some(Value::Text(name)) if name.starts_with(FOLLOWER));
        let columns = if is_place { 1 } else { self.places.len() };
        for value in self.places.iter().take(columns).filter_map(|place| row.get(*place)).chain(&state) {
            match value {
                // PostgreSQL keeps no NUL in text and has this instead.
                Value::Text(text) if text.contains('\0') => {
                    format::put(&mut self.row, [&Value::Text(text.replace('\0', "\u{fffd}"))]);
                }
                value => format::put(&mut self.row, [value]),
            }
        }
        self.hash_row();
    }

    fn hash_row(&mut self) {
        self.hasher.update(&(self.row.len() as u64).to_le_bytes());
        self.hasher.update(&self.row);
    }
}

/// Whether kept bytes are what they are named after: 0; damaged: 1; lost: 2.
fn state(row: &[Value], frames: Option<&[u8]>) -> Value {
    let (Some(Value::Bytes(blobid)), Some(Value::Int(size))) = (row.first(), row.get(1)) else {
        return Value::Null;
    };
    Value::Int(match frames.map(|frames| Blobs::check_frames(blobid, *size, frames)) {
        Some(Ok(())) => 0,
        Some(Err(_)) => 1,
        None => 2,
    })
}

impl Digest {
    /// What these tables hold together, in their order.
    pub(super) fn of_tables(tables: Vec<TableDigest>) -> Self {
        let mut whole = Hasher::new();
        for table in &tables {
            whole.update(&table.digest);
        }
        Digest { tables, whole: *whole.finalize().as_bytes() }
    }

    /// The digest of all of it, in hexadecimal digits.
    pub fn hex(&self) -> String {
        blake3::Hash::from_bytes(self.whole).to_hex().to_string()
    }

    /// How many rows a table has.
    pub fn rows(&self, table: &str) -> u64 {
        self.tables.iter().find(|known| known.table == table).map_or(0, |known| known.rows)
    }
}
