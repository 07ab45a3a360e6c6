//! OAuth 2, as far as mail servers ask for it: tokens for a mailbox (RFC 6749, 7636, 8628; RFC 9700 for how).
//!
//! What passes through: what an administrator registered at a provider ([`Provider`]) and a [`Grant`] go out, [`Tokens`]
//! come back. Whoever consents does so at the provider, in a browser of his own.
//!
//! *Invariant:* a secret goes only over TLS, or within this machine; it stands in no URL, no log, no error. What a
//! provider sends is bounded in bytes and time.

mod http;

use std::time::Duration;

use aws_lc_rs::digest;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use model::limits;
use serde_json::Value;
use zeroize::Zeroizing;

use crate::error::{ConnectError, Kind};
use crate::secret::Secret;
use crate::wire::Patience;

/// Random bytes of a verifier (RFC 7636 §4.1) and of a state.
pub const VERIFIER_BYTES: usize = 32;

/// A provider of tokens, and as what we are registered there.
#[derive(Debug, Clone)]
pub struct Provider {
    /// Where tokens are given out.
    pub token_url: String,
    /// Where a person consents in a browser.
    pub authorize_url: Option<String>,
    /// Where a code for another device is given out.
    pub device_url: Option<String>,
    /// Our name there.
    pub client: String,
    /// What proves it, where the provider gave something.
    pub secret: Option<Secret>,
    /// What the tokens are for, as the provider calls it.
    pub scope: String,
    /// Certificates in PEM that are believed instead of the system's.
    pub authority: Option<Vec<u8>>,
}

/// What tokens are asked for with.
#[derive(Debug)]
pub enum Grant {
    /// A person consented in a browser (RFC 6749 §4.1, RFC 7636).
    Code {
        /// What the provider gave the browser.
        code: Secret,
        /// What only we know of the beginning.
        verifier: Secret,
        /// Where the browser was sent back to.
        redirect: String,
    },
    /// A person consents on another device (RFC 8628).
    Device(Secret),
    /// We are registered for this by ourselves (RFC 6749 §4.4).
    Client,
    /// Tokens were given before (RFC 6749 §6).
    Refresh(Secret),
}

impl Grant {
    fn secrets(&self) -> Vec<&Secret> {
        match self {
            Grant::Code { code, verifier, .. } => vec![code, verifier],
            Grant::Device(secret) | Grant::Refresh(secret) => vec![secret],
            Grant::Client => Vec::new(),
        }
    }
}

/// What a provider gives.
#[derive(Debug)]
pub struct Tokens {
    /// Opens the mailbox.
    pub access: Secret,
    /// Brings the next ones; the one that was used may be worth nothing from now on.
    pub refresh: Option<Secret>,
    /// How long the access token is good for.
    pub lifetime: Duration,
}

/// The answer to a question for tokens.
#[derive(Debug)]
pub enum Asked {
    /// Here they are.
    Tokens(Tokens),
    /// The person has not consented yet: ask again, and where it says so more seldom.
    NotYet {
        /// Five seconds more in between.
        is_too_often: bool,
    },
}

/// What a person has to do on another device.
#[derive(Debug)]
pub struct DeviceCode {
    /// For [`Grant::Device`].
    pub device: Secret,
    /// What is to be typed there.
    pub user_code: String,
    /// Where.
    pub page: String,
    /// How often it may be asked.
    pub interval: Duration,
    /// How long there is time.
    pub lifetime: Duration,
}

/// A verifier, or a state, of random bytes.
pub fn verifier(random: &[u8; VERIFIER_BYTES]) -> String {
    URL_SAFE_NO_PAD.encode(random)
}

/// Where a person consents in a browser. The browser is sent back with a code, and with the same state.
///
/// # Errors
/// [`Kind::NotOffered`], where the provider has no such page.
pub fn consent_url(
    provider: &Provider,
    redirect: &str,
    (verifier, state): (&str, &str),
) -> Result<String, ConnectError> {
    let page =
        provider.authorize_url.as_deref().ok_or_else(|| not_offered("no page to consent at is known"))?;
    let challenge = URL_SAFE_NO_PAD.encode(digest::digest(&digest::SHA256, verifier.as_bytes()));
    let query = http::form(&[
        ("response_type", "code"),
        ("client_id", &provider.client),
        ("redirect_uri", redirect),
        ("scope", &provider.scope),
        ("state", state),
        ("code_challenge", &challenge),
        ("code_challenge_method", "S256"),
    ]);
    let sign = if page.contains('?') { '&' } else { '?' };
    Ok(format!("{page}{sign}{}", query.as_str()))
}

