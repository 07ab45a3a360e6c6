//! Customers come in from a table: columns by logical name or label, one row one record, each row's fault
//! named with its line and column. The same table twice adds nothing twice.

use std::sync::Arc;
use std::time::Duration;

use model::decision::{Entity, RecordRef};
use model::schema::customers::{Account, Contact, Lead};
use model::schema::house::Job;
use model::schema::{Kind, Noun, Table};
use model::{EmailAddress, Id, Moment};
use store::{Hint, Organization, Priority, StoreError, Tx};

use super::note;
use crate::CrmError;
use crate::jobs::REMATCH;

/// What a table of customers holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Customers {
    /// Companies.
    Accounts,
    /// People.
    Contacts,
    /// Leads.
    Leads,
}

/// Which column of the file is which column of the table.
#[derive(Debug, Clone)]
pub struct Columns {
    customers: Customers,
    names: Vec<&'static str>,
}

/// One row of a file.
#[derive(Debug, Clone)]
pub struct Row {
    /// Its line in the file, for messages.
    pub line: u64,
    /// Its cells.
    pub cells: Vec<String>,
}

/// A row that was not taken, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RowFault {
    /// The line in the file.
    pub line: u64,
    /// What is wrong, with the column.
    pub words: String,
}

/// What became of some rows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Imported {
    /// Records that were added.
    pub added: u64,
    /// Rows whose record is here already.
    pub here_already: u64,
    /// Of these, records that want mail, or do not any more.
    pub changed: u64,
    /// Rows that were not taken.
    pub faults: Vec<RowFault>,
}

impl Columns {
    /// Reads the heading of a file.
    ///
    /// # Errors
    /// [`CrmError::Invalid`] where a column is unknown, comes twice, or nothing names the record.
    pub fn read(customers: Customers, heading: &[String]) -> Result<Self, CrmError> {
        let table = customers.table();
        let mut names = Vec::with_capacity(heading.len());
        for title in heading {
            let column = table.column(title).filter(|column| is_importable(table, column.name));
            let Some(column) = column else {
                let known: Vec<&str> = importable(table).collect();
                return Err(CrmError::Invalid(format!(
                    "the column “{}” is unknown; columns are {}",
                    title.trim(),
                    known.join(", ")
                )));
            };
            if names.contains(&column.name) {
                return Err(CrmError::Invalid(format!("the column {} comes twice", column.name)));
            }
            names.push(column.name);
        }
        let names_it = ["name", "fullname", "lastname", "firstname"];
        if !names.iter().any(|name| names_it.contains(name)) {
            return Err(CrmError::Invalid(
                "no column names the record: give name, fullname or lastname".to_owned(),
            ));
        }
        Ok(Columns { customers, names })
    }
}

impl Customers {
    fn table(self) -> &'static Table {
        match self {
            Customers::Accounts => &Account::TABLE,
            Customers::Contacts => &Contact::TABLE,
            Customers::Leads => &Lead::TABLE,
        }
    }
}

