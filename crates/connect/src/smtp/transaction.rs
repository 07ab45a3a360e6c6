//! One mail: MAIL, a RCPT for each recipient, its text, and what becomes of each.
//!
//! What passes through: an envelope and bytes go out; `known` fills with what is certain of each recipient.
//!
//! *Invariant:* the end of the text is sent only after the caller has been asked, and after it was seen that nothing has
//! been said that would be taken for an answer to it.

use std::future::Future;

use model::limits;

use super::envelope::is_plain;
use super::reply::Reply;
use super::session::{Manner, Session};
use super::text::Text;
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
        self.data(may_end).await
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
        } else if is_smtp && !has_utf8 && !(envelope.sender.is_ascii() && self.text.has_ascii_header) {
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
                None if is_smtp && !has_utf8 && !recipient.address.is_ascii() => {
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
                    Some(known) if reply.is_refusal() && refused.is_none() => *known = Some(reply),
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
        let has_utf8_address = !envelope.sender.is_ascii() || open().any(|(_, to)| !to.address.is_ascii());
        let is_utf8 = has_utf8_address || (!self.text.has_ascii_header && can.has("SMTPUTF8"));
        let mut mail = format!("MAIL FROM:<{}>", envelope.sender);
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
            (Some(place), format!("RCPT TO:<{}>{parameters}\r\n", to.address))
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
            self.settle(&reply);
            self.session.reset().await;
            return Ok(());
        }
        if reply.code != 354 {
            return Err(unfitting());
        }
        let (mut pieces, mut piece) = (self.text.pieces(), Vec::new());
        self.session.say(limits::SMTP_BLOCK_SECONDS_MAX, b"").await?;
        while !pieces.fill(&mut piece) {
            self.session.send_on(&piece).await?;
        }
        self.end(&piece, may_end).await
    }

    /// Sends the last piece, and hears what becomes of the mail.
    async fn end<F: Future<Output = bool>>(
        &mut self,
        piece: &[u8],
        may_end: impl FnOnce() -> F,
    ) -> Result<(), ConnectError> {
        self.session.quiet().await?;
        if !may_end().await {
            return Err(ConnectError::new(Kind::Here, "the mail was taken back before its end"));
        }
        // Whoever has gone meanwhile has not heard the end.
        self.session.quiet().await?;
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

fn unfitting() -> ConnectError {
    ConnectError::protocol("the server says something else than a reply to what it was asked")
}
