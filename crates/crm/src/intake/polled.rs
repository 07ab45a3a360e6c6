//! Mail out of mailboxes that are watched.
//!
//! What passes through: a message of a mailbox, or what could be had of it, into a copy with an outcome. Whoever watches
//! the mailbox has its ledger give the copy first ([`crate::mailboxes::ledger`]), and may come again with it as often as
//! he likes: it is taken in once.

use std::sync::Arc;

use message::trace::Trace;
use model::outcome::Reason;
use model::schema::mailboxes::Mailbox;
use model::{FolderRole, Id, Moment, Timestamp, limits};
use store::{Organization, StoreError};

use super::advise;
use super::copy::{Copy, Receipt};
use super::deliver::{self, DeliverError};
use super::forward::{self, Fetched};
use super::keep::Kept;
use super::unwrap::Fault;
use super::verdicts::Verdicts;
use super::{OVERTAKEN_MAX, Reading};
use crate::CrmError;

/// A message of a mailbox.
#[derive(Debug, Clone)]
pub struct Polled {
    /// What its folder is for.
    pub role: FolderRole,
    /// The copy that the ledger gave it.
    pub copyid: Id,
    /// When it arrived there, as far as that is known; the day it is accounted under is that of the ledger.
    pub arrived: Timestamp,
    /// Its size in bytes.
    pub size: u64,
    /// What there is of it.
    pub what: What,
}

/// What there is of a message.
#[derive(Debug, Clone)]
pub enum What {
    /// All of it.
    Whole(Arc<[u8]>),
    /// All of it; who wrote it was looked at.
    Verified(Arc<[u8]>, Arc<Verdicts>),
    /// Its header, for it seems that nobody wants it.
    Header(Arc<[u8]>),
    /// All of it, to be kept without being looked at: to look at it has ended the process before.
    SetAside(Arc<[u8]>),
    /// Nothing: it was there, and is not any more.
    Vanished,
    /// Its header, where even that is there: the rest is not to be had.
    Unfetchable {
        /// The header, or nothing.
        header: Arc<[u8]>,
        /// What happened, for the administrator; no content of the mail.
        words: String,
    },
}

/// What became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Taken {
    /// Its outcome is committed.
    Ended(Receipt),
    /// The header is not enough to decide by: all of it is wanted. Nothing was written.
    WholeWanted,
}

/// Takes a message of a mailbox in and says, after the commit, what became of it.
///
/// # Errors
/// [`CrmError::NotFound`] where there is no such mailbox; else as [`take_in`](super::take_in). Nothing was kept then, and
/// the message has to stay where it is.
pub async fn take_polled(
    organization: &Arc<Organization>,
    mailbox: Id,
    polled: Polled,
    moment: Moment,
) -> Result<Taken, CrmError> {
    let mailbox = find(organization, mailbox)?;
    let size = i64::try_from(polled.size).unwrap_or(i64::MAX);
    let copy = |raw: Arc<[u8]>, trace: Trace| {
        let (role, copyid, arrived) = (polled.role, polled.copyid, polled.arrived);
        let fetched = Fetched { role, copyid, arrived, raw, trace };
        organization.read(|read| forward::copy(read, &mailbox, fetched))
    };
    let (copy, fault) = match polled.what {
        What::Whole(raw) => {
            let trace = forward::trace(&raw);
            let receipt = super::take_in(organization, copy(raw, trace)?, moment).await?;
            return Ok(Taken::Ended(receipt));
        }
        What::Verified(raw, verdicts) => {
            let trace = forward::trace(&raw);
            let verified = (copy(raw, trace)?, verdicts);
            return Ok(Taken::Ended(super::take_in_verified(organization, verified, moment).await?));
        }
        What::Header(raw) => {
            let trace = forward::trace(&raw);
            return take_header(organization, Arc::new(copy(raw, trace)?), (size, moment)).await;
        }
        What::SetAside(raw) => (copy(raw, Trace::default())?, Fault::of_ours()),
        What::Vanished => {
            let fault = Fault { reason: Reason::Vanished, detail: Reason::Vanished.words().to_owned() };
            (copy(Arc::default(), Trace::default())?, fault)
        }
        What::Unfetchable { header, words } => {
            let detail = words.chars().take(limits::ERROR_CHARS_MAX).collect();
            let trace = forward::trace(&header);
            (copy(header, trace)?, Fault { reason: Reason::Unfetchable, detail })
        }
    };
    let reading = Reading::Nothing { fault, size };
    Ok(Taken::Ended(super::take(organization, copy, (reading, moment)).await?))
}

/// The same for the header alone. That nobody wants the mail is decided anew on what the unit of work sees.
async fn take_header(
    organization: &Arc<Organization>,
    copy: Arc<Copy>,
    (size, moment): (i64, Moment),
) -> Result<Taken, CrmError> {
    for _ in 0..OVERTAKEN_MAX {
        let Some(opened) = advise::open(organization, &copy, size)? else { return Ok(Taken::WholeWanted) };
        let delivery = deliver::Delivery::new(opened, Kept::nothing(), moment.again());
        let unit =
            organization.unit(copy.source.priority(), move |tx| deliver::deliver_header(tx, &delivery));
        match unit.await {
            Err(DeliverError::Overtaken) => {}
            ended => return Ok(ended?.map_or(Taken::WholeWanted, Taken::Ended)),
        }
    }
    Err(CrmError::Store(StoreError::Busy))
}

pub(super) fn find(organization: &Organization, mailbox: Id) -> Result<Mailbox, CrmError> {
    let found = organization.read(|read| read.mailbox(mailbox))?;
    found.ok_or(CrmError::NotFound { what: "the mailbox" })
}
