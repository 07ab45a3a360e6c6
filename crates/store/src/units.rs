//! Units of work: plain functions that run inside a transaction on a store thread, many to a commit.
//!
//! What passes through: closures on their way in, answers on their way out, and no answer before the commit
//! that keeps what it says. A unit may run again, so it has no effect outside its [`Tx`].

use std::any::Any;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::sync::oneshot;

use crate::{StoreError, Tx};

mod batch;
mod line;
mod tending;
mod threads;
mod together;
mod writer;

pub(crate) use tending::Tending;
pub(crate) use threads::WriterThreads;
pub(crate) use writer::{Surroundings, Writer};

/// Which units go first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Priority {
    /// Mail at a door, a person at a page: somebody waits.
    Intake,
    /// Imports and jobs.
    Background,
}

/// A unit of work on its way. Await it, or [`wait`](PendingUnit::wait) for it; dropping it does not stop it.
#[derive(Debug)]
#[must_use = "whether the unit was kept is known only here"]
pub struct PendingUnit<T, E> {
    answer: oneshot::Receiver<Result<T, E>>,
}

impl<T, E: From<StoreError>> PendingUnit<T, E> {
    /// Blocks the calling thread until the unit is kept or refused. Not for asynchronous tasks: there the
    /// runtime panics.
    pub fn wait(self) -> Result<T, E> {
        self.answer.blocking_recv().unwrap_or_else(|_| Err(E::from(StoreError::Closed)))
    }
}

impl<T, E: From<StoreError>> Future for PendingUnit<T, E> {
    type Output = Result<T, E>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.answer)
            .poll(context)
            .map(|answer| answer.unwrap_or_else(|_| Err(E::from(StoreError::Closed))))
    }
}

/// A unit of work whose types are forgotten: what a batch is made of.
pub(crate) trait Unit: Send {
    /// Runs the work and keeps its result for later. May be called again.
    fn run(&mut self, tx: &mut Tx<'_>) -> Ran;
    /// Gives the answer: the kept result, or the reason why nothing was kept.
    fn answer(self: Box<Self>, refusal: Option<StoreError>);
}

/// What is to become of what a unit wrote.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ran {
    /// It is to be committed.
    Keep,
    /// It is to be undone.
    Undo,
}

/// A unit of work and the pending answer to it.
pub(crate) fn unit<T, E, W>(work: W) -> (Box<dyn Unit>, PendingUnit<T, E>)
where
    T: Send + 'static,
    E: From<StoreError> + Send + 'static,
    W: Fn(&mut Tx<'_>) -> Result<T, E> + Send + 'static,
{
    let (reply, answer) = oneshot::channel();
    (Box::new(TypedUnit { work, result: None, reply }), PendingUnit { answer })
}

struct TypedUnit<T, E, W> {
    work: W,
    result: Option<Result<T, E>>,
    reply: oneshot::Sender<Result<T, E>>,
}

impl<T, E, W> Unit for TypedUnit<T, E, W>
where
    T: Send,
    E: From<StoreError> + Send,
    W: Fn(&mut Tx<'_>) -> Result<T, E> + Send,
{
    fn run(&mut self, tx: &mut Tx<'_>) -> Ran {
        // What a panic may leave half done is the transaction alone, and that is undone.
        let result = catch_unwind(AssertUnwindSafe(|| (self.work)(tx))).unwrap_or_else(|panic| {
            tracing::error!(panic = panic_words(panic.as_ref()), "a unit of work panicked");
            Err(E::from(StoreError::Panicked))
        });
        let ran = if result.is_ok() { Ran::Keep } else { Ran::Undo };
        self.result = Some(result);
        ran
    }

    fn answer(self: Box<Self>, refusal: Option<StoreError>) {
        let result = match (refusal, self.result) {
            (Some(refusal), _) => Err(E::from(refusal)),
            (None, Some(result)) => result,
            (None, None) => Err(E::from(StoreError::Closed)),
        };
        // Whoever asked may be gone; the unit stands all the same.
        let _ = self.reply.send(result);
    }
}

fn panic_words(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&'static str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("without words")
}
