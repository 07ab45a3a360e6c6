//! Users, queues, sinks, never-log lists, sessions.

use model::schema::people::{NeverLog, Queue, Session, Sink, SinkCredential, SystemUser};
use model::{Id, Timestamp};

use crate::memory::Question;
use crate::rows::{Read, Tx};
use crate::{SINK_TYPE_CODE, StoreError};

impl Read<'_> {
    /// The user with this id.
    pub fn user(&self, id: Id) -> Result<Option<SystemUser>, StoreError> {
        let ask = |read: &Self| read.noun("where systemuserid = ?1", &[id.into()]);
        self.remembered((Question::User, &id.to_string()), ask)
    }

    /// The user whose sink key this is.
    pub fn user_by_sink_key(&self, key: &str) -> Result<Option<SystemUser>, StoreError> {
        let ask = |read: &Self| read.noun("where sinkkey = ?1", &[key.into()]);
        self.remembered((Question::UserBySinkKey, key), ask)
    }

    /// All users, by name.
    pub fn users(&self) -> Result<Vec<SystemUser>, StoreError> {
        self.nouns("order by fullname, systemuserid", &[])
    }

    /// The queue with this id.
    pub fn queue(&self, id: Id) -> Result<Option<Queue>, StoreError> {
        self.noun("where queueid = ?1", &[id.into()])
    }

    /// All queues, by name.
    pub fn queues(&self) -> Result<Vec<Queue>, StoreError> {
        self.nouns("order by name, queueid", &[])
    }

    /// The sink with this id.
    pub fn sink(&self, id: Id) -> Result<Option<Sink>, StoreError> {
        let ask = |read: &Self| read.noun("where sinkid = ?1", &[id.into()]);
        self.remembered((Question::Sink, &id.to_string()), ask)
    }

    /// All sinks, by address.
    pub fn sinks(&self) -> Result<Vec<Sink>, StoreError> {
        self.nouns("order by address", &[])
    }

    /// The credential with this id.
    pub fn sink_credential(&self, id: Id) -> Result<Option<SinkCredential>, StoreError> {
        self.noun("where sinkcredentialid = ?1", &[id.into()])
    }

    /// The credential of this name at a sink.
    pub fn sink_credential_by_name(
        &self,
        sink: Id,
        name: &str,
    ) -> Result<Option<SinkCredential>, StoreError> {
        self.noun("where sinkid = ?1 and name = ?2", &[sink.into(), name.into()])
    }

    /// All credentials of a sink, by name.
    pub fn sink_credentials(&self, sink: Id) -> Result<Vec<SinkCredential>, StoreError> {
        self.nouns("where sinkid = ?1 order by name", &[sink.into()])
    }

    /// Never-log entries that name this address or its domain (`@domain`).
    pub fn never_log_of(&self, address: &str, domain: &str) -> Result<Vec<NeverLog>, StoreError> {
        let ask = |read: &Self| read.nouns("where pattern in (?1, ?2)", &[address.into(), domain.into()]);
        self.remembered((Question::NeverLog, address), ask)
    }

    /// The session of this token hash, if it has not expired.
    pub fn session(&self, tokenhash: &[u8], now: Timestamp) -> Result<Option<Session>, StoreError> {
        self.noun("where tokenhash = ?1 and expireson > ?2", &[tokenhash.into(), now.into()])
    }
}

impl Tx<'_> {
    /// Adds a user and the address that is his.
    pub fn add_user(&mut self, user: &SystemUser) -> Result<(), StoreError> {
        self.insert(user)?;
        let code = model::decision::Entity::SystemUser as i32;
        self.add_address(&user.internalemailaddress, code, user.systemuserid)?;
        self.bump_records_version()
    }

    /// Adds a queue and the address that is its.
    pub fn add_queue(&mut self, queue: &Queue) -> Result<(), StoreError> {
        self.insert(queue)?;
        self.add_address(&queue.emailaddress, model::decision::Entity::Queue as i32, queue.queueid)?;
        self.bump_records_version()
    }

    /// Adds a sink and the address that is its.
    pub fn add_sink(&mut self, sink: &Sink) -> Result<(), StoreError> {
        self.insert(sink)?;
        self.add_address(&sink.address, SINK_TYPE_CODE, sink.sinkid)?;
        self.bump_records_version()
    }

    /// Adds a credential of a sink. No decision about a mail looks at it.
    pub fn add_sink_credential(&mut self, credential: &SinkCredential) -> Result<(), StoreError> {
        self.insert(credential)
    }

    /// Takes a credential away.
    pub fn remove_sink_credential(&mut self, id: Id) -> Result<(), StoreError> {
        self.execute("delete from sinkcredential where sinkcredentialid = ?1", &[id.into()]).map(drop)
    }

    /// Adds an entry to a never-log list.
    pub fn add_never_log(&mut self, entry: &NeverLog) -> Result<(), StoreError> {
        self.insert(entry)?;
        self.bump_records_version()
    }

    /// Sets a user's password hash.
    pub fn set_password_hash(&mut self, user: Id, hash: &str) -> Result<(), StoreError> {
        let sql = "update systemuser set passwordhash = ?2 where systemuserid = ?1";
        self.execute(sql, &[user.into(), hash.into()])?;
        // Nothing is decided by it, but the user is remembered with it.
        self.bump_records_version()
    }

    /// Opens a session, and forgets those that have expired.
    pub fn open_session(&mut self, session: &Session) -> Result<(), StoreError> {
        self.execute("delete from session where expireson <= ?1", &[session.createdon.into()])?;
        self.insert(session)
    }

    /// Lets a user sign in no more.
    pub fn disable_user(&mut self, user: Id) -> Result<(), StoreError> {
        let sql = "update systemuser set isdisabled = ?2 where systemuserid = ?1";
        self.execute(sql, &[user.into(), true.into()])?;
        self.bump_records_version()
    }

    /// Sets the way out of what a user writes as himself; with none it is the organization's.
    pub fn set_way_of_user(&mut self, user: Id, way: Option<Id>) -> Result<(), StoreError> {
        let sql = "update systemuser set emailserverprofile = ?2 where systemuserid = ?1";
        self.execute(sql, &[user.into(), way.into()])?;
        // No mail is told apart by it, but the user is remembered with it.
        self.bump_records_version()
    }

    /// Sets the way out of what is written as a queue; with none it is the organization's.
    pub fn set_way_of_queue(&mut self, queue: Id, way: Option<Id>) -> Result<(), StoreError> {
        let sql = "update queue set emailserverprofile = ?2 where queueid = ?1";
        self.execute(sql, &[queue.into(), way.into()]).map(drop)
    }

    /// Ends all sessions of a user, wherever they are.
    pub fn close_sessions_of(&mut self, user: Id) -> Result<(), StoreError> {
        self.execute("delete from session where systemuserid = ?1", &[user.into()]).map(drop)
    }

    /// Ends a session.
    pub fn close_session(&mut self, tokenhash: &[u8]) -> Result<(), StoreError> {
        self.execute("delete from session where tokenhash = ?1", &[tokenhash.into()]).map(drop)
    }
}
