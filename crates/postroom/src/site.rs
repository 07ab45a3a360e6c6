//! The web listener: the pages, and beside them what machines ask.
//!
//! What passes through: connections, a limited number at a time, and requests, each with the address of its
//! visitor. `/healthz` says whether the store answers; `/metrics` is for this machine alone where no
//! proxy stands before it, and for whoever brings the token of the settings, because numbers tell a stranger more than he should know.

mod listener;
mod token;
mod visitor;

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::extract::{ConnectInfo, State};
use axum::http::{HeaderMap, StatusCode, Uri, header};
use axum::middleware::from_fn_with_state;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use web::WebSettings;

use crate::house::House;
use crate::log;

/// Serves until `stop`; then open requests end.
pub(crate) async fn serve(house: Arc<House>, listener: TcpListener, stop: CancellationToken) {
    let drain = house.settings.drain();
    listener::serve(listener, site(house), (stop, drain)).await;
}

fn site(house: Arc<House>) -> Router {
    let settings = WebSettings { secure_cookies: house.settings.web.secure_cookies };
    let proxies: Arc<[_]> = house.settings.web.trusted_proxies.clone().into();
    let pages = web::router(Arc::<House>::clone(&house), settings);
    let pages = pages.layer(from_fn_with_state(proxies, visitor::name));
    Router::new()
        .route("/healthz", get(health))
        .route("/metrics", get(metrics))
        .with_state(house)
        .fallback_service(pages)
}

async fn health(State(house): State<Arc<House>>) -> Response {
    let store = Arc::clone(&house.store);
    match tokio::task::spawn_blocking(move || store.organizations()).await {
        Ok(Ok(_)) => (StatusCode::OK, "ok\n").into_response(),
        _ => (StatusCode::SERVICE_UNAVAILABLE, "the store does not answer\n").into_response(),
    }
}

async fn metrics(
    State(house): State<Arc<House>>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    uri: Uri,
    headers: HeaderMap,
) -> Response {
    let settings = &house.settings.web;
    let is_here = !visitor::has_proxy(settings) && visitor::is_here(peer, &uri, &headers);
    let may_know = is_here || token::is_brought(settings, &headers);
    let Some(handle) = log::metrics().filter(|_| may_know) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    if tokio::task::spawn_blocking(move || house.measure()).await.is_err() {
        tracing::error!("the numbers could not be taken, by a fault of ours");
    }
    handle.run_upkeep();
    let kind = [(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")];
    (kind, handle.render()).into_response()
}
