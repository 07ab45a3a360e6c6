//! Watches the mailboxes of all organizations: one task for each, as long as its row says so.
//!
//! What passes through: rows of mailboxes become tasks of `poll`; how they go is kept for whoever asks. At a server each
//! mailbox is watched by the node that holds its lease, and taken over when that one dies.
//!
//! *Invariant:* a task may be cut off between any two steps: what it did is in the ledger, and the next one goes on.

use std::collections::{HashMap, HashSet};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use connect::Patience;
use connect::imap::{FolderName, Session};
use crm::mailboxes::{self, Watched};
use model::{Timestamp, limits};
use poll::sources::imap::ImapFolder;
use poll::sources::imap_look::{Chosen, ImapLook};
use poll::sources::maildir::Maildir;
use poll::sources::pop3::{BrokenOff, Pop3Mailbox};
use poll::{Entrance, Live, Opener, Pair, Room, SourceError, Watching};
use store::{HeldLease, Organization, Priority, StoreError};
use tokio::sync::{Notify, watch};
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::account::Account;
use crate::house::{House, random};
use crate::node::{Role, seen_as};
use crate::router::Router;

mod leases;

use leases::Held;

/// How it goes with each mailbox that is watched here.
#[derive(Default)]
pub(crate) struct Boards {
    up: Mutex<HashMap<Pair, watch::Receiver<Live>>>,
    /// Sessions with these are to begin anew.
    anew: Mutex<HashSet<Pair>>,
    /// Rung when a command has changed what is to be watched.
    bell: Notify,
}

impl Boards {
    /// How it goes; `None` where it is not watched here.
    pub(crate) fn of(&self, pair: Pair) -> Option<Live> {
        let boards = self.up.lock().unwrap_or_else(PoisonError::into_inner);
        boards.get(&pair).map(|board| board.borrow().clone())
    }

    /// All of them.
    pub(crate) fn all(&self) -> Vec<(Pair, Live)> {
        let boards = self.up.lock().unwrap_or_else(PoisonError::into_inner);
        boards.iter().map(|(pair, board)| (*pair, board.borrow().clone())).collect()
    }

    /// Has the session with a mailbox begun anew at once, where it is watched here.
    pub(crate) fn begin_anew(&self, pair: Pair) {
        self.anew.lock().unwrap_or_else(PoisonError::into_inner).insert(pair);
        self.ring();
    }

    /// Has it looked at once which mailboxes are to be watched: a row was changed here.
    pub(crate) fn ring(&self) {
        self.bell.notify_one();
    }

    /// Until it is time to look again which mailboxes are to be watched.
    async fn until_next_look(&self) {
        let round = Duration::from_secs(limits::POLL_ROUND_SECONDS);
        if tokio::time::timeout(round, self.bell.notified()).await.is_ok() {
            // Whoever adds a thousand rings a thousand times.
            tokio::time::sleep(RINGS_TOGETHER).await;
        }
    }

    fn begins_anew(&self, pair: Pair) -> bool {
        self.anew.lock().unwrap_or_else(PoisonError::into_inner).remove(&pair)
    }

    fn put_up(&self, pair: Pair, board: watch::Receiver<Live>) {
        self.up.lock().unwrap_or_else(PoisonError::into_inner).insert(pair, board);
    }

    fn take_down(&self, pair: Pair) {
        self.up.lock().unwrap_or_else(PoisonError::into_inner).remove(&pair);
    }
}

/// Commands that ring within this time are looked after together.
const RINGS_TOGETHER: Duration = Duration::from_millis(100);

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
            () = runner.house.boards.until_next_look() => {}
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
    row: Arc<Watched>,
    held: Option<Held>,
    handle: AbortHandle,
    organization: Arc<Organization>,
}

/// Mailboxes that are to be watched, with their organizations.
type Wanted = HashMap<Pair, (Arc<Watched>, Arc<Organization>)>;

