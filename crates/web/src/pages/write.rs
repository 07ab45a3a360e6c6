//! Writing a letter: the form, whom it goes to, how it will look, and sending it.
//!
//! Every button sends the whole form, so that all of it works without script; whichever was pressed says what becomes of it.
//!
//! *Invariant:* what somebody typed is never lost: whatever went wrong, the answer shows it once more. A form that is sent
//! twice sends one letter.

mod typed;

use std::sync::{Arc, Mutex, PoisonError};
use std::task::Poll;
use std::time::Duration;

use axum::body::{Body, BodyDataStream, Bytes};
use axum::extract::{FromRequest, Multipart, Query, Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use futures_util::{Stream, StreamExt, stream};
use minijinja::context;
use minijinja::value::{Serde, Value};
use model::{Id, limits};
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use crate::desk::{Desk, Sheet};
use crate::headers::WRITE_POLICY;
use crate::render;
use crate::router::PAGE_TIME_MAX;
use crate::session::{Signed, Unsigned};
use crate::values::{
    Beginning, EarlierKind, Failure, House, Letter, LetterEnd, LetterFile, Preview, RecipientLine,
    Surroundings, Visitor,
};
use typed::{Typed, Unread};

const FORM: Sheet = Sheet { template: "write.html", section: "outbox" };
const PREVIEW: Sheet = Sheet { template: "write_preview.html", section: "outbox" };

/// What a letter begins with, as the address of the page says it.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Begun {
    to: String,
    about: String,
    reply: String,
    replyall: String,
    forward: String,
    again: String,
    draft: String,
    template: String,
}

/// The form.
#[derive(Debug, Serialize)]
struct Form {
    typed: Typed,
    #[serde(flatten)]
    around: Surroundings,
    /// Whoever was found; `None` where nobody was looked for.
    found: Option<Vec<RecipientLine>>,
    /// What went wrong; may be empty.
    note: String,
    /// Which values a template did not find.
    cautions: Vec<String>,
    /// The draft as somebody has kept it meanwhile, where it is not the one that this form began with.
    by_now: Option<Typed>,
    /// The names of its files.
    by_now_files: Vec<String>,
    /// The e-mail as which that went out; `None` where it is a draft.
    went_out: Option<String>,
}

#[derive(Debug, Serialize)]
struct Shown {
    typed: Typed,
    preview: Preview,
    /// Whether files were chosen, which only the form that is still open can send.
    has_files: bool,
}

pub(crate) async fn begin(
    State(desk): State<Arc<Desk>>,
    signed: Signed,
    Query(begun): Query<Begun>,
) -> Result<Response, Failure> {
    let template = begun.template.clone();
    let beginning = begun.beginning()?;
    let stamp = desk.stamp().await;
    let form = desk.show(signed, FORM, move |house, visitor| {
        let letter = house.begin_letter(visitor, &beginning)?;
        let typed = Typed { stamp, template, ..Typed::of(letter) };
        if typed.template.is_empty() {
            Form::of(house, visitor, typed)
        } else {
            filled(house, visitor, typed)
        }
    });
    form.await.map(with_policy)
}

/// Who somebody that is typed could be, for the list below the field.
pub(crate) async fn recipients(
    State(desk): State<Arc<Desk>>,
    signed: Signed,
    Query(asked): Query<Asked>,
) -> Result<Response, Failure> {
    let who = cut(&asked.who);
    let found = desk.ask(move |house| house.find_recipients(&signed.visitor, &who)).await?;
    let text = serde_json::to_string(&found).map_err(|_| Failure::Internal)?;
    Ok(([(header::CONTENT_TYPE, "application/json")], text).into_response())
}

/// Somebody who is looked for.
#[derive(Debug, Deserialize)]
pub(crate) struct Asked {
    #[serde(default)]
    who: String,
}

