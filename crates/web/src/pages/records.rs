//! People, companies and leads: the lists to find them in, and the page of each with its timeline.

use std::sync::Arc;

use axum::extract::{Path, Query, State};
use axum::response::Response;
use serde::Serialize;

use super::{Listing, Turn, id};
use crate::desk::{Desk, Sheet};
use crate::session::Signed;
use crate::values::{Failure, Record, RecordKey, RecordKind, RecordLine};

type At = State<Arc<Desk>>;

#[derive(Debug, Serialize)]
struct Found {
    #[serde(flatten)]
    listing: Listing<RecordLine>,
    kind: RecordKind,
}

#[derive(Debug, Serialize)]
struct Shown {
    record: Record,
    is_continued: bool,
}

pub(crate) async fn people(desk: At, signed: Signed, turn: Query<Turn>) -> Result<Response, Failure> {
    list(desk, signed, turn, RecordKind::Contact).await
}

pub(crate) async fn companies(desk: At, signed: Signed, turn: Query<Turn>) -> Result<Response, Failure> {
    list(desk, signed, turn, RecordKind::Account).await
}

pub(crate) async fn leads(desk: At, signed: Signed, turn: Query<Turn>) -> Result<Response, Failure> {
    list(desk, signed, turn, RecordKind::Lead).await
}

pub(crate) async fn contact(
    desk: At,
    signed: Signed,
    path: Path<String>,
    turn: Query<Turn>,
) -> Result<Response, Failure> {
    let key = RecordKey { kind: RecordKind::Contact, id: id(path)? };
    record(desk, signed, turn, key).await
}

pub(crate) async fn account(
    desk: At,
    signed: Signed,
    path: Path<String>,
    turn: Query<Turn>,
) -> Result<Response, Failure> {
    let key = RecordKey { kind: RecordKind::Account, id: id(path)? };
    record(desk, signed, turn, key).await
}

pub(crate) async fn lead(
    desk: At,
    signed: Signed,
    path: Path<String>,
    turn: Query<Turn>,
) -> Result<Response, Failure> {
    let key = RecordKey { kind: RecordKind::Lead, id: id(path)? };
    record(desk, signed, turn, key).await
}

async fn list(
    State(desk): At,
    signed: Signed,
    Query(turn): Query<Turn>,
    kind: RecordKind,
) -> Result<Response, Failure> {
    let sheet = Sheet { template: "records.html", section: section(kind) };
    let page = turn.page();
    desk.show(signed, sheet, move |house, visitor| {
        let list = house.records(visitor, kind, &page)?;
        Ok(Found { listing: Listing::new(list, page), kind })
    })
    .await
}

async fn record(
    State(desk): At,
    signed: Signed,
    Query(turn): Query<Turn>,
    key: RecordKey,
) -> Result<Response, Failure> {
    let sheet = Sheet { template: "record.html", section: section(key.kind) };
    let page = turn.page();
    desk.show(signed, sheet, move |house, visitor| {
        let record = house.record(visitor, key, &page)?;
        Ok(Shown { record, is_continued: page.after.is_some() })
    })
    .await
}

/// The entry of the rail.
fn section(kind: RecordKind) -> &'static str {
    match kind {
        RecordKind::Contact => "people",
        RecordKind::Account => "companies",
        RecordKind::Lead => "leads",
    }
}
