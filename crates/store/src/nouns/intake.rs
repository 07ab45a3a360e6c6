//! The books of the intake: copies, outcomes, Undeliverables.

use model::Id;
use model::schema::intake::{Copy, OriginalOutcome, Undeliverable};

use crate::StoreError;
use crate::rows::{Read, Tx};

impl Read<'_> {
    /// The copy with this id.
    pub fn copy(&self, id: Id) -> Result<Option<Copy>, StoreError> {
        self.noun("where copyid = ?1", &[id.into()])
    }

    /// The outcomes of a copy, in the order of its originals.
    pub fn outcomes(&self, copyid: Id) -> Result<Vec<OriginalOutcome>, StoreError> {
        self.nouns("where copyid = ?1 order by originalnumber", &[copyid.into()])
    }

    /// The Undeliverable with this id.
    pub fn undeliverable(&self, id: Id) -> Result<Option<Undeliverable>, StoreError> {
        self.noun("where undeliverableid = ?1", &[id.into()])
    }

    /// Open Undeliverables, newest first.
    pub fn open_undeliverables(&self, limit: usize) -> Result<Vec<Undeliverable>, StoreError> {
        self.nouns("where statecode = 0 order by createdon desc limit ?1", &[limit.into()])
    }
}

impl Tx<'_> {
    /// Enters a copy in the ledger.
    pub fn enter_copy(&mut self, copy: &Copy) -> Result<(), StoreError> {
        self.insert(copy)
    }

    /// Writes the outcome of an original.
    pub fn write_outcome(&mut self, outcome: &OriginalOutcome) -> Result<(), StoreError> {
        self.insert(outcome)
    }

    /// Keeps an Undeliverable.
    pub fn keep_undeliverable(&mut self, undeliverable: &Undeliverable) -> Result<(), StoreError> {
        self.insert(undeliverable)
    }
}
