//! Templates: which there are, and what one becomes for a record. They are changed by commands.

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
}

/// For which record a template is shown.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct For {
    #[serde(default)]
    record: String,
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
    let asked: String = asked.record.trim().chars().take(limits::ADDRESS_BYTES_MAX).collect();
    desk.show(signed, ONE, move |house, visitor| {
        Ok(Shown { template: house.template(visitor, id, &asked)?, asked })
    })
    .await
}
