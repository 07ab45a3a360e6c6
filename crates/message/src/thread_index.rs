//! Thread-Index, by which Outlook tells conversations (MS-OXOMSG §2.2.1.3).
//!
//! What passes through: one field. Never more than the 22 bytes that all mails of a conversation share.

use std::fmt::Write;

use crate::transfer;

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

#[cfg(test)]
mod tests {
    use super::*;

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
