use std::fmt::Write as _;
use std::sync::{Mutex, PoisonError};

use model::{Id, Timestamp};
use proptest::prelude::*;

mod announced;
mod chunks;
mod proven;

use super::*;
use crate::auth::scram::Verifier;
use crate::in_flight::InFlight;
use crate::intake::{Credential, TryLater};
use crate::listener::places::Places;

const NAME: &str = "crm+relay@sink.example";
const SECRET: &str = "abcdefghijkmnpqrstuvwxyz23";

const BOUND: [u8; 32] = [9; 32];

/// Welcomes by the local part: `unknown`, `forbidden` and `later` are refused.
#[derive(Debug, Default)]
struct Script {
    asked: Mutex<Vec<String>>,
}

impl Intake for Script {
    type Recipient = usize;

    fn welcome(&self, peer: &Peer, mail_from: Option<&str>, recipient: &str) -> Welcome<usize> {
        let mut asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        asked.push(format!("{} {} {recipient}", peer.helo, mail_from.unwrap_or("null")));
        match recipient.split('@').next() {
            Some("unknown") => Welcome::No(Refusal::Unknown),
            Some("forbidden") => Welcome::No(Refusal::NotAllowedToWrite),
            Some("later") => Welcome::No(Refusal::TryLater),
            _ => Welcome::Yes(asked.len()),
        }
    }

    fn credential(&self, name: &str) -> Result<Option<Credential>, TryLater> {
        match name {
            "later@x" => Err(TryLater),
            NAME => Ok(Some(Credential { id: Id([7; 16]), verifier: Verifier::of(NAME, SECRET) })),
            _ => Ok(None),
        }
    }

    async fn take(&self, message: Arrived<usize>) -> Vec<Answer> {
        answers(&message)
    }
}

/// What the scripted house makes of a message: by local part too.
fn answers(message: &Arrived<usize>) -> Vec<Answer> {
    let one = |(address, _): &(String, usize)| match address.split('@').next() {
        Some("full") => Answer::TryAgain("full".to_owned()),
        Some("policy") => Answer::Refused { code: 550, enhanced: "5.7.1", text: "policy".to_owned() },
        _ => Answer::Accepted("kept".to_owned()),
    };
    message.recipients.iter().map(one).collect()
}

/// A conversation without sockets.
struct Talk {
    session: Session<Script>,
    messages: Vec<Arrived<usize>>,
    events: String,
}

impl Talk {
    fn with(change: impl FnOnce(&mut DoorSettings)) -> Self {
        let clock = Arc::new(|| Timestamp::from_seconds(1_795_448_359));
        let mut settings = DoorSettings::new("sink.example".to_owned(), DoorProtocol::Smtp, clock);
        settings.message_bytes_max = 1000;
        settings.trusted = vec!["192.0.2.0/24".parse().unwrap()];
        change(&mut settings);
        let address = "192.0.2.7".parse().unwrap();
        let settings = Arc::new(settings);
        let place = Places::new(Arc::clone(&settings)).take(address).unwrap();
        let session = Session::new(settings, Arc::default(), address, place);
        Talk { session, messages: Vec::new(), events: String::new() }
    }

    /// Greeted, with nothing left to hear.
    fn greeted() -> Self {
        let mut talk = Talk::with(|_| {});
        talk.say("EHLO mail.example\r\n");
        talk.heard();
        talk
    }

    /// Greeted, from outside the trusted networks.
    fn stranger() -> Self {
        let mut talk = Talk::with(|settings| settings.trusted.clear());
        talk.say("EHLO stranger.example\r\n");
        talk.heard();
        talk
    }

    fn lmtp() -> Self {
        let mut talk = Talk::with(|settings| settings.protocol = DoorProtocol::Lmtp);
        talk.say("LHLO mail.example\r\n");
        talk.heard();
        talk
    }

    /// Over TLS, with AUTH.
    fn secure() -> Self {
        Talk::secure_with(|_| {})
    }

    fn secure_with(change: impl FnOnce(&mut DoorSettings)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut talk = Talk::with(|settings| {
            settings.tls = Some(crate::tls::self_signed(folder.path(), "sink.example").unwrap());
            settings.nonces = Some(Arc::new(|| Some([5; 18])));
            change(settings);
        });
        talk.say("EHLO mail.example\r\nSTARTTLS\r\n");
        talk.say("EHLO mail.example\r\n");
        talk.heard();
        talk.events.clear();
        talk
    }

