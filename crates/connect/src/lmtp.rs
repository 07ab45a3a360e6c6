//! Handing a mail to a server by LMTP (RFC 2033): it answers for each recipient.
//!
//! What passes through: an envelope and the bytes of a mail go out, what the server says of each recipient comes back.
//!
//! *Invariant:* a mail counts as taken only where the server said so after all of it. What is in an envelope never
//! becomes a command.

use std::path::Path;

use model::limits;
use tokio::net::{TcpStream, UnixStream};
use tokio::time::timeout;

use crate::error::{ConnectError, Kind};
use crate::wire::{Patience, Socket, Wire};

/// A connection to an LMTP server, after its greeting.
pub struct Lmtp {
    wire: Wire,
    /// What it announced (RFC 1870).
    size_max: Option<u64>,
}

/// Who sent a mail, and to whom.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Envelope {
    /// The sender; empty for the null sender (RFC 5321 §4.5.5).
    pub sender: String,
    /// The recipients.
    pub recipients: Vec<String>,
}

/// What a server said, without its line ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// Of three digits (RFC 5321 §4.2.1).
    pub code: u16,
    /// Its words, with the enhanced code (RFC 3463) where there is one.
    pub text: String,
}

impl Reply {
    /// Whether what was asked is done.
    pub fn is_positive(&self) -> bool {
        (200..300).contains(&self.code)
    }

    /// Whether the same will be refused again.
    pub fn is_lasting(&self) -> bool {
        (500..600).contains(&self.code)
    }

    fn of_ours(code: u16, text: &str) -> Self {
        Reply { code, text: text.to_owned() }
    }
}

impl Lmtp {
    /// Connects to a socket of this machine, and greets.
    ///
    /// # Errors
    /// [`ConnectError`], where nobody answers there as an LMTP server does.
    pub async fn at_socket(path: &Path, patience: Patience) -> Result<Self, ConnectError> {
        let connecting = timeout(patience.connect, UnixStream::connect(path));
        Lmtp::begin(connecting.await, (&path.display().to_string(), patience)).await
    }

    /// Connects to a host (`localhost:24`), and greets. The line is not encrypted.
    ///
    /// # Errors
    /// As [`Lmtp::at_socket`].
    pub async fn at_host(host: &str, patience: Patience) -> Result<Self, ConnectError> {
        let connecting = timeout(patience.connect, TcpStream::connect(host));
        Lmtp::begin(connecting.await, (host, patience)).await
    }

