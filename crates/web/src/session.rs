//! The session: a cookie with a token that the house gave out, and who stands behind it.
//!
//! Every page with data takes [`Signed`]; without a session the request ends on the page to sign in.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::extract::{ConnectInfo, FromRequestParts};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};

use crate::desk::{Desk, WebSettings};
use crate::values::{Failure, Visitor};

/// A request with a session.
pub(crate) struct Signed {
    pub(crate) visitor: Visitor,
}

/// Why a request has no session.
pub(crate) enum Unsigned {
    /// There is none, or none any more: the way to sign in.
    Ended(Response),
    /// The house could not say; there may well be one.
    Failed(Failure),
}

impl Unsigned {
    /// The status of a page with what was typed.
    pub(crate) fn status(&self) -> StatusCode {
        match self {
            Unsigned::Ended(_) => StatusCode::FORBIDDEN,
            Unsigned::Failed(failure) if failure.is_temporary() => StatusCode::SERVICE_UNAVAILABLE,
            Unsigned::Failed(_) => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }
}

impl IntoResponse for Unsigned {
    fn into_response(self) -> Response {
        match self {
            Unsigned::Ended(way) => way,
            Unsigned::Failed(failure) => failure.into_response(),
        }
    }
}

impl FromRequestParts<Arc<Desk>> for Signed {
    type Rejection = Unsigned;

    async fn from_request_parts(parts: &mut Parts, desk: &Arc<Desk>) -> Result<Self, Unsigned> {
        let Some(token) = token(&parts.headers, desk.settings) else {
            return Err(Unsigned::Ended(to_sign_in(parts)));
        };
        match desk.ask(move |house| house.visitor(&token)).await {
            Ok(Some(visitor)) => Ok(Signed { visitor }),
            Ok(None) | Err(Failure::NotSignedIn) => Err(Unsigned::Ended(to_sign_in(parts))),
            Err(failure) => Err(Unsigned::Failed(failure)),
        }
    }
}

/// The token in the cookie, if it could be one.
pub(crate) fn token(headers: &HeaderMap, settings: WebSettings) -> Option<String> {
    let pairs = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    pairs
        .flat_map(|line| line.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find(|(name, value)| *name == cookie_name(settings) && is_token(value))
        .map(|(_, value)| value.to_owned())
}

/// The cookie that opens a session in the browser. It ends with the browser; the house ends it earlier.
pub(crate) fn opening(token: &str, settings: WebSettings) -> Option<HeaderValue> {
    is_token(token).then_some(())?;
    HeaderValue::from_str(&format!("{}={token}{}", cookie_name(settings), attributes(settings))).ok()
}

/// The cookie that takes the session out of the browser.
pub(crate) fn closing(settings: WebSettings) -> Option<HeaderValue> {
    let cookie = format!("{}={}; Max-Age=0", cookie_name(settings), attributes(settings));
    HeaderValue::from_str(&cookie).ok()
}

/// A path of this site to go to after signing in; anything else is the first page.
pub(crate) fn local_path(to: &str) -> &str {
    let is_local = to.starts_with('/')
        && !to.starts_with("//")
        && to.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"/-_".contains(&byte));
    if is_local { to } else { "/" }
}

/// Who is at the other end, as far as the listener tells.
pub(crate) struct Peer(pub(crate) Option<SocketAddr>);

impl<S: Send + Sync> FromRequestParts<S> for Peer {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Self::Rejection> {
        Ok(Peer(parts.extensions.get::<ConnectInfo<SocketAddr>>().map(|peer| peer.0)))
    }
}

fn cookie_name(settings: WebSettings) -> &'static str {
    // The prefix binds the cookie to this host and to HTTPS (RFC 6265bis §4.1.3.2).
    if settings.secure_cookies { "__Host-postroom" } else { "postroom" }
}

fn attributes(settings: WebSettings) -> &'static str {
    if settings.secure_cookies {
        "; Path=/; HttpOnly; SameSite=Lax; Secure"
    } else {
        "; Path=/; HttpOnly; SameSite=Lax"
    }
}

fn is_token(text: &str) -> bool {
    (1..=TOKEN_BYTES_MAX).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.=+/".contains(&byte))
}

const TOKEN_BYTES_MAX: usize = 256;

fn to_sign_in(parts: &Parts) -> Response {
    match local_path(parts.uri.path()) {
        "/" => Redirect::to("/sign-in").into_response(),
        path => Redirect::to(&format!("/sign-in?to={path}")).into_response(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_paths_of_this_site_are_gone_to() {
        for path in ["/", "/mail", "/emails/0192-ab/body"] {
            assert_eq!(local_path(path), path);
        }
        for bad in ["//evil.test", "https://evil.test", "/\\evil.test", "mail", "", "/a?b", "/a\r\nb"] {
            assert_eq!(local_path(bad), "/", "{bad}");
        }
    }

    #[test]
    fn the_token_is_found_among_other_cookies() {
        let mut headers = HeaderMap::new();
        headers.insert(header::COOKIE, HeaderValue::from_static("a=b; postroom=abc-1; c=d"));
        assert_eq!(token(&headers, WebSettings::default()).as_deref(), Some("abc-1"));
        assert_eq!(token(&headers, WebSettings { secure_cookies: true }), None);
    }

    #[test]
    fn over_https_the_cookie_is_bound_to_host_and_transport() {
        let cookie = opening("abc", WebSettings { secure_cookies: true }).unwrap();
        assert_eq!(cookie, "__Host-postroom=abc; Path=/; HttpOnly; SameSite=Lax; Secure");
        assert_eq!(opening("a;b", WebSettings::default()), None);
    }
}
