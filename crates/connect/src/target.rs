//! Whom we go to, and how far a line is to be trusted.

/// A server of mail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// A name or an address, which the certificate has to name; or the path of a socket of this machine, from `/` on.
    pub host: String,
    /// The port.
    pub port: u16,
    /// When TLS begins.
    pub tls: TlsMode,
    /// Certificates in PEM that are believed instead of the system's.
    pub authority: Option<Vec<u8>>,
    /// A password may go over a line that can be read, to a machine that is not this one.
    pub is_trusted_line: bool,
}

impl Target {
    /// Whether it is a socket of this machine, and no host.
    pub fn is_socket(&self) -> bool {
        self.host.starts_with('/')
    }
}

/// When TLS begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TlsMode {
    /// Never.
    None,
    /// On a port that begins without, at once (RFC 9051 §6.2.1). A server that does not offer it is refused.
    Starttls,
    /// From the first byte (RFC 8314).
    Implicit,
}
