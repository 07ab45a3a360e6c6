//! The house: an open store, its settings, and where time and random numbers come from.
//!
//! Commands run on it whether it serves or not; [`House::start`] makes it serve.
//!
//! *Invariant:* whoever holds a house holds the lock on its data folder.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use model::{Id, Moment, Timestamp, limits};
use receive::Clock;
use store::{Bucket, DiskFiles, Faults, Files, Organization, Store, StoreError, StoreSettings};
use tokio::sync::Notify;
use tokio_util::task::TaskTracker;

use crate::books_runner::Alarms;
use crate::hinted::Hinted;
use crate::hooks::{HookError, Hooks};
use crate::keyring::{Keyring, KeyringError};
use crate::mailbox_board::Notes;
use crate::outbox_runner::{Claims, Gates, RelaysAway};
use crate::pages::Cabinet;
use crate::poll_runner::Boards;
use crate::private::{self, NotPrivate};
use crate::settings::{BlobsError, Settings};
use crate::signer::Signers;
use crate::token_keys::Derived;
use crate::verifier::Verifier;
use crate::wiring::RunningHouse;
use crate::works::Works;

/// An open house.
pub struct House {
    pub(crate) settings: Settings,
    pub(crate) store: Arc<Store>,
    /// Where large mail is kept, where that is not a file.
    pub(crate) bucket: Option<Arc<Bucket>>,
    pub(crate) clock: Clock,
    /// This node: the owner of what it leases.
    pub(crate) node: Id,
    /// Rung when a command may have left work for later.
    pub(crate) bell: Notify,
    /// Rung when mail may be due to go out.
    pub(crate) outbox_bell: Notify,
    /// Rung when the hook after delivery may be told of mail again before its pause is over.
    pub(crate) hook_bell: Notify,
    /// Rung for organizations by hints of other nodes.
    pub(crate) hinted: Arc<Hinted>,
    /// How long whoever takes mail out, or runs jobs, waits between two rounds, where that is not his to say.
    pub(crate) round: Option<Duration>,
    /// Relays that are not knocked at for a while.
    pub(crate) relays_away: RelaysAway,
    /// What this node holds of the limits of outgoing mail.
    pub(crate) gates: Gates,
    /// The mail of outboxes that this node knows it has.
    pub(crate) claims: Claims,
    /// What the pages remember between two questions.
    pub(crate) cabinet: Cabinet,
    /// Long works of commands.
    pub(crate) works: Works,
    /// Questions for tokens whose answers come once.
    pub(crate) asking: TaskTracker,
    /// How it goes with the mailboxes that are watched here.
    pub(crate) boards: Boards,
    /// When what was seen on their boards.
    pub(crate) notes: Notes,
    /// What is wrong with the books.
    pub(crate) alarms: Alarms,
    /// What secrets are sealed with.
    pub(crate) keyring: Arc<Keyring>,
    pub(crate) token_keys: Arc<Derived>,
    /// Keys that outgoing mail is signed with.
    pub(crate) signers: Signers,
    /// Finds out who wrote a mail.
    pub(crate) verifier: Verifier,
    /// Programs and services that have a say in mail.
    pub(crate) hooks: Hooks,
}

/// What tests choose and the program leaves as it is.
#[derive(Clone)]
pub struct Inside {
    /// Tells the time.
    pub clock: Clock,
    /// The file layer of kept mail.
    pub files: Arc<dyn Files>,
    /// Faults on purpose.
    pub faults: Faults,
    /// How long mail and jobs that nobody rings for are left alone; `None`: as the program does.
    pub round: Option<Duration>,
}

