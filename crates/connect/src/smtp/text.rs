//! A mail as it travels: what its bytes demand of a server, and how they go over the line.

use memchr::{memchr, memchr2_iter, memmem};

/// Bytes that go out at once, about.
pub(super) const PIECE_BYTES: usize = 64 * 1024;

/// A mail that was looked through.
#[derive(Debug, Clone, Copy)]
pub(super) struct Text<'m> {
    pub(super) raw: &'m [u8],
    pub(super) is_ascii: bool,
    /// RFC 6532: only SMTPUTF8 may bring others.
    pub(super) has_ascii_header: bool,
    /// Whether each CR stands before an LF, and each LF behind a CR. Others would end a line for some servers and not
    /// for others, and so let a mail write another one.
    pub(super) is_clean: bool,
}

impl<'m> Text<'m> {
    pub(super) fn of(raw: &'m [u8]) -> Self {
        let is_ascii = raw.is_ascii();
        let blank = memmem::find(raw, b"\n\r\n").or_else(|| memmem::find(raw, b"\n\n"));
        let header = raw.get(..blank.unwrap_or(raw.len())).unwrap_or_default();
        Text { raw, is_ascii, has_ascii_header: is_ascii || header.is_ascii(), is_clean: is_clean(raw) }
    }

    /// Whether its bytes can be counted and sent as they are.
    pub(super) fn is_whole(&self) -> bool {
        self.is_clean && self.raw.ends_with(b"\r\n")
    }

    /// For DATA.
    pub(super) fn pieces(&self) -> Pieces<'m> {
        Pieces { rest: self.raw, is_line_start: true }
    }
}

/// Whether each CR of a mail stands before an LF, and each LF behind a CR. Another one would end a line for some who read it and
/// not for others.
pub fn is_clean(raw: &[u8]) -> bool {
    let mut places = memchr2_iter(b'\r', b'\n', raw);
    while let Some(place) = places.next() {
        let is_pair = raw.get(place..place + 2) == Some(b"\r\n");
        if !is_pair || places.next() != Some(place + 1) {
            return false;
        }
    }
    true
}

/// The message behind DATA: lines end with CRLF, leading dots are doubled, and a dot ends it (RFC 5321 §4.5.2).
#[derive(Debug)]
pub(super) struct Pieces<'m> {
    rest: &'m [u8],
    is_line_start: bool,
}

impl Pieces<'_> {
    /// The next piece. Says whether it is the last one, with the dot.
    pub(super) fn fill(&mut self, piece: &mut Vec<u8>) -> bool {
        piece.clear();
        while piece.len() < PIECE_BYTES {
            if self.rest.is_empty() {
                if !self.is_line_start {
                    piece.extend_from_slice(b"\r\n");
                }
                piece.extend_from_slice(b".\r\n");
                return true;
            }
            self.line(piece);
        }
        false
    }

    /// One line, or the next part of a long one.
    fn line(&mut self, piece: &mut Vec<u8>) {
        let near = self.rest.get(..PIECE_BYTES).unwrap_or(self.rest);
        let end = memchr(b'\n', near).map(|place| place + 1);
        // A CR at the end of a part may belong to an LF behind it.
        let is_cut_before_lf = end.is_none() && near.len() < self.rest.len() && near.ends_with(b"\r");
        let length = end.unwrap_or(near.len() - usize::from(is_cut_before_lf));
        let (line, rest) = self.rest.split_at(length);
        if self.is_line_start && line.starts_with(b".") {
            piece.push(b'.');
        }
        let is_end = end.is_some() || rest.is_empty();
        let text = line.strip_suffix(b"\n").unwrap_or(line);
        piece.extend_from_slice(if is_end { text.strip_suffix(b"\r").unwrap_or(text) } else { text });
        if is_end {
            piece.extend_from_slice(b"\r\n");
        }
        (self.rest, self.is_line_start) = (rest, is_end);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn in_transit(raw: &[u8]) -> Vec<u8> {
        let (mut pieces, mut piece, mut all) = (Text::of(raw).pieces(), Vec::new(), Vec::new());
        loop {
            let is_last = pieces.fill(&mut piece);
            all.extend_from_slice(&piece);
            if is_last {
                return all;
            }
        }
    }

    #[test]
    fn lines_travel_whole_whatever_their_length() {
        assert_eq!(in_transit(b".a\r\n.\r\n\r\nb\n..c"), b"..a\r\n..\r\n\r\nb\r\n...c\r\n.\r\n");
        assert_eq!(in_transit(b""), b".\r\n");
        for length in PIECE_BYTES - 2..PIECE_BYTES + 2 {
            let line = [&vec![b'.'; length], b"\r\n".as_slice()].concat();
            let raw = [line.as_slice(), &line].concat();
            let expected = [b".", line.as_slice(), b".", &line, b".\r\n"].concat();
            assert!(in_transit(&raw) == expected, "{length}");
        }
    }

    #[test]
    fn what_a_mail_demands() {
        let demands = |raw: &str| {
            let text = Text::of(raw.as_bytes());
            (text.is_ascii, text.has_ascii_header, text.is_clean)
        };
        assert_eq!(demands("A: b\r\n\r\nc\r\n"), (true, true, true));
        assert_eq!(demands("A: b\r\n\r\nü\r\n"), (false, true, true));
        assert_eq!(demands("A: ü\r\n\r\nc\r\n"), (false, false, true));
        assert!(Text::of(b"A: b\r\n").is_whole() && !Text::of(b"A: b").is_whole());
        for dirty in ["a\nb\r\n", "a\r\r\n", "\na\r\n", "a\r\n\n", "a\r", "a\r\n.\rb\r\n"] {
            assert!(!Text::of(dirty.as_bytes()).is_clean, "{dirty:?}");
        }
    }
}
