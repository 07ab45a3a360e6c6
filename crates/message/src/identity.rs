//! Which mail this is: keys to look it up by, digests to compare (the promise *nothing doubled*).
//!
//! What passes through: a header's facts and decoded text, into a few bytes. One function normalizes text.
//! Never calls two mails the same for want of evidence: a mail kept twice can be joined, a lost one cannot.

use std::sync::LazyLock;

use model::{EmailAddress, MessageId, Timestamp};

use crate::message::Message;

/// A key of the table `identity`: BLAKE3 of the kind of key and the key, first 16 bytes. A content key has a time before it.
pub type Key = [u8; 16];

/// The digest of the source as received: BLAKE3.
pub fn raw_digest(raw: &[u8]) -> [u8; 32] {
    *blake3::hash(raw).as_bytes()
}

/// The digest of decoded text: it stays when the mail is encoded another way, wrapped or trimmed.
pub fn text_digest(text: &str) -> [u8; 16] {
    key("text", normalized(text).as_bytes())
}

/// The digest of a text without words.
static OF_NO_TEXT: LazyLock<[u8; 16]> = LazyLock::new(|| text_digest(""));

/// The digest of what a mail says, by which two copies of it are compared: that of its text; where the text is
/// empty (the mail of a scanner) that of its attachments in order; where there are none that of the empty text.
///
/// `text` is [`Message::text`], which the caller has at hand.
pub fn content_digest(message: &Message<'_>, text: &str) -> [u8; 16] {
    let of_text = text_digest(text);
    if of_text != *OF_NO_TEXT {
        return of_text;
    }
    match attachments(message) {
        digests if digests.is_empty() => of_text,
        digests => key("attachments", &digests),
    }
}

/// The key of a Message-ID.
pub fn message_key(id: &MessageId) -> Key {
    key("message-id", id.as_str().as_bytes())
}

/// The key of a mail whose copy may lack its Message-ID: author, date to the second, canonical subject.
///
/// The date stands before the digest (its lowest four bytes, highest first), which has the other twelve: mails of one time
/// have keys side by side, so that what comes today is written to few pages of an index, however large it is.
pub fn content_key(from: &EmailAddress, date: Timestamp, canonical_subject: &str) -> Key {
    let [.., a, b, c, d] = date.seconds().to_be_bytes();
    let mut key = former_content_key(from, date, canonical_subject);
    key.rotate_right(4);
    if let Some(time) = key.first_chunk_mut() {
        *time = [a, b, c, d];
    }
    key
}

/// The content key of schemas before the fifth, which had no time before it.
pub fn former_content_key(from: &EmailAddress, date: Timestamp, canonical_subject: &str) -> Key {
    // An address and a number hold no line end, so no two triples write the same text.
    key("content", format!("{}\n{}\n{canonical_subject}", from.key(), date.seconds()).as_bytes())
}

/// The key of a mail that is known only as somebody quoted it, without a second or a zone: author, canonical subject
/// and text. `None` where the text is no evidence.
pub fn quoted_key(from: &EmailAddress, canonical_subject: &str, text_digest: &[u8; 16]) -> Option<Key> {
    if !is_evidence(text_digest) {
        return None;
    }
    let mut value = format!("{}\n{canonical_subject}\n", from.key()).into_bytes();
    value.extend_from_slice(text_digest);
    Some(key("quoted", &value))
}

/// The key of a mail with neither Message-ID nor date.
pub fn raw_key(raw_digest: &[u8; 32]) -> Key {
    key("raw", raw_digest)
}

/// Which key two claims have in common.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SharedKey {
    /// [`message_key`].
    MessageId,
    /// [`content_key`].
    Content,
    /// [`raw_key`].
    Raw,
    /// [`quoted_key`], which only guesses claim.
    Quoted,
}