fn importable(table: &'static Table) -> impl Iterator<Item = &'static str> {
    table.columns.iter().map(|column| column.name).filter(|name| is_importable(table, name))
}

fn is_importable(table: &Table, name: &str) -> bool {
    !table.key.contains(&name) && !["createdon", "modifiedon", "statecode"].contains(&name)
}

/// Imports some rows of a file in one unit of work; at most `limits::ROWS_PER_UNIT_MAX` belong into one call.
pub async fn import(
    organization: &Arc<Organization>,
    columns: &Columns,
    rows: Vec<Row>,
    moment: Moment,
) -> Result<Imported, CrmError> {
    let columns = columns.clone();
    let unit =
        organization.unit(Priority::Background, move |tx| import_rows(tx, &columns, &rows, &moment.again()));
    Ok(unit.await?)
}

fn import_rows(
    tx: &mut Tx<'_>,
    columns: &Columns,
    rows: &[Row],
    moment: &Moment,
) -> Result<Imported, StoreError> {
    let mut imported = Imported::default();
    for row in rows {
        match import_row(tx, columns, row, moment)? {
            Ok(Taken::Added) => imported.added += 1,
            Ok(Taken::HereAlready) => imported.here_already += 1,
            Ok(Taken::Changed) => {
                imported.here_already += 1;
                imported.changed += 1;
            }
            Err(words) => imported.faults.push(RowFault { line: row.line, words }),
        }
    }
    Ok(imported)
}

/// What became of the row's record, or what is wrong with the row.
type RowEnd = Result<Taken, String>;

/// What became of a row's record.
enum Taken {
    Added,
    HereAlready,
    /// It was here, and wants mail now, or does not any more.
    Changed,
}

fn import_row(tx: &mut Tx<'_>, columns: &Columns, row: &Row, moment: &Moment) -> Result<RowEnd, StoreError> {
    let cells = match Cells::read(columns, row) {
        Ok(cells) => cells,
        Err(words) => return Ok(Err(words)),
    };
    let name = match cells.name(columns.customers) {
        Ok(name) => name,
        Err(words) => return Ok(Err(words)),
    };
    if let Some(record) = here(tx, columns.customers, &name, &cells)? {
        let opt_outs = [cells.yes("donotemail"), cells.yes("donotbulkemail")];
        if !tx.set_opt_outs((record.entity, record.id), opt_outs, moment.now)? {
            return Ok(Ok(Taken::HereAlready));
        }
        note(tx, moment, record, "updated")?;
        tx.bump_records_version()?;
        return Ok(Ok(Taken::Changed));
    }
    let company = match (columns.customers, cells.get("parentcustomerid")) {
        (Customers::Contacts, Some(company)) => match tx.account_by_name(&company)? {
            Some(account) => Some(account.accountid),
            None => {
                return Ok(Err(format!(
                    "parentcustomerid: no company is called “{company}”; import companies first"
                )));
            }
        },
        _ => None,
    };
    let record = add(tx, columns.customers, Draft { name, company, cells: &cells }, moment)?;
    note(tx, moment, record, "created")?;
    // First: from then on no mail comes whose parties and no job ends whose work this unit does not see.
    tx.bump_records_version()?;
    for address in cells.addresses() {
        rematch_later(tx, &address.key(), moment)?;
    }
    Ok(Ok(Taken::Added))
}

/// Adding an address to a record matches history again, later and in small pieces.
fn rematch_later(tx: &mut Tx<'_>, address: &str, moment: &Moment) -> Result<(), StoreError> {
    if tx.has_open_parties(address)? {
        tx.enqueue(&Job {
            jobid: moment.id(),
            kind: REMATCH.to_owned(),
            jobkey: address.to_owned(),
            dueon: moment.now,
            leaseuntil: None,
            attempts: 0,
            lasterror: None,
            owner: None,
        })?;
        tx.hint(Hint::Jobs, Duration::ZERO);
    }
    Ok(())
}

/// A record of the same kind with the same name and first address; without an address the name alone.
fn here(
    tx: &Tx<'_>,
    customers: Customers,
    name: &str,
    cells: &Cells<'_>,
) -> Result<Option<RecordRef>, StoreError> {
    let entity = match customers {
        Customers::Accounts => Entity::Account,
        Customers::Contacts => Entity::Contact,
        Customers::Leads => Entity::Lead,
    };
    let id = match cells.addresses().next() {
        Some(address) => {
            let records = tx.records_by_address(&address.key())?;
            let is_it =
                |record: &store::AddressedRecord| record.entity == Some(entity) && record.name == name;
            records.into_iter().find(is_it).map(|record| record.id)
        }
        None => tx.customer_without_address(entity, name)?,
    };
    Ok(id.map(|id| RecordRef { entity, id }))
}

struct Draft<'c> {
    name: String,
    company: Option<Id>,
    cells: &'c Cells<'c>,
}

