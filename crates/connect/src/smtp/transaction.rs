//! One mail: MAIL, a RCPT for each recipient, its text, and what becomes of each.
//!
//! What passes through: an envelope and bytes go out; `known` fills with what is certain of each recipient.
//!
//! *Invariant:* the end of the text is sent only after the caller has been asked, and after it was seen that nothing has
//! been said that would be taken for an answer to it.

use std::borrow::Cow;
use std::future::Future;

use model::{EmailAddress, limits};

use super::envelope::is_plain;
use super::reply::Reply;
use super::session::{Chunks, Manner, Session};
use super::text::{PIECE_BYTES, Text};
use super::{Outgoing, SendFailure, Sent};
use crate::error::{ConnectError, Kind};

impl Session {
    /// See [`super::Smtp::send`].
    pub(crate) async fn transact<F: Future<Output = bool>>(
        &mut self,
        mail: &Outgoing<'_>,
        may_end: impl FnOnce() -> F,
    ) -> Result<Sent, SendFailure> {
        let text = Text::of(mail.raw);
        let known = vec![None; mail.envelope.recipients.len()];
        let mut transaction = Transaction { session: self, mail, text, known, is_uncertain: false };
        let run = transaction.run(may_end).await;
        let Transaction { known: recipients, is_uncertain, .. } = transaction;
        match run {
            Ok(()) => Ok(Sent { recipients: recipients.into_iter().flatten().collect() }),
            Err(error) => {
                self.break_off();
                Err(SendFailure { error, recipients, is_uncertain })
            }
        }
    }
}

struct Transaction<'s, 'm> {
    session: &'s mut Session,
    mail: &'s Outgoing<'m>,
    text: Text<'m>,
    /// What is certain of each recipient; at the end of a run, of all.
    known: Vec<Option<Reply>>,
    is_uncertain: bool,
}

impl Transaction<'_, '_> {
    async fn run<F: Future<Output = bool>>(
        &mut self,
        may_end: impl FnOnce() -> F,
    ) -> Result<(), ConnectError> {
        self.refuse_here();
        if !self.has_open() {
            return Ok(());
        }
        self.session.begin()?;
        loop {
            if let Some(refusal) = self.envelope().await? {
                // There is no transaction that would have to be ended.
                self.settle(&refusal);
                self.session.free();
                return Ok(());
            }
            if !self.has_open() {
                self.session.reset().await;
                return Ok(());
            }
            if self.session.chunks == Chunks::None || !self.text.is_whole() {
                return self.data(may_end).await;
            }
            match self.proven().await? {
                Proof::Taken(begun) => return self.chunk(begun, may_end).await,
                Proof::Refused(reply) => return self.refuse(&reply).await,
                // Once more, without.
                Proof::None => self.session.chunks = Chunks::None,
            }
        }
    }

    /// What the server surely cannot take, or what must not leave.
    fn refuse_here(&mut self) {
        let Outgoing { envelope, raw } = *self.mail;
        let can = &self.session.can;
        let is_smtp = self.session.manner == Manner::Smtp;
        let has_utf8 = can.has("SMTPUTF8");
        let whole = if can.size_max().is_some_and(|most| raw.len() as u64 > most) {
            Some((552, "5.3.4 The mail is too large for the server"))
        } else if is_smtp && !self.text.is_clean {
            Some((554, "5.6.0 A CR or LF that does not end a line would leave"))
        } else if !is_plain(&envelope.sender) {
            Some((501, "5.1.7 No address of a sender"))
        } else if is_smtp && !has_utf8 && !(has_ascii_form(&envelope.sender) && self.text.has_ascii_header) {
            Some((553, "5.6.7 The server takes no UTF-8 in addresses and headers"))
        } else if is_smtp && !self.text.is_ascii && !can.has("8BITMIME") {
            Some((554, "5.6.3 The server takes no 8-bit text"))
        } else {
            None
        };
        let most = can.recipients_max().unwrap_or(usize::MAX);
        let mut count = 0;
        for (known, recipient) in self.known.iter_mut().zip(&envelope.recipients) {
            let refusal = match whole {
                Some(refusal) => Some(refusal),
                None if recipient.address.is_empty() || !is_plain(&recipient.address) => {
                    Some((501, "5.1.3 No address of a recipient"))
                }
                None if is_smtp && !has_utf8 && !has_ascii_form(&recipient.address) => {
                    Some((553, "5.6.7 The server takes no UTF-8 in addresses"))
                }
                None if count >= most => Some((452, "4.5.3 More recipients than the server takes at once")),
                None => None,
            };
            count += usize::from(refusal.is_none());
            *known = refusal.map(|(code, text)| Reply::of_ours(code, text));
        }
    }

