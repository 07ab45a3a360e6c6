//! The settings of the house: one TOML file, every setting in the sample that `postroom settings` prints.
//!
//! What passes through: the built-in sample, then the file over it, then the environment over both.
//!
//! *Invariant:* the sample is the only place of defaults, so it can never miss a setting; a name that it does
//! not know is an error and never ignored.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use model::network::Network;
use serde::{Deserialize, Deserializer};
use store::{Database, PostgresSettings};
use toml::{Table, Value};

use crate::node::Role;
mod blobs;
mod hooks;
mod poll;
mod trust;

pub use blobs::{BlobsError, BlobsSection};
pub use hooks::{HookSection, HooksSection, OnError};
pub use poll::PollSection;
pub use trust::{QuarantineFrom, TrustSection};

/// The commented sample, which is the defaults too.
pub const SAMPLE: &str = include_str!("settings/postroom.toml");

/// Where settings are looked for when no file is named.
pub const PLACES: [&str; 2] = ["postroom.toml", "/etc/postroom/postroom.toml"];

/// All settings. What each means stands in [`SAMPLE`].
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// The data folder.
    pub data: PathBuf,
    /// The name in greetings; see [`Settings::name`].
    pub hostname: String,
    /// The SMTP doors.
    pub smtp: SmtpSection,
    /// The LMTP doors.
    pub lmtp: LmtpSection,
    /// The pages.
    pub web: WebSection,
    /// The certificate.
    pub tls: TlsSection,
    /// What all doors for mail share.
    pub receive: ReceiveSection,
    /// What this node does.
    pub node: NodeSection,
    /// Where rows are kept.
    pub database: DatabaseSection,
    /// The store.
    pub store: StoreSection,
    /// Where large mail is kept.
    pub blobs: BlobsSection,
    /// What secrets are sealed with.
    pub secrets: SecretsSection,
    /// Mailboxes at other mail systems.
    pub poll: PollSection,
    /// Who wrote a mail.
    pub trust: TrustSection,
    /// Hooks.
    pub hooks: HooksSection,
    /// The books.
    pub books: BooksSection,
    /// Search.
    pub search: SearchSection,
    /// The log.
    pub log: LogSection,
}

/// Where the SMTP doors stand.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SmtpSection {
    /// Addresses with ports; port 0 is any free one.
    pub listen: Vec<SocketAddr>,
    /// The same, where TLS begins with the connection (RFC 8314).
    pub tls_listen: Vec<SocketAddr>,
}

/// Where the LMTP doors stand.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LmtpSection {
    /// Addresses with ports; port 0 is any free one.
    pub listen: Vec<SocketAddr>,
    /// The socket for this machine; see [`Settings::lmtp_socket`].
    pub socket: PathBuf,
    /// Whether From of one of us is believed in what comes over the socket, as over loopback.
    pub socket_vouches: bool,
}

/// The pages.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WebSection {
    /// Addresses with ports.
    pub listen: Vec<SocketAddr>,
    /// Whether browsers come over HTTPS.
    pub secure_cookies: bool,
    /// Proxies that are believed when they say for whom they ask.
    #[serde(deserialize_with = "networks")]
    pub trusted_proxies: Vec<Network>,
    /// The file with the token that opens `/metrics` from other machines; empty for none.
    pub metrics_token_file: PathBuf,
    /// How many seconds what is sent on a page waits, so that it can be taken back.
    pub undo_seconds: u16,
}

/// Certificate and key in PEM files; both empty for a self-signed certificate.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TlsSection {
    /// The chain.
    pub certificate: PathBuf,
    /// The key.
    pub key: PathBuf,
}

/// What all doors for mail share.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReceiveSection {
    /// Networks that may write to queues and users, and are no strangers at the doors.
    #[serde(deserialize_with = "networks")]
    pub trusted_networks: Vec<Network>,
    /// Bytes of one message.
    pub message_bytes_max: usize,
    /// Connections at one door.
    pub connections_max: usize,
    /// Connections at one door from one stranger.
    pub connections_per_stranger_max: usize,
    /// Connections of one stranger in a minute.
    pub stranger_connections_per_minute_max: u32,
    /// Messages of one stranger in a minute.
    pub stranger_messages_per_minute_max: u32,
    /// Recipients one stranger names in a minute.
    pub stranger_recipients_per_minute_max: u32,
    /// Proxies whose connections begin with a header of the PROXY protocol.
    #[serde(deserialize_with = "networks")]
    pub proxy_networks: Vec<Network>,
    /// Relays that may say with XCLIENT for whom they speak.
    #[serde(deserialize_with = "networks")]
    pub xclient_networks: Vec<Network>,
}

