//! What is noted of a customer beside each of his addresses, so that mail does not look for the record itself.
//!
//! *Invariant:* it says what the record says: whoever writes a record writes both, in one unit. Where nothing is noted (a house
//! of before) the record is asked, until [`Organization::note_customers`] has been there.

use model::decision::Entity;
use model::schema::customers::{Account, Contact, Lead, RecordAddress};
use model::{Id, limits};

use super::customers::{AddressedRecord, called};
use crate::rows::{Read, Tx};
use crate::{Organization, Priority, StoreError};

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

/// Set once every customer of a house of before is noted.
const ALL_NOTED: &str = "customersnoted";

impl Organization {
    /// Notes customers beside their addresses who were there before that was done. Says how many addresses; none once all
    /// are. Waits for units: not for asynchronous tasks.
    pub fn note_customers(&self) -> Result<usize, StoreError> {
        if self.is_closed() || self.read(|read| read.setting(ALL_NOTED))?.is_some() {
            return Ok(0);
        }
        let (mut count, mut after) = (0, (String::new(), 0, Id::default()));
        loop {
            let some = self.readers().ask(|read| read.unnoted_after(&after))?;
            let Some(last) = some.last() else { break };
            after = (last.address.clone(), last.objecttypecode, last.objectid);
            let unit = self.unit(Priority::Background, move |tx| {
                some.iter().try_fold(0, |noted, row| Ok::<_, StoreError>(noted + tx.note(row)?))
            });
            count += unit.wait()?;
        }
        self.unit(Priority::Background, |tx| tx.set_setting(ALL_NOTED, "1")).wait().map(|()| count)
    }
}

impl Read<'_> {
    /// Addresses of customers of whom nothing is noted, behind one in the order of keys.
    fn unnoted_after(
        &self,
        (address, code, id): &(String, i32, Id),
    ) -> Result<Vec<RecordAddress>, StoreError> {
        let tail = "where (address, objecttypecode, objectid) > (?1, ?2, ?3) and name is null and objecttypecode in (1, 2, 4)
            order by address, objecttypecode, objectid limit ?4";
        let params = [address.into(), (*code).into(), (*id).into(), limits::NOTED_PER_UNIT_MAX.into()];
        self.nouns(tail, &params)
    }

    /// What would be noted of a record now; nothing where there is none.
    fn to_note(&self, row: &RecordAddress) -> Result<Option<RecordAddress>, StoreError> {
        Ok(match Entity::from_code(i64::from(row.objecttypecode)) {
            Some(Entity::Account) => self.account(row.objectid)?.as_ref().map(of_account),
            Some(Entity::Contact) => self.contact(row.objectid)?.as_ref().map(of_contact),
            Some(Entity::Lead) => self.lead(row.objectid)?.as_ref().map(of_lead),
            _ => None,
        })
    }
}

impl Tx<'_> {
    /// Notes a customer beside an address; says how many rows that were.
    fn note(&mut self, row: &RecordAddress) -> Result<usize, StoreError> {
        let Some(noted) = self.to_note(row)? else { return Ok(0) };
        let sql =
            "update recordaddress set name = ?4, parentcustomerid = ?5, statecode = ?6, modifiedon = ?7,
            donotemail = ?8, donotbulkemail = ?9
            where address = ?1 and objecttypecode = ?2 and objectid = ?3 and name is null";
        let params = [
            (&row.address).into(),
            row.objecttypecode.into(),
            row.objectid.into(),
            noted.name.as_ref().into(),
            noted.parentcustomerid.into(),
            noted.statecode.into(),
            noted.modifiedon.into(),
            noted.donotemail.into(),
            noted.donotbulkemail.into(),
        ];
        self.execute(sql, &params)
    }
}
