//! The MIME structure of a message (RFC 2045, RFC 2046): a flat list of entities, the root first.
//!
//! What passes through: ranges of the message; nothing is decoded or copied. An attached message is a leaf.
//! Never deeper than `MIME_DEPTH_MAX`, never more than `MIME_PARTS_MAX`.

use std::ops::Range;

use model::limits;

use crate::field::{self, Section};
use crate::message::Unreadable;
use crate::parameters::Parameters;
use crate::transfer::Encoding;

/// One entity: a body part or a multipart.
#[derive(Debug)]
pub(crate) struct Entity {
    /// `type/subtype` in lower case, `text/plain` where nothing sensible is declared (RFC 2045 §5.2).
    pub(crate) mimetype: String,
    pub(crate) content: Parameters,
    pub(crate) disposition: Parameters,
    pub(crate) encoding: Encoding,
    /// Content-ID without angle brackets.
    pub(crate) content_id: Option<String>,
    /// The body, still encoded, within the message.
    pub(crate) body: Range<usize>,
    /// The same with the header before it.
    pub(crate) whole: Range<usize>,
    pub(crate) parent: Option<usize>,
    pub(crate) children: Vec<usize>,
}

impl Entity {
    /// Whether it is an attached message (RFC 2046 §5.2.1, RFC 6532 §3.7).
    pub(crate) fn is_message(&self) -> bool {
        matches!(self.mimetype.as_str(), "message/rfc822" | "message/global")
    }

    /// Whether it is a message that was written anew out of a container, and is not as it was sent. Whoever writes
    /// this into his own mail makes a guess of what he attaches.
    pub(crate) fn is_rebuilt(&self) -> bool {
        self.is_message() && self.content.get("x-rebuilt").is_some()
    }

    /// Whether it is shown to nobody but offered for saving.
    pub(crate) fn is_attachment(&self) -> bool {
        self.disposition.value == "attachment"
    }

    /// The name of the file it is meant to be, as declared.
    pub(crate) fn filename(&self) -> Option<&str> {
        self.disposition.get("filename").or_else(|| self.content.get("name")).filter(|name| !name.is_empty())
    }
}

/// The entities of a message whose header has been split already.
pub(crate) fn tree(raw: &[u8], header: &Section<'_>) -> Result<Vec<Entity>, Unreadable> {
    let mut tree = Tree { raw, entities: Vec::with_capacity(4) };
    let root = Place { parent: None, depth: 1, in_digest: false };
    tree.add(header, Ranges { whole: 0..raw.len(), body: header.body_offset..raw.len() }, root)?;
    Ok(tree.entities)
}

struct Tree<'x> {
    raw: &'x [u8],
    entities: Vec<Entity>,
}

/// Where an entity lies.
#[derive(Clone)]
struct Ranges {
    whole: Range<usize>,
    body: Range<usize>,
}

#[derive(Clone, Copy)]
struct Place {
    parent: Option<usize>,
    depth: usize,
    in_digest: bool,
}

impl Tree<'_> {
    fn add(&mut self, header: &Section<'_>, ranges: Ranges, place: Place) -> Result<(), Unreadable> {
        if place.depth > limits::MIME_DEPTH_MAX {
            return Err(Unreadable::TooDeep);
        }
        if self.entities.len() >= limits::MIME_PARTS_MAX {
            return Err(Unreadable::TooManyParts);
        }
        let mut entity = entity(header, ranges.clone(), place);
        let inside = match entity.content.get("boundary") {
            Some(boundary) if entity.mimetype.starts_with("multipart/") => {
                parts(self.raw, &ranges.body, boundary)
            }
            _ => Vec::new(),
        };
        if inside.is_empty() && entity.mimetype.starts_with("multipart/") {
            // Without a delimiter there is only text to show, and showing it is better than hiding it.
            entity.mimetype = "text/plain".to_owned();
        }
        let in_digest = entity.mimetype == "multipart/digest";
        let index = self.entities.len();
        self.entities.push(entity);
        if let Some(parent) = place.parent.and_then(|parent| self.entities.get_mut(parent)) {
            parent.children.push(index);
        }
        let place = Place { parent: Some(index), depth: place.depth + 1, in_digest };
        for part in inside {
            let head_end = part.end.min(part.start + limits::HEADER_BYTES_MAX);
            let section = field::split(self.raw.get(part.start..head_end).unwrap_or_default());
            let body = (part.start + section.body_offset).min(part.end)..part.end;
            self.add(&section, Ranges { whole: part, body }, place)?;
        }
        Ok(())
    }
}

fn entity(header: &Section<'_>, ranges: Ranges, place: Place) -> Entity {
    let content = header.value("Content-Type").map(Parameters::read).unwrap_or_default();
    let encoding = header.value("Content-Transfer-Encoding").map(encoding).unwrap_or(Encoding::Plain);
    let mimetype = match content.value.split_once('/') {
        Some((_, subtype)) if !subtype.is_empty() => content.value.clone(),
        // RFC 2046 §5.1.5: what a digest does not type is a message.
        _ if place.in_digest && content.value.is_empty() => "message/rfc822".to_owned(),
        _ => "text/plain".to_owned(),
    };
    let id = header.value("Content-ID").map(|value| String::from_utf8_lossy(value).into_owned());
    let id = id.map(|id| id.trim().trim_start_matches('<').trim_end_matches('>').to_owned());
    Entity {
        mimetype,
        content,
        disposition: header.value("Content-Disposition").map(Parameters::read).unwrap_or_default(),
        encoding,
        content_id: id.filter(|id| !id.is_empty()),
        body: ranges.body,
        whole: ranges.whole,
        parent: place.parent,
        children: Vec::new(),
    }
}

