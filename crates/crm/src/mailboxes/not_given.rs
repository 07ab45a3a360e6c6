//! Messages that their server would not give: each is told as undeliverable after a few tries, stays where it is, and is
//! asked for again, later and later, for days. When it comes, as this copy or as another one, what waits of it ends.
//!
//! What passes through: rows of the ledger whose copy ended so.
//!
//! *Invariant:* what is too large for us, and what a person has dismissed, is not asked for again.

use std::collections::HashSet;

use model::outcome::Reason;
use model::schema::mailboxes::MailboxMessage;
use model::{Timestamp, limits};
use store::{Read, StoreError, Tx};

use crate::intake::CAME_AFTER_ALL;
use crate::undeliverables::OPEN;

/// Whether a message is to be asked for again, if its copy ended as one that could not be fetched.
pub(super) fn is_wanted(read: &Read<'_>, row: &MailboxMessage, now: Timestamp) -> Result<bool, StoreError> {
    let is_too_large = usize::try_from(row.size).map_or(true, |size| size > limits::MESSAGE_BYTES_MAX);
    if is_too_large || now >= row.seenon.plus_seconds(limits::POLL_UNFETCHABLE_SECONDS) {
        return Ok(false);
    }
    let rows = read.undeliverables_of(row.copyid)?;
    Ok(rows.iter().any(|row| row.statecode == OPEN && row.reason == Reason::Unfetchable as i32))
}

/// Puts it off: longer the longer it is there. The next tries are made as if it had only become suspect, so that it is
/// fetched again; what ends the process then is counted from there on.
pub(super) fn put_off(
    tx: &mut Tx<'_>,
    row: &MailboxMessage,
    (words, now): (&str, Timestamp),
) -> Result<(), StoreError> {
    tx.ask_again(row, (now.plus_seconds(pause(row, now)), words), (limits::POLL_ALONE_FROM, now))
}

/// Seconds until the next try: more the longer it is there.
pub(super) fn pause(row: &MailboxMessage, now: Timestamp) -> i64 {
    let age = now.0.saturating_sub(row.seenon.0) / 1_000;
    (age / 2).clamp(limits::POLL_PUT_OFF_SECONDS, limits::POLL_UNFETCHABLE_PAUSE_SECONDS_MAX)
}

/// Why, where nothing newer is known.
pub(super) const WORDS: &str =
    "the server does not give it; it is told as undeliverable, and asked for again";

/// Ends what waits with these headers because no more of it could be had: it came as other copies, of a folder that is
/// read anew.
pub(super) fn came(tx: &mut Tx<'_>, headers: &HashSet<Vec<u8>>, now: Timestamp) -> Result<(), StoreError> {
    if headers.is_empty() {
        return Ok(());
    }
    let waiting = tx.undeliverables_for(Reason::Unfetchable as i32)?;
    waiting
        .into_iter()
        .filter(|(_, header)| headers.contains(header))
        .try_for_each(|(id, _)| tx.end_by_itself(id, CAME_AFTER_ALL, now))
}
