//! Events, jobs, settings, and the version of the records.

use model::schema::house::{Event, Job, KEEP_SENT, Setting};
use model::{Id, Timestamp, limits};

use crate::StoreError;
use crate::memory::Question;
use crate::rows::{Read, Tx};

/// A place in the events of an organization. It counts only within the epoch it was taken in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Cursor {
    /// The epoch.
    pub epoch: Id,
    /// The last event that was seen; 0 before the first.
    pub eventid: i64,
}

/// The setting that names the epoch of the events.
pub(crate) const EPOCH: &str = "epoch";
/// The setting in which the version of the records stands.
pub(crate) const RECORDS_VERSION: &str = "recordsversion";

/// The job that is due longest, of one kind or of all others. The time is selected once: an index is not asked for what a server's
/// clock may say anew at each row.
macro_rules! due {
    ($is_kind:literal) => {
        concat!(
            "where dueon <= (select leaseclock(?1)) and kind ",
            $is_kind,
            " ?2 and (leaseuntil is null or leaseuntil <= (select leaseclock(?1))) \
             order by dueon limit 1 /*pg for update skip locked*/"
        )
    };
}

impl Read<'_> {
    /// Mails that went out and are not in their writers' mailboxes yet, those that fall due first in front.
    pub fn sent_copies(&self, limit: usize) -> Result<Vec<Job>, StoreError> {
        self.nouns("where kind = ?1 order by dueon limit ?2", &[KEEP_SENT.into(), limit.into()])
    }

    /// A setting of the organisation.
    pub fn setting(&self, name: &str) -> Result<Option<String>, StoreError> {
        self.one("select value from setting where name = ?1", &[name.into()], |row| row.take())
    }

    /// A setting that decisions depend on: whoever changes it makes the version of the records grow.
    pub fn deciding_setting(&self, name: &str) -> Result<Option<String>, StoreError> {
        self.remembered((Question::Setting, name), |read| read.setting(name))
    }

    /// The same, held: nobody changes it before this unit of work ends.
    pub(crate) fn version_held(&self) -> Result<i64, StoreError> {
        let sql = "select value from setting where name = ?1 /*pg for share*/";
        let text: Option<String> = self.one(sql, &[RECORDS_VERSION.into()], |row| row.take())?;
        Ok(text.and_then(|text| text.parse().ok()).unwrap_or(0))
    }

    /// The version of the records as this snapshot holds it.
    pub(crate) fn version_seen(&self) -> Result<i64, StoreError> {
        let text = self.setting(RECORDS_VERSION)?;
        Ok(text.and_then(|text| text.parse().ok()).unwrap_or(0))
    }

    /// The epoch of the events: it is another one once they were numbered anew, and cursors of the old one point
    /// nowhere. All zeros in organizations that are older than epochs.
    pub fn epoch(&self) -> Result<Id, StoreError> {
        let text = self.setting(EPOCH)?;
        text.map_or(Ok(Id::default()), |text| text.parse().map_err(|_| StoreError::Corrupt))
    }

    /// The place before the first event.
    pub fn first_cursor(&self) -> Result<Cursor, StoreError> {
        Ok(Cursor { epoch: self.epoch()?, eventid: 0 })
    }

    /// Events behind a cursor, in the order of commit. `OtherEpoch` where they were numbered anew since the cursor was
    /// taken: the reader begins anew.
    pub fn events_after(&self, cursor: Cursor, limit: usize) -> Result<Vec<Event>, StoreError> {
        self.same_epoch(cursor)?;
        let tail = "where eventid > ?1 and settled(eventid) order by eventid limit ?2";
        self.nouns(tail, &[cursor.eventid.into(), limit.into()])
    }

    /// The same, with those that events of others, in the middle of their transactions, may still come before: for whoever
    /// wants all that is there now. Whoever notes how far it came would miss those others.
    pub fn latest_events_after(&self, cursor: Cursor, limit: usize) -> Result<Vec<Event>, StoreError> {
        self.same_epoch(cursor)?;
        let tail = "where eventid > ?1 order by eventid limit ?2";
        self.nouns(tail, &[cursor.eventid.into(), limit.into()])
    }

    pub(crate) fn same_epoch(&self, cursor: Cursor) -> Result<(), StoreError> {
        if self.epoch()? == cursor.epoch { Ok(()) } else { Err(StoreError::OtherEpoch) }
    }

    /// Events of one record, newest first.
    pub fn events_of(&self, objectid: Id, limit: usize) -> Result<Vec<Event>, StoreError> {
        self.nouns("where objectid = ?1 order by eventid desc limit ?2", &[objectid.into(), limit.into()])
    }
}