pub(crate) async fn press(
    State(desk): State<Arc<Desk>>,
    signed: Result<Signed, Unsigned>,
    request: Request,
) -> Result<Response, Failure> {
    let signed = match signed {
        Ok(signed) => signed,
        Err(unsigned) => return expired(&desk, unsigned.status(), request).await,
    };
    let _place = if is_large(request.headers()) { Some(desk.large_forms.acquire().await) } else { None };
    let (request, rest) = shared(request);
    let (mut typed, read) = match Multipart::from_request(request, &()).await {
        Ok(form) => typed::read(form).await,
        Err(refused) => return Ok(refused.into_response()),
    };
    match read {
        Ok(()) => {}
        Err(Unread::Broken) => return Ok(StatusCode::BAD_REQUEST.into_response()),
        Err(Unread::TooLarge) => return too_large(&desk, signed, (typed, rest)).await,
    }
    let verb = std::mem::take(&mut typed.verb);
    typed.stamp = desk.stamp().await;
    if let field @ ("to" | "cc" | "bcc") = verb.as_str() {
        typed.add_chosen(field);
    }
    let files = std::mem::take(&mut typed.files);
    let kept = typed.clone();
    let answer = match verb.as_str() {
        "send" => put(&desk, signed, (typed, files), |house, of, letter| house.send_letter(of, letter)).await,
        "show" => preview(&desk, signed, (typed, files)).await,
        "draft" => {
            put(&desk, signed, (typed, files), |house, of, letter| house.keep_letter(of, letter)).await
        }
        "apart" => apart(&desk, signed, (typed, files)).await,
        "discard" => discard(&desk, signed, typed).await,
        "fill" => desk.show(signed, FORM, move |house, of| filled(house, of, typed)).await.map(with_policy),
        _ => shown(&desk, signed, (typed, String::new()), verb == "find").await,
    };
    match answer {
        // Whatever is wrong with the house: what was typed is not lost with it.
        Err(Failure::TryLater) => still_here(&kept, StatusCode::SERVICE_UNAVAILABLE, BUSY),
        Err(Failure::Internal) => still_here(&kept, StatusCode::INTERNAL_SERVER_ERROR, BROKEN),
        answer => answer,
    }
}

