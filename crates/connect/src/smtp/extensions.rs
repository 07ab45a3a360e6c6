//! What a server says that it can do, in its answer to EHLO (RFC 5321 §4.1.1.1).

use std::collections::BTreeMap;

use super::reply::Reply;

/// Names in capitals, and what stands behind them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Extensions(BTreeMap<String, String>);

/// Beyond this they are not kept: no server has so many.
const NAMES_MAX: usize = 100;

impl Extensions {
    /// The first line is a greeting.
    pub(super) fn read(reply: &Reply) -> Self {
        let mut read = Extensions::default();
        for line in reply.text.lines().skip(1).take(NAMES_MAX) {
            let line = line.trim().to_ascii_uppercase();
            // As some servers wrote it before there was a standard.
            let line = line.replacen("AUTH=", "AUTH ", usize::from(line.starts_with("AUTH=")));
            let (name, behind) = line.split_once(' ').unwrap_or((&line, ""));
            let words: &mut String = read.0.entry(name.to_owned()).or_default();
            *words = format!("{words} {}", behind.trim()).trim().to_owned();
        }
        read
    }

    /// Whether this one is there, in capitals: `PIPELINING`, `8BITMIME`, `SMTPUTF8`, `DSN`, `CHUNKING`,
    /// `ENHANCEDSTATUSCODES`.
    pub fn has(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    /// Bytes of the largest mail that is taken; `None` where it is not said (RFC 1870 §3).
    pub fn size_max(&self) -> Option<u64> {
        let size = self.0.get("SIZE")?.split(' ').next()?.parse().ok();
        size.filter(|size| *size > 0)
    }

    /// Ways of signing in (RFC 4954 §3).
    pub fn mechanisms(&self) -> impl Iterator<Item = &str> {
        self.0.get("AUTH").into_iter().flat_map(|names| names.split_ascii_whitespace())
    }

    /// Mails in one session, where the server says how many it takes (RFC 9422 §3).
    pub fn mails_max(&self) -> Option<usize> {
        self.limit("MAILMAX=")
    }

    /// Recipients of one mail, where the server says how many it takes (RFC 9422 §3).
    pub fn recipients_max(&self) -> Option<usize> {
        self.limit("RCPTMAX=")
    }

    /// Nought would be a server that takes no mail: no limit that is one.
    fn limit(&self, name: &str) -> Option<usize> {
        let mut words = self.0.get("LIMITS")?.split_ascii_whitespace();
        words.find_map(|word| word.strip_prefix(name)?.parse().ok()).filter(|limit| *limit > 0)
    }

    /// All of them, for people.
    pub fn names(&self) -> impl Iterator<Item = String> {
        self.0.iter().map(|(name, behind)| format!("{name} {behind}").trim().to_owned())
    }
}
