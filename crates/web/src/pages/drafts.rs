//! Drafts: what the visitor wrote and has not sent. Nobody else sees them.

use std::sync::Arc;

use axum::extract::{Path, Query, State};
use axum::response::{IntoResponse, Redirect, Response};
use serde::Serialize;

use super::{Listing, Turn, id};
use crate::desk::{Desk, Sheet};
use crate::session::Signed;
use crate::values::{DraftLine, Failure, OutboxStanding};

const SHEET: Sheet = Sheet { template: "drafts.html", section: "outbox" };

#[derive(Debug, Serialize)]
struct Shown {
    #[serde(flatten)]
    listing: Listing<DraftLine>,
    /// The other tabs of the outbox.
    tabs: [&'static str; 4],
}

pub(crate) async fn drafts(
    State(desk): State<Arc<Desk>>,
    signed: Signed,
    Query(turn): Query<Turn>,
) -> Result<Response, Failure> {
    let page = turn.page();
    desk.show(signed, SHEET, move |house, visitor| {
        let list = house.drafts(visitor, &page)?;
        Ok(Shown { listing: Listing::new(list, page), tabs: OutboxStanding::TABS.map(OutboxStanding::path) })
    })
    .await
}

pub(crate) async fn discard(
    State(desk): State<Arc<Desk>>,
    signed: Signed,
    path: Path<String>,
) -> Result<Response, Failure> {
    let id = id(path)?;
    desk.ask(move |house| house.discard_draft(&signed.visitor, (id, None))).await?;
    Ok(Redirect::to("/drafts").into_response())
}
