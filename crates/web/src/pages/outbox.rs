//! The outbox: what goes out, what failed and why, and the buttons for both.

use std::sync::Arc;

use axum::extract::{Form, Path, Query, State};
use axum::response::{IntoResponse, Redirect, Response};
use serde::{Deserialize, Serialize};

use super::{Listing, Turn, id};
use crate::desk::{Desk, Sheet};
use crate::session::{Signed, local_path};
use crate::values::{Failure, OutboxChange, OutboxLine, OutboxStanding};

const SHEET: Sheet = Sheet { template: "outbox.html", section: "outbox" };

/// What the last button did, in the address of the page that follows it.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Told {
    late: Option<u8>,
    sent: Option<u8>,
}

impl Told {
    pub(crate) fn is_late(&self) -> bool {
        self.late.is_some()
    }

    pub(crate) fn is_sent(&self) -> bool {
        self.sent.is_some()
    }
}

#[derive(Debug, Serialize)]
struct Shown {
    #[serde(flatten)]
    listing: Listing<OutboxLine>,
    tab: Option<OutboxStanding>,
    tabs: [&'static str; 4],
    path: String,
    is_late: bool,
}

pub(crate) async fn outbox(
    desk: State<Arc<Desk>>,
    signed: Signed,
    turn: Query<Turn>,
    told: Query<Told>,
) -> Result<Response, Failure> {
    tab(desk, signed, (turn, told), None).await
}

pub(crate) async fn standing(
    desk: State<Arc<Desk>>,
    signed: Signed,
    Path(name): Path<String>,
    asked: (Query<Turn>, Query<Told>),
) -> Result<Response, Failure> {
    let tab_of = OutboxStanding::TABS.into_iter().find(|tab| tab.path() == name);
    tab(desk, signed, asked, Some(tab_of.ok_or(Failure::NotFound)?)).await
}

async fn tab(
    State(desk): State<Arc<Desk>>,
    signed: Signed,
    (Query(turn), Query(told)): (Query<Turn>, Query<Told>),
    tab: Option<OutboxStanding>,
) -> Result<Response, Failure> {
    let page = turn.page();
    desk.show(signed, SHEET, move |house, visitor| {
        Ok(Shown {
            listing: Listing::new(house.outbox(visitor, tab, &page)?, page),
            path: tab.map_or("/outbox".to_owned(), |tab| format!("/outbox/{}", tab.path())),
            tabs: OutboxStanding::TABS.map(OutboxStanding::path),
            tab,
            is_late: told.is_late(),
        })
    })
    .await
}

/// Where the button stood.
#[derive(Debug, Deserialize)]
pub(crate) struct Back {
    #[serde(default)]
    to: String,
}

pub(crate) async fn change(
    State(desk): State<Arc<Desk>>,
    signed: Signed,
    Path((email, verb)): Path<(String, String)>,
    Form(back): Form<Back>,
) -> Result<Response, Failure> {
    let id = id(Path(email))?;
    let change = match verb.as_str() {
        "retry" => OutboxChange::Retry,
        "cancel" => OutboxChange::Cancel,
        _ => return Err(Failure::NotFound),
    };
    let is_done = desk.ask(move |house| house.change_outbox(&signed.visitor, id, change)).await?;
    let to = local_path(&back.to);
    Ok(Redirect::to(&if is_done { to.to_owned() } else { format!("{to}?late=1") }).into_response())
}

/// Takes back what was just sent, and goes on writing it. No script is needed: until it goes the button does this, and then
/// it says so.
pub(crate) async fn undo(
    State(desk): State<Arc<Desk>>,
    signed: Signed,
    path: Path<String>,
) -> Result<Response, Failure> {
    let id = id(path)?;
    let undone = desk.ask(move |house| house.change_outbox(&signed.visitor, id, OutboxChange::Undo)).await?;
    let to = if undone { format!("/write?again={id}") } else { format!("/emails/{id}?late=1") };
    Ok(Redirect::to(&to).into_response())
}
