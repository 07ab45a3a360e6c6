//! How we prove who we are: PLAIN (RFC 4616), SCRAM-SHA-256 (RFC 7677), OAUTHBEARER (RFC 7628), XOAUTH2, LOGIN.
//!
//! What passes through: a login becomes a [`Mechanism`], which says its first message and answers challenges; the
//! protocol around it is the caller's.
//!
//! *Invariant:* no socket and no randomness; SCRAM is over only when the server has proven, too, that it knows the
//! password.

use std::num::NonZeroU32;

use aws_lc_rs::{constant_time, digest, hmac, pbkdf2};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use model::limits;
use zeroize::Zeroizing;

use crate::error::{ConnectError, Kind};
use crate::secret::{Login, Secret};

/// Random bytes of a client's nonce: 144 bits, as letters.
pub const NONCE_BYTES: usize = 18;

/// One exchange.
pub(crate) enum Mechanism<'l> {
    Plain(&'l str, &'l Secret),
    /// Name and password, each when it is asked for: whether the password was, too.
    Login(&'l str, &'l Secret, bool),
    Oauthbearer(&'l str, &'l Secret),
    Xoauth2(&'l str, &'l Secret),
    Scram(Scram<'l>),
}

impl<'l> Mechanism<'l> {
    /// How we sign in over a line that is private, or may be read by others: the best that the server has; `None` where a
    /// password goes without a mechanism, if the protocol knows how. `offered` are its names, in capitals.
    ///
    /// # Errors
    /// [`Kind::NotOffered`], where the secret would be shown to others, or a token has no way.
    pub(crate) fn fitting(
        login: &'l Login,
        (offered, nonce): (impl Fn(&str) -> bool, &[u8; NONCE_BYTES]),
        is_private: bool,
    ) -> Result<Option<Mechanism<'l>>, ConnectError> {
        let mechanism = Mechanism::choose(login, offered, nonce);
        if !is_private && mechanism.as_ref().is_none_or(Mechanism::shows_the_secret) {
            let words = "the password would go over a line that can be read: use TLS";
            return Err(ConnectError::new(Kind::NotOffered, words));
        }
        match (&mechanism, login) {
            (None, Login::Bearer { .. }) => Err(nothing_fits()),
            _ => Ok(mechanism),
        }
    }

    fn choose(
        login: &'l Login,
        offered: impl Fn(&str) -> bool,
        nonce: &[u8; NONCE_BYTES],
    ) -> Option<Mechanism<'l>> {
        match login {
            Login::Password { user, secret } if offered("SCRAM-SHA-256") => {
                Some(Mechanism::Scram(Scram::new(user, secret, nonce)))
            }
            Login::Password { user, secret } => offered("PLAIN").then_some(Mechanism::Plain(user, secret)),
            Login::Bearer { user, token } if offered("OAUTHBEARER") => {
                Some(Mechanism::Oauthbearer(user, token))
            }
            Login::Bearer { user, token } => offered("XOAUTH2").then_some(Mechanism::Xoauth2(user, token)),
        }
    }

    /// What may do over a private line where the server refuses this one: it may have the password in a form that SCRAM
    /// cannot be made of.
    pub(crate) fn instead(login: &'l Login, refused: &str, offered: impl Fn(&str) -> bool) -> Option<Self> {
        match login {
            Login::Password { user, secret } if refused == "SCRAM-SHA-256" && offered("PLAIN") => {
                Some(Mechanism::Plain(user, secret))
            }
            _ => None,
        }
    }

    /// LOGIN, for servers that know no other way for passwords. IMAP and POP3 have commands of their own for that.
    pub(crate) fn in_two_lines(login: &'l Login, offered: impl Fn(&str) -> bool) -> Option<Self> {
        match login {
            Login::Password { user, secret } if offered("LOGIN") => {
                Some(Mechanism::Login(user, secret, false))
            }
            _ => None,
        }
    }

    pub(crate) fn name(&self) -> &'static str {
        match self {
            Mechanism::Plain(..) => "PLAIN",
            Mechanism::Login(..) => "LOGIN",
            Mechanism::Oauthbearer(..) => "OAUTHBEARER",
            Mechanism::Xoauth2(..) => "XOAUTH2",
            Mechanism::Scram(_) => "SCRAM-SHA-256",
        }
    }

    /// Whether whoever reads it on the line can use it.
    fn shows_the_secret(&self) -> bool {
        !matches!(self, Mechanism::Scram(_))
    }

    /// The first message, encoded.
    pub(crate) fn first(&self) -> Zeroizing<String> {
        let message = Zeroizing::new(match self {
            Mechanism::Plain(user, secret) => format!("\0{user}\0{}", secret.reveal()),
            Mechanism::Login(user, ..) => (*user).to_owned(),
            Mechanism::Oauthbearer(user, token) => {
                format!("n,a={},\x01auth=Bearer {}\x01\x01", escaped(user), token.reveal())
            }
            Mechanism::Xoauth2(user, token) => {
                format!("user={user}\x01auth=Bearer {}\x01\x01", token.reveal())
            }
            Mechanism::Scram(scram) => format!("n,,{}", scram.bare),
        });
        Zeroizing::new(BASE64.encode(message.as_bytes()))
    }

    /// The answer to a challenge, both encoded.
    ///
    /// # Errors
    /// Where the server does not keep to the mechanism.
    pub(crate) fn answer(&mut self, challenge: &[u8]) -> Result<String, ConnectError> {
        let challenge = BASE64.decode(challenge.trim_ascii()).map_err(|_| strange())?;
        let answer = match self {
            Mechanism::Login(_, secret, is_given) if !*is_given => {
                *is_given = true;
                return Ok(BASE64.encode(secret.reveal()));
            }
            Mechanism::Plain(..) | Mechanism::Login(..) => return Err(strange()),
            // Both are how a refusal is told; the end of the command follows the answer.
            Mechanism::Oauthbearer(..) => "\x01".to_owned(),
            Mechanism::Xoauth2(..) => String::new(),
            Mechanism::Scram(scram) => {
                scram.answer(std::str::from_utf8(&challenge).map_err(|_| strange())?)?
            }
        };
        Ok(BASE64.encode(answer))
    }

    /// What the server still owes when it says that all is well.
    pub(crate) fn end(&self) -> Result<(), ConnectError> {
        match self {
            Mechanism::Scram(scram) if !scram.is_proven => {
                let words = "the server did not prove that it knows the password";
                Err(ConnectError::new(Kind::Protocol, words))
            }
            _ => Ok(()),
        }
    }
}