    /// MAIL and RCPT. Gives what the server says where it does not take the sender.
    async fn envelope(&mut self) -> Result<Option<Reply>, ConnectError> {
        let commands = self.commands();
        let is_pipelined = self.session.can.has("PIPELINING");
        let at_once = if is_pipelined { limits::SMTP_COMMANDS_AT_ONCE } else { 1 };
        for group in commands.chunks(at_once) {
            let lines: String = group.iter().map(|(_, line)| line.as_str()).collect();
            self.session.ask(limits::SMTP_COMMAND_SECONDS_MAX, lines.as_bytes()).await?;
            let mut refused = None;
            for (recipient, _) in group {
                let reply = self.session.hear().await?;
                if !reply.is_positive() && !reply.is_refusal() {
                    return Err(unfitting());
                }
                match recipient.and_then(|place| self.known.get_mut(place)) {
                    None if reply.is_refusal() => refused = Some(reply),
                    // Without a sender every recipient is refused, whoever it is.
                    Some(known) if reply.is_refusal() && refused.is_none() => *known = Some(too_many(reply)),
                    _ => {}
                }
            }
            if refused.is_some() {
                return Ok(refused);
            }
        }
        Ok(None)
    }

    /// Each with the place of its recipient; MAIL has none.
    fn commands(&self) -> Vec<(Option<usize>, String)> {
        let (envelope, can) = (self.mail.envelope, &self.session.can);
        let open = || self.known.iter().zip(&envelope.recipients).enumerate();
        let open = || open().filter(|(_, (known, _))| known.is_none()).map(|(place, (_, to))| (place, to));
        let has_utf8 = can.has("SMTPUTF8") || self.session.manner == Manner::Lmtp;
        let has_utf8_address = !written(&envelope.sender, has_utf8).is_ascii()
            || open().any(|(_, to)| !written(&to.address, has_utf8).is_ascii());
        let is_utf8 = has_utf8_address || (!self.text.has_ascii_header && can.has("SMTPUTF8"));
        let mut mail = format!("MAIL FROM:<{}>", written(&envelope.sender, has_utf8));
        if can.has("SIZE") {
            mail.push_str(&format!(" SIZE={}", self.text.raw.len()));
        }
        if !self.text.is_ascii {
            mail.push_str(" BODY=8BITMIME");
        }
        if is_utf8 {
            mail.push_str(" SMTPUTF8");
        }
        mail.push_str(&envelope.reports.parameters(can));
        mail.push_str("\r\n");
        let mut commands = vec![(None, mail)];
        commands.extend(open().map(|(place, to)| {
            let parameters = to.parameters(can, is_utf8);
            (Some(place), format!("RCPT TO:<{}>{parameters}\r\n", written(&to.address, has_utf8)))
        }));
        commands
    }

    async fn data<F: Future<Output = bool>>(
        &mut self,
        may_end: impl FnOnce() -> F,
    ) -> Result<(), ConnectError> {
        self.session.ask(limits::SMTP_DATA_SECONDS_MAX, b"DATA\r\n").await?;
        let reply = self.session.hear().await?;
        if reply.is_refusal() {
            return self.refuse(&reply).await;
        }
        if reply.code != 354 {
            return Err(unfitting());
        }
        let (mut pieces, mut piece) = (self.text.pieces(), Vec::new());
        self.session.say(limits::SMTP_BLOCK_SECONDS_MAX, b"").await?;
        while !pieces.fill(&mut piece) {
            if let Err(error) = self.session.send_on(&piece).await {
                return self.broken(error).await;
            }
        }
        self.end(&piece, may_end).await
    }

    /// Whether the server really takes chunks, at the first mail of a session: its first line goes as one. Where the server
    /// takes it for a command, it is an unknown one.
    async fn proven(&mut self) -> Result<Proof, ConnectError> {
        if self.session.chunks == Chunks::Proven {
            return Ok(Proof::Taken(0));
        }
        let line = self.text.raw.split_inclusive(|byte| *byte == b'\n').next().unwrap_or_default();
        let chunk = [format!("BDAT {}\r\n", line.len()).as_bytes(), line].concat();
        self.session.ask(limits::SMTP_BLOCK_SECONDS_MAX, &chunk).await?;
        let reply = self.session.hear().await?;
        match reply.code {
            200..300 => {
                self.session.chunks = Chunks::Proven;
                Ok(Proof::Taken(line.len()))
            }
            500..=502 => {
                // The reply to the line, if it was a command, and that to RSET.
                self.session.say(limits::SMTP_COMMAND_SECONDS_MAX, b"RSET\r\n").await?;
                for _ in 0..2 {
                    if self.session.hear().await?.is_positive() {
                        return Ok(Proof::None);
                    }
                }
                Err(unfitting())
            }
            _ if reply.is_refusal() => Ok(Proof::Refused(reply)),
            _ => Err(unfitting()),
        }
    }

