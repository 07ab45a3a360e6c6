//! Nodes: the processes that serve, for administrators.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;

use crate::desk::{Desk, Sheet};
use crate::session::Signed;
use crate::values::Failure;

const SHEET: Sheet = Sheet { template: "nodes.html", section: "nodes" };

pub(crate) async fn nodes(State(desk): State<Arc<Desk>>, signed: Signed) -> Result<Response, Failure> {
    desk.show(signed, SHEET, |house, visitor| {
        // For everybody else there is no such page.
        if visitor.is_administrator { house.nodes(visitor) } else { Err(Failure::NotFound) }
    })
    .await
}
