//! swaks, the Swiss army knife of SMTP: a real client (Debian package `swaks`).
//!
//! What passes through: an envelope and bytes in, the code that decided for the sender out. It mends what it
//! sends, so [`sends_unchanged`] says for which messages that does not matter.

use std::io::Write;
use std::net::SocketAddr;
use std::process::{Command, Output};

use anyhow::{Context, Result};

use crate::Missing;
use crate::client::Envelope;

const PROGRAM: &str = "/usr/bin/swaks";

/// Whether swaks hands this over as it is: it makes CRLF of every line end, replaces `%WORDS%`, and knows
/// nothing of SMTPUTF8.
pub fn sends_unchanged(envelope: &Envelope, raw: &[u8]) -> bool {
    let bare = raw.iter().enumerate().any(|(place, byte)| {
        let before = place.checked_sub(1).and_then(|before| raw.get(before));
        *byte == b'\n' && before != Some(&b'\r')
    });
    let is_plain = raw.is_ascii() && raw.ends_with(b"\r\n") && !raw.contains(&b'%') && !bare;
    is_plain && !envelope.is_international() && !raw.starts_with(b"From ")
}

/// Sends a message by SMTP and gives the code of the reply that decided.
///
/// # Errors
/// [`Missing`] where swaks is; when it cannot run, or got no reply.
pub fn send(server: SocketAddr, envelope: &Envelope, raw: &[u8]) -> Result<u16> {
    let mut file = tempfile::NamedTempFile::new()?;
    file.write_all(raw)?;
    let data = format!("@{}", file.path().display());
    let said = run(server, envelope, &["--data", &data])?;
    decisive_code(&String::from_utf8_lossy(&said.stdout)).context("swaks got no reply")
}

/// Runs swaks with further arguments.
///
/// # Errors
/// [`Missing`] where swaks is; when it cannot run.
pub fn run(server: SocketAddr, envelope: &Envelope, more: &[&str]) -> Result<Output> {
    Missing::unless(PROGRAM, "swaks")?;
    let from = if envelope.mail_from.is_empty() { "<>" } else { &envelope.mail_from };
    let mut swaks = Command::new(PROGRAM);
    swaks.args(["--server", &server.ip().to_string(), "--port", &server.port().to_string()]);
    swaks.args(["--helo", "client.test", "--from", from, "--to", &envelope.rcpt_to.join(",")]).args(more);
    swaks.output().context("swaks cannot be started")
}

/// The reply after the dot, or the last refusal where it did not come so far.
fn decisive_code(transcript: &str) -> Option<u16> {
    let code = |line: &str| {
        let reply = line.strip_prefix("<-  ").or_else(|| line.strip_prefix("<** "))?;
        reply.get(..3)?.parse::<u16>().ok()
    };
    let after_dot = transcript.split_once("\n -> .\n").and_then(|(_, rest)| rest.lines().find_map(code));
    let refusals = || transcript.lines().filter(|line| line.starts_with("<** ")).filter_map(code);
    after_dot.or_else(|| refusals().next_back())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_deciding_reply_is_found() {
        let taken =
            " -> RCPT TO:<a@b.test>\n<-  250 2.1.5 ok\n -> .\n<-  250 2.0.0 kept\n -> QUIT\n<-  221 bye\n";
        assert_eq!(decisive_code(taken), Some(250));
        let refused = " -> RCPT TO:<a@b.test>\n<** 550 5.1.1 nobody\n -> QUIT\n<-  221 bye\n";
        assert_eq!(decisive_code(refused), Some(550));
        assert_eq!(decisive_code("=== Connected"), None);
    }
}
