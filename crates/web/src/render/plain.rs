//! Plain text of a mail as HTML: escaped, quotations folded, addresses of the web as links.
//!
//! *Invariant:* every character of the mail goes through the escaping of [`HtmlEscape`].

use std::fmt::Write as _;

use minijinja::{HtmlEscape, Value};

/// The blocks of a text, as the template has them: `p.text` with its line ends as written, `details.quote` for
/// quotations of several lines, `p.text` in `div.signature` for signatures.
pub(crate) fn html(blocks: &Value) -> Result<Value, minijinja::Error> {
    let mut out = String::new();
    let mut links_left = LINKS_MAX;
    for block in blocks.try_iter()? {
        let (part, text) = (block.get_attr("part")?, block.get_attr("text")?);
        write_block(
            &mut out,
            part.as_str().unwrap_or_default(),
            text.as_str().unwrap_or_default(),
            &mut links_left,
        );
    }
    Ok(Value::from_safe_string(out))
}

fn write_block(out: &mut String, part: &str, text: &str, links_left: &mut usize) {
    let lines: Vec<&str> = text.lines().collect();
    let count = lines.iter().filter(|line| !is_blank(line)).count();
    match part {
        "quote" if count >= FOLDED_LINES_MIN => {
            // Writing to a string does not fail.
            let _ = write!(out, "<details class=\"quote\"><summary>⋯ quoted text, {count} lines</summary>");
            let unquoted: Vec<&str> = lines.iter().map(|line| unquoted(line)).collect();
            write_lines(out, &unquoted, links_left);
            out.push_str("</details>");
        }
        "signature" => {
            out.push_str("<div class=\"signature\">");
            write_lines(out, &lines, links_left);
            out.push_str("</div>");
        }
        _ => write_lines(out, &lines, links_left),
    }
}

/// Links on one page; further addresses stay text. Nobody follows more, and each is written twice.
const LINKS_MAX: usize = 2_000;
/// Shorter quotations are part of the answer: somebody answers line by line.
const FOLDED_LINES_MIN: usize = 4;

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
    use crate::values::{TextBlock, TextPart};

    fn shown(blocks: &[(TextPart, &str)]) -> String {
        let block = |(part, text): &(TextPart, &str)| TextBlock { part: *part, text: (*text).to_owned() };
        let blocks: Vec<TextBlock> = blocks.iter().map(block).collect();
        html(&Value::from(minijinja::value::Serde(blocks))).unwrap().to_string()
    }

    fn check(text: &str, expected: Expect) {
        expected.assert_eq(&shown(&[(TextPart::Own, text)]));
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
        let long = [
            (TextPart::Own, "Yes.\n"),
            (TextPart::Quote, "On Monday Zoë wrote:\n> a\n> b\n> c\n"),
            (TextPart::Signature, "-- \nJane"),
        ];
        expect![[r#"
            <p class="text">Yes.</p><details class="quote"><summary>⋯ quoted text, 4 lines</summary><p class="text">On Monday Zoë wrote:
            a
            b
            c</p></details><div class="signature"><p class="text">-- 
            Jane</p></div>"#]]
        .assert_eq(&shown(&long));
        let short = [(TextPart::Quote, "> When?"), (TextPart::Own, "Friday.")];
        expect![[r#"<p class="text">&gt; When?</p><p class="text">Friday.</p>"#]].assert_eq(&shown(&short));
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
        let links = |text: &str| shown(&[(TextPart::Own, text)]).matches("<a class").count();
        assert_eq!(links(&"http://a.test ".repeat(LINKS_MAX + 500)), LINKS_MAX);
        assert_eq!(links(&"http://a.test\n\n".repeat(LINKS_MAX + 500)), LINKS_MAX);
        assert_eq!(links(&"http and https: ".repeat(50)), 0);
        let text = "http://a ".repeat(50_000);
        let page = shown(&[(TextPart::Own, text.as_str()), (TextPart::Own, text.as_str())]);
        assert!(page.len() < 3_000_000, "{}", page.len());
    }
}
