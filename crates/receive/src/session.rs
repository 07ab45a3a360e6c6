//! One conversation of SMTP (RFC 5321) or LMTP (RFC 2033): bytes in, replies and events out.
//!
//! What passes through: chunks from the wire, split anywhere; the session keeps the order of commands,
//! asks the intake about recipients and gathers the message.
//!
//! *Invariant:* no sockets and no waiting, so the same bytes give the same conversation however they
//! are split. Nothing is taken in while an [`Event`] is open.

use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;

use model::limits;

use crate::auth::{Binding, Exchange};
use crate::command::{Command, Hello, Mistake, Parameters, xclient};
use crate::in_flight::Claim;
use crate::intake::{Answer, Arrived, Intake, Peer, Protocol, Refusal, Welcome};
use crate::listener::places::Place;
use crate::listener::{DoorProtocol, DoorSettings};
use crate::rates::Deed;
use crate::replies::Reply;
use crate::{measure, replies};
pub(crate) use announce::{NOBODY, of_announced};
use gather::{Awaited, Gathering};

mod announce;
mod gather;
mod sign_in;

/// What the session cannot do itself.
#[derive(Debug)]
pub(crate) enum Event<R> {
    /// A message is whole: hand it to the intake, then call [`Session::answered`].
    Message(Arrived<R>),
    /// Send the replies, start TLS, then call [`Session::secured`] (RFC 3207).
    StartTls,
    /// Send the replies and close.
    Close,
}

/// The state of one conversation.
#[derive(Debug)]
pub(crate) struct Session<I: Intake> {
    settings: Arc<DoorSettings>,
    intake: Arc<I>,
    peer: Peer,
    /// Held for the peer as long as the conversation lasts.
    place: Place,
    /// What the peer called itself to the relay that speaks for it.
    announced_helo: Option<String>,
    /// What binds AUTH to this connection.
    binding: Option<Binding>,
    /// Whether the door does not trust the peer; see [`DoorSettings::trusts`].
    stranger: bool,
    greeted: bool,
    phase: Phase,
    transaction: Option<Transaction<I::Recipient>>,
    /// The beginning of a command line whose end has not come yet.
    line: Vec<u8>,
    /// The line is too long and thrown away up to its end.
    line_too_long: bool,
    replies: Vec<u8>,
    errors: usize,
    /// What a stranger was challenged for and has not proven yet.
    owed: Option<sign_in::Owed>,
    /// Failed attempts of AUTH.
    failures: usize,
    /// Whether a recipient was accepted.
    found_a_recipient: bool,
    /// Recipients refused to a stranger for good.
    refused: usize,
    /// Commands since the last message, or since the beginning.
    commands: usize,
    messages: usize,
}

#[derive(Debug)]
enum Phase {
    Commands,
    /// Up to the final dot.
    Data,
    /// Bytes of a chunk.
    Chunk(Awaited),
    /// Responses of AUTH.
    Auth(Box<Exchange>),
    /// A message is with the intake; the claims are held until its answer.
    Answering {
        recipients: usize,
        _claims: (Claim, Option<Claim>),
    },
    Closed,
}

/// From MAIL to the end of the message.
#[derive(Debug)]
struct Transaction<R> {
    mail_from: Option<String>,
    parameters: Parameters,
    recipients: Vec<(String, R)>,
    /// The message, from its first byte on.
    gathering: Option<Gathering>,
}

impl<I: Intake> Session<I> {
    /// A new session with its greeting ready to be sent.
    pub(crate) fn new(settings: Arc<DoorSettings>, intake: Arc<I>, address: IpAddr, place: Place) -> Self {
        let protocol = match settings.protocol {
            DoorProtocol::Smtp => Protocol::Smtp,
            DoorProtocol::Lmtp => Protocol::Lmtp,
        };
        let address = address.to_canonical();
        let peer = Peer { address, helo: String::new(), tls: false, protocol, credential: None };
        let stranger = !settings.trusts(address);
        let greeting = replies::greeting(&settings.hostname, &settings.banner);
        let mut session = Session {
            settings,
            intake,
            peer,
            place,
            announced_helo: None,
            binding: None,
            stranger,
            greeted: false,
            phase: Phase::Commands,
            transaction: None,
            line: Vec::new(),
            line_too_long: false,
            replies: Vec::new(),
            errors: 0,
            owed: None,
            failures: 0,
            found_a_recipient: false,
            refused: 0,
            commands: 0,
            messages: 0,
        };
        session.say(&greeting);
        session
    }

