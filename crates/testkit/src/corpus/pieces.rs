//! What the files are, and the messages that are made of them.
//!
//! What passes through: the bytes of a file in, messages with CRLF out. A file that is no mail travels in one: a
//! text as what was written, anything else attached. So every file is sent, and nobody has to choose.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// What a file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// One message.
    Mail,
    /// A message in form that names nobody as author, not even a mail server: made up to try a parser.
    Fragment,
    /// Several, parted by "From " lines.
    Mbox,
    /// What somebody wrote, without a header.
    Text,
    /// Anything else.
    File,
}

impl Kind {
    /// The name, as the list writes it.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Mail => "mail",
            Kind::Fragment => "fragment",
            Kind::Mbox => "mbox",
            Kind::Text => "text",
            Kind::File => "file",
        }
    }
}

/// One message to be sent.
#[derive(Debug, Clone)]
pub struct Piece {
    /// The path below the corpus, with `#n` for the n-th message of an mbox.
    pub name: String,
    /// What the file is.
    pub kind: Kind,
    /// The message, its lines ended by CRLF.
    pub raw: Vec<u8>,
}

/// Reads every file below a folder, in the order of their paths.
///
/// # Errors
/// When one cannot be read.
pub fn pieces(folder: &Path) -> Result<Vec<Piece>> {
    let mut all = Vec::new();
    for path in files(folder)? {
        let name = path.strip_prefix(folder)?.to_string_lossy().replace('\t', " ");
        let raw = std::fs::read(&path).with_context(|| name.clone())?;
        all.extend(of_file(&name, &raw));
    }
    Ok(all)
}

fn files(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder)? {
            let path = entry?.path();
            if path.is_symlink() {
                continue;
            }
            if path.is_dir() { folders.push(path) } else { found.push(path) }
        }
    }
    found.sort();
    Ok(found)
}

fn of_file(name: &str, raw: &[u8]) -> Vec<Piece> {
    let kind = kind(name, raw);
    let piece = |name: String, raw: Vec<u8>| {
        let is_fragment = matches!(kind, Kind::Mail | Kind::Mbox) && !names_an_author(&raw);
        Piece { name, kind: if is_fragment { Kind::Fragment } else { kind }, raw }
    };
    match kind {
        Kind::Mail | Kind::Fragment => vec![piece(name.to_owned(), with_crlf(raw))],
        Kind::Mbox => {
            let messages = (1..).zip(messages_of(raw));
            messages.map(|(number, raw)| piece(format!("{name}#{number}"), with_crlf(raw))).collect()
        }
        Kind::Text => vec![piece(name.to_owned(), carrying_text(name, raw))],
        Kind::File => vec![piece(name.to_owned(), carrying_file(name, raw))],
    }
}

/// Where files without a header are the text of a mail.
const TEXTS: &[&str] =
    &["crisp-email-reply-parser/test/", "github-email-reply-parser/test/", "zapier-email-reply-parser/test/"];

/// Endings of files about mails: what a reader should have found in one.
const ANSWERS: &[&str] = &[".xml", ".out", ".list", ".json", ".html", ".golden"];

fn kind(name: &str, raw: &[u8]) -> Kind {
    let ends_with = |endings: &[&str]| endings.iter().any(|ending| name.ends_with(ending));
    let is_about = ends_with(ANSWERS) || name.contains("/LICENCE/") || name.ends_with("/NOTICE");
    let is_binary = raw.starts_with(b"\xd0\xcf\x11\xe0") || raw.starts_with(b"\x1f\x8b");
    if TEXTS.iter().any(|folder| name.starts_with(folder)) {
        return Kind::Text;
    }
    if is_about || is_binary {
        return Kind::File;
    }
    if name.contains("mbox") && !name.contains("-summary.") && raw.starts_with(b"From ") {
        return Kind::Mbox;
    }
    let says_so = ends_with(&[".eml", ".raw", ".msg"]);
    if says_so || has_header(raw) { Kind::Mail } else { Kind::File }
}

/// Fields of which a file that is a mail has one among its first lines.
const FIELDS: &[&str] = &[
    "from",
    "to",
    "subject",
    "date",
    "received",
    "return-path",
    "message-id",
    "mime-version",
    "content-type",
    "delivered-to",
];

fn has_header(raw: &[u8]) -> bool {
    let head = raw.get(..raw.len().min(8_192)).unwrap_or_default();
    let head = String::from_utf8_lossy(head);
    let mut lines = head.split(['\n', '\r']).filter(|line| !line.is_empty() && !line.starts_with("From "));
    let name = |line: &str| line.split_once(':').map(|(name, _)| name.trim_end().to_ascii_lowercase());
    let is_field = |name: &String| !name.is_empty() && !name.contains(char::is_whitespace);
    let begins_with_a_field = lines.next().and_then(name).filter(is_field);
    let Some(first) = begins_with_a_field else { return false };
    FIELDS.contains(&first.as_str())
        || lines.take(40).filter_map(name).any(|name| FIELDS.contains(&name.as_str()))
}

/// Whether From or Sender hold an address, or say that a mail server wrote it.
fn names_an_author(raw: &[u8]) -> bool {
    let head = String::from_utf8_lossy(raw).trim_start().to_ascii_lowercase();
    let head = head.split("\r\n\r\n").next().unwrap_or_default().replace("\r\n ", " ").replace("\r\n\t", " ");
    let fields = head.lines().filter_map(|line| line.split_once(':'));
    fields.into_iter().any(|(name, value)| {
        let is_author = ["from", "sender", "\u{feff}from"].contains(&name.trim());
        is_author && ["@", "<>", "mailer-daemon"].iter().any(|sign| value.contains(sign))
    })
}

