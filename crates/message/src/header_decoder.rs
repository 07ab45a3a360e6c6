//! Header text into characters: folds, raw 8-bit bytes and encoded words (RFC 2047).
//!
//! Adjacent encoded words of one charset are joined *before* they are decoded, because senders split
//! characters of several bytes between them. Never fails: what is no encoded word stays as it is.

use std::borrow::Cow;

use crate::{charset, transfer};

/// The readable text of an unstructured field: unfolded, decoded, without control characters, trimmed.
pub(crate) fn decode(value: &[u8]) -> String {
    let text = words(&plain(value));
    let clean = |c: char| !c.is_control() && !matches!(c, '\u{2028}' | '\u{2029}' | '\u{202a}'..='\u{202e}');
    match text.chars().all(clean) {
        true => text.trim().to_owned(),
        false => text.replace('\t', " ").chars().filter(|c| clean(*c)).collect::<String>().trim().to_owned(),
    }
}

/// The text of a field, unfolded (RFC 5322 §2.2.3), its encoded words left alone.
pub(crate) fn plain(value: &[u8]) -> Cow<'_, str> {
    let text = charset::decode(value, None);
    match text.contains(['\r', '\n', '\0']) {
        true => Cow::Owned(unfolded(&text)),
        false => text,
    }
}

/// A fold is a line end before white space, which stays; where the white space was lost, a blank stands in.
fn unfolded(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for line in text.replace('\0', "").split(['\r', '\n']).filter(|line| !line.is_empty()) {
        if !out.is_empty() && !line.starts_with([' ', '\t']) {
            out.push(' ');
        }
        out.push_str(line);
    }
    out
}

/// Decodes the encoded words within a text.
pub(crate) fn words(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut run = Run::default();
    let mut rest = text;
    while let Some(at) = rest.find("=?") {
        let (before, tail) = rest.split_at(at);
        let Some(word) = EncodedWord::at_start(tail) else {
            run.end(&mut out);
            out.push_str(before);
            out.push_str("=?");
            rest = tail.get(2..).unwrap_or_default();
            continue;
        };
        // RFC 2047 §6.2: white space between two encoded words is not shown.
        let joined = run.is_open() && before.chars().all(char::is_whitespace);
        if !joined {
            run.end(&mut out);
            out.push_str(before);
        }
        run.add(&word, &mut out);
        rest = tail.get(word.len..).unwrap_or_default();
    }
    run.end(&mut out);
    out.push_str(rest);
    out
}

/// One encoded word, its text not yet decoded.
pub(crate) struct EncodedWord<'x> {
    charset: &'x str,
    is_base64: bool,
    text: &'x str,
    /// Bytes from `=?` to `?=`.
    pub(crate) len: usize,
}

impl<'x> EncodedWord<'x> {
    /// The encoded word at the very start of a text. Blanks inside are against RFC 2047 §2 and common.
    pub(crate) fn at_start(text: &'x str) -> Option<Self> {
        let inner = text.strip_prefix("=?")?;
        let charset_len = inner.bytes().take(CHARSET_BYTES_MAX).position(|byte| byte == b'?')?;
        let (charset, rest) = (inner.get(..charset_len)?, inner.get(charset_len + 1..)?);
        let is_base64 = match rest.as_bytes() {
            [b'B' | b'b', b'?', ..] => true,
            [b'Q' | b'q', b'?', ..] => false,
            _ => return None,
        };
        let body = rest.get(2..)?;
        let end = body.get(..body.floor_char_boundary(WORD_BYTES_MAX))?.find("?=")?;
        // RFC 2231 §5: a language may follow the charset.
        let charset = charset.split('*').next().unwrap_or(charset);
        Some(EncodedWord {
            charset,
            is_base64,
            text: body.get(..end)?,
            len: 2 + charset_len + 1 + 2 + end + 2,
        })
    }

