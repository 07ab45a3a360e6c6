//! What other nodes said is waiting, until whoever does such work here looks there.
//!
//! What passes through: organizations, by their ids. A hint that is lost costs nothing but time: rounds find it.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use model::Id;
use store::{Hint, Store};
use tokio::sync::Notify;

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

    /// Waits until it is rung; for whom it was.
    pub(crate) async fn rung(&self) -> BTreeSet<Id> {
        self.bell.notified().await;
        std::mem::take(&mut *self.named.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
