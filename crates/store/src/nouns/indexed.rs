//! E-mails as the text index needs them, and the events that it follows.

use std::collections::HashMap;

use model::decision::Entity;
use model::{Id, Timestamp};

use super::Cursor;
use crate::StoreError;
use crate::rows::{Read, RowValues};

/// What the rows of an e-mail say that can be looked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IndexedEmail {
    /// The e-mail.
    pub activityid: Id,
    /// By which it is sorted.
    pub sortdate: Timestamp,
    /// Its source.
    pub blobid: Vec<u8>,
    /// Its subject.
    pub subject: String,
    /// Its first words.
    pub preview: String,
    /// Name and address of the sender.
    pub sender: String,
    /// Names and addresses of the recipients.
    pub recipients: String,
    /// Names of its attachments, a line each.
    pub files: String,
    /// Whether it has attachments.
    pub is_attached: bool,
}

/// `participationtypemask` of a sender.
const SENDER: i32 = 1;

impl Read<'_> {
    /// The last event there is; 0 before the first.
    pub fn last_event(&self) -> Result<i64, StoreError> {
        let sql = "select coalesce(max(eventid), 0) from event where settled(eventid)";
        Ok(self.one(sql, &[], |row| row.take())?.unwrap_or(0))
    }

    /// The last event of before a time; 0 where there is none.
    pub fn last_event_before(&self, time: Timestamp) -> Result<i64, StoreError> {
        let sql = "select eventid from event where createdon < ?1 and settled(eventid) order by eventid desc limit 1";
        Ok(self.one(sql, &[time.into()], |row| row.take())?.unwrap_or(0))
    }

    /// Whether something happened behind this event, be it that it cannot be read yet.
    pub fn has_events_after(&self, cursor: Cursor) -> Result<bool, StoreError> {
        let sql = "select eventid from event where eventid > ?1 limit 1";
        Ok(self.one(sql, &[cursor.eventid.into()], |_| Ok(()))?.is_some())
    }

    /// How many events behind a cursor tell of e-mails; counts no further than `max`. `OtherEpoch`.
    pub fn email_events_after(&self, cursor: Cursor, max: i64) -> Result<i64, StoreError> {
        self.same_epoch(cursor)?;
        let sql = "select count(*) from (
                select eventid from event
                where eventid > ?1 and settled(eventid) and objecttypecode = ?2 and operation in ('created', 'duplicate')
                limit ?3) as few";
        let params = [cursor.eventid.into(), (Entity::Email as i32).into(), max.into()];
        Ok(self.one(sql, &params, |row| row.take())?.unwrap_or(0))
    }

    /// An e-mail with what its rows say that can be looked for.
    pub fn email_to_index(&self, email: Id) -> Result<Option<IndexedEmail>, StoreError> {
        let sql = "select sortdate, blobid, subject, preview, attachmentcount
            from email
            where activityid = ?1";
        let found = self.one(sql, &[email.into()], |row| {
            Ok(IndexedEmail {
                activityid: email,
                sortdate: row.take()?,
                blobid: row.take()?,
                subject: row.take()?,
                preview: row.take()?,
                is_attached: row.take::<i32>()? > 0,
                sender: String::new(),
                recipients: String::new(),
                files: String::new(),
            })
        })?;
        let Some(mut found) = found else { return Ok(None) };
        let mut sides: HashMap<bool, String> = self.names_on(email)?;
        found.sender = sides.remove(&true).unwrap_or_default();
        found.recipients = sides.remove(&false).unwrap_or_default();
        if found.is_attached {
            let sql = "select filename from activitymimeattachment where activityid = ?1";
            let names: Vec<String> = self.rows(sql, &[email.into()], |row| row.take())?;
            found.files = names.join("\n");
        }
        Ok(Some(found))
    }

    /// Names and addresses on an e-mail: of the sender, and of the others.
    fn names_on(&self, email: Id) -> Result<HashMap<bool, String>, StoreError> {
        let sql = "select participationtypemask, partyidname, addressused
            from activityparty
            where activityid = ?1";
        let row = |row: &mut RowValues<'_>| {
            Ok((row.take::<i32>()?, row.take::<Option<String>>()?, row.take::<Option<String>>()?))
        };
        let mut sides: HashMap<bool, String> = HashMap::new();
        for (part, name, address) in self.rows(sql, &[email.into()], row)? {
            let side = sides.entry(part == SENDER).or_default();
            for text in [name, address].into_iter().flatten() {
                side.push_str(&text);
                side.push('\n');
            }
        }
        Ok(sides)
    }
}
