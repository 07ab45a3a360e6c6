//! The words of one answer: atoms, texts and parentheses (RFC 9051 §9), as a flat list.
//!
//! What passes through: pieces of a line between literals, and the literals; [`Word`]s come out.
//!
//! *Invariant:* nothing here calls itself, and the number of words, their bytes and their depth are bounded.

use model::limits;

use crate::error::{ConnectError, Kind};

/// One word.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Word {
    /// `(`
    Open,
    /// `)`
    Close,
    /// What stands without quotes: names, numbers, flags, NIL.
    Atom(Vec<u8>),
    /// A quoted string, or a literal that was kept.
    Text(Vec<u8>),
    /// A literal of so many bytes that was handed on piece by piece.
    Streamed(u64),
}

impl Word {
    /// Whether it is this atom, in any case.
    pub fn is(&self, name: &str) -> bool {
        matches!(self, Word::Atom(atom) if atom.eq_ignore_ascii_case(name.as_bytes()))
    }

    /// The number that it is.
    pub fn number(&self) -> Option<u64> {
        let Word::Atom(digits) = self else { return None };
        number(digits)
    }

    /// Its bytes, quoted or not; `None` of a parenthesis, and of NIL.
    pub fn text(&self) -> Option<&[u8]> {
        match self {
            Word::Text(text) => Some(text),
            Word::Atom(atom) if !self.is("NIL") => Some(atom),
            _ => None,
        }
    }
}

/// Digits and nothing else, without a sign.
pub(crate) fn number(digits: &[u8]) -> Option<u64> {
    let is_number = !digits.is_empty() && digits.iter().all(u8::is_ascii_digit);
    is_number.then(|| std::str::from_utf8(digits).ok()?.parse().ok()).flatten()
}

/// The words of an answer under way.
#[derive(Debug, Default)]
pub(crate) struct Words {
    words: Vec<Word>,
    depth: usize,
    bytes: usize,
}

/// Bytes that one answer may hold: a header and a line.
const BYTES_MAX: usize = limits::HEADER_BYTES_MAX + limits::IMAP_LINE_BYTES_MAX;

impl Words {
    pub(crate) fn all(&self) -> &[Word] {
        &self.words
    }

    /// All of an answer that is over.
    ///
    /// # Errors
    /// Where a parenthesis is still open.
    pub(crate) fn end(self) -> Result<Vec<Word>, ConnectError> {
        if self.depth == 0 { Ok(self.words) } else { Err(unreadable()) }
    }

    /// Reads a piece of a line; says how long the literal is that it announces at its end.
    pub(crate) fn piece(&mut self, mut line: &[u8]) -> Result<Option<u64>, ConnectError> {
        while let Some(first) = line.first() {
            let (word, used) = match first {
                b' ' => {
                    line = line.get(1..).unwrap_or_default();
                    continue;
                }
                b'(' => (Word::Open, 1),
                b')' => (Word::Close, 1),
                b'"' => quoted(line)?,
                b'{' | b'~' if announced(line).is_some() => return Ok(announced(line)),
                b'{' => return Err(unreadable()),
                _ => atom(line),
            };
            self.push(word)?;
            line = line.get(used..).unwrap_or_default();
        }
        Ok(None)
    }

    /// A literal that was kept.
    pub(crate) fn push(&mut self, word: Word) -> Result<(), ConnectError> {
        match &word {
            Word::Open => self.depth += 1,
            Word::Close => self.depth = self.depth.checked_sub(1).ok_or_else(unreadable)?,
            Word::Atom(bytes) | Word::Text(bytes) => self.bytes += bytes.len(),
            Word::Streamed(_) => {}
        }
        let is_too_much = self.depth > limits::IMAP_DEPTH_MAX
            || self.words.len() >= limits::IMAP_WORDS_MAX
            || self.bytes > BYTES_MAX;
        if is_too_much {
            return Err(ConnectError::new(Kind::Limit, "the server sends an answer that is too large"));
        }
        self.words.push(word);
        Ok(())
    }
}

/// `{5}`, `{5+}` or `~{5}` as all that is left of a line.
pub(crate) fn announced(line: &[u8]) -> Option<u64> {
    let line = line.strip_prefix(b"~").unwrap_or(line);
    let digits = line.strip_prefix(b"{")?.strip_suffix(b"}")?;
    number(digits.strip_suffix(b"+").unwrap_or(digits))
}

/// A quoted string and its length with quotes.
fn quoted(line: &[u8]) -> Result<(Word, usize), ConnectError> {
    let mut text = Vec::new();
    let mut bytes = line.iter().enumerate().skip(1);
    while let Some((at, byte)) = bytes.next() {
        match byte {
            b'"' => return Ok((Word::Text(text), at + 1)),
            b'\\' => text.extend(bytes.next().map(|(_, escaped)| *escaped)),
            _ => text.push(*byte),
        }
    }
    Err(unreadable())
}

/// An atom and its length. The section of `BODY[…]` belongs to it, blanks and parentheses included; other brackets are
/// letters, for keywords and names of folders may have them.
fn atom(line: &[u8]) -> (Word, usize) {
    let is_end = |byte: &u8| matches!(byte, b' ' | b'(' | b')' | b'"' | b'{');
    let mut end = line.iter().position(is_end).unwrap_or(line.len()).max(1);
    // Never to the end of the line: every atom would cost as much as all that is behind it.
    let named = line.get(..end).unwrap_or_default();
    let section = named.iter().position(|byte| *byte == b'[').filter(|at| {
        let name = named.get(..*at).unwrap_or_default();
        [&b"BODY"[..], b"BINARY", b"BINARY.SIZE"].iter().any(|item| item.eq_ignore_ascii_case(name))
    });
    let near = line.get(..limits::IMAP_SECTION_BYTES_MAX).unwrap_or(line);
    let closed = section.and_then(|_| near.iter().position(|byte| *byte == b']'));
    if let Some(closed) = closed {
        let rest = line.get(closed..).unwrap_or_default();
        end = closed + rest.iter().position(is_end).unwrap_or(rest.len());
    }
    (Word::Atom(line.get(..end).unwrap_or_default().to_vec()), end)
}

pub(crate) fn unreadable() -> ConnectError {
    ConnectError::protocol("the server sends an answer that cannot be read")
}
