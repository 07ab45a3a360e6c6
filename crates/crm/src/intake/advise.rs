//! Advice by the header: whether all of a message has to be fetched.
//!
//! What passes through: headers of messages in a mailbox. *Ignore* is said only where nothing in a body could change
//! that; in doubt it is *fetch*. It is advice: the unit of work that ends the message decides anew.
//!
//! What a body could tell: a mail that one of us forwards, a report on mail of ours, the same bytes, text or quotation
//! as are here. That a body cannot be read or breaks a limit is no reason to fetch what nobody wants.

use std::sync::Arc;

use message::Method;
use model::outcome::{Outcome, Reason};
use model::schema::mailboxes::Mailbox;
use model::{FolderRole, Id, Timestamp, limits};
use store::{Organization, Read, StoreError};

use super::check::{self, Checked};
use super::copy::Copy;
use super::forward::{self, Fetched};
use super::offer::Offer;
use super::unwrap::{self, Content, Original};
use super::{Opened, gather, polled, returned};
use crate::CrmError;

/// A header that is offered.
#[derive(Debug, Clone)]
pub struct Offered {
    /// What its folder is for.
    pub role: FolderRole,
    /// The copy that the ledger gave the message.
    pub copyid: Id,
    /// When it arrived in the mailbox.
    pub arrived: Timestamp,
    /// The header section, the empty line behind it included.
    pub header: Arc<[u8]>,
}

/// What is advised.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Advice {
    /// Nobody wants it: its header is enough.
    Ignore(Reason),
    /// All of it is needed.
    Fetch,
}

/// Advises about messages of a mailbox, in their order. Writes nothing.
///
/// # Errors
/// [`CrmError::NotFound`] where there is no such mailbox, [`CrmError::Invalid`] beyond [`limits::ADVICE_MAX`] headers.
pub fn advise(
    organization: &Organization,
    mailbox: Id,
    offered: &[Offered],
) -> Result<Vec<Advice>, CrmError> {
    if offered.len() > limits::ADVICE_MAX {
        return Err(CrmError::Invalid(format!("at most {} headers at a time", limits::ADVICE_MAX)));
    }
    let mailbox = polled::find(organization, mailbox)?;
    let advise =
        |read: &Read<'_>| offered.iter().map(|one| advise_one(organization, read, (&mailbox, one))).collect();
    Ok(organization.read_in_few_trips(advise)?)
}

fn advise_one(
    organization: &Organization,
    read: &Read<'_>,
    (mailbox, offered): (&Mailbox, &Offered),
) -> Result<Advice, StoreError> {
    let Offered { role, copyid, arrived, header } = offered.clone();
    let trace = forward::trace(&header);
    let copy = forward::copy(read, mailbox, Fetched { role, copyid, arrived, raw: header, trace })?;
    let Some(opened) = opened(organization, read, (&Arc::new(copy), 0))? else { return Ok(Advice::Fetch) };
    let Some(original) = opened.originals.first() else { return Ok(Advice::Fetch) };
    let ignored = ignored(read, &opened, original)?;
    Ok(ignored.map_or(Advice::Fetch, |checked| Advice::Ignore(checked.verdict.decision.reason)))
}

/// The check of a header, where nobody wants the mail whatever its body holds.
pub(super) fn ignored(
    read: &Read<'_>,
    opened: &Opened,
    original: &Original,
) -> Result<Option<Checked>, StoreError> {
    let checked = check::check(read, opened, original)?;
    let decision = &checked.verdict.decision;
    let (offer, desk) = (&original.offer, &opened.desk);
    if decision.outcome != Outcome::Ignored || desk.is_journal {
        return Ok(None);
    }
    // It belongs to mail of ours or not by what it returns; so much counts of what is never logged, too.
    let is_report = returned::may_be_report(offer, opened.copy.has_null_sender());
    // Whatever shares a key with a mail that is here may be that mail; without id and date the bytes are the key.
    let may_be_here = !checked.facts.identities.is_empty()
        || (offer.message_id.is_none() && offer.date.is_none())
        || (desk.settings.has_guesses && gather::may_be_quoted(read, (offer, &opened.copy), &checked.facts)?);
    Ok((!is_report && !may_be_here).then_some(checked))
}

/// A copy of which the header is here, as one original; `None` where that may not be how it is.
pub(super) fn open(
    organization: &Organization,
    copy: &Arc<Copy>,
    size: i64,
) -> Result<Option<Opened>, CrmError> {
    Ok(organization.read(|read| opened(organization, read, (copy, size)))?)
}

fn opened(
    organization: &Organization,
    read: &Read<'_>,
    (copy, size): (&Arc<Copy>, i64),
) -> Result<Option<Opened>, StoreError> {
    let received = unwrap::Received::read(copy);
    let Some(header) = received.header_alone() else { return Ok(None) };
    let desk = gather::desk(read, copy, Some(header))?;
    if unwrap::is_forward_to_us(copy, &desk, header) {
        return Ok(None);
    }
    let prefixes = &desk.settings.token_prefixes;
    let Ok(offer) = unwrap::guarded(|| Offer::of_header(header, prefixes)) else { return Ok(None) };
    let mut original = Original {
        number: 1,
        raw: Arc::clone(&copy.raw),
        method: if header.redirected { Method::Redirected } else { Method::Direct },
        depth: 0,
        offer,
        content: Content::default(),
        fault: None,
    };
    returned::note(organization, copy, std::slice::from_mut(&mut original))?;
    let originals = Arc::new(vec![original]);
    let (copy, desk) = (Arc::clone(copy), Arc::new(desk));
    Ok(Some(Opened { copy, desk, originals, size, outgoing: None, verdicts: Arc::default() }))
}
