//! Thread-Index, by which Outlook tells conversations (MS-OXOMSG §2.2.1.3).
//!
//! What passes through: one field. Of mail that is read never more than the 22 bytes that all mails of a conversation share;
//! an answer gets all of it, and a block of its own behind.

use std::fmt::Write;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use model::{Timestamp, limits};

use crate::{message, transfer};

/// Bytes of the header block: a reserved byte, five of time, sixteen of a GUID.
const BLOCK_BYTES: usize = 22;

/// The conversation of a Thread-Index in hexadecimal, 44 digits; `None` where it is shorter than its block.
pub fn conversation(value: &[u8]) -> Option<String> {
    let bytes = transfer::base64(value);
    let block = bytes.get(..BLOCK_BYTES)?;
    let mut out = String::with_capacity(2 * BLOCK_BYTES);
    for byte in block {
        // Writing into a String cannot fail.
        let _ = write!(out, "{byte:02x}");
    }
    Some(out)
}

/// The field of an answer to a mail, in base64: that mail's, and five bytes that say how much later the answer is
/// (MS-OXOMSG §2.2.1.3.2). `None` where the mail has none. `chance` tells answers apart that are written at one time.
pub fn answer(answered: &[u8], now: Timestamp, chance: u8) -> Option<String> {
    let (_, section) = message::section(answered).ok()?;
    let mut bytes = transfer::base64(section.value("Thread-Index")?);
    let begun = bytes.get(..6).filter(|_| bytes.len() >= BLOCK_BYTES)?;
    let begun = begun.iter().fold(0, |time, byte| time << 8 | u64::from(*byte)) << 16;
    if bytes.len() + CHILD_BYTES <= limits::COMPOSED_THREAD_INDEX_BYTES_MAX {
        let later = filetime(now).saturating_sub(begun);
        let (code, steps) = if later < 1 << 49 { (0, later >> 18) } else { (1 << 31, later >> 23) };
        // Cut to 31 bits as it is specified.
        let difference = code | (steps as u32 & 0x7fff_ffff);
        bytes.extend_from_slice(&difference.to_be_bytes());
        bytes.push(chance & 0xf0);
    }
    Some(STANDARD.encode(bytes))
}

/// The block of an answer: 31 bits of time and how they are counted, four of chance, four that are 0.
const CHILD_BYTES: usize = 5;

/// Steps of 100 ns since 1601 (MS-DTYP §2.3.3).
fn filetime(time: Timestamp) -> u64 {
    u64::try_from(time.0.saturating_add(11_644_473_600_000)).unwrap_or_default().saturating_mul(10_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_says_how_much_later_it_is() {
        let begun = Timestamp::from_seconds(1_700_000_000);
        let mut block = filetime(begun).to_be_bytes()[..6].to_vec();
        block.extend_from_slice(&[7; 16]);
        let mail = |index: &[u8]| format!("Thread-Index: {}\r\nSubject: x\r\n\r\nhi", STANDARD.encode(index));
        let first = answer(mail(&block).as_bytes(), begun.plus_seconds(60), 0xff).unwrap();
        let first = transfer::base64(first.as_bytes());
        assert_eq!((&first[..22], first.len(), first[26]), (block.as_slice(), 27, 0xf0));
        let steps = u32::from_be_bytes(first[22..26].try_into().unwrap());
        // A step is 2^18 times 100 ns.
        assert_eq!(u64::from(steps) * (1 << 18) / 10_000_000, 59);
        let second =
            transfer::base64(answer(mail(&first).as_bytes(), begun.plus_seconds(90), 0).unwrap().as_bytes());
        assert_eq!((second.len(), &second[..27]), (32, first.as_slice()));
        let years = transfer::base64(
            answer(mail(&block).as_bytes(), begun.plus_seconds(100_000_000), 0).unwrap().as_bytes(),
        );
        let steps = u32::from_be_bytes(years[22..26].try_into().unwrap());
        assert_eq!((steps >> 31, u64::from(steps & 0x7fff_ffff) * (1 << 23) / 10_000_000), (1, 99_999_999));
        for none in ["Subject: x\r\n\r\nhi", "Thread-Index: AQHT\r\n\r\nhi", ""] {
            assert_eq!(answer(none.as_bytes(), begun, 0), None);
        }
    }

    #[test]
    fn replies_share_the_conversation_of_the_first_mail() {
        let first = conversation(b"AQHTtI9ZcvBOfEbLTUOBFMIZEw8dRg==");
        let reply = conversation(b"AQHTtI9ZcvBOfEbLTUOBFMIZEw8dRqPQ\r\n QxYg");
        assert_eq!(first.as_deref().map(str::len), Some(44));
        assert_eq!(first, reply);
        assert_eq!(conversation(b"AQHTtI9Z"), None);
        assert_eq!(conversation(b""), None);
    }
}
