//! The text index of one organization: the words of its e-mails, in a database file of its own, or in tables at the
//! server where its rows are.
//!
//! What passes through: documents in large loads, written by one job behind the intake; searches, answered with
//! ids, newest first. It holds nothing that cannot be made again from e-mails and blobs: a file that is damaged,
//! or of another release, is thrown away.
//!
//! *Invariant:* the place it has reached in the events is committed together with the documents up to it.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use model::decision::Entity;
use model::search::Search;
use model::{Id, Timestamp};

use crate::StoreError;
use crate::engine::sqlite::SqliteFile;
use crate::engine::{Engine, Purpose, Readers, Session, Step, remove};
use crate::faults::Faults;
use crate::lock::locked;
use crate::nouns::Cursor;
use crate::rows::Read;

mod documents;
mod find;
mod names;
mod server;
mod words;

pub use documents::Document;
pub use find::{Hit, Span};
pub use names::NamedRecord;
use server::ServerIndex;

/// How far the index has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Position {
    /// The last event that was looked at. While nothing is in the index, its epoch means nothing.
    pub cursor: Cursor,
    /// When that event happened.
    pub createdon: Timestamp,
}

/// What enters the index with one commit.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Load {
    /// E-mails, new ones and changed ones.
    pub documents: Vec<Document>,
    /// Records that were made.
    pub records: Vec<NamedRecord>,
}

/// The index of one organization, opened when it is first used.
pub struct TextIndex {
    path: PathBuf,
    open: RwLock<Option<Open>>,
    turn: Mutex<()>,
    /// Where the index is at a server, and all of it.
    server: Option<ServerIndex>,
}

/// Held by whoever brings an index forward: nobody else does meanwhile.
pub struct Turn<'i> {
    _here: MutexGuard<'i, ()>,
    /// Among the nodes.
    lease: Option<server::Turn<'i>>,
}

impl Turn<'_> {
    /// Says that the work goes on; say so every few seconds. `Temporary` where it took too long, and is another node's
    /// by now.
    pub fn keep(&mut self) -> Result<(), StoreError> {
        self.lease.as_mut().map_or(Ok(()), server::Turn::keep)
    }
}

/// Its connections.
struct Open {
    readers: Readers,
    searches: Readers,
    writer: Mutex<Box<dyn Session>>,
}

impl TextIndex {
    /// The index that stands, or will stand, in this folder.
    pub(crate) fn new(folder: &Path) -> Self {
        let (open, turn) = (RwLock::default(), Mutex::default());
        TextIndex { path: folder.join("search.db"), open, turn, server: None }
    }

    /// The index in this schema of a server.
    pub(crate) fn at_server(folder: &Path, engine: Arc<dyn Engine>) -> Self {
        TextIndex {
            server: Some(ServerIndex::new(engine, (READERS_MAX, SEARCHES_MAX))),
            ..TextIndex::new(folder)
        }
    }

