//! Whether a mail is about one that went out from here, and which recipient: a word of ours tells, wherever it stands.

use message::bounce::{self, Kind};
use model::{EmailAddress, MessageId};
use store::{Organization, StoreError};

use super::copy::Copy;
use super::offer::Offer;
use super::unwrap::{self, Original};
use crate::tokens::{self, RECIPIENT_FIELD, Tokens};

/// Notes of each original whose return path it came to: by the envelope, by what a mailbox noted of it, or by whom it is
/// addressed to. Nobody but us can have made the address, so it does not matter where it stands. What may be a report is
/// read; it may return the field that went out to that recipient alone.
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
        let is_ours =
            |address: &&EmailAddress| tokens::is_return_path(address) || tokens::is_answer_address(address);
        let ours: Vec<&EmailAddress> = envelope.chain(named).filter(is_ours).collect();
        if !ours.is_empty() {
            let tokens = Tokens::of(organization)?;
            let answers = ours.iter().find_map(|address| tokens.answered(address));
            original.offer.returned_to = ours.into_iter().find_map(|address| tokens.sent_to(address));
            original.offer.answers = answers;
        }
        let has_null_sender = copy.has_null_sender();
        if original.fault.is_none() && may_be_report(&original.offer, has_null_sender) {
            read_report(organization, original, has_null_sender)?;
        }
    }
    Ok(())
}

/// Reading costs, and most mail is none.
pub(super) fn may_be_report(offer: &Offer, has_null_sender: bool) -> bool {
    offer.returned_to.is_some() || bounce::may_be(offer.from.as_ref(), offer.marks, has_null_sender)
}

fn read_report(
    organization: &Organization,
    original: &mut Original,
    has_null_sender: bool,
) -> Result<(), StoreError> {
    let (raw, is_returned) = (&original.raw, original.offer.returned_to.is_some());
    let read = unwrap::guarded(|| {
        let message = message::read(raw).ok()?;
        let field = |name: &str| bounce::returned_field(&message, name);
        let message_id = field("Message-ID").and_then(|value| MessageId::parse(&value));
        let told = if is_returned { bounce::read_returned(&message) } else { bounce::read(&message) };
        Some((told, field(RECIPIENT_FIELD), message_id))
    });
    let Ok(Some((told, field, message_id))) = read else { return Ok(()) };
    let offer = &mut original.offer;
    // Who answers a mail encloses it, too, and may be the master of his mail: he is no report.
    let may_answer = !offer.in_reply_to.is_empty() && !has_null_sender && !offer.marks.report;
    let is_report = !matches!(told.kind, Kind::Nothing | Kind::Auto) && !may_answer;
    if let (None, Some(word), true) = (offer.returned_to, field, is_report) {
        offer.returned_to = Tokens::of(organization)?.read_recipient_word(&word);
    }
    // What has no parts for it may return the mail in its text.
    if is_report && !offer.marks.report {
        offer.returned = message_id.into_iter().collect();
        offer.reported = told.recipients.iter().map(|told| told.address.clone()).collect();
    }
    offer.bounce = Some(told);
    Ok(())
}