/// Why a house does not open or start.
#[derive(Debug, thiserror::Error)]
pub enum HouseError {
    /// The store does not open; `Locked` where another process has it.
    #[error("the store cannot be opened")]
    Store(#[from] StoreError),
    /// The settings of the bucket cannot be used.
    #[error("the bucket for kept bytes cannot be used")]
    Blobs(#[from] BlobsError),
    /// The bucket says no.
    #[error("the bucket for kept bytes cannot be used")]
    Bucket(#[source] StoreError),
    /// The key file cannot be used.
    #[error("secrets cannot be sealed")]
    Keyring(#[from] KeyringError),
    /// The name servers cannot be asked.
    #[error("trust.resolver cannot be used")]
    Resolver(#[from] trust::ResolverError),
    /// A hook cannot be used.
    #[error(transparent)]
    Hook(#[from] HookError),
    /// Others may look into the data folder, and that cannot be changed.
    #[error("the data folder is not private")]
    NotPrivate(#[from] NotPrivate),
    /// An address cannot be listened on.
    #[error("{what} cannot listen on {address}")]
    Listen {
        /// Which door.
        what: &'static str,
        /// The address.
        address: String,
        /// Why not.
        #[source]
        source: std::io::Error,
    },
    /// The operating system gives no random numbers.
    #[error(transparent)]
    Random(#[from] NoRandom),
    /// There is no certificate to encrypt with.
    #[error("TLS cannot be offered")]
    Tls(#[from] receive::tls::TlsError),
}

/// The operating system gives no random numbers.
#[derive(Debug, thiserror::Error)]
#[error("there are no random numbers: {0}")]
pub struct NoRandom(getrandom::Error);

impl HouseError {
    /// Whether another process has the data folder.
    pub fn is_locked(&self) -> bool {
        matches!(self, HouseError::Store(StoreError::Locked))
    }
}

impl Default for Inside {
    fn default() -> Self {
        Inside { clock: Arc::new(now), files: Arc::new(DiskFiles), faults: Faults::none(), round: None }
    }
}

impl House {
    /// Opens the data folder of the settings, makes it where it is missing, and closes it to everybody else.
    ///
    /// # Errors
    /// [`HouseError::NotPrivate`] or [`HouseError::Store`]; see [`HouseError::is_locked`].
    pub fn open(settings: Settings) -> Result<Arc<House>, HouseError> {
        House::open_with(settings, Inside::default())
    }

    /// The same, with a clock and a file layer of the caller's.
    ///
    /// # Errors
    /// As [`House::open`].
    pub fn open_with(settings: Settings, inside: Inside) -> Result<Arc<House>, HouseError> {
        private::make(&settings.data)?;
        let bucket = settings.blobs.bucket(|name| std::env::var(name).ok())?;
        let keyring = Keyring::new(&settings.secrets, &settings.data, |name| std::env::var(name).ok())?;
        let keyring = Arc::new(keyring);
        let token_keys = Arc::new(Derived::new(Arc::clone(&keyring)));
        let store = Store::open(StoreSettings {
            token_keys: Arc::<Derived>::clone(&token_keys),
            database: settings.database.database(),
            batches_max: settings.database.batches_max,
            bucket: bucket.clone(),
            writer_threads: settings.store.writer_threads,
            open_organizations_max: settings.store.open_organizations_max,
            readers_per_organization: settings.store.readers_per_organization,
            files: inside.files,
            faults: inside.faults,
            ..StoreSettings::new(&settings.data)
        })?;
        let (verifier, hooks) = (Verifier::new(&settings)?, Hooks::new(&settings, &inside.clock)?);
        let (clock, cabinet) = (inside.clock, Cabinet::default());
        let node = Moment::new(clock(), u64::from_ne_bytes(random()?)).id();
        Ok(Arc::new(House {
            settings,
            store,
            bucket,
            clock,
            node,
            bell: Notify::new(),
            outbox_bell: Notify::new(),
            hook_bell: Notify::new(),
            hinted: Arc::default(),
            round: inside.round,
            relays_away: RelaysAway::default(),
            gates: Gates::default(),
            claims: Claims::default(),
            cabinet,
            works: Works::default(),
            asking: TaskTracker::new(),
            boards: Boards::default(),
            notes: Notes::default(),
            alarms: Alarms::default(),
            keyring,
            token_keys,
            signers: Signers::default(),
            verifier,
            hooks,
        }))
    }

    /// Opens the house and all its doors. They serve on the runtime of the caller.
    ///
    /// # Errors
    /// [`HouseError`], where a door cannot be opened; then none is.
    pub async fn start(settings: Settings) -> Result<RunningHouse, HouseError> {
        House::open(settings)?.serve().await
    }

    /// Asks the bucket whether it does what the store will ask of it, and makes it this house's where it is nobody's. One that does not answer now may do so later: until
    /// then large mail is put off, and all other mail flows.
    ///
    /// # Errors
    /// [`HouseError::Bucket`], where it says no, or belongs to another house.
    pub(crate) fn check_bucket(&self) -> Result<(), HouseError> {
        let checked = self.bucket.as_ref().map_or(Ok(()), |bucket| bucket.check());
        match checked.and_then(|()| self.store.claim_bucket()) {
            Err(error) if error.is_temporary() => {
                let error: &dyn std::error::Error = &error;
                tracing::warn!(
                    error,
                    "the bucket for kept bytes does not answer; large mail is put off meanwhile"
                );
                Ok(())
            }
            checked => checked.map_err(HouseError::Bucket),
        }
    }

    /// The size up to which a mail is taken in on a serving thread, where `bytes_max` is right for files: nobody waits
    /// there for a bucket.
    pub(crate) fn inline_bytes_max(&self, bytes_max: usize) -> usize {
        if self.bucket.is_some() { bytes_max.min(limits::INLINE_MAIL_BYTES_MAX) } else { bytes_max }
    }

    /// The store.
    pub fn store(&self) -> &Arc<Store> {
        &self.store
    }

    /// An organization by its name.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] where there is none.
    pub fn organization(&self, name: &str) -> Result<Arc<Organization>, StoreError> {
        self.store.organization_by_name(name)
    }

    /// The present.
    pub(crate) fn now(&self) -> Timestamp {
        (self.clock)()
    }

    /// Time and seed for one unit of work. Two ids that must differ come from two moments, or from one in a row.
    pub(crate) fn moment(&self) -> Result<Moment, NoRandom> {
        Ok(Moment::new(self.now(), u64::from_ne_bytes(random()?)))
    }
}

impl fmt::Debug for House {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("House").field("data", &self.settings.data).finish_non_exhaustive()
    }
}

/// Bytes that nobody can guess.
pub(crate) fn random<const N: usize>() -> Result<[u8; N], NoRandom> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(NoRandom)?;
    Ok(bytes)
}

fn now() -> Timestamp {
    Timestamp(jiff::Timestamp::now().as_millisecond())
}
