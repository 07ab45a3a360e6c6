//! The customers' side: companies, people, leads, and the addresses they write from.

use super::column::{Kind::*, table};
use crate::{Id, Timestamp};

/// State of an account or contact.
pub const CUSTOMER_STATES: &[(i64, &str)] = &[(0, "Active"), (1, "Inactive")];
/// State of a lead.
pub const LEAD_STATES: &[(i64, &str)] = &[(0, "Open"), (1, "Qualified"), (2, "Disqualified")];

table! {
    /// A company.
    Account "account" set "accounts" label "Company" key(accountid) clustered(false) {
        accountid: Id = Key, "Company";
        name: String = Text(160), "Company Name";
        emailaddress1: Option<String> = Text(640), "E-mail";
        emailaddress2: Option<String> = Text(640), "E-mail 2";
        emailaddress3: Option<String> = Text(640), "E-mail 3";
        telephone1: Option<String> = Text(50), "Phone";
        websiteurl: Option<String> = Text(200), "Website";
        address1_city: Option<String> = Text(80), "City";
        statecode: i32 = Choice(CUSTOMER_STATES), "Status";
        createdon: Timestamp = DateTime, "Created on";
        modifiedon: Timestamp = DateTime, "Modified on";
        /// No mail is to go there.
        donotemail: bool = Bool, "Do not allow E-mails";
        /// No mail that goes to many is to go there.
        donotbulkemail: bool = Bool, "Do not allow Bulk E-mails";
    }
    indexes { many(name); }
}

table! {
    /// A person at a customer.
    Contact "contact" set "contacts" label "Person" key(contactid) clustered(false) {
        contactid: Id = Key, "Person";
        firstname: Option<String> = Text(50), "First Name";
        lastname: Option<String> = Text(50), "Last Name";
        fullname: String = Text(160), "Full Name";
        emailaddress1: Option<String> = Text(640), "E-mail";
        emailaddress2: Option<String> = Text(640), "E-mail 2";
        emailaddress3: Option<String> = Text(640), "E-mail 3";
        parentcustomerid: Option<Id> = Lookup("account"), "Company";
        jobtitle: Option<String> = Text(100), "Job Title";
        telephone1: Option<String> = Text(50), "Phone";
        statecode: i32 = Choice(CUSTOMER_STATES), "Status";
        createdon: Timestamp = DateTime, "Created on";
        modifiedon: Timestamp = DateTime, "Modified on";
        /// No mail is to go there.
        donotemail: bool = Bool, "Do not allow E-mails";
        /// No mail that goes to many is to go there.
        donotbulkemail: bool = Bool, "Do not allow Bulk E-mails";
    }
    indexes { many(fullname); sparse(parentcustomerid, fullname); }
}

table! {
    /// Somebody who may become a customer.
    Lead "lead" set "leads" label "Lead" key(leadid) clustered(false) {
        leadid: Id = Key, "Lead";
        subject: Option<String> = Text(300), "Topic";
        firstname: Option<String> = Text(50), "First Name";
        lastname: Option<String> = Text(50), "Last Name";
        fullname: String = Text(160), "Full Name";
        companyname: Option<String> = Text(100), "Company Name";
        emailaddress1: Option<String> = Text(640), "E-mail";
        emailaddress2: Option<String> = Text(640), "E-mail 2";
        emailaddress3: Option<String> = Text(640), "E-mail 3";
        statecode: i32 = Choice(LEAD_STATES), "Status";
        createdon: Timestamp = DateTime, "Created on";
        modifiedon: Timestamp = DateTime, "Modified on";
        /// No mail is to go there.
        donotemail: bool = Bool, "Do not allow E-mails";
        /// No mail that goes to many is to go there.
        donotbulkemail: bool = Bool, "Do not allow Bulk E-mails";
    }
    indexes { many(fullname); }
}

table! {
    /// An address and a record that has it: accounts, contacts, leads, users and queues in one look-up. What mail asks of a
    /// customer stands beside it, so that the record itself is not looked for.
    RecordAddress "recordaddress" set "" label "Address of a record" key(address, objecttypecode, objectid) clustered(true) {
        /// The address as it is compared: lower case.
        address: String = Text(640), "Address";
        objecttypecode: i32 = Int, "Kind of record";
        objectid: Id = AnyLookup, "Record";
        /// What a customer is called; none in the rows of users, queues and sinks, and where it was never noted.
        name: Option<String> = Text(160), "Name";
        /// The company of a person.
        parentcustomerid: Option<Id> = Lookup("account"), "Company";
        statecode: i32 = Choice(CUSTOMER_STATES), "Status";
        modifiedon: Timestamp = DateTime, "Modified on";
        /// No mail is to go there.
        donotemail: bool = Bool, "Do not allow E-mails";
        /// No mail that goes to many is to go there.
        donotbulkemail: bool = Bool, "Do not allow Bulk E-mails";
    }
    indexes { many(objectid); }
}

impl RecordAddress {
    /// An address (as it is compared) of a record of which nothing is noted beside it.
    #[must_use]
    pub fn of(address: String, objecttypecode: i32, objectid: Id) -> Self {
        RecordAddress {
            address,
            objecttypecode,
            objectid,
            name: None,
            parentcustomerid: None,
            statecode: 0,
            modifiedon: Timestamp(0),
            donotemail: false,
            donotbulkemail: false,
        }
    }
}
