//! Commands that make and list records: organizations, users, queues, sinks, never-log entries, imports.

use std::sync::Arc;

use crm::records;
use crm::records::import::{Columns, Customers, Row};
use crm::records::people::{self, NewUser, SinkNetworks};
use crm::sign_in::PasswordHash;
use model::filter::IncomingFilter;
use model::network::Network;
use model::schema::people::{Queue, Sink, SystemUser};
use model::{EmailAddress, Id};
use receive::auth::scram::{SECRET_CHARS, SECRET_LETTERS};
use serde::{Deserialize, Serialize};
use store::Organization;

use super::{CommandError, Reply, address, organization};
use crate::house::{House, random};

/// An organization in a list.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OrganizationRow {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
}

/// A user to be added.
#[derive(Serialize, Deserialize)]
pub struct AddUser {
    /// The organization's name.
    pub organization: String,
    /// The full name.
    pub name: String,
    /// The address.
    pub address: String,
    /// The name of a filter; the default where none is given.
    pub filter: Option<String>,
    /// Whether the user runs the house.
    pub is_administrator: bool,
    /// What lets the user sign in; without one the user cannot.
    pub password: Option<String>,
}

/// A new password.
#[derive(Serialize, Deserialize)]
pub struct SetPassword {
    /// The organization's name.
    pub organization: String,
    /// The user's address.
    pub address: String,
    /// The password.
    pub password: String,
}

/// A user in a list.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct UserRow {
    /// The id.
    pub id: String,
    /// The full name.
    pub name: String,
    /// The address.
    pub address: String,
    /// The name of the filter.
    pub filter: String,
    /// Whether the user runs the house.
    pub is_administrator: bool,
    /// Whether the user can sign in.
    pub has_password: bool,
    /// The key that stands in the address of a sink.
    pub sink_key: String,
    /// The addresses that a rule in this user's mailbox forwards to: one for each sink.
    pub sink_addresses: Vec<String>,
}

/// A queue to be added.
#[derive(Serialize, Deserialize)]
pub struct AddQueue {
    /// The organization's name.
    pub organization: String,
    /// The name.
    pub name: String,
    /// The address.
    pub address: String,
    /// The name of a filter; the default where none is given.
    pub filter: Option<String>,
}

/// A queue in a list.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct QueueRow {
    /// The id.
    pub id: String,
    /// The name.
    pub name: String,
    /// The address.
    pub address: String,
    /// The name of the filter.
    pub filter: String,
    /// The template that it acknowledges with, where it does.
    pub acknowledges: Option<String>,
}

/// A sink to be added.
#[derive(Serialize, Deserialize)]
pub struct AddSink {
    /// The organization's name.
    pub organization: String,
    /// The address.
    pub address: String,
    /// Networks that may write to it.
    pub networks: Vec<String>,
    /// Networks that may write to it and refuse our own domains from outside.
    pub refusing_networks: Vec<String>,
}

/// A sink in a list.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SinkRow {
    /// The id.
    pub id: String,
    /// The address.
    pub address: String,
    /// Networks that may write to it, beside loopback.
    pub networks: Vec<String>,
    /// Of those, the ones that refuse our own domains from outside.
    pub refusing_networks: Vec<String>,
}

/// An address or domain whose mail is never recorded.
#[derive(Serialize, Deserialize)]
pub struct AddNeverLog {
    /// The organization's name.
    pub organization: String,
    /// An address, or `@domain`.
    pub pattern: String,
    /// The address of the user whose own list it is; the organization's where none is given.
    pub user: Option<String>,
}

/// What a table of customers holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CustomerKind {
    /// Companies.
    Accounts,
    /// People.
    Contacts,
    /// Leads.
    Leads,
}

/// Some rows of a table.
#[derive(Serialize, Deserialize)]
pub struct Import {
    /// The organization's name.
    pub organization: String,
    /// What the rows are.
    pub kind: CustomerKind,
    /// The columns by logical name or label.
    pub heading: Vec<String>,
    /// Line in the file and cells, at most `limits::ROWS_PER_UNIT_MAX` rows.
    pub rows: Vec<(u64, Vec<String>)>,
}

