//! Letters that are written on pages: how they begin, how they will look, and sending them.
//!
//! *Invariant:* a visitor writes as himself, or as who he may write as, and answers only what he may read.

pub(super) mod draft;
pub(super) mod drafts;
mod pictures;
pub(super) mod recipients;
pub(super) mod signed;

use std::sync::Arc;

use crm::CrmError;
use crm::outbox::{self, AnswerKind, Draft};
use model::schema::emails::STATUS_DRAFT;
use model::{EmailAddress, Id, Mailbox};
use store::Organization;
use tokio::runtime::Handle;
use web::Failure;
use web::values::{
    Beginning, EarlierKind, Letter, LetterEnd, Preview, RecordKey, RecordLink, Surroundings, Visitor, Writer,
};

use super::content::{self, PICTURES};
use super::{failure, names::Names, outbox::whose, readable, records, store_failure, templates};
use crate::house::House;

pub(super) type Asking<'a> = (&'a Organization, &'a Visitor);

/// A letter as it begins.
pub(super) fn begin(house: &House, asking: Asking<'_>, beginning: &Beginning) -> Result<Letter, Failure> {
    // The draft that it may become is known by then: however often it is kept, it is that one.
    let key = house.moment().map_err(|_| Failure::TryLater)?.id();
    let empty = Letter { from: asking.1.address.clone(), key: key.to_string(), ..Letter::default() };
    match beginning {
        Beginning::Draft(id) => drafts::open(house, asking, (*id, empty)),
        Beginning::New { to, about } => signed::begun(asking, new(asking.0, (to, *about), empty)?),
        Beginning::Earlier(kind, id) => signed::begun(asking, answer(asking, (*kind, *id), empty)?),
        Beginning::Again(id) if drafts::is_own(asking, *id)? => drafts::again(house, asking, (*id, empty)),
        Beginning::Again(id) => {
            outbox::shown_one(asking.0, (whose(asking.1), *id), house.now()).map_err(failure)?;
            drafts::anew(house, asking.0, (*id, empty))
        }
    }
}

fn new(
    organization: &Organization,
    (to, about): (&str, Option<RecordKey>),
    empty: Letter,
) -> Result<Letter, Failure> {
    let Some(key) = about else { return Ok(Letter { to: to.to_owned(), ..empty }) };
    let record = organization.read(|read| records::record(read, key)).map_err(store_failure)?;
    let record = record.ok_or(Failure::NotFound)?;
    let own = record.addresses.iter().find_map(|address| EmailAddress::parse(address));
    let own = own.map(|address| recipients::written(&Mailbox { name: Some(record.link.name), address }));
    let to = if to.is_empty() { own.unwrap_or_default() } else { to.to_owned() };
    Ok(Letter { to, about: Some(key), ..empty })
}

fn answer(
    (organization, visitor): Asking<'_>,
    (kind, id): (EarlierKind, Id),
    empty: Letter,
) -> Result<Letter, Failure> {
    let row = organization.read(|read| readable(read, visitor, id)).map_err(store_failure)?;
    row.ok_or(Failure::NotFound)?;
    let from = EmailAddress::parse(&visitor.address).ok_or(Failure::NotFound)?;
    let answer = outbox::answer(organization, (id, answer_kind(kind)), &from).map_err(unreadable)?;
    let draft = answer.draft;
    let is_forward = kind == EarlierKind::Forward;
    Ok(Letter {
        to: recipients::all(draft.who.to.iter().map(|to| &to.mailbox)),
        cc: recipients::all(draft.who.cc.iter().map(|cc| &cc.mailbox)),
        subject: draft.what.subject,
        text: format!("\n\n{}", answer.quotation.text),
        html: format!("<div><br></div><div><br></div>{}", answer.quotation.html),
        carries: Some(id).filter(|_| is_forward && !draft.what.files.is_empty()),
        earlier: Some((kind, id)),
        ..empty
    })
}

