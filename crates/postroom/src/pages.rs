//! What the pages ask, answered from `crm` and `store`: rows become the values that pages are made of.
//!
//! What passes through: the questions of [`web::House`], one file for each family of answers. Every answer is
//! of the visitor's own organization.
//!
//! *Invariant:* plain mapping; nothing is decided here, and nothing written but sessions.

mod author;
mod books;
mod cabinet;
mod content;
mod delivery;
mod email;
mod lines;
mod mailboxes;
mod names;
mod outbox;
mod records;
mod search;
mod templates;
mod undeliverables;
mod writing;

pub(crate) use cabinet::Cabinet;

use std::sync::Arc;

use crm::CrmError;
use crm::accounting::alarm::Alarm;
use crm::sign_in;
use crm::undeliverables::QUARANTINED;
use model::schema::emails::{self, STATUS_DRAFT};
use model::{Id, Timestamp, limits};
use store::{Organization, Read, StoreError};
use web::Failure;
use web::values::{
    Accounting, Beginning, Body, Day, DraftLine, Email, File, Filled, Found, Letter, LetterEnd, List,
    MailLine, MailboxChange, MailboxLine, NodeLine, NodeList, OutboxChange, OutboxLine, OutboxStanding,
    OutboxTroubles, Page, Preview, RecipientLine, Record, RecordKey, RecordKind, RecordLine, ReplayedAll,
    SearchForm, Signature, SignedIn, Surroundings, TemplateBeginning, TemplateDraft, TemplateEnd,
    TemplateLine, TemplatePage, TemplateTry, UndeliverableLine, UndeliverableMail, UnresolvedLine, Visitor,
    Waiting,
};

use crate::commands::{NodeRow, faults, nodes::rows};
use crate::house::{House, random};
use lines::page_of;
use names::Names;

impl web::House for House {
    fn sign_in(&self, address: &str, password: &str) -> Result<SignedIn, Failure> {
        let now = self.now();
        let token = random::<32>().map_err(|_| Failure::TryLater)?;
        let cookie = sign_in::sign_in(&self.store, (address, password), &token, now).map_err(failure)?;
        cookie.map(|token| SignedIn { token }).ok_or(Failure::NotSignedIn)
    }

    fn visitor(&self, token: &str) -> Result<Option<Visitor>, Failure> {
        let found = sign_in::visitor(&self.store, token, self.now()).map_err(failure)?;
        Ok(found.map(|sign_in::Visitor { user, organization }| Visitor {
            user: user.systemuserid,
            name: user.fullname,
            address: user.internalemailaddress,
            organization: organization.name().to_owned(),
            is_administrator: user.isadministrator,
        }))
    }

    fn sign_out(&self, token: &str) -> Result<(), Failure> {
        sign_in::sign_out(&self.store, token).map_err(failure)
    }

    fn waiting(&self, visitor: &Visitor) -> Result<Waiting, Failure> {
        let organization = self.of(visitor)?;
        let gap = self.cabinet.gap(&organization, self.now()).map_err(store_failure)?;
        let count = |number: i64| u64::try_from(number).unwrap_or(0);
        // What is missing today the page of the day tells itself.
        let today = self.now().day();
        let is_told = |alarm: &Alarm| alarm.kind() == "books" && alarm.day() == today;
        let alarms = self.alarms.of(organization.id());
        self.read(visitor, |read| {
            let apart = QUARANTINED.map(|reason| reason as i32);
            let quarantined = count(read.undeliverable_count_for(apart)?);
            Ok(Waiting {
                alarms: alarms.iter().filter(|alarm| !is_told(alarm)).map(Alarm::words).collect(),
                unresolved: count(read.unresolved_count()?),
                undeliverable: count(read.undeliverable_count()?).saturating_sub(quarantined),
                quarantined,
                gap,
            })
        })
    }

    fn today(&self, visitor: &Visitor, day: Option<Day>) -> Result<Accounting, Failure> {
        let present = Day(self.now().day());
        self.read(visitor, |read| books::of_day(read, day.unwrap_or(present), present))
    }

    fn mail(&self, visitor: &Visitor, page: &Page) -> Result<List<MailLine>, Failure> {
        let behind = page.after.as_deref().map(lines::behind).transpose()?;
        self.read(visitor, |read| lines::latest(read, visitor, behind))
    }

