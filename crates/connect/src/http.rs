//! One question by HTTP/1.1 (RFC 9112): bytes go out by POST, bytes come back.
//!
//! *Invariant:* the address that was permitted is the one that is connected to, whatever its name leads to a moment later;
//! a redirect is an answer like any other, and is not followed.

use std::net::IpAddr;

use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::header::HOST;
use hyper::{Request, Uri};
use hyper_util::rt::TokioIo;
use tokio::net::{TcpStream, lookup_host};
use zeroize::Zeroizing;

use crate::error::{ConnectError, Kind};
use crate::target::{Target, TlsMode};
use crate::tls;
use crate::wire::Socket;

/// Where a question goes.
#[derive(Debug, Clone)]
pub struct Place {
    target: Target,
    uri: Uri,
}

impl Place {
    /// Of `https://…` or `http://…`; `authority` is believed instead of the system's certificates. `None` where it is no such
    /// address.
    pub fn parse(url: &str, authority: Option<Vec<u8>>) -> Option<Self> {
        let uri: Uri = url.parse().ok()?;
        let tls = match uri.scheme_str() {
            Some("https") => TlsMode::Implicit,
            Some("http") => TlsMode::None,
            _ => return None,
        };
        let host = uri.host()?.trim_matches(['[', ']']).to_owned();
        let port = uri.port_u16().unwrap_or(if tls == TlsMode::Implicit { 443 } else { 80 });
        Some(Place { target: Target { host, port, tls, authority, is_trusted_line: false }, uri })
    }

    /// The name or address of who is asked.
    pub fn host(&self) -> &str {
        &self.target.host
    }
}

/// A connection, for one question.
pub struct Line {
    socket: Box<dyn Socket>,
    place: Place,
}

/// What came back.
#[derive(Debug)]
pub struct Answer {
    /// Of three digits (RFC 9110 §15).
    pub status: u16,
    /// All of it.
    pub body: Zeroizing<Vec<u8>>,
}

/// Connects, to the first address of the place that answers and is permitted: asked with whether nothing hides what is said.
///
/// # Errors
/// [`Kind::Unreachable`]; [`Kind::Tls`]; [`Kind::NotOffered`] where no address is permitted, in the words of that.
pub async fn open(
    place: &Place,
    permit: impl Fn(IpAddr, bool) -> Result<(), &'static str>,
) -> Result<Line, ConnectError> {
    let target = &place.target;
    let unreachable = |error: std::io::Error| {
        let words = format!("{} does not answer at port {}: {error}", target.host, target.port);
        ConnectError::new(Kind::Unreachable, words)
    };
    let addresses = lookup_host((target.host.as_str(), target.port)).await.map_err(unreachable)?;
    let mut failure = unreachable(std::io::ErrorKind::AddrNotAvailable.into());
    for address in addresses {
        if let Err(words) = permit(address.ip(), target.tls == TlsMode::None) {
            failure = ConnectError::new(Kind::NotOffered, words);
            continue;
        }
        let stream = match TcpStream::connect(address).await {
            Ok(stream) => stream,
            Err(error) => {
                failure = unreachable(error);
                continue;
            }
        };
        let socket: Box<dyn Socket> = match target.tls {
            TlsMode::Implicit => tls::secure(Box::new(stream), target).await?,
            _ => Box::new(stream),
        };
        return Ok(Line { socket, place: place.clone() });
    }
    Err(failure)
}

impl Line {
    /// Asks, and reads an answer of at most so many bytes, whatever its status is.
    ///
    /// # Errors
    /// [`Kind::Closed`] where it breaks off, [`Kind::Limit`] where it says too much: whether the question was heard nobody
    /// knows then.
    pub async fn post(
        self,
        headers: &[(&str, &str)],
        body: Vec<u8>,
        answer_bytes_max: usize,
    ) -> Result<Answer, ConnectError> {
        let Place { target, uri } = self.place;
        let broken = |error: hyper::Error| {
            ConnectError::new(Kind::Closed, format!("{} broke off: {error}", target.host))
        };
        let io = TokioIo::new(self.socket);
        let (mut sender, connection) = hyper::client::conn::http1::handshake(io).await.map_err(broken)?;
        let path = uri.path_and_query().map_or("/", |path| path.as_str());
        let host = uri.authority().map(|authority| authority.as_str()).unwrap_or_default();
        let mut request = Request::post(path).header(HOST, host);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Full::<Bytes>::from(body)).map_err(|_| {
            ConnectError::new(Kind::NotOffered, format!("{} cannot be asked at this address", target.host))
        })?;
        // It ends with the answer, or is dropped with this.
        let answered = async {
            let response = sender.send_request(request).await.map_err(broken)?;
            let status = response.status().as_u16();
            Ok(Answer { status, body: read(response.into_body(), answer_bytes_max).await? })
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
}

async fn read(mut body: Incoming, most: usize) -> Result<Zeroizing<Vec<u8>>, ConnectError> {
    let mut bytes = Zeroizing::new(Vec::new());
    while let Some(frame) = body.frame().await {
        let frame =
            frame.map_err(|error| ConnectError::new(Kind::Closed, format!("it broke off: {error}")))?;
        if let Some(data) = frame.data_ref() {
            if bytes.len() + data.len() > most {
                return Err(ConnectError::new(Kind::Limit, format!("it answers more than {most} bytes")));
            }
            bytes.extend_from_slice(data);
        }
    }
    Ok(bytes)
}
