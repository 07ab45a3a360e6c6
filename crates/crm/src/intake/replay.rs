//! Replay: what was set aside is taken in once more, as the very copy that it is.
//!
//! What passes through: an Undeliverable's kept bytes and the copy's row, into a [`Copy`](struct@Copy) as the door handed
//! it over. What the rows do not say (whose mailbox an address names, whether a network vouches) is asked anew: to mend
//! that may be the reason for the replay.

use std::sync::Arc;

use model::outcome::Reason;
use model::schema::intake;
use model::schema::intake::Undeliverable;
use model::schema::mailboxes::Mailbox;
use model::{EmailAddress, FolderRole, Id, Moment, Timestamp};
use store::{Organization, Priority, Read, StoreError};

use super::copy::{Copy, EnvelopeRecipient, Proof, Source};
use super::deliver::{self, Again, DeliverError};
use super::forward::{self, Fetched};
use super::unwrap::Fault;
use super::verdicts::Verdicts;
use super::{OVERTAKEN_MAX, Reading, gather, keep};
use crate::CrmError;
use crate::undeliverables::Replayed;

/// Takes the copy of an Undeliverable in again and says, after the commit, what became of it. See
/// [`crate::undeliverables::replay`].
pub(crate) async fn replay(
    organization: &Arc<Organization>,
    row: &Undeliverable,
    moment: Moment,
) -> Result<Replayed, CrmError> {
    if row.reason == Reason::Unfetchable as i32 {
        // Nothing of it is here, or its header alone.
        return count(organization, row, (&row.detail, moment.now)).await;
    }
    let copy = Arc::new(copy_of(organization, row)?);
    // What was found when it came stands; the wish of its domain not: whoever takes it in again has seen it.
    let verdicts = organization.read(|read| Verdicts::kept(read, row))?;
    let reading = Reading::Verified(Arc::new(verdicts));
    for _ in 0..OVERTAKEN_MAX {
        let opened = super::open(organization, &copy, &reading)?;
        let kept = keep::bytes(organization, &opened, keep::Effort::All)?;
        let delivery = deliver::Delivery::new(opened, kept, moment.again());
        let id = row.undeliverableid;
        let unit = organization.unit(Priority::Intake, move |tx| deliver::deliver_again(tx, &delivery, id));
        return match unit.await {
            Err(DeliverError::Overtaken) => continue,
            Err(DeliverError::Store(error)) if !error.is_temporary() => {
                tracing::error!(error = &error as &dyn std::error::Error, copy = %copy.copyid, "a replay failed");
                count(organization, row, (&Fault::of_ours().detail, moment.now)).await
            }
            Err(error) => Err(error.into()),
            Ok(Again::Over) => Ok(Replayed::Over),
            Ok(Again::Ended(receipt)) => Ok(Replayed::Ended(receipt)),
            Ok(Again::Waits) => Ok(Replayed::Waits),
        };
    }
    Err(CrmError::Store(StoreError::Busy))
}

/// Counts an attempt that could not help.
async fn count(
    organization: &Organization,
    row: &Undeliverable,
    (detail, now): (&str, Timestamp),
) -> Result<Replayed, CrmError> {
    let (id, reason, detail) = (row.undeliverableid, row.reason, detail.to_owned());
    let unit = organization.unit(Priority::Intake, move |tx| {
        let waits = tx.begin_replay(id, now)?;
        if waits {
            tx.still_waits(id, reason, &detail)?;
        }
        Ok::<_, StoreError>(waits)
    });
    Ok(if unit.await? { Replayed::Waits } else { Replayed::Over })
}

fn copy_of(organization: &Organization, row: &Undeliverable) -> Result<Copy, CrmError> {
    let entry = organization.read(|read| read.copy(row.copyid))?;
    let entry = entry.ok_or(CrmError::NotFound { what: "the copy of the mail" })?;
    // Where it was dug out of another mail, that one is the copy.
    let blobid = entry.outerblobid.as_ref().unwrap_or(&row.blobid);
    let raw: Arc<[u8]> = Arc::from(organization.blob(blobid)?);
    Ok(organization.read(|read| rebuilt(read, (row, &entry), Arc::clone(&raw)))?)
}

