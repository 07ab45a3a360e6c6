//! One command line of SMTP or LMTP (RFC 5321 §4.1, RFC 2033 §4), read into a [`Command`].
//!
//! What passes through: a line with its line end; a command borrowed from it comes out, or the
//! [`Mistake`] in it.
//!
//! *Invariant:* strict where laxness could be abused (line ends, control characters, more than one
//! reading of a recipient), lax where real peers are (a space after the colon, odd senders): a
//! customer's address is not ours to judge.

use model::{EmailAddress, limits};

pub(crate) use xclient::Announcement;

pub(crate) mod xclient;

/// A command, with what the session needs of its arguments.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Command<'a> {
    /// HELO, EHLO or LHLO with the peer's name for itself.
    Hello(Hello, &'a str),
    /// The envelope sender, `None` for `<>`, with its parameters. It need not be a readable address.
    Mail(Option<&'a str>, Parameters),
    /// A recipient.
    Rcpt(&'a str),
    Data,
    /// A piece of the message, which follows the line at once.
    Bdat(Chunk),
    Rset,
    Noop,
    Quit,
    StartTls,
    Vrfy,
    Help,
    /// AUTH with a mechanism and, it may be, a response (RFC 4954 §4).
    Auth(&'a str, Option<&'a str>),
    /// A relay says for whom it speaks.
    Xclient(Announcement),
}

/// What BDAT says of the bytes behind it (RFC 3030 §2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Chunk {
    pub(crate) bytes: u64,
    /// The message ends with it.
    pub(crate) is_last: bool,
}

/// The three greetings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Hello {
    Helo,
    Ehlo,
    Lhlo,
}

/// Parameters of MAIL.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Parameters {
    /// SIZE (RFC 1870), in bytes; too large for the type counts as the largest.
    pub(crate) size_bytes: Option<usize>,
    /// BODY=8BITMIME (RFC 6152).
    pub(crate) body_8bit: bool,
    /// SMTPUTF8 (RFC 6531).
    pub(crate) smtputf8: bool,
}

/// What is wrong with a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mistake {
    /// It ends in LF without CR.
    BareLineFeed,
    /// It holds a control character or is no UTF-8.
    NotText,
    /// No such command.
    Unknown,
    /// A command of the standards that this door does not offer.
    NotOffered,
    /// The arguments are not those of the command, which is spelled like this.
    Arguments(&'static str),
    /// BDAT does not say how many bytes follow, so nobody knows where the next command begins.
    ChunkSize,
    /// A header of the PROXY protocol, where none may come.
    ProxyHeader,
    /// The address of MAIL cannot be read.
    Sender,
    /// The address of RCPT cannot be read.
    Recipient,
    /// A parameter that was not announced, or a value that was not.
    Parameter,
    /// A parameter's value cannot be read.
    ParameterValue,
}

impl<'a> Command<'a> {
    /// Reads a line, which ends in LF.
    pub(crate) fn parse(line: &'a [u8]) -> Result<Self, Mistake> {
        // RFC 5321 §2.3.8: a lone LF is no line end.
        let line = line.strip_suffix(b"\r\n").ok_or(Mistake::BareLineFeed)?;
        if line == b"\0" {
            // The third line of a binary header.
            return Err(Mistake::ProxyHeader);
        }
        if line.iter().any(u8::is_ascii_control) {
            return Err(Mistake::NotText);
        }
        let line = std::str::from_utf8(line).map_err(|_| Mistake::NotText)?;
        let line = line.trim_end_matches(' ');
        let (verb, arguments) = line.split_once(' ').unwrap_or((line, ""));
        let found = VERBS.iter().find(|(name, _)| verb.eq_ignore_ascii_case(name));
        let (_, verb) = found.ok_or(Mistake::Unknown)?;
        verb.with(arguments.trim_start_matches(' '))
    }
}

/// The verbs the door knows.
#[derive(Debug, Clone, Copy)]
enum Verb {
    Hello(Hello),
    Mail,
    Rcpt,
    Data,
    Bdat,
    Rset,
    Noop,
    Quit,
    StartTls,
    Vrfy,
    Help,
    Auth,
    Xclient,
    ProxyHeader,
    NotOffered,
}

