//! One turn over one folder: a handful of its messages are looked at, asked about, brought in and cleared away.
//!
//! What passes through: keys of a folder in, what became of each out, into the folder and the ledger. Each step has a
//! file of its own; this one shows their order.
//!
//! *Invariant:* the order. A message is in the ledger before it is delivered, its outcome is committed before it is
//! cleared away, and what was cleared away is told to the ledger last. Whatever step a crash follows, the next turn
//! finds the message again, delivers the same copy, and is answered the same.

use std::collections::HashSet;

use model::{FolderRole, MessageKey, Timestamp};

use crate::contract::{Intake, NotNow};
use crate::ledger::{Folder, Ledger, Told};
use crate::source::{Place, Progress, Source, SourceError};

mod ask;
mod bring;
mod clear;
mod look;

use look::Seen;

/// A look at a folder from its first message to its last.
#[derive(Debug, Default)]
struct Round {
    /// The last message that was listed.
    after: Option<MessageKey>,
    /// What the ledger has, and no list of this round.
    unlisted: HashSet<MessageKey>,
}

/// The house behind the Router.
#[derive(Debug, Clone)]
pub struct House<I, L> {
    /// Takes mail in.
    pub intake: I,
    /// Remembers folders.
    pub ledger: L,
}

/// A folder under watch: its source, and what is known of it between turns.
#[derive(Debug)]
pub struct Watched<S> {
    source: S,
    folder: Folder,
    /// Its name, for people.
    name: String,
    /// Whether something in it waits for another try.
    has_open: bool,
    /// Where it is only looked at: what came before is left out.
    since: Option<Timestamp>,
    /// How far this round has come; `None` before it begins.
    round: Option<Round>,
    /// What the ledger is to be told next.
    told: Told,
    /// What was tried last and did not come back: the attempt counts.
    suspects: Vec<MessageKey>,
    /// Whether a body has come through in this session.
    has_fetched: bool,
}

/// How a turn ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Turned {
    /// So many messages found their end; there may be more at once.
    On(usize),
    /// The folder was looked at to its end; it is time to wait for news.
    RoundOver,
}

/// Why a turn ended early. Everything is where it was, or where it ought to be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Trouble {
    /// The source is not as it should be: begin again with a new session.
    #[error("{0}")]
    Source(#[from] SourceError),
    /// The folder gives its keys out again: begin again with a new session.
    #[error("the folder is numbered anew")]
    Anew,
    /// The house cannot take anything in now.
    #[error("{0}")]
    House(#[from] NotNow),
}

impl<S: Source> Watched<S> {
    /// Begins to watch: the folder of this name, open as `source`.
    ///
    /// # Errors
    /// The ledger cannot be read now.
    pub async fn begin<L: Ledger>(
        source: S,
        (pair, name): (crate::Pair, &str),
        ledger: &L,
    ) -> Result<Self, NotNow> {
        let place = Place { name: name.to_owned(), role: FolderRole::Sink };
        Watched::look(source, (pair, &place, None), ledger).await
    }

    /// Begins to look at a folder that is open as `source`; where it is no sink, nothing in it is ever changed, and what
    /// came before `since` is left out.
    ///
    /// # Errors
    /// The ledger cannot be read now.
    pub async fn look<L: Ledger>(
        source: S,
        (pair, place, since): (crate::Pair, &Place, Option<Timestamp>),
        ledger: &L,
    ) -> Result<Self, NotNow> {
        let folder = ledger.open(pair, place, source.validity()).await?;
        Ok(Watched {
            source,
            folder,
            name: place.name.clone(),
            has_open: false,
            since,
            round: None,
            told: Told::default(),
            suspects: Vec::new(),
            has_fetched: false,
        })
    }

    /// Whether everything stays in the folder.
    fn is_looked_at(&self) -> bool {
        self.folder.role != FolderRole::Sink
    }

    /// Whether nothing in it waits for another try, as far as this session knows.
    pub(crate) fn has_nothing_open(&self) -> bool {
        !self.has_open
    }

    /// How far the look at it has come, and its name.
    pub(crate) fn progress(&self) -> Option<(String, Progress)> {
        Some((self.name.clone(), self.source.progress()?))
    }

    /// The source again, to look at another folder.
    pub fn into_source(self) -> S {
        self.source
    }

    /// The open folder, to wait for news.
    pub fn source(&mut self) -> &mut S {
        &mut self.source
    }
}

/// One turn: at most [`model::limits::POLL_TURN_MESSAGES_MAX`] messages.
///
/// # Errors
/// [`Trouble`]; nothing is lost then, and nothing done twice.
pub async fn turn<S, I, L>(watched: &mut Watched<S>, house: &House<I, L>) -> Result<Turned, Trouble>
where
    S: Source,
    I: Intake,
    L: Ledger,
{
    let Some(shown) = look::ahead(watched, &house.ledger).await? else {
        look::tell(watched, &house.ledger).await?;
        return Ok(Turned::RoundOver);
    };
    let seen = look::see(watched, &house.ledger, shown).await?;
    let tried: Vec<MessageKey> = seen.iter().map(|seen| seen.entry.key.clone()).collect();
    let worked = work_through(watched, house, seen).await;
    look::note_survivors(watched, tried);
    watched.has_open |= !watched.told.put_off.is_empty();
    if worked.is_err() {
        // Where this is not noted either, a few more attempts are counted than were made.
        look::tell(watched, &house.ledger).await.unwrap_or_default();
    }
    worked.map(Turned::On)
}

/// Most messages together; those that may have stopped the process before, one after the other, the least suspect first.
async fn work_through<S, I, L>(
    watched: &mut Watched<S>,
    house: &House<I, L>,
    seen: Vec<Seen>,
) -> Result<usize, Trouble>
where
    S: Source,
    I: Intake,
    L: Ledger,
{
    let (mut alone, together): (Vec<Seen>, Vec<Seen>) = seen.into_iter().partition(Seen::is_doubtful);
    alone.sort_by_key(|seen| seen.entry.attempts);
    let mut ended = work(watched, house, together).await?;
    for seen in alone {
        house.ledger.try_alone(&watched.folder, &seen.entry.key).await?;
        ended += work(watched, house, vec![seen]).await?;
    }
    Ok(ended)
}

/// How many left the folder.
async fn work<S, I, L>(
    watched: &mut Watched<S>,
    house: &House<I, L>,
    seen: Vec<Seen>,
) -> Result<usize, Trouble>
where
    S: Source,
    I: Intake,
    L: Ledger,
{
    let asked = ask::ask(watched, &house.intake, seen).await?;
    let mut ended = Vec::new();
    let brought = bring::bring(watched, &house.intake, (asked, &mut ended)).await;
    // Whatever became of the others, what has ended leaves.
    let left = clear::clear(watched, &house.ledger, ended).await;
    brought?;
    left
}
