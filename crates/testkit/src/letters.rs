//! Mail in any number, as a company gets it: half the senders known, a third of it replies, plain text with
//! HTML beside it, words that compress as words do.
//!
//! What passes through: a number becomes a letter, always the same one; a world with its writers and readers.
//!
//! *Invariant:* every letter has a Message-ID and a text of its own, so none is another's duplicate.

use std::fmt::Write;

use anyhow::Result;
use jiff::Timestamp;
use jiff::fmt::rfc2822;
use trust::sign::SigningKey;

use crate::client::Envelope;
use crate::world::{Made, World};

/// Writers where nothing else is said; every second is a contact.
pub const WRITERS: u64 = 2_000;
/// Users who get the letters.
const READERS: u64 = 10;
/// A reply answers the letter so many before it, which has long been answered 250 by then.
pub(crate) const REPLY_DISTANCE: u64 = 301;
/// Bodies that letters choose from.
const BODIES: u64 = 64;
/// Letters of one second: they are written one after the other, within the last hour.
const PER_SECOND: u64 = 64;
/// Numbers in a row, each run of them within the same hour.
const NUMBERS: u64 = 1 << 32;

/// The organization that [`world`] makes.
pub const ORGANIZATION: &str = "load";
/// Its domain.
pub const DOMAIN: &str = "load.test";

/// Letters of one size.
pub struct Letters {
    bodies: Vec<String>,
    recipients: Vec<String>,
    writers: u64,
    /// When the first was written, in seconds since 1970.
    first_written: i64,
    /// The subtype of their multipart.
    multipart: &'static str,
    signer: Option<Signer>,
}

/// Who signs letters.
struct Signer {
    key: SigningKey,
    domains: u64,
}

/// A letter with its envelope.
pub struct Letter {
    /// Its Message-ID, without angle brackets.
    pub message_id: String,
    /// Its envelope.
    pub envelope: Envelope,
    /// The message.
    pub raw: Vec<u8>,
}

/// An organization whose users keep all mail, with a thousand contacts.
///
/// # Errors
/// When the text it is made of is no world.
pub fn world() -> Result<World> {
    world_with(WRITERS / 2)
}

/// The same with so many contacts: every second one of twice as many writers.
///
/// # Errors
/// When the text it is made of is no world.
pub fn world_with(contacts: u64) -> Result<World> {
    World::parse(&organization(ORGANIZATION, DOMAIN, contacts)?)
}

/// So many organizations, each with readers, a queue, a domain and a thousand contacts of its own.
///
/// # Errors
/// When the text they are made of is no world.
pub fn world_of(organizations: usize) -> Result<World> {
    let mut text = String::new();
    for number in 0..organizations {
        let domain = domain_of(number);
        text.push_str(&organization(&organization_of(number), &domain, WRITERS / 2)?);
        let queue = format!("name = \"Queue\"\naddress = \"queue@{domain}\"\nfilter = \"all\"\n");
        write!(text, "[[organization.queue]]\n{queue}")?;
    }
    World::parse(&text)
}

/// The name of the organization with this number in [`world_of`].
pub fn organization_of(number: usize) -> String {
    format!("{ORGANIZATION}{number}")
}

/// Its domain.
pub fn domain_of(number: usize) -> String {
    format!("{ORGANIZATION}{number}.test")
}

fn organization(name: &str, domain: &str, contacts: u64) -> Result<String> {
    let mut text = format!("[[organization]]\nname = \"{name}\"\n");
    writeln!(text, "[[organization.sink]]\naddress = \"sink@{domain}\"")?;
    for number in 0..READERS {
        let name = format!("name = \"Reader {number}\"\naddress = \"{}\"", reader(number, domain));
        write!(text, "[[organization.user]]\n{name}\nfilter = \"all\"\n")?;
    }
    for number in (0..contacts).map(|contact| contact * 2) {
        let address = writer(number);
        write!(text, "[[organization.contact]]\nname = \"Writer {number}\"\naddress = \"{address}\"\n")?;
    }
    Ok(text)
}

/// The recipients that letters go to: the sink, with the key of each reader.
///
/// # Errors
/// When what was made is not [`world`].
pub fn recipients(made: &Made) -> Result<Vec<String>> {
    recipients_at(made, DOMAIN)
}

/// The recipients of all organizations of [`world_of`]: the keys of their readers at their sinks, and their queues.
///
/// # Errors
/// When what was made is not that world.
pub fn recipients_of(made: &Made, organizations: usize) -> Result<Vec<String>> {
    let mut all = Vec::new();
    for domain in (0..organizations).map(domain_of) {
        all.extend(recipients_at(made, &domain)?);
        all.push(format!("queue@{domain}"));
    }
    Ok(all)
}

fn recipients_at(made: &Made, domain: &str) -> Result<Vec<String>> {
    let template = |number| format!("sink+{{key:{}}}@{domain}", reader(number, domain));
    (0..READERS).map(|number| made.recipient(&template(number))).collect()
}

/// The readers' own addresses, for servers that are no house.
pub fn mailboxes() -> Vec<String> {
    (0..READERS).map(|number| reader(number, DOMAIN)).collect()
}

