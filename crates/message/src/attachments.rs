//! Attachments as ranges of the message (RFC 2183, RFC 2231). What passes through: every leaf that is not body.
//!
//! Never copies a body: a row names where it lies and how it is encoded. Never trusts a file name.

use model::limits;

use crate::entity::Entity;
use crate::header::read_header;
use crate::header_decoder;
use crate::message::Message;
use crate::transfer::{self, Encoding};

/// One attachment: a row of `activitymimeattachment`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attachment {
    /// A name safe to save under: no path, no control characters, at most 255 characters; never empty.
    pub filename: String,
    /// `type/subtype` in lower case.
    pub mimetype: String,
    /// Bytes when decoded.
    pub size_bytes: usize,
    /// Content-ID without angle brackets, by which HTML points to it (RFC 2392).
    pub content_id: Option<String>,
    /// Whether it is meant to be seen within the body.
    pub is_inline: bool,
    /// Where its encoded body begins in the message.
    pub body_offset: usize,
    /// Bytes of its encoded body.
    pub body_length: usize,
    /// `7bit`, `base64` or `quoted-printable`: what [`decode`] needs.
    pub encoding: &'static str,
}

/// The bytes of an attachment, of its encoded body and the name of the encoding.
pub fn decode(encoded: &[u8], encoding: &str) -> Vec<u8> {
    transfer::decode(encoded, Encoding::from_name(encoding)).into_owned()
}

impl Message<'_> {
    /// The attachments, in order, at most [`limits::ATTACHMENTS_MAX`]. Offsets count from the beginning of
    /// [`Message::raw`].
    pub fn attachments(&self) -> Vec<Attachment> {
        let attached = self.attached().into_iter().take(limits::ATTACHMENTS_MAX);
        attached.map(|entity| attachment(self, entity)).collect()
    }

    /// The bytes of one of them.
    pub fn file(&self, attachment: &Attachment) -> Vec<u8> {
        let end = attachment.body_offset.saturating_add(attachment.body_length);
        decode(self.raw().get(attachment.body_offset..end).unwrap_or_default(), attachment.encoding)
    }
}

fn attachment(message: &Message<'_>, entity: &Entity) -> Attachment {
    let encoded = message.encoded(entity);
    Attachment {
        filename: filename(message, entity),
        mimetype: entity.mimetype.clone(),
        size_bytes: transfer::decoded_len(encoded, entity.encoding),
        content_id: entity.content_id.clone(),
        is_inline: is_inline(entity),
        body_offset: entity.body.start,
        body_length: encoded.len(),
        encoding: entity.encoding.name(),
    }
}

/// A Content-ID without a disposition means that the HTML shows it.
fn is_inline(entity: &Entity) -> bool {
    let inline = entity.disposition.value == "inline" || entity.content_id.is_some();
    inline && !entity.is_attachment() && !entity.is_message()
}

fn filename(message: &Message<'_>, entity: &Entity) -> String {
    // RFC 2231 is the rule for parameters; encoded words in them are as common.
    let declared = entity.filename().map(header_decoder::words).unwrap_or_default();
    let name = safe(&declared);
    if !name.is_empty() {
        return name;
    }
    if entity.is_message() {
        let subject = read_header(&message.decoded(entity)).map(|header| header.subject).unwrap_or_default();
        let subject = safe(&subject.replace(['/', '\\'], "-"));
        let subject = if subject.is_empty() { "message" } else { &subject };
        return format!("{}.eml", subject.chars().take(FILENAME_CHARS_MAX - 4).collect::<String>());
    }
    default_name(&entity.mimetype).to_owned()
}

const FILENAME_CHARS_MAX: usize = 255;

/// The name under which a file of ours travels: one that a receiver need not change.
pub(crate) fn file_name(given: &str, mimetype: &str) -> String {
    let name = safe(given);
    if name.is_empty() { default_name(mimetype).to_owned() } else { name }
}

