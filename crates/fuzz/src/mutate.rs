//! Bytes changed at random, told by a number: what damaged programs, gateways and enemies do to mail.

/// A sequence of numbers that is the same for the same seed (SplitMix64).
#[derive(Debug, Clone)]
pub struct Dice(u64);

impl Dice {
    /// The sequence of one run.
    pub fn of(seed: u64, run: u64) -> Self {
        Dice(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ run.wrapping_mul(0xd134_2543_de82_ef95))
    }

    /// The next number.
    pub fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below another; 0 below 0.
    pub fn below(&mut self, end: usize) -> usize {
        let end = u64::try_from(end.max(1)).unwrap_or(1);
        usize::try_from(self.roll() % end).unwrap_or_default()
    }

    /// One of several; `None` of none.
    pub fn pick<'x, T>(&mut self, all: &'x [T]) -> Option<&'x T> {
        all.get(self.below(all.len()))
    }
}

/// Words that readers of mail look for, and signs that they stumble over.
const WORDS: &[&str] = &[
    "\r\n",
    "\n",
    "\r",
    "\r\n\r\n",
    "\r\n.\r\n",
    "\n.\n",
    "\r\n ",
    "\t",
    "\0",
    "\u{7f}",
    "\"",
    "\\",
    "(",
    ")",
    "<",
    ">",
    "<>",
    "@",
    ",",
    ";",
    ":",
    "=",
    "==",
    "?=",
    "--",
    "%",
    "'",
    "&",
    "&#",
    "\u{feff}",
    "\u{202e}",
    "ä",
    "=?utf-8?q?",
    "=?utf-8?b?",
    "=?iso-2022-jp?b?",
    "=?x?q?=?=",
    "=C3",
    "=\r\n",
    "\x1b$B",
    "\x1b(B",
    "+AGEA-",
    "From ",
    ">From ",
    "From: a@b.test\r\n",
    "To: ",
    "Cc: ",
    "Sender: ",
    "Reply-To: ",
    "Subject: ",
    "Message-ID: <a@b>\r\n",
    "References: ",
    "In-Reply-To: ",
    "Date: ",
    "Received: ",
    "Resent-From: ",
    "List-Id: ",
    "Auto-Submitted: ",
    "MIME-Version: 1.0\r\n",
    "Content-Type: ",
    "Content-Type: message/rfc822\r\n\r\n",
    "Content-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\n",
    "Content-Type: multipart/report;",
    "Authentication-Results: mx.contoso.test; dmarc=pass header.from=contoso.test\r\n",
    "DKIM-Signature: ",
    "From: jane@signer.test\r\n",
    "dmarc=pass ",
    "header.from=contoso.test",
    "Content-Type: application/ms-tnef\r\n",
    "Content-Type: text/html\r\n\r\n<p>",
    "boundary=",
    "boundary=\"\"",
    "charset=",
    "charset=utf-7",
    "name*0*=utf-8''",
    "filename*=",
    "Content-Transfer-Encoding: base64\r\n",
    "Content-Transfer-Encoding: quoted-printable\r\n",
    "Content-Transfer-Encoding: 8bit\r\n",
    "--x--\r\n",
    "<p>",
    "</p>",
    "<script>",
    "<style>",
    "<!--",
    "-->",
    "<![CDATA[",
    "<svg>",
    "<a href=\"javascript:",
    "<img src=cid:",
    "<table>",
    "<blockquote>",
    "> ",
    ">> ",
    "-- \r\n",
    "On Mon, a@b.test wrote:\r\n",
    "-----Original Message-----\r\n",
    "---------- Forwarded message ---------\r\n",
    "________________________________\r\n",
    "Von: ",
    "Gesendet: ",
    "begin 644 a\r\n",
    "end\r\n",
    "Re: ",
    "Fwd: ",
    "AW: ",
    "CRM:0001001",
    "[list] ",
    "EHLO x\r\n",
    "HELO x\r\n",
    "LHLO x\r\n",
    "MAIL FROM:<a@b.test>",
    "MAIL FROM:<>\r\n",
    "RCPT TO:<c@d.test>\r\n",
    "RCPT TO:<unknown@d.test>\r\n",
    "DATA\r\n",
    "BDAT 3\r\n",
    "BDAT 0 LAST\r\n",
    "BDAT 99999999999999999999\r\n",
    "RSET\r\n",
    "NOOP\r\n",
    "QUIT\r\n",
    "STARTTLS\r\n",
    "AUTH PLAIN ",
    "AUTH LOGIN\r\n",
    "AUTH SCRAM-SHA-256 ",
    "XCLIENT ADDR=",
    " SIZE=",
    " BODY=8BITMIME",
    " BODY=BINARYMIME",
    " SMTPUTF8",
    "* 1 FETCH (",
    "UID 5 ",
    "BODY[] ",
    "{3}\r\n",
    "0",
    "1",
    "-1",
    "4294967296",
    "18446744073709551616",
];

/// The longest input; readers see larger ones in tests of their own.
const BYTES_MAX: usize = 24 * 1024;

/// A seed with one to eight things done to it.
pub fn mutated(seeds: &[Vec<u8>], dice: &mut Dice) -> Vec<u8> {
    let mut bytes = dice.pick(seeds).cloned().unwrap_or_default();
    for _ in 0..=dice.below(8) {
        change(&mut bytes, seeds, dice);
        bytes.truncate(BYTES_MAX);
    }
    bytes
}

fn change(bytes: &mut Vec<u8>, seeds: &[Vec<u8>], dice: &mut Dice) {
    let at = dice.below(bytes.len() + 1);
    match dice.below(10) {
        0 => {
            let bit = 1u8 << dice.below(8);
            bytes.get_mut(at).into_iter().for_each(|byte| *byte ^= bit);
        }
        1 => {
            let value = u8::try_from(dice.below(256)).unwrap_or_default();
            bytes.get_mut(at).into_iter().for_each(|byte| *byte = value);
        }
        2..=4 => {
            let word = dice.pick(WORDS).copied().unwrap_or_default();
            bytes.splice(at..at, word.bytes());
        }
        5 => {
            let magnitude = dice.below(10);
            let end = at + dice.below(1 << magnitude).min(bytes.len() - at);
            bytes.drain(at..end);
        }
        6 => {
            let end = at + dice.below(300).min(bytes.len() - at);
            let part = bytes.get(at..end).unwrap_or_default().to_vec();
            let to = dice.below(bytes.len() + 1);
            bytes.splice(to..to, part);
        }
        7 => {
            let word = dice.pick(WORDS).copied().unwrap_or_default();
            let times = 1 << dice.below(11);
            let times = times.min(BYTES_MAX / word.len().max(1));
            bytes.splice(at..at, word.repeat(times).into_bytes());
        }
        8 => {
            // The end of one mail behind the beginning of another.
            let other = dice.pick(seeds).map(Vec::as_slice).unwrap_or_default();
            let from = dice.below(other.len() + 1);
            bytes.truncate(at);
            bytes.extend_from_slice(other.get(from..).unwrap_or_default());
        }
        _ => bytes.truncate(at),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_number_does_the_same() {
        let seeds = vec![b"From: a@b.test\r\n\r\nhello".to_vec(), b"Subject: x\r\n\r\n".to_vec()];
        let make = |run| mutated(&seeds, &mut Dice::of(1, run));
        assert_eq!(make(7), make(7));
        let distinct: std::collections::BTreeSet<Vec<u8>> = (0..1_000).map(make).collect();
        assert!(distinct.len() > 900, "only {} of 1,000 differ", distinct.len());
    }
}
