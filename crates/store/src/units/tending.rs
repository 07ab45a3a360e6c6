//! The one thread that tends the logs of all open databases.

use std::sync::{Arc, Condvar, Mutex, PoisonError, Weak};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use super::Writer;
use crate::StoreError;
use crate::lock::locked;

/// The thread, and the writers whose logs it tends.
pub(crate) struct Tending {
    shared: Arc<Shared>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    closing: Condvar,
}

#[derive(Default)]
struct State {
    writers: Vec<Weak<Writer>>,
    closing: bool,
}

impl Tending {
    pub(crate) fn start() -> Result<Self, StoreError> {
        let shared = Arc::<Shared>::default();
        let tended = Arc::clone(&shared);
        let thread = thread::Builder::new().name("store-log".into()).spawn(move || tend(&tended))?;
        Ok(Tending { shared, thread: Mutex::new(Some(thread)) })
    }

    /// Takes a database into care, for as long as it is open.
    pub(crate) fn add(&self, writer: &Arc<Writer>) {
        locked(&self.shared.state).writers.push(Arc::downgrade(writer));
    }

    /// Ends the thread.
    pub(crate) fn close(&self) {
        locked(&self.shared.state).closing = true;
        self.shared.closing.notify_all();
        if let Some(thread) = locked(&self.thread).take() {
            // What it met was logged where it happened.
            let _ = thread.join();
        }
    }
}

fn tend(shared: &Shared) {
    loop {
        let state = locked(&shared.state);
        let waited = shared.closing.wait_timeout_while(state, LOOK_EVERY, |state| !state.closing);
        let (mut state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        if state.closing {
            return;
        }
        state.writers.retain(|writer| writer.strong_count() > 0);
        let writers = state.writers.clone();
        drop(state);
        for writer in writers.iter().filter_map(Weak::upgrade) {
            if let Err(error) = writer.tend() {
                tracing::warn!(error = &error as &dyn std::error::Error, "a log could not be carried over");
            }
        }
    }
}

/// How often every log is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(400);
