//! A message inside a TNEF stream as a message of its own. What passes through: a stream that was read.
//!
//! Writes only the fields that the stream names, decoded and made safe; a field that it does not name is left out.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use model::{EmailAddress, MessageId};

use super::Tnef;
use crate::content::mapi::{Properties, Value, id};

/// The header of a message inside, with the empty line left out.
pub(in crate::content) fn letter(tnef: &Tnef<'_>) -> String {
    let mut header = String::new();
    let codepage = tnef.codepage;
    let text = |id| tnef.properties.text(id, codepage);
    let from = [id::REPRESENTING_SMTP, id::REPRESENTING_ADDRESS, id::SENDER_SMTP, id::SENDER_ADDRESS];
    let address = from.into_iter().filter_map(text).find(|address| is_address(address));
    let name = text(id::REPRESENTING_NAME).or_else(|| text(id::SENDER_NAME));
    field(&mut header, "From", &mailbox(name, address));
    for (kind, field_name) in [(1, "To"), (2, "Cc")] {
        let of_kind = tnef.recipients.iter().filter(|row| row.number(id::RECIPIENT_TYPE) == Some(kind));
        let all: Vec<String> =
            of_kind.map(|row| recipient(row, codepage)).filter(|it| !it.is_empty()).collect();
        field(&mut header, field_name, &all.join(",\r\n "));
    }
    let old_subject = || tnef.subject.map(|subject| super::narrow(subject, codepage));
    let subject = text(id::SUBJECT).or_else(old_subject).unwrap_or_default();
    field(&mut header, "Subject", &encoded(&subject));
    let dates = [id::SUBMITTED, id::DELIVERED].into_iter();
    let date = dates.filter_map(|id| tnef.properties.get(id)).find_map(date);
    field(&mut header, "Date", &date.unwrap_or_default());
    for (id, name) in
        [(id::MESSAGE_ID, "Message-ID"), (id::IN_REPLY_TO, "In-Reply-To"), (id::REFERENCES, "References")]
    {
        let ids = text(id).unwrap_or_default();
        let ids = ids.split_whitespace().filter_map(MessageId::parse).map(|id| format!("<{id}>"));
        field(&mut header, name, &ids.take(model::limits::REFERENCES_MAX).collect::<Vec<_>>().join("\r\n "));
    }
    header.push_str("MIME-Version: 1.0\r\n");
    header
}

fn field(header: &mut String, name: &str, value: &str) {
    if !value.is_empty() {
        header.extend([name, ": ", value, "\r\n"]);
    }
}

fn recipient(row: &Properties<'_>, codepage: u32) -> String {
    let text = |id| row.text(id, codepage);
    let address = [id::SMTP_ADDRESS, id::ADDRESS].into_iter().filter_map(text);
    let address = address
        .map(|address| address.strip_prefix("SMTP:").map(str::to_owned).unwrap_or(address))
        .find(|address| is_address(address));
    mailbox(text(id::NAME), address)
}

/// Exchange writes names of its directory (`/O=…`) where there is no address.
fn is_address(text: &str) -> bool {
    !text.contains(['<', '>', '\r', '\n', ' ']) && EmailAddress::parse(text).is_some()
}

fn mailbox(name: Option<String>, address: Option<String>) -> String {
    match (name.filter(|name| !name.trim().is_empty()), address) {
        (Some(name), Some(address)) => format!("{} <{address}>", encoded(&name)),
        (None, Some(address)) => address,
        // A name alone is no address, but says who it was.
        (Some(name), None) => format!("{} <>", encoded(&name)),
        (None, None) => String::new(),
    }
}

/// A text as one or more encoded words (RFC 2047), whatever it holds.
fn encoded(text: &str) -> String {
    let text: String = text.chars().filter(|c| !c.is_control()).take(CHARS_MAX).collect();
    let plain = |c: char| c.is_ascii_alphanumeric() || " -_.".contains(c);
    if text.chars().all(plain) {
        return text.trim().to_owned();
    }
    let chars: Vec<char> = text.chars().collect();
    let words = chars.chunks(WORD_CHARS).map(|word| {
        let word: String = word.iter().collect();
        format!("=?utf-8?b?{}?=", STANDARD.encode(word))
    });
    words.collect::<Vec<_>>().join("\r\n ")
}

/// Characters of a name or subject: `limits::SUBJECT_CHARS_MAX` are kept anyway.
const CHARS_MAX: usize = 2_000;
/// An encoded word is at most 75 characters long; one character takes up to four bytes.
const WORD_CHARS: usize = 10;

/// A point in time as RFC 5322 §3.3 writes it, in UTC.
fn date(value: Value<'_>) -> Option<String> {
    let Value::Time(ticks) = value else { return None };
    let seconds = i64::try_from(ticks / 10_000_000).ok()?.checked_sub(SECONDS_FROM_1601_TO_1970)?;
    let time = jiff::Timestamp::from_second(seconds).ok()?;
    Some(time.strftime("%a, %d %b %Y %H:%M:%S +0000").to_string())
}

const SECONDS_FROM_1601_TO_1970: i64 = 11_644_473_600;
