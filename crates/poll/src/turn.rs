//! One turn over one folder: a handful of its messages are looked at, asked about, brought in and cleared away.
//!
//! What passes through: keys of a folder in, what became of each out, into the folder and the ledger. Each step has a
//! file of its own; this one shows their order.
//!
//! What has ended in one turn leaves the folder in the next one, while that one's messages are taken in: so neither the
//! server nor the house waits for the other.
//!
//! *Invariant:* the order. A message is in the ledger before it is delivered, its outcome is committed before it is
//! cleared away, and what was cleared away is told to the ledger last. Whatever step a crash follows, the next turn
//! finds the message again, delivers the same copy, and is answered the same.

use std::collections::HashMap;

use model::{FolderRole, MessageKey, Timestamp};

use crate::contract::{Intake, NotNow};
use crate::ledger::{Entry, Folder, Ledger, Told};
use crate::room::{Held, Room};
use crate::source::{Place, Progress, Shown, Source, SourceError};

mod ask;
mod bring;
mod clear;
mod look;
mod short;

use clear::Leaving;
use look::{Next, Seen};
pub use short::Short;

/// A look at a folder from its first message to its last.
#[derive(Debug, Default)]
struct Round {
    /// The last message that was listed.
    after: Option<MessageKey>,
    /// What the ledger has, and no list of this round.
    unlisted: HashMap<MessageKey, Entry>,
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
    /// Where it is only looked at: what was listed last. It counts as seen once all that was listed is entered.
    listed_to: Option<MessageKey>,
    /// What has ended and is to leave the folder.
    leaving: Leaving,
    /// How many found their end, since that was asked last.
    ended: usize,
    /// What was tried last and did not come back: the attempt counts.
    suspects: Vec<MessageKey>,
    /// Whether a header has come through in this session.
    has_headed: bool,
    /// Whether a body has.
    has_fetched: bool,
    /// What it shares with other mailboxes.
    room: Room,
    /// What it shares with other sessions with this mailbox.
    short: Short,
}

/// How a turn ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Turned {
    /// So many messages found their end; there may be more at once.
    On(usize),
    /// So did so many, and the folder was looked at to its end: it is time to wait for news.
    RoundOver(usize),
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
            listed_to: None,
            leaving: Leaving::default(),
            ended: 0,
            suspects: Vec::new(),
            has_headed: false,
            has_fetched: false,
            room: Room::default(),
            short: Short::default(),
        })
    }

    /// The same beside other mailboxes.
    #[must_use]
    pub fn within(self, room: Room) -> Self {
        Watched { room, ..self }
    }

    /// The same behind other sessions with this mailbox.
    #[must_use]
    pub fn recalling(self, short: Short) -> Self {
        Watched { short, ..self }
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
    let Some(next) = look::ahead(watched, &house.ledger).await? else {
        clear::away(watched).await?;
        look::tell(watched, &house.ledger).await?;
        return Ok(Turned::RoundOver(std::mem::take(&mut watched.ended)));
    };
    let worked = work_through(watched, house, next).await;
    watched.has_open |= !watched.told.put_off.is_empty();
    if worked.is_err() {
        // Where this is not noted either, a few more attempts are counted than were made.
        look::tell(watched, &house.ledger).await.unwrap_or_default();
    }
    worked?;
    Ok(Turned::On(std::mem::take(&mut watched.ended)))
}

/// Most messages together; those that may have stopped the process or the server before, one after the other, the least
/// suspect first. What was put off is passed over.
async fn work_through<S, I, L>(
    watched: &mut Watched<S>,
    house: &House<I, L>,
    next: Vec<Next>,
) -> Result<(), Trouble>
where
    S: Source,
    I: Intake,
    L: Ledger,
{
    let is_due = |next: &Next| next.known.as_ref().is_none_or(|known| known.is_due);
    let (mut alone, together): (Vec<Next>, Vec<Next>) =
        next.into_iter().filter(is_due).partition(Next::is_doubtful);
    alone.sort_by_key(Next::attempts);
    let together = together.into_iter().map(|next| next.shown).collect();
    pass(watched, house, (together, 0)).await?;
    for next in alone {
        // Whatever this one does to the server, what has ended before is gone.
        clear::away(watched).await?;
        house.ledger.try_alone(&watched.folder, &next.shown.key).await?;
        let attempts = if next.has_header() { 0 } else { next.attempts() };
        pass(watched, house, (vec![next.shown], attempts)).await?;
    }
    Ok(())
}

/// One way through all steps. `attempts` were made in vain at the header of a message that is
/// tried alone.
async fn pass<S, I, L>(
    watched: &mut Watched<S>,
    house: &House<I, L>,
    (shown, attempts): (Vec<Shown>, u32),
) -> Result<(), Trouble>
where
    S: Source,
    I: Intake,
    L: Ledger,
{
    if shown.is_empty() && watched.told.absent.is_empty() {
        // Nothing of the list is to be entered.
        watched.told.seen_up_to = watched.listed_to.take().or(watched.told.seen_up_to.take());
        return Ok(());
    }
    let held = watched.room.for_messages(look::bytes(&shown)).await;
    let headers = match look::headers(watched, (&shown, attempts)).await {
        Ok(headers) => headers,
        Err(error) => {
            // The header of any of them may be why: they are entered, and the attempt counts.
            look::enter(watched, &house.ledger, &shown).await.unwrap_or_default();
            return Err(error);
        }
    };
    let seen = look::see(watched, &house.ledger, headers).await?;
    let tried: Vec<MessageKey> = seen.iter().map(|seen| seen.entry.key.clone()).collect();
    let worked = work(watched, house, (seen, held)).await;
    look::note_survivors(watched, tried);
    worked
}

/// Asks about them, brings them in, and clears them away.
async fn work<S, I, L>(
    watched: &mut Watched<S>,
    house: &House<I, L>,
    (seen, held): (Vec<Seen>, Held),
) -> Result<(), Trouble>
where
    S: Source,
    I: Intake,
    L: Ledger,
{
    let asked = ask::ask(watched, &house.intake, seen).await?;
    let mut ended = Vec::new();
    let brought = bring::bring(watched, &house.intake, (asked, &mut ended)).await;
    drop(held);
    // Whatever became of the others, what has ended leaves.
    let cleared = clear::clear(watched, &house.ledger, ended).await;
    brought?;
    cleared
}
