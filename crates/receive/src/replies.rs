//! Every reply the door gives, phrased in one place (RFC 5321 §4.2, enhanced codes RFC 2034, RFC 3463).
//!
//! What passes through: outcomes of the session; lines for the wire come out.
//!
//! *Invariant:* no reply tells about the inside, and none carries a line end of a foreign text.

use std::borrow::Cow;

use crate::command::Mistake;
use crate::intake::{Answer, Refusal};

/// One reply of one line. Without an enhanced code only where RFC 2034 §4 wants none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Reply {
    code: u16,
    enhanced: &'static str,
    text: Cow<'static, str>,
}

const fn reply(code: u16, enhanced: &'static str, text: &'static str) -> Reply {
    Reply { code, enhanced, text: Cow::Borrowed(text) }
}

pub(crate) const BYE: Reply = reply(221, "2.0.0", "Goodbye");
pub(crate) const READY_FOR_TLS: Reply = reply(220, "2.0.0", "Ready to start TLS");
pub(crate) const HELP: Reply = reply(214, "2.0.0", "See RFC 5321 and RFC 2033");
pub(crate) const AUTH_OK: Reply = reply(235, "2.7.0", "Proven");
pub(crate) const OK: Reply = reply(250, "2.0.0", "OK");
pub(crate) const SENDER_OK: Reply = reply(250, "2.1.0", "Sender OK");
pub(crate) const RECIPIENT_OK: Reply = reply(250, "2.1.5", "Recipient OK");
pub(crate) const CHUNK_OK: Reply = reply(250, "2.0.0", "Chunk OK");
pub(crate) const CANNOT_VERIFY: Reply = reply(252, "2.5.0", "Will not verify, try to deliver");
pub(crate) const GO_AHEAD: Reply = reply(354, "", "End with a dot on a line of its own");

pub(crate) const STOPPING: Reply = reply(421, "4.3.2", "Closing for a moment, try again");
pub(crate) const TOO_MANY_CONNECTIONS: Reply = reply(421, "4.3.2", "Too many connections, try again later");
pub(crate) const SESSION_FULL: Reply = reply(421, "4.3.2", "Enough for one session, connect again");
pub(crate) const TIMED_OUT: Reply = reply(421, "4.4.2", "Waited too long");
pub(crate) const TOO_MANY_ERRORS: Reply = reply(421, "4.7.0", "Too many errors");
pub(crate) const TOO_MANY_OF_ONE: Reply = reply(421, "4.7.0", "Too many connections from your address");
pub(crate) const TOO_OFTEN: Reply =
    reply(421, "4.7.0", "Too many connections from your address, wait a minute");
pub(crate) const TOO_MANY_FAILURES: Reply = reply(421, "4.7.0", "Too many failed attempts, wait a minute");
pub(crate) const TOO_LONG: Reply = reply(421, "4.7.0", "Too long without a recipient");
pub(crate) const TOO_MANY_REFUSED: Reply = reply(421, "4.7.0", "Too many recipients refused");
pub(crate) const TOO_MANY_COMMANDS: Reply = reply(421, "4.7.0", "Too many commands without a message");
pub(crate) const TOO_MUCH_MAIL: Reply = reply(450, "4.7.1", "Too much mail from your address, wait a minute");
pub(crate) const TOO_MANY_NAMED: Reply =
    reply(450, "4.7.1", "Too many recipients from your address, wait a minute");
pub(crate) const AUTH_LATER: Reply = reply(454, "4.7.0", "Cannot tell now, try again later");
pub(crate) const NO_ROOM: Reply = reply(452, "4.3.1", "Too much mail under way, try again later");
pub(crate) const TOO_MANY_RECIPIENTS: Reply = reply(452, "4.5.3", "Too many recipients");

