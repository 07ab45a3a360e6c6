//! Message-IDs (RFC 5322 §3.6.4), in the one form in which they are compared.

use std::fmt;

use crate::limits;

/// A Message-ID without its angle brackets, trimmed, white space inside removed, its right side in lower case.
///
/// The left side keeps its case: some systems make ids that differ only there.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MessageId(String);

impl MessageId {
    /// Reads one id, with or without angle brackets. Comments may stand around the brackets (RFC 5322 §3.6.4,
    /// `[CFWS] "<" … ">" [CFWS]`), so where there is one, what it opens counts. `None` where nothing is left, a
    /// control character is in it, or it has more than [`limits::MESSAGE_ID_BYTES_MAX`] bytes.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.split_once('<').map_or(text, |(_, id)| id);
        let text = text.split_once('>').map_or(text, |(id, _)| id).trim();
        if text.len() > limits::MESSAGE_ID_BYTES_MAX {
            return None;
        }
        let folded: String = text.chars().filter(|c| !c.is_whitespace()).collect();
        if folded.is_empty() || folded.chars().any(|c| c.is_control() || c == '<') {
            return None;
        }
        Some(match folded.rsplit_once('@') {
            Some((left, right)) => MessageId(format!("{left}@{}", right.to_lowercase())),
            None => MessageId(folded),
        })
    }

    /// The id, without angle brackets.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<{}>", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn ids_are_read_in_every_dress() {
        let read = |text: &str| MessageId::parse(text).map(|id| id.to_string());
        assert_eq!(read(" <A.b@Host.Example> ").as_deref(), Some("A.b@host.example"));
        assert_eq!(read("a@b").as_deref(), Some("a@b"));
        assert_eq!(read("<abc\r\n def@x>").as_deref(), Some("abcdef@x"));
        assert_eq!(read("<no-at-sign>").as_deref(), Some("no-at-sign"));
        assert_eq!(read("(c) <ab@X.test>").as_deref(), Some("ab@x.test"));
        assert_eq!(read("<ab@x.test> (added by x.test) <cd@x.test>").as_deref(), Some("ab@x.test"));
        assert_eq!(read("words <ab@x.test").as_deref(), Some("ab@x.test"));
        assert_eq!(read("ab@x.test>").as_deref(), Some("ab@x.test"));
        for bad in ["<>", "", "(c) <>", "a@b <", "<<ab@x.test>>", "<a\u{7}b@x.test>"] {
            assert_eq!(read(bad), None, "{bad:?}");
        }
    }

    proptest! {
        #[test]
        fn normalizing_twice_changes_nothing(text in "\\PC{0,60}") {
            if let Some(once) = MessageId::parse(&text) {
                prop_assert_eq!(MessageId::parse(once.as_str()), Some(once.clone()));
            }
        }
    }
}
