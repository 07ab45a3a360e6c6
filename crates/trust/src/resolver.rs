//! Asking name servers.

use std::net::SocketAddr;
use std::str::FromStr;
use std::time::Duration;

use mail_auth::MessageAuthenticator;
use mail_auth::hickory_resolver::config::{
    ConnectionConfig, NameServerConfig, ResolveHosts, ResolverConfig, ResolverOpts,
};
use mail_auth::hickory_resolver::system_conf::read_system_conf;
use model::limits;

/// Who is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asked {
    /// Nobody: nothing is verified.
    Off,
    /// The name servers of the system.
    System,
    /// This one.
    At(SocketAddr),
}

impl FromStr for Asked {
    type Err = ResolverError;

    fn from_str(text: &str) -> Result<Self, ResolverError> {
        match text {
            "off" => Ok(Asked::Off),
            "system" => Ok(Asked::System),
            _ => text.parse().map(Asked::At).map_err(|_| ResolverError::NoServer),
        }
    }
}

/// Why there is no resolver.
#[derive(Debug, thiserror::Error)]
pub enum ResolverError {
    /// It is no name server.
    #[error("it is neither “system” nor “off”, nor an address with a port, such as 127.0.0.1:53")]
    NoServer,
    /// The system does not say whom to ask, or what it says cannot be used.
    #[error("the name servers cannot be used: {0}")]
    Unusable(String),
}

/// Asks name servers, and remembers what they answered.
#[derive(Clone)]
pub struct Resolver {
    pub(crate) authenticator: MessageAuthenticator,
    pub(crate) patience: Duration,
}

impl Resolver {
    /// A resolver that has so long for one mail; `None` where nobody is to be asked.
    ///
    /// # Errors
    /// [`ResolverError`].
    pub fn new(asked: Asked, patience: Duration) -> Result<Option<Self>, ResolverError> {
        let unusable = |error: &dyn std::fmt::Display| ResolverError::Unusable(error.to_string());
        let (config, mut options) = match asked {
            Asked::Off => return Ok(None),
            Asked::System => read_system_conf().map_err(|error| unusable(&error))?,
            Asked::At(server) => (only(server), ResolverOpts::default()),
        };
        options.cache_size = limits::DNS_ANSWERS_KEPT;
        options.timeout = patience.min(Duration::from_secs(limits::DNS_ANSWER_WAIT_SECONDS));
        options.attempts = 1;
        // A file of this machine says nothing about other people's domains, and no name is looked for below ours.
        options.use_hosts_file = ResolveHosts::Never;
        options.ndots = 0;
        let longest = Some(Duration::from_secs(limits::DNS_ANSWER_SECONDS_MAX));
        options.positive_max_ttl = longest;
        options.negative_max_ttl = longest;
        let authenticator = MessageAuthenticator::new(config, options).map_err(|error| unusable(&error))?;
        Ok(Some(Resolver { authenticator, patience }))
    }
}

impl std::fmt::Debug for Resolver {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Resolver").field("patience", &self.patience).finish_non_exhaustive()
    }
}

fn only(server: SocketAddr) -> ResolverConfig {
    let connections = [ConnectionConfig::udp(), ConnectionConfig::tcp()].map(|mut connection| {
        connection.port = server.port();
        connection
    });
    let mut name_server = NameServerConfig::udp_and_tcp(server.ip());
    name_server.connections = connections.into();
    ResolverConfig::from_parts(None, Vec::new(), vec![name_server])
}
