//! Signing in and out.

use std::sync::Arc;

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
    if !desk.attempts.allow(peer) {
        return refused(
            StatusCode::TOO_MANY_REQUESTS,
            &sent,
            "Too many attempts. Wait a minute, then try again.",
        );
    }
    let (address, password) = (sent.address.trim().to_owned(), sent.password.clone());
    if address.len() > limits::ADDRESS_BYTES_MAX {
        return refused(StatusCode::FORBIDDEN, &sent, WRONG);
    }
    match desk.ask(move |house| house.sign_in(&address, &password)).await {
        Ok(signed_in) => {
            let cookie = session::opening(&signed_in.token, desk.settings).ok_or(Failure::Internal)?;
            Ok(([(header::SET_COOKIE, cookie)], Redirect::to(session::local_path(&sent.to))).into_response())
        }
        Err(Failure::NotSignedIn | Failure::NotFound) => refused(StatusCode::FORBIDDEN, &sent, WRONG),
        Err(Failure::TooMany) => {
            refused(StatusCode::TOO_MANY_REQUESTS, &sent, "Too many attempts. Wait a minute, then try again.")
        }
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

fn refused(status: StatusCode, sent: &Credentials, words: &str) -> Result<Response, Failure> {
    let mut response = form_page(&sent.address, &sent.to, words)?;
    *response.status_mut() = status;
    Ok(response)
}

fn form_page(address: &str, to: &str, error: &str) -> Result<Response, Failure> {
    render::page("sign_in.html", context! { address, to => session::local_path(to), error })
}
