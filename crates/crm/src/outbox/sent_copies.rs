//! Copies of what went out, for the mailboxes of those who wrote it: which there are to put there, and how that ended.
//!
//! *Invariant:* a copy is on the list from the commit that says that somebody has the mail; it goes from there when it lies in the mailbox,
//! nobody wants it there any more, or it was tried for days.

use std::collections::HashMap;
use std::sync::Arc;

use model::decision::{Entity, RecordRef};
use model::schema::house::{Job, KEEP_SENT};
use model::{Id, Moment, Timestamp, limits};
use store::{Organization, Priority, StoreError, Tx};

use super::turns::pause_seconds;
use crate::CrmError;
use crate::records::note;

/// A mail to be put into its writer's mailbox, as the node holds it that took it.
#[derive(Debug, Clone)]
pub struct SentCopy {
    job: Job,
    /// The e-mail.
    pub email: Id,
    /// The mailbox.
    pub mailbox: Id,
}

/// What is to be put there.
#[derive(Debug, Clone)]
pub struct SentMail {
    /// The whole mail, each line with CRLF.
    pub raw: Arc<[u8]>,
    /// Its Message-ID, without brackets.
    pub message_id: String,
    /// When it was sent.
    pub sent_on: Timestamp,
}

/// Puts a copy on the list, with the unit that says that somebody has the mail.
pub(super) fn want(tx: &mut Tx<'_>, (mailbox, email): (Id, Id), moment: &Moment) -> Result<(), StoreError> {
    let job = Job {
        jobid: moment.id(),
        kind: KEEP_SENT.to_owned(),
        jobkey: format!("{mailbox} {email}"),
        dueon: moment.now,
        leaseuntil: None,
        attempts: 0,
        lasterror: None,
        owner: None,
    };
    tx.enqueue(&job).map(drop)
}

/// The mailbox and the e-mail that a job names.
fn named(job: &Job) -> Option<(Id, Id)> {
    let (mailbox, email) = job.jobkey.split_once(' ')?;
    Some((mailbox.parse().ok()?, email.parse().ok()?))
}

/// Takes the copy that is due longest, for `limits::SENT_COPY_LEASE_SECONDS`.
///
/// # Errors
/// Where the store cannot do it.
pub async fn take_sent_copy(
    organization: &Arc<Organization>,
    node: Id,
    now: Timestamp,
) -> Result<Option<SentCopy>, CrmError> {
    // Mostly there is none, and to ask costs less than a unit.
    let is_due = organization.read(|read| read.sent_copies(1))?.iter().any(|job| job.dueon <= now);
    if !is_due || organization.is_closed() {
        return Ok(None);
    }
    let job = organization.unit(Priority::Background, move |tx| tx.lease_sent_copy(node, now)).await?;
    let Some(job) = job else { return Ok(None) };
    let (mailbox, email) = named(&job).ok_or(CrmError::Store(StoreError::Corrupt))?;
    Ok(Some(SentCopy { job, email, mailbox }))
}

/// The mail itself; `None` where it is gone, or nobody wants it in that mailbox any more.
///
/// # Errors
/// Where its bytes cannot be had.
pub fn sent_mail(organization: &Organization, copy: &SentCopy) -> Result<Option<SentMail>, CrmError> {
    let (email, source) = organization
        .read(|read| Ok::<_, StoreError>((read.email(copy.email)?, read.email_source(copy.email)?)))?;
    let source = source.filter(|source| source.kept_in == Some(copy.mailbox));
    let (Some(email), Some(source)) = (email, source) else { return Ok(None) };
    let Some(message_id) = email.messageid else { return Ok(None) };
    let bytes = organization.blob(&source.blobid)?;
    let raw = message::compose::for_transport(&bytes).into_owned().into();
    let sent_on = email.senton.unwrap_or(copy.job.dueon);
    Ok(Some(SentMail { raw, message_id, sent_on }))
}

/// Settles a copy: it lies there or is not wanted, or this went wrong, and it is tried again after a while.
///
/// # Errors
/// Where the store cannot do it.
pub async fn settle_sent_copy(
    organization: &Arc<Organization>,
    copy: SentCopy,
    (ended, moment): (Result<(), String>, Moment),
) -> Result<(), CrmError> {
    let unit = organization.unit(Priority::Background, move |tx| {
        let (job, moment) = (&copy.job, moment.again());
        match &ended {
            Ok(()) => tx.finish_job(job).map(drop),
            Err(words) if job.attempts < limits::SENT_COPY_TRIES_MAX => {
                let words: String = words.chars().take(limits::ERROR_CHARS_MAX).collect();
                let later = moment.now.plus_seconds(pause_seconds(job.attempts, copy.email));
                tx.defer_job(job, later, &words).map(drop)
            }
            Err(_) => {
                let is_ours = tx.finish_job(job)?;
                let email = RecordRef { entity: Entity::Email, id: copy.email };
                if is_ours { note(tx, &moment, email, "not-kept") } else { Ok(()) }
            }
        }
    });
    unit.await.map_err(|error: StoreError| error.into())
}

/// How many copies wait for each mailbox, and why the last one that was tried did not come there.
///
/// # Errors
/// Where the store cannot say.
pub fn waiting_sent_copies(
    organization: &Organization,
) -> Result<HashMap<Id, (usize, Option<String>)>, CrmError> {
    let mut waiting: HashMap<Id, (usize, Option<String>)> = HashMap::new();
    for job in organization.read(|read| read.sent_copies(limits::SENT_COPIES_LISTED_MAX))? {
        let Some((mailbox, _)) = named(&job) else { continue };
        let (count, words) = waiting.entry(mailbox).or_default();
        *count += 1;
        *words = job.lasterror.filter(|words| !words.is_empty()).or(words.take());
    }
    Ok(waiting)
}
