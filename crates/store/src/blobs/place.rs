//! A place for large frames: a folder of files, or a bucket. Named by the digest of the plain bytes in both.
//!
//! What passes through: frames in and out, and lists of what lies there. It knows no rows.

use model::Timestamp;

use crate::StoreError;

/// The digest of the plain bytes: what a blob is named by.
pub(super) type Digest = [u8; 32];

/// Where large frames lie. Every call may wait for a disk or a network, so none is made inside a unit of work.
pub(super) trait Place: Send + Sync {
    /// Keeps frames under this digest, over what may be there; durable when it returns.
    fn write(&self, digest: &Digest, frames: Vec<u8>) -> Result<(), StoreError>;
    /// A part of the frames. `NotFound`; `Corrupt` where they are shorter.
    fn read(&self, digest: &Digest, start: u64, length: usize) -> Result<Vec<u8>, StoreError>;
    /// Whether there are frames under this digest.
    fn exists(&self, digest: &Digest) -> Result<bool, StoreError>;
    /// Whether this house may remove what lies there: to be asked before a sweep does. An error where it may not, or
    /// nobody knows.
    fn is_ours(&self) -> Result<(), StoreError>;
    /// Removes frames; no error where there are none.
    fn remove(&self, digest: &Digest) -> Result<(), StoreError>;
    /// What lies behind this digest, in the order of digests: at least `wanted` where there is as much, and none at
    /// the end alone.
    fn list(&self, after: Option<&Digest>, wanted: usize) -> Result<Vec<Listed>, StoreError>;
    /// Removes what writers that broke off left behind before this time; says how much.
    fn clear_leftovers(&self, before: Timestamp) -> Result<usize, StoreError>;
}

/// Frames that lie in a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Listed {
    pub(super) digest: Digest,
    /// When they were written, by the clock of the place.
    pub(super) written: Timestamp,
}

/// `ab` and `<the other 62 digits>.zst`: one folder would grow beyond what people can look through.
pub(super) fn names(digest: &Digest) -> (String, String) {
    let digits = blake3::Hash::from_bytes(*digest).to_hex();
    let (first, rest) = digits.as_str().split_at(2);
    (first.to_owned(), format!("{rest}{ENDING}"))
}

/// The digest that has these names.
pub(super) fn digest_of(first: &str, rest: &str) -> Option<Digest> {
    let digits = format!("{first}{}", rest.strip_suffix(ENDING)?);
    let digest = *blake3::Hash::from_hex(&digits).ok()?.as_bytes();
    (names(&digest) == (first.to_owned(), rest.to_owned())).then_some(digest)
}

const ENDING: &str = ".zst";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_read_back_and_nothing_else_is_a_name() {
        let digest = [0xab; 32];
        let (first, rest) = names(&digest);
        assert_eq!(digest_of(&first, &rest), Some(digest));
        let upper = rest.to_uppercase();
        let without = rest.trim_end_matches(".zst");
        for (first, rest) in
            [("ab", "x.zst"), ("", rest.as_str()), ("ab", &upper), ("AB", rest.as_str()), ("ab", without)]
        {
            assert_eq!(digest_of(first, rest), None, "{first}/{rest}");
        }
    }
}