/// Frequent verbs first.
const VERBS: [(&str, Verb); 21] = [
    ("MAIL", Verb::Mail),
    ("RCPT", Verb::Rcpt),
    ("DATA", Verb::Data),
    ("BDAT", Verb::Bdat),
    ("EHLO", Verb::Hello(Hello::Ehlo)),
    ("LHLO", Verb::Hello(Hello::Lhlo)),
    ("HELO", Verb::Hello(Hello::Helo)),
    ("QUIT", Verb::Quit),
    ("RSET", Verb::Rset),
    ("NOOP", Verb::Noop),
    ("STARTTLS", Verb::StartTls),
    ("VRFY", Verb::Vrfy),
    ("HELP", Verb::Help),
    ("EXPN", Verb::NotOffered),
    ("AUTH", Verb::Auth),
    ("XCLIENT", Verb::Xclient),
    ("PROXY", Verb::ProxyHeader),
    ("ETRN", Verb::NotOffered),
    ("TURN", Verb::NotOffered),
    ("SEND", Verb::NotOffered),
    ("SAML", Verb::NotOffered),
];

impl Verb {
    fn with(self, arguments: &str) -> Result<Command<'_>, Mistake> {
        let alone = |command, usage| match arguments {
            "" => Ok(command),
            _ => Err(Mistake::Arguments(usage)),
        };
        match self {
            Verb::Hello(hello) => match arguments.split(' ').next() {
                None | Some("") => Err(Mistake::Arguments("EHLO, HELO or LHLO, then your domain")),
                Some(name) => Ok(Command::Hello(hello, name)),
            },
            Verb::Mail => mail(arguments),
            Verb::Rcpt => rcpt(arguments),
            Verb::Data => alone(Command::Data, "DATA"),
            Verb::Bdat => chunk(arguments).map(Command::Bdat).ok_or(Mistake::ChunkSize),
            Verb::Rset => alone(Command::Rset, "RSET"),
            Verb::Quit => alone(Command::Quit, "QUIT"),
            Verb::StartTls => alone(Command::StartTls, "STARTTLS"),
            Verb::Noop => Ok(Command::Noop),
            Verb::Vrfy => Ok(Command::Vrfy),
            Verb::Help => Ok(Command::Help),
            Verb::Auth => match arguments.split_once(' ') {
                _ if arguments.is_empty() => Err(Mistake::Arguments("AUTH mechanism [response]")),
                None => Ok(Command::Auth(arguments, None)),
                Some((mechanism, response)) => Ok(Command::Auth(mechanism, Some(response))),
            },
            Verb::Xclient => xclient::read(arguments).map(Command::Xclient),
            Verb::ProxyHeader => Err(Mistake::ProxyHeader),
            Verb::NotOffered => Err(Mistake::NotOffered),
        }
    }
}

fn mail(arguments: &str) -> Result<Command<'_>, Mistake> {
    let usage = Mistake::Arguments("MAIL FROM:<address> [parameters]");
    let path = after_keyword(arguments, "FROM:").ok_or(usage)?;
    // A quote that never closes leaves one reading, up to the first bracket.
    let end = |text: &str| end_outside_quotes(text).or_else(|| text.find('>'));
    let (address, parameters) = split_path(path, end).ok_or(usage)?;
    let from = match address {
        "" => None,
        _ => Some(checked_address(address).or_else(|| sender_text(address)).ok_or(Mistake::Sender)?),
    };
    let mut known = Parameters::default();
    for parameter in parameters.split(' ').filter(|parameter| !parameter.is_empty()) {
        known.set(parameter)?;
    }
    Ok(Command::Mail(from, known))
}

fn rcpt(arguments: &str) -> Result<Command<'_>, Mistake> {
    let usage = Mistake::Arguments("RCPT TO:<address>");
    let path = after_keyword(arguments, "TO:").ok_or(usage)?;
    let (address, parameters) = split_path(path, end_outside_quotes).ok_or(usage)?;
    if !parameters.trim().is_empty() {
        // RFC 3461 NOTIFY and ORCPT belong to DSN, which is not announced.
        return Err(Mistake::Parameter);
    }
    // RFC 5321 §4.1.1.3: the one recipient that stands without a domain.
    let postmaster = address.eq_ignore_ascii_case("postmaster").then_some(address);
    postmaster.or_else(|| checked_address(address)).map(Command::Rcpt).ok_or(Mistake::Recipient)
}

