//! Watching one mailbox: a session is opened, its folder looked at until nothing is left, and news are waited for.
//!
//! What passes through: turns, one after the other, each step behind those of other mailboxes; how it goes, for people.
//!
//! *Invariant:* trouble of one mailbox is nobody else's: its turns wait, and all others go on.

use std::future::Future;
use std::time::Duration;

use model::limits;
use tokio::sync::watch;
use tokio::time::Instant;

use crate::contract::{Intake, Pair};
use crate::ledger::Ledger;
use crate::lines::Line;
use crate::pause;
use crate::room::Room;
use crate::source::{Progress, Source, SourceError};
use crate::turn::{House, Short, Trouble, Turned, Watched, turn};

/// Opens sessions with one mailbox.
pub trait Opener: Send {
    /// What it opens.
    type Source: Source;

    /// Which mailbox, and which folder of it.
    fn place(&self) -> (Pair, &str);

    /// A new session with the folder open.
    ///
    /// # Errors
    /// [`SourceError`].
    fn open(&mut self) -> impl Future<Output = Result<Self::Source, SourceError>> + Send;
}

/// How it goes with a mailbox.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Live {
    /// Messages that found their end since watching began.
    pub ended: u64,
    /// Whether the folder was looked at to its end since the last trouble.
    pub is_well: bool,
    /// Trouble in a row, the last of it.
    pub failures: u32,
    /// In words.
    pub trouble: Option<Trouble>,
    /// How long until the next try.
    pub pause: Duration,
    /// How far the first look at a large folder has come, and at which.
    pub progress: Option<(String, Progress)>,
    /// What people should know of it, though it works.
    pub remark: Option<String>,
}

/// What all mailboxes of a process share.
#[derive(Debug, Clone)]
pub struct Watching<I, L> {
    /// The house.
    pub house: House<I, L>,
    /// What they share, as those of this host have it.
    pub room: Room,
    /// How long news are waited for before a folder is looked at anyway.
    pub patience: Duration,
    /// Where spread comes from: a random number each time.
    pub spread: fn() -> u32,
}

/// Watches until the future is dropped; drop it between turns, by a task that ends with the process.
pub async fn watch<O, I, L>(mut opener: O, watching: Watching<I, L>, live: watch::Sender<Live>)
where
    O: Opener,
    I: Intake,
    L: Ledger,
{
    let mut standing = Standing::default();
    let _member = watching.room.member();
    loop {
        standing.stay_away = Duration::ZERO;
        match session(&mut opener, &watching, &live, &mut standing).await {
            Ok(()) => tokio::time::sleep(standing.stay_away).await,
            Err(trouble) => rest(trouble, (watching.spread)(), &live, &mut standing).await,
        }
    }
}

/// What is remembered from one session to the next.
#[derive(Debug, Default)]
pub(crate) struct Standing {
    /// Sessions in a row that came to a bad end. One that is looked at well and breaks off each time is no good one.
    failures: u32,
    /// How long the source of this session wants to be left alone after it.
    pub(crate) stay_away: Duration,
    /// Bodies that were shorter than announced.
    pub(crate) short: Short,
}

/// Tells of trouble and leaves the mailbox alone for a while.
pub(crate) async fn rest(trouble: Trouble, spread: u32, live: &watch::Sender<Live>, standing: &mut Standing) {
    standing.failures = standing.failures.saturating_add(1);
    let failures = standing.failures;
    let pause = match &trouble {
        Trouble::Source(error) => pause::after_source(error.trouble, failures, spread),
        Trouble::Anew | Trouble::House(_) => pause::after_house(failures, spread),
    };
    live.send_modify(|live| {
        live.failures = failures;
        live.is_well = false;
        live.pause = pause.max(standing.stay_away);
        live.trouble = Some(trouble);
    });
    let pause = live.borrow().pause;
    tokio::time::sleep(pause).await;
}

