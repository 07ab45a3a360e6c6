//! SCRAM-SHA-256 (RFC 5802, RFC 7677): what is kept instead of a secret, and the messages that prove its knowledge.
//!
//! What passes through: a secret becomes a [`Verifier`] once; later the client's messages are checked against it.
//!
//! *Invariant:* a verifier lets nobody in: it only checks. Secrets are random and long, so that few iterations do
//! and the salt need not be secret or random; see `docs/decisions/0012-credentials-of-sinks.md`.

use std::fmt;
use std::num::NonZeroU32;

use aws_lc_rs::{digest, hmac, pbkdf2};
use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use model::{EmailAddress, Id, limits};

use super::{Binding, is_same};

/// Letters and digits of a secret: 130 bits, so that no list and no guessing finds it.
pub const SECRET_CHARS: usize = 26;
/// Those of which a secret is made: none that look alike.
pub const SECRET_LETTERS: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";

/// RFC 7677 §4 asks for at least so many.
pub const ITERATIONS: u32 = 4096;

/// What is kept of a secret (RFC 5802 §3).
#[derive(Clone, PartialEq, Eq)]
pub struct Verifier {
    /// Goes into the hash with the secret.
    pub salt: Vec<u8>,
    /// Rounds of the hash.
    pub iterations: u32,
    /// Checks the client: a hash of the key that only who knows the secret can compute.
    pub stored_key: [u8; 32],
    /// Proves to the client that the server has the verifier.
    pub server_key: [u8; 32],
}

impl Verifier {
    /// The verifier of a random secret that belongs to `name`.
    pub fn of(name: &str, secret: &str) -> Self {
        let salt = salt_of(name);
        let salted = salted(secret, &salt, ITERATIONS);
        let stored_key = sha256(&hmac_sha256(&salted, b"Client Key"));
        let server_key = hmac_sha256(&salted, b"Server Key");
        Verifier { salt, iterations: ITERATIONS, stored_key, server_key }
    }

    /// One that no secret fits, and that looks like one of `name` from outside.
    pub(super) fn of_nobody(name: &str) -> Self {
        Verifier {
            salt: salt_of(name),
            iterations: ITERATIONS,
            stored_key: sha256(name.as_bytes()),
            server_key: sha256(name.as_bytes()),
        }
    }

    /// Whether this is the secret.
    pub fn fits(&self, secret: &str) -> bool {
        let salted = salted(secret, &self.salt, self.iterations);
        is_same(&sha256(&hmac_sha256(&salted, b"Client Key")), &self.stored_key)
    }
}

impl fmt::Debug for Verifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Verifier(…)")
    }
}

/// Whether this can be a secret at all. What cannot is not worth the rounds of the hash.
pub(super) fn is_secret(offered: &str) -> bool {
    offered.len() == SECRET_CHARS && offered.bytes().all(|byte| SECRET_LETTERS.contains(&byte))
}

/// The one form of a name: it is looked up in this form, and its salt is made of it, so that no spelling of a name
/// is answered otherwise because the name is known.
pub(super) fn canonical(name: &str) -> String {
    EmailAddress::parse(name).map_or_else(|| name.to_lowercase(), |address| address.key())
}

/// What the client says about channel binding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum ClientBinding {
    /// It cannot: `n`.
    Cannot,
    /// It can, and believes that the server cannot: `y`.
    NotOffered,
    /// It does, with this kind.
    Bound(String),
}

impl ClientBinding {
    /// `y` where binding was offered means that somebody took the offer away (RFC 5802 §6).
    pub(super) fn fits(&self, ours: ServerBinding) -> bool {
        match self {
            ClientBinding::Cannot => ours != ServerBinding::Used,
            ClientBinding::NotOffered => ours == ServerBinding::None,
            ClientBinding::Bound(kind) => ours == ServerBinding::Used && kind == "tls-exporter",
        }
    }
}

/// What the server does about channel binding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ServerBinding {
    /// It cannot.
    None,
    /// It offered it, and the client chose a mechanism without.
    Offered,
    /// The client chose a mechanism with it.
    Used,
}

/// The client's first message.
#[derive(Debug, Clone)]
pub(super) struct ClientFirst {
    pub(super) name: String,
    pub(super) binding: ClientBinding,
    /// The part about binding, as it was written.
    header: String,
    /// The part behind it, as it was written.
    bare: String,
    nonce: String,
}