/// What a mail says about itself under one of its keys: a row of the table `identity`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    /// The author's address as [`EmailAddress::key`] gives it.
    pub sender: Option<String>,
    /// The Date field.
    pub date: Option<Timestamp>,
    /// Whether the mail has a Message-ID of its own; that of a guess is none.
    pub has_message_id: bool,
    /// Whether it is known only as somebody quoted it.
    pub is_guess: bool,
    /// See [`content_digest`]; all zero where the text is not known yet.
    pub text_digest: [u8; 16],
    /// See [`raw_digest`].
    pub raw_digest: [u8; 32],
}

/// The digests of the decoded attachments, one behind the other. An empty one is no evidence.
fn attachments(message: &Message<'_>) -> Vec<u8> {
    let mut digests = Vec::new();
    for entity in message.attached() {
        let decoded = message.decoded(entity);
        let is_text = entity.mimetype.starts_with("text/") || entity.is_message();
        let digest = if is_text { lines_digest(&decoded) } else { *blake3::hash(&decoded).as_bytes() };
        if digest != *blake3::hash(b"").as_bytes() {
            digests.extend_from_slice(&digest);
        }
    }
    digests
}

/// RFC 2045 §6.8: the line ends of text are CRLF in transit only; encoders and stores write them in their own
/// way, and leave out the last.
fn lines_digest(text: &[u8]) -> [u8; 32] {
    let mut hasher = blake3::Hasher::new();
    for piece in text.trim_ascii_end().split(|byte| *byte == b'\r') {
        hasher.update(piece);
    }
    *hasher.finalize().as_bytes()
}

/// What two claims under a shared key are to each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sameness {
    /// One mail.
    Same,
    /// Id, author and second agree, the text does not: a forward that was rendered anew, the footer of a list,
    /// or a forgery. It is no new mail, yet it must never stand in for the one that is here.
    SameButOtherText,
    /// Two mails.
    Different,
}

/// Whether two claims under a shared key are the same mail, `a` and `b` in any order.
///
/// - Identical bytes are the same mail; those of which nothing is known are not.
/// - Under one Message-ID, two of author, date and text must agree: ids are reused by broken programs. Where
///   author and date agree and the texts are known to differ, it is [`Sameness::SameButOtherText`].
/// - Under one content key, one side must lack its id (some forwards drop it) and the text must agree.
/// - Where one of them is a guess, author and text have to be the same, and the dates those of one clock in two
///   zones; where both are, of one minute. A quotation's text is often set anew and is then kept beside the mail:
///   an id is all that a forger needs to know, and neither may he take the place of what is here, nor be taken for
///   what comes after him.
///
/// The text is what [`content_digest`] made of it. An empty one is no evidence: all empty mails agree in it.
pub fn same_mail(shared: SharedKey, a: &Claim, b: &Claim) -> Sameness {
    if a.raw_digest == b.raw_digest && a.raw_digest != [0; 32] {
        return Sameness::Same;
    }
    match shared {
        SharedKey::MessageId | SharedKey::Quoted if a.is_guess || b.is_guess => guess(shared, a, b),
        SharedKey::MessageId => under_one_id(a, b),
        SharedKey::Content if !(a.has_message_id && b.has_message_id) && texts(a, b) == Texts::Agree => {
            Sameness::Same
        }
        SharedKey::Content | SharedKey::Raw | SharedKey::Quoted => Sameness::Different,
    }
}

/// A quotation of a mail, and the mail or another quotation of it.
fn guess(shared: SharedKey, new: &Claim, here: &Claim) -> Sameness {
    let is_named = shared == SharedKey::MessageId;
    let is_one_author = new.sender.is_some() && new.sender == here.sender;
    let is_one_time = match (new.date, here.date) {
        // Between two quotations nothing but the clock tells the mails of a program apart.
        (Some(a), Some(b)) if new.is_guess && here.is_guess && !is_named => {
            a.seconds().abs_diff(b.seconds()) < 60
        }
        (Some(new), Some(here)) => is_one_time(new, here),
        _ => is_named,
    };
    let is_one_text = texts(new, here) == Texts::Agree;
    if is_one_author && is_one_time && is_one_text { Sameness::Same } else { Sameness::Different }
}

