//! HTML cut into text and tags (HTML Living Standard §13.2.5). What passes through: one HTML part.
//!
//! Comments, declarations and what is no text (scripts, styles, drawings) are left out here, so that whoever
//! reads on meets no place where a tag is not a tag. Looks at every byte once.

use std::borrow::Cow;
use std::collections::BTreeSet;

use mail_parser::decoders::html::html_to_text;

/// The text of HTML, without its style sheets and scripts.
pub(crate) fn text(html: &str) -> String {
    characters(&without_sheets(html))
}

/// The text of HTML, whatever its tags are for.
pub(crate) fn characters(html: &str) -> String {
    html_to_text(&with_signs(html))
}

/// With each `<` that begins no tag written out: `html_to_text` leaves out what stands behind it, up to the next `>`. It is text (HTML
/// Living Standard, §13.2.5.6): `< zoe@x.test >`.
fn with_signs(html: &str) -> Cow<'_, str> {
    let begins_none = |at: usize| {
        let next = html.as_bytes().get(at + 1).copied().unwrap_or_default();
        !(next.is_ascii_alphabetic() || matches!(next, b'/' | b'!' | b'?'))
    };
    let signs = html.match_indices('<').map(|(at, _)| at).filter(|at| begins_none(*at));
    let (mut out, mut from) = (String::new(), 0);
    for at in signs {
        out.push_str(html.get(from..at).unwrap_or_default());
        out.push_str("&lt;");
        from = at + 1;
    }
    if from == 0 {
        return Cow::Borrowed(html);
    }
    out.push_str(html.get(from..).unwrap_or_default());
    Cow::Owned(out)
}

/// Style sheets and scripts whose tags have attributes pass for text with `html_to_text`. Nearly all HTML has none.
fn without_sheets(html: &str) -> Cow<'_, str> {
    let is_sheet = |name: &str| SHEETS.iter().any(|known| known.eq_ignore_ascii_case(name));
    let begins_one = |(at, _): (usize, &str)| {
        let rest = html.as_bytes().get(at + 1..).unwrap_or_default();
        SHEETS.iter().any(|name| {
            let (found, behind) = (rest.get(..name.len()), rest.get(name.len()));
            found.is_some_and(|found| found.eq_ignore_ascii_case(name.as_bytes())) && behind != Some(&b'>')
        })
    };
    if !html.match_indices('<').any(begins_one) {
        return Cow::Borrowed(html);
    }
    let mut markup = Markup::new(html);
    let (mut out, mut at) = (String::with_capacity(html.len()), 0);
    while let Some(piece) = markup.next() {
        let Piece::Start(tag) = piece else { continue };
        let start = tag.whole.as_ptr().addr().saturating_sub(html.as_ptr().addr());
        let end = html.len().saturating_sub(markup.left());
        if is_sheet(tag.name) && end > start + tag.whole.len() {
            out.push_str(html.get(at..start).unwrap_or_default());
            at = end;
        }
    }
    out.push_str(html.get(at..).unwrap_or_default());
    Cow::Owned(out)
}

const SHEETS: [&str; 2] = ["style", "script"];

/// A piece of HTML.
pub(crate) enum Piece<'x> {
    /// Characters; a `<` in them begins no tag.
    Text(&'x str),
    /// A start tag.
    Start(Tag<'x>),
    /// The name of an end tag.
    End(&'x str),
}

/// A start tag.
#[derive(Clone, Copy)]
pub(crate) struct Tag<'x> {
    /// Its name as it is written.
    pub(crate) name: &'x str,
    /// All of it, from `<` to `>`.
    pub(crate) whole: &'x str,
    /// How many attributes it has.
    pub(crate) attributes: usize,
}

impl<'x> Tag<'x> {
    /// The value of an attribute as it is written.
    pub(crate) fn attribute(&self, name: &str) -> Option<&'x str> {
        let rest = self.whole.get(1 + self.name.len()..).unwrap_or_default();
        Attributes::new(rest).find(|(found, _)| found.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }
}

impl Tag<'_> {
    /// The names of its attributes, in one order, each once, as the parser compares them.
    pub(crate) fn attribute_names(&self) -> String {
        let rest = self.whole.get(1 + self.name.len()..).unwrap_or_default();
        let name = |(name, _): (&str, &str)| name.to_ascii_lowercase().replace('\0', "\u{fffd}");
        let names: BTreeSet<String> = Attributes::new(rest).map(name).collect();
        names.into_iter().collect::<Vec<_>>().join(" ")
    }
}