/// A request, and what is not read of it yet.
fn shared(request: Request) -> (Request, Rest) {
    let (parts, body) = request.into_parts();
    let rest: Rest = Arc::new(Mutex::new(body.into_data_stream()));
    let (reader, mut is_given) = (Arc::clone(&rest), false);
    let body = stream::poll_fn(move |context| {
        // Who reads fields takes all that is there before he looks at any of it, so he gets one piece at a time.
        if std::mem::take(&mut is_given) {
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        let polled = reader.lock().unwrap_or_else(PoisonError::into_inner).poll_next_unpin(context);
        is_given = polled.is_ready();
        polled
    });
    (Request::from_parts(parts, Body::from_stream(body)), rest)
}

type Rest = Arc<Mutex<BodyDataStream>>;

/// The form once more without its files, where these are too much; words that are too many, as far as they were read.
async fn too_large(
    desk: &Desk,
    signed: Signed,
    (mut typed, rest): (Typed, Rest),
) -> Result<Response, Failure> {
    let rest = stream::poll_fn(|context| {
        rest.lock().unwrap_or_else(PoisonError::into_inner).poll_next_unpin(context)
    });
    pass(rest, limits::WRITTEN_PASSED_BYTES_MAX).await;
    typed.stamp = desk.stamp().await;
    if typed.is_cut {
        return still_here(&typed, StatusCode::PAYLOAD_TOO_LARGE, "That is too much for one mail");
    }
    let page = shown(desk, signed, (typed, TOO_LARGE.to_owned()), false).await?;
    Ok((StatusCode::PAYLOAD_TOO_LARGE, page).into_response())
}

/// What the house does with a letter.
type Act = fn(&dyn House, &Visitor, Letter) -> Result<LetterEnd, Failure>;

/// Sends a letter, or keeps it as a draft.
async fn put(
    desk: &Desk,
    signed: Signed,
    (typed, files): (Typed, Vec<LetterFile>),
    act: Act,
) -> Result<Response, Failure> {
    let Some(letter) = typed.letter() else {
        return shown(desk, signed, (typed, NO_TIME.to_owned()), false).await;
    };
    let (letter, visitor) = (Letter { files, ..letter }, signed.visitor.clone());
    match desk.ask(move |house| act(house, &visitor, letter)).await? {
        LetterEnd::Sent(id) => Ok(Redirect::to(&format!("/emails/{id}?sent=1")).into_response()),
        LetterEnd::Kept(id) => Ok(Redirect::to(&format!("/write?draft={id}")).into_response()),
        LetterEnd::Refused(words) => shown(desk, signed, (typed, words), false).await,
        LetterEnd::Changed(by_now) => changed(desk, signed, (typed, *by_now)).await,
        LetterEnd::WentOut(id, sent) => went_out(desk, signed, typed, (id, *sent)).await,
    }
}

/// Both texts of a draft that was sent from another page; what is in the form is another letter from here on.
async fn went_out(
    desk: &Desk,
    signed: Signed,
    typed: Typed,
    (id, sent): (Id, Letter),
) -> Result<Response, Failure> {
    let typed = Typed { key: new_key(desk, &signed).await?, version: String::new(), ..typed };
    let page = desk.show(signed, FORM, move |house, visitor| {
        let (note, by_now) = (WENT_OUT.to_owned(), Some(Typed::of(sent)));
        Ok(Form { note, by_now, went_out: Some(id.to_string()), ..Form::of(house, visitor, typed)? })
    });
    page.await.map(with_policy)
}

/// Both texts of a draft that was changed on another page; the next button means the one in the form.
async fn changed(
    desk: &Desk,
    signed: Signed,
    (mut typed, by_now): (Typed, Letter),
) -> Result<Response, Failure> {
    typed.version.clone_from(&by_now.version);
    typed.apart = new_key(desk, &signed).await?;
    let page = desk.show(signed, FORM, move |house, visitor| {
        let by_now_files = house.around_letter(visitor, &by_now)?.carried;
        let (note, by_now) = (CHANGED.to_owned(), Some(Typed::of(by_now)));
        Ok(Form { note, by_now, by_now_files, ..Form::of(house, visitor, typed)? })
    });
    page.await.map(with_policy)
}

/// Keeps what was typed as a draft of its own, beside the one that it began with: the same one, however often it is pressed.
async fn apart(
    desk: &Desk,
    signed: Signed,
    (mut typed, files): (Typed, Vec<LetterFile>),
) -> Result<Response, Failure> {
    let key = std::mem::take(&mut typed.apart);
    let key = if key.is_empty() { new_key(desk, &signed).await? } else { key };
    let typed = Typed { key, version: String::new(), ..typed };
    put(desk, signed, (typed, files), |house, of, letter| house.keep_letter(of, letter)).await
}

/// The key of a letter that begins now.
async fn new_key(desk: &Desk, signed: &Signed) -> Result<String, Failure> {
    let visitor = signed.visitor.clone();
    let new = Beginning::New { to: String::new(), about: None };
    Ok(desk.ask(move |house| house.begin_letter(&visitor, &new)).await?.key)
}

/// The key of a form is the id of the draft that it is. What somebody has kept meanwhile is not thrown away with it.
async fn discard(desk: &Desk, signed: Signed, typed: Typed) -> Result<Response, Failure> {
    let id = typed.key.parse().map_err(|_| Failure::NotFound)?;
    let (visitor, version) = (signed.visitor.clone(), typed.version.clone());
    match desk.ask(move |house| house.discard_draft(&visitor, (id, Some(&version)))).await? {
        None => Ok(Redirect::to("/drafts").into_response()),
        Some(by_now) => changed(desk, signed, (typed, *by_now)).await,
    }
}

async fn preview(
    desk: &Desk,
    signed: Signed,
    (typed, files): (Typed, Vec<LetterFile>),
) -> Result<Response, Failure> {
    let Some(letter) = typed.letter() else {
        return shown(desk, signed, (typed, NO_TIME.to_owned()), false).await;
    };
    let has_files = !files.is_empty();
    let letter = Letter { files, ..letter };
    let page = desk.show(signed, PREVIEW, move |house, visitor| {
        let preview = house.preview_letter(visitor, letter)?;
        Ok(Shown { has_files, typed, preview })
    });
    page.await.map(with_policy)
}

/// The form once more, as it was typed.
async fn shown(
    desk: &Desk,
    signed: Signed,
    (typed, note): (Typed, String),
    is_looking: bool,
) -> Result<Response, Failure> {
    let page = desk.show(signed, FORM, move |house, visitor| {
        let found = is_looking.then(|| looked_for(house, visitor, &typed)).transpose()?;
        Ok(Form { found, note, ..Form::of(house, visitor, typed)? })
    });
    page.await.map(with_policy)
}

impl Form {
    fn of(house: &dyn House, visitor: &Visitor, typed: Typed) -> Result<Self, Failure> {
        let around = house.around_letter(visitor, &typed.letter().unwrap_or_default())?;
        let (note, cautions) = (String::new(), Vec::new());
        let (found, by_now, by_now_files, went_out) = (None, None, Vec::new(), None);
        Ok(Form { typed, around, found, note, cautions, by_now, by_now_files, went_out })
    }
}

/// The form with what the chosen template says. Where none was chosen it is as it was.
fn filled(house: &dyn House, visitor: &Visitor, typed: Typed) -> Result<Form, Failure> {
    let asked = typed.template.parse().ok().zip(typed.letter());
    let Some((template, letter)) = asked else { return Form::of(house, visitor, typed) };
    let made = house.fill_letter(visitor, letter, template)?;
    // Time and keys stay as they were typed.
    let typed = Typed {
        at: typed.at,
        stamp: typed.stamp,
        template: typed.template,
        who: typed.who,
        ..Typed::of(made.letter)
    };
    Ok(Form { note: made.refusal, cautions: made.cautions, ..Form::of(house, visitor, typed)? })
}

fn looked_for(house: &dyn House, visitor: &Visitor, typed: &Typed) -> Result<Vec<RecipientLine>, Failure> {
    house.find_recipients(visitor, &cut(&typed.who))
}

/// Whoever is signed in no more, or of whom the house cannot say it, gets back what he typed; of a stranger's form little is read.
async fn expired(desk: &Desk, status: StatusCode, request: Request) -> Result<Response, Failure> {
    let headline = match status {
        StatusCode::FORBIDDEN => "You were signed out",
        StatusCode::SERVICE_UNAVAILABLE => BUSY,
        _ => BROKEN,
    };
    let is_large = is_large(request.headers());
    let (parts, body) = request.into_parts();
    let first = tokio::time::timeout(PAGE_TIME_MAX, stamped(desk, body, typed::stamp_in)).await;
    let Ok((is_ours, body)) = first else { return Ok(StatusCode::REQUEST_TIMEOUT.into_response()) };
    // Of a part whose header does not end all is in memory.
    let _place = if is_ours && is_large { Some(desk.large_forms.acquire().await) } else { None };
    // What comes too slowly breaks off; what came until then is there.
    let end = Instant::now() + PAGE_TIME_MAX;
    let body = body.into_data_stream().take_until(Box::pin(tokio::time::sleep_until(end)));
    match read_expired(Request::from_parts(parts, Body::from_stream(body)), is_ours).await {
        Ok(typed) => {
            let status = if typed.is_cut { StatusCode::PAYLOAD_TOO_LARGE } else { status };
            still_here(&typed, status, headline)
        }
        Err(_) if Instant::now() >= end => Ok(StatusCode::REQUEST_TIMEOUT.into_response()),
        Err(unread) => Ok(unread.into_response()),
    }
}

async fn read_expired(request: Request, is_ours: bool) -> Result<Typed, Unread> {
    let (parts, mut body) = request.into_parts();
    if !is_ours {
        let mut first = Vec::new();
        read_up_to(&mut body.into_data_stream(), (&mut first, limits::WRITTEN_BY_STRANGERS_BYTES_MAX)).await;
        first.truncate(limits::WRITTEN_BY_STRANGERS_BYTES_MAX);
        body = Body::from(first);
    }
    let form = Multipart::from_request(Request::from_parts(parts, body), &()).await;
    let form = form.map_err(|_| Unread::Broken)?;
    if is_ours { typed::read_expired(form).await } else { typed::read_beginning(form).await }
}

/// Whether a form begins with a stamp of ours, and the same form, of which no more was read.
pub(super) async fn stamped(desk: &Desk, body: Body, stamp_in: fn(&[u8]) -> Option<&str>) -> (bool, Body) {
    let mut rest = body.into_data_stream();
    let mut first = Vec::new();
    read_up_to(&mut rest, (&mut first, typed::STAMP_WITHIN)).await;
    let is_ours = match stamp_in(&first) {
        Some(stamp) => desk.is_stamped(stamp).await,
        None => false,
    };
    (is_ours, Body::from_stream(stream::iter([Ok(first.into())]).chain(rest)))
}

/// The first bytes of a form, and whether they are all. Of what is behind them so many bytes are passed over.
pub(super) async fn beginning(body: Body, (most, passed): (usize, usize)) -> (Vec<u8>, bool) {
    let mut rest = body.into_data_stream();
    let mut first = Vec::new();
    read_up_to(&mut rest, (&mut first, most + 1)).await;
    let is_all = first.len() <= most;
    first.truncate(most);
    pass(rest, passed).await;
    (first, is_all)
}

/// Passes over what is left of a form, within reason: a browser that is cut off shows no answer.
async fn pass<E>(mut rest: impl Stream<Item = Result<Bytes, E>> + Unpin, most: usize) {
    let mut passed = 0;
    while passed < most
        && let Some(Ok(chunk)) = rest.next().await
    {
        passed += chunk.len();
    }
}

/// Reads on until so many bytes are there, or no more come.
async fn read_up_to(rest: &mut BodyDataStream, (bytes, most): (&mut Vec<u8>, usize)) {
    while bytes.len() < most {
        let Some(Ok(chunk)) = rest.next().await else { return };
        bytes.extend_from_slice(&chunk);
    }
}

/// What was typed, on a page that asks the house nothing.
fn still_here(typed: &Typed, status: StatusCode, headline: &str) -> Result<Response, Failure> {
    let (is_signed_out, is_cut) = (status == StatusCode::FORBIDDEN, typed.is_cut);
    let values = context! { typed => Value::from(Serde(typed)), headline, is_signed_out, is_cut };
    Ok((status, render::page("write_kept.html", values)?).into_response())
}

/// A form whose length nobody says may be long.
pub(super) fn is_large(headers: &HeaderMap) -> bool {
    let length = headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse().ok());
    length.is_none_or(|length: usize| length > limits::WRITTEN_TEXT_BYTES_MAX)
}

