//! Names of folders: as people write them, and as they go over the wire: as modified UTF-7 (RFC 3501 §5.1.3), or as they
//! are (RFC 9051 §5.1).

use base64::Engine as _;
use base64::alphabet::IMAP_MUTF7;
use base64::engine::{GeneralPurpose, general_purpose::NO_PAD};
use model::limits;

use super::words::Word;

const MUTF7: GeneralPurpose = GeneralPurpose::new(&IMAP_MUTF7, NO_PAD);

/// How names go over the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Coding {
    /// Until IMAP4rev2.
    Utf7,
    /// Since then.
    Utf8,
}

/// The name of a folder at a server, whole: with its hierarchy and the server's delimiter.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FolderName(String);

impl FolderName {
    /// The folder that every mailbox has.
    pub fn inbox() -> Self {
        FolderName("INBOX".to_owned())
    }

    /// `None` of an empty or endless name, and of one with control characters.
    pub fn new(name: &str) -> Option<Self> {
        let is_name = !name.is_empty()
            && name.len() <= limits::FOLDER_NAME_BYTES_MAX
            && !name.chars().any(char::is_control);
        is_name.then(|| FolderName(name.to_owned()))
    }

    /// For people.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// As a server wrote it.
    pub(super) fn from_wire(bytes: &[u8], coding: Coding) -> Option<Self> {
        FolderName::new(&coding.read(std::str::from_utf8(bytes).ok()?))
    }

    /// Quoted, for a command. Never with line breaks.
    pub(super) fn quoted(&self, coding: Coding) -> String {
        match coding {
            Coding::Utf7 => quoted(&encoded(&self.0)),
            Coding::Utf8 => quoted(&self.0),
        }
    }
}

impl Coding {
    /// What is no modified UTF-7 stands for itself.
    fn read(self, wire: &str) -> String {
        let decoded = if self == Coding::Utf7 { decoded(wire) } else { None };
        decoded.unwrap_or_else(|| wire.to_owned())
    }
}

/// A quoted string of text that has no control characters.
pub(super) fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

fn encoded(name: &str) -> String {
    let mut out = String::with_capacity(name.len());
    let mut rest = name;
    while let Some(first) = rest.chars().next() {
        let is_plain = |c: char| (' '..='~').contains(&c);
        let end = rest.find(|c| is_plain(c) != is_plain(first)).unwrap_or(rest.len());
        let (run, behind) = rest.split_at(end);
        if is_plain(first) {
            out.push_str(&run.replace('&', "&-"));
        } else {
            let bytes: Vec<u8> = run.encode_utf16().flat_map(u16::to_be_bytes).collect();
            out.push('&');
            out.push_str(&MUTF7.encode(bytes));
            out.push('-');
        }
        rest = behind;
    }
    out
}

fn decoded(wire: &str) -> Option<String> {
    let mut out = String::with_capacity(wire.len());
    let mut rest = wire;
    while let Some((plain, behind)) = rest.split_once('&') {
        out.push_str(plain);
        let (run, behind) = behind.split_once('-')?;
        if run.is_empty() {
            out.push('&');
        } else {
            let bytes = MUTF7.decode(run).ok()?;
            let (pairs, odd) = bytes.as_chunks::<2>();
            let units: Vec<u16> = pairs.iter().map(|pair| u16::from_be_bytes(*pair)).collect();
            if !odd.is_empty() {
                return None;
            }
            out.push_str(&String::from_utf16(&units).ok()?);
        }
        rest = behind;
    }
    out.push_str(rest);
    Some(out)
}

/// A folder as the server lists it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Folder {
    /// Its name.
    pub name: FolderName,
    /// What parts the levels of names, where there are levels.
    pub delimiter: Option<char>,
    /// What it is for (RFC 6154), without the backslash: `Sent`, `Trash`, `Junk`, `Drafts`, `Archive` …
    pub special_use: Option<String>,
    /// Whether it can hold messages.
    pub can_be_opened: bool,
}

impl Folder {
    /// The words behind LIST: `(\HasNoChildren \Sent) "/" "Sent"`.
    pub(super) fn read(words: &[Word], coding: Coding) -> Option<Self> {
        let close = words.iter().position(|word| *word == Word::Close)?;
        let (flags, rest) = words.split_at(close);
        let is = |flag: &str| flags.iter().any(|word| word.is(flag));
        let (delimiter, name) = match rest {
            [Word::Close, delimiter, name, ..] => (delimiter, name),
            _ => return None,
        };
        let uses = ["All", "Archive", "Drafts", "Flagged", "Junk", "Sent", "Trash", "Important"];
        let special_use = uses.into_iter().find(|used| is(&format!("\\{used}"))).map(str::to_owned);
        // A folder may be called NIL, and then stands there as an atom.
        let name = match name {
            Word::Atom(name) | Word::Text(name) => FolderName::from_wire(name, coding)?,
            _ => return None,
        };
        Some(Folder {
            name,
            delimiter: delimiter.text().and_then(|text| std::str::from_utf8(text).ok()?.chars().next()),
            special_use,
            can_be_opened: !is("\\Noselect") && !is("\\NonExistent"),
        })
    }
}

