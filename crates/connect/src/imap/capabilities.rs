//! What a server says that it can do.

use std::collections::BTreeSet;

/// Names of capabilities, in capitals. A server of our time has forty.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Capabilities(BTreeSet<String>);

/// Beyond this they are not kept: no server has so many.
const NAMES_MAX: usize = 500;

impl Capabilities {
    /// Of words between blanks.
    pub(super) fn read<'w>(words: impl Iterator<Item = &'w [u8]>) -> Self {
        let name = |word: &[u8]| String::from_utf8_lossy(word).to_ascii_uppercase();
        Capabilities(words.map(name).filter(|name| !name.is_empty()).take(NAMES_MAX).collect())
    }

    /// Whether this one is there, in capitals.
    pub fn has(&self, name: &str) -> bool {
        self.0.contains(name)
    }

    /// Whether one can sign in this way (`AUTH=…`).
    pub(super) fn has_mechanism(&self, name: &str) -> bool {
        self.0.contains(&format!("AUTH={name}"))
    }

    pub(super) fn forget(&mut self, name: &str) {
        self.0.remove(name);
    }

    /// Whether nothing is known.
    pub(super) fn is_unknown(&self) -> bool {
        self.0.is_empty()
    }
}
