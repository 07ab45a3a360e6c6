//! Threads of which nobody waits long for the end: what they may be in the middle of, somebody away answers or nobody does.

use std::io;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread::{self, JoinHandle, ThreadId};
use std::time::Duration;

/// So long it is waited for. What goes well takes milliseconds; a server that is away keeps a question for half a minute.
const WAIT: Duration = Duration::from_secs(2);

/// A thread.
pub(crate) struct Leaving {
    thread: JoinHandle<()>,
    /// Nothing comes; it ends with the thread.
    ended: Receiver<()>,
}

impl Leaving {
    /// Begins one.
    pub(crate) fn spawn(name: &str, work: impl FnOnce() + Send + 'static) -> io::Result<Self> {
        let (lives, ended) = channel::<()>();
        let thread = thread::Builder::new().name(name.to_owned()).spawn(move || {
            let _lives = lives;
            work();
        })?;
        Ok(Leaving { thread, ended })
    }

    /// Which it is.
    pub(crate) fn id(&self) -> ThreadId {
        self.thread.thread().id()
    }

    /// Waits for its end, but not for long: then it ends by itself, or with the process.
    pub(crate) fn wait(self) {
        match self.ended.recv_timeout(WAIT) {
            Err(RecvTimeoutError::Timeout) => {
                tracing::info!(thread = self.thread.thread().name(), "a thread is left to end by itself");
            }
            Ok(()) | Err(RecvTimeoutError::Disconnected) => drop(self.thread.join()),
        }
    }
}
