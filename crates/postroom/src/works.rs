//! Long works under way, so that whoever asked for one can look how far it is, and end it.
//!
//! What passes through: numbers that askers draw for their works, each with its progress until the work has ended.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use store::Progress;

/// The works of a house.
#[derive(Debug, Default)]
pub(crate) struct Works {
    under_way: Mutex<HashMap<u64, Arc<Progress>>>,
}

/// A work under way; it is forgotten when this is dropped.
pub(crate) struct Work<'w> {
    works: &'w Works,
    number: u64,
    pub(crate) progress: Arc<Progress>,
}

impl Works {
    /// Begins a work under this number.
    pub(crate) fn begin(&self, number: u64) -> Work<'_> {
        let progress = Arc::<Progress>::default();
        self.locked().insert(number, Arc::clone(&progress));
        Work { works: self, number, progress }
    }

    /// How far a work is; `None` where it has not begun, or has ended.
    pub(crate) fn progress(&self, number: u64) -> Option<Arc<Progress>> {
        self.locked().get(&number).cloned()
    }

    /// Asks all of them to end.
    pub(crate) fn stop(&self) {
        self.locked().values().for_each(|progress| progress.stop());
    }

    fn locked(&self) -> MutexGuard<'_, HashMap<u64, Arc<Progress>>> {
        self.under_way.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Work<'_> {
    fn drop(&mut self) {
        self.works.locked().remove(&self.number);
    }
}
