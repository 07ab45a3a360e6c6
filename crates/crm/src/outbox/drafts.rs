//! Drafts as e-mails: on their timelines as *Draft*, changed, sent once, taken back, discarded.
//!
//! What passes through: a [`Draft`] becomes an e-mail with its parties and files, whose source is the mail as it would go
//! out now. To send it is to take that source in like any other mail that is written here, in place of the draft's rows.
//!
//! *Invariant:* a draft claims no identity, and no mail is tied to it. Of several who send it at once one does; the others
//! hear that it is done.

mod sheet;

use std::sync::Arc;

use message::{Header, attachments};
use model::decision::{Entity, RecordRef};
use model::outcome::Reason;
use model::schema::emails::{Email, STATE_OPEN, STATUS_CANCELED, STATUS_DRAFT, STATUS_FAILED, STATUS_SENT};
use model::{EmailAddress, Id, Mailbox, Moment, Timestamp};
use store::{Behind, EmailLine, Organization, Priority, Read, StoreError, Tx};

use message::compose::{Automatic, Importance};

use super::By;
use super::draft::{About, Draft, Earlier, File, How, Recipient, What, Who};
use crate::CrmError;
use crate::intake::deliver::drop_claim;
use crate::intake::{Offer, gather, outgoing};
use crate::records::note;
use crate::settings;
use sheet::Sheet;

/// Keeps a draft as an e-mail. It may be without recipients, a subject and words.
///
/// # Errors
/// [`CrmError::Invalid`] where it could not be sent by this writer, or is too much for a mail.
pub async fn save_draft(
    organization: &Arc<Organization>,
    draft: Draft,
    moment: Moment,
) -> Result<Id, CrmError> {
    let id = moment.id();
    begin(organization, (id, &draft), moment).await?;
    Ok(id)
}

/// Keeps a draft under an id of the caller's choice. So it is kept once, however often this is called. What was kept before
/// is replaced where it is the one that was `seen`, by its `blobid`: of two who go on with one draft at the same time the second
/// is told. Says whether this is what is kept now.
///
/// # Errors
/// As [`save_draft`]; [`CrmError::NotFound`] where the id is that of an e-mail that is no draft; [`CrmError::Invalid`] where
/// it is another user's.
pub async fn keep_draft(
    organization: &Arc<Organization>,
    (id, draft, seen): (Id, Draft, Option<Vec<u8>>),
    moment: Moment,
) -> Result<bool, CrmError> {
    if organization.read(|read| read.email(id))?.is_none() {
        match begin(organization, (id, &draft), moment.again()).await {
            // Kept at this moment by another call.
            Err(CrmError::Store(StoreError::Conflict { .. })) => {}
            done => return done.map(|()| true),
        }
    }
    let before = found(organization, (id, draft.who.author))?;
    if seen.as_ref() != Some(&before.blobid) {
        return would_be(organization, &draft, &before);
    }
    let is_kept = replace(organization, (before, draft), seen, moment).await?;
    if !is_kept {
        // Changed between the look above and the unit, or gone.
        found(organization, (id, None))?;
    }
    Ok(is_kept)
}

/// Whether a draft that is kept says what this one does: it would have been the same at its moment.
///
/// # Errors
/// As [`save_draft`].
pub fn would_be(organization: &Organization, draft: &Draft, kept: &Email) -> Result<bool, CrmError> {
    let then = Moment::new(kept.sortdate, 0);
    let sheet = Sheet::of(organization, draft, (kept.activityid, &then))?;
    Ok(sheet.is(kept))
}

async fn begin(
    organization: &Arc<Organization>,
    (id, draft): (Id, &Draft),
    moment: Moment,
) -> Result<(), CrmError> {
    let sheet = Sheet::of(organization, draft, (id, &moment))?;
    let unit = organization.unit(Priority::Intake, move |tx| {
        sheet.write(tx, None)?;
        noted(tx, (id, "drafted"), &moment)
    });
    Ok(unit.await?)
}

/// Keeps a draft in place of what it was.
///
/// # Errors
/// As [`save_draft`]; [`CrmError::NotFound`] where it is no draft any more.
pub async fn change_draft(
    organization: &Arc<Organization>,
    (id, draft): (Id, Draft),
    moment: Moment,
) -> Result<(), CrmError> {
    let before = found(organization, (id, draft.who.author))?;
    if replace(organization, (before, draft), None, moment).await? { Ok(()) } else { Err(GONE) }
}

