//! What a POP3 server says, read as it comes (RFC 1939 §3, RFC 2449 §8).
//!
//! What passes through: bytes, in whatever pieces they arrive; [`Event`]s come out. The text behind `+OK` is handed on
//! piece by piece, without the dots that protected it, and never held.
//!
//! *Invariant:* no socket and no time. The same bytes in other pieces are the same replies and texts. Only CRLF, a dot
//! and CRLF end a text.

use model::limits;

use crate::error::{ConnectError, Kind};

/// What the bytes said.
#[derive(Debug, PartialEq, Eq)]
pub enum Event<'b> {
    /// `+OK` or `-ERR`.
    Status(Status),
    /// `+`: the server waits for more of the command.
    Go(Vec<u8>),
    /// A piece of the text that was begun.
    Piece(&'b [u8]),
    /// The text is whole.
    End,
}

/// How a command ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Status {
    /// It went well.
    pub is_ok: bool,
    /// The code in brackets, in capitals.
    pub code: Option<String>,
    /// For people.
    pub text: String,
}

/// The reader: where it is in what came so far.
#[derive(Debug, Default)]
pub struct Replies {
    line: Vec<u8>,
    place: Place,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Place {
    /// In a line that says how a command ended.
    #[default]
    Status,
    /// At the first byte of a line of a text.
    Start,
    /// Behind a dot there.
    Dot,
    /// Behind a dot and CR there.
    DotCr,
    /// Within a line of a text.
    Inside,
    /// Within one, behind CR.
    Cr,
}

impl Replies {
    /// What comes next is a text: the command that was answered with `+OK` has one.
    pub fn begin_text(&mut self) {
        self.place = Place::Start;
    }

    /// The next event; `None` when all of `input` is read.
    ///
    /// # Errors
    /// [`Kind::Protocol`] and [`Kind::Limit`]. Nothing can be read after that.
    pub fn next<'b>(&mut self, input: &mut &'b [u8]) -> Result<Option<Event<'b>>, ConnectError> {
        loop {
            let Some((&first, rest)) = input.split_first() else { return Ok(None) };
            match self.place {
                Place::Status => return self.status(input),
                Place::Start if first == b'.' => (self.place, *input) = (Place::Dot, rest),
                Place::Dot if first == b'\r' => (self.place, *input) = (Place::DotCr, rest),
                Place::DotCr if first == b'\n' => {
                    (self.place, *input) = (Place::Status, rest);
                    return Ok(Some(Event::End));
                }
                // The dot protected a line that begins with CR.
                Place::DotCr => {
                    self.place = Place::Cr;
                    return Ok(Some(Event::Piece(b"\r")));
                }
                Place::Start | Place::Dot | Place::Inside | Place::Cr => {
                    return Ok(Some(Event::Piece(self.piece(input))));
                }
            }
        }
    }

    fn status(&mut self, input: &mut &[u8]) -> Result<Option<Event<'static>>, ConnectError> {
        let end = input.iter().position(|byte| *byte == b'\n');
        let (piece, rest) = input.split_at(end.map_or(input.len(), |end| end + 1));
        if self.line.len() + piece.len() > limits::POP3_LINE_BYTES_MAX {
            return Err(ConnectError::new(Kind::Limit, "the server sends a line that does not end"));
        }
        self.line.extend_from_slice(piece);
        *input = rest;
        if end.is_none() {
            return Ok(None);
        }
        let line = std::mem::take(&mut self.line);
        read(line.trim_ascii_end()).map(Some)
    }

    /// As much of the text as can be handed on as it is: up to the next line that begins with a dot.
    fn piece<'b>(&mut self, input: &mut &'b [u8]) -> &'b [u8] {
        let text = *input;
        let mut is_behind_cr = self.place == Place::Cr;
        let mut at = 0;
        while let Some(&byte) = text.get(at) {
            at += 1;
            if is_behind_cr && byte == b'\n' && text.get(at).is_none_or(|next| *next == b'.') {
                self.place = Place::Start;
                let (piece, rest) = text.split_at(at);
                *input = rest;
                return piece;
            }
            is_behind_cr = byte == b'\r';
        }
        self.place = if is_behind_cr { Place::Cr } else { Place::Inside };
        *input = &[];
        text
    }
}

