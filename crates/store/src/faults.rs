//! Faults on purpose: the n-th call to the engine or the files of blobs fails, so that a test can try every n.
//!
//! Without a plan, which is always outside tests, a call costs one look at an `Option`.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::StoreError;
use crate::lock::locked;

/// How a call fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The disk fails; the transaction stays open.
    Io,
    /// The disk is full; the transaction stays open.
    Full,
    /// The disk is full, and the engine ends the whole transaction on its own, as SQLite may.
    FullEndsTransaction,
}

/// The plan of faults of one store; clones share it.
#[derive(Debug, Clone, Default)]
pub struct Faults(Option<Arc<Plan>>);

#[derive(Debug, Default)]
struct Plan {
    calls: AtomicU64,
    fails_at: std::sync::Mutex<Option<(u64, Fault)>>,
}

impl Faults {
    /// A store that fails only by itself.
    pub fn none() -> Self {
        Faults(None)
    }

    /// A store whose calls are counted and may be told to fail.
    pub fn planned() -> Self {
        Faults(Some(Arc::default()))
    }

    /// Counts from now on; the call with this number, from 1, fails, once.
    pub fn fail_at(&self, call: u64, fault: Fault) {
        if let Some(plan) = &self.0 {
            *locked(&plan.fails_at) = Some((call, fault));
            plan.calls.store(0, Ordering::SeqCst);
        }
    }

    /// Takes back a fault that is still to come.
    pub fn clear(&self) {
        if let Some(plan) = &self.0 {
            *locked(&plan.fails_at) = None;
        }
    }

    /// Whether faults may be planned at all.
    pub(crate) fn are_planned(&self) -> bool {
        self.0.is_some()
    }

    /// Whether the planned fault is still to come.
    pub fn is_waiting(&self) -> bool {
        self.0.as_ref().is_some_and(|plan| locked(&plan.fails_at).is_some())
    }

    /// Calls since the last [`Faults::fail_at`].
    pub fn calls(&self) -> u64 {
        self.0.as_ref().map_or(0, |plan| plan.calls.load(Ordering::SeqCst))
    }

    /// Counts a call; says how it fails, if it does.
    pub(crate) fn next(&self) -> Option<Fault> {
        let plan = self.0.as_ref()?;
        let call = plan.calls.fetch_add(1, Ordering::SeqCst) + 1;
        let mut fails_at = locked(&plan.fails_at);
        let (_, fault) = fails_at.filter(|(at, _)| *at == call)?;
        *fails_at = None;
        Some(fault)
    }
}

impl Fault {
    /// As an error of the engine.
    pub(crate) fn error(self) -> StoreError {
        match self {
            Fault::Io => StoreError::Io(io::Error::other("a fault on purpose")),
            Fault::Full | Fault::FullEndsTransaction => StoreError::Full,
        }
    }

    /// As an error of a file.
    pub(crate) fn io_error(self) -> io::Error {
        match self {
            Fault::Io => io::Error::other("a fault on purpose"),
            Fault::Full | Fault::FullEndsTransaction => io::ErrorKind::StorageFull.into(),
        }
    }
}
