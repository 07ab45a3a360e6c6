//! Drafts: e-mails that are not sent yet, and who may write as whom.
//!
//! *Invariant:* whoever takes a draft holds its row first, so of two who do it at once the second finds nothing.

use model::schema::people::{EmailSignature, SendAs};
use model::{Id, Timestamp};

use crate::StoreError;
use crate::rows::{Read, Tx};

impl Read<'_> {
    /// Whether a user may write as a queue.
    pub fn may_send_as(&self, user: Id, queue: Id) -> Result<bool, StoreError> {
        let sql = "select 1 from sendas where systemuserid = ?1 and queueid = ?2";
        Ok(self.one(sql, &[user.into(), queue.into()], |_| Ok(()))?.is_some())
    }

    /// What a user puts below his mail.
    pub fn signature(&self, owner: Id) -> Result<Option<EmailSignature>, StoreError> {
        self.noun("where ownerid = ?1", &[owner.into()])
    }

    /// Who may write as which queue.
    pub fn every_send_as(&self) -> Result<Vec<SendAs>, StoreError> {
        self.nouns("order by systemuserid, queueid", &[])
    }
}

impl Tx<'_> {
    /// Takes the rows of a draft away, for what comes in its place. Says whether it was one, made of this source where one
    /// is named. Its source is left to the sweep.
    pub fn take_draft(
        &mut self,
        email: Id,
        source: Option<&[u8]>,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let sql = "update email set statuscode = 1 \
                   where activityid = ?1 and statuscode = 1 and blobid = coalesce(?2, blobid)";
        if self.execute(sql, &[email.into(), source.into()])? == 0 {
            return Ok(false);
        }
        // What the sweep has taken since is not told of any more.
        let gone = "delete from leftsource where not exists (select 1 from blob b where b.blobid = sourceid)";
        self.execute(gone, &[])?;
        let left = "insert into leftsource (sourceid, createdon) \
                    select blobid, ?2 from email where activityid = ?1 on conflict do nothing";
        self.execute(left, &[email.into(), now.into()])?;
        for sql in [
            "delete from partycandidate where activitypartyid in \
             (select activitypartyid from activityparty where activityid = ?1)",
            "delete from activityparty where activityid = ?1",
            "delete from activitymimeattachment where activityid = ?1",
            "delete from email where activityid = ?1",
        ] {
            self.execute(sql, &[email.into()])?;
        }
        Ok(true)
    }

    /// Takes a mail out of the outbox that waits there, that nobody has, and that nobody got. Says whether it did.
    pub fn take_back_outbox(&mut self, email: Id, now: Timestamp) -> Result<bool, StoreError> {
        let sql = "delete from outboxmail \
                   where activityid = ?1 and waitsin is not null and owner is null and doton is null and not exists \
                   (select 1 from outboxrecipient r where r.activityid = ?1 and (r.statecode in (1, 3) or r.doton is not null))";
        if self.execute(sql, &[email.into()])? == 0 {
            return Ok(false);
        }
        self.execute("delete from outboxrecipient where activityid = ?1", &[email.into()])?;
        self.forget_pre_send(email, now)?;
        Ok(true)
    }

    /// Makes an e-mail that did not go out one that nothing is tied to by its signs.
    pub fn unmark_sent(&mut self, email: Id, (statecode, statuscode): (i32, i32)) -> Result<(), StoreError> {
        let sql = "update email set statecode = ?2, statuscode = ?3, messageid = null, conversationindex = null, \
                   trackingtoken = null, canonicalsubject = '' where activityid = ?1";
        self.execute(sql, &[email.into(), statecode.into(), statuscode.into()]).map(drop)
    }

    /// Takes back that an e-mail names a Message-ID.
    pub fn drop_reference(&mut self, keyhash: &[u8; 16], email: Id) -> Result<(), StoreError> {
        let sql = "delete from messagereference where keyhash = ?1 and activityid = ?2";
        self.execute(sql, &[keyhash.into(), email.into()]).map(drop)
    }

    /// Keeps what a user puts below his mail, in place of what it was; `None` takes it away.
    pub fn set_signature(&mut self, owner: Id, signature: Option<&EmailSignature>) -> Result<(), StoreError> {
        self.execute("delete from emailsignature where ownerid = ?1", &[owner.into()])?;
        signature.map_or(Ok(()), |signature| self.insert(signature))
    }

    /// Lets a user write as a queue; once is enough.
    pub fn grant_send_as(&mut self, grant: &SendAs) -> Result<(), StoreError> {
        self.insert_unless_there(grant)
    }

    /// Takes that back. Says whether it was so.
    pub fn revoke_send_as(&mut self, user: Id, queue: Id) -> Result<bool, StoreError> {
        let sql = "delete from sendas where systemuserid = ?1 and queueid = ?2";
        Ok(self.execute(sql, &[user.into(), queue.into()])? == 1)
    }
}
