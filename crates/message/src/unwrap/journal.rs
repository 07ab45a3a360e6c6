//! The envelope journals of Exchange: a report that says who sent a mail to whom, with the mail attached.
//!
//! What passes through: a report that its organisation's own journal wrote, into the mail and its envelope. Never
//! decides whether the report is to be believed.

use std::borrow::Cow;

use model::{EmailAddress, limits};

use super::inner;
use crate::addresses;
use crate::header::read_header;
use crate::message::Message;

/// A journal report, read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Journal<'x> {
    /// The mail, byte for byte.
    pub raw: Cow<'x, [u8]>,
    /// MAIL FROM; `None` for the null sender, and where it is no address of the Internet.
    pub sender: Option<EmailAddress>,
    /// Whether it was the null sender.
    pub is_null_sender: bool,
    /// RCPT TO, members of lists in place of the lists.
    pub recipients: Vec<EmailAddress>,
    /// Those of them who are blind recipients.
    pub blind: Vec<EmailAddress>,
}

/// Reads a journal report; `None` where the mail is none: without a sender and a recipient in its first text, or
/// with more or less than one mail attached.
pub fn journal<'x>(message: &Message<'x>) -> Option<Journal<'x>> {
    let mut attached = inner(message, false).into_iter();
    let (Some((_, raw)), None) = (attached.next(), attached.next()) else { return None };
    read_header(&raw).ok()?;
    let text = message.text();
    let mut journal =
        Journal { raw, sender: None, is_null_sender: false, recipients: Vec::new(), blind: Vec::new() };
    let mut has_sender = false;
    for line in text.lines() {
        let Some((name, value)) = line.split_once(':') else { continue };
        match name.trim().to_ascii_lowercase().as_str() {
            "sender" if !has_sender => {
                has_sender = true;
                journal.sender = first(value);
                // Exchange names some of its own by X.500 (`/O=…/CN=…`) or by a name alone.
                journal.is_null_sender = matches!(value.trim(), "" | "<>");
            }
            "to" | "cc" | "recipient" => journal.recipient(value),
            "bcc" => {
                let before = journal.recipients.len();
                journal.recipient(value);
                journal.blind.extend_from_slice(journal.recipients.get(before..).unwrap_or_default());
            }
            _ => {}
        }
    }
    (has_sender && !journal.recipients.is_empty()).then_some(journal)
}

impl Journal<'_> {
    /// `jane@x, Expanded: sales@x` and `jane@x, Forwarded: ben@x` name whom the server delivered to first.
    fn recipient(&mut self, value: &str) {
        let found = first(value.split([',', ';']).next().unwrap_or_default());
        let is_new =
            |address: &EmailAddress| !self.recipients.iter().any(|known| known.key() == address.key());
        if let Some(address) = found.filter(is_new)
            && self.recipients.len() < limits::PARTIES_MAX
        {
            self.recipients.push(address);
        }
    }
}

fn first(value: &str) -> Option<EmailAddress> {
    addresses::read(value.as_bytes()).into_iter().next().map(|mailbox| mailbox.address)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(text: &str, parts: &str) -> String {
        format!(
            "From: journal@x.test\nTo: crm@sink.x.test\nX-MS-Journal-Report:\nContent-Type: multipart/mixed; boundary=b\n\n\
             --b\nContent-Type: text/plain\n\n{text}\n{parts}--b--\n"
        )
    }

    const MAIL: &str = "--b\nContent-Type: message/rfc822\n\nFrom: z@y.test\nSubject: a\n\nhi\n";

    #[test]
    fn the_envelope_is_read() {
        let text = "Sender: z@y.test\nSubject: To: nobody@x.test\nMessage-Id: <1@y.test>\nTo: j@x.test\n\
                    To: b@x.test, Expanded: sales@x.test\nCc: k@x.test\nBcc: l@x.test\nRecipient: j@x.test\n";
        let raw = report(text, MAIL);
        let message = crate::read(raw.as_bytes()).unwrap();
        let journal = journal(&message).unwrap();
        let names =
            |list: &[EmailAddress]| list.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ");
        assert_eq!(journal.sender.unwrap().to_string(), "z@y.test");
        assert_eq!(names(&journal.recipients), "j@x.test b@x.test k@x.test l@x.test");
        assert_eq!(names(&journal.blind), "l@x.test");
        assert!(journal.raw.starts_with(b"From: z@y.test"));
    }

    #[test]
    fn a_sender_without_an_address_is_not_the_null_sender() {
        for (sender, is_null) in
            [("<>", true), ("", true), ("/O=CONTOSO/OU=X/CN=JANE", false), ("Jane", false)]
        {
            let raw = report(&format!("Sender: {sender}\nTo: j@x.test\n"), MAIL);
            let message = crate::read(raw.as_bytes()).unwrap();
            let journal = journal(&message).unwrap();
            assert_eq!((journal.sender, journal.is_null_sender), (None, is_null), "{sender}");
        }
    }

    #[test]
    fn what_only_looks_like_a_report_is_none() {
        let none = |text: &str, parts: &str| {
            let raw = report(text, parts);
            let message = crate::read(raw.as_bytes()).unwrap();
            assert_eq!(journal(&message), None, "{text} {parts}");
        };
        none("Hello: a", MAIL);
        none("Sender: z@y.test", MAIL);
        none("Recipient: j@x.test", MAIL);
        none("Sender: z@y.test\nTo: j@x.test", "");
        none("Sender: z@y.test\nTo: j@x.test", &MAIL.repeat(2));
    }
}
