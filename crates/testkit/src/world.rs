//! The world of a demo or test: organizations, users, queues, sinks and customers, as `mail/world.toml` tells.
//!
//! What passes through: the file, or a text of the same form, becomes commands, as an administrator gives them.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, Result, bail, ensure};
use postroom::commands::{
    AddNeverLog, AddQueue, AddSink, AddUser, CustomerKind, Import, Reply, Request, Setting,
};
use serde::Deserialize;

/// Who is whom.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct World {
    /// The organizations.
    pub organization: Vec<Organization>,
}

/// One organization with all that is in it.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Organization {
    /// Its name.
    pub name: String,
    /// Its users.
    #[serde(default)]
    pub user: Vec<User>,
    /// Its queues.
    #[serde(default)]
    pub queue: Vec<Queue>,
    /// Its sinks.
    #[serde(default)]
    pub sink: Vec<Sink>,
    /// Companies.
    #[serde(default)]
    pub account: Vec<Customer>,
    /// People.
    #[serde(default)]
    pub contact: Vec<Customer>,
    /// Leads.
    #[serde(default)]
    pub lead: Vec<Customer>,
    /// Whose mail is not kept.
    #[serde(default)]
    pub never_log: Vec<NeverLog>,
    /// From where journal reports come.
    #[serde(default)]
    pub journal: Vec<String>,
}

/// A user.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct User {
    /// The full name.
    pub name: String,
    /// The address.
    pub address: String,
    /// The name of a filter.
    pub filter: String,
    /// Whether the user runs the house.
    #[serde(default)]
    pub administrator: bool,
}

/// A queue.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Queue {
    /// The name.
    pub name: String,
    /// The address.
    pub address: String,
    /// The name of a filter.
    pub filter: String,
}

/// A sink.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sink {
    /// The address.
    pub address: String,
}

/// An account, contact or lead.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Customer {
    /// The name.
    pub name: String,
    /// The address.
    #[serde(default)]
    pub address: String,
    /// A contact's company, by its name.
    #[serde(default)]
    pub account: String,
}

/// An entry of a never-log list.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NeverLog {
    /// An address or `@domain`.
    pub pattern: String,
    /// Whose own list it is; the organization's where nobody is named.
    pub user: Option<String>,
}

/// What was made.
#[derive(Debug, Clone, Default)]
pub struct Made {
    keys: BTreeMap<String, String>,
    passwords: BTreeMap<String, String>,
}

impl World {
    /// Reads `mail/world.toml` of this tree.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn read(file: &Path) -> Result<Self> {
        let text = std::fs::read_to_string(file).with_context(|| file.display().to_string())?;
        World::parse(&text)
    }

    /// Reads a text of the same form.
    ///
    /// # Errors
    /// When it names what a world does not have.
    pub fn parse(text: &str) -> Result<Self> {
        Ok(toml::from_str(text)?)
    }

    /// How many organizations these recipients belong to: so many copies does one transaction make.
    pub fn organizations_of(&self, recipients: &[String]) -> usize {
        let has = |organization: &&Organization| {
            recipients.iter().any(|recipient| organization.has_address(recipient))
        };
        self.organization.iter().filter(has).count()
    }

    /// Makes all of it by commands. Users get a password of their own where `passwords` gives one.
    ///
    /// # Errors
    /// When a command was refused.
    pub fn make(
        &self,
        command: impl Fn(Request) -> Result<Reply>,
        passwords: impl Fn(&User) -> Option<String>,
    ) -> Result<Made> {
        let mut made = Made::default();
        for organization in &self.organization {
            command(Request::AddOrganization(organization.name.clone()))?;
            for user in &organization.user {
                let password = passwords(user);
                if let Some(password) = &password {
                    made.passwords.insert(user.address.clone(), password.clone());
                }
                let Reply::Users(rows) = command(organization.add_user(user, password))? else {
                    bail!("a user was added, and no user came back")
                };
                made.keys.extend(rows.into_iter().map(|row| (row.address, row.sink_key)));
            }
            for request in organization.requests() {
                let reply = command(request)?;
                if let Reply::Imported(imported) = reply {
                    ensure!(imported.faults.is_empty(), "customers were not taken: {:?}", imported.faults);
                }
            }
        }
        Ok(made)
    }
}

impl Made {
    /// What was made of this world before, found by commands.
    ///
    /// # Errors
    /// When an organization of it is not there.
    pub fn found(world: &World, command: impl Fn(Request) -> Result<Reply>) -> Result<Self> {
        let mut made = Made::default();
        for organization in &world.organization {
            let Reply::Users(rows) = command(Request::Users(organization.name.clone()))? else {
                bail!("users were asked for, and none came back")
            };
            made.keys.extend(rows.into_iter().map(|row| (row.address, row.sink_key)));
        }
        Ok(made)
    }