/// What this node does.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NodeSection {
    /// Its roles.
    pub roles: Vec<Role>,
    /// Seconds that open transactions have to end when it stops.
    pub drain_seconds_max: u64,
}

/// A database server; see [`store::PostgresSettings`].
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DatabaseSection {
    /// Where it is; empty for files in the data folder.
    pub url: String,
    /// What our schemas are called.
    pub schema: String,
    /// Connections of this process.
    pub connections_max: usize,
    /// Batches of one organization at a time; see [`store::StoreSettings::batches_max`].
    pub batches_max: usize,
    /// Who may have signed its certificate.
    pub certificate_authority: PathBuf,
}

impl fmt::Debug for DatabaseSection {
    /// Without the URL: a password stands in it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DatabaseSection").field("schema", &self.schema).finish_non_exhaustive()
    }
}

/// The store; see [`store::StoreSettings`].
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StoreSection {
    /// Threads that write.
    pub writer_threads: usize,
    /// Organizations kept open.
    pub open_organizations_max: usize,
    /// Reading connections of each.
    pub readers_per_organization: usize,
}

/// What the passwords and tokens for other mail systems are sealed with.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SecretsSection {
    /// The key file; empty for the one in the data folder. See [`crate::keyring`].
    pub key_file: PathBuf,
}

/// The books.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BooksSection {
    /// Days for which the trace of mail is kept that nobody wanted, and messages in ledgers that have left their mailbox.
    pub trace_days: u32,
}

/// Search.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SearchSection {
    /// Whether the text index is brought forward by itself.
    pub follows_mail: bool,
}

/// The log.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LogSection {
    /// Its form.
    pub format: LogFormat,
    /// What is logged, in the words of `tracing_subscriber::EnvFilter`.
    pub level: String,
}

/// The form of the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// For people.
    Text,
    /// For programs: a JSON object a line.
    Json,
}

/// Why there are no settings. None is temporary.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// The file cannot be read.
    #[error("the settings in {path} cannot be read")]
    Read {
        /// The file.
        path: PathBuf,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// The file is no TOML. Its lines are not shown: a password may stand in them.
    #[error("{origin} is not written as TOML: line {line}: {why}")]
    Syntax {
        /// The file or the sample.
        origin: String,
        /// In which line.
        line: usize,
        /// What is wrong with it.
        why: String,
    },
    /// There is no such setting.
    #[error("{origin}: there is no setting “{name}”; `postroom settings` prints them all")]
    Unknown {
        /// The file.
        origin: String,
        /// The name, with its section.
        name: String,
    },
    /// A value is not of the kind that the setting has.
    #[error("{origin}: “{name}” wants a value like {like}")]
    WrongKind {
        /// The file or the environment.
        origin: String,
        /// The setting, with its section.
        name: String,
        /// Its default, as it is written.
        like: String,
    },
    /// A value cannot be.
    #[error("a setting has a value that cannot be")]
    Invalid(#[source] Box<toml::de::Error>),
    /// A limit of the house is broken.
    #[error("{name} is {given}, and may be from {least} to {most}")]
    OutOfRange {
        /// The setting.
        name: &'static str,
        /// What was given.
        given: usize,
        /// The smallest value.
        least: usize,
        /// The largest value.
        most: usize,
    },
    /// A node without a role.
    #[error(
        "node.roles is empty, and a node without a role does nothing: give some of receive, web, jobs, index, poll, send"
    )]
    NoRole,
    /// A hook is not set as it can be.
    #[error("hooks.{name}: {why}")]
    Hook {
        /// Which.
        name: &'static str,
        /// What is wrong.
        why: String,
    },
    /// A certificate without a key, or a key without a certificate.
    #[error("tls.certificate and tls.key are given both or neither")]
    HalfTls,
}

impl Settings {
    /// The defaults.
    ///
    /// # Errors
    /// None that the tests let through; the sample is read like any file.
    pub fn built_in() -> Result<Self, SettingsError> {
        Settings::read(None, |_| None)
    }

