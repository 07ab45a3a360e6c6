//! The PostgreSQL protocol 3.0 as far as the proxy reads it: where messages begin, what commits, when all is answered
//! (PostgreSQL documentation, chapter "Frontend/Backend Protocol").
//!
//! What passes through: chunks of either side, cut anywhere. Short messages that may be a COMMIT or its answer are
//! held until they are whole; everything else passes at once.
//!
//! *Invariant:* bytes come out as they went in, in their order, up to the one that is lost. What cannot be a message,
//! and what is encrypted, passes unread.

use std::collections::HashSet;

use super::{Lost, Network};

/// Who sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    Client,
    Server,
}

/// What of a chunk is to be written; behind the last bytes the connection is reset.
#[derive(Debug, Default)]
pub(super) struct Passed {
    pub(super) bytes: Vec<u8>,
    pub(super) is_last: bool,
}

/// How much of a message is read; no name of a statement and no answer to a COMMIT is longer.
const READ_BYTES_MAX: usize = 128;

const SSL_REQUEST: u32 = 80_877_103;
const GSS_REQUEST: u32 = 80_877_104;
const CANCEL_REQUEST: u32 = 80_877_102;

/// What one connection has said.
#[derive(Default)]
pub(super) struct Wire {
    phase: Phase,
    client: Frames,
    server: Frames,
    /// Sync and Query that were not answered yet.
    unanswered: u64,
    /// Names of prepared statements and of portals that commit.
    statements: HashSet<Vec<u8>>,
    portals: HashSet<Vec<u8>>,
}

#[derive(Default, PartialEq, Eq)]
enum Phase {
    /// The first message of a client has no kind.
    #[default]
    Opening,
    /// One byte will say whether the connection goes on encrypted.
    AskedForEncryption,
    Open,
    /// Encrypted, or another protocol.
    Unread,
}

impl Wire {
    /// Reads a chunk; an empty one is the end.
    pub(super) fn read(&mut self, side: Side, mut bytes: &[u8], network: &Network) -> Passed {
        let mut passed = Passed::default();
        if bytes.is_empty() {
            passed.bytes.append(&mut self.frames(side).held);
        }
        while !bytes.is_empty() && self.phase != Phase::Unread {
            if side == Side::Server && self.phase == Phase::AskedForEncryption {
                let (answer, rest) = bytes.split_at(1);
                self.phase = if answer == b"N" { Phase::Opening } else { Phase::Unread };
                passed.bytes.extend_from_slice(answer);
                bytes = rest;
                continue;
            }
            let has_kind = side == Side::Server || self.phase == Phase::Open;
            let frames = self.frames(side);
            let (piece, rest) = bytes.split_at(frames.take(bytes, has_kind));
            bytes = rest;
            if frames.is_held(side) {
                frames.held.extend_from_slice(piece);
            } else {
                passed.bytes.append(&mut frames.held);
                passed.bytes.extend_from_slice(piece);
            }
            let Some(message) = frames.whole() else { continue };
            let Ok(message) = message else {
                self.phase = Phase::Unread;
                continue;
            };
            let is_lost = match side {
                Side::Client => self.asked(&message, network),
                Side::Server => self.answered(&message, network),
            };
            if is_lost {
                passed.is_last = true;
                return passed;
            }
            passed.bytes.append(&mut self.frames(side).held);
        }
        if self.phase == Phase::Unread {
            passed.bytes.append(&mut self.frames(side).held);
        }
        passed.bytes.extend_from_slice(bytes);
        passed
    }

    fn frames(&mut self, side: Side) -> &mut Frames {
        match side {
            Side::Client => &mut self.client,
            Side::Server => &mut self.server,
        }
    }

    /// A message of the client. Whether it is to be lost.
    fn asked(&mut self, message: &Message, network: &Network) -> bool {
        let body = message.body.as_slice();
        let mut words = body.split(|byte| *byte == 0);
        let mut word = || words.next().unwrap_or_default();
        match message.kind {
            None => self.open(body),
            Some(b'Q') => {
                self.unanswered += 1;
                network.count(|traffic| traffic.statements += 1);
                return commits(body) && network.loses(Lost::Question);
            }
            Some(b'S') => self.unanswered += 1,
            // Parse: the statement's name, its text.
            Some(b'P') => note(&mut self.statements, word(), commits(word())),
            // Bind: the portal's name, the statement's.
            Some(b'B') => {
                let portal = word();
                note(&mut self.portals, portal, self.statements.contains(word()));
            }
            Some(b'E') => {
                network.count(|traffic| traffic.statements += 1);
                return self.portals.contains(word()) && network.loses(Lost::Question);
            }
            Some(_) => {}
        }
        false
    }

