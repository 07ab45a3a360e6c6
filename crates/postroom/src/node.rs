//! This node among the others: what it does, that it is there, how it goes.
//!
//! What passes through: every few seconds a word to the catalogue, by the clock that all nodes share, and a look at who
//! has fallen silent, whose leased work is then looked for at once.
//!
//! *Invariant:* no node depends on another; what is said here only informs. What may be done by one node at a time is
//! held by a lease (`store`), never by this list.

use std::collections::HashSet;
use std::error::Error;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use model::schema::catalogue::Node;
use model::{Id, limits};
use serde::Deserialize;
use store::{SeenNode, StoreError};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::commands::unlike_hooks;
use crate::house::{House, HouseError};

/// What a node does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub enum Role {
    /// Takes mail at its SMTP and LMTP doors.
    Receive,
    /// Shows the pages.
    Web,
    /// Runs jobs.
    Jobs,
    /// Brings the text indexes forward.
    Index,
    /// Watches mailboxes.
    Poll,
    /// Takes mail to relays.
    Send,
}

/// There is no role of this name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is no role “{0}”; roles are receive, web, jobs, index, poll and send")]
pub struct UnknownRole(String);

impl Role {
    /// All there are.
    pub const ALL: [Role; 6] = [Role::Receive, Role::Web, Role::Jobs, Role::Index, Role::Poll, Role::Send];

    /// What it means that no node does this, for people.
    pub fn undone(self) -> &'static str {
        match self {
            Role::Receive => "no node takes mail in (role receive): senders find no door here",
            Role::Web => "no node shows pages (role web)",
            Role::Jobs => {
                "no node runs jobs (role jobs): old mail is not matched with new addresses, kept bytes are not swept"
            }
            Role::Index => {
                "no node follows the mail with the text index (role index): search does not find new mail"
            }
            Role::Poll => "no node watches mailboxes (role poll): what is forwarded to them waits there",
            Role::Send => "no node takes mail to relays (role send): what is sent waits here",
        }
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Role::Receive => "receive",
            Role::Web => "web",
            Role::Jobs => "jobs",
            Role::Index => "index",
            Role::Poll => "poll",
            Role::Send => "send",
        }
    }
}

impl FromStr for Role {
    type Err = UnknownRole;

    fn from_str(text: &str) -> Result<Self, UnknownRole> {
        Role::ALL.into_iter().find(|role| role.name() == text).ok_or_else(|| UnknownRole(text.to_owned()))
    }
}

impl TryFrom<String> for Role {
    type Error = UnknownRole;

    fn try_from(text: String) -> Result<Self, UnknownRole> {
        text.parse()
    }
}

/// `statecode` of a node.
const SERVING: i32 = 1;
const DRAINING: i32 = 2;

/// How often a node says that it is there, where others may ask.
const BEAT: Duration = Duration::from_secs(5);
/// The same where rows are in files, and nobody waits for it.
const BEAT_ALONE: Duration = Duration::from_secs(60);
/// How long a node that has ended its work tries to say so.
const GOODBYE: Duration = Duration::from_secs(5);
/// Whoever was silent for so long is no concern any more.
const FORGOTTEN_SECONDS: i64 = 60;
/// A clock this far from the server's is worth a warning: due times, sessions and ids are by the clock of the node.
pub const CLOCK_MILLISECONDS_MAX: i64 = 5_000;

/// What is said of this node while it serves.
pub(crate) struct Presence {
    draining: CancellationToken,
    gone: CancellationToken,
    task: JoinHandle<()>,
}

impl fmt::Debug for Presence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Presence").finish_non_exhaustive()
    }
}

impl Presence {
    /// Says that this node is there, and goes on saying it.
    ///
    /// # Errors
    /// [`HouseError`], where that cannot be said even once.
    pub(crate) async fn begin(house: &Arc<House>) -> Result<Self, HouseError> {
        say(house, SERVING).await?;
        let (draining, gone) = (CancellationToken::new(), CancellationToken::new());
        let beats = beats(Arc::clone(house), draining.clone(), gone.clone());
        Ok(Presence { draining, gone, task: tokio::spawn(beats) })
    }

    /// From now on it is said to be draining.
    pub(crate) fn drains(&self) {
        self.draining.cancel();
    }

    /// Gives back what this node holds, and says that it goes.
    pub(crate) async fn end(mut self, house: Arc<House>) {
        self.gone.cancel();
        let said = async {
            let _ = (&mut self.task).await;
            apart(&house, farewell).await
        };
        match tokio::time::timeout(GOODBYE, said).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => {
                let error: &dyn std::error::Error = &error;
                tracing::warn!(error, "the other nodes could not be told; they see for themselves");
            }
            Err(_) => tracing::warn!("the other nodes could not be told in time; they see for themselves"),
        }
    }
}

impl Drop for Presence {
    fn drop(&mut self) {
        self.gone.cancel();
    }
}

