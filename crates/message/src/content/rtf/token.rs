//! Rich text cut into tokens. What passes through: decompressed rich text, each byte once.
//!
//! Never fails: what is no control word is text.

use crate::transfer::hex;

/// A token of rich text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Token<'x> {
    /// `{`
    Open,
    /// `}`
    Close,
    /// `\*`: the group may be left out by who does not know it.
    Optional,
    /// `\word` with its number.
    Word(&'x str, Option<i32>),
    /// `\~` and its like.
    Symbol(char),
    /// `\'hh`
    Byte(u8),
    /// Text in the code page that holds.
    Bytes(&'x [u8]),
}

/// A reader of tokens.
pub(super) struct Tokens<'x> {
    rest: &'x [u8],
}

impl<'x> Tokens<'x> {
    pub(super) fn new(rich: &'x [u8]) -> Self {
        Tokens { rest: rich }
    }

    fn take(&mut self, count: usize) -> &'x [u8] {
        let (taken, rest) = self.rest.split_at_checked(count).unwrap_or((self.rest, &[]));
        self.rest = rest;
        taken
    }

    fn control(&mut self) -> Option<Token<'x>> {
        self.take(1);
        let first = *self.rest.first()?;
        if !first.is_ascii_alphabetic() {
            self.take(1);
            return Some(self.symbol(first));
        }
        let length = self.rest.iter().take_while(|byte| byte.is_ascii_alphabetic()).count();
        let name = std::str::from_utf8(self.take(length)).unwrap_or_default();
        let number = self.number();
        if self.rest.first() == Some(&b' ') {
            self.take(1);
        }
        if name == "bin" {
            self.take(number.and_then(|count| usize::try_from(count).ok()).unwrap_or(0));
        }
        Some(Token::Word(name, number))
    }

    fn symbol(&mut self, first: u8) -> Token<'x> {
        match (first, self.rest) {
            (b'*', _) => Token::Optional,
            (b'\'', [high, low, ..]) => {
                let byte = hex(*high).zip(hex(*low)).map_or(b'?', |(high, low)| high << 4 | low);
                self.take(2);
                Token::Byte(byte)
            }
            (other, _) => Token::Symbol(char::from(other)),
        }
    }

    fn number(&mut self) -> Option<i32> {
        let is_negative = self.rest.first() == Some(&b'-');
        let from = usize::from(is_negative);
        let digits = self.rest.get(from..)?.iter().take_while(|byte| byte.is_ascii_digit()).count();
        if digits == 0 {
            return None;
        }
        let text = std::str::from_utf8(self.take(from + digits)).ok()?;
        Some(text.parse().unwrap_or(0))
    }
}

impl<'x> Iterator for Tokens<'x> {
    type Item = Token<'x>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let first = *self.rest.first()?;
            match first {
                b'{' => {
                    self.take(1);
                    return Some(Token::Open);
                }
                b'}' => {
                    self.take(1);
                    return Some(Token::Close);
                }
                b'\\' => return self.control(),
                // Line ends are for whoever reads the source.
                b'\r' | b'\n' | 0 => drop(self.take(1)),
                _ => {
                    let is_text = |byte: &&u8| !matches!(byte, b'{' | b'}' | b'\\' | b'\r' | b'\n' | 0);
                    let length = self.rest.iter().take_while(is_text).count();
                    return Some(Token::Bytes(self.take(length)));
                }
            }
        }
    }
}
