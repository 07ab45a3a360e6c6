//! The keys for tokens: derived of the key file's, and remembered as long as that file stays as it is. They are asked for with
//! every mail that goes out.
//!
//! *Invariant:* what is remembered opens no secret: the keys that do are in memory only while these are derived.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use model::Id;
use store::{TokenKey, TokenKeys};

use crate::keyring::{FileState, Keyring};

/// Derives them.
pub(crate) struct Derived {
    keyring: Arc<Keyring>,
    known: Mutex<Known>,
}

#[derive(Default)]
struct Known {
    state: Option<FileState>,
    keys: HashMap<Id, Arc<[TokenKey]>>,
}

impl Derived {
    pub(crate) fn new(keyring: Arc<Keyring>) -> Self {
        Derived { keyring, known: Mutex::default() }
    }
}

impl TokenKeys for Derived {
    fn of(&self, organization: Id) -> Result<Arc<[TokenKey]>, &'static str> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        // Looked at before the file is read: one that changes meanwhile is read again.
        let state = self.keyring.state();
        if known.state != state || state.is_none() {
            *known = Known { state, ..Known::default() };
        }
        if let Some(keys) = known.keys.get(&organization) {
            return Ok(Arc::clone(keys));
        }
        let keys = self.keyring.token_keys(organization).map_err(|error| {
            tracing::error!(
                error = &error as &dyn std::error::Error,
                "no keys for return paths are to be had"
            );
            "the key file cannot be used"
        })?;
        known.keys.insert(organization, Arc::clone(&keys));
        Ok(keys)
    }
}
