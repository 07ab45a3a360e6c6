//! Templates: which there are, what one becomes for a record, and writing them.

pub(crate) mod edit;

use std::sync::Arc;

use axum::extract::{Path, Query, State};
use axum::response::Response;
use model::limits;
use serde::{Deserialize, Serialize};

use super::id;
use crate::desk::{Desk, Sheet};
use crate::session::Signed;
use crate::values::{Failure, TemplateLine, TemplatePage};

const LIST: Sheet = Sheet { template: "templates.html", section: "outbox" };
const ONE: Sheet = Sheet { template: "template.html", section: "outbox" };

#[derive(Debug, Serialize)]
struct Templates {
    templates: Vec<TemplateLine>,
}

#[derive(Debug, Serialize)]
struct Shown {
    #[serde(flatten)]
    template: TemplatePage,
    /// The record that was asked for, as it was typed.
    asked: String,
    /// Whether it was kept just now.
    is_kept: bool,
}

/// For which record a template is shown.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct For {
    #[serde(default)]
    record: String,
    kept: Option<u8>,
}

pub(crate) async fn templates(State(desk): State<Arc<Desk>>, signed: Signed) -> Result<Response, Failure> {
    desk.show(signed, LIST, |house, visitor| Ok(Templates { templates: house.templates(visitor)? })).await
}

pub(crate) async fn template(
    State(desk): State<Arc<Desk>>,
    signed: Signed,
    path: Path<String>,
    Query(asked): Query<For>,
) -> Result<Response, Failure> {
    let id = id(path)?;
    let (is_kept, record) = (asked.kept.is_some(), cut(&asked.record));
    desk.show(signed, ONE, move |house, visitor| {
        Ok(Shown { template: house.template(visitor, id, &record)?, asked: record, is_kept })
    })
    .await
}

/// An id or an address of a record, as long as either can be.
fn cut(record: &str) -> String {
    record.trim().chars().take(limits::ADDRESS_BYTES_MAX).collect()
}
