//! One connection to a POP3 server: commands go out, several at once where the server allows it, and their replies are
//! heard in the order of the commands (RFC 2449 §6.8).

use std::collections::HashMap;

use model::limits;

use super::reply::{Event, Replies, Status};
use super::{Capabilities, Listed};
use crate::error::{ConnectError, Kind};
use crate::wire::Wire;

/// An open session. One task owns it. A call that is dropped half-way leaves the line in the middle of a reply: the
/// session refuses every later one.
///
/// Every call fails with a [`ConnectError`]; [`ConnectError::leaves_the_session`] says whether there may be another.
pub struct Pop3 {
    pub(super) wire: Wire,
    replies: Replies,
    pub(super) can: Capabilities,
    is_midway: bool,
}

/// A piece of a message; an error ends the session.
pub type Sink<'s> = &'s mut (dyn FnMut(u32, &[u8]) -> Result<(), ConnectError> + Send);

impl Pop3 {
    pub(super) fn over(wire: Wire) -> Self {
        Pop3 { wire, replies: Replies::default(), can: Capabilities::default(), is_midway: false }
    }

    /// What the server can do.
    pub fn can(&self) -> &Capabilities {
        &self.can
    }

    /// All messages, in the order of their numbers; no more than [`limits::POP3_MESSAGES_MAX`], the first ones.
    pub async fn list(&mut self) -> Result<Vec<Listed>, ConnectError> {
        let mut listed = Vec::new();
        let status = self.lines("LIST", &mut |line| listed.extend(listed_in(line))).await?;
        well(&status)?;
        Ok(listed)
    }

    /// The unique ids of all messages by their numbers; `None` where the server has none (RFC 1939 §7).
    pub async fn ids(&mut self) -> Result<Option<HashMap<u32, Vec<u8>>>, ConnectError> {
        let mut ids = HashMap::new();
        let status = self.lines("UIDL", &mut |line| ids.extend(id_in(line))).await?;
        match status.is_ok {
            true => Ok(Some(ids)),
            false if self.can.has("UIDL") => Err(refusal(&status)),
            false => Ok(None),
        }
    }

    /// The beginnings of these messages: their headers and the empty line. Says which were given.
    pub async fn headers(&mut self, numbers: &[u32], sink: Sink<'_>) -> Result<Vec<u32>, ConnectError> {
        self.texts(numbers, |number| format!("TOP {number} 0\r\n"), sink).await
    }

    /// These messages whole, as the server has them. Says which were given: what came of another is none.
    pub async fn messages(&mut self, numbers: &[u32], sink: Sink<'_>) -> Result<Vec<u32>, ConnectError> {
        self.texts(numbers, |number| format!("RETR {number}\r\n"), sink).await
    }

    /// Marks these for removal at the end of the session. Says which the server took.
    pub async fn delete(&mut self, numbers: &[u32]) -> Result<Vec<u32>, ConnectError> {
        let mut taken = Vec::new();
        self.begin()?;
        for group in numbers.chunks(self.at_once()) {
            let commands: String = group.iter().map(|number| format!("DELE {number}\r\n")).collect();
            self.wire.ask(commands.as_bytes()).await?;
            for number in group {
                let status = self.status().await?;
                taken.extend(status.is_ok.then_some(*number));
            }
        }
        self.is_midway = false;
        Ok(taken)
    }

    /// Ends the session: what was marked is removed now.
    ///
    /// # Errors
    /// Where the server does not say that it is: some, all or none may be gone. The next session shows it.
    pub async fn quit(mut self) -> Result<(), ConnectError> {
        let status = self.command("QUIT").await?;
        well(&status)
    }

    /// A command with a short reply.
    pub(super) async fn command(&mut self, text: &str) -> Result<Status, ConnectError> {
        self.begin()?;
        self.say(text).await?;
        let status = self.status().await?;
        self.is_midway = false;
        Ok(status)
    }

    pub(super) async fn say(&mut self, text: &str) -> Result<(), ConnectError> {
        let line = zeroize::Zeroizing::new(format!("{text}\r\n").into_bytes());
        self.wire.ask(&line).await
    }

    /// A command whose reply is a list, line by line.
    pub(super) async fn lines(
        &mut self,
        text: &str,
        hear: &mut (dyn FnMut(&[u8]) + Send),
    ) -> Result<Status, ConnectError> {
        self.begin()?;
        self.say(text).await?;
        let status = self.status().await?;
        if status.is_ok {
            let (mut line, mut count) = (Vec::new(), 0);
            let mut cut = |piece: &[u8]| {
                for byte in piece {
                    if *byte == b'\n' {
                        count += 1;
                        if count <= limits::POP3_MESSAGES_MAX {
                            hear(line.trim_ascii());
                        }
                        line.clear();
                    } else if line.len() < limits::POP3_LINE_BYTES_MAX {
                        line.push(*byte);
                    }
                }
                Ok(())
            };
            self.text(limits::POP3_LIST_BYTES_MAX, &mut cut).await?;
        }
        self.is_midway = false;
        Ok(status)
    }

