//! Archives: one organization in one file, the same from every engine, and for every engine.
//!
//! What passes through: [`Store::back_up`] writes all rows in the order of their keys, as they were at one moment, with
//! their kept bytes; [`Store::open_archive`] looks whether a file is whole, and [`Store::restore`] makes an organization
//! of it. [`Store::digest`] says what an organization holds in a few numbers, the same wherever it is.
//!
//! *Invariant:* a file has its name only once it is whole and synced. What is restored is read back and compared before
//! the catalogue names it; until then nobody sees it, and whatever was left half done is made anew.

use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use model::schema::{Noun as _, catalogue};
use model::schema::{ORGANIZATION_TABLES, Table, Value, house, people};
use model::{Id, Timestamp};

use crate::lock::locked;
use crate::nouns::{EPOCH, RECORDS_VERSION};
use crate::{Organization, Store, StoreError};

mod content;
mod digest;
mod followers;
mod format;
mod keep;
mod open;
mod restore;
mod turn;

pub use digest::{Digest, TableDigest};
pub use keep::Backup;
pub use open::Archive;
pub use restore::{Restored, Restoring};

/// What an archive says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArchiveHeader {
    /// The schema of the house that wrote it.
    pub schema: i64,
    /// The organization.
    pub organization: catalogue::Organization,
    /// The epoch of its events there.
    pub epoch: Id,
    /// When it was taken.
    pub taken: Timestamp,
}

/// What goes wrong with archives.
#[derive(Debug, thiserror::Error)]
pub enum ArchiveError {
    /// The store could not do it.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The file failed.
    #[error("the archive cannot be read or written")]
    File(#[source] std::io::Error),
    /// Somebody writes it at this moment.
    #[error("another command writes this archive at this moment")]
    BeingWritten,
    /// The file is something else.
    #[error("this file is no archive of Postroom")]
    NotAnArchive,
    /// A later program wrote it.
    #[error(
        "the archive is of a later Postroom ({what} {found}, this one knows up to {known}); restore it with that one"
    )]
    TooNew {
        /// Of what the number is.
        what: &'static str,
        /// The archive's.
        found: i64,
        /// The latest that this program knows.
        known: i64,
    },
    /// It is not whole.
    #[error("the archive is damaged or not whole: {0}; nothing was kept")]
    Damaged(&'static str),
    /// The organization is there.
    #[error("there is already an organization with this name or id; give another name with --as")]
    Exists,
    /// Addresses lead to other organizations.
    #[error("these addresses lead to other organizations already: {}", .0.join(", "))]
    AddressesTaken(Vec<String>),
    /// Another node restores it.
    #[error(
        "another command restores this organization at this moment, or broke off a moment ago; look whether it is there, \
        and give the command again in half a minute if it is not"
    )]
    BeingRestored,
    /// There are data under this id that no restore left behind.
    #[error(
        "there are data of an organization with this id that the catalogue does not name; move them away, or give \
        another name with --as"
    )]
    Unnamed,
    /// What was written is not what the archive holds.
    #[error("what was restored is not what the archive holds, in {}; nothing was kept", .0.join(", "))]
    Differs(Vec<&'static str>),
    /// Somebody asked to end it.
    #[error("it was ended early; nothing was kept")]
    Stopped,
}

/// How far a long work is, and whether it is to go on. Shared between whoever does it and whoever looks.
#[derive(Debug, Default)]
pub struct Progress {
    stage: Mutex<Stage>,
    is_stopped: AtomicBool,
}

/// What a long work does at this moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Stage {
    /// What it does: the name of a table where it goes through its rows.
    pub what: &'static str,
    /// How much of it is done.
    pub done: u64,
    /// How much there is, about; 0 where nobody knows.
    pub of: u64,
}

impl Progress {
    /// What is done at this moment.
    pub fn stage(&self) -> Stage {
        *locked(&self.stage)
    }

    /// Asks that the work end soon, leaving nothing.
    pub fn stop(&self) {
        self.is_stopped.store(true, Ordering::Relaxed);
    }

    fn at(&self, what: &'static str, done: u64, of: u64) -> Result<(), ArchiveError> {
        *locked(&self.stage) = Stage { what, done, of };
        if self.is_stopped.load(Ordering::Relaxed) { Err(ArchiveError::Stopped) } else { Ok(()) }
    }
}

