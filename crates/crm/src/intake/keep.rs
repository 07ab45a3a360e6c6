//! Bytes are kept before the commit that names them, and only for originals that will be named.

use std::sync::Arc;

use model::outcome::Outcome;
use store::{Organization, PreparedBlob, StoreError};

use super::check::Checked;
use super::unwrap::Original;

/// Hashes, compresses and, where they are large, writes and syncs the bytes of originals that are wanted.
///
/// Ignored mail leaves no bytes behind. `all` keeps every original's: the decision changed under way.
pub fn bytes(
    organization: &Arc<Organization>,
    originals: &[Original],
    checked: &[Checked],
    all: bool,
) -> Result<Vec<Option<PreparedBlob>>, StoreError> {
    let wanted = |checked: &Checked| all || is_kept(checked);
    let each = originals.iter().zip(checked);
    each.map(|(original, checked)| wanted(checked).then(|| organization.put_blob(&original.raw)).transpose())
        .collect()
}

/// A duplicate whose bytes are the same as before needs none either.
fn is_kept(checked: &Checked) -> bool {
    match checked.verdict.decision.outcome {
        Outcome::Ignored => false,
        Outcome::Duplicate => !checked.facts.has_same_bytes,
        _ => true,
    }
}
