//! The token of `/metrics`: who brings it may read the numbers from anywhere.
//!
//! *Invariant:* without a file that holds a token nobody has one; the token is compared by its digest, so that the time it
//! takes tells nothing of it.

use std::path::Path;

use axum::http::{HeaderMap, header};

use crate::settings::WebSection;

/// So short a token can be guessed.
const TOKEN_BYTES_MIN: usize = 16;

/// Whether a request brings the token of the settings (RFC 6750 §2.1). The file is read each time, so it may be changed.
pub(super) fn is_brought(settings: &WebSection, headers: &HeaderMap) -> bool {
    let file = &settings.metrics_token_file;
    !file.as_os_str().is_empty() && matches(read(file).as_deref(), headers)
}

fn read(file: &Path) -> Option<String> {
    match std::fs::read_to_string(file) {
        Ok(text) => Some(text.trim().to_owned()),
        Err(error) => {
            tracing::warn!(%error, "the token of /metrics cannot be read");
            None
        }
    }
}

fn matches(token: Option<&str>, headers: &HeaderMap) -> bool {
    let mut lines = headers.get_all(header::AUTHORIZATION).iter();
    let (Some(line), None) = (lines.next(), lines.next()) else { return false };
    let brought = line.to_str().ok().and_then(|line| line.split_once(' '));
    let brought = brought.filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"));
    let digest = |text: &str| message::identity::raw_digest(text.trim().as_bytes());
    match (token.filter(|token| token.len() >= TOKEN_BYTES_MIN), brought) {
        (Some(token), Some((_, brought))) => digest(token) == digest(brought),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    #[test]
    fn only_the_whole_token_opens() {
        let token = "0123456789abcdef";
        let brought = |lines: &[&'static str]| {
            let mut headers = HeaderMap::new();
            for line in lines {
                headers.append(header::AUTHORIZATION, HeaderValue::from_static(line));
            }
            headers
        };
        assert!(matches(Some(token), &brought(&["Bearer 0123456789abcdef"])));
        assert!(matches(Some(token), &brought(&["bearer 0123456789abcdef"])));
        for bad in
            ["Bearer 0123456789abcde", "Bearer", "Bearer ", "Basic 0123456789abcdef", "0123456789abcdef"]
        {
            assert!(!matches(Some(token), &brought(&[bad])), "{bad}");
        }
        assert!(!matches(Some(token), &brought(&[])));
        assert!(!matches(Some(token), &brought(&["Bearer 0123456789abcdef", "Bearer x"])));
        assert!(
            !matches(Some("short"), &brought(&["Bearer short"]))
                && !matches(Some(""), &brought(&["Bearer "]))
        );
        assert!(!matches(None, &brought(&["Bearer 0123456789abcdef"])));
    }
}
