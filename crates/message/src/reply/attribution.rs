//! Where a quotation begins: "On … wrote:", "-----Original Message-----", the header block of Outlook.
//!
//! What passes through: lines. Looks at no more than [`LINES_MAX`] lines for one beginning.

use super::words::{self, Label};
use super::{Part, is_blank, is_quoted};

/// Lines over which one attribution is broken.
const LINES_MAX: usize = 4;
/// Characters of one attribution, names and addresses included.
const CHARS_MAX: usize = 400;
/// Lines of a header block, folded addresses included.
const BLOCK_LINES_MAX: usize = 12;

/// Marks attributions, and what stands behind those whose quotation is not marked itself.
pub(super) fn mark(lines: &[&str], parts: &mut [Part]) {
    let ends: Vec<bool> = lines.iter().map(|line| may_end(line)).collect();
    let mut at = 0;
    while let Some(line) = lines.get(at) {
        let rest = lines.get(at..).unwrap_or_default();
        if is_quoted(line) || is_blank(line) {
            at += 1;
        } else if is_separator(line) || is_header_block(rest) {
            let from = before_rule(lines, at);
            return parts.iter_mut().skip(from).for_each(|part| *part = Part::Quote);
        } else if let Some(found) = attribution(rest, ends.get(at..).unwrap_or_default()) {
            let behind = parts.iter_mut().skip(at + found.from);
            if !found.is_marked {
                return behind.for_each(|part| *part = Part::Quote);
            }
            behind.take(found.lines).for_each(|part| *part = Part::Quote);
            at += found.from + found.lines;
        } else {
            at += 1;
        }
    }
}

/// An attribution, in so many lines.
struct Attribution {
    /// Lines before it that were looked at with it.
    from: usize,
    lines: usize,
    /// Whether the quotation behind it is marked with `>`.
    is_marked: bool,
}

/// The attribution that begins with the first of these lines, or shortly behind it. `ends` says of each line
/// whether one may end with it.
fn attribution(lines: &[&str], ends: &[bool]) -> Option<Attribution> {
    let mut length = 0;
    for (count, (line, may_end)) in (1..=LINES_MAX).zip(lines.iter().zip(ends)) {
        length += line.len();
        if is_blank(line) || is_quoted(line) || length > CHARS_MAX {
            return None;
        }
        if !may_end {
            continue;
        }
        let window = lines.get(..count).unwrap_or_default();
        let (from, found) = beginning(window)?;
        let behind = lines.iter().skip(count).find(|line| !is_blank(line));
        let is_marked = behind.is_some_and(|line| is_quoted(line));
        return (is_marked || found == Strength::Strong).then_some(Attribution {
            from,
            lines: count - from,
            is_marked,
        });
    }
    None
}

/// Whether an attribution can end with this line; told cheaply, for every line is asked.
fn may_end(line: &str) -> bool {
    let line = line.trim_end();
    line.ends_with([':', '：', '-']) || words::ends_with_verb(line)
}

/// The line of a window with which an attribution begins, for text may stand right above it, and how sure it is.
fn beginning(window: &[&str]) -> Option<(usize, Strength)> {
    let strength_from = |from: usize| strength(&window.get(from..)?.join(" "));
    let begins =
        |from: &usize| window.get(*from).is_some_and(|line| begins(&line.trim_start().to_lowercase()));
    let found = |from: usize| strength_from(from).map(|strength| (from, strength));
    let all = || (0..window.len()).rev();
    let is_strong = |(_, strength): &(usize, Strength)| *strength == Strength::Strong;
    let ordered = || all().filter(begins).chain(all()).filter_map(found);
    ordered().find(is_strong).or_else(|| ordered().next())
}

fn begins(lower: &str) -> bool {
    words::begins_attribution(lower) || lower.starts_with(|c: char| c.is_ascii_digit())
}

#[derive(PartialEq, Eq)]
enum Strength {
    /// It can be nothing else.
    Strong,
    /// It is one where a marked quotation follows.
    Weak,
}

/// How surely a line is an attribution.
fn strength(joined: &str) -> Option<Strength> {
    let text = joined.trim_matches(|c: char| c.is_whitespace() || c == '-');
    let (text, has_colon) = match text.strip_suffix([':', '：']) {
        Some(text) => (text.trim_end(), true),
        None => (text, false),
    };
    let lower = text.to_lowercase();
    let has_address = lower.contains('@');
    let has_digit = lower.contains(|c: char| c.is_ascii_digit());
    let begins = begins(&lower);
    if !(has_address || has_digit || begins) {
        return None;
    }
    let (verb, ends_with_verb) = words::verb(&lower);
    let (has_time, has_year) = (has_time(&lower), has_year(&lower));
    if has_colon && text.ends_with('>') && has_address && has_time && has_year {
        return Some(Strength::Strong);
    }
    if !verb || !(has_colon || (ends_with_verb && has_address)) {
        return None;
    }
    if (begins && (has_time || has_year)) || (has_address && has_time) {
        return Some(Strength::Strong);
    }
    Some(Strength::Weak)
}

/// `16:32`, `17.50`, `10h30`.
fn has_time(text: &str) -> bool {
    let bytes = text.as_bytes();
    let is_digit = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_digit);
    (1..bytes.len()).any(|at| {
        matches!(bytes.get(at), Some(b':' | b'.' | b'h'))
            && is_digit(bytes.get(at - 1))
            && is_digit(bytes.get(at + 1))
            && is_digit(bytes.get(at + 2))
            && !is_digit(bytes.get(at + 3))
    })
}

/// A number of four digits from 1970 to 2099.
fn has_year(text: &str) -> bool {
    let numbers = text.split(|c: char| !c.is_ascii_digit()).filter(|number| number.len() == 4);
    numbers.filter_map(|number| number.parse::<u32>().ok()).any(|year| (1970..2100).contains(&year))
}

/// `-----Original Message-----` in many languages; a forwarded message is no quotation, for it is what was sent.
pub(crate) fn is_separator(line: &str) -> bool {
    let line = line.trim();
    if !line.starts_with("--") {
        return false;
    }
    let inner = line.trim_matches('-');
    let dashes = line.len() - inner.len();
    dashes >= 4 && line.ends_with("--") && words::is_original(&inner.trim().to_lowercase())
}

/// The header of the mail before, as Outlook and webmail write it: who, when, to whom, about what.
pub(crate) fn is_header_block(lines: &[&str]) -> bool {
    let first = lines.first().and_then(|line| words::label(line));
    if !matches!(first, Some(Label::From | Label::Date)) {
        return false;
    }
    let block = lines.iter().take(BLOCK_LINES_MAX).take_while(|line| !is_blank(line));
    let mut seen: Vec<Label> = Vec::new();
    for label in block.filter_map(|line| words::label(line)) {
        if !seen.contains(&label) {
            seen.push(label);
        }
    }
    seen.len() >= 3 && seen.contains(&Label::From)
}

/// Where the rule that is drawn above a header block stands, with blank lines between.
fn before_rule(lines: &[&str], at: usize) -> usize {
    let above = lines.iter().enumerate().take(at).rev().take(3).find(|(_, line)| !is_blank(line));
    match above {
        Some((above, line)) if is_rule(line) => above,
        _ => at,
    }
}

/// A line of nothing but dashes, underscores or equals signs.
fn is_rule(line: &str) -> bool {
    let line = line.trim();
    line.len() >= 4 && line.chars().all(|c| matches!(c, '-' | '_' | '=' | '*' | '─' | '—'))
}
