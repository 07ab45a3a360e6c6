//! Commands about archives: one organization to a file, and back; what it holds; and closing it while it is moved.
//!
//! Each of these takes as long as reading everything does, so whoever asks draws a number, and asks under it on another
//! line how far the work is.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use store::{ArchiveError, Organization, Restoring};

use super::{CommandError, Reply, organization, organizations};
use crate::house::House;

/// An organization to be written to a file.
#[derive(Serialize, Deserialize)]
pub struct BackUp {
    /// The organization's name.
    pub organization: String,
    /// The file, absolute: the house that serves may stand in another folder.
    pub file: PathBuf,
    /// The number of this work.
    pub work: u64,
}

/// An organization to be made of a file.
#[derive(Serialize, Deserialize)]
pub struct Restore {
    /// The file, absolute.
    pub file: PathBuf,
    /// Another name.
    pub name: Option<String>,
    /// Whether its addresses lead to it.
    pub with_addresses: bool,
    /// The number of this work.
    pub work: u64,
}

/// What an archive, or an organization, holds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Held {
    /// The organization's name.
    pub organization: String,
    /// E-mails.
    pub emails: u64,
    /// Each table: its name, how many rows, and the digest of what they say in hexadecimal digits.
    pub tables: Vec<(String, u64, String)>,
    /// The digest of all of it.
    pub digest: String,
}

/// An archive that was written.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BackedUp {
    /// What it holds.
    pub held: Held,
    /// Its size.
    pub bytes: u64,
    /// Kept bytes that the house has lost.
    pub lost: u64,
}

/// An organization that was restored.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Restored {
    /// What it holds.
    pub held: Held,
    /// When the archive was taken, RFC 3339.
    pub taken: String,
    /// How many addresses lead to it.
    pub addresses: u64,
}

/// How far a work is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StageRow {
    /// What it does.
    pub what: String,
    /// How much of that is done.
    pub done: u64,
    /// How much there is; 0 where nobody knows.
    pub of: u64,
}

/// Where an organization came from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Origin {
    /// There is none.
    Nobody,
    /// There is none, and one is being restored: nobody can say yet whether it is this one.
    BeingRestored,
    /// It was made here.
    Made,
    /// It was restored here; then it held this, in hexadecimal digits.
    Restored(String),
}

pub(super) fn back_up(house: &House, asked: &BackUp) -> Result<Reply, CommandError> {
    let organization = organization(house, &asked.organization)?;
    let work = house.works.begin(asked.work);
    let backup = house.store.back_up(&organization, (&asked.file, house.now()), &work.progress);
    let backup = backup.map_err(|error| at(&asked.file, error))?;
    let held = held(organization.name(), &backup.digest);
    Ok(Reply::BackedUp(BackedUp { held, bytes: backup.bytes, lost: backup.lost }))
}

pub(super) fn restore(house: &House, asked: Restore) -> Result<Reply, CommandError> {
    let work = house.works.begin(asked.work);
    let failed = |error| at(&asked.file, error);
    let archive = house.store.open_archive(&asked.file, &work.progress).map_err(failed)?;
    let name = asked.name.as_ref().unwrap_or(&archive.header().organization.name);
    crm::records::check_organization_name(name)?;
    let epoch = house.moment()?.id();
    let restoring = Restoring { name: asked.name, epoch, with_routes: asked.with_addresses };
    let restored = house.store.restore(archive, restoring, &work.progress).map_err(failed)?;
    Ok(Reply::Restored(Restored {
        held: held(&restored.organization.name, &restored.digest),
        taken: super::mail::rfc_3339(restored.taken),
        addresses: restored.routes as u64,
    }))
}

pub(super) fn digests(house: &House, name: Option<String>, work: u64) -> Result<Reply, CommandError> {
    let work = house.works.begin(work);
    let mut rows = Vec::new();
    for organization in organizations(house, name)? {
        let digest = house.store.digest(&organization, &work.progress)?;
        rows.push(held(organization.name(), &digest));
    }
    Ok(Reply::Held(rows))
}

pub(super) fn stage(house: &House, work: u64) -> Reply {
    let stage = house.works.progress(work).map(|progress| progress.stage());
    Reply::Stage(stage.map(|it| StageRow { what: it.what.to_owned(), done: it.done, of: it.of }))
}

pub(super) fn stop(house: &House, work: u64) -> Reply {
    if let Some(progress) = house.works.progress(work) {
        progress.stop();
    }
    Reply::Done
}

pub(super) fn origin(house: &House, name: &str) -> Result<Reply, CommandError> {
    // Asked first: one that ends before the next question has named its organization by then.
    let is_restoring = house.store.is_restoring()?;
    let held = match organization(house, name) {
        // One that is closed is on its way from there, and no other house's.
        Ok(organization) if organization.is_closed() => None,
        Ok(organization) => organization.restored_digest()?,
        Err(CommandError::NoOrganization(_)) if is_restoring => {
            return Ok(Reply::Origin(Origin::BeingRestored));
        }
        Err(CommandError::NoOrganization(_)) => return Ok(Reply::Origin(Origin::Nobody)),
        Err(error) => return Err(error),
    };
    Ok(Reply::Origin(held.map_or(Origin::Made, Origin::Restored)))
}

/// Only this house knows by then that it is closed: another node would go on taking mail in.
pub(super) fn close(house: &House, organization: &Organization) -> Result<Reply, CommandError> {
    if super::nodes::serves_elsewhere(house)? {
        return Err(CommandError::OtherNodes);
    }
    organization.close()?;
    Ok(Reply::Done)
}

pub(super) fn reopen(organization: &Organization) -> Result<Reply, CommandError> {
    organization.reopen()?;
    Ok(Reply::Done)
}

pub(super) fn forget(house: &House, organization: &Arc<Organization>) -> Result<Reply, CommandError> {
    house.store.forget_organization(organization)?;
    Ok(Reply::Done)
}

fn held(name: &str, digest: &store::Digest) -> Held {
    let tables = digest.tables.iter().map(|table| (table.table.to_owned(), table.rows, table.hex()));
    Held {
        organization: name.to_owned(),
        emails: digest.rows("email"),
        tables: tables.collect(),
        digest: digest.hex(),
    }
}

fn at(file: &Path, error: ArchiveError) -> CommandError {
    CommandError::Archive { file: file.to_owned(), source: error }
}
