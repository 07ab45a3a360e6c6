//! A mail whose containers are open: `winmail.dat` (TNEF) and content signed within (S/MIME) become ordinary parts.
//!
//! What passes through: the bytes of a message, into the bytes of a message that says the same without containers:
//! text, digest, attachments and originals are read from it as from any other. The same bytes always give the same.
//! Never verifies a signature, never decrypts, never changes what is kept: that is the message as received.

mod ber;
mod bytes;
mod cms;
mod compare;
mod mapi;
mod parts;
mod room;
mod rtf;
mod tnef;

use std::borrow::Cow;
use std::cell::OnceCell;
use std::collections::HashSet;
use std::ops::Range;

use model::limits;

use crate::entity::Entity;
use crate::message::{self, Message};
use crate::transfer;
use compare::Words;
use parts::Body;
pub(crate) use parts::{by_ending as type_by_ending, named_pictures as pictures_named};
use room::Room;

/// The version of these rules. Rows that name a place in opened content say by which rules it was opened; whoever
/// changes what [`open`] makes of the same bytes counts it up.
pub const RULES: i32 = 3;

/// What the content of a mail was packed in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Packing {
    /// A `winmail.dat` of Outlook was opened ([MS-OXTNEF]).
    pub tnef: bool,
    /// It is signed, openly (RFC 1847) or within its content (RFC 8551 §3.5.2); nobody checked the signature.
    pub signed: bool,
    /// Something in it is encrypted (RFC 8551 §3.3, RFC 3156 §4); it stays as it is.
    pub encrypted: bool,
    /// A container was cut or changed on its way. What could be read is shown; one that was cut stays beside it.
    pub damaged: bool,
}

/// A message with its containers open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Opened<'x> {
    /// The bytes of the message; those that were given where nothing was packed.
    pub raw: Cow<'x, [u8]>,
    /// What was met.
    pub packing: Packing,
}

impl Opened<'_> {
    /// Whether these are other bytes than were given.
    pub fn is_opened(&self) -> bool {
        matches!(self.raw, Cow::Owned(_))
    }
}

/// Opens the containers of a message, containers inside them too, down to [`limits::CONTAINER_DEPTH_MAX`], no
/// more than [`limits::CONTAINERS_MAX`] of them, and no more bytes than [`limits::CONTENT_BYTES_MAX`] in all.
///
/// What cannot be opened stays the attachment that it is.
pub fn open<'x>(message: &Message<'x>) -> Opened<'x> {
    let mut opening = Opening { packing: Packing::default(), met: HashSet::new(), room: Room::new() };
    let mut opened: Option<Vec<u8>> = opening.round(message);
    for _ in 1..limits::CONTAINER_DEPTH_MAX {
        let Some(bytes) = &opened else { break };
        let Ok(message) = message::read(bytes) else { break };
        let Some(next) = opening.round(&message) else { break };
        opened = Some(next);
    }
    let raw = match opened {
        Some(bytes) => Cow::Owned(bytes),
        None => Cow::Borrowed(message.raw()),
    };
    Opened { raw, packing: opening.packing }
}

/// Whether all of a message may be a container, by its header alone: what is in it can be of any kind.
pub fn may_be_packed(message: &Message<'_>) -> bool {
    message.entities().first().is_some_and(|root| root.mimetype.starts_with("application/"))
}

/// The work of opening one message.
struct Opening {
    packing: Packing,
    /// Digests of the containers met: none is opened twice, so one that holds itself ends.
    met: HashSet<[u8; 32]>,
    /// What may still be made, in all rounds together.
    room: Room,
}

/// The text that stands beside the containers of a message.
struct Beside<'m> {
    text: &'m Entity,
    words: Words,
    /// Whether the message shows nothing in HTML itself.
    is_bare: bool,
}

impl<'m> Beside<'m> {
    fn of(message: &'m Message<'_>) -> Option<Self> {
        let text = only_text(message)?;
        let is_bare = message.shown().iter().all(|shown| shown.mimetype != "text/html");
        Some(Beside { text, words: Words::of(&message.characters(text)), is_bare })
    }
}

/// A container among the parts.
enum Container {
    Tnef,
    Cms,
}

/// One replacement in the message.
struct Splice {
    at: Range<usize>,
    with: Vec<u8>,
}

impl Opening {
    /// The message with the containers on its surface opened; `None` where there is none.
    fn round(&mut self, message: &Message<'_>) -> Option<Vec<u8>> {
        let mut splices: Vec<Splice> = Vec::new();
        let beside = OnceCell::new();
        for entity in message.entities() {
            self.packing.signed |= entity.mimetype == "multipart/signed";
            self.packing.encrypted |= entity.mimetype == "multipart/encrypted";
            let found = match container(message, entity) {
                Some(_) if self.room.is_used_up() || self.met.len() >= limits::CONTAINERS_MAX => None,
                Some(Container::Tnef) => self.tnef(message, entity, &beside),
                Some(Container::Cms) => self.cms(message, entity).map(|splice| vec![splice]),
                None => None,
            };
            splices.extend(found.unwrap_or_default());
        }
        let spliced = spliced(message.raw(), splices)?;
        // A message that can no longer be read says less than one that is not opened.
        message::read(&spliced).is_ok().then_some(spliced)
    }

