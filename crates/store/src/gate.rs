//! Whether an organization takes units of work in: while it is moved it takes none.
//!
//! *Invariant:* once it is closed, every unit that came before is answered, and none comes after.

use std::sync::{Arc, Condvar, Mutex, PoisonError};

use crate::StoreError;
use crate::lock::locked;

/// The gate of one organization.
#[derive(Default)]
pub(crate) struct Gate {
    state: Mutex<State>,
    left: Condvar,
}

#[derive(Default)]
struct State {
    inside: usize,
    is_closed: bool,
}

/// A unit that came in; it leaves when this is dropped.
pub(crate) struct Inside(Arc<Gate>);

impl Gate {
    /// `OrganizationClosed`.
    pub(crate) fn enter(self: &Arc<Self>) -> Result<Inside, StoreError> {
        let mut state = locked(&self.state);
        if state.is_closed {
            return Err(StoreError::OrganizationClosed);
        }
        state.inside += 1;
        drop(state);
        Ok(Inside(Arc::clone(self)))
    }

    /// Whether nobody comes in.
    pub(crate) fn is_closed(&self) -> bool {
        locked(&self.state).is_closed
    }

    /// Lets nobody in any more, and waits until all have left.
    pub(crate) fn close(&self) {
        let mut state = locked(&self.state);
        state.is_closed = true;
        let left = self.left.wait_while(state, |state| state.inside > 0);
        drop(left.unwrap_or_else(PoisonError::into_inner));
    }

    /// Lets everybody in again.
    pub(crate) fn open(&self) {
        locked(&self.state).is_closed = false;
    }
}

impl Drop for Inside {
    fn drop(&mut self) {
        locked(&self.0.state).inside -= 1;
        self.0.left.notify_all();
    }
}
