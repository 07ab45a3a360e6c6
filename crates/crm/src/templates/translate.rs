//! The classic form of fields, `{!contact:firstname;account:name;Customer}`, becomes the native one,
//! `{{ contact.firstname or account.name or "Customer" }}`, so that both are rendered by one tree. And before each place where
//! a value is shown a mark is put, so that it can be told which fields were asked for that one.
//!
//! What passes through: the source of one part. Whatever is no field is left as it is; lines stay lines.

use super::fields;

/// What a mark looks up. Nobody else may.
pub(super) const MARK: &str = "__place";

/// Bytes of a classic field: a few names and a default.
const FIELD_BYTES_MAX: usize = 1_000;

/// A source as it is rendered, and where its pieces came from.
#[derive(Debug, Default)]
pub(super) struct Translated {
    pub(super) text: String,
    pieces: Vec<Piece>,
}

/// From `at` on the text comes from `source`: word by word, or all of it from that one place.
#[derive(Debug, Clone, Copy)]
struct Piece {
    at: usize,
    source: usize,
    is_made: bool,
}

/// What a template may not hold.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Wrong {
    /// Where it stands, in bytes.
    pub(super) at: usize,
    /// What is wrong.
    pub(super) words: String,
}

impl Wrong {
    fn field(at: usize, name: &str) -> Self {
        Wrong { at, words: unknown_field(name.trim()) }
    }
}

/// That nobody knows a field.
pub(super) fn unknown_field(name: &str) -> String {
    format!("there is no field “{name}”")
}

/// Translates a source.
pub(super) fn translate(source: &str) -> Result<Translated, Wrong> {
    let mut translated = Translated::default();
    let mut at = 0;
    while let Some(rest) = source.get(at..).filter(|rest| !rest.is_empty()) {
        let Some(brace) = rest.find('{') else {
            translated.copy(rest, at);
            break;
        };
        translated.copy(rest.get(..brace).unwrap_or_default(), at);
        at += brace;
        let rest = source.get(at..).unwrap_or_default();
        let taken = match rest.as_bytes().get(1) {
            Some(b'{') => {
                let sign = rest.get(2..3).filter(|sign| matches!(*sign, "-" | "+")).unwrap_or_default();
                translated.make(&format!("{{{{{sign} {MARK} }}}}"), at);
                no_lists(rest, tag(rest, "}}")).map_err(|wrong| Wrong { at: at + wrong.at, ..wrong })?
            }
            Some(b'%') => {
                no_lists(rest, tag(rest, "%}")).map_err(|wrong| Wrong { at: at + wrong.at, ..wrong })?;
                block(rest)
            }
            Some(b'#') => rest.find("#}").map_or(rest.len(), |end| end + 2),
            Some(b'!') => match classic(rest, at)? {
                Some((native, length)) => {
                    translated.make(&native, at);
                    at += length;
                    continue;
                }
                None => 2,
            },
            _ => 1,
        };
        translated.copy(rest.get(..taken).unwrap_or(rest), at);
        at += taken.min(rest.len());
    }
    Ok(translated)
}

impl Translated {
    fn copy(&mut self, text: &str, source: usize) {
        self.pieces.push(Piece { at: self.text.len(), source, is_made: false });
        self.text.push_str(text);
    }

    fn make(&mut self, text: &str, source: usize) {
        self.pieces.push(Piece { at: self.text.len(), source, is_made: true });
        self.text.push_str(text);
    }

    /// The place in the source that a place in the text comes from.
    pub(super) fn place(&self, at: usize) -> usize {
        let piece = self.pieces.iter().rev().find(|piece| piece.at <= at);
        piece.map_or(at, |piece| piece.source + if piece.is_made { 0 } else { at - piece.at })
    }
}

/// The length of a tag: to its end, which does not count within a quoted text.
fn tag(text: &str, end: &str) -> usize {
    let bytes = text.as_bytes();
    let mut quote = None;
    let mut at = 2;
    while let Some(byte) = bytes.get(at) {
        match (quote, byte) {
            (Some(_), b'\\') => at += 1,
            (Some(open), byte) if open == byte => quote = None,
            (None, b'"' | b'\'') => quote = Some(byte),
            (None, _) if bytes.get(at..).is_some_and(|rest| rest.starts_with(end.as_bytes())) => {
                return at + end.len();
            }
            _ => {}
        }
        at += 1;
    }
    text.len()
}

