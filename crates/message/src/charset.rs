//! Bytes into text, by a declared charset or a guess. What passes through: decoded bodies and header words.
//!
//! Never fails: what cannot be decoded becomes U+FFFD.

use std::borrow::Cow;

use chardetng::{EncodingDetector, Iso2022JpDetection, Utf8Detection};
use encoding_rs::Encoding;
use mail_parser::decoders::charsets::map::charset_decoder;

/// Decodes bytes declared as `label`; where nothing usable is declared, UTF-8 is tried and then guessed.
pub(crate) fn decode<'x>(bytes: &'x [u8], label: Option<&str>) -> Cow<'x, str> {
    let label = label.map(str::trim).filter(|label| !label.is_empty());
    let ascii = !bytes.contains(&ESC) && !label.is_some_and(shifts_in_ascii);
    if ascii
        && bytes.is_ascii()
        && let Ok(text) = std::str::from_utf8(bytes)
    {
        return Cow::Borrowed(text);
    }
    match label {
        Some(label) if !says_nothing(label) => declared(bytes, label),
        _ => guessed(bytes),
    }
}

/// The escape byte opens ISO-2022 sequences, which are ASCII otherwise (RFC 1468).
const ESC: u8 = 0x1b;

/// Charsets that carry other characters in ASCII bytes, or no ASCII at all.
fn shifts_in_ascii(label: &str) -> bool {
    let label = label.to_ascii_lowercase();
    label.contains("utf-7") || label.contains("utf-16") || label.contains("utf-32") || label.starts_with("hz")
}

/// Senders write these labels over any 8-bit text, so they are no evidence.
fn says_nothing(label: &str) -> bool {
    ["us-ascii", "ascii", "unknown-8bit", "x-unknown", "8bit", "7bit", "default"]
        .iter()
        .any(|known| label.eq_ignore_ascii_case(known))
}

fn declared<'x>(bytes: &'x [u8], label: &str) -> Cow<'x, str> {
    if let Some(encoding) = Encoding::for_label_no_replacement(label.as_bytes()) {
        // Programs write a Latin-1 label over UTF-8; hardly any text in Latin-1 is UTF-8 by chance.
        if encoding == encoding_rs::WINDOWS_1252
            && let Ok(text) = std::str::from_utf8(bytes)
        {
            return Cow::Borrowed(text);
        }
        return encoding.decode_without_bom_handling(bytes).0;
    }
    // UTF-7 (RFC 2152) and some aliases are no charsets of the Web, which encoding_rs keeps to.
    match charset_decoder(label.as_bytes()) {
        Some(decoder) => Cow::Owned(decoder(bytes)),
        None => guessed(bytes),
    }
}

fn guessed(bytes: &[u8]) -> Cow<'_, str> {
    if !bytes.contains(&ESC)
        && let Ok(text) = std::str::from_utf8(bytes)
    {
        return Cow::Borrowed(text);
    }
    if is_mostly_utf8(bytes) {
        return String::from_utf8_lossy(bytes);
    }
    let mut detector = EncodingDetector::new(Iso2022JpDetection::Allow);
    // The first 64 KiB tell as much as the rest.
    detector.feed(bytes.get(..65_536).unwrap_or(bytes), true);
    detector.guess(None, Utf8Detection::Allow).decode_without_bom_handling(bytes).0
}

/// Whether it is UTF-8 but for a few broken characters, as a cut leaves them.
fn is_mostly_utf8(bytes: &[u8]) -> bool {
    let (mut whole, mut broken) = (0usize, 0usize);
    for chunk in bytes.utf8_chunks() {
        whole += chunk.valid().chars().filter(|c| !c.is_ascii()).count();
        broken += usize::from(!chunk.invalid().is_empty());
    }
    !bytes.contains(&ESC) && whole >= 8 * broken
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_decoded_as_declared_or_guessed() {
        let check = |bytes: &[u8], label: Option<&str>, expect: &str| {
            assert_eq!(decode(bytes, label), expect, "{label:?} {bytes:?}");
        };
        check(b"plain", None, "plain");
        check(b"caf\xe9", None, "café");
        check(b"caf\xe9", Some("us-ascii"), "café");
        check(b"caf\xe9", Some("iso-8859-1"), "café");
        check("zoë".as_bytes(), None, "zoë");
        check("zoë".as_bytes(), Some("utf-8"), "zoë");
        check("zoë".as_bytes(), Some("iso-8859-1"), "zoë");
        check(
            b"\xd0\x9a\xd0\xb0\xd1\x80\xd1\x82\xd0\xb8\xd0\xbd\xd0\xba\xd0\xb0\xd1",
            None,
            "Картинка\u{fffd}",
        );
        check(b"\xcf\xf0\xe8\xe2\xe5\xf2", Some("windows-1251"), "Привет");
        check(b"\x1b$B$3$s\x1b(B", Some("iso-2022-jp"), "こん");
        check(b"a+AOk-", Some("utf-7"), "aé");
        check("zoë".as_bytes(), Some("no-such-charset"), "zoë");
    }
}
