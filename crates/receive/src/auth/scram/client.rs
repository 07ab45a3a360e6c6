//! The client's side of SCRAM, as far as tests need one.

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;

use super::{hmac_sha256, salted, sha256};

/// The last message to a server's first one. `binding` is the header with what binds.
pub(crate) fn last_message(bare: &str, challenge: &str, binding: &[u8], secret: &str) -> String {
    let value = |name: &str| challenge.split(',').find_map(|word| word.strip_prefix(name)).unwrap();
    let salt = BASE64.decode(value("s=")).unwrap();
    let salted = salted(secret, &salt, value("i=").parse().unwrap());
    let without_proof = format!("c={},r={}", BASE64.encode(binding), value("r="));
    let client_key = hmac_sha256(&salted, b"Client Key");
    let text = [bare, challenge, &without_proof].join(",");
    let signature = hmac_sha256(&sha256(&client_key), text.as_bytes());
    let proof: Vec<u8> = client_key.iter().zip(signature).map(|(key, byte)| key ^ byte).collect();
    format!("{without_proof},p={}", BASE64.encode(proof))
}