    fn say(&mut self, text: &str) -> &mut Self {
        self.feed(text.as_bytes())
    }

    fn feed(&mut self, mut input: &[u8]) -> &mut Self {
        while let Some(event) = self.session.read(&mut input) {
            match event {
                Event::Message(message) => {
                    let _ = writeln!(self.events, "message {}", message.raw.rest().escape_ascii());
                    self.session.answered(answers(&message));
                    self.messages.push(message);
                }
                Event::StartTls => {
                    self.events.push_str("tls\n");
                    self.session.secured(Some(BOUND));
                }
                Event::Close => {
                    self.events.push_str("close\n");
                    break;
                }
            }
        }
        self
    }

    fn heard(&mut self) -> String {
        String::from_utf8(std::mem::take(self.session.replies())).unwrap()
    }

    /// Says a line and compares the beginning of the one reply line.
    fn check(&mut self, line: &str, reply: &str) -> &mut Self {
        self.say(&format!("{line}\r\n"));
        let heard = self.heard();
        assert!(heard.starts_with(reply), "{line:?} was answered {heard:?}, not {reply:?}");
        assert_eq!(heard.lines().count(), 1, "{line:?} was answered {heard:?}");
        self
    }

    fn codes(&mut self) -> String {
        self.heard().lines().map(|line| line[..line.len().min(9)].trim_end().to_owned() + "\n").collect()
    }
}

#[test]
fn a_whole_conversation() {
    let mut talk = Talk::with(|_| {});
    assert_eq!(talk.heard(), "220 sink.example ESMTP Postroom\r\n");
    talk.say("EHLO mail.example\r\n");
    assert_eq!(
        talk.heard(),
        "250-sink.example\r\n250-PIPELINING\r\n250-SIZE 1000\r\n250-8BITMIME\r\n\
         250-ENHANCEDSTATUSCODES\r\n250-CHUNKING\r\n250 SMTPUTF8\r\n"
    );
    talk.check("MAIL FROM:<anna@customer.example> BODY=8BITMIME SIZE=20", "250 2.1.0 ");
    talk.check("RCPT TO:<sink+k3y@sink.example>", "250 2.1.5 ");
    talk.check("DATA", "354 ");
    talk.check("Subject: x\r\n\r\n..dot\r\n.", "250 2.0.0 kept");
    talk.check("QUIT", "221 2.0.0 ");
    assert_eq!(talk.events, "message Subject: x\\r\\n\\r\\n.dot\\r\\n\nclose\n");
    let message = &talk.messages[0];
    assert_eq!(message.mail_from.as_deref(), Some("anna@customer.example"));
    assert_eq!(message.recipients, [("sink+k3y@sink.example".to_owned(), 1)]);
    assert!(message.body_8bit && !message.smtputf8 && !message.bare_line_ends);
    assert!(message.trace_header.contains("from mail.example ([192.0.2.7])"));
    assert!(message.trace_header.contains("with ESMTP;"));
    assert_eq!(message.peer.protocol, Protocol::Esmtp);
}

#[test]
fn pipelined_commands_are_answered_in_order() {
    let mut talk = Talk::greeted();
    talk.say("MAIL FROM:<>\r\nRCPT TO:<unknown@x>\r\nRCPT TO:<a@x>\r\nDATA\r\n");
    assert_eq!(talk.codes(), "250 2.1.0\n550 5.1.1\n250 2.1.5\n354 End w\n");
    talk.say("hi\r\n.\r\nMAIL FROM:<b@y>\r\nRSET\r\nQUIT\r\nNOOP\r\n");
    assert_eq!(talk.codes(), "250 2.0.0\n250 2.1.0\n250 2.0.0\n221 2.0.0\n", "nothing after QUIT");
    assert_eq!(talk.messages[0].mail_from, None);
}

#[test]
fn commands_out_of_order_are_told_so() {
    let mut talk = Talk::with(|_| {});
    talk.heard();
    talk.check("MAIL FROM:<a@b>", "503 5.5.1 ");
    talk.check("HELO mail.example", "250 sink.example");
    talk.check("RCPT TO:<a@b>", "503 5.5.1 ").check("DATA", "503 5.5.1 ");
    talk.check("MAIL FROM:<a@b>", "250 2.1.0 ").check("MAIL FROM:<a@b>", "503 5.5.1 ");
    talk.check("DATA", "503 5.5.1 ");
    talk.check("RCPT TO:<a@b>", "250 2.1.5 ").check("RSET", "250 2.0.0 ").check("DATA", "503 5.5.1 ");
    talk.check("MAIL FROM:<a@b>", "250 2.1.0 ").check("HELO again.example", "250 ");
    talk.check("RCPT TO:<a@b>", "503 5.5.1 ");
}

