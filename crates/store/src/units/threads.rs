//! The few threads that write for all organizations.
//!
//! An organization with waiting units stands on one list; a thread takes it, runs one batch, and puts it back
//! at the end if more waits. So a thousand organizations need few threads, none can keep the others waiting,
//! and different organizations commit at the same time.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::{self, JoinHandle};

use super::{Priority, Unit, Writer};
use crate::StoreError;
use crate::lock::locked;

/// The threads, and those who wait for one.
pub(crate) struct WriterThreads {
    ready: Arc<Ready>,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

#[derive(Default)]
struct Ready {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    writers: VecDeque<Arc<Writer>>,
    closing: bool,
}

impl WriterThreads {
    pub(crate) fn start(threads: usize) -> Result<Self, StoreError> {
        let ready = Arc::<Ready>::default();
        let threads: Result<Vec<_>, _> = (0..threads.max(1))
            .map(|number| {
                let ready = Arc::clone(&ready);
                thread::Builder::new().name(format!("store-writer-{number}")).spawn(move || write(&ready))
            })
            .collect();
        Ok(WriterThreads { ready, threads: Mutex::new(threads?) })
    }

    /// Hands a unit to the line of its organization.
    pub(crate) fn submit(&self, writer: &Arc<Writer>, unit: Box<dyn Unit>, priority: Priority) {
        // Held while the unit joins, so that none joins after the last thread looked.
        let mut state = locked(&self.ready.state);
        if state.closing {
            drop(state);
            return unit.answer(Some(StoreError::Closed));
        }
        if writer.join(unit, priority) {
            state.writers.push_back(Arc::clone(writer));
            drop(state);
            self.ready.changed.notify_one();
        }
    }

    /// Lets the waiting units run, then ends the threads.
    pub(crate) fn close(&self) {
        locked(&self.ready.state).closing = true;
        self.ready.changed.notify_all();
        for thread in std::mem::take(&mut *locked(&self.threads)) {
            // A thread catches what its batches throw; there is nothing left to report.
            let _ = thread.join();
        }
    }
}

fn write(ready: &Ready) {
    while let Some(writer) = ready.next() {
        let more = catch_unwind(AssertUnwindSafe(|| writer.work())).unwrap_or(true);
        if more {
            ready.push(writer);
        }
    }
}

impl Ready {
    fn push(&self, writer: Arc<Writer>) {
        locked(&self.state).writers.push_back(writer);
        self.changed.notify_one();
    }

    /// The next writer; `None` when the store closes and nobody waits.
    fn next(&self) -> Option<Arc<Writer>> {
        let mut state = locked(&self.state);
        loop {
            if let Some(writer) = state.writers.pop_front() {
                return Some(writer);
            }
            if state.closing {
                return None;
            }
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }
}
