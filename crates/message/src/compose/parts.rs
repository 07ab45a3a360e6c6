//! What a mail says: text, HTML, pictures within it, files (RFC 2045–2046, RFC 2183, RFC 2387, RFC 2392).
//!
//! What passes through: the content of a letter, once, straight into the bytes that travel.
//! *Invariant:* a delimiter is made of a digest of whatever is written beside it as it is, so nothing holds its own.

use std::borrow::Cow;
use std::collections::HashMap;

use mail_builder::encoders::base64::Base64Encoder;
use mail_builder::headers::Header;
use mail_builder::headers::content_type::ContentType;
use mail_builder::mime::MimePart;

use super::text::lines;
use super::twin;
use super::{Attached, Letter};
use crate::attachments;
use crate::body;
use crate::content::pictures_named;

/// HTML as it may be shown and sent: what the writer's program or a paste brought along beside words, forms and pictures is
/// left out. `shown_as` gives the name behind `cid:` of each picture that goes along; others of the kind are left out.
pub fn safe_html(html: &str, shown_as: HashMap<String, String>) -> String {
    let urls = shown_as.into_iter().map(|(name, id)| (name, format!("cid:{id}"))).collect();
    body::safe(html, &body::ShownOptions { cid_urls: urls, remote_images: true })
}

/// The type of a file by the ending of its name, where nobody gives another.
pub fn media_type(name: &str) -> &'static str {
    crate::content::type_by_ending(name)
}

/// The content of a letter, about to be written.
pub(super) struct Body<'l> {
    root: Node<'l>,
    digest: blake3::Hash,
}

enum Node<'l> {
    Text { subtype: &'static str, text: String },
    File { attached: &'l Attached<'l>, shown_as: Option<String> },
    Parts { kind: &'static str, children: Vec<Node<'l>> },
}

impl<'l> Body<'l> {
    pub(super) fn of(letter: &Letter<'l>) -> Self {
        let shown = shown(letter);
        let mut hasher = blake3::Hasher::new();
        hasher.update(letter.message_id.as_str().as_bytes());
        let mut root = words(letter, &shown, &mut hasher);
        let files: Vec<Node<'_>> = letter
            .attachments
            .iter()
            .enumerate()
            .filter(|(place, _)| !shown.contains_key(place))
            .map(|(_, attached)| Node::File { attached, shown_as: None })
            .collect();
        for attached in letter.attachments.iter().filter(|attached| is_mail_as_it_is(attached)) {
            hasher.update(attached.bytes);
        }
        if !files.is_empty() {
            root = Node::Parts { kind: "mixed", children: std::iter::once(root).chain(files).collect() };
        }
        Body { root, digest: hasher.finalize() }
    }

    /// About so many bytes are written.
    pub(super) fn size(&self) -> usize {
        self.root.size()
    }

    pub(super) fn write(&self, out: &mut Vec<u8>) {
        self.root.write(&self.digest, out);
    }
}

/// Text alone, or with its HTML behind it, which is the better form (RFC 2046 §5.1.4).
fn words<'l>(letter: &Letter<'l>, shown: &HashMap<usize, String>, hasher: &mut blake3::Hasher) -> Node<'l> {
    let Some(html) = letter.html else {
        let text = lines(letter.text);
        hasher.update(text.as_bytes());
        return Node::Text { subtype: "plain", text };
    };
    let mut names = HashMap::new();
    for (place, id) in shown {
        let name = letter.attachments.get(*place).and_then(|attached| attached.content_id);
        for written in name.into_iter().flat_map(spellings) {
            names.insert(written, id.clone());
        }
    }
    let safe = safe_html(html, names);
    let text = match letter.text.trim().is_empty() {
        true => Cow::Owned(twin::of(&safe)),
        false => Cow::Borrowed(letter.text),
    };
    let (text, html) = (lines(&text), lines(&format!("{HEAD}{safe}{FOOT}")));
    hasher.update(text.as_bytes()).update(html.as_bytes());
    let mut rich = Node::Text { subtype: "html", text: html };
    let pictures = letter.attachments.iter().enumerate();
    let pictures: Vec<Node<'_>> = pictures
        .filter_map(|(place, attached)| {
            shown.get(&place).map(|id| Node::File { attached, shown_as: Some(id.clone()) })
        })
        .collect();
    if !pictures.is_empty() {
        rich = Node::Parts { kind: "related", children: std::iter::once(rich).chain(pictures).collect() };
    }
    let plain = Node::Text { subtype: "plain", text };
    Node::Parts { kind: "alternative", children: vec![plain, rich] }
}

const HEAD: &str = "<!DOCTYPE html>\n<html><head><meta charset=\"utf-8\"></head><body>\n";
const FOOT: &str = "\n</body></html>\n";

/// The pictures that the HTML shows, by their place among the attachments, and the Content-IDs they get: an id is to be
/// unique in the world (RFC 2392), and names are not.
fn shown(letter: &Letter<'_>) -> HashMap<usize, String> {
    let Some(html) = letter.html else { return HashMap::new() };
    let named = pictures_named(html);
    let mut shown = HashMap::new();
    let mut taken = Vec::new();
    for (place, attached) in letter.attachments.iter().enumerate() {
        let Some(name) = attached.content_id.filter(|_| attached.mimetype.starts_with("image/")) else {
            continue;
        };
        let is_named = spellings(name).iter().any(|written| named.contains(written.as_str()));
        if is_named && !taken.contains(&name) {
            taken.push(name);
            shown.insert(place, format!("{}.{}", place + 1, safe_id(letter.message_id.as_str())));
        }
    }
    shown
}

