//! The command that brings old mail: a batch of mails out of one mailbox, taken in side by side.
//!
//! What passes through: mails with the keys of their places, each into a copy of its own; what was taken in before
//! is answered from the books. Mails of one batch share commits, which is what makes a large import fast.

use std::sync::Arc;

use crm::intake::{self, Copy, OldMail, OldMailbox};
use crm::records::people;
use model::limits;
use model::schema::people::SystemUser;
use serde::{Deserialize, Serialize};
use store::Organization;
use tokio::runtime::Handle;
use tokio::task::JoinSet;

use super::mail::{Tracked, raw, tracked};
use super::{CommandError, Reply, organization};
use crate::books_runner;
use crate::house::House;

/// Mails above this are read on a thread of their own, as at the doors.
const INLINE_BYTES_MAX: usize = 256 * 1024;

/// Mails of one mailbox.
#[derive(Serialize, Deserialize)]
pub struct TrackMailbox {
    /// The organization's name.
    pub organization: String,
    /// The name of the file or folder, under which it is accounted for.
    pub name: String,
    /// The address of the user whose mailbox it was.
    pub user: Option<String>,
    /// Whether the filters are asked.
    pub is_filtered: bool,
    /// The mails, at most `limits::HISTORY_BATCH_MAX`. Without any the mailbox is judged alone.
    pub mails: Vec<MailboxMail>,
}

/// One mail of a mailbox.
#[derive(Serialize, Deserialize)]
pub struct MailboxMail {
    /// See [`OldMail::key`].
    pub key: [u8; 32],
    /// See [`OldMail::order`].
    pub order: i64,
    /// The mail in base64.
    pub mail: String,
    /// Line ends other than CRLF are in it.
    pub has_bare_line_ends: bool,
}

/// What became of one mail of a batch.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TrackedBefore {
    /// What became of it.
    pub tracked: Tracked,
    /// It had been taken in before this run.
    pub was_here: bool,
}

/// Takes a batch in. Where the store fails for one, those that were taken in are in the books all the same.
pub(super) async fn track(house: &Arc<House>, mailbox: TrackMailbox) -> Result<Reply, CommandError> {
    if mailbox.mails.len() > limits::HISTORY_BATCH_MAX {
        return Err(CommandError::TooMany);
    }
    let organization = organization(house, &mailbox.organization)?;
    let user = mailbox.user.as_deref().map(|text| user(&organization, text)).transpose()?;
    let old = OldMailbox { name: mailbox.name, user, is_filtered: mailbox.is_filtered };
    let mut set = JoinSet::new();
    for (place, mail) in mailbox.mails.into_iter().enumerate() {
        let raw = raw(&mail.mail)?;
        let mail =
            OldMail { key: mail.key, order: mail.order, raw, has_bare_line_ends: mail.has_bare_line_ends };
        let copy = old.copy(mail, house.now());
        let (house, organization) = (Arc::clone(house), Arc::clone(&organization));
        set.spawn(async move { (place, take_in(&house, &organization, copy).await) });
    }
    let mut ends = Vec::new();
    while let Some(end) = set.join_next().await {
        let (place, taken) = end.map_err(|_| CommandError::Ended)?;
        ends.push((place, taken?));
    }
    ends.sort_by_key(|(place, _)| *place);
    Ok(Reply::TrackedMailbox(ends.into_iter().map(|(_, end)| end).collect()))
}

fn user(organization: &Organization, text: &str) -> Result<SystemUser, CommandError> {
    let address = super::address(text)?;
    Ok(people::user_by_address(organization, &address)?)
}

async fn take_in(
    house: &House,
    organization: &Arc<Organization>,
    copy: Copy,
) -> Result<TrackedBefore, CommandError> {
    let before = intake::history::earlier(organization, copy.copyid)?;
    if let Some(receipt) = before.as_ref().filter(|before| intake::history::is_settled(&copy, before)) {
        return Ok(TrackedBefore { tracked: tracked(receipt), was_here: true });
    }
    let moment = house.moment()?;
    let receipt = if copy.raw.len() > house.inline_bytes_max(INLINE_BYTES_MAX) {
        let (organization, runtime) = (Arc::clone(organization), Handle::current());
        let work = move || runtime.block_on(intake::take_in(&organization, copy, moment));
        tokio::task::spawn_blocking(work).await.map_err(|_| CommandError::Ended)?
    } else {
        intake::take_in(organization, copy, moment).await
    };
    let receipt = receipt?;
    if before.as_ref() == Some(&receipt) {
        return Ok(TrackedBefore { tracked: tracked(&receipt), was_here: true });
    }
    books_runner::count("track", receipt.outcome());
    Ok(TrackedBefore { tracked: tracked(&receipt), was_here: false })
}