impl Runner {
    async fn round(&mut self) {
        self.renew().await;
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
                        wanted.insert(pair, (Arc::new(row), Arc::clone(&organization)));
                    }
                }
                Err(error) => {
                    let error = &error as &dyn std::error::Error;
                    tracing::warn!(organization = %id, error, "its mailboxes could not be looked for");
                    // What is watched already goes on.
                    let here = self.tasks.iter().filter(|(pair, _)| pair.organization == id);
                    wanted.extend(here.map(|(pair, task)| {
                        (*pair, (Arc::clone(&task.row), Arc::clone(&task.organization)))
                    }));
                }
            }
        }
        self.keep_to(wanted).await;
    }

    /// Renews what is held here, one unit for each organization. What another node has by now ends.
    async fn renew(&mut self) {
        let mut organizations = HashMap::new();
        for (pair, task) in self.tasks.iter().filter(|(_, task)| task.held.is_some()) {
            organizations.entry(pair.organization).or_insert_with(|| Arc::clone(&task.organization));
        }
        let asked = Instant::now();
        let mut renewals = JoinSet::new();
        for (id, organization) in organizations {
            let (owner, now) = (self.house.node, self.house.now());
            renewals.spawn(async move {
                let unit = organization
                    .unit(Priority::Background, move |tx| tx.renew_leases(leases::KIND, owner, now));
                (id, unit.await)
            });
        }
        while let Some(renewed) = renewals.join_next().await {
            // Where nobody can say, the tasks end by themselves when their time has come.
            let Ok((id, Ok(held))) = renewed else { continue };
            let held: HashSet<HeldLease> = held.into_iter().collect();
            let of_it: Vec<Pair> =
                self.tasks.keys().filter(|pair| pair.organization == id).copied().collect();
            for pair in of_it {
                let Some(ours) = self.tasks.get(&pair).and_then(|task| task.held.as_ref()) else { continue };
                if held.contains(ours.lease()) {
                    ours.renewed(asked);
                } else if let Some(task) = self.tasks.remove(&pair) {
                    self.end(pair, task).await;
                }
            }
        }
    }

    /// Ends what is not wanted as it is or more than our share, and begins what is wanted.
    async fn keep_to(&mut self, wanted: Wanted) {
        for (pair, task) in std::mem::take(&mut self.tasks) {
            let is_same = wanted.get(&pair).is_some_and(|(row, _)| *row == task.row);
            let goes_on = !task.handle.is_finished() && !self.house.boards.begins_anew(pair);
            if is_same && goes_on {
                self.tasks.insert(pair, task);
            } else {
                self.end(pair, task).await;
            }
        }
        let share = self.share(&wanted).await;
        let mut surplus: Vec<Pair> =
            self.tasks.iter().filter(|(_, task)| task.held.is_some()).map(|(pair, _)| *pair).collect();
        surplus.sort_unstable();
        for pair in surplus.into_iter().skip(share) {
            if let Some(task) = self.tasks.remove(&pair) {
                self.end(pair, task).await;
            }
        }
        let until = Instant::now() + Duration::from_secs(limits::POLL_ROUND_SECONDS / 2);
        for (pair, (row, organization)) in wanted {
            // What is held is to be renewed in time, so the rest of many waits for the next round.
            if self.tasks.contains_key(&pair) || Instant::now() > until {
                continue;
            }
            let is_full = self.tasks.values().filter(|task| task.held.is_some()).count() >= share;
            if organization.is_at_server() && is_full {
                continue;
            }
            if let Some(task) = self.begin(pair, row, organization).await {
                self.tasks.insert(pair, task);
            }
        }
    }

    /// How many of the mailboxes at a server are ours to watch: as many as those of each other node that watches.
    async fn share(&self, wanted: &Wanted) -> usize {
        let at_server = wanted.values().filter(|(_, organization)| organization.is_at_server()).count();
        if at_server == 0 {
            return 0;
        }
        let house = Arc::clone(&self.house);
        let asked = tokio::task::spawn_blocking(move || house.store.nodes(house.now()));
        match asked.await {
            Ok(Ok(nodes)) => {
                at_server.div_ceil(nodes.iter().filter(|seen| seen_as(seen, Role::Poll)).count().max(1))
            }
            // It was asked for a moment ago; what is held stays.
            _ => at_server,
        }
    }

    async fn begin(
        &mut self,
        pair: Pair,
        row: Arc<Watched>,
        organization: Arc<Organization>,
    ) -> Option<Task> {
        let mut held = None;
        let asked = Instant::now();
        if organization.is_at_server() {
            let (name, owner, now) = (leases::name(pair.mailbox), self.house.node, self.house.now());
            let unit = organization.unit(Priority::Background, move |tx| tx.take_lease(&name, owner, now));
            // Another node has it, or nobody can say now.
            let taken: Result<_, StoreError> = unit.await;
            held = Some(Held::new(taken.ok().flatten()?, asked));
        }
        let (live, board) = watch::channel(Live::default());
        self.house.boards.put_up(pair, board);
        let account = Account { house: Arc::clone(&self.house), pair, row: Arc::clone(&row) };
        let until = held.as_ref().map(Held::until);
        let watching = Watching { room: self.room(&row), ..self.watching.clone() };
        let task = match (row.mailbox.systemuserid, row.server.servertype) {
            (Some(_), _) => tokio::spawn(leases::within(until, poll::sync(Reader(account), watching, live))),
            (None, mailboxes::POP3) => tokio::spawn(leases::within(
                until,
                poll::watch(Pop3Door(account, BrokenOff::default()), watching, live),
            )),
            (None, mailboxes::MAILDIR) => {
                let opener = MaildirDoor { pair, row: Arc::clone(&row) };
                tokio::spawn(leases::within(until, poll::watch(opener, watching, live)))
            }
            (None, _) => tokio::spawn(leases::within(until, poll::watch(ImapDoor(account), watching, live))),
        };
        Some(Task { row, held, handle: task.abort_handle(), organization })
    }

    /// What the mailboxes of a host share.
    fn room(&mut self, row: &Watched) -> Room {
        let (whole, poll) = (&self.watching.room, &self.house.settings.poll);
        let host = row.server.incomingserverlocation.to_lowercase();
        let is_server = row.server.servertype != mailboxes::MAILDIR;
        let connections_max = poll.connections_max(&host).filter(|_| is_server);
        self.rooms.entry(host).or_insert_with(|| whole.of_another_host(connections_max)).clone()
    }

    async fn end(&self, pair: Pair, task: Task) {
        task.handle.abort();
        self.house.boards.take_down(pair);
        if let Some(held) = task.held {
            let lease = held.lease().clone();
            let unit = task.organization.unit(Priority::Background, move |tx| tx.give_lease_back(&lease));
            // Else it runs out.
            let _: Result<(), StoreError> = unit.await;
        }
    }
}