    fn search(&self, visitor: &Visitor, form: &SearchForm, page: &Page) -> Result<Found, Failure> {
        let found = search::found(self.of(visitor)?.as_ref(), form, page)?;
        Ok(if self.settings.search.follows_mail { found } else { search::stands_still(found) })
    }

    fn records(&self, visitor: &Visitor, kind: RecordKind, page: &Page) -> Result<List<RecordLine>, Failure> {
        records::list(self.of(visitor)?.as_ref(), kind, page)
    }

    fn record(&self, visitor: &Visitor, key: RecordKey, page: &Page) -> Result<Record, Failure> {
        let record = self.read(visitor, |read| records::record(read, key))?.ok_or(Failure::NotFound)?;
        let conversations = self.read(visitor, |read| records::conversations(read, visitor, key))?;
        let conversations = page_of(conversations, page, |it| it.id.to_string())?;
        let shown = self.read(visitor, |read| records::shown(read, conversations.rows))?;
        Ok(Record { conversations: List { rows: shown, next: conversations.next }, ..record })
    }

    fn email(&self, visitor: &Visitor, email: Id) -> Result<Email, Failure> {
        let organization = self.of(visitor)?;
        let row = self.email_row(visitor, email)?;
        let raw = organization.blob(&row.blobid).map_err(store_failure)?;
        let page = self.read(visitor, |read| email::page(read, visitor, (&row, &raw)))?;
        Ok(Email { outgoing: outbox::one(self, (&organization, visitor), email)?, ..page })
    }

    fn email_body(&self, visitor: &Visitor, email: Id) -> Result<Body, Failure> {
        let row = self.email_row(visitor, email)?;
        let raw = self.of(visitor)?.blob(&row.blobid).map_err(store_failure)?;
        Ok(content::body(&raw))
    }

    fn source(&self, visitor: &Visitor, email: Id) -> Result<Vec<u8>, Failure> {
        let row = self.email_row(visitor, email)?;
        self.of(visitor)?.blob(&row.blobid).map_err(store_failure)
    }

    fn attachment(&self, visitor: &Visitor, email: Id, attachment: Id) -> Result<File, Failure> {
        let row = self.email_row(visitor, email)?;
        let attachments = self.read(visitor, |read| read.attachments(email))?;
        let found = attachments.into_iter().find(|it| it.activitymimeattachmentid == attachment);
        let attachment = found.ok_or(Failure::NotFound)?;
        if attachment.contentrules != 0 {
            let raw = self.of(visitor)?.blob(&row.blobid).map_err(store_failure)?;
            return content::file(&raw, &attachment).ok_or(Failure::NotFound);
        }
        let (offset, length) = content::range(&attachment);
        let encoded = self.of(visitor)?.blob_range(&row.blobid, offset, length).map_err(store_failure)?;
        let bytes = message::attachments::decode(&encoded, &attachment.encoding);
        Ok(File { name: attachment.filename, mimetype: attachment.mimetype, bytes })
    }

    fn unresolved(&self, visitor: &Visitor, page: &Page) -> Result<List<UnresolvedLine>, Failure> {
        let mut rows = self.read(visitor, |read| read.unresolved(ROWS_MAX))?;
        rows.retain(|row| lines::is_shown(visitor, &row.email));
        let List { rows, next } = page_of(rows, page, |row| row.party.to_string())?;
        let rows = self.read(visitor, |read| lines::unresolved(read, &rows))?;
        Ok(List { rows, next })
    }

    fn undeliverable(&self, visitor: &Visitor, page: &Page) -> Result<List<UndeliverableLine>, Failure> {
        undeliverables::list(self.of(visitor)?.as_ref(), (false, page))
    }

    fn quarantine(&self, visitor: &Visitor, page: &Page) -> Result<List<UndeliverableLine>, Failure> {
        undeliverables::list(self.of(visitor)?.as_ref(), (true, page))
    }

    fn undeliverable_mail(&self, visitor: &Visitor, id: Id) -> Result<UndeliverableMail, Failure> {
        undeliverables::mail(self.of(visitor)?.as_ref(), id)
    }

