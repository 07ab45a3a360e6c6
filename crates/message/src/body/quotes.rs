//! Where HTML quotes the mail before, by the marks of the big mail programs. What passes through: one HTML part.
//!
//! Finds ranges of the source and changes nothing. Where a program marks only the beginning, the quotation goes on
//! to the end of what it stands in. A forwarded message is no quotation.

use std::ops::Range;

use super::markup::{self, Markup, Piece, Tag};

/// Elements open at a time of which the end is looked for; in deeper ones nothing is found.
const OPEN_MAX: usize = 256;
/// Marks of one text behind which is looked, so that a text of nothing but marks is read in bounded time.
const LOOKS_MAX: usize = 200;
/// Bytes behind a mark in which a header block or the line of a forward begins.
const AHEAD_BYTES: usize = 2_048;

/// The quotations of a text, in order, none inside another.
pub(super) fn quotes(html: &str) -> Vec<Range<usize>> {
    let mut search = Search { html, open: Vec::new(), found: Vec::new(), running: None, looks: LOOKS_MAX };
    let mut markup = Markup::new(html);
    while let Some(piece) = markup.next() {
        let to = html.len() - markup.left();
        match piece {
            Piece::Text(text) => search.text(text),
            Piece::Start(tag) => search.start(tag, offset(html, tag.whole)),
            Piece::End(name) => search.end(name, offset(html, name).saturating_sub(2)..to),
        }
    }
    if let Some(running) = search.running {
        search.found.push(running.from..html.len());
    }
    joined(html, search.found)
}

/// Quotations with nothing but line breaks between them are one.
fn joined(html: &str, found: Vec<Range<usize>>) -> Vec<Range<usize>> {
    let mut joined: Vec<Range<usize>> = Vec::new();
    for quote in found {
        let gap = |last: &&mut Range<usize>| {
            let between = html.get(last.end..quote.start).unwrap_or("x").trim();
            between.is_empty() || matches!(between, "<br>" | "<br/>" | "<br />")
        };
        match joined.last_mut().filter(gap) {
            Some(last) => last.end = quote.end,
            None => joined.push(quote),
        }
    }
    joined
}

/// HTML with its quotations folded, where there is anything besides them.
pub(super) fn folded(html: &str) -> Option<String> {
    let quotes = quotes(html);
    if quotes.is_empty() || is_blank(&without(html, &quotes, "")) {
        return None;
    }
    let mut out = String::with_capacity(html.len() + quotes.len() * 80);
    let mut at = 0;
    for quote in quotes {
        out.push_str(html.get(at..quote.start)?);
        out.push_str("<details><summary>⋯ quoted text</summary>");
        out.push_str(html.get(quote.clone())?);
        out.push_str("</details>");
        at = quote.end;
    }
    out.push_str(html.get(at..)?);
    Some(out)
}

/// The text of HTML with a marked line in place of each quotation.
pub(crate) fn text_with_quotes_marked(html: &str) -> String {
    let shorter = without(html, &quotes(html), "<br>&gt; …<br>");
    markup::characters(&shown(&shorter))
}

/// HTML of nothing but text and line breaks, one more where a block begins or ends.
fn shown(html: &str) -> String {
    let mut out = String::with_capacity(html.len());
    let mut is_in_line = false;
    for piece in Markup::new(html) {
        let (name, is_line_end) = match piece {
            Piece::Text(text) => {
                is_in_line |= !text.trim().is_empty();
                out.push_str(text);
                continue;
            }
            Piece::Start(tag) => (tag.name, false),
            Piece::End(name) => (name, true),
        };
        if is_in_line && is_block(name) {
            out.push_str("<br>");
            is_in_line = false;
        }
        if !is_line_end && name.eq_ignore_ascii_case("br") {
            out.push_str("<br>");
            is_in_line = false;
        }
    }
    out
}

fn is_block(name: &str) -> bool {
    const BLOCKS: [&str; 8] = ["div", "p", "tr", "table", "blockquote", "ul", "ol", "pre"];
    BLOCKS.iter().any(|known| known.eq_ignore_ascii_case(name))
}

fn without(html: &str, quotes: &[Range<usize>], mark: &str) -> String {
    let mut out = String::with_capacity(html.len());
    let mut at = 0;
    for quote in quotes {
        out.push_str(html.get(at..quote.start).unwrap_or_default());
        out.push_str(mark);
        at = quote.end;
    }
    out.push_str(html.get(at..).unwrap_or_default());
    out
}

