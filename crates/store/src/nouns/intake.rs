//! The books of the intake: copies and outcomes.

use model::Id;
use model::schema::intake::{Copy, OriginalOutcome};

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
}
