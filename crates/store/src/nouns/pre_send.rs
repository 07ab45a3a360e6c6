//! What the hook before sending said of mails.
//!
//! *Invariant:* what a mail goes out as is named here, or left to the sweep by name.

use model::schema::outbox::{OutboxMail, PreSend};
use model::{Id, Timestamp};

use crate::StoreError;
use crate::rows::{Read, Tx};

impl Read<'_> {
    /// What it said of a mail; `None` where it was not asked, or said that nothing is to go.
    pub fn pre_send(&self, email: Id) -> Result<Option<PreSend>, StoreError> {
        self.noun("where activityid = ?1", &[email.into()])
    }
}

impl Tx<'_> {
    /// Notes what it said of a mail that somebody has taken. Says whether he still has it; else nothing is noted.
    pub fn note_pre_send(&mut self, mail: &OutboxMail, answer: &PreSend) -> Result<bool, StoreError> {
        let sql = "select 1 from outboxmail where activityid = ?1 and owner = ?2 and attempts = ?3 /*pg for update*/";
        let params = [mail.activityid.into(), mail.owner.into(), mail.attempts.into()];
        if self.one(sql, &params, |_| Ok(()))?.is_none() {
            return Ok(false);
        }
        self.forget_pre_send(mail.activityid, answer.answeredon)?;
        self.insert(answer)?;
        Ok(true)
    }

    /// Has it asked anew. What the mail would have gone out as is left to the sweep.
    pub(crate) fn forget_pre_send(&mut self, email: Id, now: Timestamp) -> Result<(), StoreError> {
        let left = "insert into leftsource (sourceid, createdon) select sentblobid, ?2 from presend \
                    where activityid = ?1 and sentblobid is not null on conflict do nothing";
        self.execute(left, &[email.into(), now.into()])?;
        self.execute("delete from presend where activityid = ?1", &[email.into()]).map(drop)
    }
}
