//! The text that stands beside HTML. What passes through: HTML that was cleaned.

use crate::body::markup::{self, Markup, Piece};

/// Deeper than that nobody follows who said what.
const DEPTH_MAX: usize = 20;

/// The HTML as text, with a mark before each line that is quoted (RFC 3676 §4.5): else nobody could tell by the text who wrote what.
pub fn of(html: &str) -> String {
    let mut out = String::with_capacity(html.len() / 2);
    let mut markup = Markup::new(html);
    let (mut depth, mut from) = (0usize, 0);
    while let Some(piece) = markup.next() {
        let (name, is_end) = match piece {
            Piece::Text(_) => continue,
            Piece::Start(tag) => (tag.name, false),
            Piece::End(name) => (name, true),
        };
        if !name.eq_ignore_ascii_case("blockquote") {
            continue;
        }
        let until = name.as_ptr().addr().saturating_sub(html.as_ptr().addr() + if is_end { 2 } else { 1 });
        push(html.get(from..until).unwrap_or_default(), depth, &mut out);
        depth = if is_end { depth.saturating_sub(1) } else { depth.saturating_add(1) };
        from = html.len().saturating_sub(markup.left());
    }
    push(html.get(from..).unwrap_or_default(), depth, &mut out);
    out
}

fn push(html: &str, depth: usize, out: &mut String) {
    let text = markup::text(html);
    let text = text.trim_matches(['\r', '\n', ' ']);
    if text.is_empty() {
        return;
    }
    if !out.is_empty() && depth == 0 {
        out.push('\n');
    }
    for line in text.lines() {
        (0..depth.min(DEPTH_MAX)).for_each(|_| out.push('>'));
        if depth > 0 && !line.is_empty() {
            out.push(' ');
        }
        out.push_str(line.trim_end());
        out.push('\n');
    }
}
