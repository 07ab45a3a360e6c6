//! What is forgotten after its time: traces of mail that nobody wanted, and messages long gone from mailboxes.
//!
//! *Invariant:* no row of the books goes whose number another one counts, but for a message of a ledger, which is counted
//! for its day in the same unit.

use model::schema::mailboxes::{MailboxDay, MailboxMessage};
use model::{Id, Timestamp};

use crate::StoreError;
use crate::rows::{Read, Tx};

impl Read<'_> {
    /// The first day behind another one on which copies ended.
    pub fn next_day_of_outcomes(&self, behind: i64) -> Result<Option<i64>, StoreError> {
        let sql = "select day from outcome where day > ?1 order by day limit 1";
        self.one(sql, &[behind.into()], |row| row.take())
    }

    /// Copies of a day that nobody wanted, in the order of their ids, behind one of them.
    pub fn ignored_copies(&self, day: i64, behind: Id, limit: usize) -> Result<Vec<Id>, StoreError> {
        // 1 is ignored: the lightest, so all originals of such a copy are.
        let sql = "select copyid from outcome where day = ?1 and iscopyoutcome = 1 and outcome = 1 and copyid > ?2 \
                   order by copyid limit ?3";
        self.rows(sql, &[day.into(), behind.into(), limit.into()], |row| row.take())
    }

    /// Messages that were gone before a time and whose copy has an outcome, the longest gone first.
    pub fn messages_gone_before(
        &self,
        time: Timestamp,
        limit: usize,
    ) -> Result<Vec<MailboxMessage>, StoreError> {
        self.nouns(
            "where goneon < ?1 and exists (select 1 from outcome o where o.copyid = mailboxmessage.copyid) \
             order by goneon limit ?2",
            &[time.into(), limit.into()],
        )
    }
}

impl Tx<'_> {
    /// Takes out whose mail it was and under which id it came, of copies of a day that nobody wanted, from one of them to
    /// another: that they came and why they were not wanted stays.
    pub fn forget_ignored(&mut self, day: i64, (first, last): (Id, Id)) -> Result<(), StoreError> {
        let params = [day.into(), first.into(), last.into()];
        let sql = "update copy set mailfrom = null, recipients = '', peer = null, trace = null where copyid in \
                   (select o.copyid from outcome o where o.day = ?1 and o.iscopyoutcome = 1 and o.outcome = 1 \
                   and o.copyid >= ?2 and o.copyid <= ?3)";
        self.execute(sql, &params)?;
        let sql = "update outcome set messageid = null where copyid in \
                   (select o.copyid from outcome o where o.day = ?1 and o.iscopyoutcome = 1 and o.outcome = 1 \
                   and o.copyid >= ?2 and o.copyid <= ?3)";
        self.execute(sql, &params).map(drop)
    }

    /// Takes a message out of the ledger of a mailbox, and counts it for the day on which it was seen. One that is not
    /// there any more is not counted.
    pub fn fold_message(&mut self, mailbox: Id, message: &MailboxMessage) -> Result<(), StoreError> {
        let sql =
            "delete from mailboxmessage where mailboxfolderid = ?1 and generation = ?2 and messagekey = ?3";
        let key = [message.mailboxfolderid.into(), message.generation.into(), (&message.messagekey).into()];
        if self.execute(sql, &key)? == 0 {
            return Ok(());
        }
        let sql = "update mailboxday set seen = seen + 1 where mailboxid = ?1 and day = ?2";
        if self.execute(sql, &[mailbox.into(), message.day.into()])? == 0 {
            self.insert(&MailboxDay { mailboxid: mailbox, day: message.day, seen: 1 })?;
        }
        Ok(())
    }
}
