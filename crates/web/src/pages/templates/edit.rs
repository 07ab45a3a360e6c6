//! Writing a template: the form, what it becomes for a record, keeping it, taking it away.
//!
//! Every button sends the whole form, so that all of it works without script.
//!
//! *Invariant:* what somebody typed is shown once more, whatever goes wrong, also where he is signed in no more.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Form, FromRequest, Path, Query, Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use minijinja::context;
use minijinja::value::{Serde, Value};
use model::{Id, language, limits};
use serde::{Deserialize, Serialize};

use super::cut;
use crate::desk::{Desk, Sheet};
use crate::pages::id;
use crate::pages::write::{beginning, is_large, stamped};
use crate::render;
use crate::session::{Signed, Unsigned};
use crate::values::{Failure, House, TemplateBeginning, TemplateDraft, TemplateEnd, TemplateTry, Visitor};

const SHEET: Sheet = Sheet { template: "template_edit.html", section: "outbox" };

/// The form as it came, ready to be shown once more.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Typed {
    title: String,
    language: String,
    kind: String,
    /// `own`, or `all` where it is everybody's.
    owner: String,
    subject: String,
    html: String,
    text: String,
    version: String,
    /// For which record it is shown.
    record: String,
    /// Proves that the form was given to somebody who was signed in.
    stamp: String,
    /// Which button was pressed.
    #[serde(rename = "do", skip_serializing)]
    verb: String,
}

/// Which one a new template is a variant of.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Of {
    #[serde(default)]
    of: String,
}

