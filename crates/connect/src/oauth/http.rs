//! One question by HTTP: a form goes out, JSON comes back.

use std::future::poll_fn;
use std::pin::Pin;
use std::time::Duration;

use http_body::Body as _;
use hyper::body::Incoming;
use hyper::header::{ACCEPT, CONTENT_TYPE, HOST};
use hyper::{Request, Uri};
use hyper_util::rt::TokioIo;
use model::limits;
use tokio::net::TcpStream;
use tokio::time::timeout;
use zeroize::Zeroizing;

use super::{Provider, Said, not_offered, strange};
use crate::error::{ConnectError, Kind};
use crate::target::{Target, TlsMode};
use crate::tls;
use crate::wire::{Patience, Socket};

/// Fields as a browser sends them (`application/x-www-form-urlencoded`).
pub(super) fn form(fields: &[(&str, &str)]) -> Zeroizing<String> {
    let mut text = Zeroizing::new(String::with_capacity(3 * limits::SECRET_BYTES_MAX));
    for (name, value) in fields {
        if !text.is_empty() {
            text.push('&');
        }
        text.push_str(name);
        text.push('=');
        for byte in value.bytes() {
            match byte {
                b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                    text.push(char::from(byte))
                }
                b' ' => text.push('+'),
                _ => {
                    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
                    let digit =
                        |number: u8| DIGITS.get(usize::from(number)).map_or('0', |digit| char::from(*digit));
                    text.extend(['%', digit(byte >> 4), digit(byte & 15)]);
                }
            }
        }
    }
    text
}

/// Asks, and reads the answer, whatever its status is: refusals are JSON as well.
pub(super) async fn post(
    url: &str,
    provider: &Provider,
    (fields, patience): (&[(&str, &str)], Patience),
) -> Result<Said, ConnectError> {
    let (target, uri) = target(url, provider)?;
    let socket = timeout(patience.connect, connect(&target)).await.map_err(|_| late(&target))??;
    let asked = exchange(socket, (&target, uri), form(fields));
    timeout(patience.answer.min(ANSWER_MAX), asked).await.map_err(|_| late(&target))?
}

/// A provider that needs longer is asked again.
const ANSWER_MAX: Duration = Duration::from_secs(30);

fn target(url: &str, provider: &Provider) -> Result<(Target, Uri), ConnectError> {
    let wrong = || not_offered("the address of the provider of tokens is none of the web's (https://…)");
    let uri: Uri = url.parse().map_err(|_| wrong())?;
    let tls = match uri.scheme_str() {
        Some("https") => TlsMode::Implicit,
        Some("http") => TlsMode::None,
        _ => return Err(wrong()),
    };
    let host = uri.host().ok_or_else(wrong)?.trim_matches(['[', ']']).to_owned();
    let port = uri.port_u16().unwrap_or(if tls == TlsMode::Implicit { 443 } else { 80 });
    let authority = provider.authority.clone();
    Ok((Target { host, port, tls, authority, is_trusted_line: false }, uri))
}

async fn connect(target: &Target) -> Result<Box<dyn Socket>, ConnectError> {
    let unreachable = |error: std::io::Error| {
        let words = format!("{} does not answer at port {}: {error}", target.host, target.port);
        ConnectError::new(Kind::Unreachable, words)
    };
    let stream = TcpStream::connect((target.host.as_str(), target.port)).await.map_err(unreachable)?;
    if target.tls == TlsMode::Implicit {
        return tls::secure(Box::new(stream), target).await;
    }
    if !stream.peer_addr().is_ok_and(|peer| peer.ip().is_loopback()) {
        return Err(not_offered(
            "the provider of tokens would be asked over a line that can be read: use https",
        ));
    }
    Ok(Box::new(stream))
}

async fn exchange(
    socket: Box<dyn Socket>,
    (target, uri): (&Target, Uri),
    form: Zeroizing<String>,
) -> Result<Said, ConnectError> {
    let broken =
        |error: hyper::Error| ConnectError::new(Kind::Closed, format!("{} broke off: {error}", target.host));
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(socket)).await.map_err(broken)?;
    let path = uri.path_and_query().map_or("/", |path| path.as_str());
    let host = uri.authority().map(|authority| authority.as_str()).unwrap_or_default();
    let request = Request::post(path)
        .header(HOST, host)
        .header(ACCEPT, "application/json")
        .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
        .body(form.as_str().to_owned())
        .map_err(|_| not_offered("the address of the provider of tokens cannot be asked"))?;
    // It ends with the answer, or is dropped with this.
    let answered = async {
        let response = sender.send_request(request).await.map_err(broken)?;
        let status = response.status().as_u16();
        let bytes = read(response.into_body()).await?;
        match serde_json::from_slice(&bytes) {
            Ok(value) => Ok(Said { status, value }),
            Err(_) if status >= 500 => {
                Err(ConnectError::new(Kind::Declined, format!("{} says {status}", target.host)))
            }
            Err(_) => Err(strange()),
        }
    };
    tokio::pin!(connection);
    tokio::pin!(answered);
    tokio::select! {
        biased;
        answer = &mut answered => return answer,
        _ = &mut connection => {}
    }
    answered.await
}

async fn read(mut body: Incoming) -> Result<Zeroizing<Vec<u8>>, ConnectError> {
    let mut bytes = Zeroizing::new(Vec::with_capacity(limits::OAUTH_ANSWER_BYTES_MAX));
    while let Some(frame) = poll_fn(|cx| Pin::new(&mut body).poll_frame(cx)).await {
        let frame =
            frame.map_err(|error| ConnectError::new(Kind::Closed, format!("it broke off: {error}")))?;
        if let Some(data) = frame.data_ref() {
            if bytes.len() + data.len() > limits::OAUTH_ANSWER_BYTES_MAX {
                return Err(ConnectError::new(Kind::Limit, "the provider of tokens says too much"));
            }
            bytes.extend_from_slice(data);
        }
    }
    Ok(bytes)
}

fn late(target: &Target) -> ConnectError {
    ConnectError::new(Kind::TimedOut, format!("{} did not answer in time", target.host))
}
