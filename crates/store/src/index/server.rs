//! The text index at a server: one for all nodes, in tables beside the organization's own.
//!
//! What passes through: the same documents, searches and hits as in the index of a file. The words of a document are
//! one text, every word of a header with a mark in front of it; a `tsvector` is made of it for an index of PostgreSQL
//! (GIN). That index knows no order, so a search looks at the newest e-mails first, see [`questions`].
//!
//! *Invariant:* whoever writes first moves the row with the position, and only from where it began: two nodes never
//! write the same load. The lease saves them the work alone.

use std::sync::Arc;
use std::time::{Duration, Instant};

use model::decision::Entity;
use model::search::Search;
use model::{Id, Timestamp, limits};

use super::{Hit, Load, Position, Span};
use crate::StoreError;
use crate::engine::{Asking, Engine, Purpose, Readers, Session, Step};
use crate::lock::locked;
use crate::nouns::HeldLease;
use crate::rows::{Read, RowValues, Tx};

mod documents;
mod names;
mod questions;
mod tables;

/// The index of one organization at a server.
pub(super) struct ServerIndex {
    engine: Arc<dyn Engine>,
    readers: Readers,
    searches: Readers,
    /// Whether its tables are known to be there.
    is_made: std::sync::Mutex<bool>,
}

/// Brought forward by this node, until this is dropped.
pub(super) struct Turn<'i> {
    index: &'i ServerIndex,
    lease: HeldLease,
    renewed: Instant,
}

impl ServerIndex {
    pub(super) fn new(engine: Arc<dyn Engine>, (readers_max, searches_max): (usize, usize)) -> Self {
        let readers = Readers::new(Arc::clone(&engine), readers_max);
        let searches = Readers::for_searches(Arc::clone(&engine), searches_max);
        ServerIndex { engine, readers, searches, is_made: std::sync::Mutex::default() }
    }

    /// The turn, for this node; `None` while another one has it.
    pub(super) fn turn(&self) -> Result<Option<Turn<'_>>, StoreError> {
        let session = self.writer()?;
        let taken = Tx::new(session.as_ref(), None).take_lease(LEASE, NOBODY, ANY_TIME)?;
        Ok(taken.map(|lease| Turn { index: self, lease, renewed: Instant::now() }))
    }

    pub(super) fn position(&self) -> Result<Position, StoreError> {
        self.ask(tables::position)
    }

    pub(super) fn count(&self) -> Result<i64, StoreError> {
        self.ask(documents::count)
    }

    pub(super) fn sources(&self, emails: &[Id]) -> Result<Vec<(Id, Vec<u8>)>, StoreError> {
        self.ask(|read| documents::sources(read, emails))
    }

    pub(super) fn find(&self, search: &Search, span: Span, limit: usize) -> Result<Vec<Hit>, StoreError> {
        self.make()?;
        self.searches.ask(|read| questions::find(read, search, (span, limit)))
    }

    pub(super) fn find_records(
        &self,
        entity: Entity,
        words: &str,
        limit: usize,
    ) -> Result<Vec<Id>, StoreError> {
        self.make()?;
        self.searches.ask(|read| names::find(read, entity, (words, limit)))
    }

    /// All or nothing. `Temporary` where the index is not at `from` any more.
    pub(super) fn write(&self, load: Load, (from, to): (Position, Position)) -> Result<(), StoreError> {
        self.within(|session| {
            if !tables::advance(session, (from, to))? {
                return Err(StoreError::Temporary {
                    why: "the text index was begun anew, or another node wrote it",
                });
            }
            documents::write(session, load.documents)?;
            names::write(session, &load.records)
        })
    }

    pub(super) fn discard(&self) -> Result<(), StoreError> {
        self.within(tables::clear)
    }

    /// A transaction whose rows go out together.
    fn within(&self, work: impl FnOnce(&dyn Session) -> Result<(), StoreError>) -> Result<(), StoreError> {
        let session = self.writer()?;
        session.step(Step::BeginWrite)?;
        if let Some(together) = session.together() {
            together.begin();
            together.begin_unit(Asking::Itself);
        }
        let ended = work(session.as_ref()).and_then(|()| session.step(Step::Commit));
        if ended.is_err() {
            session.step(Step::Rollback)?;
        }
        ended
    }

    fn ask<T>(&self, question: impl FnOnce(&Read<'_>) -> Result<T, StoreError>) -> Result<T, StoreError> {
        self.make()?;
        self.readers.ask(question)
    }

    fn writer(&self) -> Result<Box<dyn Session>, StoreError> {
        self.make()?;
        self.engine.open(Purpose::Index)
    }

    /// Makes the tables, where they are not there or of an older release.
    fn make(&self) -> Result<(), StoreError> {
        let mut is_made = locked(&self.is_made);
        if !*is_made {
            tables::make(self.engine.open(Purpose::Index)?.as_ref())?;
            *is_made = true;
        }
        Ok(())
    }
}

impl Turn<'_> {
    /// Says that work goes on. `Temporary` where it took too long and is another node's by now.
    pub(super) fn keep(&mut self) -> Result<(), StoreError> {
        if self.renewed.elapsed() < Duration::from_secs(limits::LEASE_RENEW_SECONDS) {
            return Ok(());
        }
        let session = self.index.writer()?;
        if !Tx::new(session.as_ref(), None).renew_lease(&self.lease, ANY_TIME)? {
            return Err(StoreError::Temporary { why: "another node brings the text index forward" });
        }
        self.renewed = Instant::now();
        Ok(())
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        let given = self
            .index
            .writer()
            .and_then(|session| Tx::new(session.as_ref(), None).give_lease_back(&self.lease));
        if let Err(error) = given {
            // It runs out by itself.
            tracing::debug!(
                error = &error as &dyn std::error::Error,
                "the text index stays leased for a while"
            );
        }
    }
}

/// The first two values of a row of hits.
fn hit(row: &mut RowValues<'_>) -> Result<Hit, StoreError> {
    Ok(Hit { email: row.take()?, docid: row.take()? })
}

/// What the work is called.
const LEASE: &str = "text index";
/// The number of the lease tells its holders apart.
const NOBODY: Id = Id([0; 16]);
/// The clock is the server's.
const ANY_TIME: Timestamp = Timestamp(0);
