//! The headers that tell browsers what a page may do: as little as it needs.

use axum::extract::Request;
use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use axum::middleware::Next;
use axum::response::Response;

/// Pages load our own styles, scripts and pictures and nothing else; no inline script or style.
pub(crate) const PAGE_POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; \
    img-src 'self' data:; form-action 'self'; frame-src 'self'; base-uri 'none'; frame-ancestors 'none'";

/// The same for pages on which letters are written: their script asks this site whom one may write to.
pub(crate) const WRITE_POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; \
    img-src 'self' data:; form-action 'self'; frame-src 'self'; base-uri 'none'; frame-ancestors 'none'";

/// The text of a mail: no script, no form, no origin; links open outside. The second lock is the
/// `sandbox` attribute of the frame, the third that the HTML is sanitized.
pub(crate) const BODY_POLICY: &str = "sandbox allow-popups allow-popups-to-escape-sandbox; default-src 'none'; \
    img-src 'self' data:; style-src 'unsafe-inline'; form-action 'none'; frame-ancestors 'self'";

/// Sources and attachments: somebody else's bytes, in no origin of ours.
pub(crate) const FILE_POLICY: &str = "sandbox; default-src 'none'; frame-ancestors 'none'";

/// Sets on every answer what its handler has not set itself.
pub(crate) async fn protect(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    complete(response.headers_mut());
    response
}

fn complete(headers: &mut HeaderMap) {
    // An answer with a policy of its own holds somebody else's bytes: their links tell nobody where they stood.
    let is_ours = |policy: &HeaderValue| policy == PAGE_POLICY || policy == WRITE_POLICY;
    let is_foreign = headers.get(header::CONTENT_SECURITY_POLICY).is_some_and(|own| !is_ours(own));
    let defaults: [(HeaderName, &'static str); 7] = [
        (header::CONTENT_SECURITY_POLICY, PAGE_POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, if is_foreign { "no-referrer" } else { "same-origin" }),
        // A browser that looks up the hosts of links early tells their senders who reads.
        (header::X_DNS_PREFETCH_CONTROL, "off"),
        // Mail of customers stays out of caches, the browser's own included.
        (header::CACHE_CONTROL, "no-store"),
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
        (HeaderName::from_static("permissions-policy"), "camera=(), geolocation=(), microphone=()"),
    ];
    for (name, value) in defaults {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of an answer with a policy: what it tells other hosts, and whether names are looked up early.
    fn check(policy: Option<&'static str>, referrer: &str) {
        let mut headers = HeaderMap::new();
        if let Some(policy) = policy {
            headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(policy));
        }
        complete(&mut headers);
        assert_eq!(headers.get(header::REFERRER_POLICY).unwrap(), referrer);
        assert_eq!(headers.get(header::X_DNS_PREFETCH_CONTROL).unwrap(), "off");
        assert_eq!(headers.get(header::CONTENT_SECURITY_POLICY).unwrap(), policy.unwrap_or(PAGE_POLICY));
    }

    #[test]
    fn no_answer_tells_a_sender_who_reads() {
        check(None, "same-origin");
        check(Some(WRITE_POLICY), "same-origin");
        check(Some(BODY_POLICY), "no-referrer");
        check(Some(FILE_POLICY), "no-referrer");
    }
}
