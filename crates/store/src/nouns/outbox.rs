//! The outbox: mail that is to go out, taken by one node at a time, and settled recipient by recipient.
//!
//! What passes through: an outgoing mail with its recipients is put in within the unit that writes its e-mail; a node
//! claims it, notes that the end of its data goes out, and says what became of each recipient.
//!
//! *Invariant:* whoever claims a mail holds it under its number of attempts until it is due again by the server's clock.
//! What he writes later than that changes nothing.

use std::time::Duration;

use model::schema::mailboxes::EmailServerProfile;
use model::schema::outbox::{OutboxMail, OutboxRecipient};
use model::{Id, Timestamp, limits};

use crate::StoreError;
use crate::hints::Hint;
use crate::rows::{Param, Read, Tx};

/// What an e-mail goes out as.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EmailSource {
    /// By which its bytes are found.
    pub blobid: Vec<u8>,
    /// Whether its writer wants to hear that it was delivered.
    pub wants_report: bool,
    /// What the hook before sending said of it; of `PRE_SEND_ANSWERS`.
    pub pre_send: Option<i32>,
    /// The mailbox of its writer into which it is put when it went out.
    pub kept_in: Option<Id>,
}

/// What a node had that is no more.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LeftBehind {
    /// All of its mails.
    pub mails: usize,
    /// Those whose end may be out.
    pub past_their_end: usize,
    /// Those of them that nobody tries until a person says so.
    pub for_a_person: usize,
}

/// The lane of mail to many; of `LANES`.
const BULK: i32 = 1;

impl Read<'_> {
    /// How an e-mail stands that went out from here; `None` where it did not.
    pub fn outbox_mail(&self, email: Id) -> Result<Option<OutboxMail>, StoreError> {
        self.noun("where activityid = ?1", &[email.into()])
    }

    /// The recipients in its envelope, in their order.
    pub fn outbox_recipients(&self, email: Id) -> Result<Vec<OutboxRecipient>, StoreError> {
        self.nouns("where activityid = ?1 order by recipientnumber", &[email.into()])
    }

    /// One of them.
    pub fn outbox_recipient(&self, email: Id, number: i32) -> Result<Option<OutboxRecipient>, StoreError> {
        self.noun("where activityid = ?1 and recipientnumber = ?2", &[email.into(), number.into()])
    }

    /// What an e-mail goes out as; `None` where it is not here.
    pub fn email_source(&self, email: Id) -> Result<Option<EmailSource>, StoreError> {
        let sql = "select coalesce(p.sentblobid, e.blobid), e.deliveryreceiptrequested, p.answer, \
                   (select m.mailboxid from mailbox m where m.keepssentof = e.ownerid order by m.mailboxid limit 1) \
                   from email e left join presend p on p.activityid = e.activityid where e.activityid = ?1";
        self.one(sql, &[email.into()], |row| {
            let (blobid, wants_report) = (row.take()?, row.take()?);
            Ok(EmailSource { blobid, wants_report, pre_send: row.take()?, kept_in: row.take()? })
        })
    }

    /// Whether a mail of a lane may be taken to a relay now.
    pub fn is_outbox_due(&self, (relay, lane): (Id, i32), now: Timestamp) -> Result<bool, StoreError> {
        let sql = "select 1 from outboxmail where waitsin = ?3 and emailserverprofileid = ?2 \
                   and dueon <= (select leaseclock(?1)) limit 1";
        Ok(self.one(sql, &[now.into(), relay.into(), lane.into()], |_| Ok(()))?.is_some())
    }

    /// To whom mails of a lane go that wait for a way out, that nobody has, and that are due within so many seconds and not yet: those
    /// that are due first, each recipient with the milliseconds until then.
    pub fn outbox_away(
        &self,
        (way, lane): (Id, i32),
        (now, seconds): (Timestamp, i64),
        limit: usize,
    ) -> Result<Vec<(i64, String)>, StoreError> {
        let sql = "select m.dueon - (select leaseclock(?3)), r.address from outboxmail m \
                   join outboxrecipient r on r.activityid = m.activityid and r.statecode = 0 \
                   where m.waitsin = ?2 and m.emailserverprofileid = ?1 and m.owner is null \
                   and m.dueon > (select leaseclock(?3)) and m.dueon <= (select leaseclock(?3)) + ?4 \
                   order by m.dueon limit ?5";
        let milliseconds = seconds.saturating_mul(1_000);
        let params = [way.into(), lane.into(), now.into(), milliseconds.into(), limit.into()];
        self.rows(sql, &params, |row| Ok((row.take()?, row.take()?)))
    }

    /// The nodes that have mails.
    pub fn outbox_owners(&self) -> Result<Vec<Id>, StoreError> {
        let sql = "select distinct owner from outboxmail where owner is not null";
        self.rows(sql, &[], |row| row.take())
    }

    /// The mails that a node has and the end of whose data certainly did not go out since it took them, each with the count under
    /// which it did.
    pub fn outbox_held(&self, owner: Id) -> Result<Vec<(Id, i32)>, StoreError> {
        let sql = "select activityid, attempts from outboxmail \
                   where owner = ?1 and (dotattempt is null or dotattempt <> attempts)";
        self.rows(sql, &[owner.into()], |row| Ok((row.take()?, row.take()?)))
    }

    /// What went wrong last with the mail of a lane that waits longest for a way out.
    pub fn first_error_at(&self, (way, lane): (Id, i32)) -> Result<Option<String>, StoreError> {
        let sql = "select lasterror from outboxmail where waitsin = ?1 and emailserverprofileid = ?2 order by dueon limit 1";
        Ok(self.one(sql, &[lane.into(), way.into()], |row| row.take::<Option<String>>())?.flatten())
    }

    /// What was put in last, the newest first.
    pub fn outbox(&self, limit: usize) -> Result<Vec<OutboxMail>, StoreError> {
        self.nouns("order by createdon desc limit ?1", &[limit.into()])
    }
}

