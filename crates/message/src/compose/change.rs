//! Changing a mail that was written here, before it goes. What passes through: a whole mail and what is to be otherwise; all
//! other fields stay as they stand, byte by byte.

use model::MessageId;

use super::fields::words;
use super::parts::Body;
use super::{Attached, Letter};
use crate::attachments::Attachment;
use crate::message::{self, Message, Unreadable};

/// What is to be otherwise.
#[derive(Debug, Clone, Copy, Default)]
pub struct Change<'c> {
    /// Another subject.
    pub subject: Option<&'c str>,
    /// Fields that are added, by name; they take the place of others of their name.
    pub added: &'c [(String, String)],
    /// Another text. The mail has no HTML then, unless that is given too.
    pub text: Option<&'c str>,
    /// Another HTML; where no text is given beside it, that is made of it.
    pub html: Option<&'c str>,
}

/// The mail with that change. What is attached stays attached; HTML goes through the cleaner, as what is written here does.
///
/// # Errors
/// [`Unreadable`] where it is no mail, or has no Message-ID.
pub fn changed(raw: &[u8], change: &Change<'_>) -> Result<Vec<u8>, Unreadable> {
    let (start, section) = message::section(raw)?;
    let is_rewritten = change.text.is_some() || change.html.is_some();
    let mut out = Vec::with_capacity(raw.len() + 4 * 1024);
    for field in &section.fields {
        let is_content = field.name.get(..8).is_some_and(|name| name.eq_ignore_ascii_case("content-"));
        let is_replaced = change.added.iter().any(|(name, _)| field.is(name));
        if is_replaced || (is_rewritten && is_content) || (change.subject.is_some() && field.is("subject")) {
            continue;
        }
        for piece in [field.name.as_bytes(), b": ", field.value, b"\r\n"] {
            out.extend_from_slice(piece);
        }
    }
    if let Some(subject) = change.subject {
        words("Subject", subject, &mut out);
    }
    change.added.iter().for_each(|(name, value)| words(name, value, &mut out));
    if is_rewritten {
        rewrite(&message::read(raw)?, change, &mut out)?;
    } else {
        out.extend_from_slice(b"\r\n");
        out.extend_from_slice(raw.get(start + section.body_offset..).unwrap_or_default());
    }
    Ok(out)
}

fn rewrite(message: &Message<'_>, change: &Change<'_>, out: &mut Vec<u8>) -> Result<(), Unreadable> {
    let header = message.header();
    let message_id: &MessageId = header.message_id.as_ref().ok_or(Unreadable::NotAMessage)?;
    let from = header.author().ok_or(Unreadable::NotAMessage)?;
    let files: Vec<(Attachment, Vec<u8>)> = message
        .attachments()
        .into_iter()
        .map(|row| {
            let bytes = message.file(&row);
            (row, bytes)
        })
        .collect();
    let attached: Vec<Attached<'_>> = files.iter().map(|(row, bytes)| shown(row, bytes)).collect();
    let letter = Letter {
        text: change.text.unwrap_or_default(),
        html: change.html,
        attachments: &attached,
        ..Letter::new(message_id, model::Timestamp(0), from)
    };
    Body::of(&letter).write(out);
    Ok(())
}

fn shown<'f>(row: &'f Attachment, bytes: &'f [u8]) -> Attached<'f> {
    Attached { name: &row.filename, mimetype: &row.mimetype, content_id: row.content_id.as_deref(), bytes }
}

/// Whether bytes may travel as a mail: every line ends with CRLF and has at most 998 bytes, and nowhere stands a CR, LF or NUL
/// by itself (RFC 5322 §2.1.1, RFC 5321 §2.3.8).
pub fn is_sound(raw: &[u8]) -> bool {
    raw.ends_with(b"\r\n") && raw.split_inclusive(|byte| *byte == b'\n').all(super::parts::is_plain_line)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAIL: &str = "MIME-Version: 1.0\r\nMessage-ID: <a@contoso.test>\r\nFrom: Jane <jane@contoso.test>\r\n\
        Subject: Our\r\n offer\r\nX-Kept: a\r\n b\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nFifty?\r\n";

    fn change(change: Change<'_>) -> String {
        String::from_utf8(changed(MAIL.as_bytes(), &change).unwrap()).unwrap()
    }

    #[test]
    fn a_subject_and_fields_change_and_all_else_stays() {
        let added = [("X-Order".to_owned(), "17\r\nBcc: all@contoso.test".to_owned())];
        let mail = change(Change { subject: Some("Grüße"), added: &added, ..Change::default() });
        let header = crate::read_header(mail.as_bytes()).unwrap();
        assert_eq!((header.subject.as_str(), header.bcc.len()), ("Grüße", 0), "{mail}");
        assert!(
            mail.contains("X-Kept: a\r\n b\r\n") && mail.contains("X-Order: 17  Bcc: all@contoso.test\r\n"),
            "{mail}"
        );
        assert!(mail.contains("charset=utf-8\r\n") && mail.ends_with("\r\n\r\nFifty?\r\n"), "{mail}");
        assert_eq!(mail.matches("Subject:").count(), 1);
    }

    #[test]
    fn texts_change_and_what_is_attached_stays() {
        let id = MessageId::parse("a@contoso.test").unwrap();
        let from =
            model::Mailbox { name: None, address: model::EmailAddress::parse("jane@contoso.test").unwrap() };
        let logo =
            Attached { name: "logo.png", mimetype: "image/png", content_id: Some("logo"), bytes: b"\x89PNG" };
        let plan = Attached { name: "plan.csv", mimetype: "text/csv", content_id: None, bytes: b"a;b" };
        let raw = super::super::compose(&Letter {
            subject: "Offer",
            html: Some("<p>Fifty <img src=\"cid:logo\"></p>"),
            attachments: &[logo, plan],
            ..Letter::new(&id, model::Timestamp(0), &from)
        });
        let html = crate::read(&raw).unwrap().html().unwrap().replace("Fifty", "Sixty");
        let mail = changed(&raw, &Change { html: Some(&html), ..Change::default() }).unwrap();
        assert!(is_sound(&mail));
        let message = crate::read(&mail).unwrap();
        assert_eq!(message.text().trim(), "Sixty");
        let files = message.attachments();
        let names: Vec<&str> = files.iter().map(|file| file.filename.as_str()).collect();
        assert_eq!(names, ["logo.png", "plan.csv"]);
        let shown = files[0].content_id.as_deref().unwrap();
        assert!(message.html().unwrap().contains(&format!("cid:{shown}")), "{:?}", message.html());
        assert_eq!(message.file(&files[1]), b"a;b");
        let plain = changed(&raw, &Change { text: Some("Sixty.\n"), ..Change::default() }).unwrap();
        assert_eq!(crate::read(&plain).unwrap().html(), None, "two forms never say different things");
    }

    #[test]
    fn what_a_relay_could_take_for_two_mails_is_not_sound() {
        assert!(is_sound(b"A: 1\r\n\r\nx\r\n"));
        let long = [b"A: 1\r\n\r\n".as_slice(), &[b'x'; 999], b"\r\n"].concat();
        for raw in [b"A: 1\n\nx\n".as_slice(), b"A: 1\r\n\r\nx\r.\r\n", b"A: 1\r\n\r\nx", b"A: \0\r\n", &long]
        {
            assert!(!is_sound(raw));
        }
    }
}
