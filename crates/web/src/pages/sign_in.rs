//! Signing in and out.

pub(crate) mod attempts;

use std::sync::Arc;
use std::time::Instant;

use axum::extract::{Form, Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use minijinja::context;
use model::limits;
use serde::Deserialize;

use crate::desk::Desk;
use crate::render;
use crate::session::{self, Peer};
use crate::values::Failure;

/// Where to go after signing in.
#[derive(Debug, Deserialize)]
pub(crate) struct Target {
    #[serde(default)]
    to: String,
}

/// The form as it is sent. It has no `Debug`: a password belongs in no log.
#[derive(Deserialize)]
pub(crate) struct Credentials {
    address: String,
    password: String,
    #[serde(default)]
    to: String,
}

pub(crate) async fn form(Query(target): Query<Target>) -> Result<Response, Failure> {
    form_page("", &target.to, "")
}

pub(crate) async fn sign_in(
    State(desk): State<Arc<Desk>>,
    Peer(peer): Peer,
    Form(sent): Form<Credentials>,
) -> Result<Response, Failure> {
    let (address, password) = (sent.address.trim().to_owned(), sent.password.clone());
    if address.len() > limits::ADDRESS_BYTES_MAX {
        return refused(StatusCode::FORBIDDEN, &sent, WRONG);
    }
    let Some(attempt) = desk.attempts.begin(peer, &address, Instant::now()) else {
        return refused(StatusCode::TOO_MANY_REQUESTS, &sent, TOO_MANY);
    };
    let place = desk.attempts.place().await;
    let answer = desk.ask(move |house| {
        // Held until the check ends, though the visitor may have gone before.
        let _place = place;
        house.sign_in(&address, &password)
    });
    let answer = answer.await;
    if !matches!(answer, Err(Failure::NotSignedIn | Failure::NotFound)) {
        desk.attempts.take_back(attempt);
    }
    match answer {
        Ok(signed_in) => {
            let cookie = session::opening(&signed_in.token, desk.settings).ok_or(Failure::Internal)?;
            Ok(([(header::SET_COOKIE, cookie)], Redirect::to(session::local_path(&sent.to))).into_response())
        }
        Err(Failure::NotSignedIn | Failure::NotFound) => refused(StatusCode::FORBIDDEN, &sent, WRONG),
        Err(Failure::TooMany) => refused(StatusCode::TOO_MANY_REQUESTS, &sent, TOO_MANY),
        Err(failure) => Err(failure),
    }
}

pub(crate) async fn sign_out(State(desk): State<Arc<Desk>>, headers: HeaderMap) -> Result<Response, Failure> {
    if let Some(token) = session::token(&headers, desk.settings) {
        desk.ask(move |house| house.sign_out(&token)).await?;
    }
    let cookie = session::closing(desk.settings).ok_or(Failure::Internal)?;
    Ok(([(header::SET_COOKIE, cookie)], Redirect::to("/sign-in")).into_response())
}

/// One sentence for a wrong address and a wrong password, so that nobody learns who has an account.
const WRONG: &str =
    "Address and password do not belong together. Try again, or ask your administrator for a new password.";

const TOO_MANY: &str = "Too many attempts. Wait a minute, then try again.";

fn refused(status: StatusCode, sent: &Credentials, words: &str) -> Result<Response, Failure> {
    let mut response = form_page(&sent.address, &sent.to, words)?;
    *response.status_mut() = status;
    Ok(response)
}

fn form_page(address: &str, to: &str, error: &str) -> Result<Response, Failure> {
    render::page("sign_in.html", context! { address, to => session::local_path(to), error })
}
