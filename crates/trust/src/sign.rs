//! Signing outgoing mail (RFC 6376, RFC 8463).

use std::fmt;

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der, PublicKeyX509Der};
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::KeyPair as _;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use mail_auth::common::crypto::{Algorithm, DkimKey, Ed25519Key, RsaKey, Sha256, SigningKey as Signs};
use mail_auth::common::headers::{HeaderWriter, Writable};
use mail_auth::dkim::{Canonicalization, DkimSigner};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{PrivateKeyDer, PrivatePkcs1KeyDer, PrivatePkcs8KeyDer};
use zeroize::Zeroizing;

use crate::body;

/// What kind of key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyKind {
    /// RSA with 2,048 bits: every verifier knows it.
    Rsa,
    /// Ed25519: short and fast, and not known to all. Beside one of RSA it costs nothing.
    Ed25519,
}

/// Why there is no key, or no signature.
#[derive(Debug, thiserror::Error)]
pub enum SignError {
    /// A key could not be made.
    #[error("no key could be made")]
    Make,
    /// It is no private key that can sign.
    #[error(
        "it is no private key in PEM: RSA with 2,048 bits or more (PKCS#1 or PKCS#8), or Ed25519 (PKCS#8)"
    )]
    NoKey,
    /// The mail cannot be signed.
    #[error("the mail cannot be signed")]
    NoMail,
}

/// A private key that signs.
pub struct SigningKey {
    key: DkimKey,
    public: Vec<u8>,
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SigningKey").field("kind", &self.kind()).finish_non_exhaustive()
    }
}

/// A new private key (PKCS#8, DER).
///
/// # Errors
/// [`SignError::Make`].
pub fn make(kind: KeyKind) -> Result<Zeroizing<Vec<u8>>, SignError> {
    match kind {
        KeyKind::Rsa => {
            let pair = KeyPair::generate(KeySize::Rsa2048).map_err(|_| SignError::Make)?;
            let der: Pkcs8V1Der<'_> = pair.as_der().map_err(|_| SignError::Make)?;
            Ok(Zeroizing::new(der.as_ref().to_vec()))
        }
        KeyKind::Ed25519 => Ed25519Key::generate_pkcs8().map(Zeroizing::new).map_err(|_| SignError::Make),
    }
}

/// A private key out of a PEM file, as [`SigningKey::read`] takes it.
///
/// # Errors
/// [`SignError::NoKey`].
pub fn from_pem(text: &str) -> Result<Zeroizing<Vec<u8>>, SignError> {
    let der = PrivateKeyDer::from_pem_slice(text.as_bytes()).map_err(|_| SignError::NoKey)?;
    let der = Zeroizing::new(der.secret_der().to_vec());
    SigningKey::read(&der)?;
    Ok(der)
}

impl SigningKey {
    /// Reads a private key (DER).
    ///
    /// # Errors
    /// [`SignError::NoKey`].
    pub fn read(der: &[u8]) -> Result<Self, SignError> {
        if let Ok(key) = Ed25519Key::from_pkcs8_maybe_unchecked_der(der) {
            let public = key.public_key();
            return Ok(SigningKey { key: DkimKey::Ed25519(key), public });
        }
        let (pair, der) = match KeyPair::from_pkcs8(der) {
            Ok(pair) => (pair, PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(der))),
            Err(_) => {
                let pair = KeyPair::from_der(der).map_err(|_| SignError::NoKey)?;
                (pair, PrivateKeyDer::Pkcs1(PrivatePkcs1KeyDer::from(der)))
            }
        };
        let public: PublicKeyX509Der<'_> = pair.public_key().as_der().map_err(|_| SignError::NoKey)?;
        let key: RsaKey<Sha256> = RsaKey::from_key_der(der).map_err(|_| SignError::NoKey)?;
        Ok(SigningKey { key: DkimKey::Rsa(key), public: public.as_ref().to_vec() })
    }

    /// What kind it is.
    pub fn kind(&self) -> KeyKind {
        match self.key {
            DkimKey::Rsa(_) => KeyKind::Rsa,
            DkimKey::Ed25519(_) => KeyKind::Ed25519,
        }
    }

    /// The text of the TXT record at `<selector>._domainkey.<domain>` (RFC 6376 §3.6.1).
    pub fn record(&self) -> String {
        let kind = match self.kind() {
            KeyKind::Rsa => "rsa",
            KeyKind::Ed25519 => "ed25519",
        };
        format!("v=DKIM1; k={kind}; p={}", STANDARD.encode(&self.public))
    }

    /// The `DKIM-Signature` field for a mail as it goes out, with its CRLF: it belongs on top.
    ///
    /// # Errors
    /// [`SignError::NoMail`], where it has none of the fields.
    pub fn sign(&self, mail: &[u8], (domain, selector): (&str, &str)) -> Result<String, SignError> {
        let signer =
            DkimSigner::from_key(Borrowed(&self.key)).domain(domain).selector(selector).headers(FIELDS);
        let parsed = mail_auth::AuthenticatedMessage::parse(mail).ok_or(SignError::NoMail)?;
        // The crate writes such a body in the relaxed form as no verifier does; see `body`.
        let form = match body::ends_with_blanks(parsed.raw_body()) {
            true => Canonicalization::Simple,
            false => Canonicalization::Relaxed,
        };
        let signer = signer.header_canonicalization(Canonicalization::Relaxed).body_canonicalization(form);
        Ok(signer.sign(mail).map_err(|_| SignError::NoMail)?.to_header())
    }
}

/// What is signed where it is there (RFC 6376 §5.4.1). What stands twice is signed once more than it is there, so that nobody
/// can put another one above it.
const FIELDS: [&str; 19] = [
    "From",
    "From",
    "To",
    "To",
    "Cc",
    "Cc",
    "Subject",
    "Subject",
    "Date",
    "Date",
    "Message-ID",
    "In-Reply-To",
    "References",
    "Reply-To",
    "Reply-To",
    "MIME-Version",
    "Content-Type",
    "Content-Type",
    "Content-Transfer-Encoding",
];

/// The crate's signer wants a key of its own.
struct Borrowed<'k>(&'k DkimKey);

impl Signs for Borrowed<'_> {
    type Hasher = Sha256;

    fn sign(&self, input: impl Writable) -> mail_auth::Result<Vec<u8>> {
        self.0.sign(input)
    }

    fn algorithm(&self) -> Algorithm {
        self.0.algorithm()
    }
}

#[cfg(test)]
mod tests;
