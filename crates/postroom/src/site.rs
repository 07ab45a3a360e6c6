//! The web listener: the pages, and beside them what machines ask.
//!
//! `/healthz` says whether the store answers; `/metrics` is for this machine alone, because numbers tell a
//! stranger more than he should know.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{ConnectInfo, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use model::{limits, network};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use web::WebSettings;

use crate::house::House;
use crate::log;

/// Serves until `stop`; then open requests end.
pub(crate) async fn serve(house: Arc<House>, listener: TcpListener, stop: CancellationToken) {
    let settings = WebSettings { secure_cookies: house.settings.web.secure_cookies };
    let pages = web::router(Arc::<House>::clone(&house), settings);
    let site = Router::new()
        .route("/healthz", get(health))
        .route("/metrics", get(metrics))
        .with_state(house)
        .fallback_service(pages);
    let service = site.into_make_service_with_connect_info::<SocketAddr>();
    let serving = axum::serve(listener, service).with_graceful_shutdown(stop.clone().cancelled_owned());
    let patience = async {
        stop.cancelled().await;
        tokio::time::sleep(Duration::from_secs(limits::STOP_SECONDS_MAX)).await;
    };
    tokio::select! {
        ended = serving => if let Err(error) = ended {
            tracing::error!(%error, "the pages ended");
        },
        () = patience => tracing::warn!("requests to the pages were cut off at stop"),
    }
}

async fn health(State(house): State<Arc<House>>) -> Response {
    let store = Arc::clone(&house.store);
    match tokio::task::spawn_blocking(move || store.organizations()).await {
        Ok(Ok(_)) => (StatusCode::OK, "ok\n").into_response(),
        _ => (StatusCode::SERVICE_UNAVAILABLE, "the store does not answer\n").into_response(),
    }
}

async fn metrics(ConnectInfo(peer): ConnectInfo<SocketAddr>, headers: HeaderMap) -> Response {
    // A proxy on this machine brings strangers too, and says so (RFC 7239, and what came before it).
    let is_brought = headers.contains_key(header::FORWARDED) || headers.contains_key("x-forwarded-for");
    let is_here = network::is_loopback(peer.ip()) && !is_brought;
    let Some(handle) = log::metrics().filter(|_| is_here) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    handle.run_upkeep();
    let kind = [(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")];
    (kind, handle.render()).into_response()
}
