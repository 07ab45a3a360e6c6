//! Address lists (RFC 5322 §3.4, old forms §4.4, RFC 6532). What passes through: From, To, Cc and their like.
//!
//! Groups are flattened, routes dropped, broken lists read as far as they make sense.
//! Never invents: what holds no address is left out.

mod scan;
mod typed;

use std::borrow::Cow;

use model::{EmailAddress, Mailbox, limits};

use crate::header_decoder;
use scan::{Scan, Token};
pub use typed::{NotTyped, typed};

/// The mailboxes of a field, in order, at most [`limits::PARTIES_MAX`].
pub fn read(value: &[u8]) -> Vec<Mailbox> {
    let text = header_decoder::plain(value);
    let mut scan = Scan::new(&text);
    let mut found = Vec::new();
    let mut element = Element::default();
    let mut separators = 0;
    // A list without separators ends at the limit too.
    while found.len() < limits::PARTIES_MAX
        && let Some(token) = scan.next()
    {
        match token {
            Token::Separator => {
                element.finish(&mut found);
                separators += 1;
                // A list of nonsense ends too.
                if separators > 10 * limits::PARTIES_MAX {
                    break;
                }
            }
            // The name of a group; `mailto:` is dropped the same way.
            Token::Colon if !element.has_at => element = Element::default(),
            Token::Colon => element.push(":", ":"),
            Token::Comment(text) => element.comment = Some(text.to_owned()),
            Token::Quoted(inner, whole) => element.push(&unescaped(inner), whole),
            Token::Angle(inner) => element.angle(inner, &mut found),
            Token::Text(text) => element.push(text, text),
        }
    }
    element.finish(&mut found);
    found.truncate(limits::PARTIES_MAX);
    found
}

/// What has been read of one mailbox.
#[derive(Default)]
struct Element {
    /// The words outside angle brackets, quotes removed: the display name.
    phrase: String,
    /// The same with their quotes: an address without angle brackets.
    literal: String,
    /// Whether there is an `@` in it: looking for it again at every colon would take time that grows with the
    /// square of the field.
    has_at: bool,
    comment: Option<String>,
    angle: Option<String>,
}

impl Element {
    fn push(&mut self, phrase: &str, literal: &str) {
        // Words behind an address are a remark; they would only spoil the name.
        if self.angle.is_none() {
            self.phrase.push_str(phrase);
            self.literal.push_str(literal);
            self.has_at |= literal.contains('@');
        }
    }

    /// A second address without a comma between begins a new mailbox.
    fn angle(&mut self, inner: &str, found: &mut Vec<Mailbox>) {
        if self.angle.is_some() {
            self.finish(found);
        }
        self.angle = Some(inner.to_owned());
    }

    fn finish(&mut self, found: &mut Vec<Mailbox>) {
        let element = std::mem::take(self);
        match &element.angle {
            Some(angle) => {
                let name = name(&element.phrase).or_else(|| element.comment.as_deref().and_then(name));
                found.extend(address(angle).map(|address| Mailbox { name, address }));
            }
            None => element.bare(found),
        }
    }

    /// An address without angle brackets, perhaps with words around it, perhaps several without commas.
    fn bare(&self, found: &mut Vec<Mailbox>) {
        let comment = self.comment.as_deref().and_then(name);
        if let Some(address) = address(&self.literal) {
            found.push(Mailbox { name: comment, address });
            return;
        }
        let is_address = |word: &&str| word.contains('@');
        let words = self.literal.split_whitespace();
        let addresses: Vec<EmailAddress> = words.clone().filter(is_address).filter_map(address).collect();
        let rest: Vec<&str> = words.filter(|word| !is_address(word)).collect();
        let name = name(&rest.join(" ")).filter(|_| addresses.len() == 1).or(comment);
        found.extend(addresses.into_iter().map(|address| Mailbox { name: name.clone(), address }));
    }
}

/// Reads one address: without its route (RFC 5322 §4.4 `<@a,@b:joe@c>`) and the blanks around `@` and `.`.
fn address(text: &str) -> Option<EmailAddress> {
    let text = text.trim();
    let text = match text.starts_with('@') {
        true => text.rsplit_once(':').map_or(text, |(_, address)| address),
        false => text,
    };
    let text = match text.get(..7) {
        Some(scheme) if scheme.eq_ignore_ascii_case("mailto:") => text.get(7..).unwrap_or_default(),
        _ => text,
    };
    let text = text.trim().trim_matches('\'');
    match EmailAddress::parse(text).filter(|_| !text.contains('(')) {
        Some(address) => Some(address),
        None => EmailAddress::parse(&tightened(&scan::without_comments(text))?),
    }
}

/// `joe @ example . test` is old syntax (RFC 5322 §4.4); other blanks make it no address.
fn tightened(text: &str) -> Option<String> {
    let mut out = String::with_capacity(text.len());
    for word in text.split_whitespace() {
        let joins = out.is_empty() || out.ends_with(['@', '.']) || word.starts_with(['@', '.']);
        if !joins {
            return None;
        }
        out.push_str(word);
    }
    Some(out)
}

fn name(text: &str) -> Option<String> {
    let decoded = header_decoder::decode(text.trim().as_bytes());
    let folded = decoded.split_whitespace().collect::<Vec<_>>().join(" ");
    let mut name = folded.as_str();
    // Quotes within quotes, as address books of old write them.
    for quote in ['"', '\''] {
        name = name.strip_prefix(quote).and_then(|name| name.strip_suffix(quote)).unwrap_or(name).trim();
    }
    (!name.is_empty()).then(|| name.chars().take(limits::NAME_CHARS_MAX).collect())
}

/// RFC 5322 §3.2.4: a backslash only protects the character behind it.
fn unescaped(inner: &str) -> Cow<'_, str> {
    if !inner.contains('\\') {
        return Cow::Borrowed(inner);
    }
    let mut out = String::with_capacity(inner.len());
    let mut chars = inner.chars();
    while let Some(c) = chars.next() {
        out.extend(if c == '\\' { chars.next() } else { Some(c) });
    }
    Cow::Owned(out)
}

#[cfg(test)]
mod tests;