fn encoding(value: &[u8]) -> Encoding {
    let text = String::from_utf8_lossy(value);
    Encoding::from_name(text.split([';', '(', ' ']).next().unwrap_or_default())
}

/// The parts between the delimiter lines of a multipart (RFC 2046 §5.1.1). The line end before a delimiter
/// belongs to it. A missing close delimiter is made up for by the end of the body.
fn parts(raw: &[u8], body: &Range<usize>, boundary: &str) -> Vec<Range<usize>> {
    let within = raw.get(..body.end).unwrap_or_default();
    let mut found = Vec::new();
    let mut open: Option<usize> = None;
    let mut at = body.start;
    while at < body.end && found.len() <= limits::MIME_PARTS_MAX {
        let line = field::line_at(within, at);
        at = line.end;
        let Some(closes) = delimiter(field::text(within, &line), boundary.as_bytes()) else { continue };
        if let Some(start) = open.take() {
            found.push(start..end_before(within, line.start).max(start));
        }
        if closes {
            return found;
        }
        open = Some(line.end);
    }
    let rest = open.map(|start| start..body.end);
    // A last delimiter that forgot to say that it closes.
    let is_blank =
        |rest: &Range<usize>| within.get(rest.clone()).is_none_or(|rest| rest.trim_ascii().is_empty());
    found.extend(rest.filter(|rest| found.is_empty() || !is_blank(rest)));
    found
}

/// Whether a line is a delimiter, and if so, whether it is the closing one. What follows behind white space is
/// ignored; without white space it is the delimiter of an inner multipart with a longer boundary. A boundary that
/// was declared with blanks at its end, against RFC 2046 §5.1.1, is known without them, for they get lost on the way.
fn delimiter(line: &[u8], boundary: &[u8]) -> Option<bool> {
    let rest = line.strip_prefix(b"--")?.strip_prefix(boundary)?;
    let (closes, rest) = match rest.trim_ascii_start().strip_prefix(b"--") {
        Some(behind) if behind.first().is_none_or(u8::is_ascii_whitespace) => (true, behind),
        _ => (false, rest),
    };
    rest.first().is_none_or(u8::is_ascii_whitespace).then_some(closes)
}

fn end_before(raw: &[u8], at: usize) -> usize {
    let before = raw.get(..at).unwrap_or_default();
    let before = before.strip_suffix(b"\n").unwrap_or(before);
    before.strip_suffix(b"\r").unwrap_or(before).len()
}

#[cfg(test)]
mod beside;

#[cfg(test)]
mod tests {
    use super::*;

    fn check(raw: &str, expect: &[(&str, &str)]) {
        let section = field::split(raw.as_bytes());
        let entities = tree(raw.as_bytes(), &section).unwrap();
        let leaves: Vec<(&str, &str)> = entities
            .iter()
            .filter(|entity| entity.children.is_empty())
            .map(|entity| (entity.mimetype.as_str(), &raw[entity.body.clone()]))
            .collect();
        assert_eq!(leaves, expect, "{raw:?}");
    }

    #[test]
    fn parts_lie_between_delimiters() {
        let mixed = "Content-Type: multipart/mixed; boundary=b\n\n";
        check("A: 1\n\nhi", &[("text/plain", "hi")]);
        check(
            &format!("{mixed}pre\n--b\n\none\n--b\nContent-Type: x/y\n\ntwo\n--b--\npost"),
            &[("text/plain", "one"), ("x/y", "two")],
        );
        check(
            &format!("{mixed}--b\r\n\r\none\r\n\r\n--b \r\n\r\ntwo"),
            &[("text/plain", "one\r\n"), ("text/plain", "two")],
        );
        check(&format!("{mixed}--b\n\none\n--b\n"), &[("text/plain", "one")]);
        check(&format!("{mixed}--b\n--b--\n"), &[("text/plain", "")]);
        check(&format!("{mixed}no delimiter"), &[("text/plain", "no delimiter")]);
        // The boundary was declared with a blank at its end, and closes with it.
        check(
            "Content-Type: multipart/mixed; boundary=\"b \"\n\n--b \n\none\n--b --\nafter\n",
            &[("text/plain", "one")],
        );
        // The inner boundary begins like the outer one and is never closed.
        check(
            &format!("{mixed}--b\nContent-Type: multipart/x; boundary=bb\n\n--bb\n\nin\n--b\n\nout\n--b--\n"),
            &[("text/plain", "in"), ("text/plain", "out")],
        );
        check(
            "Content-Type: multipart/digest; boundary=b\n\n--b\n\nA: 1\n\nx\n--b--\n",
            &[("message/rfc822", "A: 1\n\nx")],
        );
    }

    #[test]
    fn depth_and_number_of_parts_are_limited() {
        let nest = |depth: usize| {
            let mut raw = String::new();
            for i in 1..depth {
                raw.push_str(&format!("Content-Type: multipart/mixed; boundary=b{i}\n\n--b{i}\n"));
            }
            raw
        };
        let read = |raw: &str| tree(raw.as_bytes(), &field::split(raw.as_bytes())).map(|tree| tree.len());
        assert_eq!(read(&nest(limits::MIME_DEPTH_MAX)).unwrap(), limits::MIME_DEPTH_MAX);
        assert!(matches!(read(&nest(limits::MIME_DEPTH_MAX + 1)), Err(Unreadable::TooDeep)));
        let wide = |parts: usize| {
            format!("Content-Type: multipart/mixed; boundary=b\n\n{}", "--b\n\nx\n".repeat(parts))
        };
        assert_eq!(read(&wide(limits::MIME_PARTS_MAX - 1)).unwrap(), limits::MIME_PARTS_MAX);
        assert!(matches!(read(&wide(limits::MIME_PARTS_MAX)), Err(Unreadable::TooManyParts)));
    }
}