    /// Whoever brings it forward holds this meanwhile, so that two do not index the same e-mails. Waits for others of
    /// this process; `None` while another node does it.
    pub fn turn(&self) -> Result<Option<Turn<'_>>, StoreError> {
        let here = locked(&self.turn);
        let Some(server) = &self.server else { return Ok(Some(Turn { _here: here, lease: None })) };
        Ok(server.turn()?.map(|lease| Turn { _here: here, lease: Some(lease) }))
    }

    /// How far it has come.
    pub fn position(&self) -> Result<Position, StoreError> {
        if let Some(server) = &self.server {
            return server.position();
        }
        self.ask(documents::position)
    }

    /// How many e-mails are in it.
    pub fn count(&self) -> Result<i64, StoreError> {
        if let Some(server) = &self.server {
            return server.count();
        }
        self.ask(documents::count)
    }

    /// The source that each of these e-mails was indexed from; those that are not in it are left out.
    pub fn sources(&self, emails: &[Id]) -> Result<Vec<(Id, Vec<u8>)>, StoreError> {
        if let Some(server) = &self.server {
            return server.sources(emails);
        }
        self.ask(|read| documents::sources(read, emails))
    }

    /// Writes what brings the index from one position to another: all or nothing. `Temporary` where the index is
    /// not there any more: it was thrown away meanwhile, or another node was first.
    pub fn write(&self, load: Load, from: Position, to: Position) -> Result<(), StoreError> {
        if let Some(server) = &self.server {
            return server.write(load, (from, to));
        }
        self.with(|open| {
            let session = locked(&open.writer);
            // What a load that panicked left behind.
            session.step(Step::Rollback)?;
            session.step(Step::BeginWrite)?;
            let written = documents::write(session.as_ref(), load.documents, (from, to))
                .and_then(|()| names::write(session.as_ref(), &load.records));
            let ended = written.and_then(|()| session.step(Step::Commit));
            if ended.is_err() {
                session.step(Step::Rollback)?;
            }
            ended
        })
    }

    /// E-mails that a search finds, newest first, behind a hit of the page before. `TookTooLong` where that takes
    /// longer than `limits::SEARCH_SECONDS_MAX`.
    pub fn find(&self, search: &Search, span: Span, limit: usize) -> Result<Vec<Hit>, StoreError> {
        if let Some(server) = &self.server {
            return server.find(search, span, limit);
        }
        self.with(|open| open.searches.ask(|read| find::find(read, search, (span, limit))))
    }

    /// Records of a kind by the beginnings of words in their names and addresses, the latest first.
    pub fn find_records(&self, entity: Entity, words: &str, limit: usize) -> Result<Vec<Id>, StoreError> {
        if let Some(server) = &self.server {
            return server.find_records(entity, words, limit);
        }
        self.ask(|read| names::find(read, entity, (words, limit)))
    }

    /// Throws the index away, once those who use it are done. The next use begins a new one.
    pub fn discard(&self) -> Result<(), StoreError> {
        if let Some(server) = &self.server {
            return server.discard();
        }
        let mut open = self.open.write().unwrap_or_else(PoisonError::into_inner);
        // Closed before its files go: the last connection to close removes a log by its name, whosever that is.
        *open = None;
        remove(&self.path)
    }

    /// Gives back memory that nothing needs now; what is in use keeps its own.
    pub fn shrink(&self) -> Result<(), StoreError> {
        let open = self.open.read().unwrap_or_else(PoisonError::into_inner);
        let Some(open) = open.as_ref() else { return Ok(()) };
        open.readers.shrink()?;
        open.searches.shrink()?;
        open.writer.try_lock().map_or(Ok(()), |writer| writer.shrink())
    }

    fn ask<T>(&self, question: impl FnOnce(&Read<'_>) -> Result<T, StoreError>) -> Result<T, StoreError> {
        // Each question is one statement, or several that need not be of one moment.
        self.with(|open| open.readers.ask(question))
    }

    /// Uses the open index; it is not thrown away meanwhile.
    fn with<T>(&self, work: impl FnOnce(&Open) -> Result<T, StoreError>) -> Result<T, StoreError> {
        loop {
            if let Some(open) = self.open.read().unwrap_or_else(PoisonError::into_inner).as_ref() {
                return work(open);
            }
            let mut slot = self.open.write().unwrap_or_else(PoisonError::into_inner);
            if slot.is_none() {
                *slot = Some(Open::or_anew(&self.path)?);
            }
        }
    }
}

impl Open {
    /// Opens the file, or a new one where it is damaged or of another release.
    fn or_anew(path: &Path) -> Result<Self, StoreError> {
        match Open::new(path) {
            Err(StoreError::Corrupt | StoreError::Statement(_)) => {
                tracing::warn!("a text index is damaged or of another release; it is made anew");
                remove(path)?;
                Open::new(path)
            }
            opened => opened,
        }
    }

    fn new(path: &Path) -> Result<Self, StoreError> {
        // No faults on purpose: what fails here delays nothing and loses nothing.
        let file = SqliteFile::new(path, &Faults::none(), None);
        let writer = file.open(Purpose::Index)?;
        documents::make(writer.as_ref())?;
        let engine: Arc<dyn Engine> = Arc::new(file);
        let searches = Readers::for_searches(Arc::clone(&engine), SEARCHES_MAX);
        Ok(Open { readers: Readers::new(engine, READERS_MAX), searches, writer: Mutex::new(writer) })
    }
}

/// Searches of one organization that run at a time; more wait for a connection.
const SEARCHES_MAX: usize = 4;
/// Other questions at a time: how far it is, and by the names of records.
const READERS_MAX: usize = 2;