/// A reader of pieces.
pub(crate) struct Markup<'x> {
    rest: &'x str,
    /// Elements of [`LEFT_OUT`] that have no end tag in the rest: their ends are looked for once.
    unclosed: Vec<&'static str>,
}

/// Elements whose content is no text of the mail.
const LEFT_OUT: [&str; 10] =
    ["script", "style", "title", "iframe", "noembed", "noframes", "noscript", "svg", "math", "template"];

impl<'x> Markup<'x> {
    /// Begins at the start of a text.
    pub(crate) fn new(text: &'x str) -> Self {
        Markup { rest: text, unclosed: Vec::new() }
    }

    /// How many bytes of the text are still to be read.
    pub(crate) fn left(&self) -> usize {
        self.rest.len()
    }

    fn take(&mut self, len: usize) -> &'x str {
        let (taken, rest) = self.rest.split_at_checked(len).unwrap_or((self.rest, ""));
        self.rest = rest;
        taken
    }

    /// Drops what stands before the end of a mark and the mark, or everything where it has no end.
    fn pass(&mut self, from: usize, mark: &str) {
        let at = self.rest.get(from..).and_then(|rest| rest.find(mark));
        self.take(at.map_or(self.rest.len(), |at| from + at + mark.len()));
    }

    /// A tag whose name begins behind `opening` bytes; `None` where the text ends inside.
    fn tag(&mut self, opening: usize) -> Option<Tag<'x>> {
        let inner = self.rest.get(opening..)?;
        let end = inner.find(|c: char| is_space(c as u32) || matches!(c, '/' | '>')).unwrap_or(inner.len());
        let (name, rest) = inner.split_at_checked(end)?;
        let mut attributes = Attributes::new(rest);
        let count = attributes.by_ref().count();
        let len = if attributes.is_closed { opening + end + attributes.at } else { self.rest.len() };
        let whole = self.take(len);
        attributes.is_closed.then_some(Tag { name, whole, attributes: count })
    }

    fn leave_out(&mut self, name: &str) {
        let Some(name) = LEFT_OUT.into_iter().find(|known| known.eq_ignore_ascii_case(name)) else { return };
        if self.unclosed.contains(&name) {
            return;
        }
        match self.end_of(name) {
            Some(at) => drop(self.take(at)),
            None => self.unclosed.push(name),
        }
    }

    fn end_of(&self, name: &str) -> Option<usize> {
        let found = self.rest.match_indices("</").find(|(at, _)| {
            let rest = self.rest.as_bytes().get(at + 2..).unwrap_or_default();
            let (found, behind) = (rest.get(..name.len()), rest.get(name.len()));
            found.is_some_and(|found| found.eq_ignore_ascii_case(name.as_bytes()))
                && behind.is_none_or(|byte| is_space(u32::from(*byte)) || matches!(byte, b'/' | b'>'))
        });
        found.map(|(at, _)| at)
    }
}

impl<'x> Iterator for Markup<'x> {
    type Item = Piece<'x>;

    fn next(&mut self) -> Option<Piece<'x>> {
        loop {
            let bytes = self.rest.as_bytes();
            match (bytes.first()?, bytes.get(1).copied().unwrap_or_default()) {
                (b'<', b'a'..=b'z' | b'A'..=b'Z') => {
                    let tag = self.tag(1)?;
                    self.leave_out(tag.name);
                    return Some(Piece::Start(tag));
                }
                (b'<', b'/') if bytes.get(2).is_some_and(u8::is_ascii_alphabetic) => {
                    return self.tag(2).map(|tag| Piece::End(tag.name));
                }
                // A comment may end as it begins: `<!-->`.
                (b'<', b'!') if self.rest.starts_with("<!--") => self.pass(2, "-->"),
                (b'<', b'!' | b'?' | b'/') => self.pass(1, ">"),
                (b'<', _) => return Some(Piece::Text(self.take(1))),
                _ => {
                    let end = self.rest.find('<').unwrap_or(self.rest.len());
                    return Some(Piece::Text(self.take(end)));
                }
            }
        }
    }
}

