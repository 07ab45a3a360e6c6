//! What an IMAP server says, read as it comes (RFC 3501 §7, RFC 9051 §7).
//!
//! What passes through: bytes, in whatever pieces they arrive; [`Event`]s come out, of which a body is the only one that
//! is not whole: it is handed on piece by piece and never held.
//!
//! *Invariant:* no socket and no time. The same bytes in other pieces are the same events. A line and an answer have a
//! limit each; what nobody here asks about is read over without being kept, literals included.

use model::limits;

use super::fetch::{Fetched, Place};
use super::words::{Word, Words, announced, number, unreadable};
use crate::error::{ConnectError, Kind};

/// What the bytes said.
#[derive(Debug, PartialEq, Eq)]
pub enum Event<'b> {
    /// A body of so many bytes begins: that of the FETCH answer under way, whose message is known at its end.
    Body(u64),
    /// A piece of it.
    Piece(&'b [u8]),
    /// An answer, whole.
    Answer(Answer),
}

/// One answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// A command has ended.
    Tagged(Vec<u8>, Status),
    /// OK, NO, BAD, PREAUTH or BYE without a command.
    Status(Status),
    /// `+`: the server waits for more of the command.
    Go(Vec<u8>),
    /// So many messages are in the folder.
    Exists(u32),
    /// This sequence number is gone; those above count one less.
    Expunge(u32),
    /// About one message.
    Fetch(Fetched),
    /// CAPABILITY, ENABLED, ESEARCH, LIST, NAMESPACE, SEARCH or STATUS, with its words.
    Data(&'static str, Vec<Word>),
    /// Anything else.
    Other,
}

/// How something ended, or is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Status {
    /// Which of the five.
    pub condition: Condition,
    /// The code in brackets, in capitals, and what stands behind it there.
    pub code: Option<(String, String)>,
    /// For people.
    pub text: String,
}

/// The five conditions (RFC 3501 §7.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Condition {
    /// It went well.
    Ok,
    /// It did not.
    No,
    /// It was not understood.
    Bad,
    /// Nobody need sign in.
    Preauth,
    /// The connection ends.
    Bye,
}

impl Status {
    /// Whether it has this code.
    pub fn is(&self, code: &str) -> bool {
        self.code.as_ref().is_some_and(|(name, _)| name == code)
    }

    /// The number of this code.
    pub fn number(&self, code: &str) -> Option<u64> {
        let (_, value) = self.code.as_ref().filter(|(name, _)| name == code)?;
        number(value.as_bytes())
    }
}

/// The reader: what is left of what came so far.
#[derive(Debug, Default)]
pub struct Answers {
    line: Vec<u8>,
    under_way: Option<UnderWay>,
    literal: Option<Literal>,
    /// Of the answer under way.
    literals: usize,
}

