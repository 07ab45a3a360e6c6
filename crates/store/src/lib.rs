//! The store: one data folder with the catalogue and a database for each organization.
//!
//! What passes through: questions ([`Read`]), units of work ([`Tx`]) and kept bytes. All SQL of the house is
//! here, one file per family of nouns, written once in the words that both engines know.
//!
//! *Invariant:* nothing is answered before the commit that keeps it; nothing is decided here.

use std::collections::HashMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicUsize;
use std::sync::{Arc, Mutex};
use std::time::{Duration, UNIX_EPOCH};

use model::schema::Noun as _;
use model::schema::catalogue::{Organization as OrganizationRow, Route};
use model::{Id, limits};

mod archive;
mod blobs;
#[cfg(feature = "testing")]
mod bulk;
mod catalogue;
mod engine;
mod epochs;
mod error;
mod faults;
mod gate;
mod hints;
mod index;
mod leaving;
mod lock;
mod memory;
mod migrations;
mod nodes;
mod nouns;
mod organization;
#[cfg(feature = "testing")]
mod plans;
mod rows;
mod server;
mod token_keys;
mod units;
mod watch;

pub use archive::{
    Archive, ArchiveError, ArchiveHeader, Backup, Digest, Progress, Restored, Restoring, Stage, TableDigest,
};
pub use blobs::{
    Addressing, BlobCount, Bucket, BucketError, BucketSettings, Credentials, DiskFiles, Files, PreparedBlob,
    Secret, Swept,
};
#[cfg(feature = "testing")]
pub use bulk::Bulk;
pub use engine::postgres::{PostgresSettings, ServerState};
#[cfg(feature = "recorder")]
pub use engine::recorder::{CrashImage, Recorded, Recorder};
pub use error::StoreError;
pub use faults::{Fault, Faults};
pub use hints::Hint;
pub use index::{Document, Hit, Load, NamedRecord, Position, Span, TextIndex, Turn};
pub use migrations::known_schema;
pub use nodes::SeenNode;
pub use nouns::{
    AddressedRecord, Behind, BehindName, Claims, Cursor, DayLine, EmailFacts, EmailLine, EmailSource,
    Generation, HeldLease, IndexedEmail, LeftBehind, Naming, OptOut, OutboxLine, OutcomeCount, PutOffThere,
    ReasonCount, RecordLine, SINK_TYPE_CODE, SealedTokens, SecretColumn, Share, TemplateLine, Tie,
    UnresolvedLine, WaitingThere,
};
pub use organization::Organization;
#[cfg(feature = "testing")]
pub use plans::{Access, Condition, Plan};
pub use rows::{Read, Tx};
#[cfg(feature = "testing")]
pub use token_keys::TestTokenKeys;
pub use token_keys::{NoTokenKeys, TokenKey, TokenKeys};
pub use units::{PendingUnit, Priority};

use blobs::{FaultyFiles, Mark};
use catalogue::Catalogue;
use engine::Engine;
#[cfg(feature = "recorder")]
use engine::recorder::RecordedFiles;
use engine::sqlite::SqliteFile;
use lock::{FolderLock, locked};
use server::Server;
use units::{Tending, WriterThreads};
use watch::Watch;

/// Where rows are kept.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Database {
    /// In files of the data folder, one for each organization.
    #[default]
    Sqlite,
    /// At a server, with whoever else works on it.
    Postgres(PostgresSettings),
}