/// A line that says how a command ended.
fn read(line: &[u8]) -> Result<Event<'static>, ConnectError> {
    let behind = |sign: &str| {
        let (first, rest) = line.split_at_checked(sign.len())?;
        let is_it = first.eq_ignore_ascii_case(sign.as_bytes());
        (is_it && rest.first().is_none_or(|byte| *byte == b' ')).then_some(rest.trim_ascii_start())
    };
    if let Some(rest) = behind("+OK") {
        return Ok(Event::Status(status(true, rest)));
    }
    if let Some(rest) = behind("-ERR") {
        return Ok(Event::Status(status(false, rest)));
    }
    if let Some(rest) = behind("+") {
        return Ok(Event::Go(rest.to_vec()));
    }
    Err(ConnectError::protocol("this is no reply of a POP3 server"))
}

fn status(is_ok: bool, text: &[u8]) -> Status {
    let text = String::from_utf8_lossy(text);
    match text.strip_prefix('[').and_then(|text| text.split_once(']')) {
        Some((code, behind)) => {
            let code = Some(code.to_ascii_uppercase());
            Status { is_ok, code, text: behind.trim_start().to_owned() }
        }
        None => Status { is_ok, code: None, text: text.into_owned() },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The text of one reply, cut into pieces of so many bytes, and what was left.
    fn text(raw: &[u8], size: usize) -> (Vec<u8>, bool) {
        let mut replies = Replies::default();
        replies.begin_text();
        let (mut text, mut is_whole) = (Vec::new(), false);
        for mut piece in raw.chunks(size) {
            while let Some(event) = replies.next(&mut piece).unwrap() {
                match event {
                    Event::Piece(bytes) => text.extend_from_slice(bytes),
                    Event::End => is_whole = true,
                    other => panic!("{other:?}"),
                }
            }
        }
        (text, is_whole)
    }

    #[test]
    fn a_text_ends_with_a_dot_alone_and_loses_those_that_protect() {
        for (said, expected, is_whole) in [
            (&b".\r\n"[..], &b""[..], true),
            (b"a\r\n.\r\n", b"a\r\n", true),
            (b"a\r\n..\r\n...b\r\n.c\r\n.\r\n", b"a\r\n.\r\n..b\r\nc\r\n", true),
            (b"a\n.\nb\r\n.\r\n", b"a\n.\nb\r\n", true),
            (b"a\r\n.\n.\r\n.\r\n", b"a\r\n\n.\r\n", true),
            (b"a\r\n.\rb\r\n.\r\r\n.\r\n", b"a\r\n\rb\r\n\r\r\n", true),
            (b"a\r.\r\n\r\n.\r\n", b"a\r.\r\n\r\n", true),
            (b"a\r\n.\r", b"a\r\n", false),
        ] {
            for size in 1..=said.len() {
                assert_eq!(text(said, size), (expected.to_vec(), is_whole), "{size} {said:?}");
            }
        }
    }

    #[test]
    fn a_reply_is_a_word_and_what_stands_behind_it() {
        fn read(line: &[u8]) -> Option<Event<'_>> {
            Replies::default().next(&mut &*line).unwrap()
        }
        let said = |is_ok, code: Option<&str>, text: &str| {
            let (code, text) = (code.map(str::to_owned), text.to_owned());
            Some(Event::Status(Status { is_ok, code, text }))
        };
        assert_eq!(read(b"+OK\r\n"), said(true, None, ""));
        assert_eq!(read(b"+ok 2 messages\r\n"), said(true, None, "2 messages"));
        assert_eq!(read(b"-ERR [in-use] wait\r\n"), said(false, Some("IN-USE"), "wait"));
        assert_eq!(read(b"+ YWJj\r\n"), Some(Event::Go(b"YWJj".to_vec())));
        assert_eq!(read(b"+OK and so"), None);
        for wrong in [&b"+OKAY\r\n"[..], b"* OK\r\n", b"220 x\r\n", b"\r\n", b"+\xffOK\r\n"] {
            assert!(Replies::default().next(&mut &*wrong).is_err(), "{wrong:?}");
        }
        assert!(Replies::default().next(&mut &vec![b'x'; 1 << 20][..]).is_err());
    }
}
