//! Bytes are kept before the commit that names them: small ones beside the row, large ones synced in a file.

use model::limits;
use model::outcome::Outcome;
use store::{Organization, PreparedBlob, StoreError};

use super::check::{self, Checked};
use super::timed::Timed;
use super::{Opened, Original};

/// How much is kept before the decision is certain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effort {
    /// Small originals; large ones only where a check says that they are wanted.
    Cheap,
    /// Every original.
    All,
}

/// The bytes that are kept for a copy.
#[derive(Clone)]
pub struct Kept {
    /// Of each original, in order.
    pub originals: Vec<Option<PreparedBlob>>,
    /// Of the mail around them, where they were dug out of one: it holds what the forwarder wrote and added.
    pub outer: Option<PreparedBlob>,
}

impl Kept {
    /// For a copy of which nothing is kept but what became of it.
    pub(super) fn nothing() -> Self {
        Kept { originals: vec![None], outer: None }
    }
}

/// Hashes and compresses the originals' bytes and, where they are large, writes and syncs them.
///
/// To compress a small mail for nothing costs less than to check it twice; a large one that nobody wants
/// should not be written.
pub fn bytes(organization: &Organization, opened: &Opened, effort: Effort) -> Result<Kept, StoreError> {
    let _timed = Timed::new("keep");
    let keep = |original: &Original| {
        let is_small = original.raw.len() <= limits::BLOB_ROW_BYTES_MAX;
        let is_wanted = is_small || effort == Effort::All || {
            let checked = organization.read(|read| check::check(read, opened, original))?;
            brings_bytes(&checked)
        };
        let put = || match original.offer.raw_digest {
            Some(digest) => organization.put_hashed_blob(&original.raw, digest),
            None => organization.put_blob(&original.raw),
        };
        is_wanted.then(put).transpose()
    };
    let originals: Result<Vec<Option<PreparedBlob>>, StoreError> =
        opened.originals.iter().map(keep).collect();
    let originals = originals?;
    let is_opened = opened.originals.iter().any(|original| original.method.is_dug_out());
    let is_outer_wanted = is_opened && originals.iter().any(Option::is_some);
    let outer = is_outer_wanted.then(|| organization.put_blob(&opened.copy.raw)).transpose()?;
    Ok(Kept { originals, outer })
}

/// Ignored mail leaves no bytes behind, and a duplicate with the same bytes as before brings none.
fn brings_bytes(checked: &Checked) -> bool {
    match checked.verdict.decision.outcome {
        Outcome::Ignored => false,
        Outcome::Duplicate => !checked.facts.has_same_bytes,
        _ => true,
    }
}
