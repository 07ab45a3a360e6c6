//! The keys for tokens: derived of the key file's, and remembered as long as that file stays as it is. They are asked for with
//! every mail that goes out.
//!
//! *Invariant:* what is remembered opens no secret: the keys that do are in memory only while these are derived.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use model::Id;
use store::{TokenKey, TokenKeys};

use crate::keyring::{FileState, Keyring};

/// Derives them.
pub(crate) struct Derived {
    keyring: Arc<Keyring>,
    known: Mutex<Known>,
    /// One at a time reads the file.
    deriving: Mutex<()>,
}

#[derive(Default)]
struct Known {
    state: Option<FileState>,
    keys: HashMap<Id, Arc<[TokenKey]>>,
}

impl Derived {
    pub(crate) fn new(keyring: Arc<Keyring>) -> Self {
        Derived { keyring, known: Mutex::default(), deriving: Mutex::default() }
    }
}

impl Derived {
    /// The keys for stamps on forms of the pages, of the same file at each node, that of its first line first; none where it cannot
    /// be used.
    pub(crate) fn for_forms(&self) -> Vec<[u8; 32]> {
        // Whoever is signed out is of no organization: so are they, and no token is made with them.
        self.of(Id::default()).map(|keys| keys.to_vec()).unwrap_or_default()
    }

    /// What is remembered of the file as it is.
    fn known(&self, state: Option<&FileState>, organization: Id) -> Option<Arc<[TokenKey]>> {
        let known = lock(&self.known);
        let is_same = state.is_some() && known.state.as_ref() == state;
        known.keys.get(&organization).filter(|_| is_same).map(Arc::clone)
    }
}

impl TokenKeys for Derived {
    fn of(&self, organization: Id) -> Result<Arc<[TokenKey]>, &'static str> {
        if let Some(keys) = self.known(self.keyring.state().as_ref(), organization) {
            return Ok(keys);
        }
        let _deriving = lock(&self.deriving);
        // Looked at before the file is read: one that changes meanwhile is read again.
        let state = self.keyring.state();
        if let Some(keys) = self.known(state.as_ref(), organization) {
            return Ok(keys);
        }
        let keys = self.keyring.token_keys(organization).map_err(|error| {
            tracing::error!(
                error = &error as &dyn std::error::Error,
                "no keys for return paths are to be had"
            );
            "the key file cannot be used"
        })?;
        let mut known = lock(&self.known);
        if known.state != state || state.is_none() {
            *known = Known { state, ..Known::default() };
        }
        known.keys.insert(organization, Arc::clone(&keys));
        Ok(keys)
    }
}

fn lock<T>(it: &Mutex<T>) -> MutexGuard<'_, T> {
    it.lock().unwrap_or_else(PoisonError::into_inner)
}