/// Pages of letters may ask this site, and nobody else, whom one may write to.
fn with_policy(mut response: Response) -> Response {
    response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(WRITE_POLICY));
    response
}

fn cut(words: &str) -> String {
    words.trim().chars().take(limits::NAME_CHARS_MAX).collect()
}

const NO_TIME: &str = "The time at which it is to go out cannot be read. Nothing was sent.";
const TOO_LARGE: &str = "That is too much for one mail: files may have 30 MB together. Nothing was sent or kept. What you wrote is here; \
    choose fewer or smaller files.";
const CHANGED: &str = "This draft was changed on another page since you opened it. Nothing was kept, sent or thrown away. Yours is \
    in the form, what it is by now stands below. Keep or send yours to put it in its place, or keep both. Files have to be chosen again.";
const WENT_OUT: &str = "This draft was sent from another page since you opened it, in the words that stand below. Nothing was sent now. Yours is \
    in the form: send it where both are to go out. Files have to be chosen again.";
const BUSY: &str = "The house is busy just now";
const BROKEN: &str = "Something broke on our side";

/// A form whose files are all here within this time, or not at all.
pub(crate) const TIME_MAX: Duration = Duration::from_secs(limits::WRITTEN_SECONDS_MAX);
/// The whole form, the marks between its fields included.
pub(crate) const BYTES_MAX: usize =
    limits::WRITTEN_TEXT_BYTES_MAX + limits::WRITTEN_FILES_BYTES_MAX + limits::FORM_BYTES_MAX;

