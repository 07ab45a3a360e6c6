//! Serves the sample world, to look at the pages: `cargo run -p web --example sample -- 8090`.
//!
//! Sign in as jane@crm.test with "correct horse battery". With `signed-in` after the port every visitor
//! is signed in already, with `administrator` an administrator signs in; with `alarm` the books do not add up; with `empty` nothing has arrived yet; with `failing` the house cannot answer.

#[allow(clippy::unwrap_used, clippy::expect_used, reason = "sample values")]
#[path = "../tests/it/world.rs"]
mod world;

use std::net::SocketAddr;
use std::sync::Arc;

use axum::extract::Request;
use axum::http::{HeaderValue, header};
use axum::middleware::{Next, from_fn};
use model::Timestamp;
use web::{Failure, House, WebSettings};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let has = |word: &str| words.iter().any(|given| given == word);
    let port: u16 = words.first().and_then(|word| word.parse().ok()).unwrap_or(8090);

    let mut world = world::World::new(Timestamp(jiff::Timestamp::now().as_millisecond()));
    world.is_empty = has("empty");
    world.has_administrator = has("administrator");
    if has("alarm") {
        world.alarms = vec!["2026-11-20: 2 of the copies seen at mailbox:crm have no end".to_owned()];
    }
    let cookie = format!("postroom={}", world.sign_in(world::ADDRESS, world::PASSWORD)?.token);
    world.failing = has("failing").then_some(Failure::TryLater);

    let mut pages = web::router(Arc::new(world), WebSettings::default());
    if has("signed-in") {
        let cookie = HeaderValue::from_str(&cookie)?;
        pages = pages.layer(from_fn(move |mut request: Request, next: Next| {
            request.headers_mut().insert(header::COOKIE, cookie.clone());
            next.run(request)
        }));
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let listener = tokio::net::TcpListener::bind(("127.0.0.1", port)).await?;
        eprintln!("http://{}/", listener.local_addr()?);
        axum::serve(listener, pages.into_make_service_with_connect_info::<SocketAddr>()).await
    })?;
    Ok(())
}
