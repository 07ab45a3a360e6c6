//! Companies, people, leads, and whose an address is.

use std::collections::HashMap;
use std::sync::Arc;

use model::decision::Entity;
use model::filter::IncomingFilter;
use model::schema::customers::{Account, Contact, Lead, RecordAddress};
use model::schema::people::{Queue, SystemUser};
use model::{EmailAddress, Id, Timestamp, limits};

use super::noted::{self, customer, of_account, of_contact, of_lead};
use crate::StoreError;
use crate::memory::{Question, Weighed};
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
    /// Whether a customer wants no mail (`donotemail`).
    pub wants_no_mail: bool,
    /// Whether a customer wants no mail that goes to many (`donotbulkemail`).
    pub wants_no_bulk_mail: bool,
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

    /// A customer of this name that has no address.
    pub fn customer_without_address(&self, entity: Entity, name: &str) -> Result<Option<Id>, StoreError> {
        let sql = match entity {
            Entity::Account => {
                "select accountid from account where name = ?1 and emailaddress1 is null limit 1"
            }
            Entity::Contact => {
                "select contactid from contact where fullname = ?1 and emailaddress1 is null limit 1"
            }
            _ => "select leadid from lead where fullname = ?1 and emailaddress1 is null limit 1",
        };
        self.one(sql, &[name.into()], |row| row.take())
    }

    /// The rows of an address (in its compared form), at most [`limits::MATCHES_MAX`].
    pub fn addresses(&self, address: &str) -> Result<Vec<RecordAddress>, StoreError> {
        let ask = |read: &Self| {
            read.nouns("where address = ?1 limit ?2", &[address.into(), limits::MATCHES_MAX.into()])
        };
        self.remembered((Question::Addresses, address), ask)
    }

    /// The rows of an address (in its compared form) that make it one of ours: a user's, a queue's or a sink's. Nearly
    /// every address that is asked about is none, and that is known without a question.
    pub fn our_addresses(&self, address: &str) -> Result<Vec<RecordAddress>, StoreError> {
        if let Some(Ours(Some(all))) = self.when_calm((Question::OurAddresses, ""), Self::all_ours)? {
            return Ok(all.get(address).cloned().unwrap_or_default());
        }
        let ask = |read: &Self| {
            let tail = "where address = ?1 and objecttypecode in (8, 2020, 10000) limit ?2";
            read.nouns(tail, &[address.into(), limits::MATCHES_MAX.into()])
        };
        self.remembered((Question::OurAddresses, address), ask)
    }

    fn all_ours(&self) -> Result<Ours, StoreError> {
        // The few are walked through and the many found by them, whatever an engine believes of their numbers.
        let sql = "select a.address, a.objecttypecode, a.objectid from systemuser o \
                   cross join recordaddress a where a.objectid = o.systemuserid and a.objecttypecode = 8 \
                   union all select a.address, a.objecttypecode, a.objectid from queue o \
                   cross join recordaddress a where a.objectid = o.queueid and a.objecttypecode = 2020 \
                   union all select a.address, a.objecttypecode, a.objectid from sink o \
                   cross join recordaddress a where a.objectid = o.sinkid and a.objecttypecode = 10000 limit ?1";
        let rows = self.rows(sql, &[(limits::OUR_ADDRESSES_MAX + 1).into()], |row| {
            Ok(RecordAddress::of(row.take()?, row.take()?, row.take()?))
        })?;
        if rows.len() > limits::OUR_ADDRESSES_MAX {
            return Ok(Ours(None));
        }
        let mut all: HashMap<String, Vec<RecordAddress>> = HashMap::new();
        for row in rows {
            all.entry(row.address.clone()).or_default().push(row);
        }
        Ok(Ours(Some(Arc::new(all))))
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
            Some(Entity::Account | Entity::Contact | Entity::Lead) if row.name.is_some() => {
                customer(row.clone())
            }
            Some(Entity::Account) => self.account(id)?.as_ref().map(of_account).and_then(customer),
            Some(Entity::Contact) => self.contact(id)?.as_ref().map(of_contact).and_then(customer),
            Some(Entity::Lead) => self.lead(id)?.as_ref().map(of_lead).and_then(customer),
            Some(Entity::SystemUser) => self.user(id)?.map(user),
            Some(Entity::Queue) => self.queue(id)?.map(queue),
            Some(Entity::Email) => None,
            None => Some(called(row.address.clone(), 0, Timestamp(0))),
        };
        Ok(found.map(|record| AddressedRecord { entity, id, ..record }))
    }
}

/// The rows of all addresses that are ours, by address; none where they are too many to be kept.
#[derive(Debug, Clone)]
struct Ours(Option<Arc<HashMap<String, Vec<RecordAddress>>>>);

