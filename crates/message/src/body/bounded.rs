//! HTML rewritten so that a parser builds only so much of it. What passes through: one HTML part.
//!
//! Only elements that may be shown are left, and no tag that the parser would ignore.

use super::elements::{Element, Kind};
use super::growth::{Before, Growth, Room, Size, Spent, Written};
use super::markup::{Markup, Piece, Tag};

/// Rewrites HTML, as long as there is room for what it grows to.
pub(super) fn html(text: &str, room: &mut Room) -> Result<String, Spent> {
    let mut growth = Growth::default();
    let mut out = String::with_capacity(text.len());
    // Texts are one where the tags between them are left out.
    let mut written = Written::default();
    for piece in Markup::new(text) {
        match piece {
            Piece::Text(text) => {
                if !text.trim_ascii().is_empty() {
                    growth.piece(room)?;
                }
                written.add(text);
                // What stands behind a `<` may be another now that tags were left out.
                out.push_str(if text == "<" { "&lt;" } else { text });
            }
            Piece::Start(tag) => {
                let before = out.len();
                start(tag, (&mut growth, room), &mut out)?;
                if out.len() > before {
                    room.scan(&std::mem::take(&mut written), 1)?;
                }
            }
            Piece::End(name) => {
                if let Some(element) = Element::named(name)
                    && growth.end(element, room)?
                {
                    end(element.name, &mut out);
                }
            }
        }
    }
    room.scan(&written, 1)?;
    Ok(out)
}

fn start(tag: Tag<'_>, (growth, room): (&mut Growth, &mut Room), out: &mut String) -> Result<(), Spent> {
    let Some(element) = Element::named(tag.name) else { return Ok(()) };
    let is_bare = tag.attributes > ATTRIBUTES_MAX;
    let mut size = Size::default();
    size.written.add(tag.whole);
    if element.kind == Kind::Formatting && !is_bare {
        size.attributes = tag.attribute_names();
    }
    let Some(before) = growth.start(element, size, room)? else { return Ok(()) };
    if let Before::Close(name) = before {
        end(name, out);
    }
    if is_bare {
        out.extend(["<", element.name, ">"]);
    } else {
        out.push_str(tag.whole);
    }
    Ok(())
}

/// Attributes of one tag; of more none is kept: the parser compares each with all.
const ATTRIBUTES_MAX: usize = 64;

fn end(name: &str, out: &mut String) {
    out.extend(["</", name, ">"]);
}
