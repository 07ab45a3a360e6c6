//! One turn over one folder: handfuls of its messages are looked at, entered, brought in and cleared away.
//!
//! Three are under way at a time, each a turn behind the other, so that neither the server nor the house waits (decision 28):
//! ```text
//!  the house    handful 1: delivered, settled
//!  the ledger   handful 2: entered, asked about ── then its bodies are fetched
//!  the server   handful 0 leaves · handful 3: listed, its headers fetched
//! ```
//! *Invariant:* the order for each message. It is in the ledger before its body is fetched, its outcome is committed and
//! settled before it is cleared away, and what was cleared away is told to the ledger last. Whatever step a crash follows,
//! the next turn finds the message again, delivers the same copy, and is answered the same.

use std::collections::{HashMap, VecDeque};

use model::{FolderRole, MessageKey, Timestamp};

use crate::contract::{Intake, NotNow};
use crate::ledger::{Entry, Folder, Ledger, Told};
use crate::room::Room;
use crate::source::{Place, Progress, Source, SourceError};

mod ask;
mod bring;
mod clear;
mod look;
mod short;

use ask::Entered;
use bring::Ready;
use clear::Leaving;
use look::{Handful, Headed, Next};
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
    /// Listed, and nothing else yet.
    listed: VecDeque<Handful>,
    /// Whether this round has listed all.
    is_listed: bool,
    /// To be tried alone when nothing else is under way, the last one first.
    alone: Vec<Next>,
    /// Their headers are here.
    headed: Option<Headed>,
    /// Delivered by their headers, and wanted whole.
    wanted: Entered,
    /// In the ledger, with whatever is to be delivered of them.
    ready: Option<Ready>,
    /// What has ended and is to leave the folder.
    leaving: Leaving,
    /// How many found their end, since that was asked last.
    ended: usize,
    /// Whether a header has come through in this session.
    has_headed: bool,
    /// Whether a body has.
    has_fetched: bool,
    /// What it shares with other mailboxes.
    room: Room,
    /// What it shares with other sessions with this mailbox.
    short: Short,
}

/// What the house needs of a folder, while the source is busy with another handful.
#[derive(Debug, Clone)]
struct AtHand {
    folder: Folder,
    room: Room,
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
            listed: VecDeque::new(),
            is_listed: false,
            alone: Vec::new(),
            headed: None,
            wanted: Entered::default(),
            ready: None,
            leaving: Leaving::default(),
            ended: 0,
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

    /// What is known of it where the house is at work.
    fn at_hand(&self) -> AtHand {
        AtHand { folder: self.folder.clone(), room: self.room.clone() }
    }

    /// Whether no message is between its headers and its end.
    fn is_idle(&self) -> bool {
        self.headed.is_none() && self.ready.is_none() && self.wanted.is_empty()
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

/// One turn: each handful that is under way takes its next step.
///
/// # Errors
/// [`Trouble`]; nothing is lost then, and nothing done twice.
pub async fn turn<S, I, L>(watched: &mut Watched<S>, house: &House<I, L>) -> Result<Turned, Trouble>
where
    S: Source,
    I: Intake,
    L: Ledger,
{
    if watched.is_idle() && watched.listed.is_empty() && watched.alone.is_empty() && watched.is_listed {
        clear::away(watched).await?;
        look::tell(watched, &house.ledger).await?;
        watched.is_listed = false;
        return Ok(Turned::RoundOver(std::mem::take(&mut watched.ended)));
    }
    let stepped = step(watched, house).await;
    watched.has_open |= !watched.told.put_off.is_empty();
    if stepped.is_err() {
        // They were begun, and are as they were.
        let begun = watched.ready.take().map(|ready| ready.tried).unwrap_or_default();
        watched.told.survived.extend(begun);
        watched.told.survived.append(&mut watched.wanted.tried);
        // Where this is not noted either, a few more attempts are counted than were made.
        look::tell(watched, &house.ledger).await.unwrap_or_default();
    }
    stepped?;
    Ok(Turned::On(std::mem::take(&mut watched.ended)))
}

/// What is ready is brought in, and beside that the next is made ready.
async fn step<S, I, L>(watched: &mut Watched<S>, house: &House<I, L>) -> Result<(), Trouble>
where
    S: Source,
    I: Intake,
    L: Ledger,
{
    let is_idle = watched.is_idle();
    let bringing = bring::bring(watched.at_hand(), house.clone(), watched.ready.take());
    let (brought, prepared) = tokio::join!(bringing, prepare(watched, house, is_idle));
    // Whatever became of the others, what has ended leaves.
    let brought = brought.map_or(Ok(()), |brought| clear::note(watched, brought));
    brought.and(prepared)
}

/// What has its headers is entered and asked about while the server shows the next; then its bodies are fetched.
async fn prepare<S, I, L>(watched: &mut Watched<S>, house: &House<I, L>, is_idle: bool) -> Result<(), Trouble>
where
    S: Source,
    I: Intake,
    L: Ledger,
{
    let headed = watched.headed.take().map(|headed| (headed, std::mem::take(&mut watched.told)));
    let entering = ask::enter(watched.at_hand(), house, headed);
    let ((entered, told), looked) = tokio::join!(entering, look_ahead(watched, house, is_idle));
    let later = std::mem::replace(&mut watched.told, told);
    watched.told.add(later);
    watched.wanted.add(entered?);
    if looked.is_err() {
        look::enter_headless(watched, &house.ledger).await;
    }
    looked?;
    let entered = std::mem::take(&mut watched.wanted);
    if !entered.is_empty() {
        watched.ready = Some(bring::fetch(watched, entered).await?);
    }
    Ok(())
}

/// What has ended leaves the folder, and the next handful is looked at: most messages together; those that may have
/// stopped the process or the server before, one after the other, when nothing else is under way.
async fn look_ahead<S, I, L>(
    watched: &mut Watched<S>,
    house: &House<I, L>,
    is_idle: bool,
) -> Result<(), Trouble>
where
    S: Source,
    I: Intake,
    L: Ledger,
{
    clear::away(watched).await?;
    if watched.listed.is_empty() && watched.alone.is_empty() && !watched.is_listed {
        look::list(watched, &house.ledger).await?;
    }
    if let Some(handful) = watched.listed.pop_front() {
        // Who has nothing under way may wait: nobody waits for him.
        let held = if is_idle {
            Some(watched.room.for_messages(handful.bytes()).await)
        } else {
            watched.room.for_messages_now(handful.bytes())
        };
        match held {
            Some(held) => look::head(watched, (handful, held)).await?,
            None => watched.listed.push_front(handful),
        }
    } else if is_idle && let Some(next) = watched.alone.pop() {
        let handful = Handful::of_one(&next);
        let held = watched.room.for_messages(handful.bytes()).await;
        house.ledger.try_alone(&watched.folder, &next.shown.key).await?;
        look::head(watched, (handful, held)).await?;
    }
    Ok(())
}