/// How a store is opened.
#[derive(Clone)]
pub struct StoreSettings {
    /// The data folder; made where it is missing.
    pub data: PathBuf,
    /// Where rows are kept.
    pub database: Database,
    /// Threads that write, for all organizations together.
    pub writer_threads: usize,
    /// How long a batch takes units in before it commits: the first of them waits for it.
    pub batch_time_max: Duration,
    /// Batches of one organization that run at a time at a server; in a file it is always one.
    pub batches_max: usize,
    /// Organizations kept open; beyond it the least recently used is closed.
    pub open_organizations_max: usize,
    /// Connections that read, in each organization.
    pub readers_per_organization: usize,
    /// The file layer of blobs.
    pub files: Arc<dyn Files>,
    /// Where large kept bytes go from now on; into files where there is none.
    pub bucket: Option<Arc<Bucket>>,
    /// Faults on purpose.
    pub faults: Faults,
    /// Where the keys come from that tokens are made with.
    pub token_keys: Arc<dyn TokenKeys>,
    /// Records what reaches the disk.
    #[cfg(feature = "recorder")]
    pub recorder: Option<Arc<Recorder>>,
}

impl StoreSettings {
    /// The usual settings for this data folder.
    pub fn new(data: impl Into<PathBuf>) -> Self {
        StoreSettings {
            data: data.into(),
            database: Database::Sqlite,
            writer_threads: 4,
            batch_time_max: Duration::from_millis(8),
            batches_max: limits::BATCHES_PER_ORGANIZATION_MAX,
            open_organizations_max: 128,
            readers_per_organization: 4,
            files: Arc::new(DiskFiles),
            bucket: None,
            faults: Faults::none(),
            token_keys: Arc::new(NoTokenKeys),
            #[cfg(feature = "recorder")]
            recorder: None,
        }
    }

    /// The settings for a test's data folder: at the server that `POSTROOM_TEST_DATABASE` names, where it is set, in
    /// schemas of this folder's own.
    #[cfg(feature = "testing")]
    pub fn for_tests(data: impl Into<PathBuf>) -> Self {
        let data = data.into();
        let database = Database::for_tests(&data);
        let token_keys = Arc::new(TestTokenKeys);
        StoreSettings { database, token_keys, ..StoreSettings::new(data) }
    }

    pub(crate) fn database(&self, path: &Path) -> SqliteFile {
        #[cfg(feature = "recorder")]
        if let Some(recorder) = &self.recorder {
            return SqliteFile::new(path, &self.faults, Some(recorder.vfs_name().to_owned()));
        }
        SqliteFile::new(path, &self.faults, None)
    }

    /// The file layer as it is used: recorded, and with faults in front, where that is wanted.
    pub(crate) fn file_layer(&self) -> Arc<dyn Files> {
        let mut files = Arc::clone(&self.files);
        #[cfg(feature = "recorder")]
        if let Some(recorder) = &self.recorder {
            files = Arc::new(RecordedFiles { files, recorder: Arc::clone(recorder) });
        }
        if self.faults.are_planned() {
            files = Arc::new(FaultyFiles { files, faults: self.faults.clone() });
        }
        files
    }
}

#[cfg(feature = "testing")]
impl Database {
    /// See [`StoreSettings::for_tests`].
    pub fn for_tests(data: &Path) -> Self {
        let Some(url) = std::env::var("POSTROOM_TEST_DATABASE").ok().filter(|url| !url.is_empty()) else {
            return Database::Sqlite;
        };
        let digits = blake3::hash(data.as_os_str().as_encoded_bytes()).to_hex();
        let schema = format!("t{}", digits.as_str().get(..20).unwrap_or_default());
        Database::Postgres(PostgresSettings {
            url,
            schema,
            connections_max: 8,
            certificate_authority: PathBuf::new(),
        })
    }
}

impl fmt::Debug for StoreSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StoreSettings").field("data", &self.data).finish_non_exhaustive()
    }
}

/// An open data folder: `catalogue.db`, `lock`, and for each organization
/// `organizations/<id>/org.db`, `blobs/` and `search.db`; without the databases where those are at a server.
pub struct Store {
    settings: StoreSettings,
    server: Option<Server>,
    catalogue: Catalogue,
    open: Mutex<Open>,
    threads: Arc<WriterThreads>,
    tending: Tending,
    watch: Watch,
    /// One archive at a time is written or restored.
    archiving: Mutex<()>,
    /// Restores that are at work here, or wait for that.
    restoring: AtomicUsize,
    _lock: FolderLock,
}

