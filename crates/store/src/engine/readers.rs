//! The connections that answer questions: opened as they are needed, few, used again.

use std::sync::{Arc, Condvar, Mutex};

use super::{Engine, Purpose, Session, Step};
use crate::lock::locked;
use crate::{Read, StoreError};

/// The read connections of one database.
pub(crate) struct Readers {
    engine: Arc<dyn Engine>,
    connections_max: usize,
    purpose: Purpose,
    state: Mutex<State>,
    freed: Condvar,
}

#[derive(Default)]
struct State {
    idle: Vec<Box<dyn Session>>,
    lent: usize,
}

impl Readers {
    pub(crate) fn new(engine: Arc<dyn Engine>, connections_max: usize) -> Self {
        let connections_max = connections_max.max(1);
        let (state, freed) = (Mutex::default(), Condvar::new());
        Readers { engine, connections_max, purpose: Purpose::Read, state, freed }
    }

    /// Connections whose questions have a time limit.
    pub(crate) fn for_searches(engine: Arc<dyn Engine>, connections_max: usize) -> Self {
        Readers { purpose: Purpose::Search, ..Readers::new(engine, connections_max) }
    }

    /// Asks one single statement: it is a snapshot by itself, so no transaction is opened around it.
    pub(crate) fn ask<T>(
        &self,
        question: impl FnOnce(&Read<'_>) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let lent = self.lend()?;
        question(&Read::new(lent.session()?))
    }

    /// A connection without a snapshot.
    pub(crate) fn lend(&self) -> Result<Lent<'_>, StoreError> {
        let mut state = locked(&self.state);
        while state.idle.is_empty() && state.lent >= self.connections_max {
            state = self.freed.wait(state).unwrap_or_else(std::sync::PoisonError::into_inner);
        }
        state.lent += 1;
        let idle = state.idle.pop();
        drop(state);
        match idle.map_or_else(|| self.engine.open(self.purpose), Ok) {
            Ok(session) => Ok(Lent { readers: self, session: Some(session) }),
            Err(error) => {
                self.give_back(None);
                Err(error)
            }
        }
    }

    /// Runs a statement on a connection that writes.
    #[cfg(feature = "testing")]
    pub(crate) fn tamper(&self, sql: &'static str) -> Result<usize, StoreError> {
        self.engine.open(Purpose::Index)?.execute(sql, &[])
    }

    /// Whether they are connections to a server.
    pub(crate) fn are_remote(&self) -> bool {
        self.engine.is_remote()
    }

    /// Gives back the memory of connections that nobody uses.
    pub(crate) fn shrink(&self) -> Result<(), StoreError> {
        locked(&self.state).idle.iter().try_for_each(|session| session.shrink())
    }

    fn give_back(&self, session: Option<Box<dyn Session>>) {
        let mut state = locked(&self.state);
        state.lent -= 1;
        // Those of a server rest in its pool.
        state.idle.extend(session.filter(|session| !session.is_remote()));
        drop(state);
        self.freed.notify_one();
    }
}

/// A connection on loan. Its snapshot ends with the loan, also when the question panics.
pub(crate) struct Lent<'r> {
    readers: &'r Readers,
    session: Option<Box<dyn Session>>,
}

impl Lent<'_> {
    pub(crate) fn session(&self) -> Result<&dyn Session, StoreError> {
        self.session.as_deref().ok_or(StoreError::Closed)
    }
}

impl Drop for Lent<'_> {
    fn drop(&mut self) {
        // A connection that cannot end its snapshot is closed; the next question opens another.
        let sound = self.session.take().filter(|s| !s.in_transaction() || s.step(Step::Rollback).is_ok());
        self.readers.give_back(sound);
    }
}