    fn open(&mut self, body: &[u8]) {
        self.phase = match body.first_chunk().map(|code| u32::from_be_bytes(*code)) {
            Some(SSL_REQUEST | GSS_REQUEST) => Phase::AskedForEncryption,
            Some(CANCEL_REQUEST) | None => Phase::Unread,
            Some(_) => Phase::Open,
        };
    }

    /// A message of the server. Whether it is to be lost.
    fn answered(&mut self, message: &Message, network: &Network) -> bool {
        match message.kind {
            // ReadyForQuery; the first one follows the signing in, which asked nothing.
            Some(b'Z') if self.unanswered > 0 => {
                self.unanswered -= 1;
                if self.unanswered == 0 {
                    network.count(|traffic| traffic.round_trips += 1);
                }
                false
            }
            // CommandComplete comes when the work is done: the commit has happened.
            Some(b'C') if message.body == b"COMMIT\0" => {
                network.count(|traffic| traffic.commits += 1);
                network.loses(Lost::Answer)
            }
            _ => false,
        }
    }
}

fn note(names: &mut HashSet<Vec<u8>>, name: &[u8], commits: bool) {
    if commits {
        names.insert(name.to_owned());
    } else {
        names.remove(name);
    }
}

/// Whether a statement begins with the word COMMIT.
fn commits(text: &[u8]) -> bool {
    let text = text.trim_ascii_start();
    let word = text.split(|byte| !byte.is_ascii_alphabetic()).next().unwrap_or_default();
    word.eq_ignore_ascii_case(b"commit")
}

/// The beginning of a message.
struct Message {
    kind: Option<u8>,
    body: Vec<u8>,
}

/// Where the messages of one side begin and end.
#[derive(Default)]
struct Frames {
    header: Vec<u8>,
    has_kind: bool,
    /// What its length promises, and how much of that has come.
    body_bytes: usize,
    come: usize,
    body: Vec<u8>,
    /// Bytes of the present message that have not passed yet.
    held: Vec<u8>,
    is_whole: bool,
    is_bad: bool,
}

impl Frames {
    /// Takes bytes of the present message, at most to its end; how many.
    fn take(&mut self, bytes: &[u8], has_kind: bool) -> usize {
        if self.header.is_empty() {
            self.has_kind = has_kind;
        }
        let header_bytes = if self.has_kind { 5 } else { 4 };
        let mut taken = 0;
        for byte in bytes.iter().take(header_bytes - self.header.len()) {
            self.header.push(*byte);
            taken += 1;
        }
        if self.header.len() < header_bytes {
            return taken;
        }
        let length = self.header.last_chunk().map_or(0, |length| u32::from_be_bytes(*length));
        // It counts itself.
        let Some(body_bytes) = usize::try_from(length).ok().and_then(|length| length.checked_sub(4)) else {
            (self.is_whole, self.is_bad) = (true, true);
            return taken;
        };
        self.body_bytes = body_bytes;
        let body = bytes.get(taken..).unwrap_or_default();
        let body = body.get(..body_bytes - self.come).unwrap_or(body);
        let wanted = READ_BYTES_MAX.saturating_sub(self.body.len());
        self.body.extend(body.iter().take(wanted));
        self.come += body.len();
        self.is_whole = self.come == body_bytes;
        taken + body.len()
    }

    /// Whether the present message may be one that gets lost. Of a long one nothing is held back.
    fn is_held(&self, side: Side) -> bool {
        let kinds: &[u8] = if side == Side::Client { b"QE" } else { b"C" };
        self.has_kind
            && self.header.first().is_some_and(|kind| kinds.contains(kind))
            && self.body_bytes <= READ_BYTES_MAX
    }

    /// The message, once it is whole; an error where its length cannot be one.
    fn whole(&mut self) -> Option<Result<Message, ()>> {
        if !self.is_whole {
            return None;
        }
        let kind = self.header.first().copied().filter(|_| self.has_kind);
        let message = Message { kind, body: std::mem::take(&mut self.body) };
        let is_bad = self.is_bad;
        *self = Frames { held: std::mem::take(&mut self.held), ..Frames::default() };
        Some(if is_bad { Err(()) } else { Ok(message) })
    }
}
