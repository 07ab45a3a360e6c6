//! Where a signature begins: the mark of RFC 3676 §4.3, the line a telephone adds, the footer of a list.
//!
//! What passes through: lines whose quotations are known. A name under a text stays text: nothing marks it.

use super::words;
use super::{Part, is_blank};

/// Lines of a signature behind its mark; more is text behind a line of dashes.
const LINES_MAX: usize = 24;
/// Lines of the footer of a list.
const FOOTER_LINES_MAX: usize = 8;
/// Words of the line of a telephone, so that a sentence is none.
const WORDS_MAX: usize = 8;

/// Marks the signature in each stretch of the writer's own lines.
pub(super) fn mark(lines: &[&str], parts: &mut [Part]) {
    let mut at = 0;
    while at < lines.len() {
        let is_own = |part: &&mut Part| **part == Part::Own;
        let count = parts.iter_mut().skip(at).take_while(is_own).count();
        let stretch = lines.get(at..at + count).unwrap_or_default();
        if let Some(from) = signature(stretch) {
            let signature = parts.iter_mut().skip(at + from).take(count - from);
            signature.for_each(|part| *part = Part::Signature);
        }
        at += count;
        at += parts.iter().skip(at).take_while(|part| **part != Part::Own).count();
    }
}

/// Where the signature of a stretch begins.
fn signature(lines: &[&str]) -> Option<usize> {
    let end = lines.iter().rposition(|line| !is_blank(line))? + 1;
    let near = end.saturating_sub(LINES_MAX + 1);
    let marks = lines.iter().enumerate().take(end).skip(near);
    let mark = marks.filter(|(_, line)| line.trim_end() == "--").map(|(at, _)| at).next();
    let footer = footer(lines, end);
    let above = [mark, footer, Some(end)].into_iter().flatten().min().unwrap_or(end);
    telephone(lines, above).or((above < end).then_some(above))
}

/// A rule of underscores and a few lines that name a list or an address of the web.
fn footer(lines: &[&str], end: usize) -> Option<usize> {
    let near = end.saturating_sub(FOOTER_LINES_MAX);
    let mut rules = lines.iter().enumerate().take(end).skip(near);
    let (at, _) = rules.find(|(_, line)| is_footer_rule(line))?;
    let below = lines.get(at + 1..end).unwrap_or_default();
    below
        .iter()
        .any(|line| line.contains("://") || line.to_lowercase().contains("mailing list"))
        .then_some(at)
}

/// Lists write long rules, and some programs shorten them.
fn is_footer_rule(line: &str) -> bool {
    let line = line.trim();
    line.len() >= 2 && line.bytes().all(|byte| byte == b'_')
}

/// The last line above, where a telephone wrote it.
fn telephone(lines: &[&str], above: usize) -> Option<usize> {
    let at = lines.iter().take(above).rposition(|line| !is_blank(line))?;
    let is_apart = at == 0 || lines.get(at - 1).is_none_or(|line| is_blank(line));
    let line = lines.get(at)?.split(['<', '(']).next().unwrap_or_default().trim().to_lowercase();
    let is_short = line.split_whitespace().count() <= WORDS_MAX && !line.ends_with('.');
    (is_apart && is_short && words::is_telephone(&line)).then_some(at)
}