/// Opens a Maildir.
struct MaildirDoor {
    pair: Pair,
    row: Arc<Watched>,
}

impl Opener for MaildirDoor {
    type Source = Maildir;

    fn place(&self) -> (Pair, &str) {
        (self.pair, INBOX)
    }

    async fn open(&mut self) -> Result<Maildir, SourceError> {
        let Watched { server, mailbox, .. } = self.row.as_ref();
        Maildir::open(Path::new(&server.incomingserverlocation), &mailbox.undeliverablefolder).await
    }
}

/// Opens sessions with a mailbox at an IMAP server.
struct ImapDoor(Account);

impl Opener for ImapDoor {
    type Source = ImapFolder;

    fn place(&self) -> (Pair, &str) {
        (self.0.pair, INBOX)
    }

    async fn open(&mut self) -> Result<ImapFolder, SourceError> {
        let session = self.0.imap(Patience::default()).await?;
        let mailbox = &self.0.row.mailbox;
        let folder = ImapFolder::open(session, (&FolderName::inbox(), &mailbox.undeliverablefolder)).await?;
        Ok(folder.exclusive(mailbox.isexclusive))
    }
}

/// Opens sessions with a user's own mailbox.
struct Reader(Account);

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
        ImapLook::open(self.0.imap(Patience::default()).await?, &chosen).await
    }
}

/// Opens sessions with a mailbox at a POP3 server.
struct Pop3Door(Account, BrokenOff);

impl Opener for Pop3Door {
    type Source = Pop3Mailbox;

    fn place(&self) -> (Pair, &str) {
        (self.0.pair, INBOX)
    }

    async fn open(&mut self) -> Result<Pop3Mailbox, SourceError> {
        let session = self.0.pop3(Patience::default()).await?;
        let seconds = u64::try_from(self.0.row.server.pollinginterval).unwrap_or_default();
        Pop3Mailbox::open(session, Duration::from_secs(seconds), self.1.clone()).await
    }
}

/// The name of the folder that a forward mailbox is emptied of (RFC 9051 §5.1); by POP3 there is no other.
const INBOX: &str = "INBOX";

#[cfg(test)]
mod tests;