/// RFC 2183 §2.3: a receiver must not take over path information. Separators of all systems count.
fn safe(name: &str) -> String {
    let last = name.rsplit(['/', '\\']).next().unwrap_or_default();
    let forbidden = |c: char| {
        c.is_control()
            || matches!(c, '<' | '>' | ':' | '"' | '|' | '?' | '*' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    let clean: String = last.chars().map(|c| if forbidden(c) { '_' } else { c }).collect();
    let clean = clean.trim_matches(|c: char| c == '.' || c.is_whitespace());
    shortened(clean)
}

/// Keeps the ending of a long name, which says what the file is.
fn shortened(name: &str) -> String {
    let count = name.chars().count();
    if count <= FILENAME_CHARS_MAX {
        return name.to_owned();
    }
    let ending = name.rsplit_once('.').map_or("", |(_, ending)| ending);
    let ending = if ending.len() <= 10 && !ending.is_empty() { format!(".{ending}") } else { String::new() };
    let start: String = name.chars().take(FILENAME_CHARS_MAX - ending.chars().count()).collect();
    start + &ending
}

fn default_name(mimetype: &str) -> &'static str {
    match mimetype {
        "text/plain" => "text.txt",
        "text/html" => "text.html",
        "text/calendar" => "invitation.ics",
        "text/rfc822-headers" => "header.txt",
        "message/delivery-status" => "delivery-status.txt",
        "message/disposition-notification" => "disposition-notification.txt",
        "application/pdf" => "document.pdf",
        "application/pgp-signature" => "signature.asc",
        "application/pkcs7-signature" | "application/x-pkcs7-signature" => "smime.p7s",
        "application/ms-tnef" => "winmail.dat",
        "image/png" => "image.png",
        "image/jpeg" => "image.jpg",
        "image/gif" => "image.gif",
        _ => "attachment.bin",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(headers: &str, body: &str) -> Attachment {
        let raw = format!(
            "A: 1\nContent-Type: multipart/mixed; boundary=b\n\n--b\n\nhi\n--b\n{headers}\n\n{body}\n--b--\n"
        );
        let message = crate::read(raw.as_bytes()).unwrap();
        let attachment = message.attachments().pop().unwrap();
        let end = attachment.body_offset + attachment.body_length;
        assert_eq!(&raw[attachment.body_offset..end], body);
        let decoded = decode(body.as_bytes(), attachment.encoding);
        assert_eq!(decoded.len(), attachment.size_bytes);
        attachment
    }

    #[test]
    fn names_are_decoded_and_made_safe() {
        let check =
            |headers: &str, expect: &str| assert_eq!(named(headers, "x").filename, expect, "{headers}");
        check("Content-Disposition: attachment; filename=a.pdf", "a.pdf");
        check("Content-Disposition: attachment; filename*=utf-8''caf%C3%A9.pdf", "café.pdf");
        check("Content-Type: a/b; name=\"=?utf-8?q?caf=C3=A9.pdf?=\"", "café.pdf");
        check("Content-Disposition: attachment; filename=\"../../etc/passwd\"", "passwd");
        check("Content-Disposition: attachment; filename=\"C:\\\\temp\\\\x?.exe\"", "x_.exe");
        check("Content-Disposition: attachment; filename=\"...\"", "text.txt");
        check("Content-Type: image/png", "image.png");
        check("Content-Type: x/y", "attachment.bin");
        let long = format!("Content-Disposition: attachment; filename=\"{}.pdf\"", "x".repeat(400));
        let name = named(&long, "x").filename;
        assert_eq!((name.chars().count(), name.ends_with(".pdf")), (255, true));
    }

    #[test]
    fn an_attached_message_is_named_after_its_subject() {
        let attachment = named("Content-Type: message/rfc822", "Subject: Offer 1/2\n\nhi");
        assert_eq!((attachment.filename.as_str(), attachment.is_inline), ("Offer 1-2.eml", false));
    }

    #[test]
    fn size_and_place_are_those_of_the_body() {
        let inline = "Content-Type: image/png\nContent-ID: <logo>\nContent-Transfer-Encoding: base64";
        let attachment = named(inline, "aGVs\nbG8=");
        assert_eq!((attachment.size_bytes, attachment.encoding), (5, "base64"));
        assert_eq!((attachment.content_id.as_deref(), attachment.is_inline), (Some("logo"), true));
        assert!(!named(&format!("{inline}\nContent-Disposition: attachment"), "aGk=").is_inline);
    }
}
