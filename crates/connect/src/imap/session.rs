//! One connection to an IMAP server: a command goes out, its answers are heard, its end is awaited.
//!
//! What passes through: the text of commands, and an [`Ear`] for each that hears what belongs to it.
//!
//! *Invariant:* one command at a time; only its own tag ends it. A command whose end did not come leaves a session that
//! refuses every other.

use std::collections::VecDeque;
use std::future::Future;

use model::limits;

use super::answer::{Answer, Answers, Condition, Event, Status};
use super::capabilities::Capabilities;
use super::names::Coding;
use super::words::Word;
use crate::error::{ConnectError, Kind};
use crate::wire::Wire;

/// An open session.
pub struct Session {
    pub(super) wire: Wire,
    answers: Answers,
    pub(super) can: Capabilities,
    pub(super) folder: Option<OpenFolder>,
    /// IMAP4rev2 is spoken from here on.
    is_switched: bool,
    tags: u32,
    is_midway: bool,
    /// Bytes that came with the present command, bodies apart.
    news_bytes: u64,
}

/// The folder that is open.
#[derive(Debug, Clone, Copy)]
pub(super) struct OpenFolder {
    pub(super) uidvalidity: u32,
    pub(super) exists: u32,
    pub(super) is_for_work: bool,
}

/// Hears the answers to one command.
pub(super) trait Ear: Send {
    /// An answer that is not the end.
    fn hear(&mut self, answer: Answer) -> impl Future<Output = Result<(), ConnectError>> + Send;

    /// `+`: what to go on with.
    fn go_on(&mut self, _challenge: &[u8]) -> Result<Vec<u8>, ConnectError> {
        Err(ConnectError::protocol("the server waits for more of a command that is whole"))
    }

    /// A body begins.
    fn body(&mut self, _size: u64) -> impl Future<Output = Result<(), ConnectError>> + Send {
        std::future::ready(Err(ConnectError::protocol("the server sends a body that nobody asked for")))
    }

    /// A piece of it.
    fn piece(&mut self, _bytes: &[u8]) -> impl Future<Output = Result<(), ConnectError>> + Send {
        std::future::ready(Ok(()))
    }
}

/// An ear without bodies.
impl<F: FnMut(Answer) -> Result<(), ConnectError> + Send> Ear for F {
    fn hear(&mut self, answer: Answer) -> impl Future<Output = Result<(), ConnectError>> + Send {
        std::future::ready(self(answer))
    }
}

/// Nothing is of interest but the end.
pub(super) fn deaf(_: Answer) -> Result<(), ConnectError> {
    Ok(())
}

impl Session {
    pub(super) fn over(wire: Wire) -> Self {
        Session {
            wire,
            answers: Answers::default(),
            can: Capabilities::default(),
            folder: None,
            is_switched: false,
            tags: 0,
            is_midway: false,
            news_bytes: 0,
        }
    }

    /// Gives a command and waits for its end.
    ///
    /// # Errors
    /// What the server says, where it ended otherwise than well.
    pub(super) async fn command(&mut self, text: &str, ear: &mut impl Ear) -> Result<Status, ConnectError> {
        let status = self.status_of(text, ear).await?;
        match status.condition {
            Condition::Ok => Ok(status),
            _ => Err(refusal(&status)),
        }
    }

    /// The same; the command may have ended with NO or BAD.
    pub(super) async fn status_of(&mut self, text: &str, ear: &mut impl Ear) -> Result<Status, ConnectError> {
        self.begin()?;
        let tag = self.next_tag();
        self.send(&zeroize::Zeroizing::new(format!("{tag} {text}\r\n").into_bytes())).await?;
        let mut rounds = 0;
        let status = loop {
            match self.next(ear).await? {
                Heard::Nothing => {}
                Heard::Go(challenge) => {
                    rounds += 1;
                    if rounds > ROUNDS_MAX {
                        return Err(ConnectError::protocol("the server asks on and on"));
                    }
                    let answer = zeroize::Zeroizing::new(ear.go_on(&challenge)?);
                    self.send(&answer).await?;
                }
                Heard::End(ended, status) => break self.ended(&tag, &ended, status)?,
            }
        };
        // What it did not understand, it may have understood in part.
        self.is_midway = status.condition == Condition::Bad;
        Ok(status)
    }

    /// From here to [`Session::free`] nothing else may be asked.
    pub(super) fn begin(&mut self) -> Result<(), ConnectError> {
        if std::mem::replace(&mut self.is_midway, true) {
            return Err(ConnectError::new(Kind::Closed, "a command before this one was broken off"));
        }
        Ok(())
    }

    pub(super) fn free(&mut self) {
        self.is_midway = false;
    }

    pub(super) fn next_tag(&mut self) -> String {
        self.tags = self.tags.wrapping_add(1);
        format!("p{}", self.tags)
    }

    pub(super) async fn send(&mut self, bytes: &[u8]) -> Result<(), ConnectError> {
        self.news_bytes = 0;
        self.wire.ask(bytes).await
    }

    /// Only a command that was given can end.
    pub(super) fn ended(&mut self, tag: &str, ended: &[u8], status: Status) -> Result<Status, ConnectError> {
        if ended == tag.as_bytes() {
            return Ok(status);
        }
        Err(ConnectError::protocol("the server ends a command that was not given"))
    }

    /// The next thing that a command has to do with.
    pub(super) async fn next(&mut self, ear: &mut impl Ear) -> Result<Heard, ConnectError> {
        loop {
            if let Some(heard) = self.next_here(ear).await? {
                return Ok(heard);
            }
            self.wire.fill().await?;
        }
    }