/// What cannot be read can be looked at, and no more.
fn unreadable(error: CrmError) -> Failure {
    match error {
        CrmError::Invalid(_) => Failure::NotFound,
        error => failure(error),
    }
}

/// What stands around a letter on its page.
pub(super) fn around(asking: Asking<'_>, letter: &Letter) -> Result<Surroundings, Failure> {
    let writers = writers(asking).map_err(failure)?;
    let templates = templates::list(asking)?;
    let around = asking.0.read(|read| {
        let names = &mut Names::new(read);
        let about: Option<RecordLink> = match letter.about {
            Some(key) => names.link(draft::record_of(key))?,
            None => None,
        };
        let seen = |id| readable(read, asking.1, id);
        let earlier = letter.earlier.map(|(_, id)| seen(id)).transpose()?.flatten();
        let carries = letter.carries.map(seen).transpose()?.flatten();
        let carried = carries.map(|row| read.attachments(row.activityid)).transpose()?.unwrap_or_default();
        let kept = letter.key.parse().map(seen).unwrap_or(Ok(None))?;
        let is_listed = |mimetype: &str, is_inline: bool| !(is_inline && PICTURES.contains(&mimetype));
        let carried = carried.into_iter().filter(|row| is_listed(&row.mimetype, row.isinline));
        Ok(Surroundings {
            writers,
            templates,
            about,
            earlier: earlier.map(|row| row.subject),
            carried: carried.map(|row| row.filename).collect(),
            kept: kept.filter(|row| row.statuscode == STATUS_DRAFT).map(|row| row.sortdate),
        })
    });
    around.map_err(store_failure)
}

/// As whom a visitor may write: himself, and the queues that he is let.
fn writers((organization, visitor): Asking<'_>) -> Result<Vec<Writer>, CrmError> {
    let himself = Writer { address: visitor.address.clone(), name: visitor.name.clone() };
    let granted =
        outbox::senders(organization)?.into_iter().filter(|(user, _)| user.systemuserid == visitor.user);
    let queues = granted.map(|(_, queue)| Writer { address: queue.emailaddress, name: queue.name });
    Ok(std::iter::once(himself).chain(queues).collect())
}

/// How a letter will look, and what stands against sending it.
pub(super) fn preview(house: &House, asking: Asking<'_>, mut letter: Letter) -> Result<Preview, Failure> {
    let moment = house.moment().map_err(|_| Failure::TryLater)?;
    let at = letter.at.filter(|at| *at > moment.now);
    let files: Vec<String> = letter.files.iter().map(|file| file.name.clone()).collect();
    let made = writers(asking).and_then(|writers| {
        let draft = draft::of(asking, writers, &mut letter)?;
        let shown = outbox::preview(asking.0, &draft, &moment)?;
        Ok((draft, shown))
    });
    match made {
        Ok((draft, shown)) => {
            let preview = written(asking.0, (&draft, shown)).map_err(store_failure)?;
            Ok(Preview { at, ..preview })
        }
        Err(error) => Ok(Preview { at, refusal: refusal(error)?, files, ..typed(&letter) }),
    }
}

fn written(
    organization: &Organization,
    (draft, shown): (&Draft, outbox::Preview),
) -> Result<Preview, store::StoreError> {
    let who = organization.read(|read| recipients::parties(&mut Names::new(read), &draft.who));
    let (sender, recipients) = who?;
    let is_listed = |(name, _): &&(String, usize)| {
        !draft.what.files.iter().any(|file| file.name == *name && is_shown(draft, file))
    };
    let speaks_of_files = shown.files.is_empty() && draft::speaks_of_files(&shown.text);
    let forgotten = speaks_of_files.then(|| "It speaks of an attachment, and has none.".to_owned());
    Ok(Preview {
        sender,
        recipients,
        subject: shown.subject.clone(),
        body: content::plain(&shown.text),
        html: if draft.what.html.is_some() { with_pictures(&shown.html, draft) } else { String::new() },
        files: shown.files.iter().filter(is_listed).map(|(name, _)| name.clone()).collect(),
        at: None,
        cautions: shown.cautions.iter().map(|words| sentence(words)).chain(forgotten).collect(),
        refusal: shown.obstacles.join("; "),
    })
}