impl Store {
    /// Writes an organization as it is at this moment to a file, in place of one that may be there, while mail goes
    /// on. On SQLite the database is copied beside the file meanwhile. `taken` is now.
    ///
    /// # Errors
    /// [`ArchiveError`]; then an old file of this name is as it was.
    pub fn back_up(
        &self,
        organization: &Organization,
        (file, taken): (&Path, Timestamp),
        progress: &Progress,
    ) -> Result<Backup, ArchiveError> {
        let _turn = locked(&self.archiving);
        keep::back_up(self, organization, (file, taken), progress)
    }

    /// Opens an archive, and reads all of it once to see whether it is whole.
    ///
    /// # Errors
    /// [`ArchiveError::NotAnArchive`], [`ArchiveError::Damaged`], [`ArchiveError::TooNew`], [`ArchiveError::File`].
    pub fn open_archive(&self, file: &Path, progress: &Progress) -> Result<Archive, ArchiveError> {
        Archive::open(file, progress)
    }

    /// Makes an organization of an archive. Its events are numbered anew, in an epoch of their own; nobody is signed
    /// in.
    ///
    /// # Errors
    /// [`ArchiveError`]; then nothing was kept.
    pub fn restore(
        &self,
        archive: Archive,
        restoring: Restoring,
        progress: &Progress,
    ) -> Result<Restored, ArchiveError> {
        let _counted = Counted::new(&self.restoring);
        let _turn = locked(&self.archiving);
        restore::restore(self, archive, restoring, progress)
    }

    /// Whether an organization is being restored in this house at this moment, by whatever node, or is about to be. One that
    /// broke off at another node counts for as long as a lease lasts.
    pub fn is_restoring(&self) -> Result<bool, StoreError> {
        Ok(self.restoring.load(Ordering::SeqCst) > 0 || turn::is_taken(self)?)
    }

    /// Goes through all that an organization holds at this moment.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn digest(&self, organization: &Organization, progress: &Progress) -> Result<Digest, ArchiveError> {
        let _turn = locked(&self.archiving);
        let copy = self.folder(organization.id()).join("frozen.db");
        digest::of(organization, &copy, progress)
    }
}

/// One of those that are counted, for as long as it is there.
struct Counted<'c>(&'c AtomicUsize);

impl<'c> Counted<'c> {
    fn new(count: &'c AtomicUsize) -> Self {
        count.fetch_add(1, Ordering::SeqCst);
        Counted(count)
    }
}

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

/// The tables that an archive holds, in its order. Whoever was signed in signs in again.
fn kept_tables() -> impl Iterator<Item = &'static Table> {
    let stay = [people::Session::TABLE.name, house::Lease::TABLE.name];
    ORGANIZATION_TABLES.iter().copied().filter(move |table| !stay.contains(&table.name))
}

/// Whether a row belongs to the organization rather than to the house it is in.
fn is_kept(table: &Table, row: &[Value]) -> bool {
    if table.name == house::Setting::TABLE.name {
        return !matches!(row.first(), Some(Value::Text(name)) if HOUSE_SETTINGS.contains(&name.as_str()));
    }
    // Bytes that are being deleted are gone in a moment, or gone already.
    let state = place_of(table, "statecode").and_then(|place| row.get(place));
    table.name != BLOB || !matches!(state, Some(Value::Int(state)) if *state >= DELETING)
}

/// Where a column stands in the rows of a table.
fn place_of(table: &Table, column: &str) -> Option<usize> {
    table.columns.iter().position(|known| known.name == column)
}

/// The table of kept bytes.
const BLOB: &str = house::Blob::TABLE.name;
/// `blob.statecode`: live.
const LIVE: i64 = 0;
/// `blob.statecode`: deleting.
const DELETING: i64 = 2;
/// Set while an organization is being restored: by which attempt.
const RESTORING: &str = "restoring";
/// What it held when it was restored.
pub(crate) const RESTORED: &str = "restored";
/// Set while it takes nothing in: [`MOVING`] or [`MOVED`].
pub(crate) const CLOSED: &str = "closed";
/// It is being moved to another house.
pub(crate) const MOVING: &str = "moving";
/// It was moved to another house; what is left here may go.
pub(crate) const MOVED: &str = "moved";
/// Settings that say something of the house, not of the organization.
const HOUSE_SETTINGS: &[&str] = &[EPOCH, RECORDS_VERSION, RESTORING, RESTORED, CLOSED];

#[cfg(test)]
mod tests;