/// A name as it stands behind `cid:`: as it is, or as an address writes it (RFC 3986 §2.1).
fn spellings(name: &str) -> Vec<String> {
    let mut escaped = String::new();
    for byte in name.bytes() {
        match byte {
            byte if byte.is_ascii_alphanumeric() || b"-._~@+$!*()'".contains(&byte) => {
                escaped.push(char::from(byte));
            }
            byte => escaped.push_str(&format!("%{byte:02X}")),
        }
    }
    if escaped == name { vec![escaped] } else { vec![name.to_owned(), escaped] }
}

/// What may stand in an id and in an address alike.
fn safe_id(message_id: &str) -> String {
    let kept = |c: &char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '@' | '_');
    message_id.chars().filter(kept).take(200).collect()
}

impl Node<'_> {
    fn size(&self) -> usize {
        match self {
            Node::Text { text, .. } => 3 * text.len() / 2 + PART_BYTES,
            Node::File { attached, .. } => attached.bytes.len() / 57 * 78 + 78 + PART_BYTES,
            Node::Parts { children, .. } => children.iter().map(|child| child.size() + PART_BYTES).sum(),
        }
    }

    /// Its fields, an empty line, and what it holds. It is nested three deep at most.
    fn write(&self, digest: &blake3::Hash, out: &mut Vec<u8>) {
        match self {
            Node::Text { subtype, text } => {
                let kind = ContentType::new(format!("text/{subtype}")).attribute("charset", "utf-8");
                MimePart::new(kind, text.as_str()).write_part(out);
            }
            Node::File { attached, shown_as } => file(attached, shown_as.as_deref(), out),
            Node::Parts { kind, children } => {
                let hex = digest.to_hex();
                let boundary = format!("=_{kind}_{}", hex.get(..32).unwrap_or_default());
                let mut content = ContentType::new(format!("multipart/{kind}"));
                if *kind == "related" {
                    content = content.attribute("type", "text/html");
                }
                header("Content-Type", &content.attribute("boundary", &boundary), out);
                for child in children {
                    out.extend_from_slice(format!("\r\n--{boundary}\r\n").as_bytes());
                    child.write(digest, out);
                }
                out.extend_from_slice(format!("\r\n--{boundary}--\r\n").as_bytes());
            }
        }
    }
}

/// Fields and delimiters of one part.
const PART_BYTES: usize = 512;

fn file(attached: &Attached<'_>, shown_as: Option<&str>, out: &mut Vec<u8>) {
    let is_mail = is_mail_as_it_is(attached);
    let mimetype = if is_mail { MAIL } else { plain_type(attached.mimetype) };
    let mut content = ContentType::new(mimetype);
    if mimetype.starts_with("text/")
        && !attached.bytes.is_ascii()
        && std::str::from_utf8(attached.bytes).is_ok()
    {
        content = content.attribute("charset", "utf-8");
    }
    header("Content-Type", &content, out);
    let name = attachments::file_name(attached.name, mimetype);
    let disposition = ContentType::new(if shown_as.is_some() { "inline" } else { "attachment" });
    header("Content-Disposition", &disposition.attribute("filename", name), out);
    if let Some(id) = shown_as {
        out.extend_from_slice(format!("Content-ID: <{id}>\r\n").as_bytes());
    }
    if is_mail {
        out.extend_from_slice(b"Content-Transfer-Encoding: 7bit\r\n\r\n");
        out.extend_from_slice(attached.bytes);
    } else {
        out.extend_from_slice(b"Content-Transfer-Encoding: base64\r\n\r\n");
        Base64Encoder::new().wrap_lines().encode_into(attached.bytes, out);
    }
}

fn header(name: &str, value: &ContentType<'_>, out: &mut Vec<u8>) {
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(b": ");
    value.write_header(out, name.len() + 2);
}

const MAIL: &str = "message/rfc822";

/// A mail may stand in another one as it is, and only so (RFC 2046 §5.2.1). One with a line that a relay could end elsewhere,
/// with 8-bit characters, or that is none goes as a file.
fn is_mail_as_it_is(attached: &Attached<'_>) -> bool {
    attached.mimetype.eq_ignore_ascii_case(MAIL)
        && attached.bytes.ends_with(b"\r\n")
        && attached.bytes.is_ascii()
        && attached.bytes.split_inclusive(|byte| *byte == b'\n').all(is_plain_line)
        && crate::read(attached.bytes).is_ok()
}

pub(super) fn is_plain_line(line: &[u8]) -> bool {
    let text = line.strip_suffix(b"\r\n").unwrap_or(line);
    text.len() <= 998 && !text.iter().any(|byte| matches!(byte, b'\r' | b'\n' | 0))
}

/// The type of what goes in base64, which parts with parts of their own may not (RFC 2045 §6.4).
fn plain_type(given: &str) -> &str {
    let token = |text: &str| {
        !text.is_empty()
            && text.len() <= 100
            && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$&^_.+-".contains(&byte))
    };
    let is_one = given.split_once('/').is_some_and(|(kind, subtype)| {
        let is_composite =
            ["multipart", "message"].iter().any(|composite| kind.eq_ignore_ascii_case(composite));
        token(kind) && token(subtype) && !is_composite
    });
    if is_one { given } else { "application/octet-stream" }
}
