//! What the disk and the engine allow: the rows of mails that were stored, written again by a bare loop of units.
//!
//! What passes through: a data folder that a run left behind. Its rows are read into memory, then units that do
//! nothing but insert them are submitted, so many at a time; nothing is parsed, asked or decided.
//!
//! *Invariant:* the same tables, indexes and settings of the store as the house itself has.

use std::collections::{HashMap, VecDeque};
use std::path::Path;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use model::decision::Entity;
use model::schema::catalogue;
use model::schema::emails::{ActivityParty, Email, EmailCopy, Identity, MessageReference};
use model::schema::house::Event;
use model::schema::intake::{Copy, OriginalOutcome};
use model::{Id, Timestamp};
use store::{Organization, PendingUnit, PreparedBlob, Priority, Store, StoreError, Tx};

use crate::letters::ORGANIZATION;

mod postgres;

/// Rows of one mail.
struct Rows {
    email: Email,
    parties: Vec<ActivityParty>,
    identities: Vec<Identity>,
    references: Vec<MessageReference>,
    copies: Vec<EmailCopy>,
    copy: Copy,
    outcomes: Vec<OriginalOutcome>,
    event: Event,
    blob: PreparedBlob,
}

/// Mails in a second: the rows of at most `mails_max` mails of `data`, written into a fresh store in `folder` by
/// units of which `waiting` wait at a time.
///
/// # Errors
/// When the data cannot be read, or a unit fails.
pub(super) fn rate(data: &Path, folder: &Path, (mails_max, waiting): (usize, usize)) -> Result<f64> {
    let kept = Store::open(crate::database::store(data))?;
    let from = kept.organization_by_name(ORGANIZATION)?;
    crate::database::forget(folder)?;
    let into = Store::open(crate::database::store(folder))?;
    let row = catalogue::Organization {
        organizationid: Id([7; 16]),
        name: ORGANIZATION.to_owned(),
        createdon: Timestamp(0),
    };
    let into = into.create_organization(row)?;
    let mails = mails(&from, &into, mails_max)?;
    let count = mails.len();
    let began = Instant::now();
    let mut pending: VecDeque<PendingUnit<(), StoreError>> = VecDeque::new();
    for rows in mails {
        if pending.len() >= waiting {
            pending.pop_front().context("nothing waits")?.wait()?;
        }
        let rows = Arc::new(rows);
        pending.push_back(into.unit(Priority::Intake, move |tx| write(tx, &rows)));
    }
    pending.into_iter().try_for_each(PendingUnit::wait)?;
    Ok(super::figures::count(count) / began.elapsed().as_secs_f64())
}

/// Rows of mails in memory, to be written more than once.
pub(super) struct Mails(Vec<Rows>);

impl Mails {
    /// The rows of at most so many mails of this data folder.
    ///
    /// # Errors
    /// When it cannot be read.
    pub(super) fn read(data: &Path, mails_max: usize) -> Result<Self> {
        let from = Store::open(crate::database::store(data))?.organization_by_name(ORGANIZATION)?;
        Ok(Mails(mails(&from, &from, mails_max)?))
    }

    pub(super) fn count(&self) -> usize {
        self.0.len()
    }

    /// Seconds that a PostgreSQL server takes for them: see [`postgres::seconds`].
    ///
    /// # Errors
    /// When the server is not there or refuses something.
    pub(super) fn write_to_postgres(&self, url: &str, load: (usize, usize)) -> Result<f64> {
        postgres::seconds(url, &self.0, load)
    }
}

fn write(tx: &mut Tx<'_>, rows: &Rows) -> Result<(), StoreError> {
    rows.identities.iter().try_for_each(|identity| tx.claim(identity))?;
    tx.keep_blob(&rows.blob)?;
    tx.add_email(&rows.email)?;
    rows.parties.iter().try_for_each(|party| tx.add_party(party, &[]))?;
    rows.references.iter().try_for_each(|reference| tx.refer(reference))?;
    rows.copies.iter().try_for_each(|copy| tx.add_email_copy(copy))?;
    tx.append_event(&rows.event)?;
    tx.enter_copy(&rows.copy)?;
    rows.outcomes.iter().try_for_each(|outcome| tx.write_outcome(outcome))
}

fn mails(from: &Organization, into: &Organization, mails_max: usize) -> Result<Vec<Rows>> {
    let keys = Keys::read(from)?;
    let mut mails = Vec::new();
    let mut cursor = from.read(|read| read.first_cursor())?;
    while mails.len() < mails_max {
        let events = from.read(|read| read.events_after(cursor, 1_000))?;
        let Some(last) = events.last() else {
            if !from.read(|read| read.has_events_after(cursor))? {
                break;
            }
            // At a server others may be in the middle of something, and what came after they began is not told yet.
            thread::sleep(Duration::from_millis(10));
            continue;
        };
        cursor.eventid = last.eventid;
        let is_new =
            |event: &Event| event.operation == "created" && event.objecttypecode == Entity::Email as i32;
        for event in events.into_iter().filter(is_new) {
            mails.extend(keys.rows(from, into, event)?);
        }
    }
    mails.truncate(mails_max);
    Ok(mails)
}

/// The keys of all e-mails, by e-mail.
struct Keys {
    identities: HashMap<Id, Vec<Identity>>,
    references: HashMap<Id, Vec<MessageReference>>,
}

impl Keys {
    fn read(from: &Organization) -> Result<Self> {
        let (all, named) = from.read(|read| Ok((read.every_identity()?, read.every_reference()?)))?;
        let mut keys = Keys { identities: HashMap::new(), references: HashMap::new() };
        for identity in all {
            keys.identities.entry(identity.activityid).or_default().push(identity);
        }
        for reference in named {
            keys.references.entry(reference.activityid).or_default().push(reference);
        }
        Ok(keys)
    }

    fn rows(&self, from: &Organization, into: &Organization, event: Event) -> Result<Option<Rows>> {
        let id = event.objectid;
        let read = from.read(|read| {
            let Some(email) = read.email(id)? else { return Ok(None) };
            let copies = read.email_copies(id)?;
            let Some(copyid) = copies.first().map(|copy| copy.copyid) else { return Ok(None) };
            let Some(copy) = read.copy(copyid)? else { return Ok(None) };
            Ok(Some((email, copies, copy, read.parties(id)?, read.outcomes(copyid)?)))
        })?;
        let Some((email, copies, copy, parties, outcomes)) = read else { return Ok(None) };
        let blob = into.put_blob(&from.blob(&email.blobid)?)?;
        let identities = self.identities.get(&id).cloned().unwrap_or_default();
        let references = self.references.get(&id).cloned().unwrap_or_default();
        Ok(Some(Rows { email, parties, identities, references, copies, copy, outcomes, event, blob }))
    }
}
