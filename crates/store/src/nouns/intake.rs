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

    /// Whether the same bytes are an open Undeliverable already.
    pub fn is_open_undeliverable(&self, blobid: &[u8]) -> Result<bool, StoreError> {
        let sql = "select 1 from undeliverable where statecode = 0 and blobid = ?1 limit 1";
        Ok(self.one(sql, &[blobid.into()], |_| Ok(()))?.is_some())
    }

    /// Open Undeliverables, newest first.
    pub fn open_undeliverables(&self, limit: usize) -> Result<Vec<Undeliverable>, StoreError> {
        self.nouns("where statecode = 0 order by createdon desc limit ?1", &[limit.into()])
    }
}

impl Tx<'_> {
    /// Enters a copy in the ledger, under the next number.
    pub fn enter_copy(&mut self, copy: &Copy) -> Result<(), StoreError> {
        self.insert_on_sheet(copy, "copynumber", "coalesce(max(copynumber), 0) + 1 from copy")
    }

    /// Enters what a copy brought that was entered before with nothing in it.
    pub fn fill_copy(&mut self, copy: &Copy) -> Result<(), StoreError> {
        let sql = "update copy set mailfrom = ?2, recipients = ?3, size = ?4, originals = ?5, outerblobid = ?6 \
                   where copyid = ?1";
        let params = [
            copy.copyid.into(),
            copy.mailfrom.as_ref().into(),
            (&copy.recipients).into(),
            copy.size.into(),
            copy.originals.into(),
            copy.outerblobid.as_ref().into(),
        ];
        self.execute(sql, &params).map(drop)
    }

    /// Takes the outcomes of a copy back: it is decided about anew, in the same unit.
    pub fn take_back_outcomes(&mut self, copyid: Id) -> Result<(), StoreError> {
        self.execute("delete from outcome where copyid = ?1", &[copyid.into()]).map(drop)
    }

    /// Writes the outcome of an original.
    pub fn write_outcome(&mut self, outcome: &OriginalOutcome) -> Result<(), StoreError> {
        self.insert(outcome)
    }

    /// Marks open Undeliverables with these bytes as replayed: what they hold was handed over again, and kept.
    pub fn replayed(&mut self, blobid: &[u8]) -> Result<usize, StoreError> {
        let sql = "update undeliverable set statecode = 1 where statecode = 0 and blobid = ?1";
        self.execute(sql, &[blobid.into()])
    }

    /// Keeps an Undeliverable.
    pub fn keep_undeliverable(&mut self, undeliverable: &Undeliverable) -> Result<(), StoreError> {
        self.insert(undeliverable)
    }
}