    /// The same of what has come already; `None` when that is read.
    pub(super) async fn next_here(&mut self, ear: &mut impl Ear) -> Result<Option<Heard>, ConnectError> {
        let mut input = self.wire.input();
        let before = input.len();
        let event = self.answers.next(&mut input)?;
        let used = before - input.len();
        let mut news = u64::try_from(used).unwrap_or_default();
        let mut for_ear = None;
        let heard = match event {
            None => None,
            Some(Event::Body(size)) => {
                ear.body(size).await?;
                Some(Heard::Nothing)
            }
            Some(Event::Piece(bytes)) => {
                news = news.saturating_sub(u64::try_from(bytes.len()).unwrap_or_default());
                ear.piece(bytes).await?;
                Some(Heard::Nothing)
            }
            Some(Event::Answer(answer)) => {
                self.notice(&answer)?;
                Some(match answer {
                    Answer::Tagged(tag, status) => Heard::End(tag, status),
                    Answer::Go(challenge) => Heard::Go(challenge),
                    answer => {
                        for_ear = Some(answer);
                        Heard::Nothing
                    }
                })
            }
        };
        self.wire.consume(used);
        self.news_bytes += news;
        if self.news_bytes > limits::IMAP_ANSWER_BYTES_MAX {
            return Err(ConnectError::new(Kind::Limit, "the server sends more than was asked for"));
        }
        if let Some(answer) = for_ear {
            ear.hear(answer).await?;
        }
        Ok(heard)
    }

    /// What concerns the session, whatever is asked.
    fn notice(&mut self, answer: &Answer) -> Result<(), ConnectError> {
        match answer {
            Answer::Status(status) if status.condition == Condition::Bye => {
                return Err(ConnectError::said(Kind::Closed, &status.text));
            }
            Answer::Tagged(_, status) => self.learn(status),
            Answer::Status(status) => {
                self.learn(status);
                let validity = status.number("UIDVALIDITY");
                let is_other =
                    |folder: OpenFolder| validity.is_some_and(|v| v != u64::from(folder.uidvalidity));
                if self.folder.is_some_and(is_other) {
                    let words = "the folder was made anew while it was open";
                    return Err(ConnectError::new(Kind::Closed, words));
                }
            }
            Answer::Exists(count) => self.count(|_| *count),
            Answer::Expunge(_) => self.count(|exists| exists.saturating_sub(1)),
            Answer::Data("CAPABILITY", words) => {
                self.can = Capabilities::read(words.iter().filter_map(Word::text), self.is_switched);
            }
            _ => {}
        }
        Ok(())
    }

    fn learn(&mut self, status: &Status) {
        if let Some((_, words)) = status.code.as_ref().filter(|(code, _)| code == "CAPABILITY") {
            let names = words.as_bytes().split(|byte| *byte == b' ');
            self.can = Capabilities::read(names, self.is_switched);
        }
    }

    /// Has IMAP4rev2 spoken, where the server has it.
    pub(super) async fn switch(&mut self) -> Result<(), ConnectError> {
        if !self.can.has("IMAP4REV2") {
            return Ok(());
        }
        let mut is_enabled = false;
        let mut ear = |answer: Answer| {
            if let Answer::Data("ENABLED", words) = answer {
                is_enabled |= words.iter().any(|word| word.is("IMAP4rev2"));
            }
            Ok(())
        };
        let status = self.status_of("ENABLE IMAP4rev2", &mut ear).await?;
        // Where it is not taken all stays as it was.
        self.free();
        if is_enabled && status.condition == Condition::Ok {
            self.is_switched = true;
            self.can = std::mem::take(&mut self.can).of_rev2();
        }
        Ok(())
    }

    /// How names of folders are written.
    pub(super) fn coding(&self) -> Coding {
        if self.can.speaks_rev2() { Coding::Utf8 } else { Coding::Utf7 }
    }

    fn count(&mut self, change: impl FnOnce(u32) -> u32) {
        if let Some(folder) = &mut self.folder {
            folder.exists = change(folder.exists);
        }
    }
}

/// Rounds of one command that goes on at `+`: SCRAM takes three.
const ROUNDS_MAX: usize = 8;

/// What [`Session::next`] came upon.
pub(super) enum Heard {
    /// It was for the ear.
    Nothing,
    Go(Vec<u8>),
    End(Vec<u8>, Status),
}

/// What NO and BAD mean (RFC 5530, RFC 9208).
pub(super) fn refusal(status: &Status) -> ConnectError {
    let kind = match status.code.as_ref().map(|(code, _)| code.as_str()) {
        _ if status.condition == Condition::Bad => Kind::Protocol,
        Some("OVERQUOTA") => Kind::Quota,
        Some("NOPERM" | "AUTHORIZATIONFAILED" | "EXPIRED" | "PRIVACYREQUIRED" | "CONTACTADMIN") => {
            Kind::NoPermission
        }
        Some("TRYCREATE" | "NONEXISTENT") => Kind::NoFolder,
        Some("AUTHENTICATIONFAILED") => Kind::Refused,
        _ => Kind::Declined,
    };
    ConnectError::said(kind, &status.text)
}

/// Pieces that a server asks for one by one: the literals of a command, each with what stands behind it.
pub(super) struct Pieces(pub(super) VecDeque<Vec<u8>>);

impl Ear for Pieces {
    fn hear(&mut self, _: Answer) -> impl Future<Output = Result<(), ConnectError>> + Send {
        std::future::ready(Ok(()))
    }

    fn go_on(&mut self, _: &[u8]) -> Result<Vec<u8>, ConnectError> {
        self.0.pop_front().ok_or_else(|| ConnectError::protocol("the server asks for more than there is"))
    }
}
