//! How it goes with mailboxes, as the nodes that watch them tell.

use model::schema::mailboxes::MailboxState;

use crate::StoreError;
use crate::rows::{Read, Tx};

impl Read<'_> {
    /// What was told last of each mailbox.
    pub fn mailbox_states(&self) -> Result<Vec<MailboxState>, StoreError> {
        self.nouns("order by mailboxid", &[])
    }
}

impl Tx<'_> {
    /// Tells how it goes with a mailbox, in the place of what was told before.
    pub fn tell_mailbox_state(&mut self, told: &MailboxState) -> Result<(), StoreError> {
        if self.insert_if_absent(told)? {
            return Ok(());
        }
        let sql = "update mailboxstate set node = ?2, state = ?3, iswell = ?4, failures = ?5, nexttryon = ?6, \
                   succeededon = coalesce(?7, succeededon), seenon = ?8 where mailboxid = ?1";
        let params = [
            told.mailboxid.into(),
            (&told.node).into(),
            (&told.state).into(),
            told.iswell.into(),
            told.failures.into(),
            told.nexttryon.into(),
            told.succeededon.into(),
            told.seenon.into(),
        ];
        self.execute(sql, &params).map(drop)
    }
}
