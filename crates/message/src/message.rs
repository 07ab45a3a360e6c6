//! A message as a whole: its bytes, its header, its structure. What passes through: one received message.
//!
//! Never decodes a body before it is asked for; never copies the message.

mod readable;

use std::borrow::Cow;
use std::cell::OnceCell;

use model::limits;

use crate::body::markup;
use crate::entity::{self, Entity};
use crate::field::{self, Section};
use crate::header::Header;
use crate::{charset, transfer};

/// Why bytes cannot be taken as a message. None of these is temporary.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unreadable {
    /// There is nothing.
    #[error("the message is empty")]
    Empty,
    /// There is no header field at its beginning.
    #[error("there is no header at its beginning")]
    NotAMessage,
    /// Its header is larger than [`limits::HEADER_BYTES_MAX`].
    #[error("its header is too long")]
    HeaderTooLong,
    /// Its parts are nested deeper than [`limits::MIME_DEPTH_MAX`].
    #[error("its parts are nested too deep")]
    TooDeep,
    /// It has more parts than [`limits::MIME_PARTS_MAX`].
    #[error("it has too many parts")]
    TooManyParts,
}

/// Reads a message. Odd mail is read as well as it can be.
///
/// # Errors
/// [`Unreadable`], where there is no header at all or a limit is broken.
pub fn read(raw: &[u8]) -> Result<Message<'_>, Unreadable> {
    let (start, section) = section(raw)?;
    let raw = raw.get(start..).unwrap_or_default();
    let entities = entity::tree(raw, &section)?;
    Ok(Message { raw, start, section, header: OnceCell::new(), entities })
}

/// Where the header begins, and its fields, checked against the limits.
pub(crate) fn section(raw: &[u8]) -> Result<(usize, Section<'_>), Unreadable> {
    let start = field::start(raw);
    let rest = raw.get(start..).unwrap_or_default();
    if rest.is_empty() {
        return Err(Unreadable::Empty);
    }
    // One byte more than allowed is enough to see that it is too much.
    let head = rest.get(..=limits::HEADER_BYTES_MAX).unwrap_or(rest);
    let section = field::split(head);
    if section.fields.is_empty() {
        return Err(Unreadable::NotAMessage);
    }
    if section.body_offset > limits::HEADER_BYTES_MAX {
        return Err(Unreadable::HeaderTooLong);
    }
    Ok((start, section))
}

/// The readable text of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Readable<'m> {
    /// See [`Message::text`].
    pub characters: Cow<'m, str>,
    /// Whether it is plain text as it was written, and not empty; else some of it is made of HTML.
    pub is_plain: bool,
}

/// A message that has been read.
#[derive(Debug)]
pub struct Message<'x> {
    raw: &'x [u8],
    /// Bytes of the source before the header: an mbox line, empty lines.
    start: usize,
    section: Section<'x>,
    /// Decoded when it is first asked for: whoever wants the text alone has no use for it.
    header: OnceCell<Header>,
    entities: Vec<Entity>,
}

impl<'x> Message<'x> {
    /// Its header, decoded.
    pub fn header(&self) -> &Header {
        self.header.get_or_init(|| Header::from_fields(&self.section.fields))
    }

