//! The values that a template may name: of a record, of what it belongs to, of the sender, of the organization.
//!
//! *Invariant:* a value holds no control character, so that it ends no line and no field of a mail. What is a secret has no
//! name here.

use std::collections::BTreeMap;

use model::decision::{Entity, RecordRef};
use model::schema::customers::{Account, Contact, Lead};
use model::schema::emails::Email;
use model::schema::{Kind, Noun, Table, Value};
use model::{EmailAddress, Id};
use store::{Read, StoreError};

use crate::correlate::who::{self, Settled};
use crate::intake::gather::known_records;

/// The values for one mail.
#[derive(Debug, Clone, Default)]
pub struct Fields {
    known: BTreeMap<&'static str, Known>,
}

/// What is known under one name.
#[derive(Debug, Clone, Default)]
pub(super) struct Known {
    /// What the record is called.
    pub(super) record: String,
    /// Its values, none of them empty.
    pub(super) values: BTreeMap<&'static str, String>,
}

impl Fields {
    /// Puts values under a name; those that are empty are left out.
    pub fn put(
        &mut self,
        (root, record): (&'static str, &str),
        values: impl IntoIterator<Item = (&'static str, String)>,
    ) {
        let clean = values.into_iter().map(|(field, value)| (field, blanked(&value)));
        let values = clean.filter(|(_, value)| !value.is_empty()).collect();
        self.known.insert(root, Known { record: blanked(record), values });
    }

    /// Whether there is a record under a name.
    pub fn has(&self, root: &str) -> bool {
        self.known.contains_key(root)
    }

    /// What is known under a name; nothing where there is no record.
    pub(super) fn of(&self, root: &str) -> Option<&Known> {
        self.known.get(root)
    }

    /// A value for every field there is, to try a template with.
    pub(super) fn all(value: &str) -> Fields {
        let mut fields = Fields::default();
        for root in ROOTS {
            fields.put((root, value), names(root).into_iter().map(|name| (name, value.to_owned())));
        }
        fields
    }
}

/// Under which names values stand.
pub(super) const ROOTS: [&str; 7] =
    ["account", "contact", "email", "lead", "organization", "record", "sender"];

/// What else the classic form calls them.
const ALIASES: [(&str, &str); 7] = [
    ("company", "account"),
    ("person", "contact"),
    ("user", "sender"),
    ("systemuser", "sender"),
    ("queue", "sender"),
    ("organisation", "organization"),
    ("e-mail", "email"),
];

const SENDER: [(&str, &str); 4] = [
    ("fullname", "Full Name"),
    ("name", "Name"),
    ("emailaddress", "E-mail"),
    ("internalemailaddress", "Primary E-mail"),
];
const ORGANIZATION: [(&str, &str); 1] = [("name", "Name")];
const EMAIL: [(&str, &str); 4] =
    [("subject", "Subject"), ("sender", "From"), ("senton", "Date Sent"), ("torecipients", "To Recipients")];
/// What every record has, whatever it is called there.
const RECORD: [(&str, &str); 1] = [("name", "Name")];

/// The name of values as a template may write it.
pub(super) fn root(word: &str) -> Option<&'static str> {
    let word = word.trim().to_lowercase();
    let alias = ALIASES.iter().find(|(alias, _)| *alias == word).map(|(_, root)| *root);
    alias.or_else(|| ROOTS.into_iter().find(|root| *root == word))
}

/// The name of a field under a root, as it is or by its label.
pub(super) fn field(root: &str, word: &str) -> Option<&'static str> {
    let word = word.trim();
    let all = labels(root);
    let named = all.iter().find(|(name, _)| name.eq_ignore_ascii_case(word));
    named.or_else(|| all.iter().find(|(_, label)| label.eq_ignore_ascii_case(word))).map(|(name, _)| *name)
}

/// All fields under a root.
pub(super) fn names(root: &str) -> Vec<&'static str> {
    labels(root).into_iter().map(|(name, _)| name).collect()
}

fn labels(root: &str) -> Vec<(&'static str, &'static str)> {
    match root {
        "account" => shown_columns(&Account::TABLE),
        "contact" => shown_columns(&Contact::TABLE),
        "lead" => shown_columns(&Lead::TABLE),
        "sender" => SENDER.to_vec(),
        "organization" => ORGANIZATION.to_vec(),
        "email" => EMAIL.to_vec(),
        "record" => {
            let tables = [&Contact::TABLE, &Account::TABLE, &Lead::TABLE].map(shown_columns);
            RECORD.into_iter().chain(EMAIL).chain(tables.concat()).collect()
        }
        _ => Vec::new(),
    }
}

fn shown_columns(table: &Table) -> Vec<(&'static str, &'static str)> {
    let is_shown = |kind: Kind| match kind {
        Kind::Text(_) | Kind::Memo | Kind::Bool | Kind::DateTime | Kind::Choice(_) => true,
        // A company by its name.
        Kind::Lookup(table) => table == Account::TABLE.name,
        Kind::Key | Kind::AnyLookup | Kind::Int | Kind::Bytes => false,
    };
    let shown = table.columns.iter().filter(|column| is_shown(column.kind));
    shown.map(|column| (column.name, column.label)).collect()
}