/// What became of imported rows.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Imported {
    /// Records added.
    pub added: u64,
    /// Rows whose record is here already.
    pub here_already: u64,
    /// Of these, records that want mail now, or do not any more.
    pub changed: u64,
    /// Rows that were not taken.
    pub faults: Vec<ImportFault>,
}

/// A row that was not taken.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ImportFault {
    /// Its line in the file.
    pub line: u64,
    /// What is wrong, with the column.
    pub words: String,
}

pub(super) fn add_organization(house: &House, name: &str) -> Result<Reply, CommandError> {
    let organization = records::add_organization(&house.store, name, &house.moment()?)?;
    let row = OrganizationRow { id: organization.id().to_string(), name: organization.name().to_owned() };
    Ok(Reply::Organizations(vec![row]))
}

pub(super) fn organizations(house: &House) -> Result<Reply, CommandError> {
    let rows = house.store.organizations()?;
    let row = |it: model::schema::catalogue::Organization| OrganizationRow {
        id: it.organizationid.to_string(),
        name: it.name,
    };
    Ok(Reply::Organizations(rows.into_iter().map(row).collect()))
}

pub(super) async fn add_user(house: &House, new: AddUser) -> Result<Reply, CommandError> {
    let organization = organization(house, &new.organization)?;
    let password = new.password.as_deref().map(hashed).transpose()?;
    let new = NewUser {
        name: new.name,
        address: address(&new.address)?,
        filter: filter(new.filter.as_deref())?,
        is_administrator: new.is_administrator,
        password,
        key_seed: random()?,
    };
    let user = people::add_user(&house.store, &organization, new, house.moment()?).await?;
    let sinks = organization.read(|read| read.sinks())?;
    Ok(Reply::Users(vec![user_row(user, &sinks)]))
}

pub(super) async fn set_password(house: &House, change: SetPassword) -> Result<Reply, CommandError> {
    let organization = organization(house, &change.organization)?;
    let user = people::user_by_address(&organization, &address(&change.address)?)?;
    let password = hashed(&change.password)?;
    people::set_password(&organization, user.systemuserid, password, house.moment()?).await?;
    Ok(Reply::Done)
}

pub(super) fn users(house: &House, name: &str) -> Result<Reply, CommandError> {
    let organization = organization(house, name)?;
    let (users, sinks) = organization.read(|read| Ok((read.users()?, read.sinks()?)))?;
    Ok(Reply::Users(users.into_iter().map(|user| user_row(user, &sinks)).collect()))
}

pub(super) async fn add_queue(house: &House, new: AddQueue) -> Result<Reply, CommandError> {
    let organization = organization(house, &new.organization)?;
    let queue = (new.name, address(&new.address)?, filter(new.filter.as_deref())?);
    let queue = people::add_queue(&house.store, &organization, queue, house.moment()?).await?;
    Ok(Reply::Queues(vec![queue_row(&organization, queue)?]))
}

pub(super) fn queues(house: &House, name: &str) -> Result<Reply, CommandError> {
    let organization = organization(house, name)?;
    let queues = organization.read(|read| read.queues())?;
    let rows: Result<Vec<QueueRow>, CommandError> =
        queues.into_iter().map(|queue| queue_row(&organization, queue)).collect();
    Ok(Reply::Queues(rows?))
}

pub(super) async fn add_sink(house: &House, new: AddSink) -> Result<Reply, CommandError> {
    let organization = organization(house, &new.organization)?;
    let networks =
        SinkNetworks { writing: networks(&new.networks)?, refusing: networks(&new.refusing_networks)? };
    let sink = (address(&new.address)?, networks);
    let sink = people::add_sink(&house.store, &organization, sink, house.moment()?).await?;
    Ok(Reply::Sinks(vec![sink_row(sink)]))
}

