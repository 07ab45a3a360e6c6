//! The tokens of an address list. What passes through: one unfolded field.
//!
//! Linear in the length of the field: an opening sign that is never closed is looked for once.

use model::limits;

use crate::header_decoder::EncodedWord;

/// One token of an address list.
pub(super) enum Token<'x> {
    /// A comma or semicolon: the end of a mailbox or group.
    Separator,
    /// A colon, behind a group's name.
    Colon,
    /// What stands in parentheses.
    Comment(&'x str),
    /// A quoted string without and with its quotes.
    Quoted(&'x str, &'x str),
    /// What stands in angle brackets.
    Angle(&'x str),
    /// Anything else, encoded words whole.
    Text(&'x str),
}

/// A reader of tokens.
pub(super) struct Scan<'x> {
    rest: &'x str,
    unclosed_quote: bool,
    unclosed_comment: bool,
}

impl<'x> Scan<'x> {
    /// Begins at the start of a text.
    pub(super) fn new(text: &'x str) -> Self {
        Scan { rest: text, unclosed_quote: false, unclosed_comment: false }
    }

    /// The next token.
    pub(super) fn next(&mut self) -> Option<Token<'x>> {
        let first = self.rest.bytes().next()?;
        match first {
            b',' | b';' => self.take(1).map(|_| Token::Separator),
            b':' => self.take(1).map(|_| Token::Colon),
            b'"' => self.quoted(),
            b'(' => self.comment(),
            b'<' => self.angle(),
            b'=' => {
                let len = EncodedWord::at_start(self.rest).map_or(1, |word| word.len);
                self.take(len).map(Token::Text)
            }
            _ => {
                let end = self.rest.find([',', ';', ':', '"', '(', '<', '=']).unwrap_or(self.rest.len());
                self.take(end).map(Token::Text)
            }
        }
    }

    fn take(&mut self, len: usize) -> Option<&'x str> {
        let (taken, rest) = self.rest.split_at_checked(len)?;
        self.rest = rest;
        Some(taken)
    }

    fn quoted(&mut self) -> Option<Token<'x>> {
        let end = if self.unclosed_quote { None } else { quote_end(self.rest) };
        let Some(end) = end else {
            self.unclosed_quote = true;
            // A stray quote: the words behind it count as if it were not there.
            return self.take(1).map(|_| Token::Text(""));
        };
        let whole = self.take(end)?;
        Some(Token::Quoted(whole.get(1..end - 1)?, whole))
    }

    fn comment(&mut self) -> Option<Token<'x>> {
        let end = if self.unclosed_comment { None } else { comment_end(self.rest) };
        let Some(end) = end else {
            self.unclosed_comment = true;
            return self.take(1).map(Token::Text);
        };
        let whole = self.take(end)?;
        Some(Token::Comment(whole.get(1..end - 1)?))
    }

    /// What the angle brackets hold; where they are not closed, what stands up to the next comma.
    fn angle(&mut self) -> Option<Token<'x>> {
        let window = self.rest.bytes().skip(1).take(2 * limits::ADDRESS_BYTES_MAX);
        let closing = window.clone().position(|byte| byte == b'>');
        let another = window.clone().position(|byte| byte == b'<');
        if let Some(closing) = closing
            && another.is_none_or(|another| another > closing)
        {
            return self.take(closing + 2).and_then(|whole| whole.get(1..=closing)).map(Token::Angle);
        }
        let comma = window.clone().position(|byte| byte == b',');
        let end = comma.unwrap_or_else(|| self.rest.find(',').unwrap_or(self.rest.len()).saturating_sub(1));
        self.take(end + 1).and_then(|whole| whole.get(1..)).map(Token::Angle)
    }
}

/// A text without its comments.
pub(super) fn without_comments(text: &str) -> String {
    let mut scan = Scan::new(text);
    let mut out = String::with_capacity(text.len());
    while let Some(token) = scan.next() {
        match token {
            Token::Comment(_) => {}
            Token::Separator => out.push(','),
            Token::Colon => out.push(':'),
            Token::Angle(inner) => out.push_str(inner),
            Token::Quoted(_, text) | Token::Text(text) => out.push_str(text),
        }
    }
    out
}

fn quote_end(text: &str) -> Option<usize> {
    let mut escaped = false;
    for (at, byte) in text.bytes().enumerate().skip(1) {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => return Some(at + 1),
            _ => {}
        }
    }
    None
}

fn comment_end(text: &str) -> Option<usize> {
    let mut depth = 0usize;
    let mut escaped = false;
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'(' => depth += 1,
            b')' if depth <= 1 => return Some(at + 1),
            b')' => depth -= 1,
            _ => {}
        }
    }
    None
}
