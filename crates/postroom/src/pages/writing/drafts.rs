//! Drafts on their pages, and what was written before as a letter once more.
//!
//! *Invariant:* a draft is shown to its writer alone.

use std::sync::Arc;

use crm::outbox;
use message::Header;
use model::schema::emails::{Email, STATUS_CANCELED, STATUS_DRAFT};
use model::{Id, Timestamp, limits};
use store::{EmailLine, Organization, StoreError};
use tokio::runtime::Handle;
use web::Failure;
use web::values::{
    DraftLine, EarlierKind, Letter, LetterEnd, LetterImportance, List, Page, RecordKey, Visitor,
};

use super::super::{content, failure, lines, names, readable, store_failure};
use super::{Asking, draft, recipients, refusal, writers};
use crate::house::House;

/// Keeps a letter as the draft that its form is.
pub(in super::super) fn keep(
    house: &House,
    (organization, visitor): (&Arc<Organization>, &Visitor),
    mut letter: Letter,
) -> Result<LetterEnd, Failure> {
    let moment = house.moment().map_err(|_| Failure::TryLater)?;
    let asking: Asking<'_> = (organization, visitor);
    let (id, before) = place(organization, letter.key.parse().ok()).map_err(store_failure)?;
    let id = id.unwrap_or_else(|| moment.id());
    let seen = before.filter(|row| version(row) == letter.version).map(|row| row.blobid);
    let made = writers(asking).and_then(|writers| draft::of(asking, writers, &mut letter));
    let made = made.map(|draft| outbox::Draft { due: letter.at, ..draft });
    let kept = match made {
        Ok(draft) => Handle::current().block_on(outbox::keep_draft(organization, (id, draft, seen), moment)),
        Err(error) => Err(error),
    };
    match kept {
        Ok(true) => Ok(LetterEnd::Kept(id)),
        Ok(false) => changed(house, asking, id),
        Err(error) => refusal(error).map(LetterEnd::Refused),
    }
}

/// The draft that a form is, and its row where it was kept: none where what it was went out since, for then it is another letter.
fn place(organization: &Organization, key: Option<Id>) -> Result<(Option<Id>, Option<Email>), StoreError> {
    let row = key.map(|id| organization.read(|read| read.email(id))).transpose()?.flatten();
    Ok(match row {
        Some(row) if row.statuscode != STATUS_DRAFT => (None, None),
        row => (key, row),
    })
}

/// The draft by now, for whoever began with another version of it.
fn changed(house: &House, asking: Asking<'_>, id: Id) -> Result<LetterEnd, Failure> {
    match open(house, asking, (id, Letter::default())) {
        Ok(by_now) => Ok(LetterEnd::Changed(Box::new(by_now))),
        Err(Failure::NotFound) => Ok(LetterEnd::Refused("the draft is not here any more".to_owned())),
        Err(failure) => Err(failure),
    }
}

/// The draft that a letter would be sent in place of, where it is another one by now than that which its form began with, or
/// went out since in other words.
pub(super) fn overtaken(
    house: &House,
    asking: Asking<'_>,
    (letter, draft): (&Letter, &outbox::Draft),
) -> Result<Option<LetterEnd>, Failure> {
    let Ok(id) = letter.key.parse() else { return Ok(None) };
    let row = asking.0.read(|read| read.email(id)).map_err(store_failure)?;
    let Some(row) = row.filter(|row| version(row) != letter.version) else { return Ok(None) };
    if row.statuscode != STATUS_DRAFT {
        return went_out(asking.0, (letter, draft), &row);
    }
    let as_kept = outbox::Draft { due: letter.at, ..draft.clone() };
    if outbox::would_be(asking.0, &as_kept, &row).map_err(failure)? {
        return Ok(None);
    }
    changed(house, asking, row.activityid).map(Some)
}

/// What went out of a draft whose form names a version of it. One that names none is of a letter that was never kept: in other
/// words it is another one.
fn went_out(
    organization: &Organization,
    (letter, draft): (&Letter, &outbox::Draft),
    row: &Email,
) -> Result<Option<LetterEnd>, Failure> {
    if letter.version.is_empty() || row.statuscode == STATUS_CANCELED {
        return Ok(None);
    }
    let key = draft.key.as_deref().unwrap_or_default();
    if outbox::is_sent_under(organization, key).map_err(failure)? {
        return Ok(None);
    }
    let sent = written(organization, row, Letter::default())?;
    Ok(Some(LetterEnd::WentOut(row.activityid, Box::new(sent))))
}

