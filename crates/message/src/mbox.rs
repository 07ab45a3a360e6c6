//! The lines of mailbox files (mbox: RFC 4155 appendix A, and its older kin mboxo, mboxrd, mboxcl and mboxcl2):
//! what parts two messages, what quoting was done to them, what a mail program left behind for itself.
//!
//! What passes through: single lines and single headers. Reading the file is the caller's, for it may be larger
//! than the memory. Never guesses a parting line from its first word alone: prose begins with "From " too.

mod keeper;

pub use keeper::{Keeper, LeftOut, Marked};

/// How lines of a body that begin with "From " were written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Form {
    /// `>` before every line of `>`s and "From " (mboxrd). Undoing it reads mboxo well too, but for lines that
    /// began with ">From " before.
    #[default]
    Rd,
    /// `>` before "From " alone (mboxo); a line with more of them was written so.
    O,
    /// Nothing: Content-Length says where the message ends (mboxcl2).
    Cl2,
}

/// The longest line that is looked at as a parting line: an address and a date.
pub const FROM_LINE_BYTES_MAX: usize = 1_000;

/// Whether a line parts messages by its form: "From ", perhaps a sender, and a date as `asctime` writes it
/// (RFC 4155), or as RFC 5322 does. The zone may stand before or behind the year.
pub fn is_from_line(line: &[u8]) -> bool {
    let Some(rest) = line.strip_prefix(b"From ") else { return false };
    if line.len() > FROM_LINE_BYTES_MAX {
        return false;
    }
    let rest = String::from_utf8_lossy(rest);
    let words: Vec<&str> = rest.split_whitespace().collect();
    (0..words.len()).any(|at| words.get(at..).is_some_and(is_date))
}

/// Whether it is a parting line without a date, as Netscape (`From -`) and cut-down exports write it. A line of a
/// text may look so too; they part a file only where its first line is one.
pub fn is_undated_from_line(line: &[u8]) -> bool {
    let Some(rest) = line.strip_prefix(b"From ") else { return false };
    let rest = rest.trim_ascii();
    rest == b"-" || (rest.contains(&b'@') && !rest.iter().any(u8::is_ascii_whitespace))
}

/// Whether it is a parting line of Mozilla's programs (`From -`, with a date or without), which put no blank line
/// before it and quote every line of a text that begins with "From ".
pub fn is_mozilla_line(line: &[u8]) -> bool {
    line.starts_with(b"From - ") || line.trim_ascii_end() == b"From -"
}

/// The mark that some editors put before everything else (U+FEFF).
pub const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// Whether it is the first line of a patch as `git format-patch` writes it. Such lines stand in the text of mail
/// without quoting; they part a file only where its first line is one.
pub fn is_patch_line(line: &[u8]) -> bool {
    let line = line.trim_ascii_end();
    let Some(rest) = line.strip_prefix(b"From ") else { return false };
    let name = rest.split(|byte| *byte == b' ').next().unwrap_or_default();
    let is_name = matches!(name.len(), 40 | 64) && name.iter().all(u8::is_ascii_hexdigit);
    is_name && line.ends_with(b" Mon Sep 17 00:00:00 2001")
}

fn is_date(words: &[&str]) -> bool {
    let word = |at: usize| words.get(at).copied().unwrap_or_default();
    let is_year = |text: &str| matches!(text.parse::<u16>(), Ok(1970..=2199));
    if !is_one_of(word(0).trim_end_matches(','), &WEEKDAYS) {
        return false;
    }
    let as_ctime = is_one_of(word(1), &MONTHS) && is_day(word(2)) && is_time(word(3));
    let as_mail = is_day(word(1)) && is_one_of(word(2), &MONTHS) && is_year(word(3)) && is_time(word(4));
    // The zone before the year may be two words: `MET DST`.
    as_mail || (as_ctime && (4..=6).any(|at| is_year(word(at))))
}

const WEEKDAYS: [&str; 7] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];
const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

fn is_one_of(word: &str, names: &[&str]) -> bool {
    names.iter().any(|name| word.eq_ignore_ascii_case(name))
}

fn is_day(word: &str) -> bool {
    matches!(word.parse::<u8>(), Ok(1..=31))
}

/// `10:00` or `10:00:00`.
fn is_time(word: &str) -> bool {
    let parts: Vec<&str> = word.split(':').collect();
    let is_part = |part: &&str| matches!(part.len(), 1 | 2) && matches!(part.parse::<u8>(), Ok(0..=60));
    matches!(parts.len(), 2 | 3) && parts.iter().all(is_part)
}

/// Whether a line can begin a header: a field, or what old mail programs put before the first.
pub fn is_field_line(line: &[u8]) -> bool {
    if line.starts_with(b">From ") {
        return true;
    }
    let colon = line.iter().take(FIELD_NAME_BYTES_MAX).position(|byte| *byte == b':');
    // RFC 5322 §4.5: obsolete fields may have white space before the colon.
    let name = colon.and_then(|end| line.get(..end)).map(<[u8]>::trim_ascii_end).unwrap_or_default();
    !name.is_empty() && name.iter().all(u8::is_ascii_graphic)
}

const FIELD_NAME_BYTES_MAX: usize = 128;

/// A line of a body without the quoting of its form.
pub fn unquoted(line: &[u8], form: Form) -> &[u8] {
    let Some(rest) = line.strip_prefix(b">") else { return line };
    let is_quoted = match form {
        Form::Rd => {
            let start = rest.iter().position(|byte| *byte != b'>').unwrap_or(rest.len());
            rest.get(start..).is_some_and(|text| text.starts_with(b"From "))
        }
        Form::O => rest.starts_with(b"From "),
        Form::Cl2 => false,
    };
    if is_quoted { rest } else { line }
}

/// The value of `Content-Length`, where a header field line is one.
pub fn content_length(field_line: &[u8]) -> Option<u64> {
    value(field_line, b"content-length")?.parse().ok()
}

/// The value of a field with this lower-case name, where the line is one.
fn value(line: &[u8], name: &[u8]) -> Option<String> {
    let (head, rest) = line.split_at_checked(name.len())?;
    let rest = head.eq_ignore_ascii_case(name).then_some(rest)?.trim_ascii_start().strip_prefix(b":")?;
    Some(String::from_utf8_lossy(rest).trim().to_owned())
}

/// A message with line ends as they travel (RFC 5322 §2.1), and whether it has others still.
///
/// Files keep LF; where a message has no CRLF at all, each LF was one. Where both occur nobody knows what was
/// what, so the bytes stay.
pub fn in_wire_form(raw: Vec<u8>) -> (Vec<u8>, bool) {
    let bare = bare_line_ends(&raw);
    if bare == 0 {
        return (raw, false);
    }
    if raw.contains(&b'\r') {
        return (raw, true);
    }
    let mut wire = Vec::with_capacity(raw.len() + bare);
    for line in raw.split_inclusive(|byte| *byte == b'\n') {
        match line.strip_suffix(b"\n") {
            Some(text) => {
                wire.extend_from_slice(text);
                wire.extend_from_slice(b"\r\n");
            }
            None => wire.extend_from_slice(line),
        }
    }
    (wire, false)
}

/// LF without CR before it.
fn bare_line_ends(raw: &[u8]) -> usize {
    let lines = raw.split_inclusive(|byte| *byte == b'\n');
    lines.filter(|line| line.ends_with(b"\n") && !line.ends_with(b"\r\n")).count()
}

#[cfg(test)]
mod tests;
