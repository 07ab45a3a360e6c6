//! Content signed within a message (RFC 5652 §5, RFC 8551 §3.5.2). What passes through: the bytes of a `.p7m`.
//!
//! Never verifies a signature and never decrypts: it says what the container is, and takes the content out.

use std::borrow::Cow;

use super::ber::{EXPLICIT_0, Elements, INTEGER, OBJECT_ID, SEQUENCE, SET};
use crate::field;

/// What a container holds.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Content<'x> {
    /// A signed MIME entity.
    Signed(Cow<'x, [u8]>),
    /// Something encrypted.
    Encrypted,
    /// A signed file that is no mail, or certificates alone: for saving, as it is.
    File,
    /// Nothing that could be read.
    Unreadable,
}

/// id-signedData, 1.2.840.113549.1.7.2.
const SIGNED: [u8; 9] = [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x02];
/// id-envelopedData, 1.2.840.113549.1.7.3.
const ENVELOPED: [u8; 9] = [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x03];
/// id-encryptedData, 1.2.840.113549.1.7.6.
const ENCRYPTED: [u8; 9] = [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x06];
/// id-ct-authEnvelopedData, 1.2.840.113549.1.9.16.1.23 (RFC 5083).
const AUTH_ENVELOPED: [u8; 11] = [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x10, 0x01, 0x17];

/// Looks into a container.
pub(super) fn content(der: &[u8]) -> Content<'_> {
    let Some(mut info) = Elements::new(der).inside(SEQUENCE) else { return Content::Unreadable };
    let Some(kind) = info.primitive(OBJECT_ID) else { return Content::Unreadable };
    if kind == ENVELOPED || kind == ENCRYPTED || kind == AUTH_ENVELOPED {
        return Content::Encrypted;
    }
    if kind != SIGNED {
        return Content::File;
    }
    match signed(info) {
        Some(Signed::Content(content)) if is_entity(&content) => Content::Signed(content),
        Some(_) => Content::File,
        None => Content::Unreadable,
    }
}

enum Signed<'x> {
    Content(Cow<'x, [u8]>),
    /// The signature of something that stands elsewhere, or certificates.
    Detached,
}

/// SignedData ::= SEQUENCE { version, digestAlgorithms SET, encapContentInfo SEQUENCE { type, `[0]` content } … }
fn signed(info: Elements<'_>) -> Option<Signed<'_>> {
    let mut data = info.inside(EXPLICIT_0)?.inside(SEQUENCE)?;
    data.primitive(INTEGER)?;
    data.skip(SET)?;
    let mut encapsulated = data.inside(SEQUENCE)?;
    encapsulated.primitive(OBJECT_ID)?;
    let Some(mut content) = encapsulated.inside(EXPLICIT_0) else { return Some(Signed::Detached) };
    // What a cut leaves of the content is shown; the signature does not matter here.
    content.octets().map(|(content, _)| Signed::Content(content))
}

/// Whether the content is a MIME entity: invoices and contracts are signed as files in the same container.
fn is_entity(content: &[u8]) -> bool {
    let head = content.get(..content.len().min(HEAD_BYTES_MAX)).unwrap_or_default();
    field::split(head).value("Content-Type").is_some()
}

/// The header of an entity is shorter; a file is not searched to its end.
const HEAD_BYTES_MAX: usize = 64 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    fn element(tag: u8, content: &[u8]) -> Vec<u8> {
        let length = u32::try_from(content.len()).unwrap().to_be_bytes();
        [&[tag, 0x84][..], &length, content].concat()
    }

    fn indefinite(tag: u8, content: &[u8]) -> Vec<u8> {
        [&[tag, 0x80][..], content, &[0, 0]].concat()
    }

    fn signed_with(content: &[u8]) -> Vec<u8> {
        let encapsulated = [&element(OBJECT_ID, &SIGNED)[..], content].concat();
        let algorithms = indefinite(SET, &indefinite(SEQUENCE, &element(OBJECT_ID, &[1])));
        let data = [&element(INTEGER, &[1])[..], &algorithms, &indefinite(SEQUENCE, &encapsulated)].concat();
        let data = indefinite(EXPLICIT_0, &indefinite(SEQUENCE, &data));
        indefinite(SEQUENCE, &[&element(OBJECT_ID, &SIGNED)[..], &data].concat())
    }

    const ENTITY: &[u8] = b"Content-Type: text/plain\r\n\r\nhello";

    fn check(der: &[u8], expect: &Content<'_>) {
        assert_eq!(content(der), *expect);
    }

    #[test]
    fn content_is_taken_out_of_every_form() {
        let is = Content::Signed(Cow::Borrowed(ENTITY));
        check(&signed_with(&element(EXPLICIT_0, &element(4, ENTITY))), &is);
        let (a, b) = ENTITY.split_at(7);
        let pieces = [element(4, a), indefinite(0x24, &element(4, b))].concat();
        check(&signed_with(&indefinite(EXPLICIT_0, &indefinite(0x24, &pieces))), &is);
        check(&signed_with(&element(EXPLICIT_0, &element(0x24, &pieces))), &is);
    }

    #[test]
    fn what_is_no_signed_entity_stays_closed() {
        check(&signed_with(&[]), &Content::File);
        check(&signed_with(&element(EXPLICIT_0, &element(4, b"<?xml version=\"1.0\"?>"))), &Content::File);
        check(&indefinite(SEQUENCE, &element(OBJECT_ID, &ENVELOPED)), &Content::Encrypted);
        check(b"", &Content::Unreadable);
        check(b"%PDF", &Content::Unreadable);
        check(&[0x30, 0x88, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff], &Content::Unreadable);
    }

    #[test]
    fn nesting_without_end_is_given_up() {
        let deep = [0x24, 0x80].repeat(100_000);
        check(&signed_with(&element(EXPLICIT_0, &deep)), &Content::Unreadable);
        let mut data = [0x30, 0x80, 0x06, 9].to_vec();
        data.extend(SIGNED);
        data.extend([0xa0, 0x80].repeat(100_000));
        check(&data, &Content::Unreadable);
        let mut cut = signed_with(&element(EXPLICIT_0, &element(4, ENTITY)));
        for _ in 0..cut.len() {
            cut.pop();
            content(&cut);
        }
    }
}
