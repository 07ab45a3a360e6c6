//! The source of a mail that is known only as somebody quoted it: a small message, made of what was found.
//!
//! What passes through: a heading and the text under it, into RFC 5322. The same quotation gives the same bytes.
//! Never adds what was not said: no Message-ID, no recipient, no second of a date that was not written.

use jiff::tz::Offset;
use model::Mailbox;

use super::heading::Heading;
use super::labels::Label;
use super::written::{self, Written};
use crate::addresses;

/// What a quotation gives.
pub(super) struct Quoted<'a> {
    pub(super) heading: &'a Heading,
    pub(super) text: &'a str,
    /// Seconds east of Greenwich of the program that quotes, for a date without a zone.
    pub(super) zone: Option<i32>,
    /// The Message-ID, where the heading lacks it and the forward names one mail it was made of.
    pub(super) named: Option<&'a str>,
    /// Parts that belong to the quoted mail, as they stand in the forward.
    pub(super) attached: &'a [Part<'a>],
}

/// A part of the forward that came from the quoted mail.
pub(super) struct Part<'a> {
    pub(super) head: String,
    pub(super) body: &'a [u8],
}

/// The author of a heading. None where only a name was quoted, or several addresses: a display name can hold any
/// address, and clients write it before the true one without its quotes.
pub(super) fn author(heading: &Heading) -> Option<Mailbox> {
    let mut authors = heading.get(Label::From).map(mailboxes).unwrap_or_default().into_iter();
    authors.next().filter(|_| authors.next().is_none())
}

/// Writes the message.
pub(super) fn write(quoted: &Quoted<'_>) -> Vec<u8> {
    let mut out = String::new();
    let heading = quoted.heading;
    field(&mut out, "From", &list(author(heading).as_slice()));
    for (name, label) in
        [("To", Label::To), ("Cc", Label::Cc), ("Bcc", Label::Bcc), ("Reply-To", Label::ReplyTo)]
    {
        field(&mut out, name, &list(&heading.get(label).map(mailboxes).unwrap_or_default()));
    }
    field(&mut out, "Subject", heading.get(Label::Subject).unwrap_or_default());
    if let Some(date) = date(quoted) {
        field(&mut out, "Date", &date);
    }
    let mut names_itself = false;
    for (name, value) in &heading.others {
        // What the text is encoded in and divided by is said anew below.
        let is_of_body =
            name.to_ascii_lowercase().starts_with("content-") || name.eq_ignore_ascii_case("mime-version");
        if !is_of_body {
            names_itself |= name.eq_ignore_ascii_case("message-id");
            field(&mut out, name, value);
        }
    }
    if let Some(named) = quoted.named.filter(|_| !names_itself) {
        field(&mut out, "Message-ID", &format!("<{named}>"));
    }
    out.push_str("MIME-Version: 1.0\r\n");
    body(out, quoted)
}

fn body(mut out: String, quoted: &Quoted<'_>) -> Vec<u8> {
    const PLAIN: &str = "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n";
    let text = with_crlf(quoted.text);
    if quoted.attached.is_empty() {
        out.push_str(PLAIN);
        out.push_str(&text);
        return out.into_bytes();
    }
    let boundary = boundary(&text, quoted.attached);
    out.push_str(&format!("Content-Type: multipart/mixed; boundary=\"{boundary}\"\r\n\r\n--{boundary}\r\n"));
    out.push_str(PLAIN);
    out.push_str(&text);
    let mut out = out.into_bytes();
    for part in quoted.attached {
        out.extend_from_slice(format!("\r\n--{boundary}\r\n{}\r\n", part.head).as_bytes());
        out.extend_from_slice(part.body);
    }
    out.extend_from_slice(format!("\r\n--{boundary}--\r\n").as_bytes());
    out
}