/// Writes a draft in place of what it was: of the source that was seen, or of any. Says whether that was there.
async fn replace(
    organization: &Arc<Organization>,
    (before, draft): (Email, Draft),
    seen: Option<Vec<u8>>,
    moment: Moment,
) -> Result<bool, CrmError> {
    let id = before.activityid;
    let sheet = Sheet::of(organization, &draft, (id, &moment))?;
    drop(draft);
    let unit = organization.unit(Priority::Intake, move |tx| {
        if !tx.take_draft(id, seen.as_deref(), moment.now)? {
            return Ok(false);
        }
        sheet.write(tx, Some(&before))?;
        noted(tx, (id, "drafted"), &moment)?;
        Ok::<_, StoreError>(true)
    });
    Ok(unit.await?)
}

/// Throws a draft away: the one that was `seen`, by its `blobid`, or whichever it is by now. Says whether that was there.
///
/// # Errors
/// [`CrmError::NotFound`] where it is no draft any more; [`CrmError::Invalid`] where it is another user's.
pub async fn discard_draft(
    organization: &Arc<Organization>,
    (id, author): (Id, Option<Id>),
    seen: Option<Vec<u8>>,
    moment: Moment,
) -> Result<bool, CrmError> {
    found(organization, (id, author))?;
    let unit = organization.unit(Priority::Intake, move |tx| {
        let is_there = tx.take_draft(id, seen.as_deref(), moment.now)?;
        if is_there {
            noted(tx, (id, "discarded"), &moment)?;
        }
        Ok::<_, StoreError>(is_there)
    });
    let is_discarded = unit.await?;
    if !is_discarded {
        // Changed since, or gone.
        found(organization, (id, None))?;
    }
    Ok(is_discarded)
}

/// How an e-mail is sent that is kept as a draft.
#[derive(Debug, Clone)]
pub struct SendEmail {
    /// The draft.
    pub email: Id,
    /// The user who sends it; nobody where it is the administrator's command.
    pub author: Option<Id>,
    /// Not before then; else when the draft was kept for, or at once.
    pub due: Option<Timestamp>,
    /// The tracking token that its subject gets (`TrackingToken`); else one is drawn where the organization wants that.
    pub token: Option<String>,
    /// Whether it is handed to the outbox (`IssueSend`); else it went out by other means, and is noted as sent.
    pub is_issued: bool,
}

impl SendEmail {
    /// By the outbox, when the draft was kept for, or at once.
    pub fn now(email: Id, author: Option<Id>) -> Self {
        SendEmail { email, author, due: None, token: None, is_issued: true }
    }
}

/// Sends a draft under its own id, and gives its subject as it goes out (Dataverse: SendEmail). Where it was sent before, nothing
/// happens. `copyid` is the copy that it is in the books.
///
/// # Errors
/// As [`send`](super::send); [`CrmError::NotFound`] where it is no draft and was not sent; [`CrmError::Invalid`] where it was
/// changed at that moment, is another user's, or was sent before and canceled, or has failed.
pub async fn send_email(
    organization: &Arc<Organization>,
    SendEmail { email: id, author, due, token, is_issued }: SendEmail,
    (copyid, moment): (Id, Moment),
) -> Result<String, CrmError> {
    // The row first: whoever sends it at this moment changes the row and fills the outbox in one commit.
    let (row, mail) =
        organization.read(|read| Ok::<_, StoreError>((read.email(id)?, read.outbox_mail(id)?)))?;
    if row.as_ref().is_some_and(|row| mail.is_some() || is_noted_as_sent(row)) {
        return own(row, author).and_then(sent_before);
    }
    let row = own_draft(row, author)?;
    let mut draft = reopened(organization, &row)?;
    draft.who.author = author;
    draft.due = due.or(draft.due);
    draft.what.token = token;
    let by = if is_issued { By::Outbox } else { By::OtherMeans };
    let (raw, mut outgoing) = super::written(organization, (draft, by), (id, &moment))?;
    in_place_of(row, &mut outgoing);
    outgoing::take_in(organization, (copyid, raw), outgoing, moment).await?;
    let sent = organization.read(|read| read.email(id))?.ok_or(CrmError::Store(StoreError::Corrupt))?;
    Ok(sent.subject)
}