/// A draft is another one whenever it is kept: its source holds all of it, and when that was.
fn version(row: &Email) -> String {
    row.blobid.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The visitor's own, the one he kept last first.
pub(in super::super) fn list(
    (organization, visitor): Asking<'_>,
    page: &Page,
) -> Result<List<DraftLine>, Failure> {
    let behind = page.after.as_deref().map(lines::behind).transpose()?;
    let most = limits::PAGE_ROWS_MAX;
    let mut rows = outbox::drafts_of(organization, visitor.user, (behind, most + 1)).map_err(failure)?;
    let has_more = rows.len() > most;
    rows.truncate(most);
    let next = rows.last().filter(|_| has_more).map(|row| format!("{}.{}", row.sortdate.0, row.id));
    Ok(List { rows: rows.into_iter().map(line).collect(), next })
}

fn line(row: EmailLine) -> DraftLine {
    DraftLine {
        id: row.id,
        time: row.sortdate,
        to: row.recipients.replace(';', ", "),
        subject: row.subject,
        preview: row.preview,
        attachments: u32::try_from(row.attachments).unwrap_or(0),
    }
}

/// Throws one away: the version that is named, or whichever it is by now. Another version stays, and is what comes back.
pub(in super::super) fn discard(
    house: &House,
    (organization, visitor): (&Arc<Organization>, &Visitor),
    (id, named): (Id, Option<&str>),
) -> Result<Option<Box<Letter>>, Failure> {
    let row = organization.read(|read| readable(read, visitor, id)).map_err(store_failure)?;
    let row = row.ok_or(Failure::NotFound)?;
    let by_now = || open(house, (organization, visitor), (id, Letter::default())).map(Box::new).map(Some);
    if named.is_some_and(|named| version(&row) != named) {
        return by_now();
    }
    let moment = house.moment().map_err(|_| Failure::TryLater)?;
    let seen = named.map(|_| row.blobid);
    let discarded = outbox::discard_draft(organization, (id, Some(visitor.user)), seen, moment);
    if Handle::current().block_on(discarded).map_err(failure)? { Ok(None) } else { by_now() }
}

/// A draft, to be gone on with.
pub(super) fn open(
    house: &House,
    (organization, visitor): Asking<'_>,
    (id, empty): (Id, Letter),
) -> Result<Letter, Failure> {
    let row = organization.read(|read| readable(read, visitor, id)).map_err(store_failure)?;
    let row = row.filter(|row| row.statuscode == STATUS_DRAFT).ok_or(Failure::NotFound)?;
    let letter = written(organization, &row, empty)?;
    let at = row.delayedemailsendtime.filter(|at| *at > house.now());
    // Its key is the draft, and to keep it again changes that one.
    Ok(Letter { key: id.to_string(), version: version(&row), at, ..letter })
}

/// Whether it is a draft of the visitor's.
pub(super) fn is_own((organization, visitor): Asking<'_>, id: Id) -> Result<bool, Failure> {
    let row = organization.read(|read| readable(read, visitor, id)).map_err(store_failure)?;
    Ok(row.is_some_and(|row| row.statuscode == STATUS_DRAFT))
}

/// A draft that was sent and taken back, with the time that somebody chose for it.
pub(super) fn again(house: &House, asking: Asking<'_>, (id, empty): (Id, Letter)) -> Result<Letter, Failure> {
    let row = asking.0.read(|read| read.email(id)).map_err(store_failure)?.ok_or(Failure::NotFound)?;
    let letter = open(house, asking, (id, empty))?;
    let chosen = chosen_time(&row, i64::from(house.settings.web.undo_seconds));
    Ok(Letter { at: letter.at.filter(|_| chosen.is_some()), ..letter })
}

/// A letter that went into the outbox before, with a key of its own.
pub(super) fn anew(
    house: &House,
    organization: &Organization,
    (id, empty): (Id, Letter),
) -> Result<Letter, Failure> {
    let row = organization.read(|read| read.email(id)).map_err(store_failure)?.ok_or(Failure::NotFound)?;
    let letter = written(organization, &row, empty)?;
    let at = chosen_time(&row, i64::from(house.settings.web.undo_seconds)).filter(|at| *at > house.now());
    Ok(Letter { at, ..letter })
}

/// When a mail was to go out, where somebody chose that: each waits for some seconds, so that it can be taken back.
fn chosen_time(row: &Email, undo_seconds: i64) -> Option<Timestamp> {
    row.delayedemailsendtime.filter(|at| *at > row.createdon.plus_seconds(undo_seconds + 1))
}

fn written(organization: &Organization, row: &Email, empty: Letter) -> Result<Letter, Failure> {
    let files = organization.read(|read| read.attachments(row.activityid)).map_err(store_failure)?;
    let raw = organization.blob(&row.blobid).map_err(store_failure)?;
    let message = message::read(&raw).map_err(|_| Failure::NotFound)?;
    let header = message.header();
    let from = header.author().map(|author| author.address.to_string());
    let about = names::record(row.regardingobjectid, row.regardingobjecttypecode);
    let carries = (!files.is_empty()).then_some(row.activityid);
    Ok(Letter {
        from: from.unwrap_or(empty.from),
        to: recipients::all(&header.to),
        cc: recipients::all(&header.cc),
        bcc: recipients::all(&header.bcc),
        subject: row.subject.clone(),
        text: message.text().replace("\r\n", "\n"),
        html: content::to_be_edited(&message),
        earlier: earlier(row, header),
        carries,
        shows: carries,
        about: about.and_then(|record| Some(RecordKey { kind: names::kind(record.entity)?, id: record.id })),
        importance: match row.prioritycode {
            0 => LetterImportance::Low,
            2 => LetterImportance::High,
            _ => LetterImportance::Normal,
        },
        wants_receipt: row.readreceiptrequested,
        wants_delivery_receipt: row.deliveryreceiptrequested,
        key: empty.key,
        ..Letter::default()
    })
}

/// The e-mail that it answers or carries on. What carries one on names it in References, and answers nothing; a new mail that
/// stands in its conversation for another reason names none.
fn earlier(row: &Email, header: &Header) -> Option<(EarlierKind, Id)> {
    let id = row.correlatedactivityid?;
    match (row.parentactivityid, row.statuscode == STATUS_DRAFT) {
        (Some(parent), true) => Some((EarlierKind::Reply, parent)),
        (None, true) => Some((EarlierKind::Forward, id)),
        (Some(parent), false) if row.inreplyto.is_some() => Some((EarlierKind::Reply, parent)),
        (_, false) if header.in_reply_to.is_empty() && !header.references.is_empty() => {
            Some((EarlierKind::Forward, id))
        }
        (_, false) => None,
    }
}
