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

    /// Waits until it is rung; for whom it was.
    async fn rung(&self) -> BTreeSet<Id> {
        self.bell.notified().await;
        std::mem::take(&mut *self.named.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// When a runner looks for work, and where.
pub(crate) struct Looks<'a> {
    own: &'a Notify,
    others: &'a NamedBell,
    round: Duration,
    /// When all organizations are looked at, hints or not.
    due: Instant,
    is_whole: bool,
}

impl<'a> Looks<'a> {
    /// For what rings in this process, what other nodes tell, and the time between two looks at everything.
    pub(crate) fn new((own, others): (&'a Notify, &'a NamedBell), round: Duration) -> Self {
        Looks { own, others, round, due: Instant::now(), is_whole: true }
    }

    /// Waits for a reason to look again: the organizations that were hinted at, or `None` for all. Hints alone do not put off
    /// the look at everything.
    pub(crate) async fn next(&mut self) -> Option<BTreeSet<Id>> {
        let now = Instant::now();
        if self.is_whole {
            self.due = now + self.round;
        }
        let hinted = async {
            sleep_until(now + APART).await;
            self.others.rung().await
        };
        let hinted = tokio::select! {
            () = self.own.notified() => None,
            () = sleep_until(self.due) => None,
            hinted = hinted => Some(hinted),
        };
        self.is_whole = hinted.is_none();
        hinted
    }
}
