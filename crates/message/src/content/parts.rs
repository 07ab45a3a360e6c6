//! Opened content written as parts of a message (RFC 2046). What passes through: what a container held.
//!
//! Bodies and files are written in base64, so nothing in them can be taken for a delimiter or a field.

use std::borrow::Cow;
use std::collections::HashSet;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use model::limits;

use super::room::Room;
use super::tnef::{self, Attached, Data, Tnef};
use crate::entity::Entity;
use crate::field;
use crate::message::Message;

/// A text in the forms in which there is one.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(super) struct Body {
    pub(super) plain: Option<String>,
    pub(super) html: Option<String>,
}

/// An entity where a container stood. At the root the fields of the message stay, all but those that describe its
/// content; fields of the entity that do not are left out there, for nobody has proven them.
pub(super) fn in_place(message: &Message<'_>, container: &Entity, entity: Cow<'_, [u8]>) -> Vec<u8> {
    if container.parent.is_some() {
        return entity.into_owned();
    }
    let section = field::split(&entity);
    let head = message.raw().get(..container.body.start).unwrap_or_default();
    let mut out = Vec::with_capacity(head.len() + entity.len());
    let outer = field::split(head).fields.into_iter().filter(|field| !describes_content(field.name));
    let inner = section.fields.iter().copied().filter(|field| describes_content(field.name));
    for field in outer.chain(inner) {
        for piece in [field.name.as_bytes(), b": ", field.value, b"\r\n"] {
            out.extend_from_slice(piece);
        }
    }
    out.extend_from_slice(b"\r\n");
    out.extend_from_slice(entity.get(section.body_offset..).unwrap_or_default());
    out
}

fn describes_content(name: &str) -> bool {
    name.get(..8).is_some_and(|start| start.eq_ignore_ascii_case("content-"))
}

/// A part with a richer form of itself behind it (RFC 2046 §5.1.4).
pub(super) fn alternative(plain: &[u8], html: &str) -> Vec<u8> {
    let mut out = Multipart::begin("alternative", blake3::hash(html.as_bytes()));
    out.part(plain);
    out.part(&text("html", html));
    out.end()
}

/// The content of a stream as one entity. `kept` is the container itself, where it has to stay beside its content.
///
/// It breaks off where the room is used up; then it is not to be shown.
pub(super) fn of_tnef(tnef: &Tnef<'_>, body: &Body, kept: Option<&[u8]>, room: &mut Room) -> Vec<u8> {
    written(tnef, body, kept, (1, room))
}

fn written(tnef: &Tnef<'_>, body: &Body, kept: Option<&[u8]>, (depth, room): (usize, &mut Room)) -> Vec<u8> {
    if let Some(signed) = signed_entity(tnef) {
        return if room.take(signed.len()) { signed.to_vec() } else { Vec::new() };
    }
    let mut out = Multipart::begin("mixed", blake3::hash(tnef.stream));
    let shown = body.html.as_deref().map(named_pictures).unwrap_or_default();
    if let Some(body) = of_body(body) {
        room.take(body.len());
        out.part(&body);
    } else if tnef.attachments.is_empty() {
        out.part(&text("plain", ""));
    }
    for attached in tnef.attachments.iter().take(limits::ATTACHMENTS_MAX) {
        if room.is_used_up() {
            break;
        }
        out.part(&of_attached(attached, &shown, (depth, room)));
    }
    if let Some(kept) = kept.filter(|kept| room.take(kept.len())) {
        out.part(kept);
    }
    out.end()
}

/// The Content-IDs that an HTML text names (RFC 2392), gathered once for all attachments.
pub(crate) fn named_pictures(html: &str) -> HashSet<&str> {
    let end = |c: char| c.is_whitespace() || matches!(c, '"' | '\'' | '<' | '>' | ')');
    html.split("cid:").skip(1).filter_map(|behind| behind.split(end).next()).collect()
}

/// Exchange keeps a clear-signed mail as one attachment that is a whole entity ([MS-OXOSMIME] §2.1.2).
fn signed_entity<'x>(tnef: &Tnef<'x>) -> Option<&'x [u8]> {
    let [only] = tnef.attachments.as_slice() else { return None };
    let class = tnef.class().to_ascii_lowercase();
    if !class.ends_with(".smime.multipartsigned") {
        return None;
    }
    let Data::File(entity) = only.data() else { return None };
    let head = entity.get(..entity.len().min(limits::LINE_BYTES_MAX)).unwrap_or_default();
    let content = field::split(head).value("Content-Type")?;
    content.to_ascii_lowercase().starts_with(b"multipart/signed").then_some(entity)
}

fn of_body(body: &Body) -> Option<Vec<u8>> {
    match (&body.plain, &body.html) {
        (Some(plain), Some(html)) => Some(alternative(&text("plain", plain), html)),
        (Some(plain), None) => Some(text("plain", plain)),
        (None, Some(html)) => Some(text("html", html)),
        (None, None) => None,
    }
}

fn text(subtype: &str, text: &str) -> Vec<u8> {
    let head = format!("Content-Type: text/{subtype}; charset=utf-8\r\n");
    encoded(head, text.as_bytes())
}

