//! Watches the mailboxes of all organizations: one task for each, as long as its row says so.
//!
//! What passes through: rows of mailboxes become tasks of `poll`; how they go is kept for whoever asks. At a server each
//! mailbox is watched by the node that holds its lease, and taken over when that one dies.
//!
//! *Invariant:* a task may be cut off between any two steps: what it did is in the ledger, and the next one goes on.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use connect::imap::{FolderName, NONCE_BYTES, Session};
use connect::{Login, Patience, Secret, Target, TlsMode};
use crm::mailboxes::{self, Watched};
use model::{Timestamp, limits};
use poll::sources::imap::ImapFolder;
use poll::sources::imap_look::{Chosen, ImapLook};
use poll::{Entrance, Live, Opener, Pair, Room, SourceError, SourceTrouble, Watching};
use store::{HeldLease, Organization, Priority, StoreError};
use tokio::sync::watch;
use tokio::task::AbortHandle;
use tokio_util::sync::CancellationToken;

use crate::commands::password_of;
use crate::house::{House, random};
use crate::router::Router;

/// How it goes with each mailbox that is watched here.
#[derive(Default)]
pub(crate) struct Boards(Mutex<HashMap<Pair, watch::Receiver<Live>>>);

impl Boards {
    /// How it goes; `None` where it is not watched here.
    pub(crate) fn of(&self, pair: Pair) -> Option<Live> {
        let boards = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        boards.get(&pair).map(|board| board.borrow().clone())
    }

    fn put_up(&self, pair: Pair, board: watch::Receiver<Live>) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(pair, board);
    }

    fn take_down(&self, pair: Pair) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&pair);
    }
}

/// Runs until `stop`.
pub(crate) async fn run(house: Arc<House>, stop: CancellationToken) {
    let router = Router::new(Arc::clone(&house));
    let watching = Watching {
        house: poll::House { intake: router.clone(), ledger: router },
        room: Room::default(),
        patience: Duration::from_secs(limits::POLL_WAIT_SECONDS),
        spread: || random().map_or(u32::MAX / 2, u32::from_ne_bytes),
    };
    let mut runner = Runner { house, watching, rooms: HashMap::new(), tasks: HashMap::new() };
    loop {
        // Never cut off in the middle: what it holds would be nobody's.
        runner.round().await;
        tokio::select! {
            () = stop.cancelled() => break,
            () = tokio::time::sleep(Duration::from_secs(limits::POLL_ROUND_SECONDS)) => {}
        }
    }
    for (pair, task) in std::mem::take(&mut runner.tasks) {
        runner.end(pair, task).await;
    }
}

struct Runner {
    house: Arc<House>,
    watching: Watching<Router, Router>,
    /// What the mailboxes of each host have: those of a host that stalls hold their own part alone.
    rooms: HashMap<String, Room>,
    tasks: HashMap<Pair, Task>,
}

/// A mailbox that is watched here.
struct Task {
    row: Watched,
    lease: Option<HeldLease>,
    handle: AbortHandle,
    organization: Arc<Organization>,
}

impl Runner {
    async fn round(&mut self) {
        let rows = match self.house.store.organizations() {
            Ok(rows) => rows,
            Err(error) => {
                tracing::warn!(error = &error as &dyn std::error::Error, "mailboxes could not be looked for");
                return;
            }
        };
        let mut wanted = HashMap::new();
        for row in rows {
            let id = row.organizationid;
            let found = self
                .house
                .store
                .organization(id)
                .map_err(crm::CrmError::from)
                .and_then(|organization| Ok((mailboxes::watched(&organization)?, organization)));
            match found {
                Ok((rows, organization)) => {
                    for row in rows {
                        let pair = Pair { organization: id, mailbox: row.mailbox.mailboxid };
                        wanted.insert(pair, (row, Arc::clone(&organization)));
                    }
                }
                Err(error) => {
                    let error = &error as &dyn std::error::Error;
                    tracing::warn!(organization = %id, error, "its mailboxes could not be looked for");
                    // What is watched already goes on.
                    let here = self.tasks.iter().filter(|(pair, _)| pair.organization == id);
                    wanted.extend(
                        here.map(|(pair, task)| (*pair, (task.row.clone(), Arc::clone(&task.organization)))),
                    );
                }
            }
        }
        self.keep_to(wanted).await;
    }

    /// Ends what is not wanted as it is, and begins what is wanted.
    async fn keep_to(&mut self, wanted: HashMap<Pair, (Watched, Arc<Organization>)>) {
        for (pair, task) in std::mem::take(&mut self.tasks) {
            let is_same = wanted.get(&pair).is_some_and(|(row, _)| *row == task.row);
            if is_same && !task.handle.is_finished() && self.is_still_ours(&task).await {
                self.tasks.insert(pair, task);
            } else {
                self.end(pair, task).await;
            }
        }
        for (pair, (row, organization)) in wanted {
            if !self.tasks.contains_key(&pair)
                && let Some(task) = self.begin(pair, row, organization).await
            {
                self.tasks.insert(pair, task);
            }
        }
    }