    /// The settings of a file (one of [`PLACES`], or the defaults, where none is named), changed by the
    /// environment as `variable` tells it.
    ///
    /// # Errors
    /// [`SettingsError`], naming file and setting.
    pub fn read(
        file: Option<&Path>,
        variable: impl Fn(&str) -> Option<String>,
    ) -> Result<Self, SettingsError> {
        let mut table = parse(SAMPLE, "the sample")?;
        let found = PLACES.iter().map(Path::new).find(|place| place.exists());
        if let Some(path) = file.or(found.filter(|_| !cfg!(test))) {
            let text = std::fs::read_to_string(path)
                .map_err(|source| SettingsError::Read { path: path.to_owned(), source })?;
            let origin = path.display().to_string();
            let changes = parse(&text, &origin)?;
            merge(&mut table, changes, &Place { origin: &origin, section: "" })?;
        }
        change_by_environment(&mut table, "", &variable)?;
        let settings: Settings =
            Value::Table(table).try_into().map_err(|error| SettingsError::Invalid(Box::new(error)))?;
        settings.check()
    }

    /// Those of these names of environment variables that look like settings and are none.
    pub fn unknown_variables(names: impl Iterator<Item = String>) -> Vec<String> {
        let mut known = vec!["POSTROOM_SETTINGS".to_owned()];
        if let Ok(sample) = parse(SAMPLE, "the sample") {
            known.extend(variables(&sample, ""));
        }
        names.filter(|name| name.starts_with("POSTROOM_") && !known.contains(name)).collect()
    }

    /// The name of the house: the setting, or the name of the machine.
    pub fn name(&self) -> String {
        if !self.hostname.is_empty() {
            return self.hostname.clone();
        }
        let machine = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
        let machine = machine.trim();
        if machine.is_empty() { "localhost".to_owned() } else { machine.to_owned() }
    }

    /// Where mail is taken by LMTP from this machine: the setting, or `lmtp.sock` in the data folder.
    pub fn lmtp_socket(&self) -> PathBuf {
        let is_given = !self.lmtp.socket.as_os_str().is_empty();
        if is_given { self.lmtp.socket.clone() } else { self.data.join("lmtp.sock") }
    }

    /// How long open transactions and requests have to end when the node stops.
    pub fn drain(&self) -> Duration {
        Duration::from_secs(self.node.drain_seconds_max)
    }

    fn check(self) -> Result<Self, SettingsError> {
        let (receive, store) = (&self.receive, &self.store);
        let ranges = [
            ("receive.message_bytes_max", receive.message_bytes_max, model::limits::MESSAGE_BYTES_MAX),
            ("receive.connections_max", receive.connections_max, 100_000),
            ("receive.connections_per_stranger_max", receive.connections_per_stranger_max, 100_000),
            (
                "receive.stranger_connections_per_minute_max",
                receive.stranger_connections_per_minute_max as usize,
                1_000_000,
            ),
            (
                "receive.stranger_messages_per_minute_max",
                receive.stranger_messages_per_minute_max as usize,
                1_000_000,
            ),
            (
                "receive.stranger_recipients_per_minute_max",
                receive.stranger_recipients_per_minute_max as usize,
                1_000_000,
            ),
            (
                "node.drain_seconds_max",
                usize::try_from(self.node.drain_seconds_max).unwrap_or(usize::MAX),
                3_600,
            ),
            (
                "trust.seconds_max",
                usize::try_from(self.trust.seconds_max).unwrap_or(usize::MAX),
                model::limits::VERIFYING_SECONDS_MAX,
            ),
            ("books.trace_days", self.books.trace_days as usize, 36_500),
            ("database.connections_max", self.database.connections_max, 10_000),
            ("database.batches_max", self.database.batches_max, 16),
            ("store.writer_threads", store.writer_threads, 64),
            ("store.open_organizations_max", store.open_organizations_max, 10_000),
            ("store.readers_per_organization", store.readers_per_organization, 64),
        ];
        for (name, given, most) in ranges {
            if given == 0 || given > most {
                return Err(SettingsError::OutOfRange { name, given, least: 1, most });
            }
        }
        if self.node.roles.is_empty() {
            return Err(SettingsError::NoRole);
        }
        let is_empty = |path: &Path| path.as_os_str().is_empty();
        if is_empty(&self.tls.certificate) != is_empty(&self.tls.key) {
            return Err(SettingsError::HalfTls);
        }
        self.hooks.check()?;
        Ok(self)
    }
}

