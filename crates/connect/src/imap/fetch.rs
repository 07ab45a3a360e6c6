//! What a FETCH answer says of one message (RFC 9051 §7.5.2).
//!
//! What passes through: the words of a whole answer. *Invariant:* items are told apart by their place, name and value in
//! turn, never by looking for a word somewhere: a flag, a section or a text may be called `UID`.

use model::Timestamp;

use super::Uid;
use super::words::{Word, unreadable};
use crate::error::ConnectError;

/// One answer. What it does not say is `None`; a server may tell of flags at any time, unasked.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Fetched {
    /// Its place in the folder for the moment.
    pub sequence: u32,
    /// Its number in the folder.
    pub uid: Option<Uid>,
    /// Its flags.
    pub flags: Option<Flags>,
    /// When it came to the folder, as far as that can be read.
    pub arrived: Option<Timestamp>,
    /// Its bytes, as the server counts them.
    pub size: Option<u64>,
    /// Its header, no more of it than [`model::limits::HEADER_BYTES_MAX`].
    pub header: Option<Vec<u8>>,
    /// Its body.
    pub body: Option<Body>,
}

/// Where a literal stands in an answer.
pub(super) enum Place<'w> {
    /// It is the value of this item.
    ValueOf(&'w Word),
    /// It is part of a longer value.
    Inside,
    /// None may stand there.
    Nowhere,
}

/// How the body came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Body {
    /// Piece by piece, so many bytes.
    Streamed(u64),
    /// As a quoted string.
    Quoted(Vec<u8>),
    /// NIL: there is none, whatever the reason.
    Nil,
}

/// Those flags that matter to us (RFC 9051 §2.3.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Flags {
    /// `\Seen`
    pub is_seen: bool,
    /// `\Deleted`
    pub is_deleted: bool,
    /// `\Draft`
    pub is_draft: bool,
}

impl Fetched {
    /// What a literal behind these words is.
    pub(super) fn next_place(words: &[Word]) -> Place<'_> {
        let Some((Word::Open, inner)) = words.split_first() else { return Place::Nowhere };
        let mut items = Items { rest: inner };
        loop {
            match items.next_item() {
                Item::Whole(..) => {}
                Item::Name(name) => return Place::ValueOf(name),
                Item::Unclosed => return Place::Inside,
                Item::End | Item::Bad => return Place::Nowhere,
            }
        }
    }

    pub(super) fn read(sequence: u32, words: Vec<Word>) -> Result<Self, ConnectError> {
        let inner = match words.as_slice() {
            [Word::Open, inner @ .., Word::Close] => inner,
            _ => return Err(unreadable()),
        };
        let mut fetched = Fetched { sequence, ..Fetched::default() };
        let mut items = Items { rest: inner };
        loop {
            match items.next_item() {
                Item::Whole(name, value) => fetched.set(name, value)?,
                Item::End => return Ok(fetched),
                Item::Name(_) | Item::Unclosed | Item::Bad => return Err(unreadable()),
            }
        }
    }

    fn set(&mut self, name: &Word, value: &[Word]) -> Result<(), ConnectError> {
        let Word::Atom(name) = name else { return Err(unreadable()) };
        let first = value.first();
        match name.to_ascii_uppercase().as_slice() {
            b"UID" => {
                let uid = first.and_then(Word::number).and_then(Uid::new);
                let uid = uid.ok_or_else(|| ConnectError::protocol("the server names a UID that is none"))?;
                if self.uid.is_some_and(|other| other != uid) {
                    return Err(ConnectError::protocol("the server gives one message two UIDs"));
                }
                self.uid = Some(uid);
            }
            b"FLAGS" => self.flags = Some(Flags::read(value)),
            b"INTERNALDATE" => self.arrived = first.and_then(Word::text).and_then(internal_date),
            b"RFC822.SIZE" => self.size = first.and_then(Word::number),
            b"BODY[HEADER]" => self.header = first.and_then(Word::text).map(<[u8]>::to_vec),
            b"BODY[]" => {
                self.body = Some(match first {
                    Some(Word::Streamed(size)) => Body::Streamed(*size),
                    Some(Word::Text(text)) => Body::Quoted(text.clone()),
                    Some(word) if word.is("NIL") => Body::Nil,
                    _ => return Err(unreadable()),
                });
            }
            _ => {}
        }
        Ok(())
    }
}

impl Flags {
    fn read(words: &[Word]) -> Self {
        let has = |flag: &str| words.iter().any(|word| word.is(flag));
        Flags { is_seen: has("\\Seen"), is_deleted: has("\\Deleted"), is_draft: has("\\Draft") }
    }
}

/// `17-Jul-1996 02:44:25 -0700`; the first digit of the day may be a blank.
fn internal_date(text: &[u8]) -> Option<Timestamp> {
    let text = std::str::from_utf8(text).ok()?.trim_start();
    let time = jiff::fmt::strtime::parse("%d-%b-%Y %H:%M:%S %z", text).ok()?.to_timestamp().ok()?;
    Some(Timestamp(time.as_millisecond()))
}

/// Names and values in turn.
struct Items<'w> {
    rest: &'w [Word],
}

enum Item<'w> {
    Whole(&'w Word, &'w [Word]),
    /// A name, and then the words end.
    Name(&'w Word),
    /// A name, and a value that is not whole.
    Unclosed,
    End,
    Bad,
}

impl<'w> Items<'w> {
    fn next_item(&mut self) -> Item<'w> {
        let Some((name, behind)) = self.rest.split_first() else { return Item::End };
        if !matches!(name, Word::Atom(_)) {
            return Item::Bad;
        }
        let length = match behind.first() {
            None => return Item::Name(name),
            Some(Word::Open) => match closing(behind) {
                Some(length) => length,
                None => return Item::Unclosed,
            },
            Some(Word::Close) => return Item::Bad,
            Some(_) => 1,
        };
        let (value, rest) = behind.split_at(length);
        self.rest = rest;
        Item::Whole(name, value)
    }
}

/// How many words it takes to close the parenthesis that the first one opens.
fn closing(words: &[Word]) -> Option<usize> {
    let mut depth = 0_usize;
    for (at, word) in words.iter().enumerate() {
        match word {
            Word::Open => depth += 1,
            Word::Close => depth = depth.checked_sub(1)?,
            _ => {}
        }
        if depth == 0 {
            return Some(at + 1);
        }
    }
    None
}