/// The pictures that a letter shows stand in a frame without an origin, as those of a mail do.
fn with_pictures(html: &str, draft: &Draft) -> String {
    let shown = draft.what.files.iter().filter(|file| is_shown(draft, file));
    shown.filter(|file| PICTURES.contains(&file.mimetype.as_str())).fold(html.to_owned(), |html, file| {
        let id = file.content_id.as_deref().unwrap_or_default();
        html.replace(
            &format!("\"cid:{id}\""),
            &format!("\"{}\"", content::data_url(&file.mimetype, &file.bytes)),
        )
    })
}

pub(super) fn sentence(words: &str) -> String {
    let mut letters = words.chars();
    let first = letters.next().map(|first| first.to_uppercase().collect::<String>()).unwrap_or_default();
    format!("{first}{}.", letters.as_str())
}

/// Whether the HTML shows a file, so that it is not listed.
fn is_shown(draft: &Draft, file: &outbox::File) -> bool {
    let html = draft.what.html.as_deref().unwrap_or_default();
    file.content_id.as_ref().is_some_and(|id| html.contains(&format!("cid:{id}")))
}

/// What was typed, where it makes no mail.
fn typed(letter: &Letter) -> Preview {
    Preview {
        sender: recipients::nobody(&letter.from),
        recipients: Vec::new(),
        subject: letter.subject.clone(),
        body: content::plain(&letter.text),
        html: String::new(),
        files: Vec::new(),
        at: None,
        cautions: Vec::new(),
        refusal: String::new(),
    }
}

/// Sends a letter.
pub(super) fn send(
    house: &House,
    (organization, visitor): (&Arc<Organization>, &Visitor),
    mut letter: Letter,
) -> Result<LetterEnd, Failure> {
    let moment = || house.moment().map_err(|_| Failure::TryLater);
    let (copy, own) = (moment()?, moment()?);
    let key = draft::key(visitor, &letter);
    let undo = own.now.plus_seconds(i64::from(house.settings.web.undo_seconds));
    let due = letter.at.unwrap_or(undo).max(undo);
    let asking: Asking<'_> = (organization, visitor);
    let made = writers(asking).and_then(|writers| {
        let draft = draft::of(asking, writers, &mut letter)?;
        // What was taken back since is sent anew: here a person pressed *Send* once more.
        let key = outbox::open_key(organization, &key)?;
        Ok(Draft { due: Some(due), key: Some(key), kept_as: letter.key.parse().ok(), ..draft })
    });
    if let Ok(draft) = &made
        && let Some(end) = drafts::overtaken(house, asking, (&letter, draft))?
    {
        return Ok(end);
    }
    let sent = match made {
        Ok(draft) => Handle::current().block_on(outbox::send(organization, draft, (copy.id(), own))),
        Err(error) => Err(error),
    };
    match sent {
        Ok(id) => {
            house.outbox_bell.notify_one();
            Ok(LetterEnd::Sent(id))
        }
        Err(error) => refusal(error).map(LetterEnd::Refused),
    }
}

/// Why a letter cannot go out, for whoever wrote it; what is not his to mend is a failure.
pub(super) fn refusal(error: CrmError) -> Result<String, Failure> {
    match error {
        CrmError::Invalid(words) => Ok(words),
        CrmError::NotFound { what } => Ok(format!("{what} is not here any more")),
        error => Err(failure(error)),
    }
}

fn answer_kind(kind: EarlierKind) -> AnswerKind {
    match kind {
        EarlierKind::Reply => AnswerKind::Reply,
        EarlierKind::ReplyAll => AnswerKind::ReplyAll,
        EarlierKind::Forward => AnswerKind::Forward,
    }
}
