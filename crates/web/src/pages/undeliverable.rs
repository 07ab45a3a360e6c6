//! Undeliverable: mail that could not be processed, kept whole.

use std::sync::Arc;

use axum::extract::{Path, Query, State};
use axum::response::Response;

use super::{Listing, Turn, id, source_text};
use crate::desk::{Desk, Sheet};
use crate::session::Signed;
use crate::values::Failure;

const SHEET: Sheet = Sheet { template: "undeliverable.html", section: "undeliverable" };

pub(crate) async fn undeliverable(
    State(desk): State<Arc<Desk>>,
    signed: Signed,
    Query(turn): Query<Turn>,
) -> Result<Response, Failure> {
    let page = turn.page();
    desk.show(signed, SHEET, move |house, visitor| {
        Ok(Listing::new(house.undeliverable(visitor, &page)?, page))
    })
    .await
}

pub(crate) async fn source(
    State(desk): State<Arc<Desk>>,
    signed: Signed,
    path: Path<String>,
) -> Result<Response, Failure> {
    let id = id(path)?;
    let bytes = desk.ask(move |house| house.undeliverable_source(&signed.visitor, id)).await?;
    Ok(source_text(bytes, "undeliverable"))
}