    async fn begin(&mut self, pair: Pair, row: Watched, organization: Arc<Organization>) -> Option<Task> {
        let mut lease = None;
        if organization.is_at_server() {
            let (name, owner, now) = (format!("mailbox/{}", pair.mailbox), self.house.node, self.house.now());
            let unit = organization.unit(Priority::Background, move |tx| tx.take_lease(&name, owner, now));
            // Another node has it, or nobody can say now.
            let taken: Result<_, StoreError> = unit.await;
            lease = Some(taken.ok().flatten()?);
        }
        let (live, board) = watch::channel(Live::default());
        self.house.boards.put_up(pair, board);
        let opener = Door { house: Arc::clone(&self.house), pair, row: row.clone() };
        let whole = &self.watching.room;
        let host = row.server.incomingserverlocation.to_lowercase();
        let room = self.rooms.entry(host).or_insert_with(|| whole.of_another_host()).clone();
        let watching = Watching { room, ..self.watching.clone() };
        let task = match row.mailbox.systemuserid {
            Some(_) => tokio::spawn(poll::sync(Reader(opener), watching, live)),
            None => tokio::spawn(poll::watch(opener, watching, live)),
        };
        Some(Task { row, lease, handle: task.abort_handle(), organization })
    }

    async fn is_still_ours(&self, task: &Task) -> bool {
        let Some(lease) = task.lease.clone() else { return true };
        let now = self.house.now();
        let unit = task.organization.unit(Priority::Background, move |tx| tx.renew_lease(&lease, now));
        // Where nobody can say now, nothing can be taken in either.
        unit.await.unwrap_or(true)
    }

    async fn end(&self, pair: Pair, task: Task) {
        task.handle.abort();
        self.house.boards.take_down(pair);
        if let Some(lease) = task.lease {
            let unit = task.organization.unit(Priority::Background, move |tx| tx.give_lease_back(&lease));
            // Else it runs out.
            let _: Result<(), StoreError> = unit.await;
        }
    }
}

/// Opens sessions with a mailbox at an IMAP server.
struct Door {
    house: Arc<House>,
    pair: Pair,
    row: Watched,
}

impl Opener for Door {
    type Source = ImapFolder;

    fn place(&self) -> (Pair, &str) {
        (self.pair, INBOX)
    }

    async fn open(&mut self) -> Result<ImapFolder, SourceError> {
        let session = self.sign_in().await?;
        ImapFolder::open(session, (&FolderName::inbox(), &self.row.mailbox.undeliverablefolder)).await
    }
}

/// Opens sessions with a user's own mailbox.
struct Reader(Door);

impl Entrance for Reader {
    type Source = ImapLook<Session>;

    fn pair(&self) -> Pair {
        self.0.pair
    }

    fn since(&self) -> Option<Timestamp> {
        self.0.row.mailbox.processemailreceivedafter
    }

    async fn open(&mut self) -> Result<Self::Source, SourceError> {
        let mailbox = &self.0.row.mailbox;
        let others = mailbox.otherfolders.iter().flat_map(|names| names.lines());
        let chosen = Chosen { sent: mailbox.sentfolder.clone(), others: others.map(str::to_owned).collect() };
        ImapLook::open(self.0.sign_in().await?, &chosen).await
    }
}

impl Door {
    async fn sign_in(&self) -> Result<Session, SourceError> {
        let (server, mailbox) = (&self.row.server, &self.row.mailbox);
        let tls = match server.incomingtlsmode {
            0 => TlsMode::None,
            1 => TlsMode::Starttls,
            _ => TlsMode::Implicit,
        };
        let target = Target {
            host: server.incomingserverlocation.clone(),
            port: u16::try_from(server.incomingportnumber).unwrap_or_default(),
            tls,
            authority: server.certificateauthority.clone().map(String::into_bytes),
            is_trusted_line: false,
        };
        let secret = Secret::new(self.password()?);
        let login = Login::Password { user: mailbox.username.clone(), secret };
        let nonce: [u8; NONCE_BYTES] = random().map_err(|error| not_here(error.to_string()))?;
        Ok(Session::open(&target, &login, &nonce, Patience::default()).await?)
    }

    fn password(&self) -> Result<String, SourceError> {
        let mailbox = &self.row.mailbox;
        let Some(sealed) = &mailbox.password else {
            return Err(not_here("no password was given for it".to_owned()));
        };
        let of = password_of(self.pair.organization, mailbox.mailboxid);
        let opened = self.house.keyring.open(of, sealed).map_err(|error| not_here(error.to_string()))?;
        Ok(opened.to_string())
    }
}

fn not_here(words: String) -> SourceError {
    SourceError { trouble: SourceTrouble::NotOffered, words }
}

/// The name of the folder that a forward mailbox is emptied of (RFC 9051 §5.1).
const INBOX: &str = "INBOX";