    /// The key of a user's own sink addresses.
    pub fn sink_key(&self, address: &str) -> Option<&str> {
        self.keys.get(address).map(String::as_str)
    }

    /// Addresses and passwords of those who can sign in.
    pub fn passwords(&self) -> impl Iterator<Item = (&str, &str)> {
        self.passwords.iter().map(|(address, password)| (address.as_str(), password.as_str()))
    }

    /// The recipient with `{key:ADDRESS}` replaced by that user's key.
    ///
    /// # Errors
    /// When there is no such user.
    pub fn recipient(&self, template: &str) -> Result<String> {
        let Some((before, rest)) = template.split_once("{key:") else { return Ok(template.to_owned()) };
        let (address, after) = rest.split_once('}').with_context(|| format!("{template} has no end"))?;
        let key = self.sink_key(address).with_context(|| format!("{address} is no user"))?;
        Ok(format!("{before}{key}{after}"))
    }
}

impl Organization {
    /// Whether an address is one of ours, a detail aside. Each domain of a sink has a postmaster.
    fn has_address(&self, recipient: &str) -> bool {
        let users = self.user.iter().map(|user| &user.address);
        let queues = self.queue.iter().map(|queue| &queue.address);
        let sinks = self.sink.iter().map(|sink| &sink.address);
        let (local, domain) = recipient.split_once('@').unwrap_or((recipient, ""));
        let plain = format!("{}@{domain}", local.split('+').next().unwrap_or(local));
        let is_of_sink = |sink: &Sink| sink.address.rsplit_once('@').is_some_and(|(_, of)| of == domain);
        let is_postmaster = local.eq_ignore_ascii_case("postmaster") && self.sink.iter().any(is_of_sink);
        is_postmaster || users.chain(queues).chain(sinks).any(|address| *address == plain)
    }

    fn add_user(&self, user: &User, password: Option<String>) -> Request {
        Request::AddUser(AddUser {
            organization: self.name.clone(),
            name: user.name.clone(),
            address: user.address.clone(),
            filter: Some(user.filter.clone()),
            is_administrator: user.administrator,
            password,
        })
    }

    /// All but the users, in an order in which each finds what it names.
    fn requests(&self) -> Vec<Request> {
        let organization = || self.name.clone();
        let mut requests = Vec::new();
        requests.extend(self.queue.iter().map(|queue| {
            Request::AddQueue(AddQueue {
                organization: organization(),
                name: queue.name.clone(),
                address: queue.address.clone(),
                filter: Some(queue.filter.clone()),
            })
        }));
        requests.extend(self.sink.iter().map(|sink| {
            Request::AddSink(AddSink {
                organization: organization(),
                address: sink.address.clone(),
                networks: Vec::new(),
                refusing_networks: Vec::new(),
            })
        }));
        requests.extend(self.imports());
        requests.push(Request::Set(self.name.clone(), Setting::JournalSenders(self.journal.clone())));
        requests.extend(self.never_log.iter().map(|entry| {
            Request::AddNeverLog(AddNeverLog {
                organization: organization(),
                pattern: entry.pattern.clone(),
                user: entry.user.clone(),
            })
        }));
        requests
    }

    fn imports(&self) -> Vec<Request> {
        let tables: [(CustomerKind, &[Customer], &[&str]); 3] = [
            (CustomerKind::Accounts, &self.account, &["name", "emailaddress1"]),
            (CustomerKind::Contacts, &self.contact, &["fullname", "emailaddress1", "parentcustomerid"]),
            (CustomerKind::Leads, &self.lead, &["fullname", "emailaddress1"]),
        ];
        let mut requests = Vec::new();
        for (kind, customers, heading) in tables {
            for (part, customers) in customers.chunks(ROWS_PER_IMPORT).enumerate() {
                let line = |place: usize| (part * ROWS_PER_IMPORT + place + 2) as u64;
                let cells = |it: &Customer| {
                    let cells = [&it.name, &it.address, &it.account];
                    cells.into_iter().take(heading.len()).cloned().collect()
                };
                let rows = customers.iter().enumerate().map(|(place, it)| (line(place), cells(it)));
                let heading = heading.iter().map(|name| (*name).to_owned()).collect();
                let rows = rows.collect();
                requests.push(Request::Import(Import {
                    organization: self.name.clone(),
                    kind,
                    heading,
                    rows,
                }));
            }
        }
        requests
    }
}

const ROWS_PER_IMPORT: usize = model::limits::ROWS_PER_UNIT_MAX;