/// There is no way in.
pub(crate) fn nothing_fits() -> ConnectError {
    ConnectError::new(Kind::NotOffered, "the server offers no way of signing in that fits")
}

/// The client's side of SCRAM-SHA-256, without channel binding.
pub(crate) struct Scram<'l> {
    secret: &'l Secret,
    nonce: String,
    bare: String,
    expected: Option<Vec<u8>>,
    is_proven: bool,
}

impl<'l> Scram<'l> {
    fn new(user: &str, secret: &'l Secret, nonce: &[u8; NONCE_BYTES]) -> Self {
        Scram::with(user, secret, BASE64.encode(nonce))
    }

    fn with(user: &str, secret: &'l Secret, nonce: String) -> Self {
        let bare = format!("n={},r={nonce}", escaped(user));
        Scram { secret, nonce, bare, expected: None, is_proven: false }
    }

    fn answer(&mut self, challenge: &str) -> Result<String, ConnectError> {
        let Some(expected) = &self.expected else { return self.last(challenge) };
        let told =
            challenge.strip_prefix("v=").and_then(|told| BASE64.decode(told).ok()).ok_or_else(strange)?;
        if constant_time::verify_slices_are_equal(&told, expected).is_err() {
            return Err(ConnectError::new(Kind::Refused, "the server does not know the password"));
        }
        self.is_proven = true;
        Ok(String::new())
    }

    /// The last message, to the server's first one.
    fn last(&mut self, challenge: &str) -> Result<String, ConnectError> {
        let mut words = challenge.split(',');
        let mut value = |name: &str| words.next()?.strip_prefix(name);
        let nonce = value("r=").ok_or_else(strange)?;
        let salt = value("s=").and_then(|salt| BASE64.decode(salt).ok()).ok_or_else(strange)?;
        let rounds: u32 = value("i=").and_then(|rounds| rounds.parse().ok()).ok_or_else(strange)?;
        // Fewer would make guessing easy for who asks (RFC 7677 §4).
        if !nonce.starts_with(&self.nonce) || nonce == self.nonce || rounds < 4096 {
            return Err(strange());
        }
        if rounds > limits::SCRAM_SERVER_ITERATIONS_MAX {
            return Err(ConnectError::new(Kind::Limit, "the server asks for too many rounds of the hash"));
        }
        let rounds = NonZeroU32::new(rounds).ok_or_else(strange)?;
        let mut salted = Zeroizing::new([0; 32]);
        let secret = self.secret.reveal().as_bytes();
        pbkdf2::derive(pbkdf2::PBKDF2_HMAC_SHA256, rounds, &salt, secret, salted.as_mut());
        let without_proof = format!("c=biws,r={nonce}");
        let text = [self.bare.as_str(), challenge, &without_proof].join(",");
        let client_key = sign(salted.as_ref(), b"Client Key");
        let stored_key = digest::digest(&digest::SHA256, client_key.as_ref());
        let signature = sign(stored_key.as_ref(), text.as_bytes());
        let proof: Vec<u8> =
            client_key.as_ref().iter().zip(signature.as_ref()).map(|(key, byte)| key ^ byte).collect();
        let server_key = sign(salted.as_ref(), b"Server Key");
        self.expected = Some(sign(server_key.as_ref(), text.as_bytes()).as_ref().to_vec());
        Ok(format!("{without_proof},p={}", BASE64.encode(proof)))
    }
}

fn sign(key: &[u8], data: &[u8]) -> hmac::Tag {
    hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), data)
}

/// RFC 5802 §5.1.
fn escaped(name: &str) -> String {
    name.replace('=', "=3D").replace(',', "=2C")
}

fn strange() -> ConnectError {
    ConnectError::protocol("the server does not keep to the way of signing in that it offers")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 7677 §3.
    #[test]
    fn the_example_of_the_standard() {
        let secret = Secret::new("pencil".to_owned());
        let mut scram = Scram::with("user", &secret, "rOprNGfwEbeRWgbNEkqO".to_owned());
        let first = "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096";
        assert_eq!(
            scram.answer(first).unwrap(),
            "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,\
             p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="
        );
        assert!(!scram.is_proven);
        assert!(scram.answer("v=AAAA").is_err());
        scram.answer("v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=").unwrap();
        assert!(scram.is_proven);
    }

    #[test]
    fn a_server_that_makes_guessing_easy_or_long_is_refused() {
        let secret = Secret::new("pencil".to_owned());
        for bad in [
            "r=abcd,s=W22Z,i=1",
            "r=abc,s=W22Z,i=4096",
            "r=xabcd,s=W22Z,i=4096",
            "r=abcd,s=W22Z,i=4000000000",
            "r=abcd,s=?,i=4096",
            "r=abcd,s=W22Z",
            "m=x,r=abcd,s=W22Z,i=4096",
            "",
        ] {
            assert!(Scram::with("user", &secret, "abc".to_owned()).answer(bad).is_err(), "{bad}");
        }
    }
}
