//! What a server says that it can do.

/// Names of capabilities, in capitals: a server of our time has forty, and thousands of sessions keep them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Capabilities {
    /// Between blanks.
    names: Box<str>,
    /// IMAP4rev2 is spoken.
    speaks_rev2: bool,
}

/// Beyond this they are not kept: no server has so many.
const NAMES_MAX: usize = 500;

/// What IMAP4rev2 has without saying so, of what we ask for (RFC 9051 appendix E).
const OF_REV2: [&str; 6] = ["IDLE", "LIST-EXTENDED", "MOVE", "NAMESPACE", "SASL-IR", "UIDPLUS"];

impl Capabilities {
    /// Of words between blanks, in a session that was switched to IMAP4rev2 or was not. A server that has IMAP4rev1 too
    /// waits for that (RFC 9051 §6.3.1); one that has not speaks nothing else.
    pub(super) fn read<'w>(words: impl Iterator<Item = &'w [u8]>, is_switched: bool) -> Self {
        let name = |word: &[u8]| String::from_utf8_lossy(word).to_ascii_uppercase();
        let names: Vec<String> = words.map(name).filter(|name| !name.is_empty()).take(NAMES_MAX).collect();
        let names = Capabilities { names: names.join(" ").into_boxed_str(), speaks_rev2: false };
        let speaks_rev2 = is_switched || (names.has("IMAP4REV2") && !names.has("IMAP4REV1"));
        if speaks_rev2 { names.of_rev2() } else { names }
    }

    /// The same once the session was switched to IMAP4rev2.
    pub(super) fn of_rev2(self) -> Self {
        let names: Vec<&str> = self.names().chain(OF_REV2).collect();
        Capabilities { names: names.join(" ").into_boxed_str(), speaks_rev2: true }
    }

    /// Whether this one is there, in capitals.
    pub fn has(&self, name: &str) -> bool {
        self.names().any(|there| there == name)
    }

    /// Whether IMAP4rev2 is spoken: names of folders go as UTF-8.
    pub fn speaks_rev2(&self) -> bool {
        self.speaks_rev2
    }

    /// Whether one can sign in this way (`AUTH=…`).
    pub(super) fn has_mechanism(&self, name: &str) -> bool {
        self.names().any(|there| there.strip_prefix("AUTH=") == Some(name))
    }

    pub(super) fn forget(&mut self, name: &str) {
        let others: Vec<&str> = self.names().filter(|there| *there != name).collect();
        self.names = others.join(" ").into_boxed_str();
    }

    /// Whether nothing is known.
    pub(super) fn is_unknown(&self) -> bool {
        self.names.is_empty()
    }

    fn names(&self) -> impl Iterator<Item = &str> {
        self.names.split(' ').filter(|name| !name.is_empty())
    }
}
