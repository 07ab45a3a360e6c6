//! A mail that somebody forwarded as text: found in the body by the marks its client left, and written anew.
//!
//! What passes through: the text of a forward that one of us handed over, into the mail quoted in it. It is a
//! guess and called so. Never looks beneath the first quotation: what a stranger quotes in his mail stays his text.

mod attribution;
mod heading;
mod labels;
mod lines;
mod markers;
mod search;
mod source;
mod written;

use model::limits;

use crate::entity::Entity;
use crate::message::{self, Message};
use crate::{field, header_decoder, subject};
use heading::Heading;
use labels::Label;
use search::{Block, Blocks, Search};
use source::{Part, Quoted};

/// A mail that was read out of a text.
pub(super) struct Inline {
    /// A message made of what was quoted.
    pub(super) raw: Vec<u8>,
    /// How many mails it was quoted in.
    pub(super) depth: u32,
}

/// The mails that a forward quotes.
#[derive(Default)]
pub(super) struct Found {
    /// Those whose author's address can be read.
    pub(super) mails: Vec<Inline>,
    /// Further ones, which nothing tells from what a stranger may have written into the first.
    pub(super) left: usize,
    /// Whether the text quotes a mail at all, readable or not.
    pub(super) is_there: bool,
}

/// Finds the mails that a forward quotes. Time grows with its text.
pub(super) fn find(message: &Message<'_>) -> Found {
    let plain = text(message, &message.plain());
    let found = within(message, &plain, false);
    if !found.mails.is_empty() || message.shown().iter().all(|entity| !is_html(entity)) {
        return found;
    }
    let shown = within(message, &text(message, &message.shown()), true);
    Found { is_there: shown.is_there || found.is_there, ..shown }
}

fn is_html(entity: &Entity) -> bool {
    entity.mimetype == "text/html"
}

/// The body as lines, at most [`limits::TEXT_BYTES_MAX`] bytes of it.
fn text(message: &Message<'_>, parts: &[&Entity]) -> String {
    let mut all = String::new();
    for entity in parts {
        let characters = message.characters(entity);
        if is_html(entity) {
            all.push_str(&lines::of_html(&message::cut(characters, limits::SHOWN_BODY_BYTES_MAX)));
        } else {
            all.push_str(&message::cut(characters, limits::TEXT_BYTES_MAX));
        }
        all.push('\n');
        if all.len() > limits::TEXT_BYTES_MAX {
            break;
        }
    }
    all.truncate(all.floor_char_boundary(limits::TEXT_BYTES_MAX));
    all
}

/// Opens a forward, and the forward in it where it is nothing but one and by the same hand, who alone is proven.
fn within(message: &Message<'_>, text: &str, is_html: bool) -> Found {
    let search = Search {
        is_html,
        kind: subject::kind(&message.header().subject),
        domain: message.header().author().map(|author| author.address.domain()),
        encapsulates: encapsulates(message),
    };
    let mut found = Found::default();
    let Blocks { mut blocks, is_there } = search.blocks(text);
    let mut depth = 1;
    while let [block] = blocks.as_slice()
        && is_by_forwarder(message, &block.heading)
        && usize::try_from(depth).is_ok_and(|depth| depth < limits::MIME_DEPTH_MAX)
    {
        let inner = search.blocks(&block.text).blocks;
        if !inner.iter().any(|inner| inner.is_first) {
            break;
        }
        blocks = inner;
        depth += 1;
    }
    for block in blocks.iter_mut().filter(|block| block.heading.get(Label::Subject).is_none()) {
        // Where the program quotes no subject, its own is the same one behind a prefix.
        block.heading.set(Label::Subject, subject::without_outermost(&message.header().subject));
    }
    let forward = Forward { message, is_outermost: depth == 1, has_one: blocks.len() == 1 };
    found.is_there = is_there;
    found.left = blocks.iter().map(|block| block.left).sum();
    for block in blocks.into_iter().filter(|block| source::author(&block.heading).is_some()) {
        found.mails.push(Inline { raw: forward.source(&block), depth });
    }
    found
}

