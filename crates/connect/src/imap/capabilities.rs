//! What a server says that it can do.

/// Names of capabilities, in capitals, each once: a server of our time has forty, and thousands of sessions keep them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Capabilities(Box<str>);

/// Beyond this they are not kept: no server has so many.
const NAMES_MAX: usize = 500;

impl Capabilities {
    /// Of words between blanks.
    pub(super) fn read<'w>(words: impl Iterator<Item = &'w [u8]>) -> Self {
        let name = |word: &[u8]| String::from_utf8_lossy(word).to_ascii_uppercase();
        let names: Vec<String> = words.map(name).filter(|name| !name.is_empty()).take(NAMES_MAX).collect();
        Capabilities(names.join(" ").into_boxed_str())
    }

    /// Whether this one is there, in capitals.
    pub fn has(&self, name: &str) -> bool {
        self.names().any(|there| there == name)
    }

    /// Whether one can sign in this way (`AUTH=…`).
    pub(super) fn has_mechanism(&self, name: &str) -> bool {
        self.names().any(|there| there.strip_prefix("AUTH=") == Some(name))
    }

    pub(super) fn forget(&mut self, name: &str) {
        let others: Vec<&str> = self.names().filter(|there| *there != name).collect();
        self.0 = others.join(" ").into_boxed_str();
    }

    /// Whether nothing is known.
    pub(super) fn is_unknown(&self) -> bool {
        self.0.is_empty()
    }

    fn names(&self) -> impl Iterator<Item = &str> {
        self.0.split(' ').filter(|name| !name.is_empty())
    }
}