impl Tx<'_> {
    /// Puts a mail in, and tells other nodes when it is due.
    pub fn put_into_outbox(
        &mut self,
        mail: &OutboxMail,
        recipients: &[OutboxRecipient],
    ) -> Result<(), StoreError> {
        self.insert(mail)?;
        recipients.iter().try_for_each(|recipient| self.insert(recipient))?;
        let after = mail.dueon.0.saturating_sub(mail.createdon.0);
        self.hint(Hint::Outbox, Duration::from_millis(u64::try_from(after).unwrap_or(0)));
        Ok(())
    }

    /// Takes mails of a lane that are due to a relay, those that wait longest first, for a node and for
    /// `limits::OUTBOX_LEASE_SECONDS`. What comes back is what the other functions ask for: the mail as its taker holds
    /// it. Ask within a unit that does nothing else.
    pub fn claim_outbox(
        &mut self,
        owner: Id,
        (relay, lane): (Id, i32),
        (now, limit): (Timestamp, usize),
    ) -> Result<Vec<OutboxMail>, StoreError> {
        // The time is selected once: an index is not asked for what a server's clock may say anew at each row.
        let tail = "where waitsin = ?2 and emailserverprofileid = ?4 and dueon <= (select leaseclock(?1)) \
                    order by dueon limit ?3 \
                    /*pg for update skip locked*/";
        let params = [now.into(), lane.into(), limit.into(), relay.into()];
        // First, for what is asked before something is locked or changed is asked together.
        let returndomain = self.email_server_profile(relay)?.and_then(|relay| relay.returndomain);
        let found: Vec<OutboxMail> = self.nouns(tail, &params)?;
        let mut claimed: Vec<OutboxMail> = Vec::with_capacity(found.len());
        for mail in found {
            let was_past_its_end = mail.owner.is_some() && mail.dotattempt == Some(mail.attempts);
            if was_past_its_end && mail.lane == BULK {
                self.leave_to_a_person(mail.activityid, now)?;
                continue;
            }
            if let (Some(doton), None, Some(_)) = (mail.doton, &mail.returndomain, &returndomain) {
                self.mark_each(mail.activityid, doton)?;
            }
            claimed.push(OutboxMail {
                owner: Some(owner),
                attempts: mail.attempts + 1,
                returndomain: returndomain.clone(),
                ..mail
            });
        }
        let ids: Vec<Id> = claimed.iter().map(|mail| mail.activityid).collect();
        self.hold_outbox_of(&ids, (owner, now, returndomain.as_deref()))?;
        Ok(claimed)
    }

    /// A mail that may be out for all who wait is tried for each alone from now on: so each gets the mark.
    fn mark_each(&mut self, mail: Id, doton: Timestamp) -> Result<(), StoreError> {
        let sql =
            "update outboxrecipient set doton = coalesce(doton, ?2) where activityid = ?1 and statecode = 0";
        self.execute(sql, &[mail.into(), doton.into()]).map(drop)
    }

    /// Notes that the end of a mail's data is about to go out. Says whether its taker may send it: he still has it, and from
    /// now on for longer than the answer may take.
    pub fn begin_dot(&mut self, mail: &OutboxMail, now: Timestamp) -> Result<bool, StoreError> {
        let params = [
            mail.activityid.into(),
            mail.owner.into(),
            mail.attempts.into(),
            now.into(),
            ANSWER_MILLISECONDS.into(),
            LEASE_MILLISECONDS.into(),
        ];
        if self.is_shared()? {
            // An engine that compares what a column was with what it is to be changes no index where that is the same.
            let sql = "update outboxmail set earlierdoton = case when dotattempt = ?3 then earlierdoton else doton end, \
                       doton = leaseclock(?4), dotattempt = ?3, \
                       dueon = case when dueon > leaseclock(?4) + ?5 then dueon else leaseclock(?4) + ?6 end \
                       where activityid = ?1 and owner = ?2 and attempts = ?3";
            return self.change_held(mail, sql, &params);
        }
        // Mostly there is time enough left, and no index changes. Whoever says it twice under one attempt has one mark.
        let sql = "update outboxmail set earlierdoton = case when dotattempt = ?3 then earlierdoton else doton end, \
                   doton = leaseclock(?4), dotattempt = ?3 \
                   where activityid = ?1 and owner = ?2 and attempts = ?3 and dueon > leaseclock(?4) + ?5";
        let [id, owner, attempts, now, answer, lease] = params;
        if self.execute(sql, &[id, owner, attempts, now, answer])? == 1 {
            return Ok(true);
        }
        let sql = "update outboxmail set earlierdoton = case when dotattempt = ?3 then earlierdoton else doton end, \
                   doton = leaseclock(?4), dotattempt = ?3, dueon = leaseclock(?4) + ?5 \
                   where activityid = ?1 and owner = ?2 and attempts = ?3";
        Ok(self.execute(sql, &[id, owner, attempts, now, lease])? == 1)
    }

    /// Changes a mail where whoever took it has it still; says whether he has. Where a change is a trip to a server, that he has it is
    /// asked of all mails of a batch at once, and holds them; the changes go out together.
    fn change_held(
        &mut self,
        mail: &OutboxMail,
        sql: &'static str,
        params: &[Param<'_>],
    ) -> Result<bool, StoreError> {
        if !self.is_shared()? {
            return Ok(self.execute(sql, params)? == 1);
        }
        // By its own id alone: what the batch changes of the node's other mails is no reason to ask anew.
        let sql_held = "select owner, attempts from outboxmail where activityid = ?1 /*pg for update*/";
        let holder: Option<(Option<Id>, i32)> =
            self.one(sql_held, &[mail.activityid.into()], |row| Ok((row.take()?, row.take()?)))?;
        let is_held = mail.owner.is_some() && holder == Some((mail.owner, mail.attempts));
        if is_held {
            self.change_unasked(sql, params)?;
        }
        Ok(is_held)
    }

    /// Lets whoever took a mail have it for as long as at first. Says whether he still had it.
    pub fn renew_outbox(&mut self, mail: &OutboxMail, now: Timestamp) -> Result<bool, StoreError> {
        self.lease_outbox(mail, (now, limits::OUTBOX_LEASE_SECONDS))
    }

    /// Lets whoever took a mail have it for so many seconds from now on. Says whether he still had it.
    pub fn lease_outbox(
        &mut self,
        mail: &OutboxMail,
        (now, seconds): (Timestamp, i64),
    ) -> Result<bool, StoreError> {
        let sql = "update outboxmail set dueon = leaseclock(?4) + ?5 \
                   where activityid = ?1 and owner = ?2 and attempts = ?3";
        let params = [
            mail.activityid.into(),
            mail.owner.into(),
            mail.attempts.into(),
            now.into(),
            seconds.saturating_mul(1_000).into(),
        ];
        self.change_held(mail, sql, &params)
    }

    /// Says what became of a recipient.
    pub fn settle_recipient(&mut self, recipient: &OutboxRecipient) -> Result<(), StoreError> {
        let sql = "update outboxrecipient set statecode = ?3, replycode = ?4, replytext = ?5, settledon = ?6, \
                   attempts = ?7, dueon = ?8, doton = ?9 where activityid = ?1 and recipientnumber = ?2";
        let params = [
            recipient.activityid.into(),
            recipient.recipientnumber.into(),
            recipient.statecode.into(),
            recipient.replycode.into(),
            recipient.replytext.as_ref().into(),
            recipient.settledon.into(),
            recipient.attempts.into(),
            recipient.dueon.into(),
            recipient.doton.into(),
        ];
        self.change_unasked(sql, &params)
    }

    /// Lets a mail go that was claimed, as it says: when it is due again and in which lane, or that it has ended. Says whether
    /// its taker still held it; if not, it is another's by now, and what was done for it belongs undone.
    pub fn release_outbox(&mut self, mail: &OutboxMail) -> Result<bool, StoreError> {
        let sql = "update outboxmail set waitsin = ?4, dueon = ?5, owner = null, doton = ?6, lasterror = ?7, \
                   endedon = ?8, tries = ?9 where activityid = ?1 and owner = ?2 and attempts = ?3";
        let params = [
            mail.activityid.into(),
            mail.owner.into(),
            mail.attempts.into(),
            mail.waitsin.into(),
            mail.dueon.into(),
            mail.doton.into(),
            mail.lasterror.as_ref().into(),
            mail.endedon.into(),
            mail.tries.into(),
        ];
        self.change_held(mail, sql, &params)
    }

    /// Lets go of a mail that a node took under this count and does not know of, unless the end of its data may be out. Says whether
    /// it did. Whoever knows of it all the same has lost it, and may not end it.
    pub fn let_go_of_outbox(
        &mut self,
        owner: Id,
        (email, attempts): (Id, i32),
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let sql = "update outboxmail set owner = null, dueon = leaseclock(?4) where activityid = ?1 and owner = ?2 \
                   and attempts = ?3 and (dotattempt is null or dotattempt <> attempts)";
        Ok(self.execute(sql, &[email.into(), owner.into(), attempts.into(), now.into()])? == 1)
    }

    /// Lets go of what a node has, which is no more.
    pub fn free_outbox(&mut self, owner: Id, now: Timestamp) -> Result<LeftBehind, StoreError> {
        let sql = "select activityid from outboxmail where owner = ?1 and lane = 1 and dotattempt = attempts";
        let bulk: Vec<Id> = self.rows(sql, &[owner.into()], |row| row.take())?;
        let sql = "select count(*) from outboxmail where owner = ?1 and lane = 0 and dotattempt = attempts";
        let personal: i64 = self.one(sql, &[owner.into()], |row| row.take())?.unwrap_or(0);
        for mail in &bulk {
            self.leave_to_a_person(*mail, now)?;
        }
        let sql = "update outboxmail set owner = null, dueon = leaseclock(?2) where owner = ?1";
        let freed = self.execute(sql, &[owner.into(), now.into()])?;
        let personal = usize::try_from(personal).unwrap_or_default();
        Ok(LeftBehind {
            mails: freed + bulk.len(),
            past_their_end: personal + bulk.len(),
            for_a_person: bulk.len(),
        })
    }

    /// Lets go of what somebody holds for longer than he said.
    pub fn free_late_outbox(&mut self, owner: Id, now: Timestamp) -> Result<LeftBehind, StoreError> {
        let tail = "where owner = ?1 and dueon <= (select leaseclock(?2)) /*pg for update skip locked*/";
        let late: Vec<OutboxMail> = self.nouns(tail, &[owner.into(), now.into()])?;
        let mut left = LeftBehind { mails: late.len(), ..LeftBehind::default() };
        for mail in late {
            let is_past_its_end = mail.dotattempt == Some(mail.attempts);
            left.past_their_end += usize::from(is_past_its_end);
            if is_past_its_end && mail.lane == BULK {
                left.for_a_person += 1;
                self.leave_to_a_person(mail.activityid, now)?;
                continue;
            }
            let sql = "update outboxmail set owner = null where activityid = ?1";
            self.execute(sql, &[mail.activityid.into()])?;
        }
        Ok(left)
    }

    /// Whoever had a bulk mail was past its end: nobody tries it until a person says so. Where each recipient has a return path of
    /// his own, it is the one whose turn it was, and the others go on.
    fn leave_to_a_person(&mut self, mail: Id, now: Timestamp) -> Result<(), StoreError> {
        let sql = "update outboxrecipient set statecode = 3 where activityid = ?1 and statecode = 0 and (exists \
                   (select 1 from outboxmail m where m.activityid = ?1 and m.returndomain is null) or recipientnumber = \
                   (select r.recipientnumber from outboxrecipient r where r.activityid = ?1 and r.statecode = 0 \
                   order by r.dueon, r.recipientnumber limit 1))";
        self.execute(sql, &[mail.into()])?;
        let sql = "update outboxmail set waitsin = case when exists (select 1 from outboxrecipient r \
                   where r.activityid = ?1 and r.statecode = 0) then lane end, \
                   doton = case when returndomain is null then doton end, owner = null, dueon = leaseclock(?2), \
                   lasterror = 'a node went away while it was sent' where activityid = ?1";
        self.execute(sql, &[mail.into(), now.into()]).map(drop)
    }

    /// Has a mail tried again now, also for recipients who were given up, by its way out or by another one. Says whether it did:
    /// nobody has it, and somebody is left to be tried.
    pub fn retry_outbox(
        &mut self,
        (email, way): (Id, Option<Id>),
        (now, expireson): (Timestamp, Timestamp),
    ) -> Result<bool, StoreError> {
        let sql = "update outboxmail set waitsin = lane, dueon = ?2, expireson = ?3, endedon = null, lasterror = null, \
                   emailserverprofileid = coalesce(?4, emailserverprofileid) where activityid = ?1 and owner is null and exists \
                   (select 1 from outboxrecipient r where r.activityid = ?1 and r.statecode in (0, 2, 3))";
        if self.execute(sql, &[email.into(), now.into(), expireson.into(), way.into()])? == 0 {
            return Ok(false);
        }
        self.hint(Hint::Outbox, Duration::ZERO);
        // Who may have it may have it still, whatever is said of the mail from now on.
        let sql = "update outboxrecipient set statecode = 0, settledon = null, attempts = 0, dueon = 0, \
                   replytext = case when replycode is not null then replytext end, \
                   doton = case when statecode = 3 then coalesce(doton, settledon, ?2) else doton end \
                   where activityid = ?1 and statecode in (0, 2, 3)";
        self.execute(sql, &[email.into(), now.into()])?;
        // What somebody may have got stays what he got; else the hook is asked anew.
        let sql = "select 1 from outboxmail m where m.activityid = ?1 and (m.doton is not null or exists \
                   (select 1 from outboxrecipient r where r.activityid = ?1 and (r.statecode = 1 or r.doton is not null)))";
        if self.one(sql, &[email.into()], |_| Ok(()))?.is_none() {
            self.forget_pre_send(email, now)?;
        }
        Ok(true)
    }

    /// Has some of the mails of a lane that wait for one way out, and that nobody has, go by another: what was tried and put off at
    /// once, what is to go later then. Says which: with none the last one was moved. Ask within a unit that does nothing else.
    pub fn move_outbox(
        &mut self,
        (from, to, lane): (Id, Id, i32),
        limit: usize,
        times: (Timestamp, Timestamp),
    ) -> Result<Vec<Id>, StoreError> {
        let sql = "select activityid from outboxmail where waitsin = ?2 and emailserverprofileid = ?1 and owner is null \
                   order by dueon limit ?3 /*pg for update skip locked*/";
        let moved: Vec<Id> = self.rows(sql, &[from.into(), lane.into(), limit.into()], |row| row.take())?;
        self.move_outbox_of(&moved, to, times)?;
        self.hint(Hint::Outbox, Duration::ZERO);
        Ok(moved)
    }

    /// Says of the first mails that wait for a way out longer than so many seconds why nobody takes them. Says of how many.
    pub fn note_untaken(
        &mut self,
        (way, lane): (Id, i32),
        words: &str,
        (now, seconds): (Timestamp, i64),
    ) -> Result<usize, StoreError> {
        let sql = "update outboxmail set lasterror = ?4 where lasterror is null and activityid in \
                   (select activityid from outboxmail where waitsin = ?3 and emailserverprofileid = ?2 \
                   and dueon <= (select leaseclock(?1)) - ?5 order by dueon limit 10 /*pg for update skip locked*/)";
        let late = seconds.saturating_mul(1_000);
        self.execute(sql, &[now.into(), way.into(), lane.into(), words.into(), late.into()])
    }

    /// Says how far an e-mail is that goes out.
    pub fn set_email_status(
        &mut self,
        email: Id,
        (statecode, statuscode): (i32, i32),
    ) -> Result<(), StoreError> {
        let sql = "update email set statecode = ?2, statuscode = ?3 where activityid = ?1";
        self.change_unasked(sql, &[email.into(), statecode.into(), statuscode.into()])
    }

    /// Says anew where a relay is, and who signs in there. Says whether it is there.
    pub fn set_relay(&mut self, relay: &EmailServerProfile) -> Result<bool, StoreError> {
        let sql = "update emailserverprofile set certificateauthority = ?2, outgoingserverlocation = ?3, \
                   outgoingportnumber = ?4, outgoingtlsmode = ?5, outgoingusername = ?6, outgoingpassword = ?7, \
                   returndomain = ?8, servertype = ?9 where emailserverprofileid = ?1";
        let params = [
            relay.emailserverprofileid.into(),
            relay.certificateauthority.as_ref().into(),
            relay.outgoingserverlocation.as_ref().into(),
            relay.outgoingportnumber.into(),
            relay.outgoingtlsmode.into(),
            relay.outgoingusername.as_ref().into(),
            relay.outgoingpassword.as_ref().into(),
            relay.returndomain.as_ref().into(),
            relay.servertype.into(),
        ];
        Ok(self.execute(sql, &params)? == 1)
    }

    /// Cancels a mail that waits and that nobody has. Says whether it did. `doubt` is what is said of it where somebody may have it
    /// for whom no answer came.
    pub fn cancel_outbox(&mut self, email: Id, (now, doubt): (Timestamp, &str)) -> Result<bool, StoreError> {
        let sql = "update outboxmail set waitsin = null, endedon = ?2, lasterror = case when exists \
                   (select 1 from outboxrecipient r where r.activityid = ?1 and r.statecode = 0 and r.doton is not null) \
                   then ?3 else lasterror end \
                   where activityid = ?1 and waitsin is not null and owner is null and doton is null";
        if self.execute(sql, &[email.into(), now.into(), doubt.into()])? == 0 {
            return Ok(false);
        }
        let sql = "update outboxrecipient set statecode = case when doton is null then 4 else 3 end, settledon = ?2 \
                   where activityid = ?1 and statecode = 0";
        self.execute(sql, &[email.into(), now.into()])?;
        Ok(true)
    }
}

pub(super) const LEASE_MILLISECONDS: i64 = limits::OUTBOX_LEASE_SECONDS * 1_000;
const ANSWER_MILLISECONDS: i64 = limits::OUTBOX_ANSWER_SECONDS * 1_000;