pub(super) fn sinks(house: &House, name: &str) -> Result<Reply, CommandError> {
    let organization = organization(house, name)?;
    let sinks = organization.read(|read| read.sinks())?;
    Ok(Reply::Sinks(sinks.into_iter().map(sink_row).collect()))
}

pub(super) async fn add_never_log(house: &House, new: AddNeverLog) -> Result<Reply, CommandError> {
    let organization = organization(house, &new.organization)?;
    let user: Option<Id> = match new.user {
        Some(user) => Some(people::user_by_address(&organization, &address(&user)?)?.systemuserid),
        None => None,
    };
    people::add_never_log(&organization, &new.pattern, user, house.moment()?).await?;
    Ok(Reply::Done)
}

pub(super) async fn import(house: &House, import: Import) -> Result<Reply, CommandError> {
    let organization: Arc<Organization> = organization(house, &import.organization)?;
    let customers = match import.kind {
        CustomerKind::Accounts => Customers::Accounts,
        CustomerKind::Contacts => Customers::Contacts,
        CustomerKind::Leads => Customers::Leads,
    };
    let columns = Columns::read(customers, &import.heading)?;
    let rows = import.rows.into_iter().map(|(line, cells)| Row { line, cells }).collect();
    let done = records::import::import(&organization, &columns, rows, house.moment()?).await?;
    let fault = |fault: records::import::RowFault| ImportFault { line: fault.line, words: fault.words };
    Ok(Reply::Imported(Imported {
        added: done.added,
        here_already: done.here_already,
        changed: done.changed,
        faults: done.faults.into_iter().map(fault).collect(),
    }))
}

fn user_row(user: SystemUser, sinks: &[Sink]) -> UserRow {
    let at_sink = |sink: &Sink| {
        let sink = EmailAddress::parse(&sink.address)?;
        Some(format!("{}+{}@{}", sink.local_part(), user.sinkkey, sink.domain()))
    };
    UserRow {
        id: user.systemuserid.to_string(),
        sink_addresses: sinks.iter().filter_map(at_sink).collect(),
        name: user.fullname,
        address: user.internalemailaddress,
        filter: user.incomingemailfilteringmethod.name().to_owned(),
        is_administrator: user.isadministrator,
        has_password: user.passwordhash.is_some(),
        sink_key: user.sinkkey,
    }
}

fn queue_row(organization: &Organization, queue: Queue) -> Result<QueueRow, CommandError> {
    let acknowledgement = organization.read(|read| read.acknowledgement(queue.queueid))?;
    Ok(QueueRow {
        id: queue.queueid.to_string(),
        name: queue.name,
        address: queue.emailaddress,
        filter: queue.incomingemailfilteringmethod.name().to_owned(),
        acknowledges: acknowledgement.map(|row| row.title),
    })
}

fn sink_row(sink: Sink) -> SinkRow {
    let words = |text: &str| text.split_whitespace().map(str::to_owned).collect();
    SinkRow {
        id: sink.sinkid.to_string(),
        networks: words(&sink.networks),
        refusing_networks: words(&sink.refusing),
        address: sink.address,
    }
}

/// A random secret of the form that the door takes for one.
pub(super) fn secret() -> Result<String, CommandError> {
    let letter = |byte: u8| SECRET_LETTERS.get(usize::from(byte & 31)).copied().map(char::from);
    Ok(random::<SECRET_CHARS>()?.into_iter().filter_map(letter).collect())
}

fn hashed(password: &str) -> Result<PasswordHash, CommandError> {
    Ok(PasswordHash::of(password, &random()?)?)
}

fn filter(name: Option<&str>) -> Result<IncomingFilter, CommandError> {
    Ok(name.map_or(Ok(IncomingFilter::default()), str::parse)?)
}

fn networks(texts: &[String]) -> Result<Vec<Network>, CommandError> {
    Ok(texts.iter().map(|text| text.parse()).collect::<Result<_, _>>()?)
}
