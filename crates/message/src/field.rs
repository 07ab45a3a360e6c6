//! The fields of a header section (RFC 5322 §2.2). What passes through: the head of a message or of a part.
//!
//! Never decodes: a field is a name and its bytes as they stand, folds included.

use std::ops::Range;

/// One field as it stands in the message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Field<'x> {
    /// The name, without the colon, in the case it was written.
    pub(crate) name: &'x str,
    /// What stands behind the colon, trimmed, with its folds.
    pub(crate) value: &'x [u8],
}

impl Field<'_> {
    /// Whether the field has this name, in any case.
    pub(crate) fn is(&self, name: &str) -> bool {
        self.name.eq_ignore_ascii_case(name)
    }
}

/// A header section and where the body behind it begins.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Section<'x> {
    pub(crate) fields: Vec<Field<'x>>,
    pub(crate) body_offset: usize,
}

impl<'x> Section<'x> {
    /// The value of the first field of this name.
    pub(crate) fn value(&self, name: &str) -> Option<&'x [u8]> {
        self.fields.iter().find(|field| field.is(name)).map(|field| field.value)
    }
}

/// Splits the head of `raw` into fields.
///
/// The section ends at the first empty line. A line that is no field continues the field before it when another
/// field follows (gateways break folds); otherwise the body begins with it, the empty line having been lost.
pub(crate) fn split(raw: &[u8]) -> Section<'_> {
    let mut fields = Vec::with_capacity(24);
    let mut at = 0;
    loop {
        let line = line_at(raw, at);
        if text(raw, &line).trim_ascii().is_empty() {
            return Section { fields, body_offset: line.end };
        }
        let Some((name, value_start)) = name_at(raw, &line) else {
            return Section { fields, body_offset: line.start };
        };
        let end = field_end(raw, line.end);
        let value = raw.get(value_start..end).unwrap_or_default().trim_ascii();
        fields.push(Field { name, value });
        at = end;
    }
}

/// Where a field ends whose first line ends at `at`.
fn field_end(raw: &[u8], mut at: usize) -> usize {
    loop {
        let line = line_at(raw, at);
        let words = text(raw, &line);
        // A line of white space alone ends the section for many writers, and folds for few.
        let is_blank = words.trim_ascii().is_empty();
        let is_fold = words.starts_with(b" ") || words.starts_with(b"\t");
        let continues = match (is_blank, is_fold) {
            (true, true) => fold_or_field_at(raw, line.end),
            (true, false) => false,
            (false, true) => true,
            (false, false) => name_at(raw, &line).is_none() && field_follows(raw, line.end),
        };
        if !continues {
            return at;
        }
        at = line.end;
    }
}

fn fold_or_field_at(raw: &[u8], at: usize) -> bool {
    let line = line_at(raw, at);
    let words = text(raw, &line);
    let is_fold = words.starts_with(b" ") || words.starts_with(b"\t");
    (is_fold && !words.trim_ascii().is_empty()) || name_at(raw, &line).is_some()
}

/// Whether a field begins within a few lines, before an empty one.
fn field_follows(raw: &[u8], mut at: usize) -> bool {
    for _ in 0..BROKEN_LINES_MAX {
        let line = line_at(raw, at);
        if text(raw, &line).trim_ascii().is_empty() {
            return false;
        }
        if name_at(raw, &line).is_some() {
            return true;
        }
        at = line.end;
    }
    false
}

/// Lines of a broken fold; more are a body.
const BROKEN_LINES_MAX: usize = 4;

/// Where the header of a whole message begins: behind empty lines, an mbox `From ` line (RFC 4155), escaped where it
/// was saved within another mbox, and the mark that some editors put before UTF-8.
pub(crate) fn start(raw: &[u8]) -> usize {
    let mut at = if raw.starts_with(BYTE_ORDER_MARK) { BYTE_ORDER_MARK.len() } else { 0 };
    while at < raw.len() {
        let line = line_at(raw, at);
        let words = text(raw, &line);
        // `From : joe@x.test` is a field in old syntax (RFC 5322 §4.5).
        let is_escaped = words.starts_with(b">From ");
        let is_mbox_line = is_escaped || (words.starts_with(b"From ") && name_at(raw, &line).is_none());
        if !words.trim_ascii().is_empty() && !is_mbox_line {
            break;
        }
        at = line.end;
    }
    at
}

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// The line that begins at `at`, with its line end.
pub(crate) fn line_at(raw: &[u8], at: usize) -> Range<usize> {
    let rest = raw.get(at..).unwrap_or_default();
    let len = memchr::memchr(b'\n', rest).map_or(rest.len(), |end| end + 1);
    at..at + len
}

/// A line without its line end.
pub(crate) fn text<'x>(raw: &'x [u8], line: &Range<usize>) -> &'x [u8] {
    let line = raw.get(line.clone()).unwrap_or_default();
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    line.strip_suffix(b"\r").unwrap_or(line)
}

/// The field name a line begins with, and where its value starts. White space before the colon is old
/// syntax (RFC 5322 §4.5).
fn name_at<'x>(raw: &'x [u8], line: &Range<usize>) -> Option<(&'x str, usize)> {
    let bytes = raw.get(line.clone())?;
    let colon = bytes.iter().position(|byte| *byte == b':')?;
    let name = bytes.get(..colon)?.trim_ascii_end();
    let printable = name.iter().all(|byte| (33..=126).contains(byte));
    if name.is_empty() || !printable {
        return None;
    }
    Some((std::str::from_utf8(name).ok()?, line.start + colon + 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(raw: &str, expect: &[(&str, &str)], body: &str) {
        let section = split(raw.as_bytes());
        let fields: Vec<(&str, String)> =
            section.fields.iter().map(|f| (f.name, String::from_utf8_lossy(f.value).into_owned())).collect();
        let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
        assert_eq!(fields, expect, "{raw:?}");
        assert_eq!(&raw[section.body_offset..], body, "{raw:?}");
    }

    #[test]
    fn a_section_ends_at_the_first_empty_line() {
        check("A: 1\r\nB : 2\r\n 3\r\n\r\nbody", &[("A", "1"), ("B", "2\r\n 3")], "body");
        check("A:\n\nbody", &[("A", "")], "body");
        check("A: 1", &[("A", "1")], "");
        check("", &[], "");
        check("\nbody", &[], "body");
        check("no field\nA: 1\n", &[], "no field\nA: 1\n");
        check("A: 1\nbroken fold\nB: 2\n\nbody", &[("A", "1\nbroken fold"), ("B", "2")], "body");
        check("A: 1\nlost line\nmore", &[("A", "1")], "lost line\nmore");
        check("A: 1\n \nbody", &[("A", "1")], "body");
        check("A: 1\n \nB: 2\n\nbody", &[("A", "1"), ("B", "2")], "body");
    }

    #[test]
    fn a_message_begins_behind_an_mbox_line() {
        assert_eq!(start(b"\r\nFrom - Mon Nov 23\nA: 1\n"), 20);
        assert_eq!(start(b"From: a@b\n"), 0);
        assert_eq!(start(b">From - Mon\nA: 1\n"), 12);
        assert_eq!(start(b"> From - Mon\n"), 0);
        assert_eq!(start(b"From : a@b\n"), 0);
        assert_eq!(start(b"From a@b Mon Nov 23 09:15:00 2026\nA: 1\n"), 34);
    }

    #[test]
    fn a_message_begins_behind_a_byte_order_mark() {
        assert_eq!(start(b"\xef\xbb\xbfFrom: a@b\n"), 3);
    }
}
