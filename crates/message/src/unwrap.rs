//! The originals within a mail: forwards are opened, everything else is its own original.
//!
//! What passes through: a message that was read, into the messages it carries: attached ones byte for byte as
//! received, those forwarded as text written anew from what is quoted ([`Method::Inline`], a guess).
//! Never loses a mail: where something attached cannot be read, the outer mail is an original as well.

mod files;
mod inline;
mod journal;

use std::borrow::Cow;
use std::ops::Range;

use model::limits;

use crate::body::markup;
use crate::entity::Entity;
use crate::message::{self, Message, Unreadable};
use crate::transfer::{self, Encoding};
pub use journal::{Journal, journal};

/// How an original came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Method {
    /// The mail itself, as it was sent.
    Direct,
    /// The mail itself, resent or redirected by a mailbox.
    Redirected,
    /// Attached to a mail that forwards it.
    Attached,
    /// Quoted in the text of a mail that forwards it: a guess at what it was.
    Inline,
    /// Attached to the report of a journal.
    Journaled,
}

impl Method {
    /// The name, as tables and pages write it.
    pub fn name(self) -> &'static str {
        match self {
            Method::Direct => "direct",
            Method::Redirected => "redirected",
            Method::Attached => "attached",
            Method::Inline => "inline",
            Method::Journaled => "journaled",
        }
    }
}

impl Method {
    /// Whether another mail stood around it, so that the bytes are not those that arrived.
    pub fn is_dug_out(self) -> bool {
        !matches!(self, Method::Direct | Method::Redirected)
    }
}

/// One original.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Original<'x> {
    /// Its bytes as received; only copied where the forward had encoded them, and made up where it is
    /// [`Method::Inline`].
    pub raw: Cow<'x, [u8]>,
    /// How it came.
    pub method: Method,
    /// How many mails it was wrapped in: 0 is the mail itself.
    pub depth: u32,
    /// Its place in the mail around it, counted in the order of the structure, the root being 0.
    pub part_number: u32,
    /// Whether nobody proven vouches that it was so: it was quoted, was written anew out of a container, or stands
    /// in a wrapper that was attached itself, whose author anybody may have written there.
    pub is_guess: bool,
}

/// What a mail carries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unwrapped<'x> {
    /// The originals, in order; never empty.
    pub originals: Vec<Original<'x>>,
    /// Whether the mail itself is one of them (the last).
    pub outer_is_original: bool,
    /// Messages in the mail that were left alone: it was not eligible, is a report, or they cannot be read.
    pub inner_seen: usize,
}

/// Why a mail cannot be unwrapped. Neither is temporary.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum UnwrapError {
    /// It carries more than [`limits::ORIGINALS_MAX`].
    #[error("it carries too many messages")]
    TooManyOriginals,
    /// Wrappers are nested deeper than [`limits::MIME_DEPTH_MAX`], or the structure of an attached one is.
    #[error("its messages are nested too deep")]
    TooDeep,
}

/// Finds the originals of a mail.
///
/// `eligible` says that the mail reached a sink from one of us, proven; only then is anything opened. A
/// `multipart/report` never is, for it contains our own mail.
///
/// An attached message is opened further only while it is nothing but a wrapper (attached messages and no text
/// or file of its own, as `nmh` and `mutt` make them) of the mail's own author, who alone is proven; what is found
/// in one is a guess, for a stranger can write that name too. So is a message rebuilt out of TNEF. Otherwise it is
/// what somebody sent, so it is the original, and what is attached to it stays its attachment: a stranger's empty
/// mail with a mail "from" a customer in it is the stranger's.
///
/// Where the text quotes a mail, or may, attached messages are that mail's: clients that forward as text carry
/// attachments over, those in containers too.
///
/// # Errors
/// [`UnwrapError`], where a limit is broken.
pub fn originals<'x>(message: &Message<'x>, eligible: bool) -> Result<Unwrapped<'x>, UnwrapError> {
    let is_opened = eligible && !message.header().marks.report;
    let inner = inner(message, is_opened);
    let mut unwrapped = Unwrapped { originals: Vec::new(), outer_is_original: false, inner_seen: 0 };
    let quoted = if is_opened { inline::find(message) } else { inline::Found::default() };
    if !quoted.mails.is_empty() {
        unwrapped.inner_seen = quoted.left;
        let made = |mail: inline::Inline| Original {
            raw: Cow::Owned(mail.raw),
            method: Method::Inline,
            depth: mail.depth,
            part_number: 0,
            is_guess: true,
        };
        unwrapped.originals.extend(quoted.mails.into_iter().map(made));
        if unwrapped.originals.len() > limits::ORIGINALS_MAX {
            return Err(UnwrapError::TooManyOriginals);
        }
    } else if !is_opened || inner.is_empty() || quoted.is_there {
        unwrapped.inner_seen = inner.len();
    } else {
        let mut opening = Opening { author: author(message), found: Vec::new() };
        for (part_number, raw) in inner {
            let entity = usize::try_from(part_number).ok().and_then(|at| message.entities().get(at));
            let is_rebuilt = entity.is_some_and(Entity::is_rebuilt);
            if let Left::Alone = opening.open(raw, Place { depth: 1, part_number, is_rebuilt })? {
                unwrapped.inner_seen += 1;
            }
        }
        unwrapped.originals = opening.found;
    }
    if unwrapped.originals.is_empty() || unwrapped.inner_seen > 0 {
        unwrapped.outer_is_original = true;
        let method = if message.header().redirected { Method::Redirected } else { Method::Direct };
        let raw = Cow::Borrowed(message.raw());
        unwrapped.originals.push(Original { raw, method, depth: 0, part_number: 0, is_guess: false });
    }
    Ok(unwrapped)
}

