//! Calls that their receiver can tell from those of others (Standard Webhooks 1.0): signed by a secret that both know, with
//! an id and a time, so that neither can be taken from another call.

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use model::Timestamp;

/// A secret that calls are signed with.
pub struct SigningSecret(hmac::Key);

impl std::fmt::Debug for SigningSecret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SigningSecret")
    }
}

/// What such a secret begins with.
const PREFIX: &str = "whsec_";

impl SigningSecret {
    /// Of `whsec_` and 24 to 64 bytes in base64; `None` where it is none.
    pub fn parse(text: &str) -> Option<Self> {
        let bytes = STANDARD.decode(text.trim().strip_prefix(PREFIX)?).ok()?;
        (24..=64).contains(&bytes.len()).then(|| SigningSecret(hmac::Key::new(hmac::HMAC_SHA256, &bytes)))
    }

    /// The fields `webhook-id`, `webhook-timestamp` and `webhook-signature` of a call, in this order.
    pub fn fields(&self, id: &str, now: Timestamp, body: &[u8]) -> [String; 3] {
        let time = now.seconds().to_string();
        let mut context = hmac::Context::with_key(&self.0);
        for piece in [id.as_bytes(), b".", time.as_bytes(), b".", body] {
            context.update(piece);
        }
        let signature = format!("v1,{}", STANDARD.encode(context.sign()));
        [id.to_owned(), time, signature]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As the libraries of the standard sign it.
    #[test]
    fn the_example_of_the_standard() {
        let secret = SigningSecret::parse("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\n").unwrap();
        let body = br#"{"test": 2432232314}"#;
        let fields = secret.fields("msg_p5jXN8AQM9LWM0D4loKWxJek", Timestamp(1_614_265_330_000), body);
        assert_eq!(fields[2], "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }

    #[test]
    fn what_is_no_secret_is_refused() {
        for text in ["", "whsec_", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_c2hvcnQ=", "whsec_?"] {
            assert!(SigningSecret::parse(text).is_none(), "{text}");
        }
    }
}
