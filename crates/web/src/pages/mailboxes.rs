//! Mailboxes: how it goes with those that are watched, and what an administrator does with them.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::response::{IntoResponse, Redirect, Response};
use serde::Serialize;

use super::{administrator, id};
use crate::desk::{Desk, Sheet};
use crate::session::Signed;
use crate::values::{Failure, MailboxChange, MailboxLine};

const SHEET: Sheet = Sheet { template: "mailboxes.html", section: "mailboxes" };

#[derive(Debug, Serialize)]
struct Mailboxes {
    mailboxes: Vec<MailboxLine>,
}

pub(crate) async fn mailboxes(State(desk): State<Arc<Desk>>, signed: Signed) -> Result<Response, Failure> {
    administrator(&signed.visitor)?;
    desk.show(signed, SHEET, |house, visitor| Ok(Mailboxes { mailboxes: house.mailboxes(visitor)? })).await
}

pub(crate) async fn change(
    State(desk): State<Arc<Desk>>,
    signed: Signed,
    Path((mailbox, verb)): Path<(String, String)>,
) -> Result<Response, Failure> {
    let id = id(Path(mailbox))?;
    administrator(&signed.visitor)?;
    let change = match verb.as_str() {
        "pause" => MailboxChange::Pause,
        "resume" => MailboxChange::Resume,
        "resync" => MailboxChange::Resync,
        _ => return Err(Failure::NotFound),
    };
    desk.ask(move |house| house.change_mailbox(&signed.visitor, id, change)).await?;
    Ok(Redirect::to("/mailboxes").into_response())
}