/// An answer whose end has not come.
#[derive(Debug)]
enum UnderWay {
    Fetch(u32, Words),
    Data(&'static str, Words),
    Other,
}

#[derive(Debug)]
struct Literal {
    left: u64,
    to: To,
}

#[derive(Debug)]
enum To {
    /// Kept, as far as so many bytes.
    Words(Vec<u8>, usize),
    Body(u64),
    Nowhere,
}

/// The answers whose words are kept.
const KEPT: [&str; 7] = ["CAPABILITY", "ENABLED", "ESEARCH", "LIST", "NAMESPACE", "SEARCH", "STATUS"];

impl Answers {
    /// The next event; `None` when all of `input` is read.
    ///
    /// # Errors
    /// [`Kind::Protocol`] and [`Kind::Limit`]. Nothing can be read after that.
    pub fn next<'b>(&mut self, input: &mut &'b [u8]) -> Result<Option<Event<'b>>, ConnectError> {
        loop {
            if let Some(literal) = &mut self.literal {
                if literal.left == 0 {
                    self.end_literal()?;
                    continue;
                }
                if input.is_empty() {
                    return Ok(None);
                }
                let count = usize::try_from(literal.left).unwrap_or(usize::MAX).min(input.len());
                let (piece, rest) = input.split_at(count);
                *input = rest;
                literal.left -= u64::try_from(count).unwrap_or_default();
                if let Some(piece) = literal.to.take(piece) {
                    return Ok(Some(Event::Piece(piece)));
                }
                continue;
            }
            if !self.take_line(input)? {
                return Ok(None);
            }
            let line = std::mem::take(&mut self.line);
            if let Some(event) = self.read_line(&line)? {
                return Ok(Some(event));
            }
        }
    }

    /// Whether a line is whole.
    fn take_line(&mut self, input: &mut &[u8]) -> Result<bool, ConnectError> {
        let end = input.iter().position(|byte| *byte == b'\n');
        let (piece, rest) = input.split_at(end.map_or(input.len(), |end| end + 1));
        if self.line.len() + piece.len() > limits::IMAP_LINE_BYTES_MAX {
            return Err(ConnectError::new(Kind::Limit, "the server sends a line that does not end"));
        }
        self.line.extend_from_slice(piece);
        *input = rest;
        if end.is_some() {
            self.line.pop();
            self.line.pop_if(|byte| *byte == b'\r');
        }
        Ok(end.is_some())
    }

    fn read_line(&mut self, line: &[u8]) -> Result<Option<Event<'static>>, ConnectError> {
        let (under_way, rest) = match self.under_way.take() {
            Some(under_way) => (under_way, line),
            None => match begin(line)? {
                Begun::Whole(answer) => return Ok(Some(Event::Answer(answer))),
                Begun::More(under_way, rest) => (under_way, rest),
            },
        };
        self.go_on(under_way, rest)
    }

    fn go_on(
        &mut self,
        mut under_way: UnderWay,
        line: &[u8],
    ) -> Result<Option<Event<'static>>, ConnectError> {
        let announced = match &mut under_way {
            UnderWay::Fetch(_, words) | UnderWay::Data(_, words) => words.piece(line)?,
            UnderWay::Other => {
                line.iter().rposition(|byte| *byte == b'{').and_then(|at| announced(line.get(at..)?))
            }
        };
        let Some(size) = announced else {
            self.literals = 0;
            return Ok(Some(Event::Answer(end(under_way)?)));
        };
        self.literals += 1;
        if self.literals > limits::IMAP_LITERALS_MAX {
            return Err(ConnectError::new(Kind::Limit, "the server sends an answer of too many pieces"));
        }
        let to = destination(&under_way, size)?;
        let event = matches!(to, To::Body(_)).then_some(Event::Body(size));
        (self.literal, self.under_way) = (Some(Literal { left: size, to }), Some(under_way));
        Ok(event)
    }

    fn end_literal(&mut self) -> Result<(), ConnectError> {
        let Some(literal) = self.literal.take() else { return Ok(()) };
        let Some(UnderWay::Fetch(_, words) | UnderWay::Data(_, words)) = &mut self.under_way else {
            return Ok(());
        };
        match literal.to {
            To::Words(bytes, _) => words.push(Word::Text(bytes)),
            To::Body(size) => words.push(Word::Streamed(size)),
            To::Nowhere => Ok(()),
        }
    }
}

impl To {
    /// Keeps a piece, or gives it back to be handed on.
    fn take<'b>(&mut self, piece: &'b [u8]) -> Option<&'b [u8]> {
        match self {
            To::Words(kept, most) => {
                let room = most.saturating_sub(kept.len()).min(piece.len());
                kept.extend_from_slice(piece.get(..room).unwrap_or_default());
                None
            }
            To::Body(_) => Some(piece),
            To::Nowhere => None,
        }
    }
}

/// Where an announced literal goes.
fn destination(under_way: &UnderWay, size: u64) -> Result<To, ConnectError> {
    let is_above = |most: usize| size > u64::try_from(most).unwrap_or(u64::MAX);
    let too_large = || ConnectError::new(Kind::Limit, "the server sends more than a mail may have");
    if is_above(limits::MESSAGE_BYTES_MAX) {
        return Err(too_large());
    }
    match under_way {
        UnderWay::Other => Ok(To::Nowhere),
        UnderWay::Data(..) if is_above(limits::IMAP_LITERAL_BYTES_MAX) => Err(too_large()),
        UnderWay::Data(..) => Ok(To::Words(Vec::new(), limits::IMAP_LITERAL_BYTES_MAX)),
        UnderWay::Fetch(_, words) => {
            let is_body = match Fetched::next_place(words.all()) {
                Place::ValueOf(item) => item.is("BODY[]"),
                Place::Inside => false,
                Place::Nowhere => return Err(unreadable()),
            };
            if !is_body {
                // The beginning of a header that is too large says whose it is and that it is too large.
                return Ok(To::Words(Vec::new(), limits::HEADER_BYTES_MAX));
            }
            if words.all().iter().any(|word| matches!(word, Word::Streamed(_))) {
                return Err(ConnectError::protocol("the server sends two bodies of one message"));
            }
            Ok(To::Body(size))
        }
    }
}

