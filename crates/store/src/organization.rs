//! One organization: its database, its blobs, its line of units, its text index.

use std::path::Path;
use std::sync::Arc;

use model::decision::Entity;
use model::{EmailAddress, Id, Timestamp, schema::catalogue};

use crate::archive::{CLOSED, MOVING, RESTORED};
use crate::blobs::{BlobCount, Blobs, PreparedBlob, Swept, sweep};
use crate::engine::sqlite::SqliteFile;
use crate::engine::{Engine, Purpose, Readers, Session, Step};
use crate::gate::Gate;
use crate::index::TextIndex;
use crate::memory::{Checked, Memory};
use crate::server::Server;
use crate::units::{PendingUnit, Priority, Surroundings, Writer, WriterThreads, unit};
use crate::{Read, StoreError, StoreSettings, TokenKey, TokenKeys, Tx, epochs, migrations};

/// An open organization.
pub struct Organization {
    row: catalogue::Organization,
    /// The file of its database, where it has one.
    #[cfg(feature = "testing")]
    file: Option<Arc<SqliteFile>>,
    readers: Arc<Readers>,
    writer: Arc<Writer>,
    blobs: Arc<Blobs>,
    memory: Arc<Memory>,
    index: Arc<TextIndex>,
    threads: Arc<WriterThreads>,
    gate: Arc<Gate>,
    token_keys: Arc<dyn TokenKeys>,
}

impl Organization {
    /// Opens the organization in this folder, brings its schema up to date. Its rows are in a file there, or at the
    /// server.
    pub(crate) fn open(
        row: catalogue::Organization,
        folder: &Path,
        (settings, server): (&StoreSettings, Option<&Server>),
        threads: &Arc<WriterThreads>,
    ) -> Result<Self, StoreError> {
        let file = match server {
            Some(_) => None,
            None => Some(Arc::new(settings.database(&folder.join("org.db")))),
        };
        let engine: Arc<dyn Engine> = match (server, &file) {
            (Some(server), _) => Arc::new(server.organization(row.organizationid)),
            (None, Some(file)) => Arc::<SqliteFile>::clone(file),
            (None, None) => return Err(StoreError::Closed),
        };
        let session = engine.open(Purpose::Write)?;
        migrations::migrate(session.as_ref(), migrations::ORGANIZATION)?;
        if engine.is_remote() {
            prepare_for_many(session.as_ref())?;
            epochs::settle(session.as_ref())?;
        }
        let blobs = Arc::new({
            let bucket = settings.bucket.clone().map(|bucket| (bucket, row.organizationid));
            Blobs::new(settings.file_layer(), folder.join("blobs"), bucket)
        });
        let memory = Arc::new(if engine.is_remote() { Memory::shared() } else { Memory::default() });
        let began = Checked::present();
        memory.check(Read::new(session.as_ref()).version_seen()?, began);
        let gate = Arc::<Gate>::default();
        if Read::new(session.as_ref()).setting(CLOSED)?.is_some() {
            gate.close();
        }
        let readers = Arc::new(Readers::new(Arc::clone(&engine), settings.readers_per_organization));
        let index = Arc::new(match server {
            Some(_) => TextIndex::at_server(folder, Arc::clone(&engine)),
            None => TextIndex::new(folder),
        });
        let surroundings = Surroundings {
            blobs: Arc::clone(&blobs),
            memory: Arc::clone(&memory),
            readers: Arc::clone(&readers),
            index: Arc::clone(&index),
            hints: server.map(|server| server.hints().of(row.organizationid)),
        };
        let writer =
            Writer::new(engine, session, surroundings, (settings.batch_time_max, settings.batches_max));
        Ok(Organization {
            row,
            readers,
            writer: Arc::new(writer),
            #[cfg(feature = "testing")]
            file,
            blobs,
            memory,
            index,
            threads: Arc::clone(threads),
            gate,
            token_keys: Arc::clone(&settings.token_keys),
        })
    }

    /// Its id.
    pub fn id(&self) -> Id {
        self.row.organizationid
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.row.name
    }