/// Whose folders are where (RFC 2342).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Namespace {
    /// Before the names of a mailbox's own folders; often nothing, or `INBOX` and a delimiter.
    pub own: String,
    /// Before the names of all others: those of other users, and those that are shared.
    pub others: Vec<String>,
}

impl Namespace {
    /// What a name is called among the mailbox's own; `None` of a folder that is not one of them.
    pub fn among_own<'n>(&self, name: &'n str) -> Option<&'n str> {
        let is_of_another = |other: &String| other.len() > self.own.len() && name.starts_with(other.as_str());
        name.strip_prefix(self.own.as_str()).filter(|_| !self.others.iter().any(is_of_another))
    }

    /// The words behind NAMESPACE: `(("INBOX." ".")) (("user." ".")) NIL`.
    pub(super) fn read(words: &[Word], coding: Coding) -> Self {
        let (mut depth, mut kind, mut own, mut others) = (0_usize, 0_usize, None, Vec::new());
        for (word, next) in words.iter().zip(words.iter().skip(1).map(Some).chain([None])) {
            match word {
                Word::Open => depth += 1,
                Word::Close => depth = depth.saturating_sub(1),
                _ => {}
            }
            let prefix = next.filter(|_| *word == Word::Open && depth == 2).and_then(Word::text);
            if let Some(prefix) = prefix.and_then(|prefix| std::str::from_utf8(prefix).ok()) {
                let prefix = coding.read(prefix);
                if kind == 0 && own.is_none() {
                    own = Some(prefix);
                } else {
                    others.push(prefix);
                }
            }
            kind += usize::from(depth == 0);
        }
        Namespace { own: own.unwrap_or_default(), others }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_go_over_the_wire_and_come_back() {
        for (name, wire) in [
            ("INBOX", "INBOX"),
            ("Gesendete Objekte", "Gesendete Objekte"),
            ("Entwürfe", "Entw&APw-rfe"),
            ("~peter/mail/台北/日本語", "~peter/mail/&U,BTFw-/&ZeVnLIqe-"),
            ("R&D", "R&-D"),
            ("😀", "&2D3eAA-"),
        ] {
            assert_eq!(encoded(name), wire);
            assert_eq!(decoded(wire).as_deref(), Some(name));
        }
        assert_eq!(FolderName::new("a\"b\\c").unwrap().quoted(Coding::Utf7), r#""a\"b\\c""#);
        assert_eq!(FolderName::from_wire(b"R&D", Coding::Utf7).unwrap().as_str(), "R&D");
        let drafts = FolderName::new("Entw\u{fc}rfe & mehr").unwrap();
        assert_eq!(drafts.quoted(Coding::Utf8), "\"Entw\u{fc}rfe & mehr\"");
        assert_eq!(FolderName::from_wire("Entw\u{fc}rfe & mehr".as_bytes(), Coding::Utf8), Some(drafts));
        assert_eq!(FolderName::from_wire(b"R&-D", Coding::Utf8).unwrap().as_str(), "R&-D");
        for bad in ["", "a\r\nb LOGOUT", "a\0"] {
            assert!(FolderName::new(bad).is_none(), "{bad:?}");
        }
        assert!(
            FolderName::from_wire(b"&AA0ACg-", Coding::Utf7).is_none(),
            "a line break hidden in the encoding"
        );
    }

    #[test]
    fn folders_of_others_are_none_of_our_own() {
        use Word::{Close, Open};
        let text = |text: &str| Word::Text(text.as_bytes().to_vec());
        let nil = || Word::Atom(b"NIL".to_vec());
        let listed = [
            vec![Open, Open, text("INBOX."), text("."), Close, Close],
            vec![Open, Open, text("user."), text("."), text("X"), Open, text("Y"), Close, Close, Close],
            vec![Open, Open, text(""), text("."), Close, Close],
        ];
        let namespace = Namespace::read(&listed.concat(), Coding::Utf7);
        assert_eq!(
            (namespace.own.as_str(), namespace.others.as_slice()),
            ("INBOX.", &["user.".to_owned(), String::new()][..])
        );
        assert_eq!(namespace.among_own("INBOX.Sent"), Some("Sent"));
        assert_eq!((namespace.among_own("Sent"), namespace.among_own("user.bob.Sent")), (None, None));
        let listed = [
            vec![Open, Open, text(""), text("/"), Close, Close, nil()],
            vec![Open, Open, text("Public/"), text("/"), Close, Close],
        ];
        let namespace = Namespace::read(&listed.concat(), Coding::Utf7);
        assert_eq!((namespace.among_own("Sent"), namespace.among_own("Public/Sent")), (Some("Sent"), None));
        assert_eq!(Namespace::read(&[nil(), nil(), nil()], Coding::Utf7), Namespace::default());
    }
}
