//! E-mails on their way into the text index: a job that follows the events, step by step, in large loads.
//!
//! What passes through: the events behind the index's position; of each e-mail among them its rows and kept bytes,
//! read in short snapshots, its readable text, and one commit to the index. Twice is once: an e-mail whose source
//! is indexed already is passed over.
//!
//! *Invariant:* it never runs inside a unit of work and writes nothing to the organization's own database, so no
//! mail waits for it.

use std::collections::{HashMap, HashSet};
use std::panic::catch_unwind;

use model::decision::Entity;
use model::schema::house::Event;
use model::{Id, Timestamp, limits};
use store::{
    Cursor, Document, IndexedEmail, Load, NamedRecord, Organization, Position, Read, StoreError, Turn,
};

use crate::CrmError;

/// How far the index is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IndexState {
    /// E-mails in it.
    pub indexed: i64,
    /// E-mails that came or changed since, at most [`LEFT_MAX`].
    pub left: i64,
    /// Whatever happened up to then is in it; `None` while nothing is.
    pub up_to: Option<Timestamp>,
}

/// E-mails that are counted as left; more are "more".
pub const LEFT_MAX: i64 = 10_000;

/// How far the index is. What counts as left may have been looked at before: an e-mail that came twice counts twice.
pub fn state(organization: &Organization) -> Result<IndexState, CrmError> {
    let (left, up_to) = left(organization)?;
    let indexed = sound(organization, organization.index().count())?.unwrap_or_default();
    Ok(IndexState { indexed, left, up_to })
}

/// The last two of [`IndexState`], for a page: they are known without counting the index.
pub fn left(organization: &Organization) -> Result<(i64, Option<Timestamp>), CrmError> {
    let position = sound(organization, organization.index().position())?.unwrap_or_default();
    Ok(organization.read(|read| {
        let reached = reached(read, &position)?;
        let left = read.email_events_after(reached, LEFT_MAX)?;
        Ok((left, (reached.eventid > 0).then_some(position.createdon)))
    })?)
}

/// The cursor that the index has reached. Of another epoch it has reached nothing: it is made anew at the next
/// [`step`].
pub(super) fn reached(read: &Read<'_>, position: &Position) -> Result<Cursor, StoreError> {
    let first = read.first_cursor()?;
    Ok(if position.cursor.epoch == first.epoch { position.cursor } else { first })
}

/// What one step came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// There may be more to do.
    Forward,
    /// There is nothing to do.
    UpToDate,
    /// There is something to do, and not now: another node does it, or events cannot be read yet because others
    /// before them are still being written.
    Later,
}

/// Begins the index anew. It is empty afterwards; [`step`] fills it. What somebody is about to write into it is refused.
pub fn discard(organization: &Organization) -> Result<(), CrmError> {
    Ok(organization.index().discard()?)
}

/// Brings the index forward by one load.
pub fn step(organization: &Organization) -> Result<Step, CrmError> {
    let index = organization.index();
    // Asked before the lease is: most looks find nothing to do.
    if organization.is_at_server() && is_up_to_date(organization)? {
        return Ok(Step::UpToDate);
    }
    let Some(turn) = index.turn()? else { return Ok(Step::Later) };
    let Some(position) = sound(organization, index.position())? else { return Ok(Step::Forward) };
    let (cursor, last, events) = organization.read(|read| {
        let cursor = reached(read, &position)?;
        Ok((cursor, read.last_event()?, read.events_after(cursor, limits::INDEX_EVENTS_MAX)?))
    })?;
    let is_begun = position.cursor.eventid > 0;
    if is_begun && (position.cursor != cursor || cursor.eventid > last) {
        // The events were numbered anew, or the database was put back to an earlier day: the index may tell of mail
        // that is not there.
        tracing::warn!(organization = %organization.id(), "a text index is not of these e-mails; it is made anew");
        index.discard()?;
        return Ok(Step::Forward);
    }
    if events.is_empty() {
        let is_behind = organization.read(|read| read.has_events_after(cursor))?;
        return Ok(if is_behind { Step::Later } else { Step::UpToDate });
    }
    let mut filling = Filling { organization, turn, load: Load::default(), bytes: 0, seen: HashSet::new() };
    let reached = filling.follow(&events, cursor.epoch)?.unwrap_or(position);
    let Filling { load, turn, .. } = filling;
    metrics::counter!("postroom_index_emails_total").increment(load.documents.len() as u64);
    sound(organization, index.write(load, position, reached))?;
    drop(turn);
    Ok(Step::Forward)
}

fn is_up_to_date(organization: &Organization) -> Result<bool, CrmError> {
    let Some(position) = sound(organization, organization.index().position())? else { return Ok(false) };
    Ok(organization.read(|read| {
        let cursor = reached(read, &position)?;
        let is_of_these = position.cursor.eventid == 0 || cursor == position.cursor;
        Ok(is_of_these && read.last_event()? == cursor.eventid && !read.has_events_after(cursor)?)
    })?)
}

/// The records that these events made, as they are indexed.
pub(super) fn named_records(read: &Read<'_>, events: &[Event]) -> Result<Vec<NamedRecord>, StoreError> {
    let mut found = Vec::new();
    for event in events.iter().filter(|event| event.operation == "created") {
        let id = event.objectid;
        let Some(entity) = Entity::from_code(i64::from(event.objecttypecode)) else { continue };
        let words = match entity {
            Entity::Account => read
                .account(id)?
                .map(|it| words([Some(it.name), it.emailaddress1, it.emailaddress2, it.emailaddress3])),
            Entity::Contact => read
                .contact(id)?
                .map(|it| words([Some(it.fullname), it.emailaddress1, it.emailaddress2, it.emailaddress3])),
            Entity::Lead => read
                .lead(id)?
                .map(|it| words([Some(it.fullname), it.emailaddress1, it.emailaddress2, it.emailaddress3])),
            Entity::SystemUser | Entity::Queue | Entity::Email => None,
        };
        found.extend(words.map(|words| NamedRecord { entity, id, words }));
    }
    Ok(found)
}