impl DatabaseSection {
    /// As the store takes it.
    pub fn database(&self) -> Database {
        if self.url.trim().is_empty() {
            return Database::Sqlite;
        }
        Database::Postgres(PostgresSettings {
            url: self.url.trim().to_owned(),
            schema: self.schema.clone(),
            connections_max: self.connections_max,
            certificate_authority: self.certificate_authority.clone(),
        })
    }
}

impl TlsSection {
    /// Certificate and key, where they are given.
    pub fn files(&self) -> Option<(&Path, &Path)> {
        let is_given = !self.certificate.as_os_str().is_empty();
        is_given.then_some((&self.certificate, &self.key))
    }
}

fn parse(text: &str, origin: &str) -> Result<Table, SettingsError> {
    text.parse::<Table>().map_err(|error| {
        let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
        let line = before.matches('\n').count() + 1;
        SettingsError::Syntax { origin: origin.to_owned(), line, why: error.message().to_owned() }
    })
}

/// Where a setting was met, for messages.
struct Place<'p> {
    origin: &'p str,
    section: &'p str,
}

impl Place<'_> {
    fn name(&self, name: &str) -> String {
        if self.section.is_empty() { name.to_owned() } else { format!("{}.{name}", self.section) }
    }
}

fn merge(known: &mut Table, changes: Table, place: &Place<'_>) -> Result<(), SettingsError> {
    let origin = || place.origin.to_owned();
    for (name, value) in changes {
        let Some(there) = known.get_mut(&name) else {
            return Err(SettingsError::Unknown { origin: origin(), name: place.name(&name) });
        };
        match (there, value) {
            (Value::Table(there), Value::Table(changes)) => {
                merge(there, changes, &Place { origin: place.origin, section: &place.name(&name) })?;
            }
            (there, value) if there.same_type(&value) && !there.is_table() => *there = value,
            (there, _) => {
                let like = there.to_string();
                return Err(SettingsError::WrongKind { origin: origin(), name: place.name(&name), like });
            }
        }
    }
    Ok(())
}

/// Every setting may stand in the environment: `POSTROOM_SMTP_LISTEN`.
fn change_by_environment(
    table: &mut Table,
    section: &str,
    variable: &dyn Fn(&str) -> Option<String>,
) -> Result<(), SettingsError> {
    for (name, there) in table.iter_mut() {
        if let Value::Table(inner) = there {
            change_by_environment(inner, &within(section, name), variable)?;
            continue;
        }
        let key = variable_of(section, name);
        let Some(text) = variable(&key) else { continue };
        *there = like(there, text.trim()).ok_or_else(|| SettingsError::WrongKind {
            origin: "the environment".to_owned(),
            name: key,
            like: there.to_string(),
        })?;
    }
    Ok(())
}

/// A section within another one: `hooks_pre_send`.
fn within(section: &str, name: &str) -> String {
    if section.is_empty() { name.to_owned() } else { format!("{section}_{name}") }
}

fn variable_of(section: &str, name: &str) -> String {
    format!("POSTROOM_{}", within(section, name).to_uppercase())
}

/// The variables of all settings.
fn variables(table: &Table, section: &str) -> Vec<String> {
    let of_one = |(name, value): (&String, &Value)| match value {
        Value::Table(inner) => variables(inner, &within(section, name)),
        _ => vec![variable_of(section, name)],
    };
    table.iter().flat_map(of_one).collect()
}

/// The text as a value of the same kind. Lists are written with commas.
fn like(there: &Value, text: &str) -> Option<Value> {
    Some(match there {
        Value::Integer(_) => Value::Integer(text.parse().ok()?),
        Value::Boolean(_) => Value::Boolean(text.parse().ok()?),
        Value::Array(_) => {
            let words = text.split(',').map(str::trim).filter(|word| !word.is_empty());
            Value::Array(words.map(|word| Value::String(word.to_owned())).collect())
        }
        _ => Value::String(text.to_owned()),
    })
}

fn networks<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Network>, D::Error> {
    let texts = Vec::<String>::deserialize(deserializer)?;
    texts.iter().map(|text| text.parse().map_err(serde::de::Error::custom)).collect()
}

#[cfg(test)]
mod tests;
