//! E-mails with their parties, attachments, versions and conversations.

use model::decision::RecordRef;
use model::schema::emails::{
    ActivityMimeAttachment, ActivityParty, Email, EmailCopy, EmailVersion, PartyCandidate, QueueItem,
};
use model::{Id, Timestamp, limits};

use crate::StoreError;
use crate::rows::{Param, Read, Tx};

/// What a decision asks of an e-mail that is there: the columns of [`Email`] with these names.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "they are documented at their table")]
pub struct EmailFacts {
    pub subject: String,
    pub canonicalsubject: String,
    pub conversationtrackingid: Id,
    pub regardingobjectid: Option<Id>,
    pub regardingobjecttypecode: Option<i32>,
    pub acceptingentityid: Option<Id>,
    pub acceptingentitytypecode: Option<i32>,
    pub sender: Option<String>,
    pub sortdate: Timestamp,
    pub directioncode: bool,
    pub marks: i64,
}

impl Read<'_> {
    /// The e-mail with this id.
    pub fn email(&self, id: Id) -> Result<Option<Email>, StoreError> {
        self.noun("where activityid = ?1", &[id.into()])
    }

    /// What a decision asks of an e-mail that is there.
    pub fn email_facts(&self, id: Id) -> Result<Option<EmailFacts>, StoreError> {
        let sql = "select subject, canonicalsubject, conversationtrackingid, regardingobjectid,
                regardingobjecttypecode, acceptingentityid, acceptingentitytypecode, sender, sortdate, directioncode,
                marks
            from email
            where activityid = ?1";
        self.one(sql, &[id.into()], |row| {
            Ok(EmailFacts {
                subject: row.take()?,
                canonicalsubject: row.take()?,
                conversationtrackingid: row.take()?,
                regardingobjectid: row.take()?,
                regardingobjecttypecode: row.take()?,
                acceptingentityid: row.take()?,
                acceptingentitytypecode: row.take()?,
                sender: row.take()?,
                sortdate: row.take()?,
                directioncode: row.take()?,
                marks: row.take()?,
            })
        })
    }

    /// Whether an e-mail still stands in a conversation, and whoever brings that one into another waits until this unit
    /// of work ends.
    pub fn stands_in(&self, email: Id, conversation: Id) -> Result<bool, StoreError> {
        if !self.is_shared()? {
            return Ok(true);
        }
        self.hold(&conversation.0)?;
        let sql = "select 1 from email where activityid = ?1 and conversationtrackingid = ?2";
        Ok(self.one(sql, &[email.into(), conversation.into()], |_| Ok(()))?.is_some())
    }

    /// The parties of an e-mail, sender first.
    pub fn parties(&self, email: Id) -> Result<Vec<ActivityParty>, StoreError> {
        self.nouns("where activityid = ?1 order by participationtypemask, activitypartyid", &[email.into()])
    }

    /// Whom an ambiguous party could mean, the likeliest first.
    pub fn party_candidates(&self, party: Id) -> Result<Vec<PartyCandidate>, StoreError> {
        self.nouns("where activitypartyid = ?1 order by rank", &[party.into()])
    }

    /// The attachments of an e-mail, in order.
    pub fn attachments(&self, email: Id) -> Result<Vec<ActivityMimeAttachment>, StoreError> {
        self.nouns("where activityid = ?1 order by attachmentnumber", &[email.into()])
    }

    /// E-mails that an address sent under a canonical subject within a time, by their sort date: the newest of them,
    /// in no order. A party is found by its record where it is tied to one, else by the address.
    pub fn emails_by_sender(
        &self,
        (address, record, subject): (&str, Option<Id>, &str),
        (from, to): (Timestamp, Timestamp),
        limit: usize,
    ) -> Result<Vec<Email>, StoreError> {
        let (from, to) = (from.into(), to.into());
        let looked_at = limits::SENT_ROWS_MAX.into();
        // The subject comes before the limit: whoever writes much would hide the mail that is looked for. But not
        // all that he wrote is looked at, for the writer is held meanwhile.
        let Some(record) = record else {
            let params: [Param<'_>; 6] = [address.into(), from, to, subject.into(), limit.into(), looked_at];
            return self.nouns(
                "where activityid in (select activityid from (select activityid, sortdate from activityparty \
                 where addressused = ?1 and partyid is null \
                 and sortdate between ?2 and ?3 and participationtypemask = 1 \
                 order by sortdate desc limit ?6) p \
                 where exists (select 1 from email e where e.activityid = p.activityid and e.canonicalsubject = ?4 \
                 and e.statuscode <> 1) \
                 order by sortdate desc limit ?5)",
                &params,
            );
        };
        let params: [Param<'_>; 7] =
            [address.into(), record.into(), from, to, subject.into(), limit.into(), looked_at];
        self.nouns(
            "where activityid in (select activityid from (select activityid, sortdate from activityparty \
             where addressused = ?1 and partyid = ?2 and sortdate between ?3 and ?4 and participationtypemask = 1 \
             order by sortdate desc limit ?7) p \
             where exists (select 1 from email e where e.activityid = p.activityid and e.canonicalsubject = ?5 \
             and e.statuscode <> 1) \
             order by sortdate desc limit ?6)",
            &params,
        )
    }

    /// E-mails that carry a token, most recent first.
    pub fn emails_by_token(&self, token: &str, limit: usize) -> Result<Vec<Id>, StoreError> {
        self.hold(token.as_bytes())?;
        let sql = "select activityid from email where trackingtoken = ?1 order by sortdate desc limit ?2";
        self.rows(sql, &[token.into(), limit.into()], |row| row.take())
    }

    /// E-mails that carry a token and are here for this reason, the eldest first.
    pub fn first_emails_by_token(
        &self,
        (token, reason): (&str, i32),
        limit: usize,
    ) -> Result<Vec<Id>, StoreError> {
        self.hold(token.as_bytes())?;
        let sql = "select activityid from email where trackingtoken = ?1 and reason = ?2 order by sortdate limit ?3";
        self.rows(sql, &[token.into(), reason.into(), limit.into()], |row| row.take())
    }

    /// E-mails with this conversation part of `Thread-Index`, in no order.
    pub fn emails_by_thread_index(&self, index: &str, limit: usize) -> Result<Vec<Id>, StoreError> {
        self.hold(index.as_bytes())?;
        let sql = "select activityid from email where conversationindex = ?1 limit ?2";
        self.rows(sql, &[index.into(), limit.into()], |row| row.take())
    }

    /// The e-mails of a conversation, oldest first.
    pub fn conversation(&self, conversation: Id, limit: usize) -> Result<Vec<Email>, StoreError> {
        let tail = "where conversationtrackingid = ?1 order by sortdate, activityid limit ?2";
        self.nouns(tail, &[conversation.into(), limit.into()])
    }

    /// The copies that brought an e-mail, in the order of their arrival.
    pub fn email_copies(&self, email: Id) -> Result<Vec<EmailCopy>, StoreError> {
        // The ids of old mail say where it lay, not when it came.
        let tail = "where activityid = ?1 \
                    order by (select copynumber from copy c where c.copyid = emailcopy.copyid), recipient";
        self.nouns(tail, &[email.into()])
    }

    /// The copy whose original became an e-mail: it brought the first source.
    pub fn first_copy_of(&self, email: Id) -> Result<Option<Id>, StoreError> {
        // 3 is stored.
        let sql = "select copyid from outcome where activityid = ?1 and outcome = 3 limit 1";
        self.one(sql, &[email.into()], |row| row.take())
    }

    /// Other sources of an e-mail.
    pub fn email_versions(&self, email: Id) -> Result<Vec<EmailVersion>, StoreError> {
        self.nouns("where activityid = ?1", &[email.into()])
    }

    /// The queues an e-mail stands in.
    pub fn queue_items_of(&self, email: Id) -> Result<Vec<QueueItem>, StoreError> {
        self.nouns("where objectid = ?1", &[email.into()])
    }

    /// Parties without a record that have this address, newest first.
    pub fn open_parties(&self, address: &str, limit: usize) -> Result<Vec<ActivityParty>, StoreError> {
        let tail = "where addressused = ?1 and partyid is null order by sortdate desc limit ?2";
        self.nouns(tail, &[address.into(), limit.into()])
    }
}

/// What an e-mail is tied to, and how.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tie {
    /// The e-mail that it continues.
    pub email: Id,
    /// Whether it answers that one, which makes it the parent.
    pub is_answer: bool,
    /// The correlation method, as in the column.
    pub method: i32,
    /// The correlation rank, as in the column.
    pub rank: i32,
    /// What that e-mail is about.
    pub regarding: Option<RecordRef>,
}