impl ClientFirst {
    pub(super) fn read(message: &[u8]) -> Option<Self> {
        let message = std::str::from_utf8(message).ok()?;
        let (binding, rest) = message.split_once(',')?;
        let (acting_for, bare) = rest.split_once(',')?;
        let header = message.get(..message.len() - bare.len())?.to_owned();
        let binding = match binding {
            "n" => ClientBinding::Cannot,
            "y" => ClientBinding::NotOffered,
            kind => ClientBinding::Bound(kind.strip_prefix("p=")?.to_owned()),
        };
        // Extensions that must be understood (`m=`) would stand first.
        let (name, rest) = bare.strip_prefix("n=")?.split_once(",r=")?;
        let nonce = rest.split(',').next().filter(|nonce| !nonce.is_empty())?;
        let is_for_itself = acting_for.is_empty() || acting_for.strip_prefix("a=") == Some(name);
        is_for_itself.then_some(())?;
        Some(ClientFirst {
            name: unescaped(name)?,
            binding,
            header,
            nonce: nonce.to_owned(),
            bare: bare.to_owned(),
        })
    }
}

/// The client's last message.
#[derive(Debug)]
pub(super) struct ClientFinal {
    binding: Vec<u8>,
    nonce: String,
    proof: Vec<u8>,
    /// All before the proof, as it was written.
    without_proof: String,
}

impl ClientFinal {
    pub(super) fn read(message: &[u8]) -> Option<Self> {
        let message = std::str::from_utf8(message).ok()?;
        let (without_proof, proof) = message.rsplit_once(",p=")?;
        let mut words = without_proof.split(',');
        let binding = words.next()?.strip_prefix("c=")?;
        let nonce = words.next()?.strip_prefix("r=")?.to_owned();
        Some(ClientFinal {
            binding: BASE64.decode(binding).ok()?,
            nonce,
            proof: BASE64.decode(proof).ok()?,
            without_proof: without_proof.to_owned(),
        })
    }
}

/// The server's side after its first message.
#[derive(Debug)]
pub(super) struct Challenged {
    first: ClientFirst,
    nonce: String,
    verifier: Verifier,
    /// `None` where nobody has the name; then every proof is wrong.
    id: Option<Id>,
    binding: Option<Binding>,
}

impl Challenged {
    pub(super) fn new(
        first: ClientFirst,
        (id, verifier): (Option<Id>, Verifier),
        (nonce, binding): (&[u8; 18], Option<Binding>),
    ) -> Self {
        let nonce = first.nonce.clone() + &BASE64.encode(nonce);
        Challenged { first, nonce, verifier, id, binding }
    }

    /// The server's first message.
    pub(super) fn message(&self) -> String {
        let Verifier { salt, iterations, .. } = &self.verifier;
        format!("r={},s={},i={iterations}", self.nonce, BASE64.encode(salt))
    }

    /// The credential that is proven, and the server's last message; `None` where the proof is wrong.
    pub(super) fn check(&self, last: &ClientFinal) -> Option<(Id, String)> {
        let text = [self.first.bare.as_str(), &self.message(), &last.without_proof].join(",");
        let signature = hmac_sha256(&self.verifier.stored_key, text.as_bytes());
        let key: Vec<u8> = last.proof.iter().zip(signature).map(|(proof, byte)| proof ^ byte).collect();
        let is_proven = last.proof.len() == signature.len()
            && is_same(&sha256(&key), &self.verifier.stored_key)
            && last.nonce == self.nonce
            && last.binding == self.expected_binding();
        let id = self.id.filter(|_| is_proven)?;
        let told = hmac_sha256(&self.verifier.server_key, text.as_bytes());
        Some((id, format!("v={}", BASE64.encode(told))))
    }

    fn expected_binding(&self) -> Vec<u8> {
        let mut expected = self.first.header.clone().into_bytes();
        expected.extend(self.binding.iter().flatten());
        expected
    }
}

/// RFC 5802 §5.1: `,` and `=` are written `=2C` and `=3D`.
fn unescaped(name: &str) -> Option<String> {
    let mut plain = String::with_capacity(name.len());
    let mut parts = name.split('=');
    plain.push_str(parts.next()?);
    for part in parts {
        let (c, rest) = match (part.strip_prefix("2C"), part.strip_prefix("3D")) {
            (Some(rest), _) => (',', rest),
            (_, Some(rest)) => ('=', rest),
            _ => return None,
        };
        plain.push(c);
        plain.push_str(rest);
    }
    Some(plain)
}

