//! The header of the PROXY protocol (version 1 as text, version 2 binary), with which a proxy says for whom it
//! has connected.
//!
//! What passes through: the first bytes of a connection, split anywhere; the announced address comes out.
//!
//! *Invariant:* it never asks for a byte behind the header, for that belongs to TLS or to the session; whoever
//! calls it has made sure that the peer is a proxy we know.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use model::limits;

/// What a binary header begins with.
const SIGNATURE: &[u8; 12] = b"\r\n\r\n\0\r\nQUIT\n";
/// The signature, version and command, family, length.
const BINARY_BYTES: usize = 16;
/// The longest line of version 1, with its CRLF.
const LINE_BYTES_MAX: usize = 107;

/// For whom a proxy has connected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Announced {
    /// A client with this address.
    Client(IpAddr),
    /// For itself, to see whether we live, or for somebody who has no IP address.
    Nobody,
}

/// The bytes are no header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct NotAHeader;

/// Gathers one header.
#[derive(Debug, Default)]
pub(crate) struct HeaderReader {
    bytes: Vec<u8>,
}

impl HeaderReader {
    /// How many bytes may be read now: at least one, and never one that stands behind the header.
    pub(crate) fn wants(&self) -> usize {
        let here = self.bytes.len();
        if here < SIGNATURE.len() {
            return SIGNATURE.len() - here;
        }
        if !self.is_binary() {
            return 1;
        }
        self.end().unwrap_or(BINARY_BYTES).saturating_sub(here).max(1)
    }

    /// Takes the bytes asked for; the announcement once the header is whole.
    pub(crate) fn take(&mut self, bytes: &[u8]) -> Result<Option<Announced>, NotAHeader> {
        self.bytes.extend_from_slice(bytes);
        if self.bytes.len() < SIGNATURE.len() {
            return Ok(None);
        }
        if self.is_binary() { self.binary() } else { self.line() }
    }

    fn is_binary(&self) -> bool {
        self.bytes.starts_with(SIGNATURE)
    }

    /// Where a binary header ends, once that can be told.
    fn end(&self) -> Option<usize> {
        let length = self.bytes.get(BINARY_BYTES - 2..BINARY_BYTES)?.first_chunk().copied()?;
        Some(BINARY_BYTES + usize::from(u16::from_be_bytes(length)))
    }

    fn binary(&self) -> Result<Option<Announced>, NotAHeader> {
        let Some(end) = self.end() else { return Ok(None) };
        if end > limits::PROXY_HEADER_BYTES_MAX {
            return Err(NotAHeader);
        }
        if self.bytes.len() < end {
            return Ok(None);
        }
        let (command, family) = match self.bytes.get(12..14) {
            Some([command, family]) => (*command, *family),
            _ => return Err(NotAHeader),
        };
        let addresses = self.bytes.get(BINARY_BYTES..).unwrap_or_default();
        match (command, family) {
            (0x20, _) => Ok(Some(Announced::Nobody)),
            (0x21, 0x11) => v4(addresses).map(IpAddr::V4).map(Announced::Client).ok_or(NotAHeader).map(Some),
            (0x21, 0x21) => v6(addresses).map(IpAddr::V6).map(Announced::Client).ok_or(NotAHeader).map(Some),
            // Unspecified, datagrams, sockets of the machine: nobody whom a network could be asked about.
            (0x21, _) => Ok(Some(Announced::Nobody)),
            _ => Err(NotAHeader),
        }
    }

    fn line(&self) -> Result<Option<Announced>, NotAHeader> {
        if !self.bytes.starts_with(b"PROXY ") {
            return Err(NotAHeader);
        }
        let Some(line) = self.bytes.strip_suffix(b"\r\n") else {
            let is_over = self.bytes.len() >= LINE_BYTES_MAX || self.bytes.contains(&b'\n');
            return if is_over { Err(NotAHeader) } else { Ok(None) };
        };
        let line = std::str::from_utf8(line).map_err(|_| NotAHeader)?;
        let words: Vec<&str> = line.split(' ').collect();
        let client = match words.as_slice() {
            ["PROXY", "UNKNOWN", ..] => return Ok(Some(Announced::Nobody)),
            ["PROXY", "TCP4", client, _, _, _] => client.parse().ok().map(IpAddr::V4),
            ["PROXY", "TCP6", client, _, _, _] => client.parse().ok().map(IpAddr::V6),
            _ => None,
        };
        client.map(Announced::Client).map(Some).ok_or(NotAHeader)
    }
}

/// The source, which stands first; the rest is the destination, ports and more.
fn v4(addresses: &[u8]) -> Option<Ipv4Addr> {
    addresses.get(..12)?.first_chunk::<4>().map(|bytes| Ipv4Addr::from(*bytes))
}

