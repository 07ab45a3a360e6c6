//! The outbox as its page shows it: what was put in last, with what became of its recipients.

use model::{Id, Timestamp};

use super::Behind;
use super::lists::from;
use crate::StoreError;
use crate::rows::{Read, RowValues};

/// An outgoing mail in a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutboxLine {
    /// The e-mail.
    pub id: Id,
    /// When it was put in.
    pub createdon: Timestamp,
    /// Its lane, as long as it waits.
    pub waitsin: Option<i32>,
    /// From when on it may be taken.
    pub dueon: Timestamp,
    /// The node that has it.
    pub owner: Option<Id>,
    /// How often it was taken.
    pub attempts: i32,
    /// Since when the end of its data may have gone out, where no answer to that is known.
    pub doton: Option<Timestamp>,
    /// What went wrong last.
    pub lasterror: Option<String>,
    /// When it ended.
    pub endedon: Option<Timestamp>,
    /// Its subject.
    pub subject: String,
    /// Its recipients that all may see, put together.
    pub torecipients: String,
    /// The status of the e-mail.
    pub statuscode: i32,
    /// Whose it is.
    pub ownerid: Option<Id>,
    /// Its recipients in the envelope.
    pub recipients: i64,
    /// Those who do not get it.
    pub failed: i64,
    /// Those of whom nobody knows.
    pub uncertain: i64,
    /// The name of the way out that it goes by.
    pub way: String,
}

impl Read<'_> {
    /// What was put in before a moment, the newest first. Of the recipients' states at most one of each kind is counted, so
    /// that a mail to a thousand costs no more than a mail to one.
    pub fn outbox_behind(&self, behind: Behind, limit: usize) -> Result<Vec<OutboxLine>, StoreError> {
        let (created, id) = from(behind);
        let sql = "select o.activityid, o.createdon, o.waitsin, o.dueon, o.owner, o.attempts, o.doton, o.lasterror, \
                   o.endedon, e.subject, e.torecipients, e.statuscode, e.ownerid, \
                   (select max(r.recipientnumber) from outboxrecipient r where r.activityid = o.activityid), \
                   (select count(*) from (select 1 from outboxrecipient r \
                     where r.activityid = o.activityid and r.statecode = 2 limit 1) as one), \
                   (select count(*) from (select 1 from outboxrecipient r \
                     where r.activityid = o.activityid and r.statecode = 3 limit 1) as one), \
                   (select p.name from emailserverprofile p where p.emailserverprofileid = o.emailserverprofileid) \
                   from outboxmail o join email e on e.activityid = o.activityid \
                   where (o.createdon, o.activityid) < (?1, ?2) \
                   order by o.createdon desc, o.activityid desc limit ?3";
        self.rows(sql, &[created.into(), id.into(), limit.into()], outbox_line)
    }

    /// How one mail stands, as in the list.
    pub fn outbox_line(&self, email: Id) -> Result<Option<OutboxLine>, StoreError> {
        let sql = "select o.activityid, o.createdon, o.waitsin, o.dueon, o.owner, o.attempts, o.doton, o.lasterror, \
                   o.endedon, e.subject, e.torecipients, e.statuscode, e.ownerid, \
                   (select max(r.recipientnumber) from outboxrecipient r where r.activityid = o.activityid), \
                   (select count(*) from (select 1 from outboxrecipient r \
                     where r.activityid = o.activityid and r.statecode = 2 limit 1) as one), \
                   (select count(*) from (select 1 from outboxrecipient r \
                     where r.activityid = o.activityid and r.statecode = 3 limit 1) as one), \
                   (select p.name from emailserverprofile p where p.emailserverprofileid = o.emailserverprofileid) \
                   from outboxmail o join email e on e.activityid = o.activityid where o.activityid = ?1";
        self.one(sql, &[email.into()], outbox_line)
    }
}

fn outbox_line(row: &mut RowValues<'_>) -> Result<OutboxLine, StoreError> {
    Ok(OutboxLine {
        id: row.take()?,
        createdon: row.take()?,
        waitsin: row.take()?,
        dueon: row.take()?,
        owner: row.take()?,
        attempts: row.take()?,
        doton: row.take()?,
        lasterror: row.take()?,
        endedon: row.take()?,
        subject: row.take()?,
        torecipients: row.take()?,
        statuscode: row.take()?,
        ownerid: row.take()?,
        recipients: row.take::<Option<i64>>()?.unwrap_or(0),
        failed: row.take()?,
        uncertain: row.take()?,
        way: row.take::<Option<String>>()?.unwrap_or_default(),
    })
}
