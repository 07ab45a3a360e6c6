//! smtp-source (package `postfix`): many messages over several connections at once.

use std::net::SocketAddr;
use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::Missing;
use crate::client::{Envelope, Protocol};

const PROGRAM: &str = "/usr/sbin/smtp-source";

/// How much is sent.
#[derive(Debug, Clone, Copy)]
pub struct Burst {
    /// Messages in all.
    pub messages: u32,
    /// Connections at once.
    pub connections: u32,
    /// SMTP or LMTP.
    pub protocol: Protocol,
    /// Bytes of the text of each; else a short one.
    pub bytes: Option<usize>,
}

/// Sends so many messages with this envelope and waits until all were accepted.
///
/// # Errors
/// [`Missing`] where the package is; when one was not accepted.
pub fn smtp_source(server: SocketAddr, envelope: &Envelope, burst: Burst) -> Result<()> {
    Missing::unless(PROGRAM, "postfix")?;
    let recipient = envelope.rcpt_to.first().context("nobody to send to")?;
    let mut source = Command::new(PROGRAM);
    source.args(["-s", &burst.connections.to_string(), "-m", &burst.messages.to_string()]);
    source.args(["-f", &envelope.mail_from, "-t", recipient, "-S", "A burst of mail"]);
    if burst.protocol == Protocol::Lmtp {
        source.arg("-L");
    }
    if let Some(bytes) = burst.bytes {
        source.args(["-l", &bytes.to_string()]);
    }
    let said = source.arg(server.to_string()).output().context("smtp-source cannot be started")?;
    ensure!(said.status.success(), "smtp-source: {}", String::from_utf8_lossy(&said.stderr));
    Ok(())
}
