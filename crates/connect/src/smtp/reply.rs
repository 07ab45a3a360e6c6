//! What a server says, line by line: a code, and words (RFC 5321 §4.2).

use model::limits;

use crate::error::{ConnectError, Kind};

/// What a server said of something, without its line ends, or what we said in its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// From 200 to 599 (RFC 5321 §4.2.1).
    pub code: u16,
    /// Its words, with the enhanced code (RFC 3463) where there is one; lines are parted by LF. No other control
    /// characters.
    pub text: String,
    /// Whether the server was not asked: it cannot take this.
    pub is_ours: bool,
}

impl Reply {
    /// Whether what was asked is done.
    pub fn is_positive(&self) -> bool {
        (200..300).contains(&self.code)
    }

    /// Whether the same will be refused again.
    pub fn is_lasting(&self) -> bool {
        (500..600).contains(&self.code)
    }

    /// Whether it is refused, for now or for good.
    pub(super) fn is_refusal(&self) -> bool {
        (400..600).contains(&self.code)
    }

    /// The enhanced code (RFC 3463 §2), where it is one of this reply's class.
    pub fn enhanced(&self) -> Option<&str> {
        let word = self.text.split([' ', '\n']).next()?;
        let mut numbers = word.split('.');
        let class = numbers.next()?;
        let is_number =
            |text: &str| (1..=3).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
        let is_whole = numbers.clone().count() == 2 && numbers.all(is_number);
        (is_whole && class == (self.code / 100).to_string()).then_some(word)
    }

    pub(super) fn of_ours(code: u16, text: &str) -> Self {
        Reply { code, text: text.to_owned(), is_ours: true }
    }
}

/// Reads replies, whatever pieces they come in.
#[derive(Debug, Default)]
pub struct Replies {
    /// That of the lines so far.
    code: Option<u16>,
    text: String,
    bytes: usize,
}

impl Replies {
    /// The next reply that is whole. What was read of `input` is taken from it; `None` where more has to come.
    ///
    /// # Errors
    /// [`Kind::Protocol`], where it is no reply; [`Kind::Limit`], where it has no end.
    pub fn next(&mut self, input: &mut &[u8]) -> Result<Option<Reply>, ConnectError> {
        while let Some(end) = input.iter().position(|byte| *byte == b'\n') {
            let (line, rest) = input.split_at(end + 1);
            *input = rest;
            self.limit(line.len())?;
            self.bytes += line.len();
            if self.line(line)? {
                let Replies { code, text, .. } = std::mem::take(self);
                return Ok(code.map(|code| Reply { code, text, is_ours: false }));
            }
        }
        self.limit(input.len())?;
        Ok(None)
    }

    /// Says whether it is the last one of a reply.
    fn line(&mut self, line: &[u8]) -> Result<bool, ConnectError> {
        let line = String::from_utf8_lossy(line);
        let line = line.trim_end_matches(['\r', '\n']);
        let (digits, rest) = line.split_at_checked(3).ok_or_else(no_reply)?;
        let is_code = digits.bytes().all(|byte| byte.is_ascii_digit());
        let code: u16 = digits.parse().ok().filter(|_| is_code).ok_or_else(no_reply)?;
        let is_last = !rest.starts_with('-');
        let is_apart = rest.is_empty() || rest.starts_with([' ', '-']);
        if !is_apart || !(200..600).contains(&code) || *self.code.get_or_insert(code) != code {
            return Err(no_reply());
        }
        if !self.text.is_empty() {
            self.text.push('\n');
        }
        self.text.extend(rest.chars().skip(1).filter(|c| !c.is_control()));
        Ok(is_last)
    }

    fn limit(&self, more: usize) -> Result<(), ConnectError> {
        if self.bytes + more > limits::SMTP_REPLY_BYTES_MAX {
            return Err(ConnectError::new(Kind::Limit, "the server does not come to the end of a reply"));
        }
        Ok(())
    }
}

fn no_reply() -> ConnectError {
    ConnectError::protocol("the server says something that is no reply of SMTP")
}
