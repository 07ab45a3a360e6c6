//! The work: claims are made one after the other, and what was claimed goes out side by side.

use std::collections::HashMap;
use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use model::{Id, limits};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::batch::Batch;
use crate::carrier::Carrier;
use crate::outbox::{Outbox, Parcel, Tried};

/// Why the work ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// Nothing was due any more, or it was to stop.
    Done,
    /// A relay could not be reached: what goes there waits for its next try, and so does what is due behind it.
    Unreached,
}

/// Sends what is due until nothing is, a relay cannot be reached, or `stop`. What was begun is brought to its end.
pub async fn send_due<O: Outbox>(outbox: O, stop: &CancellationToken) -> Ended {
    let work = Arc::new(Work { outbox, idle: Mutex::default(), unreached: Mutex::default() });
    let places = Arc::new(Semaphore::new(limits::OUTBOX_CONNECTIONS_MAX));
    let mut batches = JoinSet::new();
    // With each place that is free, until there is a reason to end.
    while let Ok(place) = Arc::clone(&places).acquire_owned().await {
        if stop.is_cancelled() || !lock(&work.unreached).is_empty() {
            break;
        }
        let mails = work.outbox.claim(limits::OUTBOX_CLAIM_MAX).await;
        if mails.is_empty() {
            drop(place);
            // While others are on their way more may fall due: a relay that thinks for minutes keeps nobody else waiting.
            match timeout(AGAIN, batches.join_next()).await {
                Ok(None) => break,
                Ok(Some(_)) | Err(_) => continue,
            }
        }
        let (work, stop) = (Arc::clone(&work), stop.clone());
        batches.spawn(async move {
            Batch::of(&work, mails).carry(&stop).await;
            drop(place);
        });
        while batches.try_join_next().is_some() {}
    }
    while batches.join_next().await.is_some() {}
    work.close().await;
    if lock(&work.unreached).is_empty() { Ended::Done } else { Ended::Unreached }
}

/// While sessions are at work, what fell due is looked for this often.
const AGAIN: Duration = Duration::from_secs(1);
/// So long a relay may take over a farewell: nothing depends on it.
const FAREWELL: Duration = Duration::from_secs(5);

pub(crate) struct Work<O: Outbox> {
    pub(crate) outbox: O,
    /// Sessions that nobody uses at the moment, by relay.
    idle: Mutex<HashMap<Id, Vec<O::Carrier>>>,
    /// Relays that could not be reached, and why: nobody knocks there again for the rest of this work.
    unreached: Mutex<HashMap<Id, String>>,
}

impl<O: Outbox> Work<O> {
    /// Takes a mail to its relay. `may_end` is asked as [`Carrier::send`] says.
    pub(crate) async fn carry_one<F: Future<Output = bool> + Send>(
        &self,
        parcel: &Parcel,
        may_end: impl Fn() -> F,
    ) -> Tried {
        let kept = lock(&self.idle).get_mut(&parcel.relay).and_then(Vec::pop);
        if let Some(carrier) = kept {
            let tried = self.hand_over(carrier, parcel, may_end()).await;
            // A relay may end a session that rested; a fresh one tells.
            if !is_untold(&tried) {
                return tried;
            }
        }
        match self.open(parcel.relay).await {
            Ok(carrier) => self.hand_over(carrier, parcel, may_end()).await,
            Err(words) => Tried::NotSent { words, replies: Vec::new() },
        }
    }

    async fn open(&self, relay: Id) -> Result<O::Carrier, String> {
        if let Some(words) = lock(&self.unreached).get(&relay) {
            return Err(words.clone());
        }
        let opened = self.outbox.open(relay).await;
        if let Err(words) = &opened {
            lock(&self.unreached).insert(relay, words.clone());
        }
        opened
    }

    async fn hand_over(
        &self,
        mut carrier: O::Carrier,
        parcel: &Parcel,
        may_end: impl Future<Output = bool> + Send,
    ) -> Tried {
        let tried = carrier.send(parcel, may_end).await;
        if !carrier.has_ended() {
            lock(&self.idle).entry(parcel.relay).or_default().push(carrier);
        }
        tried
    }

    async fn close(&self) {
        let idle = std::mem::take(&mut *lock(&self.idle));
        let mut farewells = JoinSet::new();
        for carrier in idle.into_values().flatten() {
            farewells.spawn(timeout(FAREWELL, carrier.close()));
        }
        while farewells.join_next().await.is_some() {}
    }
}

/// Whether nothing went out, and nothing was said of anybody.
fn is_untold(tried: &Tried) -> bool {
    matches!(tried, Tried::NotSent { replies, .. } if replies.iter().all(Option::is_none))
}

pub(crate) fn lock<T>(it: &Mutex<T>) -> MutexGuard<'_, T> {
    it.lock().unwrap_or_else(PoisonError::into_inner)
}