fn v6(addresses: &[u8]) -> Option<Ipv6Addr> {
    addresses.get(..36)?.first_chunk::<16>().map(|bytes| Ipv6Addr::from(*bytes))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    type Outcome = (Result<Option<Announced>, NotAHeader>, usize);

    /// Feeds a reader at most `size` bytes at a time; what came out, and how many bytes it took.
    fn read(input: &[u8], size: usize) -> Outcome {
        let mut reader = HeaderReader::default();
        let mut at = 0;
        while at < input.len() {
            let count = reader.wants().min(size).min(input.len() - at);
            let said = reader.take(&input[at..at + count]);
            at += count;
            if said != Ok(None) {
                return (said, at);
            }
        }
        (Ok(None), at)
    }

    fn binary(command: u8, family: u8, addresses: &[u8]) -> Vec<u8> {
        let length = u16::try_from(addresses.len()).unwrap().to_be_bytes();
        [SIGNATURE.as_slice(), &[command, family], &length, addresses].concat()
    }

    fn check(header: &[u8], expected: Result<Option<Announced>, NotAHeader>) {
        let input = [header, b"EHLO x\r\n"].concat();
        let (said, taken) = read(&input, 1000);
        assert_eq!(said, expected, "{}", header.escape_ascii());
        if said.is_ok() {
            assert_eq!(taken, header.len(), "{}", header.escape_ascii());
        }
    }

    fn client(address: &str) -> Result<Option<Announced>, NotAHeader> {
        Ok(Some(Announced::Client(address.parse().unwrap())))
    }

    #[test]
    fn text_headers() {
        check(b"PROXY TCP4 192.0.2.7 198.51.100.1 56324 25\r\n", client("192.0.2.7"));
        check(b"PROXY TCP6 2001:db8::7 ::1 56324 25\r\n", client("2001:db8::7"));
        check(b"PROXY UNKNOWN\r\n", Ok(Some(Announced::Nobody)));
        check(b"PROXY UNKNOWN ffff::1 ffff::2 1 2\r\n", Ok(Some(Announced::Nobody)));
        for bad in [
            "PROXY TCP4 2001:db8::7 ::1 1 2\r\n",
            "PROXY TCP4 192.0.2.7\r\n",
            "PROXY  TCP4 192.0.2.7 198.51.100.1 1 2\r\n",
            "PROXY TCP4 192.0.2.7 198.51.100.1 1 2\n",
            "EHLO client.example\r\n",
        ] {
            check(bad.as_bytes(), Err(NotAHeader));
        }
        check(format!("PROXY {}\r\n", "x".repeat(200)).as_bytes(), Err(NotAHeader));
    }

    #[test]
    fn binary_headers() {
        let v4 = [192, 0, 2, 7, 198, 51, 100, 1, 0, 1, 0, 25];
        check(&binary(0x21, 0x11, &v4), client("192.0.2.7"));
        check(&binary(0x21, 0x11, &[v4.as_slice(), b"\x04\0\x01x"].concat()), client("192.0.2.7"));
        let v6 = [&[0x20, 1, 0xd, 0xb8][..], &[0; 11], &[7], &[0; 20]].concat();
        check(&binary(0x21, 0x21, &v6), client("2001:db8::7"));
        check(&binary(0x20, 0, b""), Ok(Some(Announced::Nobody)));
        check(&binary(0x20, 0x11, &v4), Ok(Some(Announced::Nobody)));
        check(&binary(0x21, 0x31, &[0; 216]), Ok(Some(Announced::Nobody)));
        check(&binary(0x21, 0x11, b"short"), Err(NotAHeader));
        check(&binary(0x11, 0x11, &v4), Err(NotAHeader));
        check(&binary(0x22, 0x11, &v4), Err(NotAHeader));
        check(&binary(0x21, 0x11, &vec![0; limits::PROXY_HEADER_BYTES_MAX]), Err(NotAHeader));
    }

    proptest! {
        #[test]
        fn splits_change_nothing(
            head in prop_oneof![Just(&b"PROXY TCP4 "[..]), Just(&b"PROXY "[..]), Just(&SIGNATURE[..]), Just(&b""[..])],
            rest in prop_oneof![
                "[0-9a-f.: ]{0,60}(\r\n)?[A-Z]{0,9}".prop_map(String::into_bytes),
                prop::collection::vec(any::<u8>(), 0..60),
                prop::collection::vec(0u8..3, 0..20).prop_map(|rest| [&[0x21, 0x11, 0][..], &rest].concat()),
            ],
            size in 1usize..30,
        ) {
            let input = [head, &rest].concat();
            prop_assert_eq!(read(&input, size).0, read(&input, 10_000).0);
        }
    }
}
