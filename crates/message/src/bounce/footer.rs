//! What programs of mailing lists and scanners put under each mail that passes through them: it names the list, or what they look
//! for, and nobody whom a mail did not reach.

use super::folding::folded;

/// A text without the footer of a mailing list or a scanner.
pub(super) fn without(text: &str) -> &str {
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        let behind = text.get(at + line.len()..).unwrap_or_default();
        if behind.len() < FOOTER_BYTES_MAX && is_footer(line.trim(), behind) {
            return text.get(..at).unwrap_or_default();
        }
        at += line.len();
    }
    text
}

/// A longer one is none.
const FOOTER_BYTES_MAX: usize = 1_024;

/// Whether a line is drawn above a footer, by what stands behind it.
fn is_footer(line: &str, behind: &str) -> bool {
    let is_drawn = |with: char| line.len() >= 20 && line.chars().all(|c| c == with);
    let signs = if is_drawn('_') {
        UNDER_A_LINE
    } else if line == "--" || is_drawn('-') || is_drawn('=') {
        CLEAR
    } else {
        return false;
    };
    let lines: Vec<&str> =
        behind.lines().filter(|line| !line.trim().is_empty()).take(LINES_LOOKED_AT).collect();
    let begin = folded(&lines.join("\n"));
    signs.iter().any(|sign| begin.contains(sign)) && !behind.lines().any(is_reply)
}

/// What a server answered: `550 …`, `<<< 550 …`. No footer has that.
fn is_reply(line: &str) -> bool {
    let line = line.trim_start_matches(['<', ' ', '\t', '>']);
    let (code, behind) = line.split_at_checked(3).unwrap_or_default();
    code.starts_with(['4', '5'])
        && code.bytes().all(|byte| byte.is_ascii_digit())
        && behind.starts_with([' ', '-'])
}

/// A footer says in so many lines what it is.
const LINES_LOOKED_AT: usize = 3;

/// Mailman draws a line as no server does; ezmlm, majordomo and Google Groups draw one as anybody does.
const UNDER_A_LINE: &[&str] =
    &["mailing list", "listinfo", "unsubscribe", "this list", "been scanned", "antivirus"];
const CLEAR: &[&str] =
    &["to unsubscribe", "unsubscribe from this", "you received this message because", "has been scanned"];