    /// The value of the first field of this name, as it stands there.
    pub(crate) fn field(&self, name: &str) -> Option<&'x [u8]> {
        self.section.value(name)
    }

    /// The bytes of the message, from its header on.
    pub fn raw(&self) -> &'x [u8] {
        self.raw
    }

    /// Its readable text, at most [`limits::TEXT_BYTES_MAX`] bytes: the plain form where it says
    /// anything, else the HTML without its tags. Attached messages and files are not in it. This is what
    /// [`identity::text_digest`](crate::identity::text_digest), previews and search are made of.
    pub fn text(&self) -> Cow<'_, str> {
        self.readable().characters
    }

    /// Its HTML as it is written, at most [`limits::TEXT_BYTES_MAX`] times four bytes; `None` where it has none.
    pub fn html(&self) -> Option<String> {
        let shown = self.shown().into_iter().find(|entity| entity.mimetype == "text/html")?;
        Some(cut(self.characters(shown), 4 * limits::TEXT_BYTES_MAX).into_owned())
    }

    /// The same, and the form it was taken from.
    pub fn readable(&self) -> Readable<'_> {
        let plain = self.text_in(readable::Form::Plain);
        if plain.trim().is_empty() {
            return Readable { characters: self.text_in(readable::Form::Html), is_plain: false };
        }
        let is_plain = self.plain().iter().all(|entity| entity.mimetype == "text/plain");
        Readable { characters: plain, is_plain }
    }

    fn text_in(&self, form: readable::Form) -> Cow<'_, str> {
        let chosen = readable::chosen(&self.entities, form);
        if let [only] = chosen.as_slice() {
            return self.text_of(*only);
        }
        let mut all = String::new();
        for index in chosen {
            all.push_str(&self.text_of(index));
            all.push('\n');
            if all.len() > limits::TEXT_BYTES_MAX {
                break;
            }
        }
        all.truncate(all.floor_char_boundary(limits::TEXT_BYTES_MAX));
        Cow::Owned(all)
    }

    /// The entities that are shown as its body, the HTML form preferred.
    pub(crate) fn shown(&self) -> Vec<&Entity> {
        let chosen = readable::chosen(&self.entities, readable::Form::Html);
        chosen.into_iter().filter_map(|index| self.entities.get(index)).collect()
    }

    /// The entities that make up its text, the plain form preferred.
    pub(crate) fn plain(&self) -> Vec<&Entity> {
        let chosen = readable::chosen(&self.entities, readable::Form::Plain);
        chosen.into_iter().filter_map(|index| self.entities.get(index)).collect()
    }

    /// The entities that are attachments.
    pub(crate) fn attached(&self) -> Vec<&Entity> {
        let attached = readable::attached(&self.entities).into_iter();
        attached.filter_map(|index| self.entities.get(index)).collect()
    }

    /// Whether nothing stands behind its header, nor before it.
    pub fn is_header_alone(&self) -> bool {
        self.start == 0 && self.section.body_offset == self.raw.len()
    }

    /// All entities, the root first.
    pub(crate) fn entities(&self) -> &[Entity] {
        &self.entities
    }

    /// Where the message begins in the bytes that were read.
    pub(crate) fn start(&self) -> usize {
        self.start
    }

    /// The body of an entity as it stands in the message.
    pub(crate) fn encoded(&self, entity: &Entity) -> &'x [u8] {
        self.raw.get(entity.body.clone()).unwrap_or_default()
    }

    /// The body of an entity.
    pub(crate) fn decoded(&self, entity: &Entity) -> Cow<'x, [u8]> {
        transfer::decode(self.encoded(entity), entity.encoding)
    }

    /// The body of a text entity, in its charset.
    pub(crate) fn characters(&self, entity: &Entity) -> Cow<'x, str> {
        let label = entity.content.get("charset");
        match self.decoded(entity) {
            Cow::Borrowed(bytes) => charset::decode(bytes, label),
            Cow::Owned(bytes) => Cow::Owned(charset::decode(&bytes, label).into_owned()),
        }
    }

    fn text_of(&self, index: usize) -> Cow<'_, str> {
        let Some(entity) = self.entities.get(index) else { return Cow::Borrowed("") };
        let characters = self.characters(entity);
        if entity.mimetype == "text/html" {
            // Tags take room; the text in four times the limit is more than is kept.
            let html = cut(characters, 4 * limits::TEXT_BYTES_MAX);
            return cut(Cow::Owned(markup::text(&html)), limits::TEXT_BYTES_MAX);
        }
        cut(characters, limits::TEXT_BYTES_MAX)
    }
}

/// At most so many bytes of a text, borrowed.
pub(crate) fn start_of(text: &str, bytes_max: usize) -> &str {
    text.get(..text.floor_char_boundary(bytes_max)).unwrap_or_default()
}

/// At most so many bytes of a text.
pub(crate) fn cut(text: Cow<'_, str>, bytes_max: usize) -> Cow<'_, str> {
    let end = text.floor_char_boundary(bytes_max);
    match text {
        whole if end == whole.len() => whole,
        Cow::Borrowed(text) => Cow::Borrowed(text.get(..end).unwrap_or_default()),
        Cow::Owned(mut text) => {
            text.truncate(end);
            Cow::Owned(text)
        }
    }
}

#[cfg(test)]
mod tests;
