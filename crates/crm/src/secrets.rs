//! Passwords and tokens for other mail systems, as they are kept: sealed with AES-256-GCM (NIST SP 800-38D).
//!
//! What passes through: a secret and a key in, a record out, and back again. A record is
//! `version (1) | key id (4) | nonce (12) | ciphertext | tag (16)`, in bytes, and opens only for the cell that it was
//! sealed for: put into another row it is refused.
//!
//! *Invariant:* no file, no randomness, no log. Secrets and keys are shown nowhere, and overwritten when they go.

use std::fmt;
use std::str::FromStr;

use aws_lc_rs::aead::{self, AES_256_GCM, Aad, LessSafeKey, UnboundKey};
use aws_lc_rs::hmac;
use model::{Id, limits};
use zeroize::Zeroizing;

/// Bytes of a sealing key.
pub const KEY_BYTES: usize = 32;
/// Bytes of a nonce.
pub const NONCE_BYTES: usize = aead::NONCE_LEN;

/// The form of records. What comes after it has another number.
const VERSION: u8 = 1;
const KEY_ID_BYTES: usize = 4;
const TAG_BYTES: usize = 16;

/// Which key a record was sealed with: eight hexadecimal digits, drawn with the key. It is no secret.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct KeyId(pub [u8; KEY_ID_BYTES]);

/// What secrets are sealed with.
#[derive(Clone)]
pub struct SealingKey {
    id: KeyId,
    bytes: Zeroizing<[u8; KEY_BYTES]>,
}

/// Where a sealed secret stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cell<'c> {
    /// Whose row it is.
    pub organization: Id,
    /// The table, as it is declared.
    pub table: &'c str,
    /// The row.
    pub row: Id,
    /// The column, as it is declared.
    pub column: &'c str,
}

/// Random bytes, drawn for one record and used up by it: a second record with the same ones would betray both.
///
/// Of 96 bits drawn at random, one key bears 2³² (NIST SP 800-38D §8.3): ten thousand tokens an hour for half a century.
#[derive(Debug)]
pub struct Nonce([u8; NONCE_BYTES]);

/// Why there is no record, or no secret. None is temporary.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SecretError {
    /// It is empty or too long.
    #[error("a secret has 1 to {} bytes", limits::SECRET_BYTES_MAX)]
    Length,
    /// The bytes have another form.
    #[error("this is no sealed secret, or one of a later Postroom")]
    Form,
    /// Its key is not among those that are here.
    #[error("its key {0} is missing")]
    KeyMissing(KeyId),
    /// The tag says no.
    #[error("it was sealed for another row or with another key, or is damaged")]
    Refused,
}

/// Seals a secret for its cell.
///
/// # Errors
/// [`SecretError::Length`].
pub fn seal(key: &SealingKey, cell: Cell<'_>, secret: &str, nonce: Nonce) -> Result<Vec<u8>, SecretError> {
    if secret.is_empty() || secret.len() > limits::SECRET_BYTES_MAX {
        return Err(SecretError::Length);
    }
    // All the room at once: a buffer that moves would leave the secret where it was.
    let mut record = Vec::with_capacity(1 + KEY_ID_BYTES + NONCE_BYTES + secret.len() + TAG_BYTES);
    record.push(VERSION);
    record.extend(key.id.0);
    record.extend(nonce.0);
    let mut text = Zeroizing::new(secret.as_bytes().to_vec());
    let aead_nonce = aead::Nonce::assume_unique_for_key(nonce.0);
    let sealed = key.cipher()?.seal_in_place_separate_tag(aead_nonce, bound_to(key.id, cell), &mut text);
    let tag = sealed.map_err(|_| SecretError::Refused)?;
    record.extend_from_slice(&text);
    record.extend_from_slice(tag.as_ref());
    Ok(record)
}

/// Opens a record, with whichever of these keys it was sealed with.
///
/// # Errors
/// [`SecretError`], but for its length.
pub fn open(keys: &[SealingKey], cell: Cell<'_>, record: &[u8]) -> Result<Zeroizing<String>, SecretError> {
    let id = key_of(record)?;
    let key = keys.iter().find(|key| key.id == id).ok_or(SecretError::KeyMissing(id))?;
    let (nonce, sealed) = record
        .get(1 + KEY_ID_BYTES..)
        .and_then(|rest| rest.split_first_chunk::<NONCE_BYTES>())
        .ok_or(SecretError::Form)?;
    let nonce = aead::Nonce::assume_unique_for_key(*nonce);
    let mut text = Zeroizing::new(sealed.to_vec());
    let opened = key.cipher()?.open_in_place(nonce, bound_to(id, cell), &mut text);
    let length = opened.map_err(|_| SecretError::Refused)?.len();
    text.truncate(length);
    match String::from_utf8(std::mem::take(&mut *text)) {
        Ok(secret) => Ok(Zeroizing::new(secret)),
        // Only texts are sealed.
        Err(error) => {
            drop(Zeroizing::new(error.into_bytes()));
            Err(SecretError::Form)
        }
    }
}

/// Which key a record was sealed with.
///
/// # Errors
/// [`SecretError::Form`].
pub fn key_of(record: &[u8]) -> Result<KeyId, SecretError> {
    let frame = 1 + KEY_ID_BYTES + NONCE_BYTES + TAG_BYTES;
    let lengths = frame + 1..=frame + limits::SECRET_BYTES_MAX;
    match record.split_first() {
        Some((&VERSION, rest)) if lengths.contains(&record.len()) => {
            rest.first_chunk().copied().map(KeyId).ok_or(SecretError::Form)
        }
        _ => Err(SecretError::Form),
    }
}

/// What the tag covers besides the secret: the record's own beginning, and the cell. Ids have a fixed length and
/// names no NUL, so two cells never read the same.
fn bound_to(key: KeyId, cell: Cell<'_>) -> Aad<Vec<u8>> {
    let parts: [&[u8]; 7] = [
        &[VERSION],
        &key.0,
        &cell.organization.0,
        &cell.row.0,
        cell.table.as_bytes(),
        &[0],
        cell.column.as_bytes(),
    ];
    Aad::from(parts.concat())
}

impl SealingKey {
    /// A key with its id.
    pub fn new(id: KeyId, bytes: Zeroizing<[u8; KEY_BYTES]>) -> Self {
        SealingKey { id, bytes }
    }

    /// Its id.
    pub fn id(&self) -> KeyId {
        self.id
    }

    /// The same bytes as a key for MACs, of which other keys are made; nothing is signed with it that anybody sees.
    pub(crate) fn for_macs(&self) -> hmac::Key {
        hmac::Key::new(hmac::HMAC_SHA256, self.bytes.as_slice())
    }

    fn cipher(&self) -> Result<LessSafeKey, SecretError> {
        let key = UnboundKey::new(&AES_256_GCM, self.bytes.as_slice());
        key.map(LessSafeKey::new).map_err(|_| SecretError::Refused)
    }
}

impl Nonce {
    /// Takes bytes that were drawn for the record that is sealed next.
    pub fn new(random: [u8; NONCE_BYTES]) -> Self {
        Nonce(random)
    }
}

impl fmt::Debug for SealingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SealingKey({}, …)", self.id)
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for KeyId {
    type Err = SecretError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let is_hex = text.len() == 2 * KEY_ID_BYTES && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        let number = u32::from_str_radix(text, 16).ok().filter(|_| is_hex);
        number.map(|number| KeyId(number.to_be_bytes())).ok_or(SecretError::Form)
    }
}

#[cfg(test)]
mod tests;