/// The same for a name that nobody has, at every node, for ever. A salt keeps tables of common passwords useless;
/// there are no common ones among random secrets.
fn salt_of(name: &str) -> Vec<u8> {
    const SALT_BYTES: usize = 16;
    let hash = sha256(&[b"postroom credential ".as_slice(), canonical(name).as_bytes()].concat());
    hash.get(..SALT_BYTES).unwrap_or_default().to_vec()
}

fn salted(secret: &str, salt: &[u8], iterations: u32) -> [u8; 32] {
    let iterations = NonZeroU32::new(iterations.min(limits::SCRAM_ITERATIONS_MAX)).unwrap_or(NonZeroU32::MIN);
    let mut out = [0; 32];
    pbkdf2::derive(pbkdf2::PBKDF2_HMAC_SHA256, iterations, salt, secret.as_bytes(), &mut out);
    out
}

fn hmac_sha256(key: &[u8], data: &[u8]) -> [u8; 32] {
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), data);
    tag.as_ref().first_chunk().copied().unwrap_or_default()
}

fn sha256(data: &[u8]) -> [u8; 32] {
    digest::digest(&digest::SHA256, data).as_ref().first_chunk().copied().unwrap_or_default()
}

#[cfg(test)]
pub(crate) mod client;

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 7677 §3.
    #[test]
    fn the_example_of_the_standard() {
        let salt = BASE64.decode("W22ZaJ0SNY7soEsUEjb6gQ==").unwrap();
        let salted = salted("pencil", &salt, 4096);
        let verifier = Verifier {
            salt,
            iterations: 4096,
            stored_key: sha256(&hmac_sha256(&salted, b"Client Key")),
            server_key: hmac_sha256(&salted, b"Server Key"),
        };
        assert!(verifier.fits("pencil") && !verifier.fits("pencils"));
        let first = ClientFirst::read(b"n,,n=user,r=rOprNGfwEbeRWgbNEkqO").unwrap();
        let nonce = "rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0".to_owned();
        let challenged = Challenged { first, nonce, verifier, id: Some(Id([7; 16])), binding: None };
        assert_eq!(
            challenged.message(),
            "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096"
        );
        let last = ClientFinal::read(
            b"c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,\
              p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=",
        );
        let told = challenged.check(&last.unwrap());
        let expected = "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=".to_owned();
        assert_eq!(told, Some((Id([7; 16]), expected)));
    }

    #[test]
    fn messages_with_a_fault_are_none() {
        let name = |message: &str| ClientFirst::read(message.as_bytes()).map(|first| first.name);
        assert_eq!(name("n,,n=a=2Cb=3Dc,r=x").as_deref(), Some("a,b=c"));
        assert_eq!(name("y,a=anna,n=anna,r=x,ext=1").as_deref(), Some("anna"));
        for bad in [
            "",
            "n,,",
            "n,,n=a",
            "n,,n=a,r=",
            "n,a=b,n=a,r=x",
            "n,,m=1,n=a,r=x",
            "q,,n=a,r=x",
            "n,,n=a=2,r=x",
        ] {
            assert_eq!(name(bad), None, "{bad}");
        }
        for bad in ["", "c=biws,r=x", "c=?,r=x,p=AAAA", "r=x,c=biws,p=AAAA", "c=biws,r=x,p=?"] {
            assert!(ClientFinal::read(bad.as_bytes()).is_none(), "{bad}");
        }
    }

    #[test]
    fn nobody_looks_like_somebody() {
        let (nobody, somebody) = (Verifier::of_nobody("Crm@X"), Verifier::of("crm@x", "secret"));
        assert_eq!((nobody.salt, nobody.iterations), (somebody.salt, somebody.iterations));
        let salt = salt_of("crm+relay@xn--mnchen-3ya.test");
        for spelling in
            ["crm+relay@m\u{fc}nchen.test", "CRM+Relay@M\u{dc}NCHEN.test.", " crm+relay@mu\u{308}nchen.test"]
        {
            assert_eq!(salt_of(spelling), salt, "{spelling}");
        }
    }
}