/// RFC 3030 §2: `BDAT size [LAST]`.
fn chunk(arguments: &str) -> Option<Chunk> {
    let (digits, word) = arguments.split_once(' ').unwrap_or((arguments, ""));
    let is_last = match word.trim_start_matches(' ') {
        "" => false,
        word if word.eq_ignore_ascii_case("LAST") => true,
        _ => return None,
    };
    // `parse` alone would take a sign.
    let bytes = digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse().ok()).flatten()?;
    Some(Chunk { bytes, is_last })
}

impl Parameters {
    fn set(&mut self, parameter: &str) -> Result<(), Mistake> {
        let (name, value) = match parameter.split_once('=') {
            Some((name, value)) => (name, Some(value)),
            None => (parameter, None),
        };
        match (name.to_ascii_uppercase().as_str(), value) {
            ("SIZE", Some(digits)) => {
                if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
                    return Err(Mistake::ParameterValue);
                }
                self.size_bytes = Some(digits.parse().unwrap_or(usize::MAX));
            }
            ("BODY", Some(body)) if body.eq_ignore_ascii_case("8BITMIME") => self.body_8bit = true,
            ("BODY", Some(body)) if body.eq_ignore_ascii_case("7BIT") => self.body_8bit = false,
            ("SMTPUTF8", None) => self.smtputf8 = true,
            // RFC 4954 §5: who submitted the mail elsewhere; taken where AUTH is, and asked by nobody here.
            ("AUTH", Some(submitter)) if !submitter.is_empty() => {}
            ("SIZE", None) | ("SMTPUTF8", Some(_)) => return Err(Mistake::ParameterValue),
            _ => return Err(Mistake::Parameter),
        }
        Ok(())
    }
}

/// What follows the keyword. Many peers write a space after the colon, against RFC 5321 §3.3.
fn after_keyword<'a>(arguments: &'a str, keyword: &str) -> Option<&'a str> {
    let (found, rest) = arguments.split_at_checked(keyword.len())?;
    found.eq_ignore_ascii_case(keyword).then(|| rest.trim_start_matches(' '))
}

/// Splits `<path> parameters` into the address, without source route, and the parameters. `end` finds the
/// closing bracket.
fn split_path(text: &str, end: impl Fn(&str) -> Option<usize>) -> Option<(&str, &str)> {
    let text = text.strip_prefix('<')?;
    let (path, rest) = text.split_at_checked(end(text)?)?;
    let parameters = rest.strip_prefix('>')?;
    if !parameters.is_empty() && !parameters.starts_with(' ') {
        return None;
    }
    Some((without_route(path), parameters))
}

/// Where the first `>` stands that is not inside a quoted local part.
fn end_outside_quotes(text: &str) -> Option<usize> {
    let mut quoted = false;
    let mut escaped = false;
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            b'>' if !quoted => return Some(at),
            _ => {}
        }
    }
    None
}

/// RFC 5321 §4.1.1.3: a source route `@a,@b:` must be accepted and should be ignored.
fn without_route(path: &str) -> &str {
    match path.split_once(':') {
        Some((route, address)) if route.starts_with('@') => address,
        _ => path,
    }
}

/// The address, when it can be read in one way only.
fn checked_address(address: &str) -> Option<&str> {
    EmailAddress::reads_one_way(address).then_some(address)
}

/// A sender that is no address, as opaque text. Redirected mail keeps the customer's MAIL FROM, and a 501 for
/// `<root>` would lose the mail; nobody routes by it here.
fn sender_text(text: &str) -> Option<&str> {
    let is_odd = |c: char| c.is_control() || c.is_whitespace() || matches!(c, '<' | '>');
    let good = text.len() <= limits::SENDER_TEXT_BYTES_MAX && !text.chars().any(is_odd);
    good.then_some(text)
}

#[cfg(test)]
mod tests;