pub(crate) const RESPONSE_TOO_LONG: Reply = reply(500, "5.5.6", "Response too long");
pub(crate) const LINE_TOO_LONG: Reply = reply(500, "5.5.2", "Line too long");
pub(crate) const WRONG_GREETING: Reply = reply(500, "5.5.1", "Not the greeting of this protocol");
pub(crate) const AUTH_CANCELED: Reply = reply(501, "5.7.0", "Canceled");
pub(crate) const AUTH_MALFORMED: Reply = reply(501, "5.5.2", "Cannot read the response");
pub(crate) const AUTH_NOT_OFFERED: Reply = reply(502, "5.5.1", "AUTH is not available");
pub(crate) const TLS_NOT_OFFERED: Reply = reply(502, "5.5.1", "TLS is not available");
pub(crate) const TLS_ALREADY: Reply = reply(503, "5.5.1", "TLS is already in use");
pub(crate) const AUTH_ALREADY: Reply = reply(503, "5.5.1", "Proven already");
pub(crate) const HELLO_FIRST: Reply = reply(503, "5.5.1", "Greet first");
pub(crate) const MAIL_FIRST: Reply = reply(503, "5.5.1", "MAIL first");
pub(crate) const MAIL_ALREADY: Reply = reply(503, "5.5.1", "A transaction is open already");
pub(crate) const NO_RECIPIENTS: Reply = reply(503, "5.5.1", "No valid recipients");
pub(crate) const CHUNKS_ALREADY: Reply = reply(503, "5.5.1", "The message has begun with BDAT");
pub(crate) const UNKNOWN_MECHANISM: Reply = reply(504, "5.5.4", "Mechanism not available");
pub(crate) const AUTH_FAILED: Reply = reply(535, "5.7.8", "Wrong name or secret");
pub(crate) const AUTH_NEEDS_TLS: Reply = reply(538, "5.7.11", "Only with TLS");
pub(crate) const MAY_NOT_ANNOUNCE: Reply = reply(550, "5.7.1", "Not allowed to speak for others");
pub(crate) const NO_PROXY_HEADER: Reply = reply(421, "4.7.0", "Expected a header of the PROXY protocol");
pub(crate) const NOBODYS_MAIL: Reply = reply(450, "4.7.1", "No mail on a connection that is nobody's");
pub(crate) const TOO_LARGE: Reply = reply(552, "5.3.4", "Message too large");
pub(crate) const NEEDS_SMTPUTF8: Reply = reply(553, "5.6.7", "This address needs SMTPUTF8");

impl Reply {
    /// Appends the line with its CRLF.
    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self.code.to_string().as_bytes());
        out.push(b' ');
        if !self.enhanced.is_empty() {
            out.extend_from_slice(self.enhanced.as_bytes());
            out.push(b' ');
        }
        out.extend_from_slice(self.text.as_bytes());
        out.extend_from_slice(b"\r\n");
    }
}

/// The first line of a session: 220, then the host name, then `banner`.
pub(crate) fn greeting(hostname: &str, banner: &str) -> Reply {
    Reply { code: 220, enhanced: "", text: Cow::Owned(one_line(&format!("{hostname} {banner}"))) }
}

/// A challenge of AUTH, encoded.
pub(crate) fn challenge(encoded: String) -> Reply {
    Reply { code: 334, enhanced: "", text: Cow::Owned(encoded) }
}

/// The answer to HELO.
pub(crate) fn helo(hostname: &str) -> Reply {
    Reply { code: 250, enhanced: "", text: Cow::Owned(one_line(hostname)) }
}

/// The answer to EHLO and LHLO: the host name, then one line for each extension.
pub(crate) fn extensions(hostname: &str, keywords: &[String], out: &mut Vec<u8>) {
    let lines = std::iter::once(hostname).chain(keywords.iter().map(String::as_str));
    let last = keywords.len();
    for (at, line) in lines.enumerate() {
        out.extend_from_slice(if at == last { b"250 " } else { b"250-" });
        out.extend_from_slice(line.as_bytes());
        out.extend_from_slice(b"\r\n");
    }
}

/// The answer to a line that could not be read.
pub(crate) fn mistake(mistake: Mistake) -> Reply {
    match mistake {
        Mistake::BareLineFeed => reply(500, "5.5.2", "Lines end with CR LF"),
        Mistake::NotText => reply(500, "5.5.2", "Control characters or not UTF-8"),
        Mistake::Unknown => reply(500, "5.5.1", "Unknown command"),
        Mistake::NotOffered => reply(502, "5.5.1", "Command not available"),
        Mistake::Arguments(usage) => {
            Reply { code: 501, enhanced: "5.5.4", text: Cow::Owned(format!("Expected: {usage}")) }
        }
        Mistake::ChunkSize => reply(501, "5.5.4", "Expected: BDAT size [LAST]"),
        Mistake::ProxyHeader => MAY_NOT_ANNOUNCE,
        Mistake::Sender => reply(501, "5.1.7", "Cannot read the sender address"),
        Mistake::Recipient => reply(501, "5.1.3", "Cannot read the recipient address"),
        Mistake::Parameter => reply(555, "5.5.4", "Parameter not available"),
        Mistake::ParameterValue => reply(501, "5.5.4", "Cannot read the parameter"),
    }
}

