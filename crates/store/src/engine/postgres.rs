//! PostgreSQL: a schema for each database of the house, connections shared by all of them.
//!
//! Whatever has to do with its wire, its words and its error codes stands here and nowhere else. Transactions are
//! READ COMMITTED; why that is enough is said in `docs/decisions/0017-postgresql.md`.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;

use model::limits;
use tokio_postgres::Config;
use tokio_postgres::config::{Host, SslMode};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::{Engine, Frozen, Pages, Purpose, Session, Step};
use crate::StoreError;
use crate::faults::Faults;

mod ahead;
mod buffer;
mod dialect;
mod errors;
mod examine;
mod hinted;
mod pool;
mod schema;
mod session;
mod texts;
mod tls;
mod values;
mod wait;
mod watched;
mod wire;

pub use examine::ServerState;
pub(crate) use hinted::HintLine;
use pool::{Key, Pool};
use session::PostgresSession;

/// Where a database server is, and how it is used.
#[derive(Clone, PartialEq, Eq)]
pub struct PostgresSettings {
    /// `postgres://user:password@host:port/database?sslmode=…`. Without `sslmode` a server on this machine is spoken to
    /// in plain, any other by TLS.
    pub url: String,
    /// What the names of our schemas begin with: lower-case letters, digits and `_`.
    pub schema: String,
    /// Connections of this process, for all organizations together.
    pub connections_max: usize,
    /// Certificates (PEM) of those who may have signed the server's; empty for the system's.
    pub certificate_authority: PathBuf,
}

impl fmt::Debug for PostgresSettings {
    /// Without the URL: a password stands in it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PostgresSettings").field("schema", &self.schema).finish_non_exhaustive()
    }
}

/// A database server.
#[derive(Clone)]
pub(crate) struct PostgresServer {
    pool: Arc<Pool>,
    faults: Faults,
}

impl PostgresServer {
    /// Gets ready to connect; does not connect yet. `DatabaseUrl` where the URL cannot be read.
    pub(crate) fn new(settings: &PostgresSettings, faults: &Faults) -> Result<Self, StoreError> {
        let mut config =
            Config::from_str(&settings.url).map_err(|error| StoreError::DatabaseUrl(Box::new(error)))?;
        if config.get_ssl_mode() == SslMode::Prefer {
            config.ssl_mode(if is_here(&config) { SslMode::Disable } else { SslMode::Require });
        }
        config.application_name("postroom");
        let seconds = std::time::Duration::from_secs;
        config.connect_timeout(seconds(limits::DATABASE_CONNECT_SECONDS_MAX));
        config.tcp_user_timeout(seconds(limits::DATABASE_ANSWER_SECONDS_MAX));
        config.keepalives_idle(seconds(5)).keepalives_interval(seconds(2)).keepalives_retries(3);
        let roots = tls::roots(&settings.certificate_authority, config.get_ssl_mode())?;
        let tls = MakeRustlsConnect::new(roots);
        let pool = Pool::new(config, tls, settings.connections_max)?;
        Ok(PostgresServer { pool, faults: faults.clone() })
    }

    /// One of its schemas.
    pub(crate) fn schema(&self, name: String) -> PostgresSchema {
        PostgresSchema { server: self.clone(), name: name.into() }
    }
}

/// Whether the server is on this machine.
fn is_here(config: &Config) -> bool {
    config.get_hostaddrs().iter().all(std::net::IpAddr::is_loopback)
        && config.get_hosts().iter().all(|host| match host {
            Host::Tcp(name) => {
                name == "localhost"
                    || name.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
            }
            Host::Unix(_) => true,
        })
}

/// One schema.
pub(crate) struct PostgresSchema {
    server: PostgresServer,
    name: Arc<str>,
}

impl Engine for PostgresSchema {
    fn open(&self, purpose: Purpose) -> Result<Box<dyn Session>, StoreError> {
        let lease = self.server.pool.lease(Key { schema: Arc::clone(&self.name), purpose })?;
        Ok(Box::new(PostgresSession::new(lease, &self.server.faults)))
    }

    fn write_out(&self) -> Result<(), StoreError> {
        Ok(())
    }

    fn is_remote(&self) -> bool {
        true
    }

    #[cfg(feature = "testing")]
    fn name(&self) -> String {
        self.name.to_string()
    }

    fn freeze(&self, _: &Path, _: &mut Pages<'_>) -> Result<Frozen, StoreError> {
        let session = self.open(Purpose::Read)?;
        session.step(Step::BeginRead)?;
        // It rests while what was read is written, however long a slow disk takes for that.
        session.script("set local idle_in_transaction_session_timeout = 0")?;
        Ok(Frozen::new(session, None))
    }

    fn forget_sessions(&self) {
        self.server.pool.forget(&self.name);
    }

    fn erasure(&self) -> Option<String> {
        Some(format!("drop schema if exists {} cascade", self.name))
    }
}