    fn bytes(&self) -> Vec<u8> {
        match self.is_base64 {
            true => transfer::base64(self.text.as_bytes()),
            false => q_decoded(self.text.as_bytes()),
        }
    }
}

/// No charset has a longer name; keeps the search for its end short.
const CHARSET_BYTES_MAX: usize = 64;
/// RFC 2047 §2 says 75; some senders put a whole subject into one word.
const WORD_BYTES_MAX: usize = 2 * 1024;

/// Encoded words that stand together, in one charset.
#[derive(Default)]
struct Run {
    charset: Option<String>,
    bytes: Vec<u8>,
}

impl Run {
    fn is_open(&self) -> bool {
        self.charset.is_some()
    }

    fn add(&mut self, word: &EncodedWord<'_>, out: &mut String) {
        if !self.charset.as_deref().is_some_and(|charset| charset.eq_ignore_ascii_case(word.charset)) {
            self.end(out);
            self.charset = Some(word.charset.to_owned());
        }
        self.bytes.extend_from_slice(&word.bytes());
    }

    fn end(&mut self, out: &mut String) {
        if let Some(charset) = self.charset.take() {
            out.push_str(&charset::decode(&self.bytes, Some(&charset)));
            self.bytes.clear();
        }
    }
}

/// RFC 2047 §4.2: `_` is a space, `=XX` a byte.
fn q_decoded(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while let [byte, more @ ..] = rest {
        rest = more;
        match (byte, more) {
            (b'_', _) => out.push(b' '),
            (b'=', [high, low, after @ ..]) => match (transfer::hex(*high), transfer::hex(*low)) {
                (Some(high), Some(low)) => {
                    out.push(high << 4 | low);
                    rest = after;
                }
                _ => out.push(b'='),
            },
            (byte, _) => out.push(*byte),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn header_text_is_decoded() {
        let check = |value: &[u8], expect: &str| assert_eq!(decode(value), expect, "{value:?}");
        check(b"plain", "plain");
        check(b"folded\r\n text\r\nbroken", "folded text broken");
        check(b"caf\xe9 au lait", "café au lait");
        check("zoë".as_bytes(), "zoë");
        check(b"=?utf-8?q?Zo=C3=AB_M=C3=BCller?=", "Zoë Müller");
        check(b"Angebot =?utf-8?b?ZsO8ciAxMg==?= now", "Angebot für 12 now");
        check(b"=?utf-8?Q?a?= =?utf-8?Q?b?=\r\n =?utf-8?Q?c?= d", "abc d");
        // A character of two bytes, split over two words.
        check(b"=?utf-8?Q?=C3=A4=C3?= =?UTF-8?Q?=B6_x?=", "äö x");
        check(b"=?utf-8?B?w6TD?=\r\n =?utf-8?B?tg==?=", "äö");
        check(b"=?iso-8859-1?q?caf=E9?= =?utf-8?q?_caf=C3=A9?=", "café café");
        check(b"=?utf-8*de?q?f=C3=BCr?=", "für");
        check(b"=?utf-8?q?a b?=", "a b");
        check(b"=?utf-8?x?a?= =?broken", "=?utf-8?x?a?= =?broken");
        check(b"=?iso-2022-jp?B?GyRCJDMkcxsoQg==?=", "こん");
        check(b"a\0\x07b", "ab");
    }

    proptest! {
        #[test]
        fn any_bytes_give_text_without_line_ends(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            prop_assert!(!decode(&bytes).contains(['\r', '\n']));
        }

        #[test]
        fn text_survives_words_split_at_any_byte(text in "\\PC{1,20}", at in 0usize..20) {
            let bytes = text.as_bytes();
            let q = |part: &[u8]| part.iter().map(|byte| format!("={byte:02X}")).collect::<String>();
            let (a, b) = bytes.split_at(at.min(bytes.len()));
            let value = format!("=?utf-8?Q?{}?= =?utf-8?Q?{}?=", q(a), q(b));
            prop_assert_eq!(words(&value), text);
        }
    }
}