/// The attributes of a tag: names and values as they are written (§13.2.5.32 to §13.2.5.39).
struct Attributes<'x> {
    text: &'x str,
    at: usize,
    /// Whether the `>` of the tag was met.
    is_closed: bool,
}

impl<'x> Attributes<'x> {
    fn new(text: &'x str) -> Self {
        Attributes { text, at: 0, is_closed: false }
    }

    fn byte(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn pass(&mut self, is_meant: impl Fn(u8) -> bool) -> &'x str {
        let start = self.at;
        while self.byte().is_some_and(&is_meant) {
            self.at += 1;
        }
        self.text.get(start..self.at).unwrap_or_default()
    }

    fn value(&mut self) -> Option<&'x str> {
        self.pass(|byte| is_space(u32::from(byte)));
        let Some(quote @ (b'"' | b'\'')) = self.byte() else {
            return Some(self.pass(|byte| !is_space(u32::from(byte)) && byte != b'>'));
        };
        self.at += 1;
        let value = self.pass(|byte| byte != quote);
        self.byte()?;
        self.at += 1;
        Some(value)
    }
}

impl<'x> Iterator for Attributes<'x> {
    type Item = (&'x str, &'x str);

    fn next(&mut self) -> Option<Self::Item> {
        if self.is_closed {
            return None;
        }
        self.pass(|byte| is_space(u32::from(byte)) || byte == b'/');
        let start = self.at;
        let first = self.byte()?;
        self.at += 1;
        if first == b'>' {
            self.is_closed = true;
            return None;
        }
        // Whatever begins a name belongs to it, a `=` too.
        self.pass(|byte| !is_space(u32::from(byte)) && !matches!(byte, b'/' | b'>' | b'='));
        let name = self.text.get(start..self.at).unwrap_or_default();
        self.pass(|byte| is_space(u32::from(byte)));
        if self.byte() != Some(b'=') {
            return Some((name, ""));
        }
        self.at += 1;
        self.value().map(|value| (name, value))
    }
}

/// White space of HTML, as a code point.
fn is_space(code: u32) -> bool {
    matches!(code, 0x09 | 0x0a | 0x0c | 0x0d | 0x20)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(html: &str, expect: &str) {
        let pieces = Markup::new(html).map(|piece| match piece {
            Piece::Text(text) => text.to_owned(),
            Piece::Start(tag) => format!("[{} {}]", tag.name, tag.attributes),
            Piece::End(name) => format!("[/{name}]"),
        });
        assert_eq!(pieces.collect::<String>(), expect, "{html}");
    }

    #[test]
    fn style_sheets_and_scripts_are_no_text() {
        for (html, expect) in [
            ("<style type='text/css'>p > a { color: red }</style>Hello", "Hello"),
            ("a<STYLE\nmedia=x>b</Style><br>c", "a\nc"),
            ("<script src=x>if (a<b) c()</script>Hello", "Hello"),
            ("<style>p{}</style>Hello <b>there</b>", "Hello there"),
            ("<!-- <style x> -->Hello<!-- </style> -->", "Hello"),
            ("a<style x></style>b<styled y>c", "abc"),
        ] {
            assert_eq!(text(html).trim(), expect, "{html}");
        }
        // Without an end nobody knows where the text begins.
        assert!(text("<style x>Hello").contains("Hello"));
    }

    #[test]
    fn tags_are_told_from_what_only_looks_like_them() {
        check("a<B>c</b >d < e", "a[B 0]c[/b]d < e");
        check("<div title='</div>' b=\">\" c>x", "[div 3]x");
        check("<div a=b/ 'c>d'>x", "[div 2]d'>x");
        check("<a href = x>y<a =>z<a/b=1>", "[a 1]y[a 1]z[a 1]");
        check("<!--</div>-->a<!-->b<!---->c<!x '>d<?y>e</ z>f", "abcdef");
        check("<style></p><!-- </STYLE >a", "[style 0][/STYLE]a");
        check("<svg><p></svg>a<svg><p>b", "[svg 0][/svg]a[svg 0][p 0]b");
        check("a<!--b", "a");
        check("a<b c='", "a");
        check("a</", "a");
    }

    #[test]
    fn attributes_are_found_by_name() {
        let Some(Piece::Start(tag)) = Markup::new("<IMG alt='src=a' SRC=\"b\">").next() else { panic!() };
        assert_eq!((tag.attribute("src"), tag.attribute("id")), (Some("b"), None));
    }
}
