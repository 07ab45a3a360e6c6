//! Content-Transfer-Encoding (RFC 2045 §6). What passes through: encoded bodies, into the bytes they stand for.
//!
//! Never fails: what is broken is read as far as it goes, for a damaged attachment is better than none.

use std::borrow::Cow;

/// How a body is encoded for transport. `7bit`, `8bit`, `binary` and unknown names leave it as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Encoding {
    Plain,
    QuotedPrintable,
    Base64,
}

impl Encoding {
    /// The encoding with this name, in any case.
    pub(crate) fn from_name(name: &str) -> Self {
        let name = name.trim();
        if name.eq_ignore_ascii_case("base64") {
            Encoding::Base64
        } else if name.eq_ignore_ascii_case("quoted-printable") {
            Encoding::QuotedPrintable
        } else {
            Encoding::Plain
        }
    }

    /// The name that goes into a table.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Encoding::Plain => "7bit",
            Encoding::QuotedPrintable => "quoted-printable",
            Encoding::Base64 => "base64",
        }
    }
}

/// The bytes that an encoded body stands for.
pub(crate) fn decode(encoded: &[u8], encoding: Encoding) -> Cow<'_, [u8]> {
    match encoding {
        Encoding::Plain => Cow::Borrowed(encoded),
        Encoding::QuotedPrintable => Cow::Owned(quoted_printable(encoded)),
        Encoding::Base64 => Cow::Owned(base64(encoded)),
    }
}

/// How many bytes `decode` would give, without keeping them.
pub(crate) fn decoded_len(encoded: &[u8], encoding: Encoding) -> usize {
    match encoding {
        Encoding::Plain => encoded.len(),
        Encoding::QuotedPrintable => quoted_printable(encoded).len(),
        Encoding::Base64 => base64_len(encoded),
    }
}

fn base64_len(encoded: &[u8]) -> usize {
    let (mut len, mut count) = (0usize, 0usize);
    for byte in encoded {
        if sextet(*byte).is_some() {
            count += 1;
        } else if *byte == b'=' {
            len += count / 4 * 3 + (count % 4).saturating_sub(1);
            count = 0;
        }
    }
    len + count / 4 * 3 + (count % 4).saturating_sub(1)
}

/// RFC 2045 §6.8: characters outside the alphabet are ignored; padding in the middle only ends a quantum.
pub(crate) fn base64(encoded: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(encoded.len() / 4 * 3 + 3);
    let (mut bits, mut count) = (0u32, 0u32);
    for byte in encoded {
        if let Some(value) = sextet(*byte) {
            bits = bits << 6 | u32::from(value);
            count += 1;
            if count == 4 {
                let [_, a, b, c] = bits.to_be_bytes();
                out.extend_from_slice(&[a, b, c]);
                (bits, count) = (0, 0);
            }
        } else if *byte == b'=' && count > 0 {
            rest(&mut out, bits, count);
            (bits, count) = (0, 0);
        }
    }
    rest(&mut out, bits, count);
    out
}

fn rest(out: &mut Vec<u8>, bits: u32, count: u32) {
    match count {
        2 => out.push((bits >> 4) as u8),
        3 => out.extend_from_slice(&[(bits >> 10) as u8, (bits >> 2) as u8]),
        _ => {}
    }
}

fn sextet(byte: u8) -> Option<u8> {
    let value = SEXTETS.get(usize::from(byte)).copied().unwrap_or(NONE);
    (value != NONE).then_some(value)
}

const NONE: u8 = 0xff;

static SEXTETS: [u8; 256] = {
    let alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut table = [NONE; 256];
    let mut i = 0;
    while i < 64 {
        table[alphabet[i] as usize] = i as u8;
        i += 1;
    }
    table
};

/// RFC 2045 §6.7: white space before a line end is transport's, `=` before one is a soft break.
fn quoted_printable(encoded: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(encoded.len());
    for line in encoded.split_inclusive(|byte| *byte == b'\n') {
        let text = line.strip_suffix(b"\n").unwrap_or(line);
        let text = text.strip_suffix(b"\r").unwrap_or(text);
        let end = line.get(text.len()..).unwrap_or_default();
        let text = text.trim_ascii_end();
        match text.strip_suffix(b"=") {
            Some(soft) => escapes(soft, &mut out),
            None => {
                escapes(text, &mut out);
                out.extend_from_slice(end);
            }
        }
    }
    out
}

fn escapes(text: &[u8], out: &mut Vec<u8>) {
    let mut rest = text;
    while let Some(at) = rest.iter().position(|byte| *byte == b'=') {
        let (before, tail) = rest.split_at(at);
        out.extend_from_slice(before);
        match tail {
            [_, high, low, more @ ..] if hex(*high).is_some() && hex(*low).is_some() => {
                out.push(hex(*high).unwrap_or(0) << 4 | hex(*low).unwrap_or(0));
                rest = more;
            }
            [equals, more @ ..] => {
                out.push(*equals);
                rest = more;
            }
            [] => break,
        }
    }
    out.extend_from_slice(rest);
}

/// The value of one hexadecimal digit, in any case.
pub(crate) fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bodies_are_decoded_even_when_broken() {
        let check = |name: &str, encoded: &str, expect: &str| {
            let encoding = Encoding::from_name(name);
            let decoded = decode(encoded.as_bytes(), encoding);
            assert_eq!(String::from_utf8_lossy(&decoded), expect, "{name} {encoded:?}");
            assert_eq!(decoded_len(encoded.as_bytes(), encoding), decoded.len(), "{name} {encoded:?}");
        };
        check("BASE64", "aGVsbG8=", "hello");
        check("base64", "aGVs\r\nbG8", "hello");
        check("base64", "a-G!V sbG8=", "hello");
        check("base64", "", "");
        check("base64", "aGk=aGVsbG8=", "hihello");
        check("quoted-printable", "a=3Db=\r\nc  \r\nd=E2=82=AC", "a=bc\r\nd€");
        check("quoted-printable", "50=% =G1 =", "50=% =G1 ");
        check("8bit", "a=3D", "a=3D");
    }
}