/// A delimiter made of what it divides: nobody can put it there beforehand.
fn boundary(text: &str, parts: &[Part<'_>]) -> String {
    let mut hasher = blake3::Hasher::new();
    hasher.update(text.as_bytes());
    for part in parts {
        hasher.update(part.body);
    }
    format!("quoted-{}", hasher.finalize().to_hex().get(..32).unwrap_or_default())
}

/// RFC 5322 §3.3. A date without a zone is that of the clock of the program that wrote it down.
fn date(quoted: &Quoted<'_>) -> Option<String> {
    let Written { when, zone } = when(quoted.heading)?;
    let seconds = zone.or(quoted.zone).unwrap_or(0);
    let zoned = when.to_zoned(Offset::from_seconds(seconds).ok()?.to_time_zone()).ok()?;
    Some(zoned.strftime("%a, %d %b %Y %H:%M:%S %z").to_string())
}

/// The date of a heading.
pub(super) fn when(heading: &Heading) -> Option<Written> {
    written::read(heading.get(Label::Date)?, heading.is_english)
}

/// An empty field is none. Control characters, a line end above all, would begin a field of their own.
fn field(out: &mut String, name: &str, value: &str) {
    let value: String = value.chars().filter(|c| !c.is_control() || *c == '\t').collect();
    let value = value.trim();
    if !value.is_empty() {
        out.push_str(&format!("{name}: {value}\r\n"));
    }
}

fn list(mailboxes: &[Mailbox]) -> String {
    let one = |mailbox: &Mailbox| match &mailbox.name {
        Some(name) => {
            format!("\"{}\" <{}>", name.replace('\\', "\\\\").replace('"', "\\\""), mailbox.address)
        }
        None => mailbox.address.to_string(),
    };
    mailboxes.iter().map(one).collect::<Vec<_>>().join(", ")
}

/// The mailboxes of a value as clients show them: `Zoe [mailto:zoe@x]`, `zoe@x<mailto:zoe@x>`, `Zoe [zoe@x]`.
fn mailboxes(value: &str) -> Vec<Mailbox> {
    let text = without_links(value).replace('[', "<").replace(']', ">");
    let mut found: Vec<Mailbox> = Vec::new();
    for mailbox in addresses::read(text.as_bytes()) {
        if !found.iter().any(|known| known.address.key() == mailbox.address.key()) {
            found.push(mailbox);
        }
    }
    found
}

/// A link behind an address only repeats it; behind a name it is the address.
fn without_links(value: &str) -> String {
    let mut out = String::with_capacity(value.len());
    let mut rest = value;
    while let Some(at) = rest.find("mailto:") {
        let (before, link) = rest.split_at(at);
        let before = before.strip_suffix(['<', '[', '(']).unwrap_or(before);
        let link = link.strip_prefix("mailto:").unwrap_or(link);
        let end = link.find(['>', ']', ')', ',', ';']).unwrap_or(link.len());
        let (address, behind) = link.split_at_checked(end).unwrap_or((link, ""));
        out.push_str(before);
        // Any other address before it is part of a name.
        let last = before.split_whitespace().next_back().unwrap_or_default();
        if last.trim_start_matches(['<', '[', '(']) != address {
            out.push_str(&format!(" <{address}>"));
        }
        rest = behind.strip_prefix(['>', ']', ')']).unwrap_or(behind);
    }
    out.push_str(rest);
    out
}

fn with_crlf(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + text.len() / 32 + 2);
    for line in text.lines() {
        out.push_str(line.trim_end_matches('\r'));
        out.push_str("\r\n");
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_as_clients_show_them() {
        let check = |value: &str, expect: &str| assert_eq!(list(&mailboxes(value)), expect, "{value:?}");
        check("Zoë Müller <zoe@x.test>", "\"Zoë Müller\" <zoe@x.test>");
        check("Zoë Müller [mailto:zoe@x.test]", "\"Zoë Müller\" <zoe@x.test>");
        check("Zoë <zoe@x.test<mailto:zoe@x.test>>", "\"Zoë\" <zoe@x.test>");
        check("<zoe@x.test <mailto:zoe@x.test>>", "zoe@x.test");
        check("zoe@x.test <zoe@x.test>", "\"zoe@x.test\" <zoe@x.test>");
        check("zoe@x.test [mailto:eve@x.test]", "\"zoe@x.test\" <eve@x.test>");
        check("zoe@x.test <eve@x.test>", "\"zoe@x.test\" <eve@x.test>");
        check("Sales <a@x.test>, Doe, Jane <j@x.test>", "\"Sales\" <a@x.test>, \"Jane\" <j@x.test>");
        check("a@x.test; b@x.test", "a@x.test, b@x.test");
        check("'zoe@x.test'", "zoe@x.test");
        check("Zoë Müller", "");
    }

    #[test]
    fn an_author_with_two_addresses_is_none() {
        let author =
            |value: &str| author(&Heading::of_author(value)).map(|author| author.address.to_string());
        assert_eq!(author("\"Zoë <zoe@x.test>\" <eve@x.test>").as_deref(), Some("eve@x.test"));
        assert_eq!(author("zoe@x.test <eve@x.test>").as_deref(), Some("eve@x.test"));
        for forged in [
            "Zoë <zoe@x.test> <eve@x.test>",
            "Zoë <zoe@x.test> [mailto:eve@x.test]",
            "zoe@x.test, Z <eve@x.test>",
        ] {
            assert_eq!(author(forged), None, "{forged}");
        }
    }

    #[test]
    fn no_value_begins_a_field() {
        let mut out = String::new();
        field(&mut out, "Subject", "a\r\nBcc: eve@x.test\u{b}");
        assert_eq!(out, "Subject: aBcc: eve@x.test\r\n");
    }
}