#[derive(Debug, Serialize)]
struct Writing {
    typed: Typed,
    /// Where the form goes.
    path: String,
    /// Whether it is there already: title, language and owner stay.
    is_there: bool,
    languages: Vec<&'static str>,
    kinds: [&'static str; 4],
    tried: TemplateTry,
    /// Why it was not kept; may be empty.
    refusal: String,
}

/// A new one, or a variant of another.
pub(crate) async fn begin(
    State(desk): State<Arc<Desk>>,
    signed: Signed,
    Query(of): Query<Of>,
) -> Result<Response, Failure> {
    let beginning = match of.of.as_str() {
        "" => TemplateBeginning::New,
        text => TemplateBeginning::Variant(text.parse().map_err(|_| Failure::NotFound)?),
    };
    begun(&desk, signed, beginning).await
}

/// One that is there.
pub(crate) async fn change(
    State(desk): State<Arc<Desk>>,
    signed: Signed,
    path: Path<String>,
) -> Result<Response, Failure> {
    begun(&desk, signed, TemplateBeginning::Change(id(path)?)).await
}

async fn begun(desk: &Desk, signed: Signed, beginning: TemplateBeginning) -> Result<Response, Failure> {
    let stamp = desk.stamp().await;
    desk.show(signed, SHEET, move |house, visitor| {
        let draft = house.begin_template(visitor, beginning)?;
        let id = draft.id;
        Ok(Writing::of(id, Typed { stamp, ..Typed::of(draft) }))
    })
    .await
}

pub(crate) async fn press_new(
    State(desk): State<Arc<Desk>>,
    signed: Result<Signed, Unsigned>,
    request: Request,
) -> Result<Response, Failure> {
    press(&desk, None, (signed, request)).await
}

pub(crate) async fn press_known(
    State(desk): State<Arc<Desk>>,
    signed: Result<Signed, Unsigned>,
    path: Path<String>,
    request: Request,
) -> Result<Response, Failure> {
    press(&desk, Some(id(path)?), (signed, request)).await
}

async fn press(
    desk: &Desk,
    id: Option<Id>,
    (signed, request): (Result<Signed, Unsigned>, Request),
) -> Result<Response, Failure> {
    let signed = match signed {
        Ok(signed) => signed,
        Err(unsigned) => return expired(desk, (id, unsigned.status()), request).await,
    };
    let _place = if is_large(request.headers()) { Some(desk.large_forms.acquire().await) } else { None };
    let mut typed = match read(request, KNOWN).await {
        Ok((typed, true)) => typed,
        Ok((typed, false)) => return still_here((id, &typed), (StatusCode::PAYLOAD_TOO_LARGE, Cut::Long)),
        Err(unread) => return Ok(unread),
    };
    typed.stamp = desk.stamp().await;
    let (mut kept, is_administrator) = (typed.clone(), signed.visitor.is_administrator);
    let answer = match typed.verb.as_str() {
        "keep" => keep(desk, signed, (id, typed)).await,
        _ => desk.show(signed, SHEET, move |house, visitor| tried(house, visitor, (id, typed))).await,
    };
    match answer {
        Err(Failure::TryLater) => still_here((id, &kept), (StatusCode::SERVICE_UNAVAILABLE, Cut::No)),
        Err(Failure::Internal) => still_here((id, &kept), (StatusCode::INTERNAL_SERVER_ERROR, Cut::No)),
        // Taken away meanwhile, or the right to change it: it goes on as a new one that he may keep.
        Err(Failure::NotFound) => {
            if !is_administrator {
                "own".clone_into(&mut kept.owner);
            }
            kept.version.clear();
            still_here((None, &kept), (StatusCode::NOT_FOUND, Cut::No))
        }
        answer => answer,
    }
}

fn tried(house: &dyn House, visitor: &Visitor, (id, typed): (Option<Id>, Typed)) -> Result<Writing, Failure> {
    let tried = house.try_template(visitor, typed.draft(id), &cut(&typed.record))?;
    Ok(Writing { tried, ..Writing::of(id, typed) })
}

async fn keep(
    desk: &Desk,
    signed: Signed,
    (id, mut typed): (Option<Id>, Typed),
) -> Result<Response, Failure> {
    let (visitor, draft) = (signed.visitor.clone(), typed.draft(id));
    let refusal = match desk.ask(move |house| house.keep_template(&visitor, draft)).await? {
        TemplateEnd::Kept(id) => return Ok(Redirect::to(&format!("/templates/{id}?kept=1")).into_response()),
        TemplateEnd::Refused(words) => words,
        TemplateEnd::Changed(version) => {
            typed.version = version;
            CHANGED.to_owned()
        }
    };
    desk.show(signed, SHEET, move |_, _| Ok(Writing { refusal, ..Writing::of(id, typed) })).await
}

const CHANGED: &str = "somebody has changed it since you opened it. What you wrote is below: look at what it is by now \
                       on another page, and keep yours once more to put it in its place";

pub(crate) async fn remove(
    State(desk): State<Arc<Desk>>,
    signed: Signed,
    path: Path<String>,
) -> Result<Response, Failure> {
    let id = id(path)?;
    desk.ask(move |house| house.remove_template(&signed.visitor, id)).await?;
    Ok(Redirect::to("/templates").into_response())
}

/// Whoever is signed in no more, or of whom the house cannot say it, gets back what he typed; of a stranger's form little is read.
async fn expired(
    desk: &Desk,
    (id, status): (Option<Id>, StatusCode),
    request: Request,
) -> Result<Response, Failure> {
    let (parts, body) = request.into_parts();
    let (is_ours, body) = stamped(desk, body, stamp_in).await;
    let most = if is_ours { KNOWN } else { STRANGE };
    match read(Request::from_parts(parts, body), most).await {
        Ok((mut typed, is_all)) => {
            if !is_ours {
                // It proved nothing.
                typed.stamp.clear();
            }
            let whole = (status, Cut::No);
            let cut = match (is_ours, status) {
                (true, _) => (StatusCode::PAYLOAD_TOO_LARGE, Cut::Long),
                (false, StatusCode::FORBIDDEN) => (StatusCode::PAYLOAD_TOO_LARGE, Cut::Unknown),
                (false, _) => (status, Cut::Unknown),
            };
            still_here((id, &typed), if is_all { whole } else { cut })
        }
        Err(unread) => Ok(unread),
    }
}

/// A form, of which so many bytes are read and so many passed over; whether the first are all of it.
async fn read(request: Request, most: (usize, usize)) -> Result<(Typed, bool), Response> {
    let (parts, body) = request.into_parts();
    let (bytes, is_all) = beginning(body, most).await;
    let form = Form::<Typed>::from_request(Request::from_parts(parts, Body::from(bytes)), &()).await;
    form.map(|Form(typed)| (typed, is_all)).map_err(IntoResponse::into_response)
}

/// The stamp in the first bytes of a form: its first field, none of whose characters is written as another.
fn stamp_in(first: &[u8]) -> Option<&str> {
    let value = first.strip_prefix(b"stamp=")?;
    let end = value.iter().position(|byte| *byte == b'&')?;
    std::str::from_utf8(value.get(..end)?).ok()
}

/// Whether the end of what was typed was not read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Cut {
    /// It was.
    No,
    /// It is longer than any template.
    Long,
    /// Of somebody who is not known little is read.
    Unknown,
}