fn of_attached(attached: &Attached<'_>, shown: &HashSet<&str>, (depth, room): (usize, &mut Room)) -> Vec<u8> {
    let name = attached.name();
    let bytes;
    let (mimetype, data) = match attached.data() {
        Data::Message(stream) if depth < limits::CONTAINER_DEPTH_MAX => {
            bytes = message(stream, (depth + 1, &mut *room));
            ("message/rfc822".to_owned(), bytes.as_slice())
        }
        Data::Message(stream) => ("application/octet-stream".to_owned(), stream),
        Data::File(data) => (mimetype(attached, &name), data),
        Data::None => (mimetype(attached, &name), &[][..]),
    };
    let id = attached.content_id().map(|id| id.trim_matches(['<', '>']).to_owned());
    let id = id.filter(|id| !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_graphic()));
    let way = if id.as_ref().is_some_and(|id| shown.contains(id.as_str())) { "inline" } else { "attachment" };
    let is_message = mimetype == "message/rfc822";
    let rebuilt = if matches!(attached.data(), Data::Message(_)) && is_message { REBUILT } else { "" };
    let mut head = format!("Content-Type: {mimetype}{rebuilt}\r\nContent-Disposition: {way}");
    if !name.is_empty() {
        let ending = if is_message && !name.to_ascii_lowercase().ends_with(".eml") { ".eml" } else { "" };
        head.push_str(&format!("; filename*=utf-8''{}{ending}", percent(&name)));
    }
    head.push_str("\r\n");
    if let Some(id) = id {
        head.push_str(&format!("Content-ID: <{id}>\r\n"));
    }
    if room.take(encoded_size(data)) { encoded(head, data) } else { Vec::new() }
}

/// The parameter by which [`Entity::is_rebuilt`] knows a message whose header and text were written here.
const REBUILT: &str = "; x-rebuilt=tnef";

/// A message inside, as bytes of a message.
fn message(stream: &[u8], (depth, room): (usize, &mut Room)) -> Vec<u8> {
    let inner = tnef::read(stream);
    let mut out = tnef::letter(&inner).into_bytes();
    let body = inner.body(room);
    out.extend(written(&inner, &body, None, (depth, room)));
    out
}

/// The type that is given where it is one; a multipart has no delimiters here.
fn mimetype(attached: &Attached<'_>, name: &str) -> String {
    let token = |text: &str| {
        !text.is_empty()
            && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$&^_.+-".contains(&byte))
    };
    let given = attached.mimetype().map(|given| given.trim().to_ascii_lowercase());
    let is_type = |given: &String| {
        given
            .split_once('/')
            .is_some_and(|(kind, subtype)| token(kind) && token(subtype) && kind != "multipart")
    };
    given.filter(is_type).unwrap_or_else(|| by_ending(name).to_owned())
}

/// What the ending of a name says, for files whose type is not given.
pub(crate) fn by_ending(name: &str) -> &'static str {
    let ending = name.rsplit_once('.').map(|(_, ending)| ending.to_ascii_lowercase());
    match ending.as_deref().unwrap_or_default() {
        "txt" => "text/plain",
        "htm" | "html" => "text/html",
        "csv" => "text/csv",
        "ics" => "text/calendar",
        "vcf" => "text/vcard",
        "png" => "image/png",
        "jpg" | "jpeg" => "image/jpeg",
        "gif" => "image/gif",
        "pdf" => "application/pdf",
        "zip" => "application/zip",
        "eml" => "message/rfc822",
        "doc" => "application/msword",
        "xls" => "application/vnd.ms-excel",
        "docx" => "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
        "xlsx" => "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        _ => "application/octet-stream",
    }
}

/// RFC 2231 §4, RFC 3986 §2.1.
fn percent(name: &str) -> String {
    let mut out = String::new();
    // A name is cut later where it is too long; this only keeps the line in bounds.
    for byte in name.chars().take(1_000).collect::<String>().bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'.' | b'_' | b'-' => out.push(char::from(byte)),
            _ => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}

/// A head with an encoding, and the data in it, in lines of 76 characters (RFC 2045 §6.8).
fn encoded(head: String, data: &[u8]) -> Vec<u8> {
    let mut out = head.into_bytes();
    out.reserve(encoded_size(data) + 128);
    out.extend_from_slice(b"Content-Transfer-Encoding: base64\r\n\r\n");
    for line in data.chunks(57) {
        out.extend_from_slice(STANDARD.encode(line).as_bytes());
        out.extend_from_slice(b"\r\n");
    }
    out
}

/// Without the head.
fn encoded_size(data: &[u8]) -> usize {
    data.len() / 57 * 78 + 78
}

/// A multipart that is being written. Its delimiter is made of a digest of what its parts come from.
struct Multipart {
    boundary: String,
    out: Vec<u8>,
}

impl Multipart {
    fn begin(subtype: &str, digest: blake3::Hash) -> Self {
        let hex = digest.to_hex();
        let boundary = format!("=_{subtype}_{}", hex.get(..32).unwrap_or_default());
        let head = format!("Content-Type: multipart/{subtype}; boundary=\"{boundary}\"\r\n\r\n");
        Multipart { boundary, out: head.into_bytes() }
    }

    fn part(&mut self, part: &[u8]) {
        self.out.extend_from_slice(format!("--{}\r\n", self.boundary).as_bytes());
        self.out.extend_from_slice(part);
        self.out.extend_from_slice(b"\r\n");
    }

    fn end(mut self) -> Vec<u8> {
        self.out.extend_from_slice(format!("--{}--\r\n", self.boundary).as_bytes());
        self.out
    }
}