/// The messages of an mbox: a line "From " behind an empty line and before a header begins one.
fn messages_of(raw: &[u8]) -> Vec<&[u8]> {
    let is_start = |at: usize| {
        let (before, rest) = raw.split_at_checked(at).unwrap_or_default();
        let behind_an_empty_line = at == 0 || before.ends_with(b"\n\n") || before.ends_with(b"\r\n\r\n");
        behind_an_empty_line
            && rest.starts_with(b"From ")
            && rest.split(|byte| *byte == b'\n').nth(1).is_some_and(is_field)
    };
    let mut starts: Vec<usize> = (0..raw.len()).filter(|at| is_start(*at)).collect();
    starts.push(raw.len());
    let ranges = starts.iter().zip(starts.iter().skip(1));
    ranges.filter_map(|(start, end)| raw.get(*start..*end)).collect()
}

fn is_field(line: &[u8]) -> bool {
    let name = line.split(|byte| *byte == b':').next().unwrap_or_default();
    name.len() < line.len() && !name.is_empty() && name.iter().all(u8::is_ascii_graphic)
}

/// Line ends as they travel. A file of a system whose lines end with CR alone was mail there too.
fn with_crlf(raw: &[u8]) -> Vec<u8> {
    let has_cr_alone = raw.contains(&b'\r') && !raw.contains(&b'\n');
    let mut bytes = Vec::with_capacity(raw.len() + raw.len() / 32);
    for byte in raw {
        match byte {
            b'\r' if has_cr_alone => bytes.extend_from_slice(b"\r\n"),
            b'\n' if bytes.last() != Some(&b'\r') => bytes.extend_from_slice(b"\r\n"),
            byte => bytes.push(*byte),
        }
    }
    bytes
}

fn carrying_text(name: &str, raw: &[u8]) -> Vec<u8> {
    let mut mail = head(name).into_bytes();
    mail.extend_from_slice(
        b"Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n",
    );
    mail.extend(with_crlf(raw));
    mail
}

fn carrying_file(name: &str, raw: &[u8]) -> Vec<u8> {
    let file = name.rsplit('/').next().unwrap_or(name).replace(['"', '\\'], "_");
    let ending = file.rsplit('.').next().unwrap_or_default();
    let mimetype = MIMETYPES.iter().find(|(known, _)| *known == ending);
    let mimetype = mimetype.map_or("application/octet-stream", |(_, mimetype)| mimetype);
    let mut mail = head(name);
    mail.push_str("Content-Type: multipart/mixed; boundary=\"carrier\"\r\n\r\n--carrier\r\n\r\nA file.\r\n");
    mail.push_str(&format!(
        "--carrier\r\nContent-Type: {mimetype}; name=\"{file}\"\r\nContent-Transfer-Encoding: base64\r\n\
         Content-Disposition: attachment; filename=\"{file}\"\r\n\r\n"
    ));
    for line in STANDARD.encode(raw).as_bytes().chunks(76) {
        mail.push_str(&String::from_utf8_lossy(line));
        mail.push_str("\r\n");
    }
    mail.push_str("--carrier--\r\n");
    mail.into_bytes()
}

const MIMETYPES: &[(&str, &str)] = &[
    ("tnef", "application/ms-tnef"),
    ("ics", "text/calendar; method=REQUEST"),
    ("html", "text/html; charset=utf-8"),
    ("txt", "text/plain; charset=utf-8"),
    ("xml", "text/xml"),
    ("png", "image/png"),
    ("jpg", "image/jpeg"),
    ("gif", "image/gif"),
];

fn head(name: &str) -> String {
    let id: String = name.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '.' }).collect();
    format!(
        "From: Carla Carrier <carla@carrier.test>\r\nTo: support@house.test\r\nSubject: {id}\r\n\
         Date: Mon, 23 Nov 2026 09:15:00 +0100\r\nMessage-ID: <{id}@carrier.test>\r\nMIME-Version: 1.0\r\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_what_it_looks_like() {
        assert_eq!(kind("a/b.eml", b""), Kind::Mail);
        assert_eq!(kind("a/b", b"Received: by x\r\n\r\n"), Kind::Mail);
        assert_eq!(kind("a/b", b"X-Odd: 1\nSubject: s\n\n"), Kind::Mail);
        assert_eq!(kind("a/mbox-1", b"From x\nSubject: s\n\n"), Kind::Mbox);
        assert_eq!(of_file("a/b.eml", b"Subject: s\n\nx")[0].kind, Kind::Fragment);
        assert_eq!(of_file("a/b.eml", b"From: A\n <a@x>\n\nx")[0].kind, Kind::Mail);
        assert_eq!(kind("a/b.png", b"\x89PNG"), Kind::File);
        assert_eq!(kind("a/b.xml", b"From: x"), Kind::File);
        assert_eq!(kind("github-email-reply-parser/test/emails/a.txt", b"Hi"), Kind::Text);
    }

    #[test]
    fn an_mbox_is_parted_behind_empty_lines() {
        let mbox = b"From a\nSubject: 1\n\nFrom here on\nFrom there\n\nFrom b\nSubject: 2\n\nx\n";
        let parts = messages_of(mbox);
        assert_eq!(parts, [&mbox[..44], &mbox[44..]]);
        assert_eq!(with_crlf(b"a\rb\r"), b"a\r\nb\r\n");
        assert_eq!(with_crlf(b"a\nb\r\nc\rd"), b"a\r\nb\r\nc\rd");
    }
}
