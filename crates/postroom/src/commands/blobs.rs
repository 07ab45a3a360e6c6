//! The command that says where kept bytes lie, and whether the bucket does what it is asked.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use store::Organization;

use super::{CommandError, Reply, nodes};
use crate::house::House;

/// What the house stands on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CheckedHouse {
    /// Where large mail goes; `None` for files.
    pub bucket: Option<BucketRow>,
    /// What no node does, in words; empty where none serves.
    pub undone: Vec<String>,
    /// What is kept where.
    pub kept: Vec<KeptRow>,
}

/// A bucket.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BucketRow {
    /// Its name and where it is.
    pub name: String,
    /// What is wrong with it, and the next step; `None` where it does what it is asked.
    pub trouble: Option<String>,
}

/// What one organization keeps in one place.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct KeptRow {
    /// The organization's name.
    pub organization: String,
    /// The place: in the row, in a file, in the bucket.
    pub place: String,
    /// Mails, or parts of forwards, that are kept there.
    pub mails: i64,
    /// Their bytes, before they were compressed.
    pub bytes: i64,
    /// Those of them that nothing names any more.
    pub condemned: i64,
}

/// Makes the bucket this house's, whoever had it.
pub(super) fn take_bucket(house: &House) -> Result<Reply, CommandError> {
    if house.store.take_bucket()? { Ok(Reply::Done) } else { Err(CommandError::NoBucket) }
}

/// Asks the bucket and counts. A bucket that says no is a reply like any other.
pub(super) fn check(house: &House, organizations: &[Arc<Organization>]) -> Result<Reply, CommandError> {
    let bucket = house.bucket.as_ref().map(|bucket| BucketRow {
        name: bucket.name(),
        trouble: bucket.check().and_then(|()| house.store.look_at_bucket()).err().map(|it| it.to_string()),
    });
    let mut kept = Vec::new();
    for organization in organizations {
        for count in organization.blob_counts()? {
            kept.push(KeptRow {
                organization: organization.name().to_owned(),
                place: count.place.to_owned(),
                mails: count.blobs,
                bytes: count.bytes,
                condemned: count.condemned,
            });
        }
    }
    let undone = nodes::faults(&nodes::rows(house)?);
    Ok(Reply::CheckedHouse(CheckedHouse { bucket, undone, kept }))
}