#[test]
fn small_commands() {
    let mut talk = Talk::greeted();
    talk.check("NOOP hello", "250 2.0.0 ").check("VRFY anna", "252 2.5.0 ").check("HELP", "214 2.0.0 ");
    talk.check("EXPN all", "502 5.5.1 ").check("AUTH PLAIN AGEAYg==", "502 5.5.1 ");
    talk.check("FROBNICATE", "500 5.5.1 ").check("QUIT now", "501 5.5.4 ");
    talk.check("LHLO x", "500 5.5.1 ").check("EHLO", "501 5.5.4 ").check("STARTTLS", "502 5.5.1 ");
}

#[test]
fn arguments_that_cannot_be_taken() {
    let mut talk = Talk::greeted();
    talk.check("MAIL a@b", "501 5.5.4 ").check("MAIL FROM:<a@b> RET=HDRS", "555 5.5.4 ");
    talk.check("MAIL FROM:<a@b> SIZE=x", "501 5.5.4 ").check("MAIL FROM:<a@b> SIZE=1001", "552 5.3.4 ");
    talk.check("MAIL FROM:<ä@b>", "553 5.6.7 ").check("MAIL FROM:<a b@c>", "501 5.1.7 ");
    talk.check("MAIL FROM:<a@b>", "250 ")
        .check("RCPT TO:<ä@b>", "553 5.6.7 ")
        .check("RCPT TO:<>", "501 5.1.3 ");
    talk.check("RCPT TO:<a@b> NOTIFY=NEVER", "555 5.5.4 ");
    talk.check("RSET", "250 ").check("MAIL FROM:<ä@b> SMTPUTF8", "250 ").check("RCPT TO:<ö@b>", "250 ");
    talk.check("DATA", "354 ").check("x\r\n.", "250 ");
    assert!(talk.messages[0].smtputf8);
    assert!(talk.messages[0].trace_header.contains("with UTF8SMTP;"));
}

#[test]
fn recipients_are_refused_one_by_one() {
    let mut talk = Talk::greeted();
    talk.check("MAIL FROM:<a@b>", "250 ");
    talk.check("RCPT TO:<unknown@x>", "550 5.1.1 ").check("RCPT TO:<forbidden@x>", "550 5.7.1 ");
    talk.check("RCPT TO:<later@x>", "451 4.3.0 ").check("DATA", "503 5.5.1 ");
    let asked = talk.session.intake.asked.lock().unwrap().clone();
    assert_eq!(asked[0], "mail.example a@b unknown@x");
}

#[test]
fn a_stranger_does_not_learn_who_exists() {
    let mut talk = Talk::stranger();
    talk.say("MAIL FROM:<a@b>\r\nRCPT TO:<unknown@x>\r\nRCPT TO:<forbidden@x>\r\nRCPT TO:<later@x>\r\n");
    let heard = talk.heard();
    let replies: Vec<&str> = heard.lines().skip(1).collect();
    assert!(replies[0].starts_with("550 5.7.1 "), "{heard}");
    assert_eq!(replies[0], replies[1]);
    assert!(replies[2].starts_with("451 4.3.0 "), "{heard}");
    talk.check("RCPT TO:<a@x>", "250 2.1.5 ");
}

#[test]
fn trying_out_addresses_ends_a_strangers_session() {
    let mut talk = Talk::stranger();
    for number in 1..limits::STRANGER_REFUSED_MAX {
        // Neither an accepted recipient nor a new transaction starts the count over.
        talk.say("RSET\r\nMAIL FROM:<a@b>\r\nRCPT TO:<a@x>\r\nRCPT TO:<later@x>\r\n");
        assert!(talk.heard().ends_with("451 4.3.0 Cannot tell now, try again later\r\n"), "{number}");
        talk.check(if number % 2 == 0 { "RCPT TO:<unknown@x>" } else { "RCPT TO:<forbidden@x>" }, "550 ");
    }
    talk.say("RCPT TO:<unknown@x>\r\nRCPT TO:<a@x>\r\n");
    assert_eq!(talk.codes(), "550 5.7.1\n421 4.7.0\n");
    assert_eq!(talk.events, "close\n");
}

