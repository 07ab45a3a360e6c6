//! The body as a page shows it: safe HTML. What passes through: a message that was read, when somebody looks.
//!
//! Never active content, never a request to another host. The page puts it into a sandboxed frame as well.

mod bounded;
mod elements;
mod growth;
pub(crate) mod markup;
mod plain;
pub(crate) mod quotes;
mod sanitize;

use std::collections::HashMap;

use model::limits;

use crate::entity::Entity;
use crate::message::{self, Message, Readable};
use crate::reply;

/// How a body is shown.
#[derive(Debug, Clone, Default)]
pub struct ShownOptions {
    /// Where the pages serve an inline part, by its Content-ID (RFC 2392). What is not named is not shown.
    pub cid_urls: HashMap<String, String>,
    /// Whether images of other hosts may be fetched; they tell the sender who reads when.
    pub remote_images: bool,
}

/// A body ready to be shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shown {
    /// Safe HTML, a fragment.
    pub html: String,
    /// How many images of other hosts were left out.
    pub remote_images: usize,
    /// Whether it was made of plain text alone.
    pub from_plain: bool,
    /// Whether it was cut at [`limits::SHOWN_BODY_BYTES_MAX`].
    pub is_cut: bool,
}

/// Makes the body of a message safe to show. Reads at most [`limits::SHOWN_BODY_BYTES_MAX`] bytes of it.
pub fn shown(message: &Message<'_>, options: &ShownOptions) -> Shown {
    let mut shown = Shown { html: String::new(), remote_images: 0, from_plain: true, is_cut: false };
    let mut room = limits::SHOWN_BODY_BYTES_MAX;
    let mut budget = sanitize::Budget::new();
    for entity in message.shown() {
        if room == 0 {
            shown.is_cut = true;
            break;
        }
        let whole = message.characters(entity);
        let length = whole.len();
        let text = message::cut(whole, room);
        room -= text.len();
        shown.is_cut |= text.len() < length;
        if is_html_part(entity) {
            let folded = quotes::folded(&text);
            let safe = budget.html(folded.as_deref().unwrap_or(&text), options);
            shown.html.push_str(&safe.html);
            shown.remote_images += safe.remote_images;
            shown.from_plain = false;
        } else {
            shown.html.push_str(&budget.plain(&text));
        }
    }
    shown
}

/// Makes HTML safe that is no mail yet.
pub(crate) fn safe(html: &str, options: &ShownOptions) -> String {
    sanitize::Budget::new().html(html, options).html
}

/// Whether [`shown`] makes its page of HTML. Looks at the structure alone.
pub fn is_html(message: &Message<'_>) -> bool {
    message.shown().into_iter().any(is_html_part)
}

/// How many images of other hosts the body names, without making it safe: a pass over its tags.
pub fn remote_images(message: &Message<'_>) -> usize {
    let mut room = limits::SHOWN_BODY_BYTES_MAX;
    let mut count = 0;
    for entity in message.shown() {
        let text = message::cut(message.characters(entity), room);
        room -= text.len();
        if is_html_part(entity) {
            count += sanitize::remote_images(&text);
        }
        if room == 0 {
            break;
        }
    }
    count
}

fn is_html_part(entity: &Entity) -> bool {
    entity.mimetype == "text/html"
}

/// The first words that are new in a message, on one line, at most [`limits::PREVIEW_CHARS_MAX`] characters. Where
/// nothing is, those of its text. `text` is [`Message::readable`], which the caller has at hand.
pub fn preview(message: &Message<'_>, text: &Readable<'_>) -> String {
    // What is new mostly stands at the top; only where that does not fill the line is the rest looked at.
    let top = words(reply::of(message, text, 4 * limits::PREVIEW_CHARS_MAX).split_whitespace());
    if top.chars().count() >= limits::PREVIEW_CHARS_MAX / 2 {
        return top;
    }
    let said = words(reply::of(message, text, limits::PREVIEW_TEXT_BYTES_MAX).split_whitespace());
    if said.is_empty() { words(text.characters.split_whitespace()) } else { said }
}

fn words<'x>(words: impl Iterator<Item = &'x str>) -> String {
    let mut out = String::new();
    let mut count = 0;
    for word in words {
        if count > 0 {
            out.push(' ');
            count += 1;
        }
        let seen = word.chars().filter(|c| !c.is_control());
        for c in seen.take(limits::PREVIEW_CHARS_MAX.saturating_sub(count + 1)) {
            out.push(c);
            count += 1;
        }
        if count + 1 >= limits::PREVIEW_CHARS_MAX {
            break;
        }
    }
    out.trim().to_owned()
}

#[cfg(test)]
mod tests;