/// The open organizations, each with the number of its last use.
#[derive(Default)]
struct Open {
    organizations: HashMap<Id, (Arc<Organization>, u64)>,
    uses: u64,
}

impl Database {
    /// What the server says of itself, before a store is opened on it; `None` where rows are in files.
    pub fn examine(&self) -> Result<Option<ServerState>, StoreError> {
        Server::of(self, &Faults::none())?.map(|server| server.examine()).transpose()
    }
}

impl Store {
    /// Opens a data folder; makes it where it is missing. `Locked` where another process has it.
    pub fn open(settings: StoreSettings) -> Result<Arc<Store>, StoreError> {
        // The lock stands in it, so this folder is made before everything else.
        std::fs::create_dir_all(&settings.data)?;
        let lock = FolderLock::take(&settings.data)?;
        let files = settings.file_layer();
        files.make_folder(&settings.data.join("organizations"))?;
        let server = Server::of(&settings.database, &settings.faults)?;
        let mut server_place = None;
        if let Some(server) = &server {
            let state = server.examine()?;
            state.is_fit()?;
            server_place = Some(state.place);
        }
        let engine: Arc<dyn Engine> = match &server {
            Some(server) => Arc::new(server.catalogue()),
            None => Arc::new(settings.database(&settings.data.join("catalogue.db"))),
        };
        let catalogue = Catalogue::open(engine, settings.readers_per_organization)?;
        if let Some(bucket) = &settings.bucket {
            bucket.serve(Mark { house: catalogue.house()?, place: place_of(&settings, server_place)? })?;
        }
        // The names of new folders and files; SQLite syncs the folders of its own files.
        files.sync_folder(&settings.data)?;
        let threads = Arc::new(WriterThreads::start(settings.writer_threads)?);
        let tending = Tending::start()?;
        let (open, watch, archiving) = (Mutex::default(), Watch::default(), Mutex::default());
        let store = Arc::new(Store {
            settings,
            server,
            catalogue,
            open,
            threads,
            tending,
            watch,
            archiving,
            restoring: AtomicUsize::new(0),
            _lock: lock,
        });
        if store.is_at_server() {
            store.leave_no_node_behind(migrations::readable_by())?;
            store.look()?;
            store.watch.start(&store)?;
        }
        Ok(store)
    }

    /// All organizations, by name.
    pub fn organizations(&self) -> Result<Vec<OrganizationRow>, StoreError> {
        self.catalogue.organizations()
    }

    /// Makes an organization. `Exists` where its id or name is taken.
    pub fn create_organization(
        &self,
        organization: OrganizationRow,
    ) -> Result<Arc<Organization>, StoreError> {
        match self.catalogue.organization(organization.organizationid) {
            Err(StoreError::NotFound) => {}
            found => return Err(found.map_or_else(|error| error, |_| StoreError::Exists)),
        }
        let id = organization.organizationid;
        let made = self.open_unnamed(&organization)?;
        // Its id is as good as any other that nobody else has.
        made.write_alone(|tx| tx.begin_epoch(id))?;
        drop(made);
        // Only now: what the catalogue names is there. A folder it does not name is in nobody's way.
        self.catalogue.add(&organization)?;
        self.organization(id)
    }

    /// An organization that the catalogue does not name yet; made where it is not there.
    fn open_unnamed(&self, row: &OrganizationRow) -> Result<Organization, StoreError> {
        let files = self.settings.file_layer();
        let folder = self.folder(row.organizationid);
        files.make_folder(&folder.join("blobs"))?;
        files.sync_folder(&folder)?;
        files.sync_folder(&self.settings.data.join("organizations"))?;
        self.open_folder(row.clone())
    }

    /// Takes the folder of an organization out of the way in one step: the catalogue does not name it, and nobody has it open.
    fn set_aside(&self, id: Id) -> Result<(), StoreError> {
        self.remove_aside(id)?;
        Ok(std::fs::rename(self.folder(id), self.aside(id))?)
    }