#[test]
fn too_many_recipients_wait_for_the_next_transaction() {
    let mut talk = Talk::greeted();
    talk.check("MAIL FROM:<a@b>", "250 ");
    for number in 0..limits::RECIPIENTS_MAX {
        talk.check(&format!("RCPT TO:<r{number}@x>"), "250 ");
    }
    talk.check("RCPT TO:<more@x>", "452 4.5.3 ").check("DATA", "354 ").check("x\r\n.", "250 ");
    assert_eq!(talk.messages[0].recipients.len(), limits::RECIPIENTS_MAX);
}

#[test]
fn smtp_answers_once_and_lmtp_for_each() {
    let envelope =
        "MAIL FROM:<a@b>\r\nRCPT TO:<one@x>\r\nRCPT TO:<full@x>\r\nRCPT TO:<policy@x>\r\nDATA\r\nx\r\n.\r\n";
    let mut talk = Talk::greeted();
    talk.say(envelope);
    assert!(talk.heard().ends_with("354 End with a dot on a line of its own\r\n451 4.3.0 full\r\n"));
    let mut talk = Talk::lmtp();
    talk.say(envelope);
    assert!(
        talk.heard().ends_with("line of its own\r\n250 2.0.0 kept\r\n451 4.3.0 full\r\n550 5.7.1 policy\r\n")
    );
    assert_eq!(talk.messages[0].peer.protocol, Protocol::Lmtp);
    talk.check("EHLO x", "500 5.5.1 ").check("HELO x", "500 5.5.1 ");
}

#[test]
fn missing_answers_mean_try_again() {
    let mut talk = Talk::lmtp();
    let mut input =
        b"MAIL FROM:<a@b>\r\nRCPT TO:<a@x>\r\nRCPT TO:<b@x>\r\nDATA\r\nx\r\n.\r\nQUIT\r\n".as_slice();
    assert!(matches!(talk.session.read(&mut input), Some(Event::Message(_))));
    assert!(talk.session.read(&mut input).is_none(), "nothing is read while the answer is open");
    assert_eq!(input, b"QUIT\r\n");
    talk.heard();
    talk.session.answered(vec![Answer::Accepted("kept".to_owned())]);
    assert_eq!(talk.codes(), "250 2.0.0\n451 4.3.0\n");
}

#[test]
fn a_message_too_large_is_drained_and_refused() {
    let large = format!(
        "MAIL FROM:<a@b>\r\nRCPT TO:<a@x>\r\nRCPT TO:<b@x>\r\nDATA\r\n{}.\r\n",
        "0123456\r\n".repeat(200)
    );
    let mut talk = Talk::greeted();
    talk.say(&large);
    assert!(talk.heard().ends_with("its own\r\n552 5.3.4 Message too large\r\n"));
    talk.check("MAIL FROM:<a@b>", "250 ");
    let mut talk = Talk::lmtp();
    talk.say(&large);
    assert_eq!(talk.heard().matches("552 5.3.4").count(), 2);
    assert!(talk.messages.is_empty());
    let just = format!("{}\r\n", "x".repeat(998));
    let mut talk = Talk::greeted();
    talk.say(&format!("MAIL FROM:<a@b>\r\nRCPT TO:<a@x>\r\nDATA\r\n{just}.\r\n"));
    assert_eq!(talk.messages[0].raw.rest().len(), 1000);
}

#[test]
fn without_room_a_message_is_drained_and_asked_for_again() {
    let room = InFlight::new(15);
    let mut talk = Talk::with(|settings| settings.in_flight = Arc::clone(&room));
    talk.say("EHLO x\r\nMAIL FROM:<a@b>\r\nRCPT TO:<a@x>\r\nDATA\r\n0123456789");
    assert_eq!(room.free_bytes(), 5);
    talk.say("0123456789");
    assert_eq!(room.free_bytes(), 15, "given back as soon as it is thrown away");
    talk.heard();
    talk.check("\r\n.", "452 4.3.1 ").check("MAIL FROM:<a@b>", "250 ").check("RCPT TO:<a@x>", "250 ");
    talk.check("DATA", "354 ").check("small\r\n.", "250 ");
    assert_eq!(room.free_bytes(), 15);
    talk.say("MAIL FROM:<a@b>\r\nRCPT TO:<a@x>\r\nDATA\r\n0123456789");
    drop(talk);
    assert_eq!(room.free_bytes(), 15, "given back by a session that broke off");
}

