//! Retention: what is forgotten of mail that nobody wanted, and of messages long gone from mailboxes.
//!
//! What passes through: rows older than so many days. Of an ignored copy stays that it came, where, how large it was and
//! why nobody wanted it; of a message that left its mailbox, that one more was seen on its day. So the books say the same.
//!
//! *Invariant:* what waits for a person, and what was stored, is never touched.

use std::collections::HashMap;

use model::{Id, Timestamp, limits};
use store::{Organization, Priority, StoreError};

use crate::CrmError;

/// Up to which day traces were taken out.
const FORGOTTEN: &str = "ignoredforgotten";

/// What was forgotten.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Forgotten {
    /// Copies that nobody wanted, of which the trace was taken out.
    pub ignored: usize,
    /// Messages that were taken out of ledgers.
    pub messages: usize,
}

/// Forgets what is older than so many days. It may be broken off anywhere, and begun again by anybody.
///
/// # Errors
/// Where the store cannot do it; what was forgotten before stays so.
pub fn forget(organization: &Organization, now: Timestamp, days: u32) -> Result<Forgotten, CrmError> {
    let days = i64::from(days);
    Ok(Forgotten {
        ignored: forget_ignored(organization, now.day() - days - 1)?,
        messages: fold(organization, now.plus_seconds(-days * 86_400))?,
    })
}

/// Up to a day, that one included.
fn forget_ignored(organization: &Organization, last_day: i64) -> Result<usize, CrmError> {
    let before = organization.read(|read| read.setting(FORGOTTEN))?;
    let mut done: i64 = before.and_then(|text| text.parse().ok()).unwrap_or(-1);
    let mut count = 0;
    while let Some(day) = organization.read(|read| read.next_day_of_outcomes(done))? {
        if day > last_day {
            break;
        }
        count += forget_day(organization, day)?;
        done = day;
        // The last day is not passed before all of it is done.
        let unit =
            organization.unit(Priority::Background, move |tx| tx.set_setting(FORGOTTEN, &day.to_string()));
        unit.wait().map_err(|error: StoreError| CrmError::from(error))?;
    }
    Ok(count)
}

fn forget_day(organization: &Organization, day: i64) -> Result<usize, CrmError> {
    let (mut behind, mut count) = (Id::default(), 0);
    loop {
        let limit = limits::ROWS_PER_UNIT_MAX;
        let copies = organization.read(|read| read.ignored_copies(day, behind, limit))?;
        let (Some(first), Some(last)) = (copies.first().copied(), copies.last().copied()) else {
            return Ok(count);
        };
        let unit = organization.unit(Priority::Background, move |tx| tx.forget_ignored(day, (first, last)));
        unit.wait().map_err(|error: StoreError| CrmError::from(error))?;
        (behind, count) = (last, count + copies.len());
    }
}

fn fold(organization: &Organization, before: Timestamp) -> Result<usize, CrmError> {
    let mut count = 0;
    loop {
        let limit = limits::ROWS_PER_UNIT_MAX;
        let gone = organization.read(|read| {
            let messages = read.messages_gone_before(before, limit)?;
            let mut mailboxes = HashMap::new();
            for message in &messages {
                let folder = message.mailboxfolderid;
                if !mailboxes.contains_key(&folder)
                    && let Some(row) = read.mailbox_folder(folder)?
                {
                    mailboxes.insert(folder, row.mailboxid);
                }
            }
            let named = messages.into_iter().filter_map(|message| {
                let mailbox = mailboxes.get(&message.mailboxfolderid).copied()?;
                Some((mailbox, message))
            });
            Ok::<_, StoreError>(named.collect::<Vec<_>>())
        })?;
        if gone.is_empty() {
            return Ok(count);
        }
        count += gone.len();
        let unit = organization.unit(Priority::Background, move |tx| {
            gone.iter().try_for_each(|(mailbox, message)| tx.fold_message(*mailbox, message))
        });
        unit.wait().map_err(|error: StoreError| CrmError::from(error))?;
    }
}