/// Begins the consent on another device.
///
/// # Errors
/// [`ConnectError`].
pub async fn begin_device(provider: &Provider, patience: Patience) -> Result<DeviceCode, ConnectError> {
    let url =
        provider.device_url.as_deref().ok_or_else(|| not_offered("no page for other devices is known"))?;
    let mut fields = vec![("client_id", provider.client.as_str()), ("scope", provider.scope.as_str())];
    if let Some(secret) = &provider.secret {
        fields.push(("client_secret", secret.reveal()));
    }
    let said = http::post(url, provider, (&fields, patience)).await?;
    if let Some(error) = said.text("error") {
        return Err(refusal(&error, &said).without(&forms(provider, &[])));
    }
    let page = said.text("verification_uri").or_else(|| said.text("verification_url"));
    let (Some(device), Some(user_code), Some(page)) =
        (said.text("device_code"), said.text("user_code"), page)
    else {
        return Err(strange());
    };
    Ok(DeviceCode {
        device: Secret::new(device),
        user_code,
        page,
        interval: said.seconds("interval").unwrap_or(Duration::from_secs(5)),
        lifetime: said.seconds("expires_in").unwrap_or(Duration::from_secs(900)),
    })
}

/// Asks for tokens.
///
/// # Errors
/// [`Kind::Refused`], where the provider does not know the grant or us any more: somebody has to consent anew, or to mend
/// the registration. Else [`ConnectError`].
pub async fn ask(provider: &Provider, grant: &Grant, patience: Patience) -> Result<Asked, ConnectError> {
    let mut fields = vec![("client_id", provider.client.as_str())];
    if let Some(secret) = &provider.secret {
        fields.push(("client_secret", secret.reveal()));
    }
    match grant {
        Grant::Code { code, verifier, redirect } => fields.extend([
            ("grant_type", "authorization_code"),
            ("code", code.reveal()),
            ("code_verifier", verifier.reveal()),
            ("redirect_uri", redirect.as_str()),
        ]),
        Grant::Device(code) => fields.extend([
            ("grant_type", "urn:ietf:params:oauth:grant-type:device_code"),
            ("device_code", code.reveal()),
        ]),
        Grant::Client => {
            fields.extend([("grant_type", "client_credentials"), ("scope", provider.scope.as_str())])
        }
        Grant::Refresh(token) => {
            fields.extend([("grant_type", "refresh_token"), ("refresh_token", token.reveal())]);
        }
    }
    let said = http::post(&provider.token_url, provider, (&fields, patience)).await?;
    match said.text("error").as_deref() {
        Some("authorization_pending") => return Ok(Asked::NotYet { is_too_often: false }),
        Some("slow_down") => return Ok(Asked::NotYet { is_too_often: true }),
        Some(error) => return Err(refusal(error, &said).without(&forms(provider, &grant.secrets()))),
        None => {}
    }
    let is_bearer = said.text("token_type").is_none_or(|kind| kind.eq_ignore_ascii_case("bearer"));
    let access = said.text("access_token").filter(|_| is_bearer).ok_or_else(strange)?;
    Ok(Asked::Tokens(Tokens {
        access: token(access)?,
        refresh: said.text("refresh_token").map(token).transpose()?,
        // Where nothing is said, it is asked anew soon (RFC 6749 §5.1 only recommends to say it).
        lifetime: said.seconds("expires_in").unwrap_or(Duration::from_secs(300)),
    }))
}

/// None is taken that could not be kept.
fn token(text: String) -> Result<Secret, ConnectError> {
    if text.len() > limits::SECRET_BYTES_MAX {
        return Err(ConnectError::new(Kind::Limit, "the provider of tokens gives one that is too long"));
    }
    Ok(Secret::new(text))
}