    /// What is left of the text, as the last chunk.
    async fn chunk<F: Future<Output = bool>>(
        &mut self,
        begun: usize,
        may_end: impl FnOnce() -> F,
    ) -> Result<(), ConnectError> {
        let mut rest = self.text.raw.get(begun..).unwrap_or_default();
        let mut piece = format!("BDAT {} LAST\r\n", rest.len()).into_bytes();
        self.session.ask(limits::SMTP_BLOCK_SECONDS_MAX, b"").await?;
        while let Some((next, more)) = rest.split_at_checked(PIECE_BYTES).filter(|(_, more)| !more.is_empty())
        {
            piece.extend_from_slice(next);
            if let Err(error) = self.session.send_on(&piece).await {
                return self.broken(error).await;
            }
            piece.clear();
            rest = more;
        }
        piece.extend_from_slice(rest);
        self.end(&piece, may_end).await?;
        let is_taken = self.known.iter().flatten().any(Reply::is_positive);
        if !is_taken && !self.session.has_ended() {
            // RFC 3030 §2: behind a chunk that was refused nobody knows where the transaction is.
            self.session.reset().await;
        }
        Ok(())
    }

    /// All who are left are refused before the text has begun, or with its first line.
    async fn refuse(&mut self, reply: &Reply) -> Result<(), ConnectError> {
        self.settle(reply);
        self.session.reset().await;
        Ok(())
    }

    /// The line breaks in the middle of the text. Some servers say before why.
    async fn broken(&mut self, error: ConnectError) -> Result<(), ConnectError> {
        let early = self.session.refused_early().await.ok().flatten();
        self.cut_short(&early.ok_or(error)?);
        Ok(())
    }

    /// All who are left are refused in the middle of the text: it is not gone on with.
    fn cut_short(&mut self, reply: &Reply) {
        self.settle(reply);
        self.session.break_off();
    }

    /// Sends the last piece, and hears what becomes of the mail.
    async fn end<F: Future<Output = bool>>(
        &mut self,
        piece: &[u8],
        may_end: impl FnOnce() -> F,
    ) -> Result<(), ConnectError> {
        if let Some(reply) = self.session.refused_early().await? {
            self.cut_short(&reply);
            return Ok(());
        }
        if !may_end().await {
            return Err(ConnectError::new(Kind::Here, "the mail was taken back before its end"));
        }
        // Whoever has refused it or gone meanwhile has not heard the end.
        if let Some(reply) = self.session.refused_early().await? {
            self.cut_short(&reply);
            return Ok(());
        }
        self.is_uncertain = true;
        self.session.say(limits::SMTP_END_SECONDS_MAX, piece).await?;
        let mut has_left = false;
        let is_each = self.session.manner == Manner::Lmtp;
        while let Some(place) = self.known.iter().position(Option::is_none) {
            let reply = self.session.verdict().await?;
            if !reply.is_positive() && !reply.is_refusal() {
                return Err(unfitting());
            }
            has_left |= self.session.is_leave(&reply);
            match self.known.get_mut(place) {
                // After its leave nothing more is said.
                Some(known) if is_each && !has_left => *known = Some(reply),
                _ => self.settle(&reply),
            }
        }
        if !has_left {
            self.session.free();
        }
        Ok(())
    }

    /// Whether there is a recipient that nothing is said of yet.
    fn has_open(&self) -> bool {
        self.known.iter().any(Option::is_none)
    }

    /// Said of all whom nothing else is said of.
    fn settle(&mut self, reply: &Reply) {
        for known in self.known.iter_mut().filter(|known| known.is_none()) {
            *known = Some(reply.clone());
        }
    }
}

/// What a server made of a first chunk.
enum Proof {
    /// So many bytes of the text are there.
    Taken(usize),
    /// It takes chunks, and not this mail.
    Refused(Reply),
    /// It has no chunks.
    None,
}

/// Whether an address can be written without UTF-8.
fn has_ascii_form(address: &str) -> bool {
    written(address, false).is_ascii()
}

/// An address as a server hears it. Without UTF-8 the domain stands in its ASCII form (RFC 5891 §4.4), where the rest is ASCII.
fn written(address: &str, has_utf8: bool) -> Cow<'_, str> {
    if has_utf8 || address.is_ascii() {
        return Cow::Borrowed(address);
    }
    let ascii = EmailAddress::parse(address).and_then(|address| address.to_ascii());
    ascii.map_or(Cow::Borrowed(address), Cow::Owned)
}

/// At RCPT 552 means what 452 does: that one goes with a later mail (RFC 5321 §4.5.3.1.10).
fn too_many(reply: Reply) -> Reply {
    let code = if reply.code == 552 { 452 } else { reply.code };
    Reply { code, ..reply }
}

fn unfitting() -> ConnectError {
    ConnectError::protocol("the server says something else than a reply to what it was asked")
}
