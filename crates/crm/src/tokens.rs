//! Words of ours that nobody else can make: an e-mail's id, what it is for, and a MAC (HMAC-SHA-256, RFC 2104).
//!
//! What passes through: an id becomes a word of base32 in lower case (RFC 4648 §6, without padding), which stands in an
//! address; a word that comes back becomes the id, or nothing. So nothing has to be kept of what was given out.
//!
//! *Invariant:* a word is known again only for what it was made for, and only in the organization that made it. No store,
//! no clock, no randomness; no key is shown.

mod base32;

use std::sync::Arc;

use aws_lc_rs::{constant_time, hmac};
use model::{EmailAddress, Id};
use store::{Organization, StoreError, TokenKey};

use crate::secrets::SealingKey;

/// Of the MAC so much is kept: whoever guesses has to ask us each time, and has one chance in 2⁸⁰.
const MAC_BYTES: usize = 10;
const ID_BYTES: usize = 16;
/// Base32 of an id, a number and a MAC.
const RETURN_PATH_CHARS: usize = 45;

/// Base32 of an id and a MAC.
const ANSWER_CHARS: usize = 42;
/// What stands before the word in an address that answers go to.
const ANSWER: &str = "r";

/// What stands before the plus sign in a return path.
pub const RETURN_PATH: &str = "b";

/// The field that goes out with a mail for one recipient.
pub const RECIPIENT_FIELD: &str = "X-Postroom-Recipient";

/// One recipient of an e-mail that went out from here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct SentTo {
    /// The e-mail.
    pub email: Id,
    /// His number in its envelope.
    pub number: i32,
}

/// What an organization's words are made and known again with.
pub struct Tokens {
    keys: Arc<[TokenKey]>,
}

impl Tokens {
    /// Those of an organization.
    ///
    /// # Errors
    /// A temporary one where the keys cannot be had now.
    pub fn of(organization: &Organization) -> Result<Self, StoreError> {
        Ok(Tokens { keys: organization.token_keys()? })
    }

    /// The address to which a mail for this recipient comes back (the sender in its envelope). Its local part has 47
    /// characters, of the 64 there are (RFC 5321 §4.5.3.1.1). `None` where the domain makes no address.
    pub fn return_path(&self, to: SentTo, domain: &str) -> Option<EmailAddress> {
        let word = self.keys.first().and_then(|key| word(key, Purpose::ReturnPath, &payload(to)?))?;
        EmailAddress::parse(&format!("{RETURN_PATH}+{word}@{domain}"))
    }

    /// Whose return path an address is. The domain is not looked at: the word alone proves it, and a domain may have been
    /// another one.
    pub fn sent_to(&self, address: &EmailAddress) -> Option<SentTo> {
        let detail = return_detail(address)?;
        sent_to(&read(&self.keys, Purpose::ReturnPath, detail)?)
    }

    /// The address of a queue to which answers to an e-mail come: `support+r<word>@`.
    pub fn answer_address(&self, email: Id, queue: &EmailAddress) -> Option<EmailAddress> {
        let word = self.keys.first().and_then(|key| word(key, Purpose::Answer, &email.0))?;
        let (local, domain) = (queue.local_part(), queue.domain());
        EmailAddress::parse(&format!("{local}+{ANSWER}{word}@{domain}"))
    }

    /// Which e-mail is answered at an address.
    pub fn answered(&self, address: &EmailAddress) -> Option<Id> {
        let payload = read(&self.keys, Purpose::Answer, answer_detail(address)?)?;
        Id::from_slice(&payload)
    }

    /// The value of [`RECIPIENT_FIELD`] for a recipient.
    pub fn recipient_word(&self, to: SentTo) -> Option<String> {
        self.keys.first().and_then(|key| word(key, Purpose::Recipient, &payload(to)?))
    }

    /// For whom that value was made.
    pub fn read_recipient_word(&self, word: &str) -> Option<SentTo> {
        sent_to(&read(&self.keys, Purpose::Recipient, word.trim())?)
    }
}

fn sent_to(payload: &[u8]) -> Option<SentTo> {
    let (id, number) = payload.split_first_chunk::<ID_BYTES>()?;
    let number = u16::from_be_bytes(number.try_into().ok()?);
    Some(SentTo { email: Id(*id), number: i32::from(number) })
}

/// Whether an address looks like a return path of ours; most do not, and then no key is asked for.
pub fn is_return_path(address: &EmailAddress) -> bool {
    return_detail(address).is_some()
}

fn return_detail(address: &EmailAddress) -> Option<&str> {
    let (local, detail) = address.local_part().split_once('+')?;
    (local.eq_ignore_ascii_case(RETURN_PATH) && detail.len() == RETURN_PATH_CHARS).then_some(detail)
}

/// Whether an address looks like one that answers go to.
pub fn is_answer_address(address: &EmailAddress) -> bool {
    answer_detail(address).is_some()
}

fn answer_detail(address: &EmailAddress) -> Option<&str> {
    let (_, detail) = address.local_part().split_once('+')?;
    let begins = detail.get(..ANSWER.len())?.eq_ignore_ascii_case(ANSWER);
    detail.get(ANSWER.len()..).filter(|word| begins && word.len() == ANSWER_CHARS)
}

fn payload(to: SentTo) -> Option<Vec<u8>> {
    let number = u16::try_from(to.number).ok()?;
    Some([to.email.0.as_slice(), &number.to_be_bytes()].concat())
}

/// What a word is for: one that was made for something else is none.
#[derive(Clone, Copy)]
enum Purpose {
    ReturnPath = 1,
    Recipient = 2,
    Answer = 3,
}

/// The key for an organization's words that follows from a sealing key; from the one the other is not to be had.
pub fn key_for(sealing: &SealingKey, organization: Id) -> TokenKey {
    let mac = hmac::sign(&sealing.for_macs(), &[b"postroom tokens 1".as_slice(), &organization.0].concat());
    let mut key = TokenKey::default();
    key.iter_mut().zip(mac.as_ref()).for_each(|(byte, made)| *byte = *made);
    key
}

fn mac(key: &TokenKey, purpose: Purpose, payload: &[u8]) -> [u8; MAC_BYTES] {
    let key = hmac::Key::new(hmac::HMAC_SHA256, key);
    let whole = hmac::sign(&key, &[&[purpose as u8], payload].concat());
    let mut cut = [0; MAC_BYTES];
    cut.iter_mut().zip(whole.as_ref()).for_each(|(byte, made)| *byte = *made);
    cut
}

fn word(key: &TokenKey, purpose: Purpose, payload: &[u8]) -> Option<String> {
    Some(base32::encode(&[payload, &mac(key, purpose, payload)].concat()))
}

/// What a word says, where one of the keys made it.
fn read(keys: &[TokenKey], purpose: Purpose, word: &str) -> Option<Vec<u8>> {
    let mut payload = base32::decode(word)?;
    let given = payload.split_off(payload.len().checked_sub(MAC_BYTES)?);
    let made =
        |key: &TokenKey| constant_time::verify_slices_are_equal(&mac(key, purpose, &payload), &given).is_ok();
    keys.iter().any(made).then_some(payload)
}

#[cfg(test)]
mod tests;
