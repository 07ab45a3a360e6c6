//! As whom we sign in.
//!
//! *Invariant:* a secret has no `Debug` and no `Display`, and its bytes are overwritten when it goes.

use std::fmt;

use zeroize::Zeroizing;

/// A password or token.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// Takes it over.
    pub fn new(secret: String) -> Self {
        Secret(Zeroizing::new(secret))
    }

    /// The secret itself, for the wire or to be sealed.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// How we prove who we are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Login {
    /// With a password: SCRAM-SHA-256 where the server has it, else PLAIN, else LOGIN. Where SCRAM is refused over a private
    /// line, PLAIN is tried too: a wrong password counts twice at such a server.
    Password {
        /// The name at the server.
        user: String,
        /// The password.
        secret: Secret,
    },
    /// With a token of OAuth 2: OAUTHBEARER (RFC 7628), else XOAUTH2.
    Bearer {
        /// The name at the server.
        user: String,
        /// The access token.
        token: Secret,
    },
}