impl Tx<'_> {
    /// Writes an e-mail.
    pub fn add_email(&mut self, email: &Email) -> Result<(), StoreError> {
        self.insert(email)
    }

    /// Writes a party with its candidates.
    pub fn add_party(
        &mut self,
        party: &ActivityParty,
        candidates: &[PartyCandidate],
    ) -> Result<(), StoreError> {
        self.insert(party)?;
        candidates.iter().try_for_each(|candidate| self.insert(candidate))
    }

    /// Writes an attachment.
    pub fn add_attachment(&mut self, attachment: &ActivityMimeAttachment) -> Result<(), StoreError> {
        self.insert(attachment)
    }

    /// Notes that a copy brought an e-mail.
    pub fn add_email_copy(&mut self, copy: &EmailCopy) -> Result<(), StoreError> {
        self.insert_unless_there(copy)
    }

    /// Keeps another source of an e-mail. Says whether it was new.
    pub fn add_version(&mut self, version: &EmailVersion) -> Result<bool, StoreError> {
        self.insert_if_absent(version)
    }

    /// Puts an e-mail into a queue; once is enough.
    pub fn add_queue_item(&mut self, item: &QueueItem) -> Result<bool, StoreError> {
        self.insert_if_absent(item)
    }

    /// Brings a conversation into another. At most [`limits::CONVERSATION_JOIN_MAX`] e-mails move in one
    /// unit of work; the number that moved is returned.
    pub fn join_conversation(&mut self, from: Id, into: Id) -> Result<usize, StoreError> {
        let sql = "update email set conversationtrackingid = ?2 where activityid in \
                   (select activityid from email where conversationtrackingid = ?1 limit ?3)";
        self.execute(sql, &[from.into(), into.into(), limits::CONVERSATION_JOIN_MAX.into()])
    }

    /// A mail that came before what it continues is tied to it, unless it is tied by a nearer sign already. Says
    /// whether it was.
    pub fn adopt(&mut self, later: Id, tie: &Tie) -> Result<bool, StoreError> {
        let sql = "update email set parentactivityid = ?2, correlatedactivityid = ?3, correlationmethod = ?4, \
                   correlationrank = ?5, regardingobjectid = coalesce(regardingobjectid, ?6), \
                   regardingobjecttypecode = coalesce(regardingobjecttypecode, ?7) \
                   where activityid = ?1 and (correlationmethod = 0 or correlationrank > ?5)";
        let parent = tie.is_answer.then_some(tie.email);
        let regarding = tie.regarding.map(|record| record.id);
        let regarding_code = tie.regarding.map(|record| record.entity as i32);
        let params: [Param<'_>; 7] = [
            later.into(),
            parent.into(),
            tie.email.into(),
            tie.method.into(),
            tie.rank.into(),
            regarding.into(),
            regarding_code.into(),
        ];
        Ok(self.execute(sql, &params)? == 1)
    }

    /// Gives an e-mail a fuller source, with its attachments.
    pub fn replace_source(
        &mut self,
        email: &Email,
        attachments: &[ActivityMimeAttachment],
    ) -> Result<(), StoreError> {
        let id = email.activityid;
        let sql = "update email set blobid = ?2, size = ?3, preview = ?4, attachmentcount = ?5, messageid = ?6, \
                   unwrapmethod = ?7 where activityid = ?1";
        let params: [Param<'_>; 7] = [
            id.into(),
            (&email.blobid).into(),
            email.size.into(),
            (&email.preview).into(),
            email.attachmentcount.into(),
            email.messageid.as_ref().into(),
            (&email.unwrapmethod).into(),
        ];
        self.execute(sql, &params)?;
        self.execute("delete from activitymimeattachment where activityid = ?1", &[id.into()])?;
        attachments.iter().try_for_each(|attachment| self.add_attachment(attachment))
    }

    /// Says anew what a guess said wrong or not at all: subject, time, recipients, id, direction, how it came, what
    /// it continues, its marks and its decision. What it is about stays where it is known.
    pub fn revise_email(&mut self, email: &Email) -> Result<(), StoreError> {
        let sql = "update email set subject = ?2, canonicalsubject = ?3, senton = ?4, sortdate = ?5, \
                   torecipients = ?6, inreplyto = ?7, messageid = ?8, unwrapmethod = ?9, marks = ?10, decision = ?11, \
                   directioncode = ?12, statuscode = ?13, parentactivityid = ?14, correlatedactivityid = ?15, \
                   correlationmethod = ?16, correlationrank = ?17, conversationindex = ?18, \
                   regardingobjecttypecode = case when regardingobjectid is null then ?20 \
                   else regardingobjecttypecode end, regardingobjectid = coalesce(regardingobjectid, ?19) \
                   where activityid = ?1";
        let id = email.activityid;
        let params: [Param<'_>; 20] = [
            id.into(),
            (&email.subject).into(),
            (&email.canonicalsubject).into(),
            email.senton.into(),
            email.sortdate.into(),
            (&email.torecipients).into(),
            email.inreplyto.as_ref().into(),
            email.messageid.as_ref().into(),
            (&email.unwrapmethod).into(),
            email.marks.into(),
            (&email.decision).into(),
            email.directioncode.into(),
            email.statuscode.into(),
            email.parentactivityid.into(),
            email.correlatedactivityid.into(),
            email.correlationmethod.into(),
            email.correlationrank.into(),
            email.conversationindex.as_ref().into(),
            email.regardingobjectid.into(),
            email.regardingobjecttypecode.into(),
        ];
        self.execute(sql, &params)?;
        let sql = "update activityparty set sortdate = ?2 where activityid = ?1";
        self.execute(sql, &[id.into(), email.sortdate.into()]).map(drop)
    }

    /// Ties a party to a record.
    pub fn settle_party(&mut self, party: &ActivityParty, record: RecordRef) -> Result<(), StoreError> {
        let sql = "update activityparty set partyid = ?3, partyobjecttypecode = ?4, isambiguous = null \
                   where activityid = ?1 and activitypartyid = ?2";
        let (email, id) = (party.activityid, party.activitypartyid);
        self.execute(sql, &[email.into(), id.into(), record.id.into(), (record.entity as i32).into()])?;
        self.execute("delete from partycandidate where activitypartyid = ?1", &[id.into()]).map(drop)
    }

    /// Gives an ambiguous party its candidates.
    pub fn set_candidates(
        &mut self,
        party: &ActivityParty,
        ranked: &[PartyCandidate],
    ) -> Result<(), StoreError> {
        let sql = "update activityparty set isambiguous = 1 where activityid = ?1 and activitypartyid = ?2";
        let id = party.activitypartyid;
        self.execute(sql, &[party.activityid.into(), id.into()])?;
        self.execute("delete from partycandidate where activitypartyid = ?1", &[id.into()])?;
        ranked.iter().try_for_each(|candidate| self.insert(candidate))
    }
}
