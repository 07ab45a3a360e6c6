//! Plain text of a mail as HTML: escaped, quotations folded, addresses of the web as links.
//!
//! *Invariant:* every character of the mail goes through the escaping of [`HtmlEscape`].

use std::fmt::Write as _;

use minijinja::HtmlEscape;

/// The text as blocks: `p.text` with its line ends as written, and `details.quote` for quotations of several lines.
pub(crate) fn html(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + text.len() / 8);
    let mut links_left = LINKS_MAX;
    let lines: Vec<&str> = text.lines().collect();
    for block in lines.chunk_by(|a, b| is_quoted(a) == is_quoted(b)) {
        let is_quote = block.first().is_some_and(|line| is_quoted(line));
        match block.len() {
            count if is_quote && count >= FOLDED_LINES_MIN => {
                // Writing to a string does not fail.
                let _ =
                    write!(out, "<details class=\"quote\"><summary>⋯ quoted text, {count} lines</summary>");
                let unquoted: Vec<&str> = block.iter().map(|line| unquoted(line)).collect();
                write_lines(&mut out, &unquoted, &mut links_left);
                out.push_str("</details>");
            }
            _ => write_lines(&mut out, block, &mut links_left),
        }
    }
    out
}

/// Links on one page; further addresses stay text. Nobody follows more, and each is written twice.
const LINKS_MAX: usize = 2_000;
/// Shorter quotations are part of the answer: somebody answers line by line.
const FOLDED_LINES_MIN: usize = 4;

fn is_quoted(line: &str) -> bool {
    line.starts_with('>')
}

/// The fold shows that it is a quotation, so one mark of it is left out.
fn unquoted(line: &str) -> &str {
    let rest = line.strip_prefix('>').unwrap_or(line);
    rest.strip_prefix(' ').unwrap_or(rest)
}

fn is_blank(line: &str) -> bool {
    line.trim().is_empty()
}

fn write_lines(out: &mut String, lines: &[&str], links_left: &mut usize) {
    let paragraphs = lines.chunk_by(|a, b| is_blank(a) == is_blank(b));
    for paragraph in paragraphs.filter(|lines| lines.iter().any(|line| !is_blank(line))) {
        out.push_str("<p class=\"text\">");
        write_linked(out, &paragraph.join("\n"), links_left);
        out.push_str("</p>");
    }
}

/// Writes a text with its addresses as links, as many of them as `links_left` allows.
fn write_linked(out: &mut String, text: &str, links_left: &mut usize) {
    let mut rest = text;
    while *links_left > 0
        && let Some((before, address, after)) = next_address(rest)
    {
        let (before, address) = (HtmlEscape(before), HtmlEscape(address));
        let _ = write!(
            out,
            "{before}<a class=\"link\" href=\"{address}\" rel=\"noopener noreferrer\" target=\"_blank\">{address}</a>"
        );
        rest = after;
        *links_left -= 1;
    }
    let _ = write!(out, "{}", HtmlEscape(rest));
}

/// The next address of the web, with what stands before and after it. Looks at no character twice: a text may
/// hold nothing but beginnings of addresses.
fn next_address(text: &str) -> Option<(&str, &str, &str)> {
    let mut from = 0;
    let start = loop {
        let at = from + text.get(from..)?.find("http")?;
        let tail = text.get(at..)?;
        if tail.starts_with("http://") || tail.starts_with("https://") {
            break at;
        }
        from = at + 4;
    };
    let (before, from) = text.split_at_checked(start)?;
    let end = from.find(|c: char| c.is_whitespace() || "<>\"".contains(c)).unwrap_or(from.len());
    let (long, _) = from.split_at_checked(end)?;
    // What ends a sentence is not part of the address in it.
    let address = long.trim_end_matches(['.', ',', ';', ':', '!', '?', ')', ']', '\'', '*']);
    Some((before, address, from.get(address.len()..)?))
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    fn check(text: &str, expected: Expect) {
        expected.assert_eq(&html(text));
    }

    #[test]
    fn text_is_escaped() {
        check(
            "<script>alert(1)</script> & \"so\"",
            expect![[
                r#"<p class="text">&lt;script&gt;alert(1)&lt;&#x2f;script&gt; &amp; &quot;so&quot;</p>"#
            ]],
        );
    }

    #[test]
    fn long_quotations_are_folded_and_short_ones_stay() {
        check(
            "Yes.\n\n> a\n> b\n> c\n> d\n\nZoë",
            expect![[r#"
                <p class="text">Yes.</p><details class="quote"><summary>⋯ quoted text, 4 lines</summary><p class="text">a
                b
                c
                d</p></details><p class="text">Zoë</p>"#]],
        );
        check("> When?\nFriday.", expect![[r#"<p class="text">&gt; When?</p><p class="text">Friday.</p>"#]]);
    }

    #[test]
    fn addresses_of_the_web_become_links() {
        check(
            "See https://a.test/?x=1&y='2', please.",
            expect![[
                r#"<p class="text">See <a class="link" href="https:&#x2f;&#x2f;a.test&#x2f;?x=1&amp;y=&#x27;2" rel="noopener noreferrer" target="_blank">https:&#x2f;&#x2f;a.test&#x2f;?x=1&amp;y=&#x27;2</a>&#x27;, please.</p>"#
            ]],
        );
        check(
            "http://",
            expect![[
                r#"<p class="text"><a class="link" href="http:&#x2f;&#x2f;" rel="noopener noreferrer" target="_blank">http:&#x2f;&#x2f;</a></p>"#
            ]],
        );
    }
    #[test]
    fn a_page_holds_only_so_many_links() {
        let links = |text: &str| html(text).matches("<a class").count();
        assert_eq!(links(&"http://a.test ".repeat(LINKS_MAX + 500)), LINKS_MAX);
        assert_eq!(links(&"http://a.test\n\n".repeat(LINKS_MAX + 500)), LINKS_MAX);
        assert_eq!(links(&"http and https: ".repeat(50)), 0);
        let page = html(&"http://a ".repeat(100_000));
        assert!(page.len() < 3_000_000, "{}", page.len());
    }
}
