//! Who wrote a mail, as far as anything proved it when it came.

use model::Id;
use model::schema::intake::MailVerdict;

use crate::StoreError;
use crate::rows::{Read, Tx};

impl Read<'_> {
    /// The verdicts on the mails of a copy, that on the mail as it came first.
    pub fn verdicts_of(&self, copyid: Id) -> Result<Vec<MailVerdict>, StoreError> {
        self.nouns("where copyid = ?1 order by originalnumber", &[copyid.into()])
    }
}

impl Tx<'_> {
    /// Notes a verdict. The first one stays: what is looked at later says nothing about when the mail came.
    pub fn note_verdict(&mut self, verdict: &MailVerdict) -> Result<(), StoreError> {
        self.insert_unless_there(verdict)
    }
}