fn words(parts: [Option<String>; 4]) -> String {
    parts.into_iter().flatten().collect::<Vec<_>>().join(" ")
}

/// `None` where the index turns out to be damaged; then it is thrown away.
fn sound<T>(organization: &Organization, answer: Result<T, StoreError>) -> Result<Option<T>, CrmError> {
    match answer {
        Err(StoreError::Corrupt) => {
            tracing::warn!(organization = %organization.id(), "a text index is damaged; it is made anew");
            organization.index().discard()?;
            Ok(None)
        }
        answer => Ok(Some(answer?)),
    }
}

/// A load that is being filled.
struct Filling<'o> {
    organization: &'o Organization,
    turn: Turn<'o>,
    load: Load,
    bytes: usize,
    seen: HashSet<Id>,
}

impl Filling<'_> {
    /// Takes in e-mails, event by event, until the load is full. Gives the position it brings the index to.
    fn follow(&mut self, events: &[Event], epoch: Id) -> Result<Option<Position>, CrmError> {
        let mut reached = None;
        for events in events.chunks(limits::INDEX_ROWS_PER_SNAPSHOT_MAX) {
            let emails = self.to_index(events)?;
            let records = self.organization.read_in_few_trips(|read| named_records(read, events))?;
            let mut records: HashMap<Id, NamedRecord> = records.into_iter().map(|it| (it.id, it)).collect();
            for event in events {
                if let Some(email) = emails.get(&event.objectid)
                    && self.seen.insert(event.objectid)
                {
                    self.turn.keep()?;
                    self.take(email)?;
                }
                self.load.records.extend(records.remove(&event.objectid));
                let cursor = Cursor { epoch, eventid: event.eventid };
                reached = Some(Position { cursor, createdon: event.createdon });
                if self.is_full() {
                    return Ok(reached);
                }
            }
        }
        Ok(reached)
    }

    fn is_full(&self) -> bool {
        self.load.documents.len() >= limits::INDEX_EMAILS_MAX || self.bytes >= limits::INDEX_BYTES_MAX
    }

    /// The e-mails that these events tell of and whose source is not indexed yet.
    fn to_index(&self, events: &[Event]) -> Result<HashMap<Id, IndexedEmail>, CrmError> {
        let is_email = |event: &&Event| {
            event.objecttypecode == Entity::Email as i32
                && matches!(event.operation.as_str(), "created" | "duplicate")
                && !self.seen.contains(&event.objectid)
        };
        let ids: HashSet<Id> = events.iter().filter(is_email).map(|event| event.objectid).collect();
        let ids: Vec<Id> = ids.into_iter().collect();
        let known = sound(self.organization, self.organization.index().sources(&ids))?;
        let known: HashMap<Id, Vec<u8>> = known.unwrap_or_default().into_iter().collect();
        let emails = self.organization.read_in_few_trips(|read| {
            let found: Result<Vec<_>, _> = ids.iter().map(|id| read.email_to_index(*id)).collect();
            Ok(found?.into_iter().flatten().collect::<Vec<_>>())
        })?;
        let is_new = |email: &IndexedEmail| known.get(&email.activityid) != Some(&email.blobid);
        Ok(emails.into_iter().filter(is_new).map(|email| (email.activityid, email)).collect())
    }

    fn take(&mut self, email: &IndexedEmail) -> Result<(), CrmError> {
        let text = self.text(email)?;
        self.bytes += text.len();
        self.load.documents.push(Document {
            activityid: email.activityid,
            sortdate: email.sortdate,
            blobid: email.blobid.clone(),
            subject: email.subject.clone(),
            text,
            sender: email.sender.clone(),
            recipients: email.recipients.clone(),
            files: email.files.clone(),
            is_attached: email.is_attached,
        });
        Ok(())
    }

    /// The readable text. An e-mail whose bytes are damaged is found by its rows.
    fn text(&self, email: &IndexedEmail) -> Result<String, CrmError> {
        let raw = match self.organization.blob(&email.blobid) {
            Ok(raw) => raw,
            // A bucket that says no is mended some day; the index waits for it.
            Err(error) if error.is_temporary() || matches!(error, StoreError::Bucket(_)) => {
                return Err(error.into());
            }
            Err(_) => {
                tracing::warn!(email = %email.activityid, "the source of an e-mail cannot be read for the index");
                return Ok(email.preview.clone());
            }
        };
        // One mail that reading fails on must not stop the index for all that come after it.
        let read = catch_unwind(|| readable(&raw)).unwrap_or_else(|_| {
            tracing::error!(email = %email.activityid, "reading an e-mail for the index panicked");
            None
        });
        Ok(read.unwrap_or_else(|| email.preview.clone()))
    }
}

/// The readable text of a source, its containers open as its page shows it; as much as is indexed.
fn readable(raw: &[u8]) -> Option<String> {
    let received = message::read(raw).ok()?;
    let opened = message::content::open(&received);
    let message = if opened.is_opened() { message::read(&opened.raw).ok()? } else { received };
    let text = message.text();
    text.get(..text.floor_char_boundary(limits::INDEXED_TEXT_BYTES_MAX)).map(str::to_owned)
}
