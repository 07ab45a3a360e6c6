//! Text as a mail can carry it. What passes through: what somebody typed, into lines and fields.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// Control characters and ends of lines have no place in a field.
pub(super) fn one_line(text: &str) -> String {
    let blank = |c: char| if c.is_control() || matches!(c, '\u{2028}' | '\u{2029}') { ' ' } else { c };
    text.trim().chars().map(blank).collect::<String>().trim().to_owned()
}

/// Text with the line ends of mail, and without what no line may hold.
pub(super) fn lines(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + text.len() / 32);
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\r' | '\n' => {
                if c == '\r' {
                    chars.next_if_eq(&'\n');
                }
                out.push_str("\r\n");
            }
            '\0' => {}
            c => out.push(c),
        }
    }
    if !out.is_empty() && !out.ends_with('\n') {
        out.push_str("\r\n");
    }
    out
}

/// Encoded words for any text (RFC 2047 §5), folded. For what would pass for encoded words itself.
pub(super) fn encoded_words(text: &str) -> String {
    let mut words = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let (word, more) = rest.split_at(rest.floor_char_boundary(WORD_BYTES));
        words.push(format!("=?utf-8?B?{}?=", STANDARD.encode(word)));
        rest = more;
    }
    words.join("\r\n ")
}

/// A word has at most 75 characters (RFC 2047 §2).
const WORD_BYTES: usize = 42;