    async fn texts(
        &mut self,
        numbers: &[u32],
        command: impl Fn(u32) -> String,
        sink: Sink<'_>,
    ) -> Result<Vec<u32>, ConnectError> {
        let mut given = Vec::new();
        self.begin()?;
        for group in numbers.chunks(self.at_once()) {
            let commands: String = group.iter().map(|number| command(*number)).collect();
            self.wire.ask(commands.as_bytes()).await?;
            for number in group {
                if self.status().await?.is_ok {
                    let mut sink = |piece: &[u8]| sink(*number, piece);
                    self.text(limits::MESSAGE_BYTES_MAX + TOO_LARGE, &mut sink).await?;
                    given.push(*number);
                }
            }
        }
        self.is_midway = false;
        Ok(given)
    }

    /// The text behind a reply, to its end.
    async fn text(
        &mut self,
        most: usize,
        sink: &mut (dyn FnMut(&[u8]) -> Result<(), ConnectError> + Send),
    ) -> Result<(), ConnectError> {
        self.replies.begin_text();
        let mut bytes = 0;
        loop {
            let mut input = self.wire.input();
            let before = input.len();
            let event = self.replies.next(&mut input)?;
            let used = before - input.len();
            match event {
                None => {
                    self.wire.consume(used);
                    self.wire.fill().await?;
                }
                Some(Event::End) => {
                    self.wire.consume(used);
                    return Ok(());
                }
                Some(Event::Piece(piece)) => {
                    bytes += piece.len();
                    if bytes > most {
                        return Err(ConnectError::new(Kind::Limit, "the server sends more than is taken"));
                    }
                    sink(piece)?;
                    self.wire.consume(used);
                }
                Some(Event::Status(_) | Event::Go(_)) => return Err(unasked()),
            }
        }
    }

    async fn status(&mut self) -> Result<Status, ConnectError> {
        match self.reply().await? {
            Reply::Status(status) => Ok(status),
            Reply::Go(_) => Err(unasked()),
        }
    }

    /// The next line that is no text.
    pub(super) async fn reply(&mut self) -> Result<Reply, ConnectError> {
        loop {
            let mut input = self.wire.input();
            let before = input.len();
            let event = self.replies.next(&mut input)?;
            let reply = match event {
                None => None,
                Some(Event::Status(status)) => Some(Reply::Status(status)),
                Some(Event::Go(challenge)) => Some(Reply::Go(challenge)),
                Some(Event::Piece(_) | Event::End) => return Err(unasked()),
            };
            let used = before - input.len();
            self.wire.consume(used);
            match reply {
                Some(reply) => return Ok(reply),
                None => self.wire.fill().await?,
            }
        }
    }

    /// From here to the end of a call nothing else may be asked.
    pub(super) fn begin(&mut self) -> Result<(), ConnectError> {
        if std::mem::replace(&mut self.is_midway, true) {
            return Err(ConnectError::new(Kind::Closed, "a command before this one was broken off"));
        }
        Ok(())
    }

    pub(super) fn free(&mut self) {
        self.is_midway = false;
    }

    /// How many commands go out before the first reply is heard.
    fn at_once(&self) -> usize {
        if self.can.has("PIPELINING") { limits::POP3_COMMANDS_AT_ONCE } else { 1 }
    }
}

/// A line that is no text.
pub(super) enum Reply {
    Status(Status),
    Go(Vec<u8>),
}

/// Whoever takes messages decides what is too large; here it is only seen to that it ends.
const TOO_LARGE: usize = 64 * 1024;

fn unasked() -> ConnectError {
    ConnectError::protocol("the server says something else than a reply to what was asked")
}

fn well(status: &Status) -> Result<(), ConnectError> {
    if status.is_ok { Ok(()) } else { Err(refusal(status)) }
}

/// What `-ERR` means (RFC 2449 §8, RFC 3206).
pub(super) fn refusal(status: &Status) -> ConnectError {
    let kind = match status.code.as_deref() {
        Some("AUTH") => Kind::Refused,
        Some("SYS/PERM") => Kind::NoPermission,
        _ => Kind::Declined,
    };
    ConnectError::said(kind, &status.text)
}

fn listed_in(line: &[u8]) -> Option<Listed> {
    let mut words = std::str::from_utf8(line).ok()?.split_ascii_whitespace();
    Some(Listed { number: words.next()?.parse().ok()?, size: words.next()?.parse().ok()? })
}

fn id_in(line: &[u8]) -> Option<(u32, Vec<u8>)> {
    let at = line.iter().position(|byte| *byte == b' ')?;
    let (number, id) = line.split_at_checked(at)?;
    let id = id.trim_ascii();
    let number = std::str::from_utf8(number).ok()?.parse().ok()?;
    (!id.is_empty()).then(|| (number, id.to_vec()))
}
