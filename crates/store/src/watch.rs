//! The one thread that looks, each second, what other nodes have changed.
//!
//! What passes through: the version of the catalogue and of the records of each open organization. What was remembered
//! under an older one is believed no more (`memory`). Nothing is decided here, and whatever is decided by what is
//! remembered is checked in the unit of work that acts; see `docs/decisions/0021-nodes.md`.

use std::sync::{Arc, Condvar, Mutex, PoisonError, Weak};
use std::thread;
use std::time::Duration;

use crate::leaving::Leaving;
use crate::lock::locked;
use crate::memory::Checked;
use crate::{Organization, Store, StoreError};

/// How often it looks.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// The thread.
#[derive(Default)]
pub(crate) struct Watch {
    shared: Arc<Shared>,
    thread: Mutex<Option<Leaving>>,
}

#[derive(Default)]
struct Shared {
    is_closing: Mutex<bool>,
    closing: Condvar,
}

impl Watch {
    /// Begins to look for this store, as long as it is there.
    pub(crate) fn start(&self, store: &Arc<Store>) -> Result<(), StoreError> {
        let (shared, store) = (Arc::clone(&self.shared), Arc::downgrade(store));
        let watching = move || watch(&shared, &store);
        *locked(&self.thread) = Some(Leaving::spawn("store-watch", watching)?);
        Ok(())
    }

    /// Ends the thread. Where it asks a server that is away, nobody waits for that.
    pub(crate) fn close(&self) {
        *locked(&self.shared.is_closing) = true;
        self.shared.closing.notify_all();
        let thread = locked(&self.thread).take();
        // The last to hold the store may be the thread itself.
        if let Some(thread) = thread.filter(|thread| thread.id() != thread::current().id()) {
            thread.wait();
        }
    }
}

fn watch(shared: &Shared, store: &Weak<Store>) {
    let mut was_well = true;
    loop {
        let closing = locked(&shared.is_closing);
        let waited = shared.closing.wait_timeout_while(closing, LOOK_EVERY, |is_closing| !*is_closing);
        let (is_closing, _) = waited.unwrap_or_else(PoisonError::into_inner);
        if *is_closing {
            return;
        }
        drop(is_closing);
        let Some(store) = store.upgrade() else { return };
        let looked = store.look();
        if let Err(error) = &looked
            && was_well
        {
            let error: &dyn std::error::Error = error;
            tracing::warn!(
                error,
                "nothing is known of other nodes: everything is asked at the database server"
            );
        }
        was_well = looked.is_ok();
    }
}

impl Store {
    /// Looks at what other nodes have changed.
    pub(crate) fn look(&self) -> Result<(), StoreError> {
        let Some(server) = &self.server else { return Ok(()) };
        let open: Vec<Arc<Organization>> = self.open_organizations();
        let ids: Vec<_> = open.iter().map(|organization| organization.id()).collect();
        let began = Checked::present();
        let (catalogue, versions) = server.versions(&ids)?;
        self.catalogue.notice(catalogue, began);
        for (organization, version) in open.iter().zip(versions) {
            if let Some(version) = version {
                organization.memory().check(version, began);
            }
        }
        Ok(())
    }
}
