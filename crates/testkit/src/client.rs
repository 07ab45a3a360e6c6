//! A client that sends a message byte for byte: bare line feeds, eight bits, UTF-8 addresses, dots.
//!
//! What passes through: an envelope and bytes in, the replies of the server out. Real clients mend what they
//! send; this one does not, and doubles leading dots only (RFC 5321 §4.5.2).

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde::Deserialize;

/// SMTP or LMTP, which answers for each recipient (RFC 2033).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    /// RFC 5321.
    Smtp,
    /// RFC 2033.
    Lmtp,
}

/// MAIL FROM and RCPT TO. An empty `mail_from` is the null sender.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Envelope {
    /// The sender.
    pub mail_from: String,
    /// The recipients.
    pub rcpt_to: Vec<String>,
}

impl Envelope {
    /// An envelope with one recipient.
    pub fn new(mail_from: impl Into<String>, rcpt_to: impl Into<String>) -> Self {
        Envelope { mail_from: mail_from.into(), rcpt_to: vec![rcpt_to.into()] }
    }

    /// Whether it can be sent only with SMTPUTF8 (RFC 6531).
    pub fn is_international(&self) -> bool {
        !self.mail_from.is_ascii() || !self.rcpt_to.iter().all(|recipient| recipient.is_ascii())
    }
}

/// One reply of the server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// Its code: 250.
    pub code: u16,
    /// Its text, lines joined.
    pub text: String,
}

/// What the server said to a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Replies {
    /// To each RCPT, in order.
    pub recipients: Vec<Reply>,
    /// After the data: one, or one for each accepted recipient over LMTP; none where nobody was accepted.
    pub data: Vec<Reply>,
}

impl Replies {
    /// The codes that decide what the sender does: those after the data, or the refusals before it.
    pub fn codes(&self) -> Vec<u16> {
        let decisive = if self.data.is_empty() { &self.recipients } else { &self.data };
        decisive.iter().map(|reply| reply.code).collect()
    }
}

/// A connection to a server.
pub struct Client {
    stream: BufReader<TcpStream>,
    protocol: Protocol,
}

const PATIENCE: Duration = Duration::from_secs(30);

impl Client {
    /// Connects and greets.
    ///
    /// # Errors
    /// When nobody answers, or not as a mail server does.
    pub fn connect(address: SocketAddr, protocol: Protocol) -> Result<Self> {
        let stream = TcpStream::connect(address).with_context(|| format!("nobody serves at {address}"))?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        let mut client = Client { stream: BufReader::new(stream), protocol };
        client.reply()?.is(220)?;
        let greeting = if protocol == Protocol::Lmtp { "LHLO" } else { "EHLO" };
        client.command(&format!("{greeting} client.test"))?.is(250)?;
        Ok(client)
    }

    /// Sends a message.
    ///
    /// # Errors
    /// When the connection breaks or the sender is refused; refused recipients and data are no errors.
    pub fn send(&mut self, envelope: &Envelope, raw: &[u8]) -> Result<Replies> {
        let utf8 = if envelope.is_international() { " SMTPUTF8" } else { "" };
        let body = if raw.is_ascii() { "" } else { " BODY=8BITMIME" };
        self.command(&format!("MAIL FROM:<{}>{body}{utf8}", envelope.mail_from))?.is(250)?;
        let mut recipients = Vec::with_capacity(envelope.rcpt_to.len());
        for recipient in &envelope.rcpt_to {
            recipients.push(self.command(&format!("RCPT TO:<{recipient}>"))?);
        }
        let accepted = recipients.iter().filter(|reply| reply.code == 250).count();
        if accepted == 0 {
            self.command("RSET")?.is(250)?;
            return Ok(Replies { recipients, data: Vec::new() });
        }
        let data = self.data(raw, accepted)?;
        Ok(Replies { recipients, data })
    }

    /// Speaks from now on for a client at this address (XCLIENT), and greets anew.
    ///
    /// # Errors
    /// When the server does not believe it, or the connection breaks.
    pub fn speak_for(&mut self, address: std::net::IpAddr) -> Result<()> {
        self.command(&format!("XCLIENT ADDR={address}"))?.is(220)?;
        self.command("EHLO mail.customer.test")?.is(250)
    }

    /// Says goodbye.
    ///
    /// # Errors
    /// When the connection broke before.
    pub fn quit(mut self) -> Result<()> {
        self.command("QUIT")?.is(221)
    }

    fn data(&mut self, raw: &[u8], accepted: usize) -> Result<Vec<Reply>> {
        self.command("DATA")?.is(354)?;
        self.stream.get_mut().write_all(&in_transit(raw))?;
        let replies = if self.protocol == Protocol::Lmtp { accepted } else { 1 };
        (0..replies).map(|_| self.reply()).collect()
    }

    fn command(&mut self, line: &str) -> Result<Reply> {
        self.stream.get_mut().write_all(format!("{line}\r\n").as_bytes())?;
        self.reply()
    }

    fn reply(&mut self) -> Result<Reply> {
        let mut text = String::new();
        loop {
            let mut line = String::new();
            ensure!(self.stream.read_line(&mut line)? > 0, "the server ended the connection");
            let (code, rest) = line.split_at_checked(3).with_context(|| format!("no reply: {line}"))?;
            text.push_str(rest.get(1..).unwrap_or_default().trim_end());
            if !rest.starts_with('-') {
                return Ok(Reply { code: code.parse().with_context(|| format!("no reply: {line}"))?, text });
            }
            text.push(' ');
        }
    }
}

impl Reply {
    /// # Errors
    /// When it is another code.
    pub fn is(&self, code: u16) -> Result<()> {
        ensure!(self.code == code, "expected {code}, and the server said {} {}", self.code, self.text);
        Ok(())
    }
}

/// The message as it travels: leading dots doubled, and the dot that ends it. A dot is doubled behind CRLF
/// alone: nothing else ends a line.
pub fn in_transit(raw: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(raw.len() + raw.len() / 64 + 8);
    let mut rest = raw;
    while let Some(place) = rest.iter().position(|byte| *byte == b'.') {
        let (before, from_dot) = rest.split_at(place);
        bytes.extend_from_slice(before);
        if bytes.is_empty() || bytes.ends_with(b"\r\n") {
            bytes.push(b'.');
        }
        bytes.push(b'.');
        rest = from_dot.get(1..).unwrap_or_default();
    }
    bytes.extend_from_slice(rest);
    if !raw.ends_with(b"\r\n") {
        bytes.extend_from_slice(b"\r\n");
    }
    bytes.extend_from_slice(b".\r\n");
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_dots_behind_crlf_are_doubled() {
        assert_eq!(in_transit(b".a\r\n.\r\nb\n.c\r\n"), b"..a\r\n..\r\nb\n.c\r\n.\r\n");
        assert_eq!(in_transit(b"no end"), b"no end\r\n.\r\n");
    }
}
