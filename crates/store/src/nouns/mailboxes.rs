//! Mailboxes that are watched: their servers, themselves, their folders.

use model::Id;
use model::schema::mailboxes::{EmailServerProfile, Mailbox, MailboxFolder};

use super::ledger::Generation;
use crate::StoreError;
use crate::rows::{Read, Tx};

impl Read<'_> {
    /// The mail server with this id.
    pub fn email_server_profile(&self, id: Id) -> Result<Option<EmailServerProfile>, StoreError> {
        self.noun("where emailserverprofileid = ?1", &[id.into()])
    }

    /// The mail server of this name.
    pub fn email_server_profile_by_name(&self, name: &str) -> Result<Option<EmailServerProfile>, StoreError> {
        self.noun("where name = ?1", &[name.into()])
    }

    /// All mail servers, by name.
    pub fn email_server_profiles(&self) -> Result<Vec<EmailServerProfile>, StoreError> {
        self.nouns("order by name", &[])
    }

    /// The mailbox with this id.
    pub fn mailbox(&self, id: Id) -> Result<Option<Mailbox>, StoreError> {
        self.noun("where mailboxid = ?1", &[id.into()])
    }

    /// The mailbox of this name.
    pub fn mailbox_by_name(&self, name: &str) -> Result<Option<Mailbox>, StoreError> {
        self.noun("where name = ?1", &[name.into()])
    }

    /// All mailboxes, by name.
    pub fn mailboxes(&self) -> Result<Vec<Mailbox>, StoreError> {
        self.nouns("order by name", &[])
    }

    /// The folder with this id.
    pub fn mailbox_folder(&self, id: Id) -> Result<Option<MailboxFolder>, StoreError> {
        self.noun("where mailboxfolderid = ?1", &[id.into()])
    }

    /// The folder of this name in a mailbox.
    pub fn mailbox_folder_by_name(
        &self,
        mailbox: Id,
        name: &str,
    ) -> Result<Option<MailboxFolder>, StoreError> {
        self.noun("where mailboxid = ?1 and foldername = ?2", &[mailbox.into(), name.into()])
    }

    /// The folders of a mailbox that were opened so far, by name.
    pub fn mailbox_folders(&self, mailbox: Id) -> Result<Vec<MailboxFolder>, StoreError> {
        self.nouns("where mailboxid = ?1 order by foldername", &[mailbox.into()])
    }
}

impl Tx<'_> {
    /// Sets whether a mailbox is watched; `false` where there is none of this name.
    pub fn set_mailbox_state(&mut self, name: &str, statecode: i32) -> Result<bool, StoreError> {
        let sql = "update mailbox set statecode = ?2 where name = ?1";
        Ok(self.execute(sql, &[name.into(), statecode.into()])? == 1)
    }

    /// Sets the sealed password of a mailbox; `false` where there is none with this id.
    pub fn set_mailbox_password(&mut self, id: Id, password: Option<&Vec<u8>>) -> Result<bool, StoreError> {
        let sql = "update mailbox set password = ?2 where mailboxid = ?1";
        Ok(self.execute(sql, &[id.into(), password.into()])? == 1)
    }

    /// Says of a mailbox whether nobody else removes anything there, and whether forged mail is refused before it.
    pub fn set_mailbox_promises(
        &mut self,
        id: Id,
        (is_exclusive, is_refusing): (bool, bool),
    ) -> Result<(), StoreError> {
        let sql = "update mailbox set isexclusive = ?2, isrefusing = ?3 where mailboxid = ?1";
        self.execute(sql, &[id.into(), is_exclusive.into(), is_refusing.into()]).map(drop)
    }

    /// Says whose sent mail is put into a mailbox.
    pub fn set_keeps_sent(&mut self, id: Id, user: Option<Id>) -> Result<(), StoreError> {
        let sql = "update mailbox set keepssentof = ?2 where mailboxid = ?1";
        self.execute(sql, &[id.into(), user.into()]).map(drop)
    }

    /// Adds a mail server. `Conflict` where the name is taken.
    pub fn add_email_server_profile(&mut self, profile: &EmailServerProfile) -> Result<(), StoreError> {
        self.insert(profile)
    }

    /// Adds a mailbox. `Conflict` where the name is taken.
    pub fn add_mailbox(&mut self, mailbox: &Mailbox) -> Result<(), StoreError> {
        self.insert(mailbox)
    }

    /// Adds a folder of a mailbox. `Conflict` where it is there.
    pub fn add_mailbox_folder(&mut self, folder: &MailboxFolder) -> Result<(), StoreError> {
        self.insert(folder)
    }

    /// Begins another generation of a folder. Says whether the one given was the present one; if not, somebody else has
    /// begun another.
    pub fn begin_generation(&mut self, folder: &MailboxFolder, uidvalidity: i64) -> Result<bool, StoreError> {
        let sql = "update mailboxfolder set generation = generation + 1, uidvalidity = ?3, uidseen = 0 \
                   where mailboxfolderid = ?1 and generation = ?2";
        let params = [folder.mailboxfolderid.into(), folder.generation.into(), uidvalidity.into()];
        Ok(self.execute(sql, &params)? == 1)
    }

    /// Notes how far a folder that is only looked at was seen. Never less far than before.
    pub fn seen_up_to(&mut self, generation: Generation, uid: u32) -> Result<(), StoreError> {
        let sql = "update mailboxfolder set uidseen = ?3 \
                   where mailboxfolderid = ?1 and generation = ?2 and uidseen < ?3";
        let params = [generation.folder.into(), generation.number.into(), i64::from(uid).into()];
        self.execute(sql, &params).map(drop)
    }
}