/// The answer to RCPT when the recipient is refused.
pub(crate) fn refusal(refusal: Refusal) -> Reply {
    match refusal {
        Refusal::Unknown => reply(550, "5.1.1", "No such recipient here"),
        Refusal::NotAllowedToWrite => reply(550, "5.7.1", "Not allowed to write to this recipient"),
        Refusal::TryLater => reply(451, "4.3.0", "Cannot tell now, try again later"),
    }
}

/// The same to a stranger, who does not learn which addresses exist: one answer for all that will not change.
pub(crate) fn refusal_to_stranger(refused: Refusal) -> Reply {
    match refused {
        Refusal::Unknown | Refusal::NotAllowedToWrite => {
            reply(550, "5.7.1", "No such recipient here, or none that you may write to")
        }
        Refusal::TryLater => refusal(refused),
    }
}

/// The answer to a message, for one recipient.
pub(crate) fn answer(answer: &Answer) -> Reply {
    let (code, enhanced, text) = match answer {
        Answer::Accepted(text) => (250, "2.0.0", text),
        Answer::TryAgain(text) => (451, "4.3.0", text),
        Answer::Refused { code: code @ 500..=599, enhanced, text } => (*code, *enhanced, text),
        Answer::Refused { text, .. } => (554, "5.0.0", text),
    };
    Reply { code, enhanced, text: Cow::Owned(one_line(text)) }
}

/// One answer for all recipients of an SMTP transaction: positive only when all are, for the peer
/// then forgets the message; a repeat is a duplicate where it already is. A lasting refusal is passed on
/// only when all refuse.
pub(crate) fn answer_for_all(answers: &[Answer]) -> Answer {
    let accepted = |answer: &&Answer| matches!(answer, Answer::Accepted(_));
    let refused = |answer: &&Answer| matches!(answer, Answer::Refused { .. });
    let (first, all) = (answers.first(), answers.len());
    match first {
        Some(first) if answers.iter().filter(accepted).count() == all => first.clone(),
        Some(first) if answers.iter().filter(refused).count() == all => first.clone(),
        _ => {
            let temporary = answers.iter().find(|answer| matches!(answer, Answer::TryAgain(_)));
            temporary.cloned().unwrap_or_else(unanswered)
        }
    }
}

/// Stands for an answer that was not given.
pub(crate) fn unanswered() -> Answer {
    Answer::TryAgain("Not kept for every recipient, try again later".to_owned())
}

/// The text without line ends and control characters, within the 512 bytes of RFC 5321 §4.5.3.1.5.
fn one_line(text: &str) -> String {
    const TEXT_CHARS_MAX: usize = 200;
    text.chars().take(TEXT_CHARS_MAX).map(|c| if c.is_ascii_graphic() { c } else { ' ' }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(reply: &Reply) -> String {
        let mut out = Vec::new();
        reply.write(&mut out);
        String::from_utf8(out).unwrap()
    }

    fn refused() -> Answer {
        Answer::Refused { code: 550, enhanced: "5.7.1", text: "Policy".to_owned() }
    }

    #[test]
    fn foreign_text_stays_on_its_line() {
        let said = answer(&Answer::Accepted("kept\r\n250 2.0.0 ä".to_owned()));
        assert_eq!(line(&said), "250 2.0.0 kept  250 2.0.0  \r\n");
        let odd = Answer::Refused { code: 250, enhanced: "2.0.0", text: "no".to_owned() };
        assert_eq!(line(&answer(&odd)), "554 5.0.0 no\r\n");
        assert_eq!(line(&greeting("sink.example", "Postroom\n")), "220 sink.example Postroom \r\n");
    }

    #[test]
    fn one_answer_for_all_is_positive_only_when_all_are() {
        let kept = |text: &str| Answer::Accepted(text.to_owned());
        let later = Answer::TryAgain("store".to_owned());
        assert_eq!(answer_for_all(&[kept("a"), kept("b")]), kept("a"));
        assert_eq!(answer_for_all(&[kept("a"), later.clone()]), later);
        assert_eq!(answer_for_all(&[refused(), later.clone()]), later);
        assert_eq!(answer_for_all(&[refused(), refused()]), refused());
        assert_eq!(answer_for_all(&[kept("a"), refused()]), unanswered());
        assert_eq!(answer_for_all(&[]), unanswered());
    }
}