async fn beats(house: Arc<House>, draining: CancellationToken, gone: CancellationToken) {
    let pause = if house.store.is_at_server() { BEAT } else { BEAT_ALONE };
    let mut others = Others::default();
    loop {
        let is_draining = draining.is_cancelled();
        let state = if is_draining { DRAINING } else { SERVING };
        others.hear(&house, say(&house, state).await);
        tokio::select! {
            () = gone.cancelled() => return,
            () = draining.cancelled(), if !is_draining => {}
            () = tokio::time::sleep(pause) => {}
        }
    }
}

/// What is said of the nodes together.
struct Said {
    nodes: Vec<SeenNode>,
    /// How far this node's clock is ahead, in milliseconds.
    ahead: i64,
    /// Wherein they differ, in words.
    unlike: Vec<String>,
}

/// Says how this node is, and hears of the others.
async fn say(house: &Arc<House>, statecode: i32) -> Result<Said, StoreError> {
    apart(house, move |house| {
        house.store.be_seen(&house.as_node(statecode), house.now())?;
        let ahead = house.store.clock_ahead(|| house.now())?;
        let nodes = house.store.nodes(house.now())?;
        Ok(Said { unlike: unlike_hooks(house, &nodes), nodes, ahead })
    })
    .await
}

/// On a thread that may wait for the server.
async fn apart<T: Send + 'static>(
    house: &Arc<House>,
    work: impl FnOnce(&House) -> Result<T, StoreError> + Send + 'static,
) -> Result<T, StoreError> {
    let house = Arc::clone(house);
    tokio::task::spawn_blocking(move || work(&house)).await.unwrap_or(Err(StoreError::Closed))
}

fn farewell(house: &House) -> Result<(), StoreError> {
    let node = house.node;
    for organization in house.store.open_organizations() {
        let unit = organization.unit(store::Priority::Background, move |tx| tx.give_all_back(node));
        if let Err(error) = unit.wait() {
            // They run out by themselves.
            tracing::warn!(organization = %organization.id(), error = &error as &dyn Error, "leases are not given back");
        }
    }
    house.store.go(node)
}

impl House {
    fn as_node(&self, statecode: i32) -> Node {
        let roles: Vec<&str> = self.settings.node.roles.iter().map(|role| role.name()).collect();
        Node {
            nodeid: self.node,
            name: self.settings.name().chars().take(limits::NAME_CHARS_MAX).collect(),
            roles: roles.join(" "),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            knownschema: store::known_schema(),
            startedon: self.now(),
            seenon: self.now(),
            statecode,
            hooks: Some(self.settings.hooks.words()),
        }
    }

    /// Whether this node has a role.
    pub(crate) fn does(&self, role: Role) -> bool {
        self.settings.node.roles.contains(&role)
    }
}

/// Whether a node is there and has a role.
pub(crate) fn seen_as(seen: &SeenNode, role: Role) -> bool {
    let is_there = seen.silent <= limits::LEASE_SECONDS * 1_000 && seen.node.statecode == SERVING;
    is_there && seen.node.roles.split(' ').any(|name| name == role.name())
}

/// What is known of the others, so that each piece of news is told once.
#[derive(Default)]
struct Others {
    silent: HashSet<Id>,
    /// What is wrong with the nodes together in their hooks.
    unlike: Vec<String>,
    is_unheard: bool,
    is_clock_off: bool,
}

impl Others {
    fn hear(&mut self, house: &House, said: Result<Said, StoreError>) {
        let Said { nodes, ahead, unlike } = match said {
            Ok(said) => said,
            Err(error) => {
                if !std::mem::replace(&mut self.is_unheard, true) {
                    let error: &dyn std::error::Error = &error;
                    tracing::warn!(error, "this node cannot say that it is there");
                }
                return;
            }
        };
        self.is_unheard = false;
        let is_off = ahead.abs() > CLOCK_MILLISECONDS_MAX;
        if is_off && !self.is_clock_off {
            tracing::warn!("{}", clock_words(ahead));
        }
        self.is_clock_off = is_off;
        for words in unlike.iter().filter(|words| !self.unlike.contains(words)) {
            tracing::warn!("{words}");
        }
        self.unlike = unlike;
        let silent =
            |seen: &&SeenNode| seen.node.nodeid != house.node && seen.silent > limits::LEASE_SECONDS * 1_000;
        for seen in nodes.iter().filter(silent) {
            // Its jobs are free by now, or in a moment.
            if seen.silent <= FORGOTTEN_SECONDS * 1_000 {
                house.bell.notify_one();
            }
            if self.silent.insert(seen.node.nodeid) {
                tracing::warn!(
                    node = seen.node.name,
                    seconds = seen.silent / 1_000,
                    "a node has fallen silent"
                );
            }
        }
        self.silent.retain(|id| nodes.iter().filter(silent).any(|seen| seen.node.nodeid == *id));
    }
}

/// What is said of a clock that is off.
pub fn clock_words(ahead: i64) -> String {
    let seconds = ahead.unsigned_abs() / 1_000;
    let side = if ahead > 0 { "ahead of" } else { "behind" };
    format!("the clock of this machine is {seconds} seconds {side} the database server's: set both by NTP")
}