    /// Removes what was set aside, which may take long. Nothing where nothing was.
    fn remove_aside(&self, id: Id) -> Result<(), StoreError> {
        match std::fs::remove_dir_all(self.aside(id)) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error.into()),
            _ => Ok(()),
        }
    }

    fn aside(&self, id: Id) -> PathBuf {
        self.folder(id).with_extension("aside")
    }

    /// An organization, opened where it is not open yet. `NotFound`.
    pub fn organization(&self, id: Id) -> Result<Arc<Organization>, StoreError> {
        // Held while it opens, so that a database is opened once.
        let mut open = locked(&self.open);
        open.uses += 1;
        let now = open.uses;
        if let Some((organization, used)) = open.organizations.get_mut(&id) {
            *used = now;
            return Ok(Arc::clone(organization));
        }
        let organization = Arc::new(self.open_folder(self.catalogue.organization(id)?)?);
        self.tending.add(organization.writer());
        let closed = open.make_room(self.settings.open_organizations_max);
        open.organizations.insert(id, (Arc::clone(&organization), now));
        drop(open);
        drop(closed);
        Ok(organization)
    }

    /// The organizations that are open at this moment.
    pub fn open_organizations(&self) -> Vec<Arc<Organization>> {
        locked(&self.open).organizations.values().map(|(organization, _)| Arc::clone(organization)).collect()
    }

    /// An organization by its name. `NotFound`.
    pub fn organization_by_name(&self, name: &str) -> Result<Arc<Organization>, StoreError> {
        self.organization(self.catalogue.organization_by_name(name)?.organizationid)
    }

    /// Takes a closed organization and its addresses out of the catalogue: it was moved to another house. Its data stay
    /// until it comes back, or somebody removes them. `NotFound`; `Conflict` where it is not closed.
    pub fn forget_organization(&self, organization: &Organization) -> Result<(), StoreError> {
        if !organization.is_closed() {
            return Err(StoreError::Conflict { table: OrganizationRow::TABLE.name });
        }
        organization.write_alone(|tx| tx.set_setting(archive::CLOSED, archive::MOVED))?;
        self.catalogue.remove(organization.id())?;
        let closed = locked(&self.open).organizations.remove(&organization.id());
        drop(closed);
        Ok(())
    }

    /// Where an address of ours leads; `None` where it is not ours. The address as it is compared: lower case.
    pub fn route(&self, address: &str) -> Result<Option<Route>, StoreError> {
        self.catalogue.route(address)
    }

    /// The same where rows are at a server, never out of memory; `None` where they are in files, for there
    /// [`Store::route`] is certain.
    pub fn certain_route(&self, address: &str) -> Result<Option<Route>, StoreError> {
        if self.is_at_server() { self.catalogue.asked_route(address) } else { Ok(None) }
    }

    /// Where the addresses of all sinks lead, those of an organization together, always in the same order.
    pub fn sinks(&self) -> Result<Arc<[Route]>, StoreError> {
        self.catalogue.sinks()
    }

    /// Publishes an address, durably. `AddressTaken` where it leads elsewhere already.
    pub fn publish_route(&self, route: &Route) -> Result<(), StoreError> {
        self.catalogue.publish(route)
    }

    /// Withdraws an address of this organization, durably. Says whether it led there.
    pub fn withdraw_route(&self, address: &str, organizationid: Id) -> Result<bool, StoreError> {
        self.catalogue.withdraw(address, organizationid)
    }

    /// Ends the store: units that wait still run and are answered, then the files are closed. Units that come
    /// later are answered `Closed`.
    pub fn close(&self) {
        self.watch.close();
        self.threads.close();
        self.tending.close();
        if let Some(server) = &self.server {
            // What the last units left for others is told.
            server.hints().close();
        }
        let open = std::mem::take(&mut *locked(&self.open));
        drop(open);
    }

    /// Makes the bucket this house's where it is nobody's yet. Nothing where there is no bucket.
    ///
    /// # Errors
    /// [`BucketError::AnotherHouse`] and [`BucketError::Copied`] where it is not ours to use.
    pub fn claim_bucket(&self) -> Result<(), StoreError> {
        self.settings.bucket.as_ref().map_or(Ok(()), |bucket| bucket.claim_again())
    }

    /// Whether the bucket is ours or nobody's; changes nothing.
    ///
    /// # Errors
    /// As [`Store::claim_bucket`].
    pub fn look_at_bucket(&self) -> Result<(), StoreError> {
        self.settings.bucket.as_ref().map_or(Ok(()), |bucket| bucket.names_us().map(drop))
    }

    /// Makes the bucket this house's, whoever had it: that house uses it no more within an hour. Says whether there is one.
    ///
    /// # Errors
    /// Where it cannot be written.
    pub fn take_bucket(&self) -> Result<bool, StoreError> {
        let Some(bucket) = &self.settings.bucket else { return Ok(false) };
        bucket.take_over().map(|()| true)
    }

    /// From now on every store remembers the statements that its databases are given.
    #[cfg(feature = "testing")]
    pub fn listen() {
        engine::heard::listen();
    }

    /// How the engines go about the statements that the catalogue, this organization and its index were given since
    /// somebody listened.
    #[cfg(feature = "testing")]
    pub fn plans(&self, organizationid: Id) -> Result<Vec<Plan>, StoreError> {
        let folder = self.folder(organizationid);
        let file = |path: PathBuf| -> Box<dyn Engine> { Box::new(self.settings.database(&path)) };
        let (catalogue, organization): (Box<dyn Engine>, Box<dyn Engine>) = match &self.server {
            Some(server) => (Box::new(server.catalogue()), Box::new(server.organization(organizationid))),
            None => (file(self.settings.data.join("catalogue.db")), file(folder.join("org.db"))),
        };
        let mut plans = catalogue.plans()?;
        plans.extend(organization.plans()?);
        plans.extend(file(folder.join("search.db")).plans()?);
        Ok(plans)
    }

    fn open_folder(&self, row: OrganizationRow) -> Result<Organization, StoreError> {
        let folder = self.folder(row.organizationid);
        if self.is_at_server() {
            // Another node may have made the organization.
            self.settings.file_layer().make_folder(&folder.join("blobs"))?;
        }
        Organization::open(row, &folder, (&self.settings, self.server.as_ref()), &self.threads)
    }

    fn folder(&self, id: Id) -> PathBuf {
        self.settings.data.join("organizations").join(id.to_string())
    }
}

