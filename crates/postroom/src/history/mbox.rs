//! Reads a mailbox file (mbox) message by message, however large it is.
//!
//! What passes through: the file's bytes, into messages without their parting lines and quoting. No more than one
//! message is held, and of a message no more than [`limits::MESSAGE_BYTES_MAX`].
//!
//! A message ends at a blank line before a line that parts by its form ([`message::mbox::is_from_line`]) and is
//! followed by a header field, in files of Mozilla's programs without that blank line too; or where its
//! Content-Length says, if the file goes on there with such a line or ends. A Content-Length that does not fit is no
//! evidence: programs change messages and leave it as it was. Where it fits, lines may be quoted all the same (mboxcl)
//! or not (mboxcl2): one "From " without a quote shows which.

use std::io::{self, BufRead, BufReader, Read, Seek};

use message::mbox::{self, Form};
use model::limits;

/// A mailbox file under way.
#[derive(Debug)]
pub struct Mbox<R> {
    input: BufReader<R>,
    form: Form,
    has_patches: bool,
    has_undated: bool,
    is_of_mozilla: bool,
    /// A body that its length ends had a line that begins with "From ": the file quotes none (mboxcl2).
    is_unquoted: bool,
    /// Where the next line begins in the file.
    at: u64,
    /// A line that was read ahead of its time.
    ahead: Option<Line>,
    /// Where the parting line begins whose message is next.
    next: Option<u64>,
}

/// One message of a file.
#[derive(Debug, PartialEq, Eq)]
pub struct Piece {
    /// Where its parting line begins: the byte in the file.
    pub offset: u64,
    /// Its bytes, as they stand in the file but for quoting; cut where it is too large.
    pub raw: Vec<u8>,
    /// How long it is in truth.
    pub size: u64,
}

impl Piece {
    /// Whether it is larger than any mail may be.
    pub fn is_too_large(&self) -> bool {
        self.size > limits::MESSAGE_BYTES_MAX as u64
    }

    fn push(&mut self, bytes: &[u8]) {
        self.size += bytes.len() as u64;
        let room = (limits::MESSAGE_BYTES_MAX + 1).saturating_sub(self.raw.len());
        self.raw.extend_from_slice(bytes.get(..room).unwrap_or(bytes));
    }
}

/// A line with its end, or a part of a long one.
#[derive(Debug)]
struct Line {
    bytes: Vec<u8>,
    offset: u64,
    /// It begins where a line begins.
    is_start: bool,
}

impl Line {
    fn is_blank(&self) -> bool {
        self.is_start && matches!(self.bytes.as_slice(), b"\n" | b"\r\n")
    }

    fn ends(&self) -> bool {
        self.bytes.ends_with(b"\n")
    }
}