/// The attached messages with their place, decoded from their transfer encoding. Files that hold a message count
/// where `with_files` says so.
fn inner<'x>(message: &Message<'x>, with_files: bool) -> Vec<(u32, Cow<'x, [u8]>)> {
    let entities = message.entities().iter().enumerate();
    let attached = entities
        .filter(|(_, entity)| entity.is_message() || (with_files && files::is_message(message, entity)));
    attached.map(|(at, entity)| (u32::try_from(at).unwrap_or(u32::MAX), message.decoded(entity))).collect()
}

/// The author by the form in which addresses are compared.
fn author(message: &Message<'_>) -> Option<String> {
    message.header().author().map(|author| author.address.key())
}

#[derive(Clone, Copy)]
struct Place {
    depth: u32,
    part_number: u32,
    is_rebuilt: bool,
}

/// Whether an attached message was taken.
enum Left {
    Taken,
    Alone,
}

/// The work of opening one mail.
struct Opening<'x> {
    /// Who sent the outermost mail.
    author: Option<String>,
    found: Vec<Original<'x>>,
}

impl<'x> Opening<'x> {
    /// Takes an attached message, or what it wraps. Recursion ends at `MIME_DEPTH_MAX`.
    fn open(&mut self, raw: Cow<'x, [u8]>, place: Place) -> Result<Left, UnwrapError> {
        if usize::try_from(place.depth).unwrap_or(usize::MAX) > limits::MIME_DEPTH_MAX {
            return Err(UnwrapError::TooDeep);
        }
        let (start, wrapped) = match message::read(&raw) {
            Ok(message) => (message.start(), self.wrapped(&message)),
            Err(Unreadable::TooDeep | Unreadable::TooManyParts) => return Err(UnwrapError::TooDeep),
            Err(Unreadable::Empty | Unreadable::NotAMessage | Unreadable::HeaderTooLong) => {
                return Ok(Left::Alone);
            }
        };
        let raw = from_header_on(raw, start);
        let before = self.found.len();
        for Wrapped { part_number, body, encoding } in wrapped {
            let place = Place { depth: place.depth + 1, part_number, ..place };
            if let Left::Alone = self.open(within(&raw, body, encoding), place)? {
                // What cannot be opened whole stays whole.
                self.found.truncate(before);
                break;
            }
        }
        if self.found.len() == before {
            let Place { depth, part_number, is_rebuilt } = place;
            let is_guess = depth > 1 || is_rebuilt;
            self.found.push(Original { raw, method: Method::Attached, depth, part_number, is_guess });
        }
        if self.found.len() > limits::ORIGINALS_MAX {
            return Err(UnwrapError::TooManyOriginals);
        }
        Ok(Left::Taken)
    }

    fn wrapped(&self, message: &Message<'_>) -> Vec<Wrapped> {
        if self.author.is_some() && self.author == author(message) { wrapped(message) } else { Vec::new() }
    }
}

/// An attached message within a wrapper.
struct Wrapped {
    part_number: u32,
    body: Range<usize>,
    encoding: Encoding,
}

/// What a mere wrapper holds; nothing where the message says or carries anything itself, or is a report.
fn wrapped(message: &Message<'_>) -> Vec<Wrapped> {
    let leaves = || message.entities().iter().enumerate().filter(|(_, entity)| entity.children.is_empty());
    let mere = leaves().all(|(_, entity)| entity.is_message() || is_blank(message, entity));
    if !mere || message.header().marks.report {
        return Vec::new();
    }
    let inner = leaves().filter(|(_, entity)| entity.is_message());
    inner
        .map(|(at, entity)| Wrapped {
            part_number: u32::try_from(at).unwrap_or(u32::MAX),
            body: entity.body.clone(),
            encoding: entity.encoding,
        })
        .collect()
}

fn is_blank(message: &Message<'_>, entity: &Entity) -> bool {
    let characters = match entity.mimetype.as_str() {
        "text/plain" => message.characters(entity),
        "text/html" => Cow::Owned(markup::text(&message.characters(entity))),
        _ => return false,
    };
    characters.trim().is_empty()
}

/// The message without what stands before its header (an mbox line, empty lines).
fn from_header_on(raw: Cow<'_, [u8]>, start: usize) -> Cow<'_, [u8]> {
    match raw {
        Cow::Borrowed(bytes) => Cow::Borrowed(bytes.get(start..).unwrap_or_default()),
        Cow::Owned(mut bytes) => {
            bytes.drain(..start.min(bytes.len()));
            Cow::Owned(bytes)
        }
    }
}

fn within<'x>(raw: &Cow<'x, [u8]>, body: Range<usize>, encoding: Encoding) -> Cow<'x, [u8]> {
    match raw {
        Cow::Borrowed(bytes) => transfer::decode(bytes.get(body).unwrap_or_default(), encoding),
        Cow::Owned(bytes) => {
            Cow::Owned(transfer::decode(bytes.get(body).unwrap_or_default(), encoding).into_owned())
        }
    }
}

#[cfg(test)]
mod tests;