fn is_blank(html: &str) -> bool {
    markup::characters(&shown(html)).trim_matches(|c: char| c.is_whitespace() || c == '\u{a0}').is_empty()
}

/// How far a quotation goes from its mark.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Reach {
    /// The element that is marked.
    Element,
    /// It and what stands behind it in its parent.
    Rest,
}

struct Open<'x> {
    name: &'x str,
    from: usize,
    /// Whether text was met since it opened.
    has_text_inside: bool,
}

struct Running {
    from: usize,
    /// It ends where fewer elements than this are open.
    depth: usize,
    reach: Reach,
}

struct Search<'x> {
    html: &'x str,
    open: Vec<Open<'x>>,
    found: Vec<Range<usize>>,
    running: Option<Running>,
    looks: usize,
}

impl<'x> Search<'x> {
    fn text(&mut self, text: &str) {
        let is_blank = text.trim_matches(|c: char| c.is_whitespace() || c == '\u{a0}').is_empty();
        if !is_blank && text.trim() != "&nbsp;" {
            self.open.iter_mut().rev().take_while(|open| !open.has_text_inside).for_each(|open| {
                open.has_text_inside = true;
            });
        }
    }

    fn start(&mut self, tag: Tag<'x>, from: usize) {
        let reach = if self.running.is_some() { None } else { self.mark(&tag, from) };
        if let Some(reach) = reach {
            let (from, depth) = match reach {
                Reach::Element => (from, self.open.len() + 1),
                Reach::Rest => self.outermost_without_text(from),
            };
            self.running = Some(Running { from, depth, reach });
        }
        if !is_never_closed(tag.name) && self.open.len() < OPEN_MAX {
            self.open.push(Open { name: tag.name, from, has_text_inside: false });
        }
    }

    fn end(&mut self, name: &str, at: Range<usize>) {
        let Some(index) = self.open.iter().rposition(|open| open.name.eq_ignore_ascii_case(name)) else {
            return;
        };
        self.open.truncate(index);
        let ended = self.running.take_if(|running| self.open.len() < running.depth);
        if let Some(Running { from, reach, .. }) = ended {
            // What only began inside its parent ends before the end of that.
            self.found.push(from..if reach == Reach::Element { at.end } else { at.start });
        }
    }

    /// The beginning of the outermost element that holds nothing before the mark, and how many are open around it.
    fn outermost_without_text(&self, from: usize) -> (usize, usize) {
        let empty = self.open.iter().rev().take_while(|open| {
            let name = open.name.to_ascii_lowercase();
            !open.has_text_inside && matches!(name.as_str(), "div" | "span")
        });
        let count = empty.clone().count();
        (empty.last().map_or(from, |open| open.from), self.open.len() - count)
    }

    fn mark(&mut self, tag: &Tag<'_>, from: usize) -> Option<Reach> {
        let name = tag.name.to_ascii_lowercase();
        let value = |attribute: &str| tag.attribute(attribute).unwrap_or_default().to_ascii_lowercase();
        let (class, id, style) = (value("class"), value("id"), value("style"));
        let mut classes = class.split_ascii_whitespace().map(plain_name);
        let is_quote_class = classes.any(|class| CLASSES.contains(&class));
        let id = plain_name(&id);
        let reach = if name == "blockquote" && (value("type") == "cite" || style.contains("border-left"))
            || is_quote_class
            || ELEMENT_IDS.contains(&id)
        {
            Reach::Element
        } else if REST_IDS.contains(&id) || is_outlook_rule(&style) {
            Reach::Rest
        } else {
            return None;
        };
        self.looks = self.looks.checked_sub(1)?;
        if is_outlook_rule(&style) && !self.has_header_ahead(from) {
            return None;
        }
        (!self.is_forward_ahead(from)).then_some(reach)
    }

    fn ahead(&self, from: usize) -> String {
        let end = self.html.floor_char_boundary((from + AHEAD_BYTES).min(self.html.len()));
        markup::characters(self.html.get(from..end).unwrap_or_default())
    }

    fn is_forward_ahead(&self, from: usize) -> bool {
        let ahead = self.ahead(from);
        let first = ahead.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or_default();
        first.starts_with("-----") && !crate::reply::is_separator(first)
    }

    fn has_header_ahead(&self, from: usize) -> bool {
        let ahead = self.ahead(from);
        let lines: Vec<&str> = ahead.lines().filter(|line| !line.trim().is_empty()).collect();
        crate::reply::is_header_block(&lines)
    }
}

