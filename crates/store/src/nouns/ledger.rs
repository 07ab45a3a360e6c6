//! The ledger of mailboxes: which messages were seen there, and which of them are still there.
//!
//! *Invariant:* a row is written once for each message of a generation, before anything of it is fetched, and keeps its
//! copy; it may be settled only where that copy has an outcome, and gone only where it is settled.

use model::schema::mailboxes::MailboxMessage;
use model::{Id, MessageKey, Timestamp, limits};

use crate::StoreError;
use crate::rows::{Read, Tx};

/// A numbering of the messages of a folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Generation {
    /// The folder.
    pub folder: Id,
    /// Its number, from 1.
    pub number: i64,
}

/// What waits in a mailbox: seen there, and without an end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WaitingThere {
    /// The mailbox.
    pub mailbox: Id,
    /// How many messages.
    pub count: i64,
    /// When the first of them was seen.
    pub since: Timestamp,
}

/// What was put off in a mailbox, and is still there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PutOffThere {
    /// The mailbox.
    pub mailbox: Id,
    /// How many messages.
    pub count: i64,
    /// Why the one of them that was put off last.
    pub words: String,
}

impl Read<'_> {
    /// What waits in each mailbox; those where nothing does are left out.
    pub fn waiting_in_mailboxes(&self) -> Result<Vec<WaitingThere>, StoreError> {
        let sql = "select f.mailboxid, cast(sum(w.messages) as bigint), min(w.since) from mailboxfolder f join \
                   (select mailboxfolderid, count(*) as messages, min(seenon) as since from mailboxmessage \
                   where settledon is null group by mailboxfolderid) w on w.mailboxfolderid = f.mailboxfolderid \
                   group by f.mailboxid order by f.mailboxid";
        self.rows(sql, &[], |row| {
            Ok(WaitingThere { mailbox: row.take()?, count: row.take()?, since: row.take()? })
        })
    }

    /// What was put off in each mailbox; those where nothing was are left out.
    pub fn put_off_in_mailboxes(&self) -> Result<Vec<PutOffThere>, StoreError> {
        let sql = "select f.mailboxid, p.mailboxfolderid, p.messages, p.latest from mailboxfolder f join \
                   (select mailboxfolderid, count(*) as messages, max(nexttryon) as latest from mailboxmessage \
                   where nexttryon is not null and goneon is null group by mailboxfolderid) p \
                   on p.mailboxfolderid = f.mailboxfolderid order by f.mailboxid, p.latest desc";
        let of_folders: Vec<(Id, Id, i64, Timestamp)> =
            self.rows(sql, &[], |row| Ok((row.take()?, row.take()?, row.take()?, row.take()?)))?;
        let mut all: Vec<PutOffThere> = Vec::new();
        for (mailbox, folder, count, latest) in of_folders {
            match all.last_mut().filter(|there| there.mailbox == mailbox) {
                Some(there) => there.count += count,
                None => all.push(PutOffThere { mailbox, count, words: self.put_off_why(folder, latest)? }),
            }
        }
        Ok(all)
    }

    fn put_off_why(&self, folder: Id, until: Timestamp) -> Result<String, StoreError> {
        let sql = "select coalesce(lasterror, '') from mailboxmessage \
                   where nexttryon = ?1 and mailboxfolderid = ?2 and goneon is null limit 1";
        Ok(self.one(sql, &[until.into(), folder.into()], |row| row.take())?.unwrap_or_default())
    }

    /// The message with this key in a generation of a folder.
    pub fn mailbox_message(
        &self,
        generation: Generation,
        key: &MessageKey,
    ) -> Result<Option<MailboxMessage>, StoreError> {
        let params = [generation.folder.into(), generation.number.into(), key.as_bytes().into()];
        self.noun("where mailboxfolderid = ?1 and generation = ?2 and messagekey = ?3", &params)
    }

    /// The message that a copy is.
    pub fn mailbox_message_of(&self, copyid: Id) -> Result<Option<MailboxMessage>, StoreError> {
        self.noun("where copyid = ?1", &[copyid.into()])
    }

    /// Messages of a generation that are not known to be gone, in the order of their keys, behind one of them.
    pub fn messages_there(
        &self,
        generation: Generation,
        behind: Option<&MessageKey>,
        limit: usize,
    ) -> Result<Vec<MailboxMessage>, StoreError> {
        let behind = behind.map_or(&[][..], MessageKey::as_bytes);
        let params = [generation.folder.into(), generation.number.into(), behind.into(), limit.into()];
        self.nouns(
            "where mailboxfolderid = ?1 and generation = ?2 and goneon is null and messagekey > ?3 \
             order by messagekey limit ?4",
            &params,
        )
    }

    /// Messages of earlier generations that are not written off.
    pub fn messages_left_behind(
        &self,
        generation: Generation,
        limit: usize,
    ) -> Result<Vec<MailboxMessage>, StoreError> {
        let params = [generation.folder.into(), generation.number.into(), limit.into()];
        self.nouns(
            "where mailboxfolderid = ?1 and generation < ?2 and goneon is null \
             order by generation, messagekey limit ?3",
            &params,
        )
    }
}

