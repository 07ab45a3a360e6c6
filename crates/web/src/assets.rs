//! Style sheets, the key script and pictures: part of the program, cached for ever by their content.

use std::fmt::Write as _;

use axum::extract::{Path, Query};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use rust_embed::{EmbeddedFile, RustEmbed};
use serde::Deserialize;

#[derive(RustEmbed)]
#[folder = "assets/"]
struct Files;

/// What others wrote: see `vendor/README.md`.
#[derive(RustEmbed)]
#[folder = "vendor/"]
#[include = "*.js"]
struct Vendored;

fn file(name: &str) -> Option<EmbeddedFile> {
    Files::get(name).or_else(|| Vendored::get(name))
}

/// The version of an asset that a page asks for.
#[derive(Debug, Deserialize)]
pub(crate) struct Version {
    v: Option<String>,
}

/// Answers with one asset.
pub(crate) async fn asset(Path(name): Path<String>, Query(version): Query<Version>) -> Response {
    let Some((file, kind)) = file(&name).zip(content_type(&name)) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    // Only the address with the right digest may be kept: another one asks for what is not here any more.
    let cache = match version.v {
        Some(digest) if digest == short_digest(&file) => "public, max-age=31536000, immutable",
        _ => "no-cache",
    };
    ([(header::CONTENT_TYPE, kind), (header::CACHE_CONTROL, cache)], file.data.into_owned()).into_response()
}

/// The address of an asset, with the digest of its content.
pub(crate) fn address(name: &str) -> String {
    match file(name) {
        Some(file) => format!("/assets/{name}?v={}", short_digest(&file)),
        None => format!("/assets/{name}"),
    }
}

fn short_digest(file: &EmbeddedFile) -> String {
    file.metadata.sha256_hash().iter().take(6).fold(String::new(), |mut text, byte| {
        // Writing to a string does not fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn content_type(name: &str) -> Option<&'static str> {
    match name.rsplit_once('.')?.1 {
        "css" => Some("text/css; charset=utf-8"),
        "js" => Some("text/javascript; charset=utf-8"),
        "svg" => Some("image/svg+xml"),
        _ => None,
    }
}
