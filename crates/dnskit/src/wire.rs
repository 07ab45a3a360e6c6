//! Questions and answers as bytes (RFC 1035 §4.1): as much as a resolver of today needs.

use std::net::IpAddr;

const A: u16 = 1;
const SOA: u16 = 6;
const MX: u16 = 15;
const TXT: u16 = 16;
const AAAA: u16 = 28;
const OF_INTERNET: [u8; 2] = [0, 1];
const HEADER_BYTES: usize = 12;
/// Seconds for which an answer may be remembered.
const TTL: u32 = 300;

/// All is well.
pub(crate) const NOERROR: u8 = 0;
/// The server could not answer.
pub(crate) const SERVFAIL: u8 = 2;
/// There is no such name.
pub(crate) const NXDOMAIN: u8 = 3;

/// A record.
#[derive(Debug, Clone)]
pub(crate) enum Answer {
    Txt(String),
    Ip(IpAddr),
    Mx(String),
}

impl Answer {
    pub(crate) fn kind(&self) -> u16 {
        match self {
            Answer::Txt(_) => TXT,
            Answer::Ip(IpAddr::V4(_)) => A,
            Answer::Ip(IpAddr::V6(_)) => AAAA,
            Answer::Mx(_) => MX,
        }
    }

    fn data(&self) -> Vec<u8> {
        match self {
            // Strings of at most 255 bytes each, one behind the other.
            Answer::Txt(text) => {
                let piece = |piece: &[u8]| [&[piece.len() as u8], piece].concat();
                text.as_bytes().chunks(255).flat_map(piece).collect()
            }
            Answer::Ip(IpAddr::V4(address)) => address.octets().to_vec(),
            Answer::Ip(IpAddr::V6(address)) => address.octets().to_vec(),
            Answer::Mx(exchange) => [vec![0, 10], name_bytes(exchange)].concat(),
        }
    }
}

fn name_bytes(name: &str) -> Vec<u8> {
    let labels = name.split('.').filter(|label| !label.is_empty());
    let mut bytes: Vec<u8> =
        labels.flat_map(|label| [&[label.len() as u8], label.as_bytes()].concat()).collect();
    bytes.push(0);
    bytes
}

/// A question.
pub(crate) struct Question {
    id: [u8; 2],
    recursion_desired: u8,
    /// As it stood in the message.
    section: Vec<u8>,
    pub(crate) name: String,
    pub(crate) kind: u16,
}

impl Question {
    pub(crate) fn read(bytes: &[u8]) -> Option<Self> {
        let id = bytes.first_chunk::<2>()?;
        let mut at = HEADER_BYTES;
        let mut labels = Vec::new();
        loop {
            let length = usize::from(*bytes.get(at)?);
            at += 1;
            if length == 0 {
                break;
            }
            labels.push(String::from_utf8_lossy(bytes.get(at..at + length)?).to_lowercase());
            at += length;
        }
        let kind = u16::from_be_bytes(*bytes.get(at..)?.first_chunk::<2>()?);
        let section = bytes.get(HEADER_BYTES..at + 4)?.to_vec();
        let recursion_desired = bytes.get(2)? & 1;
        Some(Question { id: *id, recursion_desired, section, name: labels.join("."), kind })
    }

    pub(crate) fn kind_name(&self) -> &'static str {
        match self.kind {
            A => "A",
            MX => "MX",
            TXT => "TXT",
            AAAA => "AAAA",
            _ => "other",
        }
    }

    pub(crate) fn refusal(&self, code: u8) -> Vec<u8> {
        [self.header((0, code), 0).as_slice(), &self.section].concat()
    }

    /// That there is nothing, and for how long that may be remembered (RFC 2308 §2).
    pub(crate) fn nothing(&self, code: u8) -> Vec<u8> {
        let mut bytes = self.refusal(code);
        bytes[9] = 1;
        // Two names of the root, a serial number, three times of other servers.
        let data = [[0; 2].as_slice(), &[0; 16], &TTL.to_be_bytes()].concat();
        Self::record(&mut bytes, (SOA, &data));
        bytes
    }

    /// With the bit that says that there is more.
    pub(crate) fn truncated(&self) -> Vec<u8> {
        [self.header((2, 0), 0).as_slice(), &self.section].concat()
    }

    /// With the right id, and an answer that nobody asked for.
    pub(crate) fn about_another_name(&self) -> Vec<u8> {
        let section =
            [name_bytes("another.invalid"), self.section[self.section.len() - 4..].to_vec()].concat();
        [self.header((0, 0), 0).as_slice(), &section].concat()
    }

    pub(crate) fn answer(&self, records: &[&Answer]) -> Vec<u8> {
        let mut bytes = self.header((0, 0), records.len() as u16).to_vec();
        bytes.extend(&self.section);
        for record in records {
            Self::record(&mut bytes, (record.kind(), &record.data()));
        }
        bytes
    }

    fn record(bytes: &mut Vec<u8>, (kind, data): (u16, &[u8])) {
        // The name is that of the question, which begins behind the header (RFC 1035 §4.1.4).
        bytes.extend([0xC0, HEADER_BYTES as u8]);
        bytes.extend(kind.to_be_bytes());
        bytes.extend(OF_INTERNET);
        bytes.extend(TTL.to_be_bytes());
        bytes.extend((data.len() as u16).to_be_bytes());
        bytes.extend(data);
    }

    /// An authoritative answer with these flags (of the third byte), code, and number of records.
    fn header(&self, (flags, code): (u8, u8), records: u16) -> [u8; HEADER_BYTES] {
        let [high, low] = records.to_be_bytes();
        let third = 0x84 | flags | self.recursion_desired;
        [self.id[0], self.id[1], third, 0x80 | code, 0, 1, high, low, 0, 0, 0, 0]
    }
}