#[test]
fn long_lines_are_refused_and_the_session_goes_on() {
    let mut talk = Talk::greeted();
    talk.check(&format!("NOOP {}", "x".repeat(limits::COMMAND_BYTES_MAX)), "500 5.5.2 ")
        .check("NOOP", "250 ");
    for _ in 0..limits::COMMAND_BYTES_MAX {
        talk.say("xx");
    }
    talk.check("", "500 5.5.2 ").check("NOOP", "250 ");
    let line = "x".repeat(limits::LINE_BYTES_MAX + 1);
    let mut talk = Talk::with(|settings| settings.message_bytes_max = limits::MESSAGE_BYTES_MAX);
    talk.say(&format!("EHLO x\r\nMAIL FROM:<a@b>\r\nRCPT TO:<a@x>\r\nDATA\r\n{line}\r\n.\r\n"));
    assert_eq!(talk.messages[0].raw.rest().len(), line.len() + 2, "a long line of a message is kept");
}

#[test]
fn too_many_errors_end_the_session() {
    let mut talk = Talk::greeted();
    for _ in 1..limits::SESSION_ERRORS_MAX {
        talk.check("WHAT", "500 ");
    }
    talk.say("WHAT\r\nNOOP\r\n");
    assert_eq!(talk.codes(), "500 5.5.1\n421 4.7.0\n");
    assert_eq!(talk.events, "close\n");
}

#[test]
fn a_session_with_very_many_messages_is_asked_to_come_again() {
    let mut talk = Talk::greeted();
    talk.session.messages = limits::SESSION_MESSAGES_MAX;
    talk.check("MAIL FROM:<a@b>", "421 4.3.2 ");
    assert_eq!(talk.events, "close\n");
}

#[test]
fn chatting_on_without_a_message_ends_the_session() {
    let mut talk = Talk::greeted();
    talk.say("MAIL FROM:<a@b>\r\n");
    for _ in 2..limits::COMMANDS_PER_MESSAGE_MAX {
        talk.say("RCPT TO:<unknown@x>\r\n");
    }
    talk.heard();
    talk.check("NOOP", "421 4.7.0 ");
    assert_eq!(talk.events, "close\n");
    let mut talk = Talk::greeted();
    for _ in 0..limits::COMMANDS_PER_MESSAGE_MAX {
        talk.say("MAIL FROM:<a@b>\r\nRCPT TO:<a@x>\r\nDATA\r\nx\r\n.\r\n");
    }
    assert_eq!(talk.messages.len(), limits::COMMANDS_PER_MESSAGE_MAX, "messages start the count over");
}

#[test]
fn a_mapped_address_is_an_ipv4_address() {
    let clock = Arc::new(|| Timestamp::from_seconds(0));
    let settings = DoorSettings::new("sink.example".to_owned(), DoorProtocol::Lmtp, clock);
    let address = "::ffff:192.0.2.7".parse().unwrap();
    let settings = Arc::new(settings);
    let place = Places::new(Arc::clone(&settings)).take(address).unwrap();
    let session = Session::<Script>::new(settings, Arc::default(), address, place);
    assert_eq!(session.peer.address.to_string(), "192.0.2.7");
}

#[test]
fn tls_starts_over_and_forgets_what_was_said_in_the_clear() {
    let folder = tempfile::tempdir().unwrap();
    let config = crate::tls::self_signed(folder.path(), "sink.example").unwrap();
    let mut talk = Talk::with(|settings| settings.tls = Some(config));
    talk.say("EHLO x\r\n");
    assert!(talk.heard().contains("250-STARTTLS\r\n"));
    talk.check("STARTTLS x", "501 5.5.4 ").check("MAIL FROM:<a@b>", "250 ");
    talk.check("STARTTLS\r\nEHLO injected\r\nRCPT TO:<a@x>", "220 2.0.0 ");
    assert_eq!(talk.events, "tls\n");
    talk.check("MAIL FROM:<a@b>", "503 5.5.1 ").check("STARTTLS", "503 5.5.1 ");
    talk.say("EHLO y\r\n");
    assert!(!talk.heard().contains("STARTTLS"));
    talk.check("RCPT TO:<a@x>", "503 5.5.1 ").check("MAIL FROM:<a@b>", "250 ").check("RCPT TO:<a@x>", "250 ");
    talk.check("DATA", "354 ").check("x\r\n.", "250 ");
    assert!(talk.messages[0].peer.tls);
    assert!(talk.messages[0].trace_header.contains("from y ([192.0.2.7])"));
    assert!(talk.messages[0].trace_header.contains("with ESMTPS;"));
}

