//! Turns failures into pages: what happened, in a sentence, and the next step.
//!
//! Handlers and layers answer with a bare status; [`dress`] gives every such answer its page.

use axum::extract::Request;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{Html, IntoResponse, Redirect, Response};
use minijinja::context;

use crate::render;
use crate::values::Failure;

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let status = match self {
            Failure::NotSignedIn => return Redirect::to("/sign-in").into_response(),
            Failure::NotFound => StatusCode::NOT_FOUND,
            Failure::NotSaid => StatusCode::CONFLICT,
            Failure::TryLater => StatusCode::SERVICE_UNAVAILABLE,
            Failure::TooMany => StatusCode::TOO_MANY_REQUESTS,
            Failure::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        };
        let mut response = status.into_response();
        if self.is_temporary() {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("60"));
        }
        response
    }
}

/// Gives errors without a page the page of their status.
pub(crate) async fn dress(request: Request, next: Next) -> Response {
    let is_letter = request.uri().path() == "/write";
    let response = next.run(request).await;
    let is_error = response.status().is_client_error() || response.status().is_server_error();
    if !is_error || is_html(response.headers()) {
        return response;
    }
    let mut dressed = match (response.status(), is_letter) {
        (StatusCode::PAYLOAD_TOO_LARGE, true) => {
            page_of(StatusCode::PAYLOAD_TOO_LARGE, ("That is too much for one mail", TOO_LARGE_LETTER))
        }
        (status, _) => error_page(status),
    };
    for (name, value) in response.headers() {
        if *name == header::RETRY_AFTER || *name == header::ALLOW {
            dressed.headers_mut().insert(name, value.clone());
        }
    }
    dressed
}

/// The answer to a panic: the server lives on.
pub(crate) fn after_panic(_: Box<dyn std::any::Any + Send + 'static>) -> Response {
    tracing::error!("a page panicked");
    StatusCode::INTERNAL_SERVER_ERROR.into_response()
}

/// The page of a status.
fn error_page(status: StatusCode) -> Response {
    page_of(status, phrase(status))
}

fn page_of(status: StatusCode, (headline, words): (&str, &str)) -> Response {
    let try_again = matches!(status.as_u16(), 408 | 429 | 500 | 503);
    let values = context! { status => status.as_u16(), headline, words, try_again };
    match render::page("error.html", values) {
        Ok(page) => (status, page).into_response(),
        // The template of errors itself failed: a page that needs none.
        Err(_) => (status, Html(format!("<!doctype html><title>Postroom</title><h1>{headline}</h1>")))
            .into_response(),
    }
}

const TOO_LARGE_LETTER: &str = "Files may have 30 MB together, and texts 4 MB. Nothing was sent. Go back: your browser may still \
    have what you wrote. Choose fewer or smaller files.";

/// What happened, as headline and sentence.
fn phrase(status: StatusCode) -> (&'static str, &'static str) {
    match status.as_u16() {
        403 => (
            "This came from somewhere else",
            "The request was not sent from a page of Postroom, so nothing was changed. Open the page again and repeat it there.",
        ),
        404 => (
            "Nothing at this address",
            "The page was moved or never existed, or it belongs to somebody else. Try a search, or begin at Today.",
        ),
        405 => (
            "This page cannot do that",
            "It can be looked at, and nothing else. Open it again from the menu.",
        ),
        408 | 503 => (
            "The house is busy just now",
            "Nothing is lost: mail is kept before it is answered. Try again in a minute.",
        ),
        413 => ("That is too much at once", "Forms here take 64 KiB. Shorten the text and send it again."),
        409 => ("Say why", "Nothing was changed. Go back, and give the reason: it stands in the books."),
        429 => ("Too many attempts", "Wait a minute, then try again. Nothing was changed."),
        400..=499 => {
            ("This request could not be read", "Open the page again from the menu and repeat what you did.")
        }
        _ => (
            "Something broke on our side",
            "Mail is not affected. Try again; if it stays like this, tell your administrator the time and the address of this page.",
        ),
    }
}

fn is_html(headers: &HeaderMap) -> bool {
    headers.get(header::CONTENT_TYPE).is_some_and(|kind| kind.as_bytes().starts_with(b"text/html"))
}
