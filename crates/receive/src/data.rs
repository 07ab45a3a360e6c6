//! The bytes between DATA and the final dot (RFC 5321 §4.1.1.4, §4.5.2).
//!
//! What passes through: chunks as they come from the wire, split anywhere; the message comes out
//! with its dots unstuffed, line ends as they came.
//!
//! *Invariant:* only CRLF.CRLF ends a message. LF.LF, LF.CRLF, CR.CR, CRLF.LF and their kin are part
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
                    at += up_to_line_end(input.get(at..).unwrap_or_default());
                }
            }
        }
        message.extend_from_slice(input.get(kept..).unwrap_or_default());
        None
    }
}

/// How many bytes stand before the next CR or LF. Whole blocks are tested at once, in a form that
/// the compiler turns into vector instructions: most bytes of a mail pass here.
fn up_to_line_end(bytes: &[u8]) -> usize {
    const BLOCK_BYTES: usize = 32;
    let is_line_end = |byte: &u8| (*byte == b'\r') | (*byte == b'\n');
    let blocks = bytes.chunks_exact(BLOCK_BYTES);
    let clean = blocks.take_while(|block| !block.iter().fold(false, |any, byte| any | is_line_end(byte)));
    let skipped = clean.count() * BLOCK_BYTES;
    let rest = bytes.get(skipped..).unwrap_or_default();
    skipped + rest.iter().position(is_line_end).unwrap_or(rest.len())
}

#[cfg(test)]
mod tests;