/// Each would be the end of a message for some server (the smuggling of December 2023).
#[test]
fn nothing_is_smuggled() {
    for end in
        ["\n.\n", "\n.\r\n", "\r.\r", "\r\n.\n", "\r\n.\r", "\r.\r\n", "\n.\r", "\r\n.\r\r\n", "\r\n\0.\r\n"]
    {
        let smuggled = "MAIL FROM:<evil@y>\r\nRCPT TO:<a@x>\r\nDATA\r\nevil\r\n.\r\n";
        let mut talk = Talk::greeted();
        talk.say(&format!("MAIL FROM:<a@b>\r\nRCPT TO:<a@x>\r\nDATA\r\ngood{end}{smuggled}"));
        assert_eq!(talk.messages.len(), 1, "{end:?}");
        assert!(
            talk.messages[0].raw.rest().starts_with(b"good")
                && talk.messages[0].raw.rest().ends_with(b"evil\r\n"),
            "{end:?}"
        );
        let marked = talk.messages[0].bare_line_ends;
        assert_eq!(marked, !end.contains('\0'), "{end:?}");
    }
    let mut talk = Talk::greeted();
    talk.say("NOOP\nMAIL FROM:<a@b>\r\n");
    assert_eq!(talk.codes(), "500 5.5.2\n250 2.1.0\n", "a lone LF ends no command well");
}

/// Lines of a conversation in any order, some of them spoiled.
fn wire() -> impl Strategy<Value = Vec<u8>> {
    let line = prop_oneof![
        3 => Just("EHLO x\r\n"),
        5 => Just("MAIL FROM:<a@b>\r\n"),
        5 => Just("RCPT TO:<a@x>\r\n"),
        1 => Just("RCPT TO:<full@x>\r\n"),
        5 => Just("DATA\r\n"),
        3 => Just("BDAT 5\r\n"),
        3 => Just("BDAT 0 LAST\r\n"),
        3 => Just("BDAT 7 LAST\r\n"),
        2 => Just("AUTH PLAIN\r\n"),
        1 => Just("AUTH SCRAM-SHA-256 biwsbj1hLHI9eA==\r\n"),
        1 => Just("XCLIENT ADDR=192.0.2.9 HELO=other.example\r\n"),
        1 => Just("PROXY TCP4 192.0.2.9 192.0.2.1 1 25\r\n"),
        5 => Just("\r\n.\r\n"),
        3 => Just("..text.\r\n"),
        1 => Just("RSET\r\n"),
        1 => Just("\n.\n"),
        1 => Just("QUIT"),
        1 => Just("\r"),
        1 => Just("\n"),
        1 => Just("."),
    ];
    let noise = prop::collection::vec(any::<u8>(), 0..20);
    let piece = prop_oneof![8 => line.prop_map(|line| line.as_bytes().to_vec()), 1 => noise];
    prop::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn chunk_borders_change_nothing(input in wire(), size in 1usize..40) {
        let talk = || Talk::secure_with(|settings| settings.announcers = settings.trusted.clone());
        let mut whole = talk();
        whole.feed(&input);
        let mut split = talk();
        for chunk in input.chunks(size) {
            if !split.events.ends_with("close\n") {
                split.feed(chunk);
            }
        }
        prop_assert_eq!(whole.heard(), split.heard());
        prop_assert_eq!(whole.events, split.events);
    }

    #[test]
    fn no_message_without_its_end(input in wire()) {
        let mut talk = Talk::greeted();
        talk.feed(&input);
        let dots = input.windows(5).filter(|five| five == b"\r\n.\r\n").count();
        let ends = dots + input.windows(4).filter(|four| four == b"LAST").count();
        prop_assert!(talk.messages.len() <= ends);
        let positive = talk.heard().matches("250 2.0.0 kept").count();
        prop_assert!(positive <= talk.messages.len());
    }

    #[test]
    fn random_bytes_do_no_harm(input in prop::collection::vec(any::<u8>(), 0..2000)) {
        let mut talk = Talk::greeted();
        talk.feed(&input);
        prop_assert!(talk.messages.is_empty());
    }
}
