//! Refuses requests that another site sends in the visitor's name.
//!
//! Browsers say where a request comes from: `Sec-Fetch-Site` (Fetch Metadata), or else `Origin`
//! (RFC 6454 §7). A request that changes something must come from our own pages. No token is needed.

use axum::extract::Request;
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

/// Lets safe methods pass, and others when they come from this site.
pub(crate) async fn same_site(request: Request, next: Next) -> Response {
    if request.method().is_safe() || is_ours(request.headers()) {
        return next.run(request).await;
    }
    tracing::info!(path = request.uri().path(), "refused a request from another site");
    StatusCode::FORBIDDEN.into_response()
}

fn is_ours(headers: &HeaderMap) -> bool {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    match text("sec-fetch-site") {
        Some(site) => matches!(site, "same-origin" | "none"),
        None => match (text(header::ORIGIN.as_str()), text(header::HOST.as_str())) {
            (Some(origin), Some(host)) => {
                origin.split_once("://").is_some_and(|(_, authority)| authority == host)
            }
            // Every browser sends one of the two with a form; who sends neither is no browser.
            _ => false,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(headers: &[(&'static str, &str)], expected: bool) {
        let pairs = headers.iter().map(|(name, value)| {
            (axum::http::HeaderName::from_static(name), value.parse::<axum::http::HeaderValue>().unwrap())
        });
        assert_eq!(is_ours(&pairs.collect()), expected, "{headers:?}");
    }

    #[test]
    fn a_request_says_where_it_comes_from() {
        check(&[("sec-fetch-site", "same-origin")], true);
        check(&[("sec-fetch-site", "none")], true);
        check(&[("sec-fetch-site", "same-site"), ("origin", "http://crm.test"), ("host", "crm.test")], false);
        check(&[("sec-fetch-site", "cross-site")], false);
        check(&[("origin", "https://crm.test"), ("host", "crm.test")], true);
        check(&[("origin", "https://crm.test:8443"), ("host", "crm.test")], false);
        check(&[("origin", "null"), ("host", "crm.test")], false);
        check(&[("host", "crm.test")], false);
    }
}
