//! Lists for pages: few columns, newest or first by name, one page at a time.

use model::schema::emails::PartyCandidate;
use model::{Id, Timestamp};

use crate::StoreError;
use crate::rows::{Param, Read, RowValues};

/// An e-mail in a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EmailLine {
    /// The e-mail.
    pub id: Id,
    /// Its subject.
    pub subject: String,
    /// Its first words.
    pub preview: String,
    /// Whether it went out.
    pub is_outgoing: bool,
    /// Its sender's address.
    pub sender: Option<String>,
    /// Its recipients.
    pub recipients: String,
    /// By which it is sorted.
    pub sortdate: Timestamp,
    /// Its conversation.
    pub conversation: Id,
    /// How many attachments it has.
    pub attachments: i32,
    /// Its status reason.
    pub statuscode: i32,
    /// Whose it is.
    pub owner: Option<Id>,
}

/// A record in a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordLine {
    /// The record.
    pub id: Id,
    /// Its name.
    pub name: String,
    /// Its address.
    pub address: Option<String>,
    /// A company's city, a person's company, a lead's company.
    pub beside: Option<String>,
}

/// An address that waits for a person to say whose it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnresolvedLine {
    /// The party.
    pub party: Id,
    /// Its address.
    pub address: String,
    /// The e-mail.
    pub email: EmailLine,
    /// Whom it could mean.
    pub candidates: Vec<PartyCandidate>,
}

/// Where a page begins: behind this row.
pub type Behind = Option<(Timestamp, Id)>;
/// The same in a list by name.
pub type BehindName = Option<(String, Id)>;