    /// Takes bytes off the front of `input`, up to the next event or its end.
    pub(crate) fn read(&mut self, input: &mut &[u8]) -> Option<Event<I::Recipient>> {
        while !input.is_empty() {
            let event = match &mut self.phase {
                Phase::Commands | Phase::Auth(_) => self.read_line(input),
                Phase::Data => self.read_data(input),
                Phase::Chunk(_) => self.read_chunk(input),
                Phase::Answering { .. } | Phase::Closed => return None,
            };
            if event.is_some() {
                return event;
            }
        }
        None
    }

    /// Replies to the message of the last [`Event::Message`]. LMTP: one reply per recipient (RFC 2033 §4.2).
    pub(crate) fn answered(&mut self, mut answers: Vec<Answer>) {
        let Phase::Answering { recipients, .. } = std::mem::replace(&mut self.phase, Phase::Commands) else {
            return;
        };
        answers.resize_with(recipients, replies::unanswered);
        if self.settings.protocol == DoorProtocol::Smtp {
            answers = vec![replies::answer_for_all(&answers)];
        }
        for answer in &answers {
            measure::message(label(answer));
            self.say(&replies::answer(answer));
        }
    }

    /// TLS is in use: everything said before is forgotten (RFC 3207 §4.2). `binding` is what only this TLS
    /// connection has.
    pub(crate) fn secured(&mut self, binding: Option<Binding>) {
        self.peer.tls = true;
        self.binding = binding;
        self.start_over();
    }

    /// The peer has to greet again, and is proven to be nobody.
    fn start_over(&mut self) {
        self.peer.helo.clear();
        self.peer.credential = None;
        self.greeted = false;
        self.transaction = None;
    }

    /// Says why the session ends without the peer's wish.
    pub(crate) fn end(&mut self, why: &Reply) {
        self.say(why);
        self.phase = Phase::Closed;
    }

    /// Whom messages are handed to.
    pub(crate) fn intake(&self) -> &Arc<I> {
        &self.intake
    }

    /// The folder for large messages.
    pub(crate) fn large_folder(&self) -> Option<&Path> {
        self.settings.large.as_ref().map(|large| large.folder.as_path())
    }

    /// The replies to be sent; the caller clears what it has sent.
    pub(crate) fn replies(&mut self) -> &mut Vec<u8> {
        &mut self.replies
    }

    /// Whether message data is awaited.
    pub(crate) fn is_in_data(&self) -> bool {
        matches!(self.phase, Phase::Data | Phase::Chunk(_))
    }

    /// Whether a message has begun and not ended, also between two chunks of it.
    pub(crate) fn is_gathering(&self) -> bool {
        self.transaction.as_ref().is_some_and(|transaction| transaction.gathering.is_some())
    }

    /// Whether no transaction is open, so that closing now loses no work.
    pub(crate) fn is_idle(&self) -> bool {
        matches!(self.phase, Phase::Commands | Phase::Auth(_)) && self.transaction.is_none()
    }

    /// Whether the door does not trust the peer, and nothing is proven about it.
    pub(crate) fn is_stranger(&self) -> bool {
        self.stranger && self.peer.credential.is_none()
    }

    /// Whether the peer has named a recipient that it may write to.
    pub(crate) fn has_found_a_recipient(&self) -> bool {
        self.found_a_recipient
    }

    /// Messages handed to the intake so far.
    pub(crate) fn messages(&self) -> usize {
        self.messages
    }

    fn read_line(&mut self, input: &mut &[u8]) -> Option<Event<I::Recipient>> {
        let end = input.iter().position(|byte| *byte == b'\n').map(|at| at + 1);
        let (piece, rest) = input.split_at_checked(end.unwrap_or(input.len()))?;
        *input = rest;
        if self.line.len() + piece.len() > limits::COMMAND_BYTES_MAX {
            self.line_too_long = true;
        }
        if end.is_none() {
            if !self.line_too_long {
                self.line.extend_from_slice(piece);
            }
            return None;
        }
        if std::mem::take(&mut self.line_too_long) {
            self.line.clear();
            return self.refuse_line();
        }
        let event = if self.line.is_empty() {
            self.heed(piece)
        } else {
            let mut line = std::mem::take(&mut self.line);
            line.extend_from_slice(piece);
            let event = self.heed(&line);
            line.clear();
            self.line = line;
            event
        };
        if matches!(event, Some(Event::StartTls)) {
            // RFC 3207 §4.2, and CVE-2011-0411: what came in the clear behind STARTTLS was never said.
            *input = &[];
        }
        event
    }

