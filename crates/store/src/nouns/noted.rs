//! What is noted of a customer beside each of his addresses, so that mail does not look for the record itself.
//!
//! *Invariant:* it says what the record says: whoever writes a record writes both, in one unit. Where nothing is noted (a house
//! of before) the record is asked, until [`Organization::note_customers`] has been there.

use model::decision::Entity;
use model::schema::customers::{Account, Contact, Lead, RecordAddress};
use model::{Id, Timestamp, limits};

use super::customers::{AddressedRecord, called};
use crate::rows::{Read, Tx};
use crate::{HeldLease, Organization, Priority, StoreError};

/// A customer, by what is noted beside an address.
pub(super) fn customer(noted: RecordAddress) -> Option<AddressedRecord> {
    Some(AddressedRecord {
        company: noted.parentcustomerid,
        wants_no_mail: noted.donotemail,
        wants_no_bulk_mail: noted.donotbulkemail,
        ..called(noted.name?, noted.statecode, noted.modifiedon)
    })
}

/// What is noted beside the addresses of a company, whichever they are.
pub(super) fn of_account(it: &Account) -> RecordAddress {
    RecordAddress {
        name: Some(it.name.clone()),
        statecode: it.statecode,
        modifiedon: it.modifiedon,
        donotemail: it.donotemail,
        donotbulkemail: it.donotbulkemail,
        ..RecordAddress::of(String::new(), Entity::Account as i32, it.accountid)
    }
}

pub(super) fn of_contact(it: &Contact) -> RecordAddress {
    RecordAddress {
        name: Some(it.fullname.clone()),
        parentcustomerid: it.parentcustomerid,
        statecode: it.statecode,
        modifiedon: it.modifiedon,
        donotemail: it.donotemail,
        donotbulkemail: it.donotbulkemail,
        ..RecordAddress::of(String::new(), Entity::Contact as i32, it.contactid)
    }
}

pub(super) fn of_lead(it: &Lead) -> RecordAddress {
    RecordAddress {
        name: Some(it.fullname.clone()),
        statecode: it.statecode,
        modifiedon: it.modifiedon,
        donotemail: it.donotemail,
        donotbulkemail: it.donotbulkemail,
        ..RecordAddress::of(String::new(), Entity::Lead as i32, it.leadid)
    }
}

/// What stands beside the addresses follows its record.
pub(super) const OPT_OUTS: &str = "update recordaddress set donotemail = coalesce(?2, donotemail), \
    donotbulkemail = coalesce(?3, donotbulkemail), modifiedon = ?4 where objectid = ?1";

/// How far a house of before is noted: all of it, or `code id address` of the last row that was looked at.
const NOTED: &str = "customersnoted";
const ALL: &str = "all";

/// A place among the rows of all addresses, in the order of their keys.
#[derive(Debug, Clone, Default)]
struct Place {
    address: String,
    objecttypecode: i32,
    objectid: Id,
}

impl Organization {
    /// Notes customers beside their addresses who were there before that was done. Says how many addresses; none once all
    /// are, or while another node does it. It goes on where it was stopped. Waits for units: not for asynchronous tasks.
    pub fn note_customers(
        &self,
        owner: Id,
        clock: &dyn Fn() -> Timestamp,
        is_stopped: &dyn Fn() -> bool,
    ) -> Result<usize, StoreError> {
        if self.is_closed() || self.readers().ask(|read| read.setting(NOTED))?.as_deref() == Some(ALL) {
            return Ok(0);
        }
        let now = clock();
        let taken = self.unit(Priority::Background, move |tx| tx.take_lease(NOTED, owner, now));
        let Some(lease) = taken.wait()? else { return Ok(0) };
        let mut count = 0;
        while !is_stopped() {
            let (lease, now) = (lease.clone(), clock());
            let handful = self.unit(Priority::Background, move |tx| tx.note_handful(&lease, now));
            let Some(noted) = handful.wait()? else { break };
            count += noted;
        }
        self.unit(Priority::Background, move |tx| tx.give_lease_back(&lease)).wait().map(|()| count)
    }
}

impl Read<'_> {
    fn noted_to(&self) -> Result<Place, StoreError> {
        let text = self.setting(NOTED)?.unwrap_or_default();
        let mut words = text.splitn(3, ' ');
        let mut word = || words.next().unwrap_or_default();
        let (code, id) = (word().parse(), word().parse());
        Ok(match (code, id) {
            (Ok(objecttypecode), Ok(objectid)) => {
                Place { address: word().to_owned(), objecttypecode, objectid }
            }
            _ => Place::default(),
        })
    }

    /// The last of the next handful of addresses, whoever has them.
    fn handful_after(&self, place: &Place) -> Result<Option<Place>, StoreError> {
        let sql = "select address, objecttypecode, objectid from recordaddress
            where (address, objecttypecode, objectid) > (?1, ?2, ?3)
            order by address, objecttypecode, objectid limit ?4";
        let params = [
            (&place.address).into(),
            place.objecttypecode.into(),
            place.objectid.into(),
            limits::NOTED_PER_UNIT_MAX.into(),
        ];
        let rows = self.rows(sql, &params, |row| {
            Ok(Place { address: row.take()?, objecttypecode: row.take()?, objectid: row.take()? })
        })?;
        Ok(rows.into_iter().last())
    }
}

impl Tx<'_> {
    /// Notes the next handful; says how many addresses. `None` where there is nothing to do, or it is another node's.
    fn note_handful(&mut self, lease: &HeldLease, now: Timestamp) -> Result<Option<usize>, StoreError> {
        if !self.renew_lease(lease, now)? {
            return Ok(None);
        }
        let from = self.noted_to()?;
        let Some(to) = self.handful_after(&from)? else {
            return self.set_setting(NOTED, ALL).map(|()| None);
        };
        let mut count = 0;
        for sql in [NOTE_ACCOUNTS, NOTE_CONTACTS, NOTE_LEADS] {
            let params = [
                (&from.address).into(),
                from.objecttypecode.into(),
                from.objectid.into(),
                (&to.address).into(),
                to.objecttypecode.into(),
                to.objectid.into(),
            ];
            count += self.execute(sql, &params)?;
        }
        let reached = format!("{} {} {}", to.objecttypecode, to.objectid, to.address);
        self.set_setting(NOTED, &reached).map(|()| Some(count))
    }
}

/// Notes the customers of one kind in a range of addresses; `$columns` are what is noted, `$facts` what the record says.
macro_rules! note {
    ($table:literal, $id:literal, $kind:literal, $columns:literal, $facts:literal) => {
        concat!(
            "update recordaddress set (",
            $columns,
            ", statecode, modifiedon, donotemail, donotbulkemail) = (select ",
            $facts,
            ", c.statecode, c.modifiedon, c.donotemail, c.donotbulkemail from ",
            $table,
            " c where c.",
            $id,
            " = recordaddress.objectid)
            where (address, objecttypecode, objectid) > (?1, ?2, ?3)
            and (address, objecttypecode, objectid) <= (?4, ?5, ?6) and objecttypecode = ",
            $kind,
            " and name is null and exists (select 1 from ",
            $table,
            " c where c.",
            $id,
            " = recordaddress.objectid)"
        )
    };
}

const NOTE_ACCOUNTS: &str = note!("account", "accountid", "1", "name", "c.name");
const NOTE_CONTACTS: &str =
    note!("contact", "contactid", "2", "name, parentcustomerid", "c.fullname, c.parentcustomerid");
const NOTE_LEADS: &str = note!("lead", "leadid", "4", "name", "c.fullname");