    fn replay(&self, visitor: &Visitor, id: Id) -> Result<(), Failure> {
        undeliverables::replay(self, &self.of(visitor)?, id).map(drop)
    }

    fn replay_all(&self, visitor: &Visitor) -> Result<ReplayedAll, Failure> {
        undeliverables::replay_all(self, &self.of(visitor)?)
    }

    fn dismiss(&self, visitor: &Visitor, id: Id, reason: &str) -> Result<(), Failure> {
        undeliverables::dismiss(self, (&self.of(visitor)?, visitor), (id, reason))
    }

    fn mailboxes(&self, visitor: &Visitor) -> Result<Vec<MailboxLine>, Failure> {
        mailboxes::list(self, self.of(visitor)?.as_ref())
    }

    fn change_mailbox(&self, visitor: &Visitor, id: Id, change: MailboxChange) -> Result<(), Failure> {
        mailboxes::change(self, &self.of(visitor)?, (id, change))
    }

    fn outbox(
        &self,
        visitor: &Visitor,
        standing: Option<OutboxStanding>,
        page: &Page,
    ) -> Result<List<OutboxLine>, Failure> {
        outbox::list(self, (self.of(visitor)?.as_ref(), visitor), (standing, page))
    }

    fn outbox_troubles(&self, visitor: &Visitor) -> Result<OutboxTroubles, Failure> {
        outbox::troubles(self, (self.of(visitor)?.as_ref(), visitor))
    }

    fn change_outbox(&self, visitor: &Visitor, email: Id, change: OutboxChange) -> Result<bool, Failure> {
        outbox::change(self, (&self.of(visitor)?, visitor), (email, change))
    }

    fn begin_letter(&self, visitor: &Visitor, beginning: &Beginning) -> Result<Letter, Failure> {
        writing::begin(self, (self.of(visitor)?.as_ref(), visitor), beginning)
    }

    fn around_letter(&self, visitor: &Visitor, letter: &Letter) -> Result<Surroundings, Failure> {
        writing::around((self.of(visitor)?.as_ref(), visitor), letter)
    }

    fn find_recipients(&self, visitor: &Visitor, words: &str) -> Result<Vec<RecipientLine>, Failure> {
        writing::recipients::found(self.of(visitor)?.as_ref(), words)
    }

    fn preview_letter(&self, visitor: &Visitor, letter: Letter) -> Result<Preview, Failure> {
        writing::preview(self, (self.of(visitor)?.as_ref(), visitor), letter)
    }

    fn send_letter(&self, visitor: &Visitor, letter: Letter) -> Result<LetterEnd, Failure> {
        writing::send(self, (&self.of(visitor)?, visitor), letter)
    }

    fn keep_letter(&self, visitor: &Visitor, letter: Letter) -> Result<LetterEnd, Failure> {
        writing::drafts::keep(self, (&self.of(visitor)?, visitor), letter)
    }

    fn drafts(&self, visitor: &Visitor, page: &Page) -> Result<List<DraftLine>, Failure> {
        writing::drafts::list((self.of(visitor)?.as_ref(), visitor), page)
    }

    fn discard_draft(
        &self,
        visitor: &Visitor,
        draft: (Id, Option<&str>),
    ) -> Result<Option<Box<Letter>>, Failure> {
        writing::drafts::discard(self, (&self.of(visitor)?, visitor), draft)
    }

    fn templates(&self, visitor: &Visitor) -> Result<Vec<TemplateLine>, Failure> {
        templates::list((self.of(visitor)?.as_ref(), visitor))
    }

    fn template(&self, visitor: &Visitor, template: Id, record: &str) -> Result<TemplatePage, Failure> {
        templates::page((self.of(visitor)?.as_ref(), visitor), template, record)
    }

    fn begin_template(
        &self,
        visitor: &Visitor,
        beginning: TemplateBeginning,
    ) -> Result<TemplateDraft, Failure> {
        templates::keep::begin((self.of(visitor)?.as_ref(), visitor), beginning)
    }

    fn try_template(
        &self,
        visitor: &Visitor,
        draft: TemplateDraft,
        record: &str,
    ) -> Result<TemplateTry, Failure> {
        templates::keep::tried((self.of(visitor)?.as_ref(), visitor), draft, record)
    }