    fn heed(&mut self, line: &[u8]) -> Option<Event<I::Recipient>> {
        match self.phase {
            Phase::Auth(_) => self.auth_line(line),
            _ => self.obey(Command::parse(line)),
        }
    }

    fn refuse_line(&mut self) -> Option<Event<I::Recipient>> {
        match std::mem::replace(&mut self.phase, Phase::Commands) {
            Phase::Auth(_) => self.complain(&replies::RESPONSE_TOO_LONG),
            _ => self.complain(&replies::LINE_TOO_LONG),
        }
    }

    fn obey(&mut self, command: Result<Command<'_>, Mistake>) -> Option<Event<I::Recipient>> {
        self.commands += 1;
        if self.commands > limits::COMMANDS_PER_MESSAGE_MAX {
            return self.close(&replies::TOO_MANY_COMMANDS);
        }
        match command {
            // Nobody knows where the next command begins.
            Err(mistake @ (Mistake::ChunkSize | Mistake::ProxyHeader)) => {
                self.close(&replies::mistake(mistake))
            }
            Err(mistake) => self.complain(&replies::mistake(mistake)),
            Ok(Command::Hello(hello, name)) => self.hello(hello, name),
            Ok(Command::Mail(from, parameters)) => self.mail(from, parameters),
            Ok(Command::Rcpt(to)) => self.rcpt(to),
            Ok(Command::Data) => self.data(),
            Ok(Command::Bdat(chunk)) => self.bdat(chunk),
            Ok(Command::Auth(mechanism, first)) => self.auth(mechanism, first),
            Ok(Command::Xclient(said)) => self.xclient(said),
            Ok(Command::StartTls) => self.start_tls(),
            Ok(Command::Rset) => {
                self.transaction = None;
                self.accept(&replies::OK)
            }
            Ok(Command::Noop) => self.accept(&replies::OK),
            Ok(Command::Vrfy) => self.accept(&replies::CANNOT_VERIFY),
            Ok(Command::Help) => self.accept(&replies::HELP),
            Ok(Command::Quit) => self.close(&replies::BYE),
        }
    }

    fn hello(&mut self, hello: Hello, name: &str) -> Option<Event<I::Recipient>> {
        let protocol = match (self.settings.protocol, hello) {
            (DoorProtocol::Smtp, Hello::Helo) => Protocol::Smtp,
            (DoorProtocol::Smtp, Hello::Ehlo) => Protocol::Esmtp,
            (DoorProtocol::Lmtp, Hello::Lhlo) => Protocol::Lmtp,
            // RFC 2033 §4.1: an LMTP server must refuse HELO and EHLO.
            _ => return self.complain(&replies::WRONG_GREETING),
        };
        self.transaction = None;
        self.greeted = true;
        self.peer.protocol = protocol;
        self.announced_helo.as_deref().unwrap_or(name).clone_into(&mut self.peer.helo);
        if protocol == Protocol::Smtp {
            return self.accept(&replies::helo(&self.settings.hostname));
        }
        let keywords = self.keywords();
        replies::extensions(&self.settings.hostname, &keywords, &mut self.replies);
        None
    }

    /// The extensions that are there now, for this peer.
    fn keywords(&self) -> Vec<String> {
        let mut keywords = vec!["PIPELINING".to_owned()];
        keywords.push(format!("SIZE {}", self.settings.message_bytes_max));
        // Without BINARYMIME, which the rooms behind the door do not promise to read.
        keywords.extend(["8BITMIME", "ENHANCEDSTATUSCODES", "CHUNKING"].map(str::to_owned));
        if self.offers_tls() {
            keywords.push("STARTTLS".to_owned());
        }
        keywords.extend(self.offered_mechanisms().map(|mechanisms| format!("AUTH {mechanisms}")));
        if self.may_announce() {
            keywords.push(format!("XCLIENT {}", xclient::ATTRIBUTES));
        }
        keywords.push("SMTPUTF8".to_owned());
        keywords
    }