/// Whether two dates can be one time on clocks of two zones, one of them without seconds. Zones lie quarters of an
/// hour apart, at most 26 hours (UTC-12 to UTC+14).
pub fn is_one_time(a: Timestamp, b: Timestamp) -> bool {
    const QUARTER: i64 = 15 * 60;
    let apart = a.seconds().saturating_sub(b.seconds());
    let beside = apart.rem_euclid(QUARTER);
    apart.abs() <= ZONES_APART_SECONDS + 60 && !(60..=QUARTER - 60).contains(&beside)
}

/// Seconds between one reading of a clock in the first zone and in the last.
pub const ZONES_APART_SECONDS: i64 = 26 * 3600;

fn under_one_id(a: &Claim, b: &Claim) -> Sameness {
    let sender = a.sender.is_some() && a.sender == b.sender;
    let date = a.date.is_some() && a.date.map(Timestamp::seconds) == b.date.map(Timestamp::seconds);
    match texts(a, b) {
        Texts::Agree if sender || date => Sameness::Same,
        Texts::Unknown if sender && date => Sameness::Same,
        Texts::Differ if sender && date => Sameness::SameButOtherText,
        _ => Sameness::Different,
    }
}

/// What the texts of two claims say.
#[derive(PartialEq, Eq)]
enum Texts {
    Agree,
    Differ,
    /// One of them is empty or not known yet.
    Unknown,
}

fn texts(a: &Claim, b: &Claim) -> Texts {
    match (is_evidence(&a.text_digest) && is_evidence(&b.text_digest), a.text_digest == b.text_digest) {
        (false, _) => Texts::Unknown,
        (true, true) => Texts::Agree,
        (true, false) => Texts::Differ,
    }
}

fn is_evidence(digest: &[u8; 16]) -> bool {
    *digest != [0; 16] && *digest != *OF_NO_TEXT
}

/// The one form in which texts are compared: words with one space between.
///
/// Zero-width characters are dropped with the white space: gateways add and remove them.
pub fn normalized(text: &str) -> String {
    if text.is_ascii() {
        return normalized_ascii(text.as_bytes());
    }
    let mut out = String::with_capacity(text.len());
    let gap = |c: char| c.is_whitespace() || matches!(c, '\u{200b}' | '\u{feff}' | '\0');
    for word in text.split(gap).filter(|word| !word.is_empty()) {
        if !out.is_empty() {
            out.push(' ');
        }
        out.push_str(word);
    }
    out
}

/// The same for most of most mail, a byte at a time and without a branch: words are short, and where one ends
/// cannot be foreseen.
fn normalized_ascii(text: &[u8]) -> String {
    let mut out = vec![0; text.len()];
    let (mut length, mut was_gap) = (0, true);
    for byte in text.iter().copied() {
        let is_gap = matches!(byte, b'\t'..=b'\r' | b' ' | 0);
        if let Some(slot) = out.get_mut(length) {
            *slot = if is_gap { b' ' } else { byte };
        }
        length += usize::from(!(is_gap && was_gap));
        was_gap = is_gap;
    }
    out.truncate(length - usize::from(was_gap && length > 0));
    String::from_utf8(out).unwrap_or_default()
}

/// The kind is hashed with its length, so that no key of one kind is a key of another.
fn key(kind: &str, value: &[u8]) -> Key {
    let mut hasher = blake3::Hasher::new();
    hasher.update(&[u8::try_from(kind.len()).unwrap_or(u8::MAX)]);
    hasher.update(kind.as_bytes());
    hasher.update(value);
    let mut key = [0; 16];
    hasher.finalize_xof().fill(&mut key);
    key
}

#[cfg(test)]
mod tests;
