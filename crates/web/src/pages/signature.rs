//! The visitor's signature: what stands below each letter that he begins.

use std::sync::Arc;

use axum::extract::{Form, Query, State};
use axum::response::{IntoResponse, Redirect, Response};
use serde::{Deserialize, Serialize};

use crate::desk::{Desk, Sheet};
use crate::session::Signed;
use crate::values::{Failure, Signature};

const SHEET: Sheet = Sheet { template: "signature.html", section: "outbox" };

#[derive(Debug, Serialize)]
struct Shown {
    signature: Signature,
    /// Whether it was kept just now.
    is_kept: bool,
    /// Why it was not; may be empty.
    note: String,
}

/// What the last button did, in the address of the page that follows it.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Told {
    kept: Option<u8>,
}

/// What was typed.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Typed {
    text: String,
    html: String,
}

pub(crate) async fn signature(
    State(desk): State<Arc<Desk>>,
    signed: Signed,
    Query(told): Query<Told>,
) -> Result<Response, Failure> {
    desk.show(signed, SHEET, move |house, visitor| {
        let signature = house.signature(visitor)?;
        Ok(Shown { signature, is_kept: told.kept.is_some(), note: String::new() })
    })
    .await
}

pub(crate) async fn keep(
    State(desk): State<Arc<Desk>>,
    signed: Signed,
    Form(typed): Form<Typed>,
) -> Result<Response, Failure> {
    let signature = Signature { text: typed.text.replace("\r\n", "\n"), html: typed.html };
    let (visitor, kept) = (signed.visitor.clone(), signature.clone());
    match desk.ask(move |house| house.set_signature(&visitor, kept)).await? {
        None => Ok(Redirect::to("/signature?kept=1").into_response()),
        Some(note) => {
            desk.show(signed, SHEET, move |_, _| Ok(Shown { signature, is_kept: false, note })).await
        }
    }
}
