//! What can go wrong with another server, as those ask who decide what to do next.

use zeroize::Zeroizing;

/// Why something did not come about at a server.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{words}")]
pub struct ConnectError {
    /// What it means for us.
    pub kind: Kind,
    /// One sentence for an administrator. It may hold what the server said, so it goes to pages and never to the log.
    pub words: String,
}

/// Between who says something, and what.
const SAYS: &str = " says: ";

/// Of what a server says.
const CHARS_MAX: usize = 300;

/// What an error means for us.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Nobody answers there, or the name is unknown.
    Unreachable,
    /// TLS does not come about: a certificate that is not believed, or bytes where none may be.
    Tls,
    /// The name or the secret is wrong.
    Refused,
    /// Signed in, but not allowed (NOPERM), or the account needs somebody (EXPIRED, CONTACTADMIN).
    NoPermission,
    /// The server cannot do what is needed, or only in a way that we do not take.
    NotOffered,
    /// There is no such folder.
    NoFolder,
    /// The server says NO for the moment, or for this message. The session goes on.
    Declined,
    /// No room is left there.
    Quota,
    /// The server contradicts the standard or itself.
    Protocol,
    /// It sends more than is taken.
    Limit,
    /// The connection ended, or the server took its leave.
    Closed,
    /// It does not answer, or too slowly.
    TimedOut,
    /// Something on our own side, as a full disk.
    Here,
}

impl ConnectError {
    pub(crate) fn new(kind: Kind, words: impl Into<String>) -> Self {
        ConnectError { kind, words: words.into() }
    }

    /// What the server said, cut and without control characters.
    pub(crate) fn said(kind: Kind, text: &str) -> Self {
        let text: String = text.chars().filter(|c| !c.is_control()).take(CHARS_MAX).collect();
        ConnectError { kind, words: format!("the server{SAYS}{text}") }
    }

    /// Without these in what the server said, nor the beginning of one where it was cut: some servers repeat what they
    /// were sent. Our own words stay.
    pub(crate) fn without(mut self, secrets: &[Zeroizing<String>]) -> Self {
        let Some((ours, said)) = self.words.split_once(SAYS) else { return self };
        let (mut said, is_cut) = (said.to_owned(), said.chars().count() >= CHARS_MAX);
        let mut secrets: Vec<&str> = secrets.iter().map(|secret| secret.as_str()).collect();
        secrets.retain(|secret| !secret.is_empty());
        // What holds another one goes before it.
        secrets.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
        for secret in &secrets {
            said = said.replace(secret, "…");
        }
        for secret in secrets.into_iter().filter(|_| is_cut) {
            let mut beginnings = secret.char_indices().rev().filter_map(|(end, _)| secret.get(..end));
            let beginning = beginnings.find(|beginning| said.ends_with(beginning)).unwrap_or_default();
            if !beginning.is_empty() {
                said.truncate(said.len() - beginning.len());
                said.push('…');
            }
        }
        self.words = format!("{ours}{SAYS}{said}");
        self
    }

    pub(crate) fn protocol(words: &str) -> Self {
        ConnectError::new(Kind::Protocol, words)
    }

    /// Whether the same may succeed later without anybody doing anything.
    pub fn is_temporary(&self) -> bool {
        use Kind::{Closed, Declined, Here, Quota, TimedOut, Unreachable};
        matches!(self.kind, Unreachable | Closed | TimedOut | Declined | Quota | Here)
    }

    /// Whether somebody has to change something first: a password, a right, a setting.
    pub fn needs_a_person(&self) -> bool {
        matches!(self.kind, Kind::Refused | Kind::NoPermission | Kind::NotOffered | Kind::Tls)
    }

    /// Whether the session can be used on: the server answered in order, only not as wished.
    pub fn leaves_the_session(&self) -> bool {
        use Kind::{Declined, NoFolder, NoPermission, NotOffered, Quota};
        matches!(self.kind, Declined | NoFolder | NoPermission | NotOffered | Quota)
    }
}
