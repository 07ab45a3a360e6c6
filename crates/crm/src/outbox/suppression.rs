//! Addresses to which nothing is sent: they do not work, or somebody does not want it.

use std::sync::Arc;

use model::schema::suppression::{SUPPRESSION_REASONS, Suppression};
use model::{EmailAddress, Id, Moment, limits};
use store::{Organization, Priority, Read, StoreError, Tx};

use crate::CrmError;

/// Of `SUPPRESSION_REASONS`.
pub(super) const DEAD: i32 = 1;
pub(super) const SEVERAL: i32 = 2;
pub(super) const COMPLAINT: i32 = 3;
const BY_HAND: i32 = 4;

/// Why nothing is sent to an address; `None` where something is.
///
/// # Errors
/// Where the store cannot say.
pub fn suppressed(read: &Read<'_>, address: &EmailAddress) -> Result<Option<Suppression>, StoreError> {
    read.suppression_of(&address.key())
}

/// Refuses to send to suppressed addresses, in words for whoever sends.
///
/// # Errors
/// [`CrmError::Invalid`], for all of them.
pub fn refuse(organization: &Organization, recipients: &[EmailAddress]) -> Result<(), CrmError> {
    let refusals = refusals(organization, recipients)?;
    if refusals.is_empty() { Ok(()) } else { Err(CrmError::Invalid(refusals.join("; "))) }
}

/// Why nothing is sent to some of these, in words.
pub(super) fn refusals(
    organization: &Organization,
    recipients: &[EmailAddress],
) -> Result<Vec<String>, StoreError> {
    let found = organization.read_in_few_trips(|read| {
        recipients.iter().map(|address| suppressed(read, address)).collect::<Result<Vec<_>, StoreError>>()
    })?;
    Ok(found.into_iter().flatten().map(|suppression| words(&suppression)).collect())
}

/// What a suppression says to a person.
pub fn words(suppression: &Suppression) -> String {
    let reason = SUPPRESSION_REASONS.iter().find(|(code, _)| *code == i64::from(suppression.reason));
    let reason = reason.map_or("", |(_, reason)| reason);
    let Suppression { address, words, .. } = suppression;
    format!("nothing is sent to {address}: {reason} ({words}); `postroom suppression release` changes that")
}

/// What was suppressed last, the newest first.
///
/// # Errors
/// Where the store cannot say.
pub fn suppressions(organization: &Organization, limit: usize) -> Result<Vec<Suppression>, CrmError> {
    Ok(organization.read(|read| read.suppressions(limit))?)
}

/// Suppresses an address by hand; `why` is for whoever asks later.
///
/// # Errors
/// Where the store cannot do it.
pub async fn suppress(
    organization: &Arc<Organization>,
    (address, why): (EmailAddress, String),
    moment: Moment,
) -> Result<(), CrmError> {
    let unit = organization.unit(Priority::Background, move |tx| {
        note(tx, (&address.key(), BY_HAND), (&why, None), &moment.again())?;
        // Mail that a node has already is asked about once more.
        tx.bump_records_version()
    });
    Ok(unit.await?)
}

/// Lets mail go to an address again. Says whether it was suppressed.
///
/// # Errors
/// Where the store cannot do it.
pub async fn release(
    organization: &Arc<Organization>,
    (address, by): (EmailAddress, String),
    moment: Moment,
) -> Result<bool, CrmError> {
    let by: String = by.chars().take(limits::NAME_CHARS_MAX).collect();
    let unit = organization
        .unit(Priority::Background, move |tx| tx.release_suppression(&address.key(), (moment.now, &by)));
    unit.await.map_err(|error: StoreError| CrmError::from(error))
}

/// Suppresses an address, unless it is: what told first stays.
pub(super) fn note(
    tx: &mut Tx<'_>,
    (address, reason): (&str, i32),
    (words, evidence): (&str, Option<Id>),
    moment: &Moment,
) -> Result<(), StoreError> {
    if tx.suppression_of(address)?.is_some() {
        return Ok(());
    }
    tx.suppress(&Suppression {
        suppressionid: moment.id(),
        address: address.to_owned(),
        reason,
        words: words.chars().take(limits::ERROR_CHARS_MAX).collect(),
        activityid: evidence,
        createdon: moment.now,
        releasedon: None,
        releasedby: None,
    })
}