    fn is_new(&mut self, container: &[u8]) -> bool {
        self.met.insert(*blake3::hash(container).as_bytes())
    }

    fn cms(&mut self, message: &Message<'_>, entity: &Entity) -> Option<Splice> {
        let der = message.decoded(entity);
        if !self.is_new(&der) {
            return None;
        }
        match cms::content(&der) {
            cms::Content::Signed(inner) => {
                self.packing.signed = true;
                self.room.take(inner.len()).then_some(())?;
                Some(Splice { at: entity.whole.clone(), with: parts::in_place(message, entity, inner) })
            }
            cms::Content::Encrypted => {
                self.packing.encrypted = true;
                None
            }
            cms::Content::File => None,
            cms::Content::Unreadable => {
                self.packing.damaged = true;
                None
            }
        }
    }

    fn tnef<'m>(
        &mut self,
        message: &'m Message<'_>,
        entity: &Entity,
        beside: &OnceCell<Option<Beside<'m>>>,
    ) -> Option<Vec<Splice>> {
        let stream = message.decoded(entity);
        if !self.is_new(&stream) {
            return None;
        }
        let read = tnef::read(&stream);
        self.packing.damaged |= read.is_cut || read.is_changed;
        let mut body = read.body(&mut self.room);
        if read.is_cut && read.attachments.is_empty() && body == Body::default() {
            return None;
        }
        self.packing.tnef = true;
        let mut splices = Vec::new();
        if let Some(beside) = beside.get_or_init(|| Beside::of(message))
            && beside.words.say_the_same(&body)
        {
            let html = body.html.take();
            body = Body::default();
            // Exchange writes the text beside the container: what the container adds is its richer form.
            if let Some(html) = html.filter(|html| beside.is_bare && self.room.take(html.len())) {
                let at = beside.text.whole.clone();
                let plain = message.raw().get(at.clone()).unwrap_or_default();
                splices.push(Splice { at, with: parts::alternative(plain, &html) });
            }
        }
        let kept = if read.is_cut { message.raw().get(entity.whole.clone()) } else { None };
        let content = parts::of_tnef(&read, &body, kept, &mut self.room);
        if self.room.is_used_up() {
            return None;
        }
        splices.push(Splice {
            at: entity.whole.clone(),
            with: parts::in_place(message, entity, content.into()),
        });
        Some(splices)
    }
}

/// The one part of plain text that makes up the text of a message, where it is one.
fn only_text<'m>(message: &'m Message<'_>) -> Option<&'m Entity> {
    let plain = message.plain();
    let [only] = plain.as_slice() else { return None };
    (only.mimetype == "text/plain" && only.parent.is_some()).then_some(*only)
}

/// Whether a part is a container, by its type or, where that says nothing, by its first bytes and its name.
fn container(message: &Message<'_>, entity: &Entity) -> Option<Container> {
    if !entity.children.is_empty() {
        return None;
    }
    match entity.mimetype.as_str() {
        "application/ms-tnef" | "application/vnd.ms-tnef" => Some(Container::Tnef),
        "application/pkcs7-mime" | "application/x-pkcs7-mime" => Some(Container::Cms),
        "application/octet-stream" | "application/x-tnef" | "application/tnef" => {
            let start = message.encoded(entity);
            let start = start.get(..start.len().min(64)).unwrap_or_default();
            let is_tnef = transfer::decode(start, entity.encoding).starts_with(&tnef::SIGNATURE);
            let name = || entity.filename().unwrap_or_default().to_ascii_lowercase();
            if is_tnef { Some(Container::Tnef) } else { name().ends_with(".p7m").then_some(Container::Cms) }
        }
        _ => None,
    }
}

/// The bytes with the replacements made; `None` where there are none, or where it would grow beyond the limit.
fn spliced(raw: &[u8], mut splices: Vec<Splice>) -> Option<Vec<u8>> {
    if splices.is_empty() {
        return None;
    }
    splices.sort_by_key(|splice| splice.at.start);
    let added: usize = splices.iter().map(|splice| splice.with.len()).sum();
    if raw.len().saturating_add(added) > limits::CONTENT_BYTES_MAX {
        return None;
    }
    let mut out = Vec::with_capacity(raw.len() + added);
    let mut at = 0;
    for splice in splices {
        // Two containers that share a text both want to enrich it; the first has done so.
        if splice.at.start < at {
            continue;
        }
        out.extend_from_slice(raw.get(at..splice.at.start)?);
        out.extend_from_slice(&splice.with);
        at = splice.at.end;
    }
    out.extend_from_slice(raw.get(at..)?);
    Some(out)
}

#[cfg(test)]
mod tests;
