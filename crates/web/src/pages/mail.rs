//! Mail: every e-mail, newest first.

use std::sync::Arc;

use axum::extract::{Query, State};
use axum::response::Response;

use super::{Listing, Turn};
use crate::desk::{Desk, Sheet};
use crate::session::Signed;
use crate::values::Failure;

const SHEET: Sheet = Sheet { template: "mail.html", section: "mail" };

pub(crate) async fn mail(
    State(desk): State<Arc<Desk>>,
    signed: Signed,
    Query(turn): Query<Turn>,
) -> Result<Response, Failure> {
    let page = turn.page();
    desk.show(signed, SHEET, move |house, visitor| Ok(Listing::new(house.mail(visitor, &page)?, page))).await
}
