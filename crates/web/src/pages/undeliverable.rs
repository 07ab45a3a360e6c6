//! Undeliverable: mail that could not be processed, kept for an administrator, and what he does about it.
//!
//! *Invariant:* nobody else reads any of it. Whose it is nobody knows yet: it may be from a user's own mailbox.

use std::sync::Arc;

use axum::extract::{Form, Path, Query, State};
use axum::response::{IntoResponse, Redirect, Response};
use model::Id;
use serde::{Deserialize, Serialize};

use super::{Listing, Turn, administrator, given, id, source_text};
use crate::desk::{Desk, Sheet};
use crate::session::Signed;
use crate::values::{Failure, UndeliverableLine};

const SHEET: Sheet = Sheet { template: "undeliverable.html", section: "undeliverable" };
const APART: Sheet = Sheet { template: "quarantine.html", section: "quarantine" };
const ONE: Sheet = Sheet { template: "undeliverable_mail.html", section: "undeliverable" };

/// What a replay of all came to, in the address of the page that follows it.
#[derive(Debug, Default, Deserialize, Serialize)]
pub(crate) struct Done {
    ended: Option<u64>,
    waiting: Option<u64>,
    left: Option<u64>,
}

#[derive(Debug, Serialize)]
struct Waiting {
    #[serde(flatten)]
    listing: Listing<UndeliverableLine>,
    done: Done,
}

pub(crate) async fn undeliverable(
    State(desk): State<Arc<Desk>>,
    signed: Signed,
    Query(turn): Query<Turn>,
    Query(done): Query<Done>,
) -> Result<Response, Failure> {
    administrator(&signed.visitor)?;
    let page = turn.page();
    desk.show(signed, SHEET, move |house, visitor| {
        Ok(Waiting { listing: Listing::new(house.undeliverable(visitor, &page)?, page), done })
    })
    .await
}

/// What could be processed, and is kept apart.
pub(crate) async fn quarantine(
    State(desk): State<Arc<Desk>>,
    signed: Signed,
    Query(turn): Query<Turn>,
) -> Result<Response, Failure> {
    administrator(&signed.visitor)?;
    let page = turn.page();
    desk.show(signed, APART, move |house, visitor| Ok(Listing::new(house.quarantine(visitor, &page)?, page)))
        .await
}

pub(crate) async fn mail(
    State(desk): State<Arc<Desk>>,
    signed: Signed,
    path: Path<String>,
) -> Result<Response, Failure> {
    let id = id(path)?;
    administrator(&signed.visitor)?;
    desk.show(signed, ONE, move |house, visitor| house.undeliverable_mail(visitor, id)).await
}

pub(crate) async fn source(
    State(desk): State<Arc<Desk>>,
    signed: Signed,
    path: Path<String>,
) -> Result<Response, Failure> {
    let (_, bytes) = kept(&desk, signed, path).await?;
    Ok(source_text(bytes, "undeliverable"))
}

/// The bytes that are kept of one, for an administrator.
async fn kept(desk: &Desk, signed: Signed, path: Path<String>) -> Result<(Id, Vec<u8>), Failure> {
    let id = id(path)?;
    administrator(&signed.visitor)?;
    Ok((id, desk.ask(move |house| house.undeliverable_source(&signed.visitor, id)).await?))
}

/// The same as a file, for another program to open.
pub(crate) async fn file(
    State(desk): State<Arc<Desk>>,
    signed: Signed,
    path: Path<String>,
) -> Result<Response, Failure> {
    let (id, bytes) = kept(&desk, signed, path).await?;
    Ok(given(bytes, "message/rfc822", &format!("attachment; filename=\"{id}.eml\"")))
}

pub(crate) async fn replay(
    State(desk): State<Arc<Desk>>,
    signed: Signed,
    path: Path<String>,
) -> Result<Response, Failure> {
    let id = id(path)?;
    administrator(&signed.visitor)?;
    desk.ask(move |house| house.replay(&signed.visitor, id)).await?;
    Ok(Redirect::to(&format!("/undeliverable/{id}")).into_response())
}

pub(crate) async fn replay_all(State(desk): State<Arc<Desk>>, signed: Signed) -> Result<Response, Failure> {
    administrator(&signed.visitor)?;
    let all = desk.ask(move |house| house.replay_all(&signed.visitor)).await?;
    let (ended, waiting, left) = (all.ended, all.waiting, all.left);
    let path = format!("/undeliverable?ended={ended}&waiting={waiting}&left={left}");
    Ok(Redirect::to(&path).into_response())
}

/// Why a mail is dismissed.
#[derive(Debug, Deserialize)]
pub(crate) struct Dismissal {
    #[serde(default)]
    reason: String,
}

pub(crate) async fn dismiss(
    State(desk): State<Arc<Desk>>,
    signed: Signed,
    path: Path<String>,
    Form(sent): Form<Dismissal>,
) -> Result<Response, Failure> {
    let id = id(path)?;
    administrator(&signed.visitor)?;
    desk.ask(move |house| house.dismiss(&signed.visitor, id, &sent.reason)).await?;
    Ok(Redirect::to(&format!("/undeliverable/{id}")).into_response())
}
