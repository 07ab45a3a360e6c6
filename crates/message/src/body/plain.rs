//! Plain text as HTML: escaped, quotes nested, links recognized. What passes through: one text part.
//!
//! Never keeps markup of the sender: every character of it is escaped.

/// Quotes nested deeper are shown at this depth; deeper ones are an attack on the page.
const QUOTE_DEPTH_MAX: usize = 12;

/// What may still go into one page: links and steps between levels of quotation cost many times their bytes.
/// Beyond it links stay text, and quotations stay at their level.
pub(super) struct Budget {
    links: usize,
    steps: usize,
}

impl Default for Budget {
    fn default() -> Self {
        Budget { links: 2_000, steps: 50_000 }
    }
}

/// A fragment with one `<blockquote>` for each level of `>` (RFC 3676 §4.5) and lines broken as they were.
pub(super) fn html(text: &str, budget: &mut Budget) -> String {
    let mut out = String::with_capacity(text.len() + text.len() / 4 + 64);
    out.push_str("<div class=\"plain\">");
    let mut depth = 0;
    let mut is_first = true;
    for line in text.lines() {
        let (mut level, line) = quoted(line);
        let steps = level.abs_diff(depth);
        if steps > budget.steps {
            level = depth;
        }
        if level != depth {
            budget.steps -= steps;
            step(&mut out, depth, level);
        } else if !is_first {
            out.push_str("<br>\n");
        }
        depth = level;
        is_first = false;
        linked(line, budget, &mut out);
    }
    step(&mut out, depth, 0);
    out.push_str("</div>");
    out
}

fn step(out: &mut String, from: usize, to: usize) {
    (to..from).for_each(|_| out.push_str("</blockquote>"));
    (from..to).for_each(|_| out.push_str("<blockquote>"));
}

/// How deep a line is quoted, and the line without its marks.
fn quoted(line: &str) -> (usize, &str) {
    let mut depth = 0;
    let mut rest = line;
    while let Some(inner) = rest.strip_prefix('>') {
        depth += 1;
        // `> >` is the same as `>>`, as many programs write it; the blank before the text goes too.
        rest = inner.strip_prefix(' ').unwrap_or(inner);
    }
    (depth.min(QUOTE_DEPTH_MAX), rest)
}

/// Writes a line with its web addresses as links.
fn linked(line: &str, budget: &mut Budget, out: &mut String) {
    let mut rest = line;
    while budget.links > 0
        && let Some((at, end)) = next_link(rest)
    {
        budget.links -= 1;
        let (before, link, after) = (rest.get(..at), rest.get(at..end), rest.get(end..));
        let (Some(before), Some(link), Some(after)) = (before, link, after) else { break };
        escape(before, out);
        out.push_str("<a href=\"");
        escape(link, out);
        out.push_str("\" target=\"_blank\" rel=\"noopener noreferrer\">");
        escape(link, out);
        out.push_str("</a>");
        rest = after;
    }
    escape(rest, out);
}

/// The next `http://` or `https://` address of a line.
fn next_link(text: &str) -> Option<(usize, usize)> {
    let mut from = 0;
    loop {
        let at = from + text.get(from..)?.find("http")?;
        let tail = text.get(at..)?;
        let scheme = ["https://", "http://"].iter().find(|scheme| tail.starts_with(**scheme));
        let len = scheme.map_or(0, |scheme| link_len(tail).max(scheme.len()));
        if scheme.is_some_and(|scheme| len > scheme.len()) {
            return Some((at, at + len));
        }
        from = at + 4;
    }
}

/// Sentence marks at the end are the sentence's, and a closing parenthesis is, unless one was opened inside.
fn link_len(text: &str) -> usize {
    let end = text
        .find(|c: char| c.is_whitespace() || matches!(c, '<' | '>' | '"' | '`' | '|'))
        .unwrap_or(text.len());
    let link = text.get(..end).unwrap_or_default();
    let shorter = link.trim_end_matches(['.', ',', ';', ':', '!', '?', '\'', '*']);
    match shorter.strip_suffix(')') {
        Some(inner) if !inner.contains('(') => inner.len(),
        _ => shorter.len(),
    }
}

fn escape(text: &str, out: &mut String) {
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\t' => out.push_str("    "),
            c if c.is_control() => {}
            c => out.push(c),
        }
    }
}
