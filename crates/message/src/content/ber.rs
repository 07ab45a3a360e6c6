//! Elements of ASN.1 in BER (X.690), with definite and indefinite lengths. What passes through: signed messages.
//!
//! Reads only as far as it is asked; never deeper than `BER_DEPTH_MAX`.

use std::borrow::Cow;

use model::limits;

pub(super) const INTEGER: u8 = 0x02;
pub(super) const OCTETS: u8 = 0x04;
pub(super) const OBJECT_ID: u8 = 0x06;
pub(super) const SEQUENCE: u8 = 0x30;
pub(super) const SET: u8 = 0x31;
/// `[0]` around something else.
pub(super) const EXPLICIT_0: u8 = 0xa0;
const CONSTRUCTED: u8 = 0x20;

/// A reader of the elements inside one element.
#[derive(Debug, Clone, Copy)]
pub(super) struct Elements<'x> {
    rest: &'x [u8],
    depth: usize,
}

/// The head of an element.
struct Head {
    tag: u8,
    /// `None`: it ends with an end-of-contents (X.690 §8.1.3.6).
    length: Option<usize>,
    size: usize,
}

impl<'x> Elements<'x> {
    pub(super) fn new(bytes: &'x [u8]) -> Self {
        Elements { rest: bytes, depth: 0 }
    }

    fn head(&self) -> Option<Head> {
        let (tag, first) = (*self.rest.first()?, *self.rest.get(1)?);
        if tag & 0x1f == 0x1f {
            return None;
        }
        let (length, size) = match first {
            0x80 => (None, 2),
            0..=0x7f => (Some(usize::from(first)), 2),
            _ => {
                let count = usize::from(first & 0x7f);
                let bytes = self.rest.get(2..2 + count).filter(|bytes| bytes.len() <= 8)?;
                let length = bytes.iter().fold(0u64, |length, byte| length << 8 | u64::from(*byte));
                (Some(usize::try_from(length).ok()?), 2 + count)
            }
        };
        Some(Head { tag, length, size })
    }

    /// The elements inside the next element, which must have this tag. What stands behind it is not read any more.
    ///
    /// A length beyond the end means all that is there: the message was cut, and its beginning is better than nothing.
    pub(super) fn inside(self, tag: u8) -> Option<Self> {
        let head = self.head().filter(|head| head.tag == tag)?;
        let rest = self.rest.get(head.size..)?;
        let rest = head.length.and_then(|length| rest.get(..length)).unwrap_or(rest);
        (self.depth < limits::BER_DEPTH_MAX).then_some(Elements { rest, depth: self.depth + 1 })
    }

    /// The bytes of the next element, which must have this tag and a length; goes on behind it.
    pub(super) fn primitive(&mut self, tag: u8) -> Option<&'x [u8]> {
        let head = self.head().filter(|head| head.tag == tag)?;
        let rest = self.rest.get(head.size..)?;
        let (value, rest) = rest.split_at_checked(head.length?)?;
        self.rest = rest;
        Some(value)
    }

    /// Goes on behind the next element, which must have this tag.
    pub(super) fn skip(&mut self, tag: u8) -> Option<()> {
        let head = self.head().filter(|head| head.tag == tag)?;
        let rest = self.rest.get(head.size..)?;
        match head.length {
            Some(length) => self.rest = rest.get(length..)?,
            None => {
                let mut inner = Elements { rest, depth: self.depth + 1 };
                while !inner.ends() {
                    let tag = *inner.rest.first()?;
                    (inner.depth < limits::BER_DEPTH_MAX).then(|| inner.skip(tag))??;
                }
                self.rest = inner.rest.get(2..)?;
            }
        }
        Some(())
    }

    /// An octet string, put together where it comes in pieces (X.690 §8.7.3), and whether all of it was there.
    pub(super) fn octets(&mut self) -> Option<(Cow<'x, [u8]>, bool)> {
        let head = self.head()?;
        if head.tag == OCTETS {
            let rest = self.rest.get(head.size..)?;
            let value = head.length.and_then(|length| rest.get(..length));
            return Some((Cow::Borrowed(value.unwrap_or(rest)), value.is_some()));
        }
        if head.tag != OCTETS | CONSTRUCTED {
            return None;
        }
        let mut all = Vec::new();
        let is_whole = self.pieces(&mut all).is_some();
        (is_whole || !all.is_empty()).then_some((Cow::Owned(all), is_whole))
    }

    fn pieces(&mut self, all: &mut Vec<u8>) -> Option<()> {
        let head = self.head()?;
        let rest = self.rest.get(head.size..)?;
        if head.tag == OCTETS {
            let (value, rest) = rest.split_at_checked(head.length?)?;
            all.extend_from_slice(value);
            self.rest = rest;
            return Some(());
        }
        if head.tag != OCTETS | CONSTRUCTED || self.depth >= limits::BER_DEPTH_MAX {
            return None;
        }
        let content = head.length.map_or(Some(rest), |length| rest.get(..length))?;
        let mut inner = Elements { rest: content, depth: self.depth + 1 };
        match head.length {
            Some(length) => {
                while !inner.rest.is_empty() {
                    inner.pieces(all)?;
                }
                self.rest = rest.get(length..)?;
            }
            None => {
                while !inner.ends() {
                    inner.pieces(all)?;
                }
                self.rest = inner.rest.get(2..)?;
            }
        }
        Some(())
    }

    /// Whether the end-of-contents comes next.
    fn ends(&self) -> bool {
        self.rest.starts_with(&[0, 0])
    }
}