impl Letters {
    /// Letters of about this size in bytes, to these recipients in turn.
    pub fn new(size_bytes: usize, recipients: Vec<String>) -> Self {
        let body_bytes = size_bytes.saturating_sub(800);
        let bodies = (0..BODIES).map(|seed| body(seed, body_bytes)).collect();
        Letters {
            bodies,
            recipients,
            writers: WRITERS,
            first_written: an_hour_ago(),
            multipart: "alternative",
            signer: None,
        }
    }

    /// Letters of about this size in bytes, never more, most of which is one attached file.
    pub fn with_file(size_bytes: usize, recipients: Vec<String>) -> Self {
        let bodies = vec![file(size_bytes.saturating_sub(2_000))];
        let (writers, first_written) = (WRITERS, an_hour_ago());
        Letters { bodies, recipients, writers, first_written, multipart: "mixed", signer: None }
    }

    /// The same letters by so many writers.
    pub fn by_writers(self, writers: u64) -> Self {
        Letters { writers: writers.max(1), ..self }
    }

    /// The same letters, signed (DKIM, by the selector [`SELECTOR`]) by the domains of their writers: one, or so many below it.
    pub fn signed(self, key: SigningKey, domains: u64) -> Self {
        Letters { signer: Some(Signer { key, domains: domains.max(1) }), ..self }
    }

    /// The letter with this number.
    pub fn letter(&self, number: u64) -> Letter {
        let is_reply = number % 3 == 2 && number > REPLY_DISTANCE;
        let answered = if is_reply { number - REPLY_DISTANCE } else { number };
        let mut from = writer(mix(answered) % self.writers);
        if let Some(Signer { domains: 2.., .. }) = self.signer {
            from = from.replace('@', &format!("@{}.", self.part(number)));
        }
        let place = |seed: u64, length: usize| usize::try_from(mix(seed)).unwrap_or_default() % length.max(1);
        let recipient = self.recipients.get(place(answered, self.recipients.len()));
        let recipient = recipient.cloned().unwrap_or_default();
        let domain = recipient.rsplit_once('@').map_or(DOMAIN, |(_, domain)| domain);
        let number_of_reader = mix(answered) % READERS;
        let reader = reader(number_of_reader, domain);
        let message_id = id(number);
        let date = self.date(number);
        let mut head = format!(
            "Received: from out.writers.test (out.writers.test [192.0.2.7])\r\n\tby mx.load.test with ESMTPS id \
             {number:x};\r\n\t{date}\r\n\
             From: Writer {number} <{from}>\r\nTo: Reader {number_of_reader} <{reader}>\r\n\
             Date: {date}\r\nMessage-ID: <{message_id}>\r\n",
        );
        let subject = format!("Offer {} for the {}", answered, word(mix(answered)));
        if is_reply {
            let answered = id(answered);
            let _ = write!(
                head,
                "In-Reply-To: <{answered}>\r\nReferences: <{answered}>\r\nSubject: Re: {subject}\r\n"
            );
        } else {
            let _ = write!(head, "Subject: {subject}\r\n");
        }
        let _ = write!(
            head,
            "MIME-Version: 1.0\r\nContent-Type: multipart/{}; boundary=\"part\"\r\n\r\n\
             --part\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nYour number is {number}.\r\n",
            self.multipart
        );
        let body = self.bodies.get(place(number, self.bodies.len())).map_or("", String::as_str);
        let mut raw = [head.as_bytes(), body.as_bytes()].concat();
        if let Some(signer) = &self.signer {
            let domain = from.rsplit_once('@').map_or(DOMAIN, |(_, domain)| domain);
            let field = signer.key.sign(&raw, (domain, SELECTOR)).unwrap_or_default();
            raw = [field.as_bytes(), &raw].concat();
        }
        Letter { message_id, envelope: Envelope::new(from, recipient), raw }
    }

    /// The part of a domain that is the signer's of this letter.
    fn part(&self, number: u64) -> String {
        part(number % self.signer.as_ref().map_or(1, |signer| signer.domains))
    }

    /// When a letter was written (RFC 5322 §3.3).
    fn date(&self, number: u64) -> String {
        let seconds = i64::try_from(number % NUMBERS / PER_SECOND).unwrap_or_default();
        let written = Timestamp::from_second(self.first_written + seconds % HOUR).unwrap_or_default();
        rfc2822::to_string(&written.to_zoned(jiff::tz::TimeZone::UTC)).unwrap_or_default()
    }
}

const HOUR: i64 = 3_600;

/// The selector that letters are signed with.
pub const SELECTOR: &str = "load";

/// The domains of the writers of letters that are signed by so many.
pub fn signing_domains(domains: u64) -> Vec<String> {
    match domains {
        0 | 1 => vec![WRITERS_DOMAIN.to_owned()],
        domains => (0..domains).map(|number| format!("{}.{WRITERS_DOMAIN}", part(number))).collect(),
    }
}

fn part(number: u64) -> String {
    format!("d{number}")
}

const WRITERS_DOMAIN: &str = "writers.test";