/// The subject of a draft that was sent, unless nobody gets it any more.
fn sent_before(row: Email) -> Result<String, CrmError> {
    let why = match row.statuscode {
        STATUS_CANCELED => "the draft was sent and canceled: to send it after all, write another mail",
        STATUS_FAILED => "the draft was sent and has failed: `outbox retry` or *Again* tries it again",
        _ => return Ok(row.subject),
    };
    Err(CrmError::Invalid(why.to_owned()))
}

/// A draft of ours that went out by other means.
fn is_noted_as_sent(row: &Email) -> bool {
    row.statuscode == STATUS_SENT && row.reason == Reason::Composed as i32
}

/// Whoever has a draft sent for its writer, it stays his.
pub(super) fn in_place_of(row: Email, outgoing: &mut outgoing::Outgoing) {
    outgoing.draft = Some((row.activityid, row.blobid));
    outgoing.owner = row.ownerid.or(outgoing.owner);
}

/// The draft that a mail was kept as, where it is one still, of the mail's author.
pub(super) fn kept(organization: &Organization, draft: &Draft) -> Result<Option<Email>, CrmError> {
    let Some(id) = draft.kept_as else { return Ok(None) };
    let row = organization.read(|read| read.email(id))?;
    Ok(own_draft(row, draft.who.author).ok())
}

/// The drafts of a user, the one he kept last first, behind one of them.
///
/// # Errors
/// Where the store cannot say.
pub fn drafts_of(
    organization: &Organization,
    author: Id,
    (behind, limit): (Behind, usize),
) -> Result<Vec<EmailLine>, CrmError> {
    Ok(organization.read(|read| read.drafts_of(author, behind, limit))?)
}

/// Makes a mail that waits a draft again. Says whether it did: what a node has, and what somebody got, goes on.
///
/// # Errors
/// Where the store cannot do it.
pub async fn take_back(organization: &Arc<Organization>, id: Id, moment: Moment) -> Result<bool, CrmError> {
    let row = organization.read(|read| read.email(id))?.ok_or(GONE)?;
    let source = organization.blob(&row.blobid)?;
    let settings = organization.read(settings::read)?;
    let header = message::read_header(&source);
    let offer = header.map(|header| Offer::of_header(&header, &settings.token_prefixes)).unwrap_or_default();
    // The former form of a key too, which a node before an upgrade may have claimed.
    let claims = gather::keys_asked(&offer, &settings);
    let named = offer.referenced().into_iter().map(|(named, _)| message::identity::message_key(named));
    let named: Vec<[u8; 16]> = named.collect();
    let unit = organization.unit(Priority::Intake, move |tx| {
        if !tx.take_back_outbox(id, moment.now)? {
            return Ok(false);
        }
        claims.iter().try_for_each(|key| drop_claim(tx, *key, id))?;
        named.iter().try_for_each(|keyhash| tx.drop_reference(keyhash, id))?;
        tx.unmark_sent(id, (STATE_OPEN, STATUS_DRAFT))?;
        noted(tx, (id, "drafted"), &moment)?;
        Ok::<_, StoreError>(true)
    });
    Ok(unit.await?)
}

/// A draft as it was kept, to be gone on with.
///
/// # Errors
/// [`CrmError::NotFound`] where it is no draft any more; [`CrmError::Invalid`] where it is another user's.
pub fn draft(organization: &Organization, (id, author): (Id, Option<Id>)) -> Result<Draft, CrmError> {
    reopened(organization, &found(organization, (id, author))?)
}

/// What a form of letters does not say of a draft: whoever goes on with it in one means it all the same.
#[derive(Debug, Clone)]
pub struct Unsaid {
    /// The recipients, with the records that are meant.
    pub recipients: Vec<Recipient>,
    /// Whether a program wrote it.
    pub automatic: Automatic,
}

/// What a form does not say of a draft of this author; nothing where it is none.
///
/// # Errors
/// Where the store cannot say.
pub fn unsaid(organization: &Organization, (id, author): (Id, Id)) -> Result<Option<Unsaid>, CrmError> {
    let row = organization.read(|read| read.email(id))?;
    let Ok(row) = own_draft(row, Some(author)) else { return Ok(None) };
    let source = organization.blob(&row.blobid)?;
    let header = message::read_header(&source).map_err(|_| CrmError::Store(StoreError::Corrupt))?;
    let mut all = Vec::new();
    organization.read(|read| {
        for list in [&header.to, &header.cc, &header.bcc] {
            all.extend(recipients(read, row.activityid, list)?);
        }
        Ok::<_, StoreError>(())
    })?;
    Ok(Some(Unsaid { recipients: all, automatic: automatic(&header) }))
}

