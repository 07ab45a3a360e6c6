//! Every address of the pages, and the layers that every request passes.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::StatusCode;
use axum::middleware::from_fn;
use axum::routing::{get, post};
use model::limits;
use tokio::sync::Semaphore;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::timeout::TimeoutLayer;

use crate::desk::{Desk, WebSettings};
use crate::pages::{
    drafts, emails, mail, mailboxes, nodes, outbox, records, search, sign_in, signature, templates, today,
    undeliverable, unresolved, write,
};
use crate::values::House;
use crate::{assets, csrf, errors, headers};

/// The pages as a router. Attempts to sign in are counted by the visitor's network, which the extension
/// `ConnectInfo<SocketAddr>` of each request tells (the visitor's, not a proxy's), and all together without it.
pub fn router(house: Arc<dyn House>, settings: WebSettings) -> Router {
    let attempts = sign_in::attempts::Attempts::new();
    let large_forms = Semaphore::new(limits::WRITTEN_LARGE_MAX);
    let desk = Arc::new(Desk { house, settings, attempts, large_forms });
    let pages = routes()
        .fallback(|| async { StatusCode::NOT_FOUND })
        .layer(DefaultBodyLimit::max(limits::FORM_BYTES_MAX))
        .layer(TimeoutLayer::with_status_code(StatusCode::SERVICE_UNAVAILABLE, PAGE_TIME_MAX));
    // Only where files are brought a form may be large, and take its time.
    let letters = Router::new()
        .route("/write", get(write::begin).post(write::press))
        .layer(DefaultBodyLimit::max(write::BYTES_MAX))
        .layer(TimeoutLayer::with_status_code(StatusCode::SERVICE_UNAVAILABLE, write::TIME_MAX));
    let written_templates = Router::new()
        .route("/templates/new", get(templates::edit::begin).post(templates::edit::press_new))
        .route("/templates/{id}/edit", get(templates::edit::change).post(templates::edit::press_known))
        .layer(DefaultBodyLimit::max(templates::edit::BYTES_MAX))
        .layer(TimeoutLayer::with_status_code(StatusCode::SERVICE_UNAVAILABLE, PAGE_TIME_MAX));
    pages
        .merge(letters)
        .merge(written_templates)
        .with_state(desk)
        .layer(from_fn(csrf::same_site))
        .layer(CatchPanicLayer::custom(errors::after_panic))
        .layer(from_fn(errors::dress))
        .layer(from_fn(headers::protect))
}

fn routes() -> Router<Arc<Desk>> {
    Router::new()
        .route("/", get(today::today))
        .route("/mail", get(mail::mail))
        .route("/search", get(search::search))
        .route("/people", get(records::people))
        .route("/companies", get(records::companies))
        .route("/leads", get(records::leads))
        .route("/contacts/{id}", get(records::contact))
        .route("/accounts/{id}", get(records::account))
        .route("/leads/{id}", get(records::lead))
        .route("/emails/{id}", get(emails::email))
        .route("/emails/{id}/body", get(emails::body))
        .route("/emails/{id}/source", get(emails::source))
        .route("/emails/{id}/attachments/{attachment}", get(emails::attachment))
        .route("/emails/{id}/undo", post(outbox::undo))
        .route("/write/recipients", get(write::recipients))
        .route("/unresolved", get(unresolved::unresolved))
        .route("/undeliverable", get(undeliverable::undeliverable))
        .route("/undeliverable/replay", post(undeliverable::replay_all))
        .route("/undeliverable/{id}", get(undeliverable::mail))
        .route("/undeliverable/{id}/source", get(undeliverable::source))
        .route("/undeliverable/{id}/file", get(undeliverable::file))
        .route("/undeliverable/{id}/replay", post(undeliverable::replay))
        .route("/undeliverable/{id}/dismiss", post(undeliverable::dismiss))
        .route("/quarantine", get(undeliverable::quarantine))
        .route("/mailboxes", get(mailboxes::mailboxes))
        .route("/mailboxes/{id}/{verb}", post(mailboxes::change))
        .route("/nodes", get(nodes::nodes))
        .route("/outbox", get(outbox::outbox))
        .route("/outbox/{standing}", get(outbox::standing))
        .route("/outbox/{id}/{verb}", post(outbox::change))
        .route("/drafts", get(drafts::drafts))
        .route("/drafts/{id}/discard", post(drafts::discard))
        .route("/templates", get(templates::templates))
        .route("/templates/{id}", get(templates::template))
        .route("/templates/{id}/remove", post(templates::edit::remove))
        .route("/signature", get(signature::signature).post(signature::keep))
        .route("/sign-in", get(sign_in::form).post(sign_in::sign_in))
        .route("/sign-out", post(sign_in::sign_out))
        .route("/assets/{name}", get(assets::asset))
}

/// Longer than any page takes; then the visitor is told, rather than left waiting.
pub(crate) const PAGE_TIME_MAX: Duration = Duration::from_secs(30);
