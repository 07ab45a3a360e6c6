//! The lines of a body, as a reader sees them. What passes through: a text or HTML part, into lines.
//!
//! HTML gives a line for each block and cell row, with a `>` before it for each quotation around it, so that both
//! forms read alike. An address that only a link holds is written out, for clients show the name alone.

use crate::body::markup::{self, Markup, Piece};

/// The text of an HTML part in lines. At most as long as the HTML and a quotation mark for each line and level.
pub(super) fn of_html(html: &str) -> String {
    let mut page = Page::default();
    for piece in Markup::new(html) {
        match piece {
            Piece::Text(text) => page.text(text),
            Piece::Start(tag) => {
                let name = tag.name.to_ascii_lowercase();
                if name == "a" {
                    let address = tag.attribute("href").and_then(|href| href.strip_prefix("mailto:"));
                    page.link = address.map(|address| (page.out.len(), readable(address)));
                }
                page.tag(&name, true);
            }
            Piece::End(name) => {
                let name = name.to_ascii_lowercase();
                if name == "a" {
                    page.end_link();
                }
                page.tag(&name, false);
            }
        }
    }
    page.out
}

/// Quotations within quotations that are told apart; deeper ones read as the last.
const LEVELS_MAX: usize = 16;

#[derive(Default)]
struct Page {
    out: String,
    level: usize,
    /// Whether white space stands between the last word and the next.
    is_apart: bool,
    /// Where the text of an open link to an address begins, and the address.
    link: Option<(usize, String)>,
}

impl Page {
    fn text(&mut self, text: &str) {
        let text = text.replace("&nbsp;", " ");
        let starts_apart = text.starts_with(char::is_whitespace);
        let ends_apart = text.ends_with(char::is_whitespace);
        let words = markup::characters(&text);
        let words = words.trim();
        if words.is_empty() {
            self.is_apart |= starts_apart || ends_apart;
            return;
        }
        if self.is_at_line_start() {
            for _ in 0..self.level {
                self.out.push('>');
            }
            if self.level > 0 {
                self.out.push(' ');
            }
        } else if self.is_apart || starts_apart {
            self.out.push(' ');
        }
        self.out.push_str(words);
        self.is_apart = ends_apart;
    }

    fn is_at_line_start(&self) -> bool {
        self.out.is_empty() || self.out.ends_with('\n')
    }

    fn tag(&mut self, name: &str, is_start: bool) {
        match name {
            "blockquote" => {
                self.end_line();
                self.level = match is_start {
                    true => (self.level + 1).min(LEVELS_MAX),
                    false => self.level.saturating_sub(1),
                };
            }
            "br" => self.break_line(),
            "p" if !is_start => {
                self.end_line();
                self.break_line();
            }
            "td" | "th" => self.is_apart = true,
            "div" | "p" | "tr" | "table" | "li" | "ul" | "ol" | "hr" | "pre" | "h1" | "h2" | "h3" | "h4"
            | "h5" | "h6" | "body" | "section" | "article" | "header" | "dd" | "dt" | "center" => {
                self.end_line()
            }
            _ => {}
        }
    }

    /// A line end where one is missing.
    fn end_line(&mut self) {
        if !self.is_at_line_start() {
            self.break_line();
        }
    }

    fn break_line(&mut self) {
        self.out.push('\n');
        self.is_apart = false;
    }

    fn end_link(&mut self) {
        let Some((start, address)) = self.link.take() else { return };
        let shown = self.out.get(start..).unwrap_or_default();
        if !address.is_empty() && !shown.contains('@') && !shown.trim().is_empty() {
            self.out.push_str(&format!(" <{address}>"));
        }
    }
}

/// The address of a `mailto:` link (RFC 6068 §2), without its subject and the like.
fn readable(link: &str) -> String {
    let address = link.split('?').next().unwrap_or_default();
    let address = markup::characters(address).replace("%40", "@").replace("%2B", "+");
    if address.contains(['<', '>', '\n', ' ']) { String::new() } else { address }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn html_reads_like_text() {
        let check = |html: &str, expect: &str| assert_eq!(of_html(html), expect, "{html}");
        check("<p>a <b>b</b><br>c</p><div>d</div>", "a b\nc\n\nd\n");
        check("<b>From:</b> Zo&euml; &lt;z@x.test&gt;", "From: Zoë <z@x.test>");
        check(
            "<table><tr><th>From: \n</th><td>Zo</td></tr><tr><th>To:</th><td>b@x</td></tr></table>",
            "From: Zo\nTo: b@x\n",
        );
        check("<div>a<blockquote>b<br>c</blockquote>d</div>", "a\n> b\n> c\nd\n");
        check("From: <a href=\"mailto:z@x.test?subject=a\">Zo</a>, b", "From: Zo <z@x.test>, b");
        check("<a href=\"mailto:z@x.test\">z@x.test</a>", "z@x.test");
        check("a&nbsp;: b<style>c</style> d", "a : b d");
    }
}