/// Reads the values for a mail about a record, by a sender; `None` where the record is not there.
///
/// # Errors
/// Where the store cannot say.
pub fn gather(
    read: &Read<'_>,
    organization: &str,
    (regarding, sender): (Option<RecordRef>, Option<&EmailAddress>),
) -> Result<Option<Fields>, StoreError> {
    let mut fields = Fields::default();
    fields.put(("organization", organization), [("name", organization.to_owned())]);
    if let Some(address) = sender {
        let ours = known_records(read, address)?.into_iter().find(|known| !known.record.entity.is_customer());
        let name = ours.map(|known| known.name).unwrap_or_default();
        let address = address.to_string();
        let values = [
            ("fullname", name.clone()),
            ("name", name.clone()),
            ("emailaddress", address.clone()),
            ("internalemailaddress", address),
        ];
        fields.put(("sender", &name), values);
    }
    let Some(record) = regarding else { return Ok(Some(fields)) };
    Ok(put_record(read, record, &mut fields)?.then_some(fields))
}

/// Puts a record in, and what it belongs to. Says whether it is there.
fn put_record(read: &Read<'_>, record: RecordRef, fields: &mut Fields) -> Result<bool, StoreError> {
    let (name, mut values, root) = match record.entity {
        Entity::Account => match read.account(record.id)? {
            Some(it) => (it.name.clone(), values(&it), "account"),
            None => return Ok(false),
        },
        Entity::Contact => match read.contact(record.id)? {
            Some(it) => (it.fullname.clone(), contact(read, &it, fields)?, "contact"),
            None => return Ok(false),
        },
        Entity::Lead => match read.lead(record.id)? {
            Some(it) => (it.fullname.clone(), values(&it), "lead"),
            None => return Ok(false),
        },
        Entity::Email => match read.email(record.id)? {
            Some(it) => (it.subject.clone(), email(read, &it, fields)?, "email"),
            None => return Ok(false),
        },
        Entity::SystemUser | Entity::Queue => return Ok(false),
    };
    fields.put((root, &name), values.clone());
    values.insert("name", name.clone());
    fields.put(("record", &name), values);
    Ok(true)
}

/// A person, and beside him his company.
fn contact(
    read: &Read<'_>,
    it: &Contact,
    fields: &mut Fields,
) -> Result<BTreeMap<&'static str, String>, StoreError> {
    let mut all = values(it);
    if let Some(company) = it.parentcustomerid.map(|id| read.account(id)).transpose()?.flatten() {
        all.insert("parentcustomerid", company.name.clone());
        fields.put(("account", &company.name), values(&company));
    }
    Ok(all)
}

/// An e-mail, and beside it the customer who wrote it.
fn email(
    read: &Read<'_>,
    it: &Email,
    fields: &mut Fields,
) -> Result<BTreeMap<&'static str, String>, StoreError> {
    const SENDER: i32 = 1;
    let parties = read.parties(it.activityid)?;
    let sender = parties.iter().filter(|party| party.participationtypemask == SENDER).find_map(|party| {
        let entity = Entity::from_code(i64::from(party.partyobjecttypecode?))?;
        Some(RecordRef { entity, id: party.partyid? }).filter(|record| record.entity.is_customer())
    });
    if let Some(customer) = sender {
        put_record(read, customer, fields)?;
    }
    let all = values(it);
    let named = EMAIL.iter().filter_map(|(name, _)| Some((*name, all.get(name)?.clone())));
    Ok(named.collect())
}

fn values<N: Noun>(noun: &N) -> BTreeMap<&'static str, String> {
    let columns = N::TABLE.columns.iter().zip(noun.to_values());
    columns.filter_map(|(column, value)| Some((column.name, shown(column.kind, value)?))).collect()
}

fn shown(kind: Kind, value: Value) -> Option<String> {
    match (kind, value) {
        (Kind::Text(_) | Kind::Memo, Value::Text(text)) => Some(text),
        (Kind::Bool, Value::Int(is_set)) => Some(if is_set == 0 { "no" } else { "yes" }.to_owned()),
        (Kind::DateTime, Value::Int(milliseconds)) => {
            let time = jiff::Timestamp::from_millisecond(milliseconds).ok()?;
            Some(time.strftime("%Y-%m-%d").to_string())
        }
        (Kind::Choice(options), Value::Int(number)) => {
            options.iter().find(|(known, _)| *known == number).map(|(_, label)| (*label).to_owned())
        }
        _ => None,
    }
}

/// Blanks where control characters are.
fn blanked(text: &str) -> String {
    let blank = |c: char| if c.is_control() { ' ' } else { c };
    text.chars().map(blank).collect::<String>().trim().to_owned()
}

/// The customer that an address means, where it means one.
///
/// # Errors
/// Where the store cannot say.
pub fn record_at(read: &Read<'_>, address: &EmailAddress) -> Result<Option<RecordRef>, StoreError> {
    Ok(match who::settle(address, &known_records(read, address)?) {
        Settled::One(record) => Some(record).filter(|record| record.entity.is_customer()),
        Settled::Nobody | Settled::Many(_) => None,
    })
}

/// The record with an id: a person, a company, a lead or an e-mail.
///
/// # Errors
/// Where the store cannot say.
pub fn record_of(read: &Read<'_>, id: Id) -> Result<Option<RecordRef>, StoreError> {
    let entity = if read.contact(id)?.is_some() {
        Entity::Contact
    } else if read.account(id)?.is_some() {
        Entity::Account
    } else if read.lead(id)?.is_some() {
        Entity::Lead
    } else if read.email(id)?.is_some() {
        Entity::Email
    } else {
        return Ok(None);
    };
    Ok(Some(RecordRef { entity, id }))
}