/// Mail is delivered when it is written, nearly always: what has a date before it goes to the end of everything.
fn an_hour_ago() -> i64 {
    Timestamp::now().as_second() - HOUR
}

fn id(number: u64) -> String {
    format!("{:016x}.{number}@writers.test", mix(number))
}

/// The address of a writer; those with even numbers are contacts.
pub fn writer(number: u64) -> String {
    format!("writer{number}@writers.test")
}

/// The address of a reader of an organization.
pub fn reader(number: u64, domain: &str) -> String {
    format!("reader{number}@{domain}")
}

/// The rest of the plain part and an HTML part that says the same, with marks around it.
fn body(seed: u64, bytes: usize) -> String {
    let mut state = mix(seed);
    let mut text = String::new();
    let mut html = String::from("<html><body style=\"font-family: sans-serif\">\r\n");
    while text.len() + html.len() + 200 < bytes {
        let mut line = String::new();
        while line.len() < 66 {
            state = mix(state);
            // The lower of two numbers: some words are frequent, most are rare, as in any language.
            line.push_str(&word((state >> 8) % 4_000 * (state >> 40 & 0xfff) / 4_096));
            line.push(' ');
        }
        let _ = write!(text, "{line}\r\n");
        let _ = write!(html, "<p>{line}</p>\r\n");
    }
    format!(
        "{text}\r\n--part\r\nContent-Type: text/html; charset=utf-8\r\n\r\n{html}</body></html>\r\n--part--\r\n"
    )
}

/// A short text and a file in base64 (RFC 2045 §6.8), whose bytes have no order that could be compressed.
fn file(bytes: usize) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const PER_LINE: usize = 76;
    let mut text = String::with_capacity(bytes);
    text.push_str(
        "The drawings are attached.\r\n\r\n--part\r\nContent-Type: application/zip; name=\"drawings.zip\"\r\n\
         Content-Disposition: attachment; filename=\"drawings.zip\"\r\nContent-Transfer-Encoding: base64\r\n\r\n",
    );
    let mut state = mix(bytes as u64);
    while text.len() + PER_LINE + 20 < bytes {
        let mut left = 0;
        for _ in 0..PER_LINE {
            if left == 0 {
                state = mix(state);
                left = 10;
            }
            left -= 1;
            let place = usize::try_from(state >> (left * 6) & 63).unwrap_or_default();
            text.push(char::from(ALPHABET.get(place).copied().unwrap_or(b'A')));
        }
        text.push_str("\r\n");
    }
    text.push_str("--part--\r\n");
    text
}

/// One of some thousand words that can be spoken.
fn word(number: u64) -> String {
    const BEGINNINGS: [&str; 16] =
        ["b", "d", "f", "g", "k", "l", "m", "n", "p", "r", "s", "t", "v", "st", "tr", "pl"];
    const MIDDLES: [&str; 8] = ["a", "e", "i", "o", "u", "ei", "ou", "ea"];
    let mut rest = number % 4_000;
    let mut word = String::new();
    for _ in 0..2 {
        let pick = |place: u64, list: &[&'static str]| {
            let length = list.len().max(1);
            list.get(usize::try_from(place).unwrap_or_default() % length).copied().unwrap_or_default()
        };
        word.push_str(pick(rest, &BEGINNINGS));
        word.push_str(pick(rest / 16, &MIDDLES));
        rest = rest / 128 + 5;
    }
    if number.is_multiple_of(3) { word + "n" } else { word }
}

/// SplitMix64 (Steele, Lea, Flood 2014): numbers in a row become numbers without order.
pub fn mix(number: u64) -> u64 {
    let mut z = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_letter_is_always_the_same_and_no_other() {
        let letters = Letters::new(4_096, vec!["a@load.test".to_owned()]);
        let (one, again, two) = (letters.letter(1), letters.letter(1), letters.letter(2));
        assert_eq!(one.raw, again.raw);
        assert!(one.message_id != two.message_id && one.raw != two.raw);
        assert!((3_000..5_000).contains(&one.raw.len()), "{} bytes", one.raw.len());
    }

    #[test]
    fn a_letter_with_a_file_is_as_large_as_it_may_be_and_no_larger() {
        let letters = Letters::with_file(300_000, vec!["queue@load7.test".to_owned()]);
        let letter = letters.letter(902);
        assert!((297_000..=300_000).contains(&letter.raw.len()), "{} bytes", letter.raw.len());
        let text = String::from_utf8(letter.raw).expect("text");
        assert!(text.contains("@load7.test>\r\nDate:"), "it is addressed to somebody of that domain");
    }

    #[test]
    fn a_third_are_replies_to_earlier_letters_of_the_same_writer() {
        let letters = Letters::new(4_096, vec!["a@load.test".to_owned()]);
        let reply = letters.letter(902);
        let answered = letters.letter(902 - REPLY_DISTANCE);
        let text = String::from_utf8(reply.raw).expect("text");
        assert!(text.contains(&format!("In-Reply-To: <{}>", answered.message_id)));
        assert_eq!(reply.envelope.mail_from, answered.envelope.mail_from);
    }
}