/// Whether a program of the nmh family wrote the forward, whose encapsulation may stand below words.
fn encapsulates(message: &Message<'_>) -> bool {
    let header = message.raw().get(..=limits::HEADER_BYTES_MAX).unwrap_or(message.raw());
    let section = field::split(header);
    ["X-Mailer", "Mail-Version", "User-Agent"].iter().any(|name| {
        let value = section.value(name).map(|value| header_decoder::plain(value).to_ascii_lowercase());
        value.is_some_and(|value| ["nmh", "mh-e"].iter().any(|family| value.contains(family)))
    })
}

fn is_by_forwarder(message: &Message<'_>, heading: &Heading) -> bool {
    let forwarder = message.header().author().map(|author| author.address.key());
    let author = source::author(heading).map(|author| author.address.key());
    author.is_some() && author == forwarder
}

struct Forward<'m, 'x> {
    message: &'m Message<'x>,
    is_outermost: bool,
    has_one: bool,
}

impl Forward<'_, '_> {
    fn source(&self, block: &Block) -> Vec<u8> {
        if let Some(whole) = &block.whole {
            return whole.clone();
        }
        let named = self.named(&block.heading);
        let attached = if self.has_one { self.attached() } else { Vec::new() };
        let zone = self.field("Date").and_then(|date| written::read(&date, false)?.zone);
        source::write(&Quoted {
            heading: &block.heading,
            text: &block.text,
            zone,
            named: named.as_deref(),
            attached: &attached,
        })
    }

    fn field(&self, name: &str) -> Option<String> {
        let head = self.message.raw().get(..=limits::HEADER_BYTES_MAX).unwrap_or(self.message.raw());
        let section = field::split(head);
        section.value(name).map(|value| header_decoder::plain(value).into_owned())
    }

    /// The Message-ID that the forward gives the mail it was made of. Thunderbird says so in a field of its own;
    /// others answer it, which is only believed under one subject.
    fn named(&self, heading: &Heading) -> Option<String> {
        let header = self.message.header();
        let forwarded = self.field("X-Forwarded-Message-Id").unwrap_or_default();
        let forwarded = crate::header::message_ids(forwarded.as_bytes());
        let canonical = |text: &str| subject::canonical(text, &[]);
        let is_one_subject =
            heading.get(Label::Subject).is_some_and(|quoted| canonical(quoted) == canonical(&header.subject));
        let named = match (forwarded.as_slice(), header.in_reply_to.as_slice()) {
            ([id], _) => id,
            ([], [id]) if is_one_subject => id,
            _ => return None,
        };
        self.is_outermost.then(|| named.as_str().to_owned())
    }

    /// The parts of the forward that are no text of it: clients carry over what was attached.
    fn attached(&self) -> Vec<Part<'_>> {
        let parts = self.message.attached().into_iter().take(limits::ATTACHMENTS_MAX);
        parts.map(|entity| Part { head: head(entity), body: self.message.encoded(entity) }).collect()
    }
}

/// The header of a part, of what is known about it.
fn head(entity: &Entity) -> String {
    let clean = |text: &str| text.chars().filter(|c| c.is_ascii_graphic() && *c != '"').collect::<String>();
    let mut head = format!("Content-Type: {}", clean(&entity.mimetype));
    if let Some(charset) = entity.content.get("charset") {
        head.push_str(&format!("; charset=\"{}\"", clean(charset)));
    }
    let kind = if entity.is_attachment() { "attachment" } else { "inline" };
    head.push_str(&format!("\r\nContent-Disposition: {kind}"));
    if let Some(name) = entity.filename() {
        head.push_str(&format!("; filename*=utf-8''{}", percent(&header_decoder::words(name))));
    }
    head.push_str(&format!("\r\nContent-Transfer-Encoding: {}\r\n", entity.encoding.name()));
    if let Some(id) = &entity.content_id {
        head.push_str(&format!("Content-ID: <{}>\r\n", clean(id)));
    }
    head
}

/// RFC 2231 §4: every byte but letters and digits.
fn percent(text: &str) -> String {
    let one = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'.' | b'-' | b'_' => char::from(byte).to_string(),
        _ => format!("%{byte:02X}"),
    };
    text.bytes().map(one).collect()
}

#[cfg(test)]
mod tests;