impl Tx<'_> {
    /// Enters a message.
    pub fn see_message(&mut self, message: &MailboxMessage) -> Result<(), StoreError> {
        self.insert(message)
    }

    /// Counts an attempt at a message.
    pub fn begin_attempt(&mut self, message: &MailboxMessage) -> Result<(), StoreError> {
        let sql = "update mailboxmessage set attempts = attempts + 1, nexttryon = null \
                   where mailboxfolderid = ?1 and generation = ?2 and messagekey = ?3";
        self.execute(sql, &key_of(message)).map(drop)
    }

    /// Notes the header of a message that was entered without.
    pub fn note_header(
        &mut self,
        message: &MailboxMessage,
        headerdigest: &[u8; 32],
    ) -> Result<(), StoreError> {
        let sql = "update mailboxmessage set headerdigest = ?4 \
                   where mailboxfolderid = ?1 and generation = ?2 and messagekey = ?3 and headerdigest is null";
        let [folder, generation, key] = key_of(message);
        self.execute(sql, &[folder, generation, key, headerdigest.into()]).map(drop)
    }

    /// Takes an attempt back that ended without a fault of the message.
    pub fn forgive_attempt(&mut self, message: &MailboxMessage) -> Result<(), StoreError> {
        let sql = "update mailboxmessage set attempts = attempts - 1 \
                   where mailboxfolderid = ?1 and generation = ?2 and messagekey = ?3 \
                   and attempts > 0 and settledon is null";
        self.execute(sql, &key_of(message)).map(drop)
    }

    /// Puts a message off, with what went wrong, in words.
    pub fn put_message_off(
        &mut self,
        message: &MailboxMessage,
        until: Timestamp,
        words: &str,
    ) -> Result<(), StoreError> {
        let sql = "update mailboxmessage set nexttryon = ?4, lasterror = ?5 \
                   where mailboxfolderid = ?1 and generation = ?2 and messagekey = ?3";
        let [folder, generation, key] = key_of(message);
        let words: String = words.chars().take(limits::ERROR_CHARS_MAX).collect();
        self.execute(sql, &[folder, generation, key, until.into(), (&words).into()]).map(drop)
    }

    /// Notes that a message has ended and stays where it is, to be asked for again: alone, as if it had been tried so often.
    pub fn ask_again(
        &mut self,
        message: &MailboxMessage,
        (until, words): (Timestamp, &str),
        (attempts, now): (u32, Timestamp),
    ) -> Result<(), StoreError> {
        let sql = "update mailboxmessage set nexttryon = ?4, lasterror = ?5, attempts = ?6, \
                   settledon = coalesce(settledon, ?7) \
                   where mailboxfolderid = ?1 and generation = ?2 and messagekey = ?3";
        let [folder, generation, key] = key_of(message);
        let words: String = words.chars().take(limits::ERROR_CHARS_MAX).collect();
        let params =
            [folder, generation, key, until.into(), (&words).into(), i64::from(attempts).into(), now.into()];
        self.execute(sql, &params).map(drop)
    }

    /// Notes that a message has ended, and which header it had: it may be taken out of its folder from now on.
    pub fn settle_message(
        &mut self,
        message: &MailboxMessage,
        headerdigest: &[u8; 32],
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let sql = "update mailboxmessage set settledon = ?4, headerdigest = ?5, nexttryon = null \
                   where mailboxfolderid = ?1 and generation = ?2 and messagekey = ?3 and settledon is null";
        let [folder, generation, key] = key_of(message);
        self.execute(sql, &[folder, generation, key, now.into(), headerdigest.into()]).map(drop)
    }

    /// Notes that a message which has ended is no longer in its folder.
    pub fn message_is_gone(&mut self, message: &MailboxMessage, now: Timestamp) -> Result<(), StoreError> {
        let sql = "update mailboxmessage set goneon = ?4, settledon = coalesce(settledon, ?4), nexttryon = null \
                   where mailboxfolderid = ?1 and generation = ?2 and messagekey = ?3 and goneon is null";
        let [folder, generation, key] = key_of(message);
        self.execute(sql, &[folder, generation, key, now.into()]).map(drop)
    }
}

fn key_of(message: &MailboxMessage) -> [crate::rows::Param<'_>; 3] {
    [message.mailboxfolderid.into(), message.generation.into(), (&message.messagekey).into()]
}