impl Tx<'_> {
    /// Begins an epoch: cursors that were taken before count no more.
    pub(crate) fn begin_epoch(&mut self, epoch: Id) -> Result<(), StoreError> {
        self.set_setting(EPOCH, &epoch.to_string())
    }

    /// Sets a setting of the organisation.
    pub fn set_setting(&mut self, name: &str, value: &str) -> Result<(), StoreError> {
        let setting = Setting { name: name.to_owned(), value: value.to_owned() };
        if !self.insert_if_absent(&setting)? {
            self.execute("update setting set value = ?2 where name = ?1", &[name.into(), value.into()])?;
        }
        Ok(())
    }

    /// A setting, held: nobody changes it before this unit of work ends.
    pub fn setting_held(&mut self, name: &str) -> Result<Option<String>, StoreError> {
        self.one("select value from setting where name = ?1 /*pg for update*/", &[name.into()], |row| {
            row.take()
        })
    }

    /// Makes facts about records that were read before this unit doubtful; once a unit. What a unit asks about mail
    /// afterwards is certain: mail that is decided about by older facts is here, or will be decided about anew.
    pub fn bump_records_version(&mut self) -> Result<(), StoreError> {
        if self.bumped().is_some() {
            return Ok(());
        }
        let first = Setting { name: RECORDS_VERSION.to_owned(), value: "0".to_owned() };
        self.insert_unless_there(&first)?;
        // In one statement: two nodes that do it at once must not reach the same number. Nor must a replica that was
        // promoted reach one that it has not heard of: there the number is a time.
        let sql = "update setting set value = cast(/*pg greatest(*/cast(value as bigint) + 1/*pg , leaseclock(0))*/ \
                   as text) where name = ?1 returning value";
        let next = self.change(sql, &[RECORDS_VERSION.into()], |row| row.take::<String>())?;
        self.note_records_version(next.and_then(|text| text.parse().ok()).unwrap_or(0));
        Ok(())
    }

    /// Appends an event. Its number is given by the store.
    pub fn append_event(&mut self, event: &Event) -> Result<(), StoreError> {
        self.insert_numbered(event)
    }

    /// Puts a job on the list, unless one of its kind with its key waits already.
    pub fn enqueue(&mut self, job: &Job) -> Result<bool, StoreError> {
        self.insert_if_absent(job)
    }

    /// Takes the job that is due longest, leased to a node for `limits::LEASE_SECONDS`; another taker finds it again after
    /// that. What comes back is what the others ask for: the job as its taker holds it. Those of [`KEEP_SENT`] are taken by
    /// [`Tx::lease_sent_copy`] alone.
    pub fn lease_job(&mut self, owner: Id, now: Timestamp) -> Result<Option<Job>, StoreError> {
        self.lease((owner, now), due!("<>"), limits::LEASE_SECONDS)
    }

    /// The same of those that speak with a mail server, for as long as that may take.
    pub fn lease_sent_copy(&mut self, owner: Id, now: Timestamp) -> Result<Option<Job>, StoreError> {
        self.lease((owner, now), due!("="), limits::SENT_COPY_LEASE_SECONDS)
    }

    fn lease(
        &mut self,
        (owner, now): (Id, Timestamp),
        due: &'static str,
        seconds: i64,
    ) -> Result<Option<Job>, StoreError> {
        let Some(job) = self.noun::<Job>(due, &[now.into(), KEEP_SENT.into()])? else { return Ok(None) };
        let sql = "update job set leaseuntil = leaseclock(?2) + ?3, attempts = attempts + 1, owner = ?4 where jobid = ?1";
        let params = [job.jobid.into(), now.into(), (seconds * 1_000).into(), owner.into()];
        self.execute(sql, &params)?;
        Ok(Some(Job { owner: Some(owner), attempts: job.attempts + 1, ..job }))
    }

    /// Takes a job off the list. Says whether its taker still held it: if not, it is another's by now, and what was done
    /// for it belongs undone.
    pub fn finish_job(&mut self, job: &Job) -> Result<bool, StoreError> {
        let sql = "delete from job where jobid = ?1 and owner = ?2 and attempts = ?3";
        Ok(self.execute(sql, &[job.jobid.into(), job.owner.into(), job.attempts.into()])? == 1)
    }

    /// Puts a job off, with what went wrong. Says whether its taker still held it.
    pub fn defer_job(&mut self, job: &Job, dueon: Timestamp, error: &str) -> Result<bool, StoreError> {
        let sql = "update job set dueon = ?4, leaseuntil = null, lasterror = ?5
            where jobid = ?1 and owner = ?2 and attempts = ?3";
        let params = [job.jobid.into(), job.owner.into(), job.attempts.into(), dueon.into(), error.into()];
        Ok(self.execute(sql, &params)? == 1)
    }

    /// Gives back all that this node holds, when it ends: whoever wants it need not wait.
    pub fn give_all_back(&mut self, owner: Id) -> Result<(), StoreError> {
        self.execute(
            "update job set leaseuntil = null where owner = ?1 and leaseuntil is not null",
            &[owner.into()],
        )?;
        self.execute(
            "update outboxmail set owner = null, dueon = 0 where owner = ?1 and doton is null",
            &[owner.into()],
        )?;
        self.execute("update lease set leaseuntil = 0 where owner = ?1", &[owner.into()]).map(drop)
    }
}
