//! One connection to an SMTP or LMTP server: commands go out, several at once where the server allows it, and their replies
//! are heard in the order of the commands (RFC 2920).

use std::time::Duration;

use model::limits;
use zeroize::Zeroizing;

use super::extensions::Extensions;
use super::reply::{Replies, Reply};
use crate::error::{ConnectError, Kind};
use crate::wire::Wire;

/// What is spoken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Manner {
    /// RFC 5321.
    Smtp,
    /// RFC 2033: LHLO, and behind a mail a reply for each recipient that was accepted.
    Lmtp,
}

/// An open session. A call that is dropped half-way, or fails, leaves the line in the middle of a reply: the session
/// refuses every later one.
pub(crate) struct Session {
    pub(super) wire: Wire,
    replies: Replies,
    pub(super) can: Extensions,
    pub(super) manner: Manner,
    pub(super) chunks: Chunks,
    mails: usize,
    is_midway: bool,
}

/// Whether the server has BDAT (RFC 3030). One that says so and has it not would take the lines of a mail for commands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Chunks {
    /// It says so.
    Offered,
    /// It took one.
    Proven,
    /// It does not say so, or took none.
    None,
}

impl Session {
    pub(super) fn over(wire: Wire, manner: Manner) -> Self {
        let (replies, can) = (Replies::default(), Extensions::default());
        Session { wire, replies, can, manner, chunks: Chunks::None, mails: 0, is_midway: false }
    }

    /// Over a connection that stands and is not encrypted: hears the greeting, and greets.
    pub(crate) async fn begun(wire: Wire, manner: Manner, name: &str) -> Result<Self, ConnectError> {
        let mut session = Session::over(wire, manner);
        session.greeting().await?;
        session.hello(name).await?;
        Ok(session)
    }

    pub(super) async fn greeting(&mut self) -> Result<(), ConnectError> {
        // Nothing is sent: the time counts from here.
        self.say(limits::SMTP_GREETING_SECONDS_MAX, b"").await?;
        let reply = self.hear().await.map_err(|error| match error.kind {
            Kind::Protocol => {
                let words = "this is no SMTP server, or one that expects TLS from the first byte";
                ConnectError::protocol(words)
            }
            _ => error,
        })?;
        match reply.code {
            220 => Ok(()),
            // RFC 5321 §3.1: it takes no mail, of us or of anybody.
            500.. => Err(ConnectError::said(Kind::NoPermission, &reply.text)),
            _ => Err(ConnectError::said(Kind::Closed, &reply.text)),
        }
    }