/// Where the catalogue is, for a bucket to tell a house from its copy: at a server what that says of itself, in a file
/// when this file was made, which a copy never has in common with it. Empty where nobody can tell.
fn place_of(settings: &StoreSettings, at_server: Option<String>) -> Result<String, StoreError> {
    if let Some(place) = at_server {
        return Ok(place);
    }
    let made = settings.data.join("catalogue.db").metadata()?.created();
    let since = made.ok().and_then(|made| made.duration_since(UNIX_EPOCH).ok());
    Ok(since.map_or_else(String::new, |since| format!("file {}", since.as_nanos())))
}

impl Drop for Store {
    fn drop(&mut self) {
        self.close();
    }
}

impl Open {
    /// Takes out the least recently used that nobody holds, where there are too many.
    fn make_room(&mut self, organizations_max: usize) -> Vec<Arc<Organization>> {
        let mut taken = Vec::new();
        while self.organizations.len() >= organizations_max.max(1) {
            let idle =
                self.organizations.iter().filter(|(_, (o, _))| Arc::strong_count(o) == 1 && o.is_idle());
            let Some(id) = idle.min_by_key(|(_, (_, used))| *used).map(|(id, _)| *id) else { break };
            taken.extend(self.organizations.remove(&id).map(|(organization, _)| organization));
        }
        taken
    }
}
