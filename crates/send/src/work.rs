//! The work for one relay: claims are made one after the other, and what was claimed goes out side by side.

use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use model::attempt::Tried;
use model::limits;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::batch::Batch;
use crate::carrier::Carrier;
use crate::outbox::{Outbox, Parcel};

/// Why the work ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// Nothing was due any more, or it was to stop.
    Done,
    /// The relay could not be reached: what was tried waits for its next try, and so does what is due behind it.
    Unreached,
}

/// Sends what is due until nothing is, the relay cannot be reached, or `stop`. What was begun is brought to its end.
pub async fn send_due<O: Outbox>(outbox: O, stop: &CancellationToken) -> Ended {
    let work = Arc::new(Work { outbox, idle: Mutex::default(), unreached: Mutex::default() });
    // Batches of bulk mail hold one each; whatever of them is not there is left to others.
    let bulk = Arc::new(Semaphore::new(0));
    let (mut batches, mut bulk_places) = (JoinSet::new(), 0);
    while !stop.is_cancelled() && lock(&work.unreached).is_none() {
        while batches.try_join_next().is_some() {}
        let places = work.outbox.connections().await;
        bulk_places += adjust(&bulk, bulk_places, for_bulk(places));
        let mails = match batches.len() < places {
            false => Vec::new(),
            true => {
                let at_most = limits::OUTBOX_CLAIM_MAX.min(places * CLAIM_PER_PLACE);
                work.outbox.claim(at_most, bulk.available_permits() > 0).await
            }
        };
        let Some(first) = mails.first() else {
            // While others are on their way more may fall due: a relay that thinks for minutes keeps nobody else waiting.
            match timeout(AGAIN, batches.join_next()).await {
                Ok(None) => break,
                Ok(Some(_)) | Err(_) => continue,
            }
        };
        let place = match work.outbox.is_bulk(first) {
            true => Arc::clone(&bulk).try_acquire_owned().ok(),
            false => None,
        };
        let (work, stop) = (Arc::clone(&work), stop.clone());
        batches.spawn(async move {
            Batch::of(&work, mails).carry(&stop).await;
            drop(place);
        });
    }
    while batches.join_next().await.is_some() {}
    work.close().await;
    if lock(&work.unreached).is_none() { Ended::Done } else { Ended::Unreached }
}

/// While sessions are at work, what fell due is looked for this often.
const AGAIN: Duration = Duration::from_secs(1);
/// So long a relay may take over a farewell: nothing depends on it.
const FAREWELL: Duration = Duration::from_secs(5);
/// Where there are few connections, what is claimed keeps one of them for a short time only.
const CLAIM_PER_PLACE: usize = 8;

/// How many of so many connections bulk mail may have: a fifth is left to what persons write, and one at least, where there
/// are two.
fn for_bulk(places: usize) -> usize {
    if places < 2 { places } else { places - (places / 5).max(1) }
}

/// Has a semaphore hold so many places, of which some may be in use. Says by how many that differs from before.
fn adjust(bulk: &Semaphore, before: isize, wanted: usize) -> isize {
    let wanted = isize::try_from(wanted).unwrap_or(isize::MAX);
    match usize::try_from(wanted - before) {
        Ok(more) => {
            bulk.add_permits(more);
            wanted - before
        }
        Err(_) => {
            let gone = bulk.forget_permits((before - wanted).unsigned_abs());
            -isize::try_from(gone).unwrap_or_default()
        }
    }
}

pub(crate) struct Work<O: Outbox> {
    pub(crate) outbox: O,
    /// Sessions that nobody uses at the moment.
    idle: Mutex<Vec<O::Carrier>>,
    /// Why the relay could not be reached: nobody knocks there again for the rest of this work.
    unreached: Mutex<Option<String>>,
}

impl<O: Outbox> Work<O> {
    /// Takes a mail to the relay. `may_end` is asked as [`Carrier::send`] says.
    pub(crate) async fn carry_one<F: Future<Output = bool> + Send>(
        &self,
        parcel: &Parcel,
        may_end: impl Fn() -> F,
    ) -> Tried {
        let kept = lock(&self.idle).pop();
        if let Some(carrier) = kept {
            let tried = self.hand_over(carrier, parcel, may_end()).await;
            // A relay may end a session that rested; a fresh one tells.
            if !is_untold(&tried) {
                return tried;
            }
        }
        match self.open().await {
            Ok(carrier) => self.hand_over(carrier, parcel, may_end()).await,
            Err(words) => Tried::NotSent { words, replies: Vec::new() },
        }
    }

    async fn open(&self) -> Result<O::Carrier, String> {
        if let Some(words) = lock(&self.unreached).clone() {
            return Err(words);
        }
        let opened = self.outbox.open().await;
        if let Err(words) = &opened {
            *lock(&self.unreached) = Some(words.clone());
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
            lock(&self.idle).push(carrier);
        }
        tried
    }

    async fn close(&self) {
        let idle = std::mem::take(&mut *lock(&self.idle));
        let mut farewells = JoinSet::new();
        for carrier in idle {
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