impl Weighed for Ours {
    fn weight(&self) -> usize {
        self.0.iter().flat_map(|all| all.values()).map(Weighed::weight).sum()
    }
}

pub(super) fn called(name: String, statecode: i32, modified: Timestamp) -> AddressedRecord {
    AddressedRecord {
        entity: None,
        id: Id::default(),
        name,
        is_active: statecode == 0,
        company: None,
        modified,
        filter: None,
        wants_no_mail: false,
        wants_no_bulk_mail: false,
    }
}

fn user(it: SystemUser) -> AddressedRecord {
    let filter = Some(it.incomingemailfilteringmethod);
    let state = i32::from(it.isdisabled);
    AddressedRecord { filter, ..called(it.fullname, state, it.createdon) }
}

fn queue(it: Queue) -> AddressedRecord {
    let filter = Some(it.incomingemailfilteringmethod);
    AddressedRecord { filter, ..called(it.name, 0, it.createdon) }
}

impl Tx<'_> {
    /// Adds a company with its addresses.
    pub fn add_account(&mut self, account: &Account) -> Result<(), StoreError> {
        self.insert(account)?;
        let addresses = [&account.emailaddress1, &account.emailaddress2, &account.emailaddress3];
        self.add_addresses(&addresses, &of_account(account))
    }

    /// Adds a person with the addresses.
    pub fn add_contact(&mut self, contact: &Contact) -> Result<(), StoreError> {
        self.insert(contact)?;
        let addresses = [&contact.emailaddress1, &contact.emailaddress2, &contact.emailaddress3];
        self.add_addresses(&addresses, &of_contact(contact))
    }

    /// Adds a lead with its addresses.
    pub fn add_lead(&mut self, lead: &Lead) -> Result<(), StoreError> {
        self.insert(lead)?;
        let addresses = [&lead.emailaddress1, &lead.emailaddress2, &lead.emailaddress3];
        self.add_addresses(&addresses, &of_lead(lead))
    }

    fn add_addresses(
        &mut self,
        addresses: &[&Option<String>],
        noted: &RecordAddress,
    ) -> Result<(), StoreError> {
        let written = addresses.iter().filter_map(|address| EmailAddress::parse(address.as_deref()?));
        for address in written {
            self.insert_unless_there(&RecordAddress { address: address.key(), ..noted.clone() })?;
        }
        Ok(())
    }

    /// Says whether a customer wants mail, and such that goes to many. Says whether that is new. Whoever asks makes the
    /// version of the records grow.
    pub fn set_opt_outs(
        &mut self,
        (entity, id): (Entity, Id),
        opt_outs: [Option<bool>; 2],
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let sql = match entity {
            Entity::Account => OPT_OUTS_OF_ACCOUNT,
            Entity::Contact => OPT_OUTS_OF_CONTACT,
            Entity::Lead => OPT_OUTS_OF_LEAD,
            Entity::SystemUser | Entity::Queue | Entity::Email => return Ok(false),
        };
        let [mail, bulk] = opt_outs.map(|wants_none| wants_none.map(i32::from));
        let params = [id.into(), mail.into(), bulk.into(), now.into()];
        let is_new = self.execute(sql, &params)? == 1;
        if is_new {
            self.execute(noted::OPT_OUTS, &params)?;
        }
        Ok(is_new)
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
        self.insert_unless_there(&RecordAddress::of(address.key(), objecttypecode, objectid))
    }

    /// Whether any party still waits for a record with this address.
    pub fn has_open_parties(&self, address: &str) -> Result<bool, StoreError> {
        let sql = "select 1 from activityparty where addressused = ?1 and partyid is null limit 1";
        Ok(self.one(sql, &[Param::from(address)], |_| Ok(()))?.is_some())
    }
}

const OPT_OUTS_OF_ACCOUNT: &str = "update account set donotemail = coalesce(?2, donotemail), \
    donotbulkemail = coalesce(?3, donotbulkemail), modifiedon = ?4 where accountid = ?1 \
    and (donotemail <> coalesce(?2, donotemail) or donotbulkemail <> coalesce(?3, donotbulkemail))";
const OPT_OUTS_OF_CONTACT: &str = "update contact set donotemail = coalesce(?2, donotemail), \
    donotbulkemail = coalesce(?3, donotbulkemail), modifiedon = ?4 where contactid = ?1 \
    and (donotemail <> coalesce(?2, donotemail) or donotbulkemail <> coalesce(?3, donotbulkemail))";
const OPT_OUTS_OF_LEAD: &str = "update lead set donotemail = coalesce(?2, donotemail), \
    donotbulkemail = coalesce(?3, donotbulkemail), modifiedon = ?4 where leadid = ?1 \
    and (donotemail <> coalesce(?2, donotemail) or donotbulkemail <> coalesce(?3, donotbulkemail))";