/// What was typed, on a page that asks the house nothing.
fn still_here(
    (id, typed): (Option<Id>, &Typed),
    (status, cut): (StatusCode, Cut),
) -> Result<Response, Failure> {
    let (is_gone, is_cut, is_long) = (status == StatusCode::NOT_FOUND, cut != Cut::No, cut == Cut::Long);
    let is_unknown = cut == Cut::Unknown && status == StatusCode::PAYLOAD_TOO_LARGE;
    let is_signed_out = is_unknown || status == StatusCode::FORBIDDEN;
    let typed = Value::from(Serde(typed));
    let values = context! { typed, path => path(id), is_signed_out, is_gone, is_cut, is_long };
    Ok((status, render::page("template_kept.html", values)?).into_response())
}

fn path(id: Option<Id>) -> String {
    id.map_or_else(|| "/templates/new".to_owned(), |id| format!("/templates/{id}/edit"))
}

impl Writing {
    fn of(id: Option<Id>, typed: Typed) -> Self {
        Writing {
            typed,
            path: path(id),
            is_there: id.is_some(),
            languages: language::LANGUAGES.iter().map(|(_, tag)| *tag).collect(),
            kinds: ["any", "contact", "account", "lead"],
            tried: TemplateTry::default(),
            refusal: String::new(),
        }
    }
}

impl Typed {
    fn of(draft: TemplateDraft) -> Self {
        Typed {
            title: draft.title,
            language: draft.language,
            kind: draft.kind,
            owner: if draft.is_own { "own" } else { "all" }.to_owned(),
            subject: draft.subject,
            html: draft.html,
            text: draft.text,
            version: draft.version,
            ..Typed::default()
        }
    }

    /// Browsers end lines as mails do.
    fn draft(&self, id: Option<Id>) -> TemplateDraft {
        let lines = |text: &str| text.replace("\r\n", "\n");
        TemplateDraft {
            id,
            title: self.title.clone(),
            language: self.language.clone(),
            kind: self.kind.clone(),
            is_own: self.owner != "all",
            subject: self.subject.clone(),
            html: lines(&self.html),
            text: lines(&self.text),
            version: self.version.clone(),
        }
    }
}

/// What is read of whoever is known, or was when he was given the form, and what is passed over behind it; and of strangers.
const KNOWN: (usize, usize) = (BYTES_MAX, limits::WRITTEN_PASSED_BYTES_MAX);
const STRANGE: (usize, usize) = (limits::WRITTEN_BY_STRANGERS_BYTES_MAX, BYTES_MAX);
/// The whole form, each byte of its parts written as three; parts twice as long as those of templates come back with
/// the reason.
pub(crate) const BYTES_MAX: usize = 2 * 2 * 3 * limits::TEMPLATE_BYTES_MAX + limits::FORM_BYTES_MAX;
