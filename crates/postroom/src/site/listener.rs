//! Connections to the pages: accepted while there is a place, given up when no request comes over them.
//!
//! *Invariant:* a connection that says nothing, or half of something, ends within
//! `limits::WEB_HEADER_SECONDS_MAX`, so strangers cannot hold all places without work.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::connect_info::ConnectInfo;
use axum::{Extension, Router};
use hyper::server::conn::http1::Builder;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use model::limits;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// Serves until `stop`; then accepts no more, and lets open requests end within `drain`.
pub(super) async fn serve(listener: TcpListener, site: Router, (stop, drain): (CancellationToken, Duration)) {
    let places = Arc::new(Semaphore::new(limits::WEB_CONNECTIONS_MAX));
    let mut open = JoinSet::new();
    loop {
        tokio::select! {
            () = stop.cancelled() => break,
            Some(_) = open.join_next() => {}
            accepted = accept(&listener, &places) => match accepted {
                Ok((place, stream, peer)) => {
                    let (site, stop) = (site.clone(), stop.clone());
                    open.spawn(async move {
                        let _place = place;
                        converse(stream, site.layer(Extension(ConnectInfo(peer))), stop).await;
                    });
                }
                Err(error) => {
                    tracing::warn!(%error, "a connection to the pages was not accepted");
                    tokio::time::sleep(AFTER_FAILURE).await;
                }
            },
        }
    }
    drop(listener);
    let all_ended = async { while open.join_next().await.is_some() {} };
    if tokio::time::timeout(drain, all_ended).await.is_err() {
        tracing::warn!("requests to the pages were cut off at stop");
    }
}

/// Out of files, accepting fails at once and again; until some are closed there is nothing to hurry for.
const AFTER_FAILURE: Duration = Duration::from_secs(1);

/// The next connection. Whoever comes when all places are taken waits in the queue of the system.
async fn accept(
    listener: &TcpListener,
    places: &Arc<Semaphore>,
) -> io::Result<(OwnedSemaphorePermit, TcpStream, SocketAddr)> {
    let place = Arc::clone(places).acquire_owned().await.map_err(io::Error::other)?;
    let (stream, peer) = listener.accept().await?;
    Ok((place, stream, peer))
}

/// Answers requests over one connection until it ends, or until the one under way at `stop` is answered.
async fn converse(stream: TcpStream, site: Router, stop: CancellationToken) {
    let mut builder = Builder::new();
    let patience = Duration::from_secs(limits::WEB_HEADER_SECONDS_MAX);
    builder.timer(TokioTimer::new()).header_read_timeout(patience);
    let connection = builder.serve_connection(TokioIo::new(stream), TowerToHyperService::new(site));
    let mut connection = std::pin::pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = stop.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection to the pages ended early");
    }
}

#[cfg(test)]
mod tests {
    use axum::routing::get;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    async fn start() -> (SocketAddr, CancellationToken) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (address, stop) = (listener.local_addr().unwrap(), CancellationToken::new());
        let whose = |ConnectInfo(peer): ConnectInfo<SocketAddr>| async move { peer.ip().to_string() };
        let site = Router::new().route("/", get(whose));
        tokio::spawn(serve(listener, site, (stop.clone(), Duration::from_secs(5))));
        (address, stop)
    }

    async fn say(address: SocketAddr, words: &str) -> TcpStream {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(words.as_bytes()).await.unwrap();
        stream
    }

    /// What is said until the connection ends.
    async fn hear(stream: &mut TcpStream) -> String {
        let mut heard = String::new();
        stream.read_to_string(&mut heard).await.unwrap();
        heard
    }

    // The clock stands still and jumps to the next timer when nothing else can go on.
    #[tokio::test(start_paused = true)]
    async fn who_says_half_of_something_or_nothing_is_not_waited_for() {
        let (address, _stop) = start().await;
        for words in ["", "GET / HTTP/1.1\r\nHost: x\r\nX: ", "GET / HT"] {
            let mut stream = say(address, words).await;
            let before = tokio::time::Instant::now();
            hear(&mut stream).await;
            let waited = before.elapsed().as_secs();
            assert!((1..=limits::WEB_HEADER_SECONDS_MAX + 1).contains(&waited), "{words}: {waited} s");
        }
        let mut stream = say(address, "GET / HTTP/1.1\r\nHost: x\r\n\r\n").await;
        let heard = hear(&mut stream).await;
        assert!(heard.ends_with("127.0.0.1"), "answered, then closed when no more came: {heard}");
    }
}