/// What a provider said: JSON.
struct Said {
    status: u16,
    value: Value,
}

impl Said {
    fn text(&self, name: &str) -> Option<String> {
        self.value.get(name)?.as_str().filter(|text| !text.is_empty()).map(str::to_owned)
    }

    /// Some write numbers as texts.
    fn seconds(&self, name: &str) -> Option<Duration> {
        let value = self.value.get(name)?;
        let seconds = value.as_u64().or_else(|| value.as_str()?.parse().ok())?;
        Some(Duration::from_secs(seconds.min(SECONDS_MAX)))
    }
}

/// No token is believed to be good for longer.
const SECONDS_MAX: u64 = 30 * 24 * 3_600;

/// The secrets that went to the provider, in each form in which it may repeat them.
fn forms(provider: &Provider, sent: &[&Secret]) -> Vec<Zeroizing<String>> {
    let secrets = provider.secret.iter().chain(sent.iter().copied());
    let forms = secrets.flat_map(|secret| {
        let field = http::form(&[("", secret.reveal())]);
        let field = Zeroizing::new(field.trim_start_matches('=').to_owned());
        secret.forms().into_iter().chain([field])
    });
    forms.collect()
}

/// RFC 6749 §5.2.
fn refusal(error: &str, said: &Said) -> ConnectError {
    let kind = match error {
        "invalid_grant"
        | "invalid_client"
        | "unauthorized_client"
        | "access_denied"
        | "expired_token"
        | "interaction_required"
        | "consent_required" => Kind::Refused,
        "invalid_request" | "unsupported_grant_type" | "invalid_scope" => Kind::NotOffered,
        _ if said.status >= 500 => Kind::Declined,
        _ => Kind::Refused,
    };
    let about = said.text("error_description").unwrap_or_default();
    let ConnectError { words, .. } = ConnectError::said(kind, &format!("{error} {about}"));
    ConnectError { kind, words: words.replace("the server says", "the provider of tokens says") }
}

fn not_offered(words: &str) -> ConnectError {
    ConnectError::new(Kind::NotOffered, words)
}

fn strange() -> ConnectError {
    ConnectError::protocol("this is no answer of a provider of tokens")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn provider() -> Provider {
        Provider {
            token_url: "https://login.test/token".to_owned(),
            authorize_url: Some("https://login.test/authorize?for=a".to_owned()),
            device_url: None,
            client: "post room".to_owned(),
            secret: None,
            scope: "mail offline".to_owned(),
            authority: None,
        }
    }

    /// RFC 7636, appendix B.
    #[test]
    fn the_example_of_the_standard() {
        let url = consent_url(
            &provider(),
            "http://localhost/",
            ("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk", "s"),
        )
        .unwrap();
        assert_eq!(
            url,
            "https://login.test/authorize?for=a&response_type=code&client_id=post+room&\
             redirect_uri=http%3A%2F%2Flocalhost%2F&scope=mail+offline&state=s&\
             code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM&code_challenge_method=S256"
        );
    }

    #[test]
    fn a_refusal_says_who_has_to_do_something() {
        let said = |status| Said { status, value: serde_json::json!({"error_description": "no\u{7} more"}) };
        let error = refusal("invalid_grant", &said(400));
        assert_eq!(
            (error.kind, error.words.as_str()),
            (Kind::Refused, "the provider of tokens says: invalid_grant no more")
        );
        let repeated = serde_json::json!({"error_description": "bad: p w/1 p+w%2F1 cCB3LzE= p w"});
        let error = refusal("invalid_client", &Said { status: 400, value: repeated });
        let provider = Provider { secret: Some(Secret::new("p w/1".to_owned())), ..provider() };
        let words = error.without(&forms(&provider, &[])).words;
        assert_eq!(words, "the provider of tokens says: invalid_client bad: … … … p w");
        assert_eq!(refusal("temporarily_unavailable", &said(503)).kind, Kind::Declined);
        assert_eq!(refusal("invalid_scope", &said(400)).kind, Kind::NotOffered);
    }
}
