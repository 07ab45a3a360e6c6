//! Looking at a user's own mailbox: one session, its folders by turns, and nothing in any of them is ever changed.
//!
//! What passes through: folders, each looked at from where the ledger has it to its end, by the turns of
//! [`mod@crate::turn`]. News are waited for in the first folder; the others are asked about every now and then.
//!
//! *Invariant:* as in [`mod@crate::watch`]: trouble of one mailbox is nobody else's.

use std::collections::HashMap;
use std::future::Future;
use std::time::Duration;

use model::{Timestamp, limits};
use tokio::sync::watch;
use tokio::time::Instant;

use crate::contract::{Intake, Pair};
use crate::ledger::Ledger;
use crate::source::{Folders, Place, Source as _, SourceError};
use crate::turn::{Trouble, Watched};
use crate::watch::{Live, Standing, Watching, news, rest, round, told, well};

/// Opens sessions with a user's mailbox.
pub trait Entrance: Send {
    /// What it opens.
    type Source: Folders;

    /// Which mailbox.
    fn pair(&self) -> Pair;

    /// What came before is left out.
    fn since(&self) -> Option<Timestamp>;

    /// A new session.
    ///
    /// # Errors
    /// [`SourceError`].
    fn open(&mut self) -> impl Future<Output = Result<Self::Source, SourceError>> + Send;
}

/// Looks at it until the future is dropped; drop it between turns, by a task that ends with the process.
pub async fn sync<E, I, L>(mut entrance: E, watching: Watching<I, L>, live: watch::Sender<Live>)
where
    E: Entrance,
    I: Intake,
    L: Ledger,
{
    let mut standing = Standing::default();
    let _member = watching.room.member();
    loop {
        standing.stay_away = Duration::ZERO;
        match session(&mut entrance, &watching, &live, &mut standing).await {
            Ok(()) => tokio::time::sleep(standing.stay_away).await,
            Err(trouble) => rest(trouble, (watching.spread)(), &live, &mut standing).await,
        }
    }
}

/// One session, until there is trouble with it or others are to have its line.
async fn session<E, I, L>(
    entrance: &mut E,
    watching: &Watching<I, L>,
    live: &watch::Sender<Live>,
    standing: &mut Standing,
) -> Result<(), Trouble>
where
    E: Entrance,
    I: Intake,
    L: Ledger,
{
    let mut line = watching.room.line().await;
    let door = watching.room.at_the_door().await;
    let mut source = Box::pin(entrance.open()).await?;
    drop(door);
    let mut looked: HashMap<Place, Instant> = HashMap::new();
    let patience = watching.patience.min(Duration::from_secs(limits::SYNC_WAIT_SECONDS));
    loop {
        let mut ended = 0;
        let places = source.places();
        // Last the first: there news are waited for.
        for place in places.iter().rev() {
            let believed = Duration::from_secs(limits::SYNC_BELIEVED_SECONDS);
            let may_be_spared = looked.get(place).is_some_and(|at| at.elapsed() < believed);
            if !Box::pin(source.enter(place, may_be_spared)).await? {
                continue;
            }
            let of = (entrance.pair(), place, entrance.since());
            let watched = Watched::look(source, of, &watching.house.ledger).await?;
            let mut watched = watched.within(watching.room.clone()).recalling(standing.short.clone());
            let (some, is_over) = Box::pin(round(&mut watched, watching, (live, &mut line))).await?;
            ended += some;
            if !is_over {
                return Ok(());
            }
            if watched.has_nothing_open() {
                looked.insert(place.clone(), Instant::now());
            }
            source = watched.into_source();
        }
        well(live, told(&line, source.remark()));
        let is_done = ended == 0 || line.is_to_leave();
        if is_done && !news(&mut source, (patience, &mut line), standing).await? {
            return Ok(());
        }
    }
}