/// One session, until it is over or there is trouble with it.
async fn session<O, I, L>(
    opener: &mut O,
    watching: &Watching<I, L>,
    live: &watch::Sender<Live>,
    standing: &mut Standing,
) -> Result<(), Trouble>
where
    O: Opener,
    I: Intake,
    L: Ledger,
{
    let mut line = watching.room.line().await;
    let door = watching.room.at_the_door().await;
    let source = Box::pin(opener.open()).await?;
    drop(door);
    let watched = Box::pin(Watched::begin(source, opener.place(), &watching.house.ledger)).await?;
    let mut watched = watched.within(watching.room.clone()).recalling(standing.short.clone());
    standing.stay_away = watched.source().stay_away();
    let ends_with_wait = watched.source().ends_with_wait();
    let mut going = 0;
    loop {
        // A mailbox waits nearly always: what a turn takes is there as long as it lasts.
        let (ended, is_over) = Box::pin(round(&mut watched, watching, (live, &mut line))).await?;
        going += ended;
        if !ends_with_wait && is_over {
            well(live, told(&line, watched.source().remark()));
        }
        // The next session goes on.
        if !ends_with_wait && !is_over {
            return Ok(());
        }
        // While it was looked at, more may have come.
        if ended > 0 && is_over && !line.is_to_leave() {
            continue;
        }
        if !news(watched.source(), (watching.patience, &mut line), standing).await? {
            return Ok(());
        }
        if ends_with_wait {
            live.send_modify(|live| live.ended += going as u64);
            well(live, told(&line, watched.source().remark()));
            standing.stay_away = watched.source().stay_away();
            return Ok(());
        }
    }
}

/// Waits for news. A line that held for a while is a good one, though it breaks then: some networks cut what is still.
/// Says whether it goes on: where others wait for the line it is left in the midst.
pub(crate) async fn news<S: Source>(
    source: &mut S,
    (patience, line): (Duration, &mut Line),
    standing: &mut Standing,
) -> Result<bool, SourceError> {
    let begun = Instant::now();
    let waited = if source.ends_with_wait() {
        source.wait(patience).await.map(|()| true)
    } else {
        tokio::select! {
            biased;
            waited = source.wait(patience) => waited.map(|()| true),
            () = line.until_to_leave() => Ok(false),
        }
    };
    if waited.is_ok() || begun.elapsed() >= HELD {
        standing.failures = 0;
    }
    if waited == Ok(false) {
        standing.stay_away = standing.stay_away.max(SHARED_PAUSE);
    }
    waited
}

/// How long a mailbox does without the line that it has given to another one.
const SHARED_PAUSE: Duration = Duration::from_secs(limits::POLL_SHARED_PAUSE_SECONDS);

/// What people should know of a mailbox that works.
pub(crate) fn told(line: &Line, remark: Option<String>) -> Option<String> {
    let remarks: Vec<String> = remark.into_iter().chain(line.remark()).collect();
    (!remarks.is_empty()).then(|| remarks.join("; "))
}

/// How long a line has to hold while news are waited for: so often may be connected anew.
const HELD: Duration = Duration::from_secs(60);

/// Turns until the end of the folder, or until others are to have the line; how many messages found their end, and whether
/// the folder was looked at to its own.
pub(crate) async fn round<S, I, L>(
    watched: &mut Watched<S>,
    watching: &Watching<I, L>,
    (live, line): (&watch::Sender<Live>, &mut Line),
) -> Result<(usize, bool), Trouble>
where
    S: Source,
    I: Intake,
    L: Ledger,
{
    let mut ended = 0;
    // What leaves with the end of the session counts when that end was well.
    let counts_at_once = !watched.source().ends_with_wait();
    loop {
        let turned = turn(watched, &watching.house).await?;
        let (Turned::On(count) | Turned::RoundOver(count)) = turned;
        ended += count;
        live.send_modify(|live| {
            live.ended += if counts_at_once { count as u64 } else { 0 };
            live.progress = watched.progress();
        });
        if let Turned::RoundOver(_) = turned {
            return Ok((ended, true));
        }
        if line.is_to_leave() {
            return Ok((ended, false));
        }
    }
}

/// All was looked at to its end.
pub(crate) fn well(live: &watch::Sender<Live>, remark: Option<String>) {
    live.send_modify(|live| {
        *live = Live { ended: live.ended, is_well: true, remark, ..Live::default() };
    });
}
