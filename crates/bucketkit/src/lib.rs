//! A bucket for tests: an S3 server on loopback that keeps its objects in files, and can be told to misbehave.
//!
//! What passes through: signed requests of a store under test. The server is a crate that others use as well (s3s-fs),
//! so it is no mirror of our own mistakes; it runs in the process of the test and ends with it.

use std::convert::Infallible;
use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use http_body::{Body as HttpBody, Frame};
use hyper::body::{Bytes, Incoming};
use hyper::header::IF_NONE_MATCH;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use s3s::Body;
use s3s::auth::SimpleAuth;
use s3s::service::{S3Service, S3ServiceBuilder};
use tokio::runtime::Runtime;

/// The access key that the server knows.
pub const KEY: &str = "postroom-test";
/// Its secret.
pub const SECRET: &str = "a secret of tests alone";
/// The bucket that is there from the beginning.
pub const BUCKET: &str = "mail";

/// How the server treats requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Manner {
    /// As it should.
    Serve,
    /// It takes requests and never answers.
    Silent,
    /// It closes the connection instead of an answer.
    Cut,
    /// It does what is asked, and closes the connection instead of saying so.
    CutAfter,
    /// The same, where something is removed; it serves everything else.
    CutAfterRemoval,
    /// It knows no conditions on a request that writes: 501 with the code `NotImplemented`.
    Unconditional,
    /// 503 with the code `SlowDown`.
    Busy,
    /// It answers with a header and never comes to an end with the body.
    Drip,
    /// 403 with this code, as servers do where a signature is right and the time is not.
    WrongTime,
    /// 301 with the code `PermanentRedirect`.
    OtherRegion,
}

/// A running server; it ends when it is dropped.
pub struct BucketServer {
    address: SocketAddr,
    folder: tempfile::TempDir,
    shared: Arc<Shared>,
    runtime: Option<Runtime>,
}

struct Shared {
    manner: Mutex<Manner>,
    requests: AtomicU64,
    /// Held while something is written on a condition: stores do that at once, this server looks and then writes.
    conditions: tokio::sync::Mutex<()>,
}

impl BucketServer {
    /// Starts a server with one bucket on a free port of loopback.
    ///
    /// # Errors
    /// Where there is no port, no thread or no folder.
    pub fn start() -> io::Result<BucketServer> {
        let folder = tempfile::tempdir()?;
        std::fs::create_dir(folder.path().join(BUCKET))?;
        let files = s3s_fs::FileSystem::new(folder.path()).map_err(|_| io::Error::other("no file system"))?;
        let mut builder = S3ServiceBuilder::new(files);
        builder.set_auth(SimpleAuth::from_single(KEY, SECRET));
        let service = builder.build();
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let (manner, requests) = (Mutex::new(Manner::Serve), AtomicU64::new(0));
        let shared = Arc::new(Shared { manner, requests, conditions: tokio::sync::Mutex::default() });
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
        runtime.spawn(serve(listener, service, Arc::clone(&shared)));
        Ok(BucketServer { address, folder, shared, runtime: Some(runtime) })
    }

    /// `http://127.0.0.1:port`.
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Changes its manner for all requests from now on.
    pub fn behave(&self, manner: Manner) {
        *self.shared.manner.lock().unwrap_or_else(PoisonError::into_inner) = manner;
    }

    /// Requests so far.
    pub fn requests(&self) -> u64 {
        self.shared.requests.load(Ordering::SeqCst)
    }

    /// The folder whose folders are its buckets.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The files of the objects in [`BUCKET`], in order.
    pub fn objects(&self) -> Vec<PathBuf> {
        let mut found = Vec::new();
        collect(&self.folder.path().join(BUCKET), &mut found);
        found.sort();
        found
    }
}

impl Drop for BucketServer {
    /// Without waiting, for it may be dropped on a thread of another runtime.
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

fn collect(folder: &Path, found: &mut Vec<PathBuf>) {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    for path in entries.map(|entry| entry.path()) {
        if path.is_dir() {
            collect(&path, found);
        } else {
            found.push(path);
        }
    }
}

async fn serve(listener: TcpListener, service: S3Service, shared: Arc<Shared>) {
    let Ok(listener) = tokio::net::TcpListener::from_std(listener) else { return };
    while let Ok((stream, _)) = listener.accept().await {
        let (service, shared) = (service.clone(), Arc::clone(&shared));
        let answer = service_fn(move |request| answer(service.clone(), Arc::clone(&shared), request));
        let connection =
            hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), answer);
        tokio::spawn(connection);
    }
}

/// The connection is to be closed without an answer.
#[derive(Debug)]
struct Cut;

impl std::fmt::Display for Cut {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("cut off on purpose")
    }
}

impl std::error::Error for Cut {}

async fn answer(
    service: S3Service,
    shared: Arc<Shared>,
    request: Request<Incoming>,
) -> Result<Response<Body>, Cut> {
    shared.requests.fetch_add(1, Ordering::SeqCst);
    let manner = *shared.manner.lock().unwrap_or_else(PoisonError::into_inner);
    let is_conditional = request.headers().contains_key(IF_NONE_MATCH);
    let _turn = if is_conditional { Some(shared.conditions.lock().await) } else { None };
    match manner {
        Manner::Serve => service.call(request.map(Body::from)).await.map_err(|_| Cut),
        Manner::Silent => std::future::pending().await,
        Manner::Cut => Err(Cut),
        Manner::CutAfter => {
            let _ = service.call(request.map(Body::from)).await;
            Err(Cut)
        }
        Manner::CutAfterRemoval => {
            let is_removal = request.method() == Method::DELETE;
            let served = service.call(request.map(Body::from)).await.map_err(|_| Cut);
            if is_removal { Err(Cut) } else { served }
        }
        Manner::Unconditional if is_conditional => refusal(StatusCode::NOT_IMPLEMENTED, "NotImplemented"),
        Manner::Unconditional => service.call(request.map(Body::from)).await.map_err(|_| Cut),
        Manner::Busy => refusal(StatusCode::SERVICE_UNAVAILABLE, "SlowDown"),
        Manner::WrongTime => refusal(StatusCode::FORBIDDEN, "RequestTimeTooSkewed"),
        Manner::OtherRegion => refusal(StatusCode::MOVED_PERMANENTLY, "PermanentRedirect"),
        Manner::Drip => Ok(Response::new(Body::http_body(Drip(true)))),
    }
}

fn refusal(status: StatusCode, code: &str) -> Result<Response<Body>, Cut> {
    let body =
        format!("<?xml version=\"1.0\"?><Error><Code>{code}</Code><Message>on purpose</Message></Error>");
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    Ok(response)
}

/// A body of which a byte comes, and never more.
struct Drip(bool);

impl HttpBody for Drip {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if std::mem::take(&mut self.0) {
            return Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(b"x")))));
        }
        Poll::Pending
    }
}