    /// Says who we are, and learns what the server can do.
    pub(super) async fn hello(&mut self, name: &str) -> Result<(), ConnectError> {
        if name.is_empty() || !name.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(ConnectError::new(Kind::Here, "we have no name by which we could greet a server"));
        }
        let verb = if self.manner == Manner::Lmtp { "LHLO" } else { "EHLO" };
        let mut reply = self.command(&format!("{verb} {name}")).await?;
        self.can = Extensions::default();
        if reply.is_positive() {
            self.can = Extensions::read(&reply);
            let is_offered = self.manner == Manner::Smtp && self.can.has("CHUNKING");
            self.chunks = if is_offered { Chunks::Offered } else { Chunks::None };
        } else if self.manner == Manner::Smtp && reply.is_lasting() {
            // RFC 5321 §3.2: a server of before 1995.
            reply = self.command(&format!("HELO {name}")).await?;
        }
        well(&reply)
    }

    /// Whether there may be another mail.
    pub(crate) fn has_ended(&self) -> bool {
        self.is_midway || self.can.mails_max().is_some_and(|most| self.mails >= most)
    }

    /// Before a mail; from here to [`Session::free`] nothing else may be asked.
    pub(super) fn begin(&mut self) -> Result<(), ConnectError> {
        if self.has_ended() {
            return Err(ConnectError::new(Kind::Closed, "the session with the server has ended"));
        }
        self.is_midway = true;
        self.mails += 1;
        Ok(())
    }

    pub(super) fn free(&mut self) {
        self.is_midway = false;
    }

    /// Ends the transaction where none of its mail was taken. What became of it is known: where this fails, only the
    /// session ends.
    pub(super) async fn reset(&mut self) {
        self.is_midway = !self.command("RSET").await.is_ok_and(|reply| reply.is_positive());
    }

    pub(crate) async fn quit(mut self) {
        // Whatever it says, we go. In the middle of a mail QUIT would be a line of it.
        if !self.is_midway {
            drop(self.command("QUIT").await);
        }
    }

    /// A command, and its reply.
    pub(super) async fn command(&mut self, text: &str) -> Result<Reply, ConnectError> {
        let line = Zeroizing::new(format!("{text}\r\n").into_bytes());
        self.ask(limits::SMTP_COMMAND_SECONDS_MAX, &line).await?;
        self.hear().await
    }

    /// Sends whole commands, whose answers may take so many seconds each.
    pub(super) async fn ask(&mut self, seconds: u64, lines: &[u8]) -> Result<(), ConnectError> {
        self.quiet().await?;
        self.say(seconds, lines).await
    }

    /// The same where it is known that nothing else was said.
    pub(super) async fn say(&mut self, seconds: u64, bytes: &[u8]) -> Result<(), ConnectError> {
        self.wire.ask_within(Duration::from_secs(seconds), bytes).await
    }

    /// More of a text.
    pub(super) async fn send_on(&mut self, piece: &[u8]) -> Result<(), ConnectError> {
        self.wire.send_on(piece).await
    }

    /// Ends the connection where a mail was begun: nothing may go on with it.
    pub(super) fn break_off(&mut self) {
        if self.is_midway {
            self.wire.cut();
        }
    }

    /// The reply to the oldest command that has none.
    ///
    /// # Errors
    /// [`Kind::Closed`], where the server takes its leave instead (421, RFC 5321 §3.8).
    pub(super) async fn hear(&mut self) -> Result<Reply, ConnectError> {
        let reply = self.verdict().await?;
        if self.is_leave(&reply) { Err(ConnectError::said(Kind::Closed, &reply.text)) } else { Ok(reply) }
    }

    /// What the server says of a mail: that it takes its leave is a refusal here.
    pub(super) async fn verdict(&mut self) -> Result<Reply, ConnectError> {
        loop {
            let mut input = self.wire.input();
            let before = input.len();
            let reply = self.replies.next(&mut input)?;
            let used = before - input.len();
            self.wire.consume(used);
            match reply {
                Some(reply) => {
                    self.wire.go_on();
                    return Ok(reply);
                }
                None => self.wire.fill().await?,
            }
        }
    }

    pub(super) fn is_leave(&self, reply: &Reply) -> bool {
        reply.code == 421
    }

    /// Looks whether the server has said something that it was not asked. What is on its way still is not seen.
    ///
    /// # Errors
    /// [`Kind::Closed`], where it has gone or takes its leave; [`Kind::Protocol`], where it answers what is still to come.
    async fn quiet(&mut self) -> Result<(), ConnectError> {
        self.refused_early().await?.map_or(Ok(()), |_| Err(unasked()))
    }

    /// The same in the middle of a mail, which may be refused before its end.
    pub(super) async fn refused_early(&mut self) -> Result<Option<Reply>, ConnectError> {
        if self.wire.input().is_empty() {
            self.wire.glance().await?;
        }
        let mut input = self.wire.input();
        if input.is_empty() {
            return Ok(None);
        }
        match Replies::default().next(&mut input) {
            Ok(Some(reply)) if self.is_leave(&reply) => Err(ConnectError::said(Kind::Closed, &reply.text)),
            Ok(Some(reply)) if reply.is_refusal() => Ok(Some(reply)),
            _ => Err(unasked()),
        }
    }
}

fn unasked() -> ConnectError {
    ConnectError::protocol("the server answers what it was not asked yet")
}

/// What a refusal means that is not about a mail.
pub(super) fn well(reply: &Reply) -> Result<(), ConnectError> {
    match reply.code {
        200..300 => Ok(()),
        300..400 => Err(ConnectError::protocol("the server wants more than it was told of")),
        400..500 => Err(ConnectError::said(Kind::Declined, &reply.text)),
        _ => Err(ConnectError::said(Kind::NoPermission, &reply.text)),
    }
}