/// The copy as its door handed it over.
fn rebuilt(
    read: &Read<'_>,
    (row, entry): (&Undeliverable, &intake::Copy),
    raw: Arc<[u8]>,
) -> Result<Copy, StoreError> {
    let source = Source::named(&entry.source).ok_or(StoreError::Corrupt)?;
    let kept = Proof::kept(row.proof, row.proofuserid);
    if let Source::Forward(name) = &source
        && let Some(mailbox) = read.mailbox_by_name(name)?
    {
        return fetched(read, &mailbox, (entry, kept, raw));
    }
    let given = entry.recipients.split_whitespace().filter_map(EmailAddress::parse);
    let recipients = given.map(|address| recipient(read, &source, address)).collect::<Result<Vec<_>, _>>()?;
    let proof = match (&source, kept) {
        (Source::Track, _) => Proof::Hand,
        (Source::Mailbox(_), Proof::None) => Proof::Mailbox,
        (_, Proof::None) => vouched(read, entry, &recipients)?,
        (_, kept) => kept,
    };
    Ok(Copy {
        copyid: entry.copyid,
        arrived: entry.arrivedon,
        has_envelope: !source.is_by_hand(),
        mail_from: entry.mailfrom.clone(),
        recipients,
        peer: entry.peer.as_deref().and_then(|peer| peer.parse().ok()),
        trace: entry.trace.clone(),
        proof,
        has_bare_line_ends: forward::has_bare_line_ends(&raw),
        raw,
        source,
    })
}

/// Out of a mailbox that is watched: its bytes say everything.
fn fetched(
    read: &Read<'_>,
    mailbox: &Mailbox,
    (entry, kept, raw): (&intake::Copy, Proof, Arc<[u8]>),
) -> Result<Copy, StoreError> {
    let trace = forward::trace(&raw);
    // Of a user's folders, only what was sent by the user came with a proof.
    let role = match (mailbox.systemuserid, kept) {
        (None, _) => FolderRole::Sink,
        (Some(_), Proof::Mailbox) => FolderRole::Sent,
        (Some(_), _) => FolderRole::Inbox,
    };
    let fetched = Fetched { role, copyid: entry.copyid, arrived: entry.arrivedon, raw, trace };
    let copy = forward::copy(read, mailbox, fetched)?;
    let proof = if copy.proof == Proof::None { kept } else { copy.proof };
    Ok(Copy { proof, ..copy })
}

/// What an address of the envelope leads to now. One that leads nowhere any more is kept as it was given.
fn recipient(
    read: &Read<'_>,
    source: &Source,
    address: EmailAddress,
) -> Result<EnvelopeRecipient, StoreError> {
    let (plain, detail) = address.split_detail();
    if let Source::Mailbox(_) | Source::Postmaster(_) = source {
        let user = match source {
            Source::Mailbox(_) => gather::user_by_address(read, &address)?.map(|user| user.systemuserid),
            _ => None,
        };
        return Ok(EnvelopeRecipient { address, source: source.clone(), user });
    }
    let is = |source: &Source| match source {
        Source::Sink(at) | Source::Queue(at) | Source::User(at) => at.key() == plain.key(),
        _ => false,
    };
    let source = match gather::leads_to(read, &address)? {
        Some(found) => found,
        None if is(source) => source.clone(),
        None => Source::User(plain),
    };
    let user = match (&source, detail) {
        (Source::Sink(_), Some(key)) => read.user_by_sink_key(&key.to_lowercase())?,
        _ => None,
    };
    let user = user.filter(|user| !user.isdisabled).map(|user| user.systemuserid);
    Ok(EnvelopeRecipient { address, source, user })
}

/// Whether what the sinks say of their networks today vouches for who brought it then.
fn vouched(
    read: &Read<'_>,
    entry: &intake::Copy,
    recipients: &[EnvelopeRecipient],
) -> Result<Proof, StoreError> {
    let Some(peer) = entry.peer.as_deref().and_then(|peer| peer.parse().ok()) else { return Ok(Proof::None) };
    let sinks = read.sinks()?;
    let vouches = |recipient: &EnvelopeRecipient| {
        let Source::Sink(at) = &recipient.source else { return false };
        let key = Some(at.key());
        let sink =
            sinks.iter().find(|sink| EmailAddress::parse(&sink.address).map(|address| address.key()) == key);
        sink.is_some_and(|sink| super::welcome::holds(&sink.refusing, peer))
    };
    let all = !recipients.is_empty() && recipients.iter().all(vouches);
    Ok(if all { Proof::Network } else { Proof::None })
}

/// The Undeliverable with this id.
pub(crate) fn find(organization: &Organization, id: Id) -> Result<Undeliverable, CrmError> {
    let found = organization.read(|read| read.undeliverable(id))?;
    found.ok_or(CrmError::NotFound { what: "the undeliverable mail" })
}
