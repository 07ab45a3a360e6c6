//! The work: claims are made one after the other, and what was claimed goes out side by side.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use model::{Id, limits};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

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
        let parcels = work.outbox.claim(limits::OUTBOX_CLAIM_MAX).await;
        if parcels.is_empty() {
            drop(place);
            // While others are on their way, more may fall due.
            if batches.join_next().await.is_none() {
                break;
            }
            continue;
        }
        let (work, stop) = (Arc::clone(&work), stop.clone());
        batches.spawn(async move {
            work.carry(parcels, &stop).await;
            drop(place);
        });
        while batches.try_join_next().is_some() {}
    }
    while batches.join_next().await.is_some() {}
    work.close().await;
    if lock(&work.unreached).is_empty() { Ended::Done } else { Ended::Unreached }
}

struct Work<O: Outbox> {
    outbox: O,
    /// Sessions that nobody uses at the moment, by relay.
    idle: Mutex<HashMap<Id, Vec<O::Carrier>>>,
    /// Relays that could not be reached, and why: nobody knocks there again for the rest of this work.
    unreached: Mutex<HashMap<Id, String>>,
}

impl<O: Outbox> Work<O> {
    /// Takes some mails to their relays, one after the other.
    async fn carry(&self, parcels: Vec<Parcel<O::Mail>>, stop: &CancellationToken) {
        for parcel in parcels {
            // Whoever goes on need not wait until the claim runs out.
            if stop.is_cancelled() {
                self.outbox.settle(parcel.mail, Tried::Untouched).await;
                continue;
            }
            let tried = self.carry_one(&parcel).await;
            self.outbox.settle(parcel.mail, tried).await;
        }
    }

    async fn carry_one(&self, parcel: &Parcel<O::Mail>) -> Tried {
        let kept = lock(&self.idle).get_mut(&parcel.relay).and_then(Vec::pop);
        if let Some(carrier) = kept {
            let tried = self.hand_over(carrier, parcel).await;
            // A relay may end a session that rested; a fresh one tells.
            if !is_untold(&tried) {
                return tried;
            }
        }
        match self.open(parcel.relay).await {
            Ok(carrier) => self.hand_over(carrier, parcel).await,
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

    async fn hand_over(&self, mut carrier: O::Carrier, parcel: &Parcel<O::Mail>) -> Tried {
        let tried = carrier.send(parcel, self.outbox.may_end(&parcel.mail)).await;
        if !carrier.has_ended() {
            lock(&self.idle).entry(parcel.relay).or_default().push(carrier);
        }
        tried
    }

    async fn close(&self) {
        let idle = std::mem::take(&mut *lock(&self.idle));
        for carrier in idle.into_values().flatten() {
            carrier.close().await;
        }
    }
}

/// Whether nothing went out, and nothing was said of anybody.
fn is_untold(tried: &Tried) -> bool {
    matches!(tried, Tried::NotSent { replies, .. } if replies.iter().all(Option::is_none))
}

fn lock<T>(it: &Mutex<T>) -> MutexGuard<'_, T> {
    it.lock().unwrap_or_else(PoisonError::into_inner)
}
