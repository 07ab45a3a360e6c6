//! As whom we sign in.
//!
//! *Invariant:* a secret has no `Debug` and no `Display`, and its bytes are overwritten when it goes.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use zeroize::Zeroizing;

use crate::sasl::Mechanism;

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

    /// As it may stand in the words of who repeats what he was sent: itself, quoted, and in base64.
    pub(crate) fn forms(&self) -> Vec<Zeroizing<String>> {
        // Words have no control characters.
        let plain: String = self.0.chars().filter(|c| !c.is_control()).collect();
        let quoted = plain.replace('\\', "\\\\").replace('"', "\\\"");
        let [encoded, unpadded] = with_and_without_padding(BASE64.encode(self.0.as_bytes()));
        vec![Zeroizing::new(plain), Zeroizing::new(quoted), encoded, unpadded]
    }
}

fn with_and_without_padding(encoded: String) -> [Zeroizing<String>; 2] {
    let unpadded = encoded.trim_end_matches('=').to_owned();
    [Zeroizing::new(encoded), Zeroizing::new(unpadded)]
}

impl Login {
    /// The secret in each form in which it is sent.
    pub(crate) fn forms(&self) -> Vec<Zeroizing<String>> {
        let (secret, messages) = match self {
            Login::Password { user, secret } => (secret, vec![Mechanism::Plain(user, secret)]),
            Login::Bearer { user, token } => {
                (token, vec![Mechanism::Oauthbearer(user, token), Mechanism::Xoauth2(user, token)])
            }
        };
        let mut forms = secret.forms();
        forms.extend(
            messages.iter().flat_map(|message| with_and_without_padding(message.first().to_string())),
        );
        forms
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