fn add(
    tx: &mut Tx<'_>,
    customers: Customers,
    draft: Draft<'_>,
    moment: &Moment,
) -> Result<RecordRef, StoreError> {
    let id = moment.id();
    let Draft { name, company, cells } = draft;
    let get = |column| cells.get(column);
    let (emailaddress1, emailaddress2, emailaddress3) =
        (get("emailaddress1"), get("emailaddress2"), get("emailaddress3"));
    let (createdon, modifiedon, statecode) = (moment.now, moment.now, 0);
    let wants_none = |column| cells.yes(column).unwrap_or_default();
    let (donotemail, donotbulkemail) = (wants_none("donotemail"), wants_none("donotbulkemail"));
    let entity = match customers {
        Customers::Accounts => {
            tx.add_account(&Account {
                accountid: id,
                name,
                emailaddress1,
                emailaddress2,
                emailaddress3,
                telephone1: get("telephone1"),
                websiteurl: get("websiteurl"),
                address1_city: get("address1_city"),
                statecode,
                createdon,
                modifiedon,
                donotemail,
                donotbulkemail,
            })?;
            Entity::Account
        }
        Customers::Contacts => {
            tx.add_contact(&Contact {
                contactid: id,
                firstname: get("firstname"),
                lastname: get("lastname"),
                fullname: name,
                emailaddress1,
                emailaddress2,
                emailaddress3,
                parentcustomerid: company,
                jobtitle: get("jobtitle"),
                telephone1: get("telephone1"),
                statecode,
                createdon,
                modifiedon,
                donotemail,
                donotbulkemail,
            })?;
            Entity::Contact
        }
        Customers::Leads => {
            tx.add_lead(&Lead {
                leadid: id,
                subject: get("subject"),
                firstname: get("firstname"),
                lastname: get("lastname"),
                fullname: name,
                companyname: get("companyname"),
                emailaddress1,
                emailaddress2,
                emailaddress3,
                statecode,
                createdon,
                modifiedon,
                donotemail,
                donotbulkemail,
            })?;
            Entity::Lead
        }
    };
    Ok(RecordRef { entity, id })
}

/// The cells of a row by column, checked.
struct Cells<'r> {
    cells: Vec<(&'static str, &'r str)>,
}

impl<'r> Cells<'r> {
    fn read(columns: &Columns, row: &'r Row) -> Result<Self, String> {
        let (found, wanted) = (row.cells.len(), columns.names.len());
        if found != wanted {
            return Err(format!("{found} cells where the heading has {wanted}"));
        }
        let mut cells = Vec::with_capacity(found);
        for (name, cell) in columns.names.iter().copied().zip(&row.cells) {
            let cell = cell.trim();
            if !cell.is_empty() {
                check_cell(columns.customers.table(), name, cell)?;
                cells.push((name, cell));
            }
        }
        Ok(Cells { cells })
    }

    fn get(&self, column: &str) -> Option<String> {
        self.cells.iter().find(|(name, _)| *name == column).map(|(_, cell)| (*cell).to_owned())
    }

    /// What a cell says of yes and no; `None` where it says nothing.
    fn yes(&self, column: &str) -> Option<bool> {
        let (_, cell) = self.cells.iter().find(|(name, _)| *name == column)?;
        yes(cell)
    }

    /// The name of the record; a person's is put together where the file gives its parts.
    fn name(&self, customers: Customers) -> Result<String, String> {
        if customers == Customers::Accounts {
            return self.get("name").ok_or_else(|| "name: is empty".to_owned());
        }
        let parts: Vec<String> =
            [self.get("firstname"), self.get("lastname")].into_iter().flatten().collect();
        let whole = self.get("fullname").or_else(|| (!parts.is_empty()).then(|| parts.join(" ")));
        whole.ok_or_else(|| "fullname: is empty, and so are firstname and lastname".to_owned())
    }

    fn addresses(&self) -> impl Iterator<Item = EmailAddress> {
        let cells = self.cells.iter().filter(|(name, _)| name.starts_with("emailaddress"));
        cells.filter_map(|(_, cell)| EmailAddress::parse(cell))
    }
}

fn check_cell(table: &Table, name: &str, cell: &str) -> Result<(), String> {
    if name.starts_with("emailaddress") && EmailAddress::parse(cell).is_none() {
        return Err(format!("{name}: “{cell}” is no e-mail address"));
    }
    match table.column(name).map(|column| column.kind) {
        Some(Kind::Text(chars_max)) if cell.chars().count() > chars_max => {
            Err(format!("{name}: longer than {chars_max} characters"))
        }
        Some(Kind::Bool) if yes(cell).is_none() => Err(format!("{name}: “{cell}” is neither yes nor no")),
        _ => Ok(()),
    }
}

/// Yes and no as tables write them.
fn yes(cell: &str) -> Option<bool> {
    match cell.to_ascii_lowercase().as_str() {
        "yes" | "true" | "1" | "do not allow" => Some(true),
        "no" | "false" | "0" | "allow" => Some(false),
        _ => None,
    }
}
