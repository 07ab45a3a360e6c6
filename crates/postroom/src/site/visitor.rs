//! Who asks: the peer of the connection, or the visitor that a proxy we trust names.
//!
//! *Invariant:* a header is believed of nobody but a trusted proxy; anyone else could write any address there.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use axum::extract::connect_info::ConnectInfo;
use axum::extract::{Request, State};
use axum::http::uri::Authority;
use axum::http::{HeaderMap, Uri, header};
use axum::middleware::Next;
use axum::response::Response;
use model::network::{self, Network};

use crate::settings::WebSection;

/// Puts the visitor's address in the place of the peer's.
pub(super) async fn name(
    State(proxies): State<Arc<[Network]>>,
    mut request: Request,
    next: Next,
) -> Response {
    let peer = request.extensions().get::<ConnectInfo<SocketAddr>>().map(|peer| peer.0);
    if let Some(visitor) = peer.and_then(|peer| visitor(&proxies, peer.ip(), request.headers())) {
        request.extensions_mut().insert(ConnectInfo(SocketAddr::new(visitor, 0)));
    }
    next.run(request).await
}

/// The visitor that a trusted proxy names: the last address of the last `X-Forwarded-For`, which it added
/// itself. What stands before may come from the visitor.
fn visitor(proxies: &[Network], peer: IpAddr, headers: &HeaderMap) -> Option<IpAddr> {
    proxies.iter().find(|proxy| proxy.contains(peer))?;
    let line = headers.get_all("x-forwarded-for").iter().next_back()?.to_str().ok()?;
    let last = line.rsplit(',').next()?.trim();
    last.parse().ok().or_else(|| last.parse().ok().map(|it: SocketAddr| it.ip()))
}

/// Whether the settings tell of a proxy before the pages. It may ask from this machine, and a plain one tells nothing of for
/// whom: its requests are like those of this machine's programs.
pub(super) fn has_proxy(settings: &WebSection) -> bool {
    settings.secure_cookies || !settings.trusted_proxies.is_empty()
}

/// Whether a program on this machine asks by itself: over loopback, under a name of loopback (a page of a
/// stranger can bring a browser here under a name of its own), and for nobody else.
pub(super) fn is_here(peer: SocketAddr, uri: &Uri, headers: &HeaderMap) -> bool {
    network::is_loopback(peer.ip()) && is_named_here(uri, headers) && !headers.keys().any(brings_somebody)
}

/// RFC 9112 §3.2: one `Host`, and the same authority where the target is an absolute form.
fn is_named_here(uri: &Uri, headers: &HeaderMap) -> bool {
    let mut hosts = headers.get_all(header::HOST).iter();
    let (Some(host), None) = (hosts.next(), hosts.next()) else { return false };
    let host = host.to_str().ok().and_then(|host| host.parse::<Authority>().ok());
    host.is_some_and(|host| is_local(&host)) && uri.authority().is_none_or(is_local)
}

fn is_local(authority: &Authority) -> bool {
    let host = authority.host();
    let address = host.trim_start_matches('[').trim_end_matches(']');
    host.eq_ignore_ascii_case("localhost") || address.parse().is_ok_and(network::is_loopback)
}

/// Whether a proxy adds this header (RFC 7239, RFC 9110 §7.6.3, and what came before them).
fn brings_somebody(name: &header::HeaderName) -> bool {
    const NAMES: [&str; 5] = ["forwarded", "via", "x-real-ip", "x-client-ip", "true-client-ip"];
    NAMES.contains(&name.as_str()) || name.as_str().starts_with("x-forwarded-")
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;
    use axum::http::header::HeaderName;

    use super::*;

    fn headers(lines: &[(&'static str, &'static str)]) -> HeaderMap {
        let line = |(name, value): &(&'static str, &'static str)| {
            (HeaderName::from_static(name), HeaderValue::from_static(value))
        };
        let mut headers = HeaderMap::new();
        for (name, value) in lines.iter().map(line) {
            headers.append(name, value);
        }
        headers
    }

    #[test]
    fn only_the_last_word_of_a_trusted_proxy_is_believed() {
        let proxies = ["10.0.0.0/8".parse().unwrap()];
        let asked = |peer: &str, lines: &[(&'static str, &'static str)]| {
            visitor(&proxies, peer.parse().unwrap(), &headers(lines)).map(|it| it.to_string())
        };
        let named = |address: &str| Some(address.to_owned());
        let name = "x-forwarded-for";
        assert_eq!(asked("10.1.1.1", &[(name, "192.0.2.9, 192.0.2.1")]), named("192.0.2.1"));
        assert_eq!(asked("10.1.1.1", &[(name, "192.0.2.9"), (name, "2001:db8::1")]), named("2001:db8::1"));
        assert_eq!(asked("10.1.1.1", &[(name, "192.0.2.1:4711")]), named("192.0.2.1"));
        assert_eq!(asked("10.1.1.1", &[(name, "192.0.2.9, unknown")]), None);
        assert_eq!(asked("10.1.1.1", &[]), None);
        assert_eq!(asked("192.0.2.2", &[(name, "192.0.2.1")]), None);
    }

    #[test]
    fn numbers_are_for_this_machine_under_its_own_name() {
        let here = |peer: &str, uri: &str, lines: &[(&'static str, &'static str)]| {
            is_here(peer.parse().unwrap(), &uri.parse().unwrap(), &headers(lines))
        };
        for host in ["localhost", "LOCALHOST:8080", "127.0.0.1:8080", "[::1]:8080", "[::1]"] {
            assert!(here("127.0.0.1:9", "/metrics", &[("host", host)]), "{host}");
        }
        for host in ["crm.contoso.test", "localhost.evil.test", "127.0.0.1.evil.test", "x@", "192.0.2.1", ""]
        {
            assert!(!here("127.0.0.1:9", "/metrics", &[("host", host)]), "{host}");
        }
        assert!(!here("127.0.0.1:9", "/metrics", &[]));
        assert!(!here("127.0.0.1:9", "/metrics", &[("host", "localhost"), ("host", "localhost")]));
        assert!(!here("127.0.0.1:9", "http://evil.test/metrics", &[("host", "localhost")]));
        assert!(!here("192.0.2.1:9", "/metrics", &[("host", "localhost")]));
        for name in ["forwarded", "via", "x-real-ip", "x-forwarded-for", "x-forwarded-host"] {
            assert!(!here("127.0.0.1:9", "/metrics", &[("host", "localhost"), (name, "x")]), "{name}");
        }
    }
}