    fn keep_template(&self, visitor: &Visitor, draft: TemplateDraft) -> Result<TemplateEnd, Failure> {
        templates::keep::keep(self, (&self.of(visitor)?, visitor), draft)
    }

    fn remove_template(&self, visitor: &Visitor, template: Id) -> Result<(), Failure> {
        templates::keep::remove(self, (&self.of(visitor)?, visitor), template)
    }

    fn fill_letter(&self, visitor: &Visitor, letter: Letter, template: Id) -> Result<Filled, Failure> {
        templates::fill((self.of(visitor)?.as_ref(), visitor), letter, template)
    }

    fn signature(&self, visitor: &Visitor) -> Result<Signature, Failure> {
        writing::signed::signature((self.of(visitor)?.as_ref(), visitor))
    }

    fn set_signature(&self, visitor: &Visitor, signature: Signature) -> Result<Option<String>, Failure> {
        writing::signed::set(self, (&self.of(visitor)?, visitor), signature)
    }

    fn stamp_keys(&self) -> Vec<[u8; 32]> {
        self.token_keys.for_forms()
    }

    fn nodes(&self, _: &Visitor) -> Result<NodeList, Failure> {
        let this = self.node.to_string();
        let line = |row: NodeRow| NodeLine {
            is_this: row.id == this,
            started: row
                .started
                .parse()
                .map_or(Timestamp(0), |time: jiff::Timestamp| Timestamp(time.as_millisecond())),
            name: row.name,
            state: row.state,
            roles: row.roles.join(", "),
            version: row.version,
            silent_seconds: row.silent_seconds,
        };
        let rows = rows(self).map_err(store_failure)?;
        let undone = faults(&rows);
        Ok(NodeList { nodes: rows.into_iter().map(line).collect(), undone })
    }

    fn undeliverable_source(&self, visitor: &Visitor, id: Id) -> Result<Vec<u8>, Failure> {
        crm::undeliverables::bytes(self.of(visitor)?.as_ref(), id).map_err(failure)
    }
}

/// Rows of a list that are looked through for one page of it: what waits for a person is not more, or nobody
/// will ever see its end.
const ROWS_MAX: usize = 20 * limits::PAGE_ROWS_MAX;

impl House {
    fn of(&self, visitor: &Visitor) -> Result<Arc<Organization>, Failure> {
        self.organization(&visitor.organization).map_err(store_failure)
    }

    fn read<T>(
        &self,
        visitor: &Visitor,
        question: impl FnOnce(&Read<'_>) -> Result<T, StoreError>,
    ) -> Result<T, Failure> {
        self.of(visitor)?.read(question).map_err(store_failure)
    }

    fn email_row(&self, visitor: &Visitor, id: Id) -> Result<emails::Email, Failure> {
        self.read(visitor, |read| readable(read, visitor, id))?.ok_or(Failure::NotFound)
    }
}

/// An e-mail that a visitor may read.
fn readable(read: &Read<'_>, visitor: &Visitor, id: Id) -> Result<Option<emails::Email>, StoreError> {
    Ok(read.email(id)?.filter(|row| is_shown(visitor, (row.statuscode, row.ownerid))))
}

/// What nobody has sent is its writer's; what a command wrote for nobody, an administrator's.
fn is_shown(visitor: &Visitor, (statuscode, owner): (i32, Option<Id>)) -> bool {
    statuscode != STATUS_DRAFT || owner.map_or(visitor.is_administrator, |owner| owner == visitor.user)
}

fn store_failure(error: StoreError) -> Failure {
    failure(CrmError::from(error))
}

/// The visitor is told what he can do; the cause is logged here, once.
fn failure(error: CrmError) -> Failure {
    if let CrmError::NotFound { .. } | CrmError::Store(StoreError::NotFound) = error {
        return Failure::NotFound;
    }
    let is_temporary = error.is_temporary();
    let cause: &dyn std::error::Error = &error;
    if is_temporary {
        tracing::warn!(error = cause, "a page has to wait");
        return Failure::TryLater;
    }
    tracing::error!(error = cause, "a page could not be made");
    Failure::Internal
}
