//! Bodies that came to their end and are shorter than the server announced.
//!
//! What passes through: digests of them, by copy, from one try to the next. Some servers announce estimates; half a message
//! is none all the same. What comes again to the byte in a later try is all that there is.
//!
//! *Invariant:* memory is bounded; what is forgotten takes one more try.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use model::Id;

/// The short bodies of a mailbox, for all its sessions.
#[derive(Debug, Clone, Default)]
pub struct Short(Arc<Mutex<HashMap<Id, [u8; 32]>>>);

impl Short {
    /// Whether these very bytes came for this copy before. From now on they did.
    pub(super) fn came_before(&self, copy: Id, body: &[u8]) -> bool {
        let digest = *blake3::hash(body).as_bytes();
        let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if seen.get(&copy) == Some(&digest) {
            seen.remove(&copy);
            return true;
        }
        if seen.len() >= COPIES_MAX {
            seen.clear();
        }
        seen.insert(copy, digest);
        false
    }
}

/// More are not remembered: that is half a mebibyte.
const COPIES_MAX: usize = 8 * 1024;