    fn mail(&mut self, from: Option<&str>, parameters: Parameters) -> Option<Event<I::Recipient>> {
        if !self.greeted {
            return self.complain(&replies::HELLO_FIRST);
        }
        if self.transaction.is_some() {
            return self.complain(&replies::MAIL_ALREADY);
        }
        if self.messages >= limits::SESSION_MESSAGES_MAX {
            return self.close(&replies::SESSION_FULL);
        }
        if needs_smtputf8(from.unwrap_or_default(), parameters) {
            return self.complain(&replies::NEEDS_SMTPUTF8);
        }
        if parameters.size_bytes.is_some_and(|size| size > self.settings.message_bytes_max) {
            measure::message("too_large");
            return self.accept(&replies::TOO_LARGE);
        }
        if self.is_nobody() {
            return self.accept(&replies::NOBODYS_MAIL);
        }
        if !self.may(Deed::SendsMessage) {
            return self.accept(&replies::TOO_MUCH_MAIL);
        }
        let mail_from = from.map(str::to_owned);
        self.transaction =
            Some(Transaction { mail_from, parameters, recipients: Vec::new(), gathering: None });
        self.accept(&replies::SENDER_OK)
    }

    fn rcpt(&mut self, to: &str) -> Option<Event<I::Recipient>> {
        let is_allowed = self.transaction.is_none() || self.may(Deed::NamesRecipient);
        let Some(transaction) = &mut self.transaction else {
            return self.complain(&replies::MAIL_FIRST);
        };
        if transaction.gathering.is_some() {
            return self.complain(&replies::CHUNKS_ALREADY);
        }
        if needs_smtputf8(to, transaction.parameters) {
            return self.complain(&replies::NEEDS_SMTPUTF8);
        }
        if transaction.recipients.len() >= limits::RECIPIENTS_MAX {
            return self.accept(&replies::TOO_MANY_RECIPIENTS);
        }
        if !is_allowed {
            return self.accept(&replies::TOO_MANY_NAMED);
        }
        match self.intake.welcome(&self.peer, transaction.mail_from.as_deref(), to) {
            Welcome::Yes(recipient) => {
                transaction.recipients.push((to.to_owned(), recipient));
                self.found_a_recipient = true;
                self.accept(&replies::RECIPIENT_OK)
            }
            // No protocol error: a peer that redirects to many is not at fault for one.
            Welcome::No(refusal) if !self.stranger => self.accept(&replies::refusal(refusal)),
            Welcome::No(refusal) => self.refuse_stranger(refusal),
        }
    }

    /// Refuses a recipient; too many end the session, for the peer may be trying out addresses. A peer with
    /// a long list comes again with what is left of it.
    fn refuse_stranger(&mut self, refusal: Refusal) -> Option<Event<I::Recipient>> {
        self.say(&replies::refusal_to_stranger(refusal));
        if refusal.is_temporary() {
            return None;
        }
        self.refused += 1;
        if self.refused < limits::STRANGER_REFUSED_MAX {
            return None;
        }
        self.close(&replies::TOO_MANY_REFUSED)
    }

    /// Whether the peer has not yet done this as often as a stranger may in a minute. Counts it.
    fn may(&self, deed: Deed) -> bool {
        let rates = &self.settings.rates;
        !self.is_stranger() || rates.allows(self.peer.address, deed, (self.settings.clock)())
    }

    fn start_tls(&mut self) -> Option<Event<I::Recipient>> {
        if self.peer.tls {
            return self.complain(&replies::TLS_ALREADY);
        }
        if !self.offers_tls() {
            return self.complain(&replies::TLS_NOT_OFFERED);
        }
        self.say(&replies::READY_FOR_TLS);
        Some(Event::StartTls)
    }

    fn offers_tls(&self) -> bool {
        self.settings.tls.is_some() && !self.peer.tls
    }

    fn accept(&mut self, reply: &Reply) -> Option<Event<I::Recipient>> {
        self.say(reply);
        None
    }

    /// Answers a protocol error; too many end the session.
    fn complain(&mut self, reply: &Reply) -> Option<Event<I::Recipient>> {
        self.say(reply);
        self.errors += 1;
        if self.errors < limits::SESSION_ERRORS_MAX {
            return None;
        }
        self.close(&replies::TOO_MANY_ERRORS)
    }

    fn close(&mut self, reply: &Reply) -> Option<Event<I::Recipient>> {
        self.end(reply);
        Some(Event::Close)
    }

    fn say(&mut self, reply: &Reply) {
        reply.write(&mut self.replies);
    }
}

/// RFC 6531 §3.5: such an address may come only in a transaction declared so.
fn needs_smtputf8(address: &str, parameters: Parameters) -> bool {
    !address.is_ascii() && !parameters.smtputf8
}

fn label(answer: &Answer) -> &'static str {
    match answer {
        Answer::Accepted(_) => "accepted",
        Answer::TryAgain(_) => "try_again",
        Answer::Refused { .. } => "refused",
    }
}

#[cfg(test)]
mod tests;
