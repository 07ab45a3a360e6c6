//! The folder of a PostgreSQL server: its data, settings, who may enter, a certificate.
//!
//! What passes through: settings become files; initdb(1) makes the data of the first server, pg_basebackup(1) those
//! of a replica.
//!
//! *Invariant:* everything lies in one folder of its own; the machine's own clusters are neither read nor touched.

use std::fs;
use std::net::SocketAddr;
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result};
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use tempfile::TempDir;

use super::said;
use crate::peers::{is_root, open_folder};
use crate::{Missing, wait};

/// Newest first; the tests hold for any of them.
const VERSIONS: &[&str] = &["17", "16", "15"];
/// The user `nobody`: the server refuses to run as root.
const NOBODY: u32 = 65_534;

/// What a server is like.
#[derive(Debug, Clone)]
pub struct PostgresSettings {
    /// Who may connect.
    pub access: PostgresAccess,
    /// Whether what is committed survives a power cut (`fsync`). Tests of anything else are faster without.
    pub is_synced: bool,
    /// How many connections there may be at a time.
    pub connections_max: u16,
    /// More settings of postgresql.conf, such as `synchronous_commit`; they hold against those that are made here.
    pub more: Vec<(&'static str, String)>,
    /// Where its folder is made, for what is measured; in the folder for temporary files where none is given.
    pub folder: Option<PathBuf>,
}

impl Default for PostgresSettings {
    fn default() -> Self {
        let access = PostgresAccess::Anybody;
        PostgresSettings { access, is_synced: true, connections_max: 200, more: Vec::new(), folder: None }
    }
}

/// Who may connect, always from loopback alone.
#[derive(Debug, Clone)]
pub enum PostgresAccess {
    /// Whoever is on this machine.
    Anybody,
    /// Whoever knows this password (letters and digits), by SCRAM.
    Password(&'static str),
    /// The same, and by TLS only, with a certificate for `localhost` and 127.0.0.1.
    Tls(&'static str),
}

/// A folder with everything a server needs.
pub(super) struct Cluster {
    folder: TempDir,
    programs: PathBuf,
    address: SocketAddr,
    settings: PostgresSettings,
}

impl Cluster {
    /// A new one, with one superuser `postgres`.
    ///
    /// # Errors
    /// [`Missing`] where the package is.
    pub(super) fn make(settings: PostgresSettings) -> Result<Self> {
        let cluster = Cluster::prepare(settings)?;
        let mut initdb = cluster.program("initdb");
        initdb.arg("-D").arg(cluster.data()).args(["-U", "postgres", "-E", "UTF8", "--locale=C.UTF-8"]);
        initdb.args(["--no-sync", "--no-instructions"]);
        match cluster.settings.password() {
            None => initdb.args(["-A", "trust"]),
            Some(password) => {
                cluster.write("password", password)?;
                initdb.args(["-A", "scram-sha-256", "--pwfile"]).arg(cluster.path("password"))
            }
        };
        said(&mut initdb).context("initdb")?;
        if let PostgresAccess::Tls(_) = cluster.settings.access {
            cluster.certify()?;
        }
        cluster.configure()?;
        Ok(cluster)
    }

    /// One that follows the server of this one under a name, from a slot that keeps what it has not read yet.
    ///
    /// # Errors
    /// When the server is not there.
    pub(super) fn copy(&self, name: &str) -> Result<Self> {
        let copy = Cluster::prepare(self.settings.clone())?;
        let mut backup = copy.program("pg_basebackup");
        backup.arg("-d").arg(self.named_url(self.address, name)).arg("-D").arg(copy.data());
        backup.args(["-R", "-X", "stream", "-c", "fast", "--no-sync", "-C", "-S", name]);
        said(&mut backup).context("pg_basebackup")?;
        for file in [AUTHORITY, CERTIFICATE, KEY] {
            if self.path(file).exists() {
                copy.write(file, &fs::read_to_string(self.path(file))?)?;
            }
        }
        copy.configure()?;
        Ok(copy)
    }

    fn prepare(settings: PostgresSettings) -> Result<Self> {
        let places =
            VERSIONS.iter().map(|version| Path::new("/usr/lib/postgresql").join(version).join("bin"));
        let mut found = places.filter(|place| place.join("initdb").exists());
        let programs = found.next().ok_or_else(|| Missing::new("postgresql"))?;
        let folder = open_folder(settings.folder.as_deref())?;
        let cluster = Cluster { folder, programs, address: wait::free_port()?, settings };
        cluster.give_away(cluster.folder.path())?;
        Ok(cluster)
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(super) fn data(&self) -> PathBuf {
        self.path("data")
    }

    pub(super) fn log(&self) -> String {
        fs::read_to_string(self.path(LOG)).unwrap_or_default()
    }

    /// A file that goes on with what the log has.
    pub(super) fn open_log(&self) -> Result<fs::File> {
        Ok(fs::File::options().create(true).append(true).open(self.path(LOG))?)
    }

    /// A program of the package or, by its whole path, another one, as a user that is not root, and with nothing of our environment: variables of
    /// libpq would lead it elsewhere.
    pub(super) fn program(&self, name: &str) -> Command {
        let mut command = Command::new(self.programs.join(name));
        command.current_dir(self.folder.path()).stdin(Stdio::null());
        command.env_clear().env("PATH", "/usr/bin:/bin").env("PGCLIENTENCODING", "UTF8");
        if is_root("postgresql").is_ok() {
            command.uid(NOBODY).gid(NOBODY);
        }
        command
    }

    /// Where the superuser connects by this port.
    pub(super) fn url(&self, door: SocketAddr) -> String {
        let password = self.settings.password().map(|password| format!(":{password}")).unwrap_or_default();
        let tls = self.authority().map(|_| "?sslmode=require").unwrap_or_default();
        format!("postgres://postgres{password}@{door}/postgres{tls}")
    }

    /// The same for programs of the package, which look at the certificate, under a name.
    pub(super) fn named_url(&self, door: SocketAddr, name: &str) -> String {
        match self.authority() {
            None => format!("{}?application_name={name}", self.url(door)),
            Some(path) => {
                let url = self.url(door).replace("=require", "=verify-full");
                format!("{url}&sslrootcert={}&application_name={name}", path.display())
            }
        }
    }

    /// Whose signature makes the certificate a good one.
    pub(super) fn authority(&self) -> Option<PathBuf> {
        matches!(self.settings.access, PostgresAccess::Tls(_)).then(|| self.path(AUTHORITY))
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn write(&self, name: &str, text: &str) -> Result<()> {
        let path = self.path(name);
        fs::write(&path, text)?;
        // The server takes no key that others may read.
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600))?;
        self.give_away(&path)
    }

    fn give_away(&self, path: &Path) -> Result<()> {
        if is_root("postgresql").is_ok() {
            chown(path, Some(NOBODY), Some(NOBODY))?;
        }
        Ok(())
    }

    /// Beside the data, so that a replica does not get those of the server it was copied from; `alter system` holds
    /// against them.
    fn configure(&self) -> Result<()> {
        let (kind, method) = match self.settings.access {
            PostgresAccess::Anybody => ("host", "trust"),
            PostgresAccess::Password(_) => ("host", "scram-sha-256"),
            PostgresAccess::Tls(_) => ("hostssl", "scram-sha-256"),
        };
        let databases = ["all", "replication"];
        let doors = databases.map(|database| format!("{kind} {database} all 127.0.0.1/32 {method}\n"));
        self.write(DOORS, &doors.concat())?;
        self.write(SETTINGS, &self.settings.text(self))
    }

    /// An authority of the cluster's own, and a certificate by it.
    fn certify(&self) -> Result<()> {
        let mut authority = CertificateParams::new(Vec::new())?;
        // An issuer with the name of the subject would be taken for the subject itself.
        authority.distinguished_name.push(DnType::CommonName, "the authority of a test");
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let authority_key = KeyPair::generate()?;
        let key = KeyPair::generate()?;
        self.write(AUTHORITY, &authority.self_signed(&authority_key)?.pem())?;
        let issuer = Issuer::new(authority, authority_key);
        let names = ["localhost", "127.0.0.1"].map(str::to_owned);
        let certificate = CertificateParams::new(names)?.signed_by(&key, &issuer)?;
        self.write(CERTIFICATE, &certificate.pem())?;
        self.write(KEY, &key.serialize_pem())?;
        // Clients of any user check by it.
        fs::set_permissions(self.path(AUTHORITY), fs::Permissions::from_mode(0o644))?;
        Ok(())
    }
}

const LOG: &str = "log";
/// Handed to the server by name.
pub(super) const SETTINGS: &str = "postgresql.conf";
const DOORS: &str = "hba.conf";
const AUTHORITY: &str = "authority.pem";
const CERTIFICATE: &str = "certificate.pem";
const KEY: &str = "key.pem";

impl PostgresSettings {
    fn password(&self) -> Option<&'static str> {
        match self.access {
            PostgresAccess::Anybody => None,
            PostgresAccess::Password(password) | PostgresAccess::Tls(password) => Some(password),
        }
    }

    /// As a file of the server in this cluster: of two lines about the same, the later one holds.
    fn text(&self, cluster: &Cluster) -> String {
        let on = |is_on: bool| if is_on { "on" } else { "off" }.to_owned();
        let path = |name: &str| format!("'{}'", cluster.path(name).display());
        let has_tls = matches!(self.access, PostgresAccess::Tls(_));
        let mut lines = vec![
            ("hba_file", path(DOORS)),
            ("listen_addresses", "'127.0.0.1'".to_owned()),
            ("port", cluster.address.port().to_string()),
            ("unix_socket_directories", "''".to_owned()),
            ("max_connections", self.connections_max.to_string()),
            ("fsync", on(self.is_synced)),
            ("full_page_writes", on(self.is_synced)),
            // Every organization has a schema of its own; one transaction makes or drops all its tables.
            ("max_locks_per_transaction", "256".to_owned()),
            ("password_encryption", "scram-sha-256".to_owned()),
            ("timezone", "UTC".to_owned()),
            ("log_timezone", "UTC".to_owned()),
            ("log_line_prefix", "'%m [%p] '".to_owned()),
            ("ssl", on(has_tls)),
        ];
        if has_tls {
            lines.extend([("ssl_cert_file", path(CERTIFICATE)), ("ssl_key_file", path(KEY))]);
        }
        lines.extend(self.more.iter().cloned());
        lines.iter().map(|(name, value)| format!("{name} = {value}\n")).collect()
    }
}
