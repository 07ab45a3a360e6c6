//! The bytes between DATA and the final dot (RFC 5321 §4.1.1.4, §4.5.2), and the line ends of those behind BDAT.
//!
//! What passes through: pieces as they come from the wire, split anywhere; the message comes out
//! with its dots unstuffed, line ends as they came.
//!
//! *Invariant:* only CRLF.CRLF ends a message after DATA. LF.LF, LF.CRLF, CR.CR, CRLF.LF and their kin are part
//! of it, so nobody can smuggle a second message inside the first.

/// Reads one message. A new reader stands at the start of a line: the CRLF of the DATA command counts
/// as the first of CRLF.CRLF.
#[derive(Debug)]
pub(crate) struct DataReader {
    place: Place,
    bare_line_ends: bool,
}

/// Where in a line the next byte stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// After CRLF, or at the very beginning.
    LineStart,
    /// After a dot at the start of a line; the dot is dropped.
    Dot,
    /// After that dot and a CR; the CR is held back, for it may belong to the end.
    DotCr,
    /// Inside a line.
    Text,
    /// After a CR inside a line.
    Cr,
}

impl DataReader {
    pub(crate) fn new() -> Self {
        DataReader { place: Place::LineStart, bare_line_ends: false }
    }

    /// Whether a CR without LF or an LF without CR was seen.
    pub(crate) fn bare_line_ends(&self) -> bool {
        self.bare_line_ends
    }

    /// Appends what belongs to the message. Gives how many bytes of `input` belong to it, with the
    /// final CRLF.CRLF, once it has ended; `None` when all of `input` was taken and more must come.
    pub(crate) fn read(&mut self, input: &[u8], message: &mut Vec<u8>) -> Option<usize> {
        // Everything of `input` before `kept` is already in the message, or dropped.
        let mut kept = 0;
        let mut at = 0;
        while let Some(&byte) = input.get(at) {
            match (self.place, byte) {
                (Place::LineStart, b'.') => {
                    message.extend_from_slice(input.get(kept..at).unwrap_or_default());
                    self.place = Place::Dot;
                    at += 1;
                    kept = at;
                }
                (Place::Dot, b'\r') => {
                    self.place = Place::DotCr;
                    at += 1;
                    kept = at;
                }
                (Place::DotCr, b'\n') => {
                    self.place = Place::LineStart;
                    return Some(at + 1);
                }
                (Place::DotCr, _) => {
                    message.push(b'\r');
                    self.place = Place::Cr;
                }
                (Place::Cr, b'\n') => {
                    self.place = Place::LineStart;
                    at += 1;
                }
                (Place::Cr, _) => {
                    self.bare_line_ends = true;
                    self.place = Place::Text;
                }
                (_, b'\r') => {
                    self.place = Place::Cr;
                    at += 1;
                }
                (_, b'\n') => {
                    self.bare_line_ends = true;
                    self.place = Place::Text;
                    at += 1;
                }
                _ => {
                    self.place = Place::Text;
                    at = past_plain_lines(input, at);
                }
            }
        }
        message.extend_from_slice(input.get(kept..).unwrap_or_default());
        None
    }
}

/// Looks at the line ends of bytes that come in counted chunks (RFC 3030), and changes nothing.
#[derive(Debug, Default)]
pub(crate) struct LineEnds {
    after_cr: bool,
    bare: bool,
}

impl LineEnds {
    /// Looks at the next bytes.
    pub(crate) fn look(&mut self, bytes: &[u8]) {
        let mut at = 0;
        while let Some(&byte) = bytes.get(at) {
            if self.after_cr || byte == b'\n' {
                self.bare |= !(self.after_cr && byte == b'\n');
            }
            self.after_cr = byte == b'\r';
            at += 1;
            if !self.after_cr {
                at += up_to_line_end(bytes.get(at..).unwrap_or_default());
            }
        }
    }

    /// Whether a CR without LF or an LF without CR was seen, the message being over.
    pub(crate) fn bare(&self) -> bool {
        self.bare || self.after_cr
    }
}

/// Goes on to the next byte that needs a thought: over text, and over line ends that no dot follows.
fn past_plain_lines(input: &[u8], mut at: usize) -> usize {
    loop {
        let rest = input.get(at..).unwrap_or_default();
        let text = up_to_line_end(rest);
        at += text;
        match rest.get(text..) {
            Some([b'\r', b'\n', next, ..]) if *next != b'.' => at += 2,
            _ => return at,
        }
    }
}

/// How many bytes stand before the next CR or LF. Most bytes of a mail pass here, so eight are tested
/// at once.
fn up_to_line_end(bytes: &[u8]) -> usize {
    let (words, tail) = bytes.as_chunks::<8>();
    for (number, word) in words.iter().enumerate() {
        let word = u64::from_le_bytes(*word);
        let found = marks(word, b'\r') | marks(word, b'\n');
        if found != 0 {
            return number * 8 + found.trailing_zeros() as usize / 8;
        }
    }
    let is_line_end = |byte: &u8| matches!(byte, b'\r' | b'\n');
    words.len() * 8 + tail.iter().position(is_line_end).unwrap_or(tail.len())
}

/// Marks the bytes of `word` that are `byte` with their highest bit. Only the lowest mark is sure: a
/// borrow may set one above it, never below.
const fn marks(word: u64, byte: u8) -> u64 {
    const EVERY_LOWEST: u64 = u64::from_le_bytes([0x01; 8]);
    const EVERY_HIGHEST: u64 = u64::from_le_bytes([0x80; 8]);
    let zero_where_equal = word ^ u64::from_le_bytes([byte; 8]);
    zero_where_equal.wrapping_sub(EVERY_LOWEST) & !zero_where_equal & EVERY_HIGHEST
}

#[cfg(test)]
mod tests;
