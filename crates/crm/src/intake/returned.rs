//! Whether a mail came to a return path of ours, whatever it looks like: the word in the address tells.

use model::EmailAddress;
use store::{Organization, StoreError};

use super::copy::Copy;
use super::unwrap::Original;
use crate::tokens::{self, Tokens};

/// Notes of each original whose return path it came to: by the envelope, by what a mailbox noted of it, or by whom it is
/// addressed to. Nobody but us can have made the address, so it does not matter where it stands.
///
/// # Errors
/// Where one looks like it came to one, and the keys cannot be had now.
pub(super) fn note(
    organization: &Organization,
    copy: &Copy,
    originals: &mut [Original],
) -> Result<(), StoreError> {
    for original in originals {
        let offer = &original.offer;
        let envelope = copy.recipients.iter().filter(|_| !original.is_handed_on()).map(|to| &to.address);
        let named = offer.recipients().map(|mailbox| &mailbox.address).chain(&offer.delivered_to);
        let paths: Vec<&EmailAddress> =
            envelope.chain(named).filter(|address| tokens::is_return_path(address)).collect();
        if paths.is_empty() {
            continue;
        }
        let tokens = Tokens::of(organization)?;
        original.offer.returned_to = paths.into_iter().find_map(|address| tokens.sent_to(address));
    }
    Ok(())
}