    async fn begin<S: Socket + 'static>(
        connected: Result<std::io::Result<S>, tokio::time::error::Elapsed>,
        (place, patience): (&str, Patience),
    ) -> Result<Self, ConnectError> {
        let unreachable = |why: &dyn std::fmt::Display| {
            ConnectError::new(Kind::Unreachable, format!("nobody answers at {place}: {why}"))
        };
        let socket = connected.map_err(|late| unreachable(&late))?.map_err(|error| unreachable(&error))?;
        let mut lmtp = Lmtp { wire: Wire::over(Box::new(socket), patience), size_max: None };
        let greeting = lmtp.reply().await?;
        lmtp.agreed(&greeting, 220)?;
        let extensions = lmtp.command("LHLO localhost").await?;
        lmtp.agreed(&extensions, 250)?;
        let size = extensions
            .text
            .lines()
            .find_map(|line| line.to_ascii_uppercase().strip_prefix("SIZE ")?.trim().parse().ok());
        lmtp.size_max = size.filter(|size| *size > 0);
        Ok(lmtp)
    }

    /// Hands a mail over. Its lines may end with LF; they travel with CRLF. One reply for each recipient, in their
    /// order; what refuses all of them is said of each.
    ///
    /// # Errors
    /// [`ConnectError`]: nobody knows then what became of it.
    pub async fn hand_over(&mut self, envelope: &Envelope, raw: &[u8]) -> Result<Vec<Reply>, ConnectError> {
        let all = |reply: Reply| vec![reply; envelope.recipients.len()];
        if self.size_max.is_some_and(|most| raw.len() as u64 > most) {
            return Ok(all(Reply::of_ours(552, "5.3.4 Message too large")));
        }
        if !is_plain(&envelope.sender) {
            return Ok(all(Reply::of_ours(501, "5.1.7 No address of a sender")));
        }
        let parameters = parameters(envelope, raw);
        let sender = self.command(&format!("MAIL FROM:<{}>{parameters}", envelope.sender)).await?;
        if !sender.is_positive() {
            return Ok(all(sender));
        }
        let mut replies = Vec::with_capacity(envelope.recipients.len());
        for recipient in &envelope.recipients {
            replies.push(match is_plain(recipient) {
                true => self.command(&format!("RCPT TO:<{recipient}>")).await?,
                false => Reply::of_ours(501, "5.1.3 No address of a recipient"),
            });
        }
        if !replies.iter().any(Reply::is_positive) {
            self.command("RSET").await?;
            return Ok(replies);
        }
        let data = self.command("DATA").await?;
        let is_awaited = data.code == 354;
        if is_awaited {
            self.wire.ask(&in_transit(raw)).await?;
        }
        for reply in replies.iter_mut().filter(|reply| reply.is_positive()) {
            *reply = if is_awaited { self.reply().await? } else { data.clone() };
        }
        Ok(replies)
    }

    /// Takes leave.
    pub async fn bye(mut self) {
        // Whatever it says, we go.
        drop(self.command("QUIT").await);
    }

    async fn command(&mut self, line: &str) -> Result<Reply, ConnectError> {
        self.wire.ask(format!("{line}\r\n").as_bytes()).await?;
        self.reply().await
    }

    /// One reply, its lines kept apart.
    async fn reply(&mut self) -> Result<Reply, ConnectError> {
        let (mut text, mut first) = (String::new(), None);
        loop {
            let line = self.line().await?;
            let no_reply = || ConnectError::protocol("the server answers with something else than LMTP");
            let (code, rest) = line.split_at_checked(3).ok_or_else(no_reply)?;
            let code: u16 = code.parse().map_err(|_| no_reply())?;
            if *first.get_or_insert(code) != code {
                return Err(no_reply());
            }
            if !text.is_empty() {
                text.push('\n');
            }
            text.push_str(rest.get(1..).unwrap_or_default());
            if text.len() > limits::LMTP_REPLY_BYTES_MAX {
                return Err(ConnectError::new(Kind::Limit, "the server does not come to the end of a reply"));
            }
            if !rest.starts_with('-') {
                return Ok(Reply { code, text });
            }
        }
    }

    async fn line(&mut self) -> Result<String, ConnectError> {
        loop {
            let input = self.wire.input();
            if let Some(end) = input.iter().position(|byte| *byte == b'\n') {
                let line = input.get(..end).unwrap_or_default();
                let text = String::from_utf8_lossy(line).trim_end_matches('\r').to_owned();
                self.wire.consume(end + 1);
                return Ok(text);
            }
            if input.len() > limits::LMTP_REPLY_BYTES_MAX {
                return Err(ConnectError::new(Kind::Limit, "the server does not come to the end of a line"));
            }
            self.wire.fill().await?;
        }
    }

    fn agreed(&self, reply: &Reply, code: u16) -> Result<(), ConnectError> {
        if reply.code == code { Ok(()) } else { Err(ConnectError::said(Kind::Declined, &reply.text)) }
    }
}

/// Whether it can stand between the brackets of a path and be nothing else.
fn is_plain(address: &str) -> bool {
    address.len() <= limits::ENVELOPE_ADDRESS_BYTES_MAX
        && !address.contains(|c: char| c.is_control() || c == '<' || c == '>')
}

/// What has to be declared of a mail (RFC 6152, RFC 6531).
fn parameters(envelope: &Envelope, raw: &[u8]) -> String {
    let is_utf8 =
        !envelope.sender.is_ascii() || !envelope.recipients.iter().all(|address| address.is_ascii());
    let body = if raw.is_ascii() { "" } else { " BODY=8BITMIME" };
    format!("{body}{}", if is_utf8 { " SMTPUTF8" } else { "" })
}

/// The message as it travels: lines end with CRLF, leading dots are doubled, and a dot ends it (RFC 5321 §4.5.2).
fn in_transit(raw: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(raw.len() + raw.len() / 16 + 8);
    for line in raw.split_inclusive(|byte| *byte == b'\n') {
        if line.first() == Some(&b'.') {
            bytes.push(b'.');
        }
        let text = line.strip_suffix(b"\n").unwrap_or(line);
        bytes.extend_from_slice(text.strip_suffix(b"\r").unwrap_or(text));
        bytes.extend_from_slice(b"\r\n");
    }
    bytes.extend_from_slice(b".\r\n");
    bytes
}

#[cfg(test)]
mod tests;