impl Read<'_> {
    /// E-mails, newest first.
    pub fn latest_emails(&self, behind: Behind, limit: usize) -> Result<Vec<EmailLine>, StoreError> {
        let (date, id) = from(behind);
        let sql = "select e.activityid, e.subject, e.preview, e.directioncode, e.sender, e.torecipients, \
                   e.sortdate, e.conversationtrackingid, e.attachmentcount, e.statuscode, e.ownerid from email e \
                   where (e.sortdate, e.activityid) < (?1, ?2) \
                   order by e.sortdate desc, e.activityid desc limit ?3";
        self.rows(sql, &[date.into(), id.into(), limit.into()], email_line)
    }

    /// One e-mail as a line of a list.
    pub fn email_line(&self, email: Id) -> Result<Option<EmailLine>, StoreError> {
        let sql = "select e.activityid, e.subject, e.preview, e.directioncode, e.sender, e.torecipients, \
                   e.sortdate, e.conversationtrackingid, e.attachmentcount, e.statuscode, e.ownerid from email e \
                   where e.activityid = ?1";
        self.one(sql, &[email.into()], email_line)
    }

    /// The drafts of a user, the one he kept last first. They have no Message-ID, and few other e-mails lack one.
    pub fn drafts_of(&self, owner: Id, behind: Behind, limit: usize) -> Result<Vec<EmailLine>, StoreError> {
        let (date, id) = from(behind);
        let sql = "select e.activityid, e.subject, e.preview, e.directioncode, e.sender, e.torecipients, \
                   e.sortdate, e.conversationtrackingid, e.attachmentcount, e.statuscode, e.ownerid from email e \
                   where e.ownerid = ?1 and e.messageid is null and e.statuscode = 1 \
                   and (e.sortdate, e.activityid) < (?2, ?3) \
                   order by e.sortdate desc, e.activityid desc limit ?4";
        self.rows(sql, &[owner.into(), date.into(), id.into(), limit.into()], email_line)
    }

    /// E-mails on the timeline of a person or lead: those it takes part in, and those about it.
    pub fn timeline(&self, record: Id, limit: usize) -> Result<Vec<EmailLine>, StoreError> {
        let sql = "select e.activityid, e.subject, e.preview, e.directioncode, e.sender, e.torecipients, \
                   e.sortdate, e.conversationtrackingid, e.attachmentcount, e.statuscode, e.ownerid from email e \
                   where e.activityid in ( \
                     select activityid from (select distinct activityid, sortdate from activityparty \
                       where partyid = ?1 order by sortdate desc limit ?2) as taking_part \
                     union select activityid from (select activityid, sortdate from email \
                       where regardingobjectid = ?1 order by sortdate desc limit ?2) as regarding) \
                   order by e.sortdate desc, e.activityid desc limit ?2";
        self.rows(sql, &[record.into(), limit.into()], email_line)
    }

    /// E-mails on the timeline of a company: its own and those of its people.
    pub fn company_timeline(&self, account: Id, limit: usize) -> Result<Vec<EmailLine>, StoreError> {
        let sql = "select e.activityid, e.subject, e.preview, e.directioncode, e.sender, e.torecipients, \
                   e.sortdate, e.conversationtrackingid, e.attachmentcount, e.statuscode, e.ownerid from email e \
                   where e.activityid in ( \
                     select activityid from (select distinct activityid, sortdate from activityparty \
                       where partyid in (select ?1 union all \
                         select contactid from contact where parentcustomerid = ?1) \
                       order by sortdate desc limit ?2) as taking_part \
                     union select activityid from (select activityid, sortdate from email \
                       where regardingobjectid = ?1 order by sortdate desc limit ?2) as regarding) \
                   order by e.sortdate desc, e.activityid desc limit ?2";
        self.rows(sql, &[account.into(), limit.into()], email_line)
    }

    /// People by name, behind one of them.
    pub fn people(&self, behind: &BehindName, limit: usize) -> Result<Vec<RecordLine>, StoreError> {
        let sql = "select c.contactid, c.fullname, c.emailaddress1, a.name from contact c \
                   left join account a on a.accountid = c.parentcustomerid \
                   where (c.fullname, c.contactid) > (?1, ?2) \
                   order by c.fullname, c.contactid limit ?3";
        self.rows(sql, &behind_name(behind, limit), record_line)
    }

    /// Companies by name, behind one of them.
    pub fn companies(&self, behind: &BehindName, limit: usize) -> Result<Vec<RecordLine>, StoreError> {
        let sql = "select accountid, name, emailaddress1, address1_city from account \
                   where (name, accountid) > (?1, ?2) \
                   order by name, accountid limit ?3";
        self.rows(sql, &behind_name(behind, limit), record_line)
    }

    /// Leads by name, behind one of them.
    pub fn leads(&self, behind: &BehindName, limit: usize) -> Result<Vec<RecordLine>, StoreError> {
        let sql = "select leadid, fullname, emailaddress1, companyname from lead \
                   where (fullname, leadid) > (?1, ?2) \
                   order by fullname, leadid limit ?3";
        self.rows(sql, &behind_name(behind, limit), record_line)
    }

    /// A person as a line of a list.
    pub fn person_line(&self, id: Id) -> Result<Option<RecordLine>, StoreError> {
        let sql = "select c.contactid, c.fullname, c.emailaddress1, a.name from contact c \
                   left join account a on a.accountid = c.parentcustomerid \
                   where c.contactid = ?1";
        self.one(sql, &[id.into()], record_line)
    }

    /// A company as a line of a list.
    pub fn company_line(&self, id: Id) -> Result<Option<RecordLine>, StoreError> {
        let sql = "select accountid, name, emailaddress1, address1_city from account where accountid = ?1";
        self.one(sql, &[id.into()], record_line)
    }

    /// A lead as a line of a list.
    pub fn lead_line(&self, id: Id) -> Result<Option<RecordLine>, StoreError> {
        let sql = "select leadid, fullname, emailaddress1, companyname from lead where leadid = ?1";
        self.one(sql, &[id.into()], record_line)
    }

    /// Ambiguous parties, newest first.
    pub fn unresolved(&self, limit: usize) -> Result<Vec<UnresolvedLine>, StoreError> {
        let sql = "select e.activityid, e.subject, e.preview, e.directioncode, e.sender, e.torecipients, \
                   e.sortdate, e.conversationtrackingid, e.attachmentcount, e.statuscode, e.ownerid, \
                   p.activitypartyid, p.addressused from activityparty p join email e on e.activityid = p.activityid \
                   where p.isambiguous = 1 order by p.sortdate desc limit ?1";
        let found = self.rows(sql, &[limit.into()], |row| {
            let email = email_line(row)?;
            Ok((email, row.take::<Id>()?, row.take::<Option<String>>()?))
        })?;
        let line = |(email, party, address): (EmailLine, Id, Option<String>)| {
            let candidates = self.party_candidates(party)?;
            Ok(UnresolvedLine { party, address: address.unwrap_or_default(), email, candidates })
        };
        found.into_iter().map(line).collect()
    }

    /// How many parties wait for a person.
    pub fn unresolved_count(&self) -> Result<i64, StoreError> {
        let sql = "select count(*) from activityparty where isambiguous = 1";
        Ok(self.one(sql, &[], |row| row.take())?.unwrap_or(0))
    }

    /// How many Undeliverables are open.
    pub fn undeliverable_count(&self) -> Result<i64, StoreError> {
        let sql = "select count(*) from undeliverable where statecode = 0";
        Ok(self.one(sql, &[], |row| row.take())?.unwrap_or(0))
    }

    /// How many Undeliverables are open for one of three reasons.
    pub fn undeliverable_count_for(&self, reasons: [i32; 3]) -> Result<i64, StoreError> {
        let sql = "select count(*) from undeliverable where statecode = 0 and reason in (?1, ?2, ?3)";
        Ok(self.one(sql, &reasons.map(Into::into), |row| row.take())?.unwrap_or(0))
    }

    /// The latest outcomes of copies, newest first.
    pub fn latest_outcomes(
        &self,
        day: i64,
        limit: usize,
    ) -> Result<Vec<model::schema::intake::OriginalOutcome>, StoreError> {
        self.nouns(
            "where day = ?1 order by createdon desc, copyid desc, originalnumber limit ?2",
            &[day.into(), limit.into()],
        )
    }
}

/// A page without a beginning starts at the end of time.
pub(super) fn from(behind: Behind) -> (Timestamp, Id) {
    behind.unwrap_or((Timestamp(i64::MAX), Id([0xff; 16])))
}

/// A list by name without a beginning starts before every name.
fn behind_name(behind: &BehindName, limit: usize) -> [Param<'_>; 3] {
    let (name, id) = behind.as_ref().map_or(("", Id::default()), |(name, id)| (name.as_str(), *id));
    [name.into(), id.into(), limit.into()]
}

fn record_line(row: &mut RowValues<'_>) -> Result<RecordLine, StoreError> {
    Ok(RecordLine { id: row.take()?, name: row.take()?, address: row.take()?, beside: row.take()? })
}

fn email_line(row: &mut RowValues<'_>) -> Result<EmailLine, StoreError> {
    Ok(EmailLine {
        id: row.take()?,
        subject: row.take()?,
        preview: row.take()?,
        is_outgoing: row.take()?,
        sender: row.take()?,
        recipients: row.take()?,
        sortdate: row.take()?,
        conversation: row.take()?,
        attachments: row.take()?,
        statuscode: row.take()?,
        owner: row.take()?,
    })
}