const GONE: CrmError = CrmError::NotFound { what: "the draft" };

fn found(organization: &Organization, (id, author): (Id, Option<Id>)) -> Result<Email, CrmError> {
    own_draft(organization.read(|read| read.email(id))?, author)
}

/// The row where it is a draft, and of who asks.
fn own_draft(row: Option<Email>, author: Option<Id>) -> Result<Email, CrmError> {
    own(row.filter(|row| row.statuscode == STATUS_DRAFT), author)
}

fn own(row: Option<Email>, author: Option<Id>) -> Result<Email, CrmError> {
    let row = row.ok_or(GONE)?;
    match author {
        Some(author) if row.ownerid.is_some_and(|owner| owner != author) => {
            Err(CrmError::Invalid("the draft is another user's".to_owned()))
        }
        _ => Ok(row),
    }
}

fn noted(tx: &mut Tx<'_>, (id, operation): (Id, &str), moment: &Moment) -> Result<(), StoreError> {
    note(tx, moment, RecordRef { entity: Entity::Email, id }, operation)
}

/// What the rows and the source of a draft say.
fn reopened(organization: &Organization, row: &Email) -> Result<Draft, CrmError> {
    let source = organization.blob(&row.blobid)?;
    let message = message::read(&source).map_err(|_| CrmError::Store(StoreError::Corrupt))?;
    let header = message.header();
    let from = header.from.first().map(|from| from.address.clone());
    let lists = [&header.to, &header.cc, &header.bcc];
    let [to, cc, bcc] = organization.read(|read| {
        let [to, cc, bcc] = lists.map(|list| recipients(read, row.activityid, list));
        Ok::<_, StoreError>([to?, cc?, bcc?])
    })?;
    let record = row.regardingobjectid.zip(row.regardingobjecttypecode);
    let record =
        record.and_then(|(id, code)| Some(RecordRef { entity: Entity::from_code(code.into())?, id }));
    let earlier = row.correlatedactivityid.map(|id| match row.parentactivityid {
        Some(_) => Earlier::Answered(id),
        None => Earlier::Forwarded(id),
    });
    let file = |row: attachments::Attachment| {
        let bytes = message.file(&row);
        File { name: row.filename, mimetype: row.mimetype, content_id: row.content_id, bytes }
    };
    Ok(Draft {
        who: Who { author: None, from: from.ok_or(CrmError::Store(StoreError::Corrupt))?, to, cc, bcc },
        what: What {
            subject: header.subject.clone(),
            token: None,
            text: message.text().into_owned(),
            html: message.html(),
            files: message.attachments().into_iter().map(file).collect(),
        },
        how: How {
            importance: match row.prioritycode {
                0 => Importance::Low,
                2 => Importance::High,
                _ => Importance::Normal,
            },
            wants_read_receipt: row.readreceiptrequested,
            wants_delivery_receipt: row.deliveryreceiptrequested,
            automatic: automatic(header),
        },
        about: About { earlier, regarding: record },
        due: row.delayedemailsendtime,
        key: None,
        kept_as: Some(row.activityid),
    })
}

/// Whatever a program wrote stays a program's: else two of them would answer each other.
fn automatic(header: &Header) -> Automatic {
    match (header.marks.automatic, header.in_reply_to.is_empty()) {
        (false, _) => Automatic::No,
        (true, true) => Automatic::Generated,
        (true, false) => Automatic::Replied,
    }
}

/// Recipients with the records that their parties mean, as far as these have the addresses still.
fn recipients(read: &Read<'_>, email: Id, list: &[Mailbox]) -> Result<Vec<Recipient>, StoreError> {
    let parties = read.parties(email)?;
    let meant = |address: &EmailAddress| {
        let key = Some(address.key());
        let party = parties.iter().find(|party| party.addressused == key && party.participationtypemask != 1);
        party.and_then(|party| party.partyid)
    };
    let one = |mailbox: &Mailbox| {
        let known = gather::known_records(read, &mailbox.address)?;
        let meant = meant(&mailbox.address);
        let record = known.iter().map(|known| known.record).find(|record| Some(record.id) == meant);
        Ok(Recipient { mailbox: mailbox.clone(), record })
    };
    list.iter().map(one).collect()
}