/// Programs put `x_` before the names of a mail that they quote again.
fn plain_name(name: &str) -> &str {
    name.trim_start_matches("x_")
}

const CLASSES: [&str; 8] = [
    "gmail_quote",
    "gmail_quote_container",
    "yahoo_quoted",
    "moz-cite-prefix",
    "protonmail_quote",
    "outlookmessageheader",
    "zmail_extra",
    "tutanota_quote",
];
const ELEMENT_IDS: [&str; 3] =
    ["olk_src_body_section", "mail-editor-reference-message-container", "yahoo_quoted"];
const REST_IDS: [&str; 5] = ["divrplyfwdmsg", "appendonsend", "stopspelling", "skydriveplaceholder", "zwchr"];

/// Outlook draws a line above the header of the mail before, in a blue or a grey of its own.
fn is_outlook_rule(style: &str) -> bool {
    let style: String = style.chars().filter(|c| !c.is_whitespace()).collect();
    style.contains("border-top:solid#b5c4df") || style.contains("border-top:solid#e1e1e1")
}

/// Elements whose end tag is left out, or that have none.
fn is_never_closed(name: &str) -> bool {
    const NEVER_CLOSED: [&str; 18] = [
        "br", "img", "hr", "wbr", "meta", "link", "input", "base", "col", "area", "param", "source", "p",
        "li", "dt", "dd", "option", "embed",
    ];
    NEVER_CLOSED.iter().any(|known| known.eq_ignore_ascii_case(name))
}

/// Where a piece of a text begins in it.
fn offset(text: &str, piece: &str) -> usize {
    (piece.as_ptr() as usize).saturating_sub(text.as_ptr() as usize).min(text.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(html: &str, expect: &[&str]) {
        let found: Vec<&str> = quotes(html).into_iter().map(|quote| &html[quote]).collect();
        assert_eq!(found, expect, "{html}");
    }

    #[test]
    fn programs_mark_what_they_quote() {
        check(
            "a<div class=\"x gmail_quote\">b<div>c</div></div>d",
            &["<div class=\"x gmail_quote\">b<div>c</div></div>"],
        );
        check(
            "a<BLOCKQUOTE type=cite>b</blockquote>c<blockquote>d</blockquote>",
            &["<BLOCKQUOTE type=cite>b</blockquote>"],
        );
        check(
            "<div>a<div id=x_appendonsend></div><hr><div id=divRplyFwdMsg>b</div>c</div>d",
            &["<div id=x_appendonsend></div><hr><div id=divRplyFwdMsg>b</div>c"],
        );
        check(
            "<div class=moz-cite-prefix>w:</div><br><blockquote type='cite'>q</blockquote>a",
            &["<div class=moz-cite-prefix>w:</div><br><blockquote type='cite'>q</blockquote>"],
        );
        let rule = "<div><div style='border:none;border-top:solid #E1E1E1 1.0pt'>";
        let header = "<p><b>From:</b> Z<br><b>Sent:</b> M<br><b>To:</b> J</p></div></div><p>q</p>";
        check(&format!("<div>a{rule}{header}</div>"), &[&format!("{rule}{header}")]);
        check(&format!("<div>a{rule}x</div></div></div>"), &[]);
        check("a<div class=gmail_quote>---------- Forwarded message ---------<br>b</div>", &[]);
        check("a<!-- <div class=gmail_quote> --><div class=gmail_quote>b", &["<div class=gmail_quote>b"]);
    }

    #[test]
    fn a_fold_keeps_everything_and_never_hides_all() {
        let html = "<p>a<blockquote type=cite>b</blockquote>c";
        let folded = folded(html).unwrap();
        assert_eq!(
            folded,
            "<p>a<details><summary>⋯ quoted text</summary><blockquote type=cite>b</blockquote></details>c"
        );
        assert_eq!(super::folded("<div> &nbsp;<blockquote type=cite>b</blockquote></div>"), None);
        assert_eq!(super::folded("<p>a"), None);
    }

    #[test]
    fn a_text_of_nothing_but_marks_is_read_once() {
        for piece in [
            "<div id=appendonsend>",
            "<div id=appendonsend></div>",
            "<blockquote type=cite></blockquote>a",
            "</div>",
            "<div>",
        ] {
            let html = piece.repeat((2 << 20) / piece.len());
            assert!(quotes(&html).len() <= LOOKS_MAX);
        }
    }
}