/// Lists, tuples and maps have no place in a template: to write one as text may cost anything, whatever fuel is left, and a mail
/// has values alone. Gives the length of the tag back.
fn no_lists(text: &str, length: usize) -> Result<usize, Wrong> {
    let bytes = text.as_bytes();
    let end = length.saturating_sub(2);
    let (mut quote, mut calls) = (None, Vec::new());
    let mut at = 2;
    while let Some(byte) = bytes.get(at).filter(|_| at < end) {
        match (quote, byte) {
            (Some(_), b'\\') => at += 1,
            (Some(open), byte) if open == byte => quote = None,
            (Some(_), _) => {}
            (None, b'"' | b'\'') => quote = Some(byte),
            (None, b'(') => calls.push(is_call(text.get(..at).unwrap_or_default())),
            (None, b')') => drop(calls.pop()),
            (None, b'[' | b'{') => return Err(Wrong { at, words: NO_LISTS.to_owned() }),
            (None, b',') if calls.last() != Some(&true) => {
                return Err(Wrong { at, words: NO_LISTS.to_owned() });
            }
            _ => {}
        }
        at += 1;
    }
    Ok(length)
}

const NO_LISTS: &str = "a template holds no lists";

/// Whether the parenthesis behind this belongs to a name that is called.
fn is_call(before: &str) -> bool {
    const WORDS: [&str; 9] = ["in", "not", "and", "or", "if", "elif", "else", "is", "set"];
    let word = before.rsplit(|c: char| !c.is_alphanumeric() && c != '_').next().unwrap_or_default();
    !word.is_empty() && !WORDS.contains(&word)
}

/// The length of a statement; of what is to be left raw, to the end of that.
fn block(text: &str) -> usize {
    let length = tag(text, "%}");
    let word = |tag: &str| tag.trim_matches(['{', '%', '}', '-', '+', ' ', '\t', '\r', '\n']).to_owned();
    if text.get(..length).map(word).as_deref() != Some("raw") {
        return length;
    }
    let mut at = length;
    while let Some(next) = text.get(at..).and_then(|rest| rest.find("{%")) {
        at += next;
        let rest = text.get(at..).unwrap_or_default();
        let length = tag(rest, "%}");
        if rest.get(..length).map(word).as_deref() == Some("endraw") {
            return at + length;
        }
        at += 2;
    }
    text.len()
}

/// A classic field, in the native form and with its length. `None` where it is none: braces stand in style sheets too.
fn classic(text: &str, at: usize) -> Result<Option<(String, usize)>, Wrong> {
    let Some(end) = text.find('}').filter(|end| *end <= FIELD_BYTES_MAX) else { return Ok(None) };
    let inside = text.get(2..end).unwrap_or_default();
    let first = inside.split(';').next().and_then(|first| first.split_once(':'));
    if inside.contains('\n') || first.and_then(|(root, _)| fields::root(root)).is_none() {
        return Ok(None);
    }
    let parts: Vec<&str> = inside.split(';').collect();
    let mut chain = Vec::with_capacity(parts.len());
    for (place, part) in parts.iter().enumerate() {
        let named = part.split_once(':').and_then(|(root, field)| Some((fields::root(root)?, field)));
        match named {
            Some((root, name)) => {
                let field = fields::field(root, name);
                let field = field.ok_or_else(|| Wrong::field(at, part))?;
                chain.push(format!("{root}.{field}"));
            }
            None if part.trim().is_empty() => {}
            // The default is what comes last; a typed `;` too many stands behind it.
            None if parts.iter().skip(place + 1).all(|rest| rest.trim().is_empty()) => {
                chain.push(quoted(part));
            }
            None => return Err(Wrong::field(at, part)),
        }
    }
    Ok(Some((format!("{{{{ {MARK} }}}}{{{{ {} }}}}", chain.join(" or ")), end + 1)))
}

fn quoted(text: &str) -> String {
    let escaped = text.replace('\\', "\\\\").replace('"', "\\\"");
    format!("\"{}\"", escaped.replace(|c: char| c.is_control(), " "))
}