impl<R: Read + Seek> Mbox<R> {
    /// Opens a file at its beginning; `None` where it is no mailbox file: it does not begin with a parting line
    /// and a header field.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn open(file: R, form: Form) -> io::Result<Option<Self>> {
        let input = BufReader::with_capacity(READ_BYTES, file);
        let mut mbox = Mbox {
            input,
            form,
            has_patches: true,
            has_undated: true,
            is_of_mozilla: false,
            is_unquoted: false,
            at: 0,
            ahead: None,
            next: None,
        };
        while let Some(line) = mbox.line(true)? {
            if line.is_blank() {
                continue;
            }
            let text = line.bytes.strip_prefix(mbox::BYTE_ORDER_MARK).unwrap_or(&line.bytes).to_vec();
            let line = Line { bytes: text, ..line };
            mbox.has_patches = mbox::is_patch_line(&line.bytes);
            mbox.has_undated = mbox::is_undated_from_line(&line.bytes);
            mbox.is_of_mozilla = mbox::is_mozilla_line(&line.bytes);
            if mbox.parts(&line)? {
                mbox.next = Some(line.offset);
                return Ok(Some(mbox));
            }
            break;
        }
        Ok(None)
    }

    /// Bytes of the file that lie behind.
    pub fn position(&self) -> u64 {
        self.ahead.as_ref().map_or(self.at, |line| line.offset)
    }

    /// The next message; one that is empty is passed over.
    ///
    /// # Errors
    /// When the file cannot be read; what came before stands.
    pub fn next_piece(&mut self) -> io::Result<Option<Piece>> {
        while let Some(offset) = self.next.take() {
            let mut piece = Piece { offset, raw: Vec::new(), size: 0 };
            let length = self.header(&mut piece)?;
            if !self.body_by_length(&mut piece, length)? {
                self.body_by_lines(&mut piece)?;
            }
            if !piece.raw.trim_ascii().is_empty() {
                return Ok(Some(piece));
            }
        }
        Ok(None)
    }

    /// Takes the header with the blank line behind it; the Content-Length it names. It may be all there is.
    fn header(&mut self, piece: &mut Piece) -> io::Result<Option<u64>> {
        let (mut length, mut is_start) = (None, true);
        while let Some(line) = self.line(is_start)? {
            piece.push(&line.bytes);
            if line.is_blank() {
                break;
            }
            if line.is_start {
                length = mbox::content_length(&line.bytes).or(length);
            }
            is_start = line.ends();
        }
        Ok(length)
    }

    /// Takes the body whole where a length fits.
    fn body_by_length(&mut self, piece: &mut Piece, length: Option<u64>) -> io::Result<bool> {
        let Some(length) = length.filter(|length| *length <= limits::MESSAGE_BYTES_MAX as u64) else {
            return Ok(false);
        };
        if self.ahead.is_some() || !self.goes_on_behind(length)? {
            return Ok(false);
        }
        let start = piece.raw.len();
        let body = self.input.by_ref().take(length).read_to_end(&mut piece.raw)?;
        self.at += body as u64;
        piece.size = piece.raw.len() as u64;
        if piece.raw.get(start..).is_some_and(|body| body.len() as u64 != length) {
            // The file shrank meanwhile: what is here is all there is.
            return Ok(true);
        }
        let body = piece.raw.split_off(start);
        self.is_unquoted |= body.split(|byte| *byte == b'\n').any(|line| line.starts_with(b"From "));
        let form = if self.is_unquoted { Form::Cl2 } else { self.form };
        for line in body.split_inclusive(|byte| *byte == b'\n') {
            piece.raw.extend_from_slice(mbox::unquoted(line, form));
        }
        piece.size = piece.raw.len() as u64;
        while let Some(line) = self.line(true)? {
            if !line.is_blank() {
                self.next = Some(line.offset);
                break;
            }
        }
        Ok(true)
    }

    /// Whether the file ends, or goes on with a parting line, so many bytes from here.
    fn goes_on_behind(&mut self, length: u64) -> io::Result<bool> {
        let Ok(distance) = i64::try_from(length) else { return Ok(false) };
        let back = self.at;
        // A byte before, so that a length that ends within a line is seen.
        self.input.seek_relative((distance - 1).max(0))?;
        self.at = back + length.saturating_sub(1);
        let fits = self.goes_on_here(length > 0)?;
        let moved = i64::try_from(self.at).unwrap_or(i64::MAX) - i64::try_from(back).unwrap_or(0);
        self.ahead = None;
        self.input.seek_relative(-moved)?;
        self.at = back;
        Ok(fits)
    }

    fn goes_on_here(&mut self, has_byte_before: bool) -> io::Result<bool> {
        let mut is_start = true;
        if has_byte_before {
            let mut last = [0; 1];
            if self.input.read(&mut last)? == 0 {
                return Ok(false);
            }
            self.at += 1;
            is_start = last == *b"\n";
        }
        for _ in 0..BLANK_LINES_MAX {
            let Some(line) = self.line(is_start)? else { return Ok(true) };
            let is_end_of_line = matches!(line.bytes.as_slice(), b"\n" | b"\r\n");
            if !is_end_of_line {
                return Ok(is_start && self.parts(&line)?);
            }
            is_start = true;
        }
        Ok(false)
    }

    /// Takes the body line by line, without its quoting, up to the next parting line.
    fn body_by_lines(&mut self, piece: &mut Piece) -> io::Result<()> {
        let (mut after_blank, mut is_start) = (piece.raw.ends_with(b"\n\n") || ends_blank(&piece.raw), true);
        while let Some(line) = self.line(is_start)? {
            let may_part = after_blank || (self.is_of_mozilla && mbox::is_mozilla_line(&line.bytes));
            if may_part && line.is_start && line.bytes.starts_with(b"From ") && self.parts(&line)? {
                self.next = Some(line.offset);
                // The blank line before it belongs to the file.
                let end = if piece.raw.ends_with(b"\r\n") { 2 } else { 1 };
                if after_blank && !piece.is_too_large() {
                    piece.raw.truncate(piece.raw.len().saturating_sub(end));
                    piece.size = piece.raw.len() as u64;
                }
                return Ok(());
            }
            after_blank = line.is_blank();
            is_start = line.ends();
            let text = if line.is_start { mbox::unquoted(&line.bytes, self.form) } else { &line.bytes };
            piece.push(text);
        }
        Ok(())
    }

    /// Whether a line parts messages: by its form, and by a header field behind it.
    fn parts(&mut self, line: &Line) -> io::Result<bool> {
        let is_dated =
            mbox::is_from_line(&line.bytes) && (self.has_patches || !mbox::is_patch_line(&line.bytes));
        let is_undated = self.has_undated && mbox::is_undated_from_line(&line.bytes);
        if !line.is_start || !(is_dated || is_undated) {
            return Ok(false);
        }
        let ahead = self.line(true)?;
        // At the end of a file that was cut off nothing may follow.
        let parts = ahead.as_ref().is_none_or(|next| mbox::is_field_line(&next.bytes));
        self.ahead = ahead;
        Ok(parts)
    }

    /// The next line; a long one comes in parts.
    fn line(&mut self, is_start: bool) -> io::Result<Option<Line>> {
        if let Some(line) = self.ahead.take() {
            return Ok(Some(line));
        }
        let mut bytes = Vec::new();
        self.input.by_ref().take(limits::LINE_BYTES_MAX as u64).read_until(b'\n', &mut bytes)?;
        let offset = self.at;
        self.at += bytes.len() as u64;
        Ok((!bytes.is_empty()).then_some(Line { bytes, offset, is_start }))
    }
}

/// Bytes read at once: large files are read in few steps.
const READ_BYTES: usize = 256 * 1024;
/// Empty lines that may stand between two messages.
const BLANK_LINES_MAX: usize = 3;

fn ends_blank(header: &[u8]) -> bool {
    header.ends_with(b"\n\r\n") || header == b"\n" || header == b"\r\n"
}

#[cfg(test)]
mod beside;
#[cfg(test)]
mod tests;
