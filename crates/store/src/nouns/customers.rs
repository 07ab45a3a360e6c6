//! Companies, people, leads, and whose an address is.

use model::decision::Entity;
use model::filter::IncomingFilter;
use model::schema::customers::{Account, Contact, Lead, RecordAddress};
use model::schema::people::{Queue, SystemUser};
use model::{EmailAddress, Id, Timestamp, limits};

use crate::StoreError;
use crate::memory::Question;
use crate::rows::{Param, Read, Tx};

/// The number under which the address of a sink is kept; a sink is no record of Dynamics.
pub const SINK_TYPE_CODE: i32 = 10_000;

/// A record that has an address, with what a decision asks of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AddressedRecord {
    /// Its kind; `None` for a sink.
    pub entity: Option<Entity>,
    /// Its id.
    pub id: Id,
    /// Its name.
    pub name: String,
    /// Whether it is active.
    pub is_active: bool,
    /// The company of a person.
    pub company: Option<Id>,
    /// When it was last changed.
    pub modified: Timestamp,
    /// What a user or queue keeps.
    pub filter: Option<IncomingFilter>,
}

impl Read<'_> {
    /// The account with this id.
    pub fn account(&self, id: Id) -> Result<Option<Account>, StoreError> {
        self.noun("where accountid = ?1", &[id.into()])
    }

    /// An account of this name, the oldest first.
    pub fn account_by_name(&self, name: &str) -> Result<Option<Account>, StoreError> {
        self.noun("where name = ?1 order by accountid limit 1", &[name.into()])
    }

    /// The contact with this id.
    pub fn contact(&self, id: Id) -> Result<Option<Contact>, StoreError> {
        self.noun("where contactid = ?1", &[id.into()])
    }

    /// The lead with this id.
    pub fn lead(&self, id: Id) -> Result<Option<Lead>, StoreError> {
        self.noun("where leadid = ?1", &[id.into()])
    }

    /// People of a company, by name.
    pub fn people_of(&self, account: Id) -> Result<Vec<Contact>, StoreError> {
        self.nouns("where parentcustomerid = ?1 order by fullname limit 200", &[account.into()])
    }

    /// Whether there is a customer of this name that has no address.
    pub fn has_customer_without_address(&self, entity: Entity, name: &str) -> Result<bool, StoreError> {
        let sql = match entity {
            Entity::Account => "select 1 from account where name = ?1 and emailaddress1 is null limit 1",
            Entity::Contact => "select 1 from contact where fullname = ?1 and emailaddress1 is null limit 1",
            _ => "select 1 from lead where fullname = ?1 and emailaddress1 is null limit 1",
        };
        Ok(self.one(sql, &[name.into()], |_| Ok(()))?.is_some())
    }

    /// The rows of an address (in its compared form), at most [`limits::MATCHES_MAX`].
    pub fn addresses(&self, address: &str) -> Result<Vec<RecordAddress>, StoreError> {
        let ask = |read: &Self| {
            read.nouns("where address = ?1 limit ?2", &[address.into(), limits::MATCHES_MAX.into()])
        };
        self.remembered((Question::Addresses, address), ask)
    }

    /// The records that have an address (in its compared form).
    pub fn records_by_address(&self, address: &str) -> Result<Vec<AddressedRecord>, StoreError> {
        let ask = |read: &Self| -> Result<Vec<AddressedRecord>, StoreError> {
            let rows = read.addresses(address)?;
            rows.iter().filter_map(|row| read.addressed(row).transpose()).collect()
        };
        self.remembered((Question::RecordsByAddress, address), ask)
    }

    fn addressed(&self, row: &RecordAddress) -> Result<Option<AddressedRecord>, StoreError> {
        let id = row.objectid;
        let entity = Entity::from_code(i64::from(row.objecttypecode));
        let found = match entity {
            Some(Entity::Account) => {
                self.account(id)?.map(|it| customer(it.name, it.statecode, it.modifiedon))
            }
            Some(Entity::Contact) => self.contact(id)?.map(|it| AddressedRecord {
                company: it.parentcustomerid,
                ..customer(it.fullname, it.statecode, it.modifiedon)
            }),
            Some(Entity::Lead) => self.lead(id)?.map(|it| customer(it.fullname, it.statecode, it.modifiedon)),
            Some(Entity::SystemUser) => self.user(id)?.map(user),
            Some(Entity::Queue) => self.queue(id)?.map(queue),
            Some(Entity::Email) => None,
            None => Some(customer(row.address.clone(), 0, Timestamp(0))),
        };
        Ok(found.map(|record| AddressedRecord { entity, id, ..record }))
    }
}

fn customer(name: String, statecode: i32, modified: Timestamp) -> AddressedRecord {
    AddressedRecord {
        entity: None,
        id: Id::default(),
        name,
        is_active: statecode == 0,
        company: None,
        modified,
        filter: None,
    }
}

fn user(it: SystemUser) -> AddressedRecord {
    let filter = Some(it.incomingemailfilteringmethod);
    let state = i32::from(it.isdisabled);
    AddressedRecord { filter, ..customer(it.fullname, state, it.createdon) }
}

fn queue(it: Queue) -> AddressedRecord {
    let filter = Some(it.incomingemailfilteringmethod);
    AddressedRecord { filter, ..customer(it.name, 0, it.createdon) }
}

impl Tx<'_> {
    /// Adds a company with its addresses.
    pub fn add_account(&mut self, account: &Account) -> Result<(), StoreError> {
        self.insert(account)?;
        let addresses = [&account.emailaddress1, &account.emailaddress2, &account.emailaddress3];
        self.add_addresses(&addresses, Entity::Account, account.accountid)
    }

    /// Adds a person with the addresses.
    pub fn add_contact(&mut self, contact: &Contact) -> Result<(), StoreError> {
        self.insert(contact)?;
        let addresses = [&contact.emailaddress1, &contact.emailaddress2, &contact.emailaddress3];
        self.add_addresses(&addresses, Entity::Contact, contact.contactid)
    }

    /// Adds a lead with its addresses.
    pub fn add_lead(&mut self, lead: &Lead) -> Result<(), StoreError> {
        self.insert(lead)?;
        let addresses = [&lead.emailaddress1, &lead.emailaddress2, &lead.emailaddress3];
        self.add_addresses(&addresses, Entity::Lead, lead.leadid)
    }

    fn add_addresses(
        &mut self,
        addresses: &[&Option<String>],
        entity: Entity,
        id: Id,
    ) -> Result<(), StoreError> {
        for address in addresses.iter().filter_map(|address| address.as_deref()) {
            self.add_address(address, entity as i32, id)?;
        }
        Ok(())
    }

    /// Adds an address of a record; the same one twice is one. Whoever adds it makes the version of the
    /// records grow, once a unit.
    pub fn add_address(
        &mut self,
        address: &str,
        objecttypecode: i32,
        objectid: Id,
    ) -> Result<(), StoreError> {
        let Some(address) = EmailAddress::parse(address) else { return Ok(()) };
        self.insert_unless_there(&RecordAddress { address: address.key(), objecttypecode, objectid })
    }

    /// Whether any party still waits for a record with this address.
    pub fn has_open_parties(&self, address: &str) -> Result<bool, StoreError> {
        let sql = "select 1 from activityparty where addressused = ?1 and partyid is null limit 1";
        Ok(self.one(sql, &[Param::from(address)], |_| Ok(()))?.is_some())
    }
}
