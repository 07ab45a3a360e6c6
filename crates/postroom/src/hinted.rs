//! What other nodes said is waiting, until whoever does such work here looks there.
//!
//! What passes through: organizations, by their ids. A hint that is lost costs nothing but time: rounds find it.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use model::Id;
use store::{Hint, Store};
use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};

/// Between looks that hints ask for: many nodes may tell at once.
const APART: Duration = Duration::from_millis(500);

/// A bell for each of what waits.
#[derive(Default)]
pub(crate) struct Hinted {
    /// Mail that may be due to a relay.
    pub(crate) outbox: NamedBell,
    /// Jobs that may be due.
    pub(crate) jobs: NamedBell,
}

/// A bell that is rung for organizations.
#[derive(Default)]
pub(crate) struct NamedBell {
    bell: Notify,
    named: Mutex<BTreeSet<Id>>,
}

impl Hinted {
    /// Rings from now on what this store hears.
    pub(crate) fn listen(self: &Arc<Self>, store: &Store) {
        let hinted = Arc::clone(self);
        store.on_hint(move |organization, hint| match hint {
            Hint::Outbox => hinted.outbox.ring(organization),
            Hint::Jobs => hinted.jobs.ring(organization),
        });
    }
}

impl NamedBell {
    fn ring(&self, organization: Id) {
        self.named.lock().unwrap_or_else(PoisonError::into_inner).insert(organization);
        self.bell.notify_one();
    }

    /// Waits until it is rung, and for a moment behind what it rang last; for whom it was.
    pub(crate) async fn rung(&self, last: Instant) -> BTreeSet<Id> {
        sleep_until(last + APART).await;
        self.bell.notified().await;
        std::mem::take(&mut *self.named.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
