//! Who sends a mail, to whom, and what is to be reported of it: the words of MAIL and RCPT.

use std::fmt::Write as _;

use model::limits;

use super::extensions::Extensions;

/// Who sent a mail, and to whom.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Envelope {
    /// The sender; empty for the null sender (RFC 5321 §4.5.5).
    pub sender: String,
    /// The recipients.
    pub recipients: Vec<Recipient>,
    /// What reports are to hold; said only to servers that know what is meant.
    pub reports: Reports,
}

/// One recipient of a mail.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Recipient {
    /// The address.
    pub address: String,
    /// When there is to be a report (RFC 3461 §4.1); where nothing is said, a server reports failures.
    pub notify: Option<Notify>,
    /// The address that the sender wrote, for reports (RFC 3461 §4.2).
    pub original: Option<String>,
}

/// Reports about a mail.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Reports {
    /// How much of the mail they return (RFC 3461 §4.3).
    pub returned: Option<Returned>,
    /// What they name it by (RFC 3461 §4.4): at most 100 printable characters of ASCII.
    pub envelope_id: Option<String>,
}

/// How much of a mail its report returns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Returned {
    /// All of it.
    Full,
    /// The header.
    Header,
}

/// When there is to be a report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Notify {
    /// Never.
    Never,
    /// On these.
    On(Vec<Occasion>),
}

/// What is reported.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Occasion {
    /// It is delivered.
    Success,
    /// It is not, and will not be.
    Failure,
    /// It is not yet.
    Delay,
}

impl Envelope {
    /// Without wishes about reports.
    pub fn new(sender: impl Into<String>, recipients: impl IntoIterator<Item = impl Into<String>>) -> Self {
        let recipient = |address: String| Recipient { address, notify: None, original: None };
        let recipients = recipients.into_iter().map(|address| recipient(address.into())).collect();
        Envelope { sender: sender.into(), recipients, reports: Reports::default() }
    }
}

/// Whether it can stand between the brackets of a path and be nothing else. A space may stand in a quoted local part.
pub fn is_plain(address: &str) -> bool {
    address.len() <= limits::ENVELOPE_ADDRESS_BYTES_MAX
        && !address.contains(|c: char| c.is_control() || c == '<' || c == '>')
}

impl Reports {
    /// Behind MAIL.
    pub(super) fn parameters(&self, can: &Extensions) -> String {
        let mut text = String::new();
        if !can.has("DSN") {
            return text;
        }
        match self.returned {
            Some(Returned::Full) => text.push_str(" RET=FULL"),
            Some(Returned::Header) => text.push_str(" RET=HDRS"),
            None => {}
        }
        if let Some(id) = self.envelope_id.as_deref().filter(|id| is_envelope_id(id)) {
            text.push_str(" ENVID=");
            text.push_str(&xtext(id));
        }
        text
    }
}

impl Recipient {
    /// Behind RCPT; `is_utf8` says whether the mail was declared so (RFC 6531).
    pub(super) fn parameters(&self, can: &Extensions, is_utf8: bool) -> String {
        let mut text = String::new();
        if !can.has("DSN") {
            return text;
        }
        match &self.notify {
            Some(Notify::Never) => text.push_str(" NOTIFY=NEVER"),
            Some(Notify::On(occasions)) if !occasions.is_empty() => {
                let names: Vec<&str> = occasions.iter().map(|occasion| occasion.name()).collect();
                text.push_str(" NOTIFY=");
                text.push_str(&names.join(","));
            }
            _ => {}
        }
        let original = self.original.as_deref().filter(|original| is_plain(original) && !original.is_empty());
        match original {
            Some(original) if original.is_ascii() => {
                text.push_str(" ORCPT=rfc822;");
                text.push_str(&xtext(original));
            }
            Some(original) => {
                text.push_str(" ORCPT=utf-8;");
                text.push_str(&utf8_address(original, is_utf8));
            }
            None => {}
        }
        text
    }
}

impl Occasion {
    fn name(self) -> &'static str {
        match self {
            Occasion::Success => "SUCCESS",
            Occasion::Failure => "FAILURE",
            Occasion::Delay => "DELAY",
        }
    }
}

/// RFC 3461 §4.4.
fn is_envelope_id(id: &str) -> bool {
    (1..=100).contains(&id.len()) && id.bytes().all(|byte| (b' '..=b'~').contains(&byte))
}

/// RFC 3461 §4: `+` and `=`, and what is no visible character, as `+` and two digits.
fn xtext(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'+' | b'=' => _ = write!(encoded, "+{byte:02X}"),
            b'!'..=b'~' => encoded.push(char::from(byte)),
            _ => _ = write!(encoded, "+{byte:02X}"),
        }
    }
    encoded
}

/// RFC 6533 §3: as it is where the line may hold it, else each character by its number.
fn utf8_address(address: &str, is_utf8: bool) -> String {
    let mut encoded = String::with_capacity(address.len());
    for c in address.chars() {
        let is_visible = c.is_ascii_graphic() && !matches!(c, '+' | '=' | '\\');
        if is_visible || (is_utf8 && !c.is_ascii()) {
            encoded.push(c);
        } else {
            _ = write!(encoded, "\\x{{{:X}}}", u32::from(c));
        }
    }
    encoded
}