impl Begun {
    fn beginning(self) -> Result<Beginning, Failure> {
        let id = |text: &str| text.parse().map_err(|_| Failure::NotFound);
        let earlier = [
            (EarlierKind::Reply, &self.reply),
            (EarlierKind::ReplyAll, &self.replyall),
            (EarlierKind::Forward, &self.forward),
        ];
        if let Some((kind, text)) = earlier.into_iter().find(|(_, text)| !text.is_empty()) {
            return Ok(Beginning::Earlier(kind, id(text)?));
        }
        if !self.again.is_empty() {
            return Ok(Beginning::Again(id(&self.again)?));
        }
        if !self.draft.is_empty() {
            return Ok(Beginning::Draft(id(&self.draft)?));
        }
        let about = match self.about.as_str() {
            "" => None,
            about => Some(typed::record(about).ok_or(Failure::NotFound)?),
        };
        Ok(Beginning::New { to: self.to.chars().take(limits::ADDRESS_BYTES_MAX).collect(), about })
    }
}

impl IntoResponse for Unread {
    fn into_response(self) -> Response {
        match self {
            Unread::Broken => StatusCode::BAD_REQUEST.into_response(),
            Unread::TooLarge => StatusCode::PAYLOAD_TOO_LARGE.into_response(),
        }
    }
}