enum Begun<'l> {
    Whole(Answer),
    More(UnderWay, &'l [u8]),
}

/// The first line of an answer, or all of it.
fn begin(line: &[u8]) -> Result<Begun<'_>, ConnectError> {
    if let Some(text) = line.strip_prefix(b"+") {
        return Ok(Begun::Whole(Answer::Go(text.strip_prefix(b" ").unwrap_or(text).to_vec())));
    }
    let (tag, rest) = word(line);
    let (name, behind) = word(rest);
    let status = status(name, behind);
    if tag != b"*" {
        // Only a command's end has a tag, and only three words may stand there.
        let is_end = |status: &Status| !matches!(status.condition, Condition::Preauth | Condition::Bye);
        let status = status.filter(is_end).filter(|_| !tag.is_empty()).ok_or_else(unreadable)?;
        return Ok(Begun::Whole(Answer::Tagged(tag.to_vec(), status)));
    }
    if let Some(status) = status {
        return Ok(Begun::Whole(Answer::Status(status)));
    }
    if let Some(sequence) = number(name) {
        return numbered(sequence, behind);
    }
    let kept = KEPT.into_iter().find(|kept| kept.as_bytes().eq_ignore_ascii_case(name));
    Ok(match kept {
        Some(kept) => Begun::More(UnderWay::Data(kept, Words::default()), behind),
        None => Begun::More(UnderWay::Other, behind),
    })
}

fn numbered(sequence: u64, rest: &[u8]) -> Result<Begun<'_>, ConnectError> {
    let sequence =
        u32::try_from(sequence).map_err(|_| ConnectError::protocol("the server counts beyond 32 bits"))?;
    let (name, behind) = word(rest);
    Ok(match name.to_ascii_uppercase().as_slice() {
        b"EXISTS" => Begun::Whole(Answer::Exists(sequence)),
        b"EXPUNGE" => Begun::Whole(Answer::Expunge(sequence)),
        b"FETCH" => Begun::More(UnderWay::Fetch(sequence, Words::default()), behind),
        _ => Begun::More(UnderWay::Other, behind),
    })
}

fn end(under_way: UnderWay) -> Result<Answer, ConnectError> {
    Ok(match under_way {
        UnderWay::Fetch(sequence, words) => Answer::Fetch(Fetched::read(sequence, words.end()?)?),
        UnderWay::Data(name, words) => Answer::Data(name, words.end()?),
        UnderWay::Other => Answer::Other,
    })
}

/// A word and what stands behind the blank after it.
fn word(line: &[u8]) -> (&[u8], &[u8]) {
    let end = line.iter().position(|byte| *byte == b' ').unwrap_or(line.len());
    (line.get(..end).unwrap_or_default(), line.get(end + 1..).unwrap_or_default())
}

fn status(name: &[u8], rest: &[u8]) -> Option<Status> {
    let condition = match name.to_ascii_uppercase().as_slice() {
        b"OK" => Condition::Ok,
        b"NO" => Condition::No,
        b"BAD" => Condition::Bad,
        b"PREAUTH" => Condition::Preauth,
        b"BYE" => Condition::Bye,
        _ => return None,
    };
    let text = String::from_utf8_lossy(rest);
    let bracketed = text.strip_prefix('[').and_then(|text| text.split_once(']'));
    let Some((code, behind)) = bracketed else {
        return Some(Status { condition, code: None, text: text.into_owned() });
    };
    let (name, value) = code.split_once(' ').unwrap_or((code, ""));
    let code = Some((name.to_ascii_uppercase(), value.to_owned()));
    Some(Status { condition, code, text: behind.trim_start().to_owned() })
}

#[cfg(test)]
mod tests;
