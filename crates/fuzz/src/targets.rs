//! What is fuzzed, and what must hold whatever the bytes are.

mod body;
mod bounce;
mod content;
mod door;
mod headers;
mod imap;
mod pop3;
mod quotes;
mod smtp;
mod subject;
mod trust;
mod unwrap;

use crate::seeds::Shape;

/// One reader of bytes.
#[derive(Clone, Copy)]
pub struct Target {
    /// Its name on the command line.
    pub name: &'static str,
    /// Which seeds it begins with.
    pub shape: Shape,
    /// Reads the bytes. Panics where something does not hold.
    pub read: fn(&[u8]),
}

/// All of them.
pub const TARGETS: &[Target] = &[
    Target { name: "headers", shape: Shape::Header, read: headers::read },
    Target { name: "subject", shape: Shape::Subject, read: subject::read },
    Target { name: "unwrap", shape: Shape::Mail, read: unwrap::read },
    Target { name: "body", shape: Shape::Mail, read: body::read },
    Target { name: "bounce", shape: Shape::Mail, read: bounce::read },
    Target { name: "quotes", shape: Shape::Mail, read: quotes::read },
    Target { name: "content", shape: Shape::Mail, read: content::read },
    Target { name: "door", shape: Shape::Conversation, read: door::read },
    Target { name: "imap", shape: Shape::Answers, read: imap::read },
    Target { name: "pop3", shape: Shape::Replies, read: pop3::read },
    Target { name: "smtp", shape: Shape::Verdicts, read: smtp::read },
    Target { name: "trust", shape: Shape::Vouched, read: trust::read },
];

/// Pieces whose lengths are told by the bytes: small ones and large ones.
fn pieces(raw: &[u8]) -> Vec<&[u8]> {
    let mut pieces = Vec::new();
    let mut rest = raw;
    while let Some(first) = rest.first() {
        let length = match first % 5 {
            0 => 1,
            1 => 2,
            2 => 7,
            3 => 64,
            _ => 900,
        };
        let (piece, others) = rest.split_at(length.min(rest.len()));
        pieces.push(piece);
        rest = others;
    }
    pieces
}