    /// The keys that its tokens are made with.
    ///
    /// # Errors
    /// [`StoreError::Temporary`] where they cannot be had now.
    pub fn token_keys(&self) -> Result<Arc<[TokenKey]>, StoreError> {
        self.token_keys.of(self.row.organizationid).map_err(|why| StoreError::Temporary { why })
    }

    /// Its row in the catalogue.
    pub(crate) fn row(&self) -> &catalogue::Organization {
        &self.row
    }

    /// Its kept bytes.
    pub(crate) fn blobs(&self) -> &Blobs {
        &self.blobs
    }

    /// The writing side, whose log is tended.
    pub(crate) fn writer(&self) -> &Arc<Writer> {
        &self.writer
    }

    /// Writes one transaction on the calling thread, while nobody else knows of the organization.
    pub(crate) fn write_alone(
        &self,
        work: impl FnOnce(&mut Tx<'_>) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        let session = self.writer.engine().open(Purpose::Write)?;
        session.step(Step::BeginWrite)?;
        work(&mut Tx::new(session.as_ref(), Some(&self.blobs)))?;
        session.step(Step::Commit)
    }

    /// Goes on behind the numbers of rows that were filled in from elsewhere, before anybody writes.
    pub(crate) fn settle_numbers(&self) -> Result<(), StoreError> {
        let engine = self.writer.engine();
        if engine.is_remote() {
            prepare_for_many(engine.open(Purpose::Write)?.as_ref())?;
            engine.forget_sessions();
        }
        Ok(())
    }

    /// Takes no units in any more, in this process and in those that follow, until it is opened again. Whatever was
    /// handed in before is answered when this returns. Blocks the calling thread until then.
    pub fn close(&self) -> Result<(), StoreError> {
        self.gate.close();
        let noted = self.write_alone(|tx| tx.set_setting(CLOSED, MOVING));
        if noted.is_err() {
            self.gate.open();
        }
        noted
    }

    /// Takes units in again.
    pub fn reopen(&self) -> Result<(), StoreError> {
        self.write_alone(|tx| tx.execute("delete from setting where name = ?1", &[CLOSED.into()]).map(drop))?;
        self.gate.open();
        Ok(())
    }

    /// Whether it takes no units in, because it is moved.
    pub fn is_closed(&self) -> bool {
        self.gate.is_closed()
    }

    /// What it held when it was restored: [`Digest::whole`](crate::Digest). `None` where it was made here.
    pub fn restored_digest(&self) -> Result<Option<String>, StoreError> {
        self.read(|read| read.setting(RESTORED))
    }

    /// Whether no unit of it waits or runs.
    pub(crate) fn is_idle(&self) -> bool {
        Arc::strong_count(&self.writer) == 1
    }

    /// Asks, on the calling thread, within one consistent snapshot; what memory knows about records is answered out
    /// of it, and where nothing else is asked no snapshot is begun. Keep it short: the log of the database cannot
    /// begin anew while somebody reads. Do not ask again from inside: connections are few.
    pub fn read<T>(
        &self,
        question: impl FnOnce(&Read<'_>) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        question(&Read::of(&self.readers, &self.memory))
    }

    /// The same for very many questions: at a server they are asked together, in few round trips. The question runs
    /// until all its answers are here; what it is answered before that may be nothing, and does not count.
    pub fn read_in_few_trips<T>(
        &self,
        question: impl Fn(&Read<'_>) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        self.read(|read| read.in_few_trips(question))
    }

    /// Asks whose addresses these are, and of those that are nobody's of ours who wants none of them logged, before a unit of
    /// work does, so that it finds the answers in memory: units run one at a time, whoever asks here does not. At a server
    /// nothing is asked, for there units ask together. What cannot be answered now the unit asks, and says so.
    pub fn foresee(&self, addresses: &[EmailAddress]) {
        if self.writer.engine().is_remote() {
            return;
        }
        let of_one = |read: &Read<'_>, address: &EmailAddress| {
            let found = read.records_by_address(&address.key())?;
            if found.iter().all(|record| record.entity.is_some_and(Entity::is_customer)) {
                read.never_log_of(&address.key(), &address.domain_key())?;
            }
            Ok(())
        };
        let foreseen: Result<(), StoreError> =
            self.read(|read| addresses.iter().try_for_each(|address| of_one(read, address)));
        if let Err(error) = foreseen {
            tracing::debug!(
                error = &error as &dyn std::error::Error,
                "addresses are left to the unit of work"
            );
        }
    }

    /// Runs a unit of work on a store thread and answers after its commit. It may run again: everything it
    /// changes, it changes through [`Tx`]; time and randomness are drawn before. An error of its own undoes it
    /// alone. Never wait for a unit inside a unit: its thread would wait for itself.
    pub fn unit<T, E>(
        &self,
        priority: Priority,
        work: impl Fn(&mut Tx<'_>) -> Result<T, E> + Send + 'static,
    ) -> PendingUnit<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        match self.gate.enter() {
            Ok(inside) => {
                // It leaves with the unit, after its answer.
                let (unit, pending) = unit(move |tx: &mut Tx<'_>| {
                    let _inside = &inside;
                    work(tx)
                });
                self.threads.submit(&self.writer, unit, priority);
                pending
            }
            Err(closed) => {
                let (unit, pending) = unit(work);
                unit.answer(Some(closed));
                pending
            }
        }
    }

    /// Hashes, compresses and, where it is large, writes bytes to a file or into the bucket, durably; that may take
    /// as long as a network does. They stay once a unit named them, soon ([`Tx::keep_blob`]).
    pub fn put_blob(&self, raw: &[u8]) -> Result<PreparedBlob, StoreError> {
        self.put_hashed_blob(raw, *blake3::hash(raw).as_bytes())
    }

    /// The same for bytes whose digest (BLAKE3) is known: whatever else is given as such names bytes that nobody
    /// can read again (`Corrupt`).
    pub fn put_hashed_blob(&self, raw: &[u8], digest: [u8; 32]) -> Result<PreparedBlob, StoreError> {
        self.blobs.put(raw, digest)
    }

    /// The bytes of a blob, compared with their digest. `NotFound`, `Corrupt`.
    pub fn blob(&self, blobid: &[u8]) -> Result<Vec<u8>, StoreError> {
        self.readers.ask(|read| self.blobs.find(read, blobid))?.all()
    }

    /// A part of a blob, read from the frames that hold it alone; shorter where the blob ends earlier. Offset
    /// and length in plain bytes. The digest is not compared.
    pub fn blob_range(&self, blobid: &[u8], offset: usize, length: usize) -> Result<Vec<u8>, StoreError> {
        self.readers.ask(|read| self.blobs.find(read, blobid))?.range(offset, length)
    }

    /// The words of its e-mails.
    pub fn index(&self) -> &TextIndex {
        &self.index
    }

    /// Large blobs whose file is not there. Looks for the files alone; [`Organization::damaged_blobs`] reads them.
    pub fn missing_blob_files(&self) -> Result<i64, StoreError> {
        self.blobs.missing_files(&self.readers)
    }

    /// The same for objects in the bucket.
    pub fn missing_blob_objects(&self) -> Result<i64, StoreError> {
        self.blobs.missing_objects(&self.readers)
    }

    /// How much is kept in each place.
    pub fn blob_counts(&self) -> Result<Vec<BlobCount>, StoreError> {
        self.readers.ask(|read| read.blob_counts())
    }

    /// Removes kept bytes that nothing has named for a day; to be called every hour or so. Waits for units, disks and
    /// networks: not for asynchronous tasks. `clock` tells the time of the house, for it may take long.
    pub fn sweep_blobs(&self, clock: &dyn Fn() -> Timestamp) -> Result<Swept, StoreError> {
        if self.is_closed() {
            return Ok(Swept::default());
        }
        sweep::sweep(self, clock)
    }

    pub(crate) fn readers(&self) -> &Readers {
        &self.readers
    }

    /// Blobs that cannot be read, or whose bytes are not those they are named after. Reads every one; a missing
    /// file or object is not counted.
    pub fn damaged_blobs(&self) -> Result<i64, StoreError> {
        let (mut after, mut damaged) = (Vec::new(), 0);
        loop {
            // In parts, or one snapshot would keep the log from beginning anew for as long as all this takes.
            let ids = self.readers.ask(|read| read.kept_blob_ids_after(&after))?;
            let Some(last) = ids.last() else { return Ok(damaged) };
            after.clone_from(last);
            for id in &ids {
                match self.blob(id) {
                    Err(StoreError::Corrupt | StoreError::Io(_)) => damaged += 1,
                    Ok(_) | Err(StoreError::NotFound) => {}
                    Err(error) => return Err(error),
                }
            }
        }
    }

    /// Whether the database is sound in itself: pages, indexes, declared types. Reads all of it.
    pub fn is_sound(&self) -> Result<bool, StoreError> {
        if self.is_at_server() {
            // A server looks after its own pages; what its rows say is recounted like everybody's.
            return Ok(true);
        }
        let said =
            self.readers.ask(|read| read.one("pragma integrity_check", &[], |row| row.take::<String>()))?;
        Ok(said.as_deref() == Some("ok"))
    }

    /// Carries the log over now, as far as nobody is disturbed.
    #[cfg(feature = "testing")]
    pub fn carry_log_over(&self) -> Result<(), StoreError> {
        self.writer.carry_log_over()
    }

    /// Lets the database grow to so many pages only, as if the disk were full; 0 for no limit.
    #[cfg(feature = "testing")]
    pub fn limit_pages(&self, pages_max: u32) {
        if let Some(file) = &self.file {
            file.limit_pages(pages_max);
            self.writer.reopen();
        }
    }

    /// Looks whether another node has changed the records since they were looked at last. Before an answer that cannot be
    /// taken back: what is remembered may be a second old.
    pub fn catch_up(&self) -> Result<bool, StoreError> {
        if !self.is_at_server() {
            return Ok(false);
        }
        let began = Checked::present();
        let version = self.readers.ask(|read| read.version_seen())?;
        let has_grown = version > self.memory.latest();
        self.memory.check(version, began);
        Ok(has_grown)
    }

    /// What is known about its records.
    pub(crate) fn memory(&self) -> &Memory {
        &self.memory
    }

    /// Whether its rows are at a server.
    pub fn is_at_server(&self) -> bool {
        self.readers.are_remote()
    }

    /// Changes rows behind everybody's back; how many.
    #[cfg(feature = "testing")]
    pub fn tamper(&self, sql: &'static str) -> Result<usize, StoreError> {
        self.readers.tamper(sql)
    }

    /// Waits until every event that is committed by now can be read: at a server, what others began before it is awaited.
    #[cfg(feature = "testing")]
    pub fn wait_for_events(&self) -> Result<(), StoreError> {
        let is_behind = |read: &Read<'_>| {
            let last = crate::Cursor { eventid: read.last_event()?, ..read.first_cursor()? };
            read.has_events_after(last)
        };
        while self.read(is_behind)? {
            std::thread::yield_now();
        }
        Ok(())
    }

    /// Commits since it was opened.
    pub fn commits(&self) -> u64 {
        self.writer.commits()
    }

    /// Units of work in those commits.
    pub fn units(&self) -> u64 {
        self.writer.units()
    }
}

/// What nodes that write side by side count on: a version of the records to hold, and sheets of the ledger that are not
/// in use already, wherever the rows came from.
fn prepare_for_many(session: &dyn Session) -> Result<(), StoreError> {
    let sql = "insert into setting (name, value) values ('recordsversion', '0') on conflict do nothing";
    session.execute(sql, &[])?;
    let sql = "insert into writersheet (sheet, number)
        select max(copynumber) / 4294967296, 0 from copy having max(copynumber) is not null
        on conflict do nothing";
    session.execute(sql, &[]).map(drop)
}
