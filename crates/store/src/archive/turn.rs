//! Whose turn it is to restore an organization: one command at a time in a house, whichever node it was given to.
//!
//! What passes through: the id of the organization becomes a lease in the catalogue, which is held while all of it is written, and
//! its owner the mark on what is written. In files one process is alone, and takes its turns by itself.
//!
//! *Invariant:* whoever has lost the lease writes no more rows, marks nothing, names nothing in the catalogue, and removes nothing,
//! however long it stood still before.

use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use model::{Id, Timestamp};

use super::{ArchiveError, Progress, RESTORING};
use crate::nouns::HeldLease;
use crate::{Store, StoreError, Tx};

/// The turn of one command.
pub(super) struct Turn<'s> {
    store: &'s Store,
    lease: Option<HeldLease>,
    mark: String,
}

impl<'s> Turn<'s> {
    /// Takes it, for an organization and an attempt that nobody else has. `BeingRestored` while another node has it.
    pub(super) fn take(store: &'s Store, organization: Id, attempt: Id) -> Result<Self, ArchiveError> {
        let mark = attempt.to_string();
        if !store.is_at_server() {
            return Ok(Turn { store, lease: None, mark });
        }
        let name = format!("{KIND}/{organization}");
        // The server's clock counts.
        let lease = store.catalogue.transact(|tx| tx.take_lease(&name, attempt, Timestamp(0)))?;
        let lease = lease.ok_or(ArchiveError::BeingRestored)?;
        Ok(Turn { store, lease: Some(lease), mark })
    }

    /// What the setting [`RESTORING`] says of what this attempt writes.
    pub(super) fn mark(&self) -> &str {
        &self.mark
    }

    /// The lease, where there is one.
    pub(super) fn lease(&self) -> Option<&HeldLease> {
        self.lease.as_ref()
    }

    /// Does all of the work, and has the turn meanwhile. Where it was lost all the same, because the server was away for long,
    /// the work is asked to stop, and ends as `BeingRestored`.
    pub(super) fn while_held<T>(
        &self,
        progress: &Progress,
        work: impl FnOnce() -> Result<T, ArchiveError>,
    ) -> Result<T, ArchiveError> {
        thread::scope(|scope| {
            let (working, ended) = mpsc::channel::<()>();
            let renewing = scope.spawn(move || self.renew_until(&ended, progress));
            let done = work();
            drop(working);
            let is_lost = renewing.join().unwrap_or(false);
            done.map_err(|error| match error {
                ArchiveError::Store(StoreError::LeaseLost) => ArchiveError::BeingRestored,
                _ if is_lost => ArchiveError::BeingRestored,
                // What the work saw may be another's doing by now, and would be told as what it is not.
                _ if self.renew().is_ok_and(|is_held| !is_held) => ArchiveError::BeingRestored,
                error => error,
            })
        })
    }

    /// Says whether it was lost.
    fn renew_until(&self, ended: &Receiver<()>, progress: &Progress) -> bool {
        while ended.recv_timeout(RENEWAL) == Err(RecvTimeoutError::Timeout) {
            // What cannot be asked now may be in a moment; a batch that is written asks for itself.
            if self.renew().is_ok_and(|is_held| !is_held) {
                progress.stop();
                return true;
            }
        }
        false
    }

    /// Holds it for longer. Says whether it was still held.
    pub(super) fn renew(&self) -> Result<bool, StoreError> {
        let Some(lease) = &self.lease else { return Ok(true) };
        self.store.catalogue.transact_beside(|tx| tx.renew_lease(lease, Timestamp(0)))
    }

    /// Does something while nobody else can take the turn, in the transaction of the catalogue that makes sure of it; in
    /// files by itself. `LeaseLost`.
    pub(super) fn surely(
        &self,
        work: impl FnOnce(Option<&mut Tx<'_>>) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        let Some(lease) = &self.lease else { return work(None) };
        self.store.catalogue.transact_beside(|tx| {
            if tx.is_held(lease)? { work(Some(tx)) } else { Err(StoreError::LeaseLost) }
        })
    }

    /// Asked first in each transaction that writes rows: until it ends nobody else removes what is written here. `LeaseLost`.
    pub(super) fn check(&self, tx: &mut Tx<'_>) -> Result<(), StoreError> {
        let mark = tx.setting_held(RESTORING)?;
        if mark.as_deref() == Some(self.mark()) { Ok(()) } else { Err(StoreError::LeaseLost) }
    }

    /// Gives it back, so that the next attempt need not wait.
    pub(super) fn give_back(self) {
        let Some(lease) = &self.lease else { return };
        if let Err(error) = self.store.catalogue.transact(|tx| tx.give_lease_back(lease)) {
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                "the turn to restore is given back when it runs out"
            );
        }
    }
}

/// Whether any node has a turn at this moment, be it one that has broken off a moment ago.
pub(super) fn is_taken(store: &Store) -> Result<bool, StoreError> {
    Ok(store.is_at_server() && store.catalogue.ask(|read| read.is_any_held(KIND, Timestamp(0)))?)
}

/// What the names of the leases begin with.
const KIND: &str = "restore";
/// So often the lease is renewed.
const RENEWAL: Duration = Duration::from_secs(5);
