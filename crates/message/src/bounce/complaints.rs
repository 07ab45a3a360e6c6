//! What fields tell of a mail that a recipient calls unwanted: feedback (RFC 5965), and what Outlook.com writes instead.

use std::collections::HashSet;

use model::{EmailAddress, limits};

use super::notice::Notice;
use super::{Bounce, Kind, Told, fields, persons, spelling};
use crate::field::{self, Field, Section};
use crate::header_decoder;

/// A report that somebody does not want the mail. One of another type (RFC 6591, say) is a report all the same, about nothing of
/// ours; one that a person hands on, none.
pub(super) fn complaint(notice: &Notice<'_>) -> Option<Bounce> {
    if persons::is_writer(notice) {
        return None;
    }
    let feedback = notice.feedbacks.first();
    let section = feedback.map(|body| field::split(body.get(field::start(body)..).unwrap_or_default()));
    let text = |section: &Section<'_>, name: &str| section.value(name).map(header_decoder::decode);
    let Some(section) = section else { return at_microsoft(notice) };
    let kind = text(&section, "Feedback-Type").unwrap_or_default().trim().to_ascii_lowercase();
    let is_complaint =
        matches!(kind.as_str(), "abuse" | "fraud" | "opt-out" | "opt-out-list" | "virus" | "other");
    if !is_complaint {
        return Some(Bounce {
            kind: Kind::Nothing,
            recipients: Vec::new(),
            words: format!("Feedback-Type: {kind}"),
        });
    }
    let is_named = |field: &&Field<'_>| field.is("Original-Rcpt-To") || field.is("Removal-Recipient");
    let named = section.fields.iter().filter(is_named).map(|field| header_decoder::decode(field.value));
    let mut named: Vec<EmailAddress> = named.filter_map(|text| spelling::first_in(&text)).collect();
    if named.is_empty() {
        named.extend(returned_to(notice));
    }
    let mut seen = HashSet::new();
    named.retain(|address| address.local_part() != "redacted" && seen.insert(address.key()));
    named.truncate(limits::RECIPIENTS_MAX);
    Some(complained(named, format!("Feedback-Type: {kind}")))
}

/// Outlook.com's reports have no fields of their own; the mail within has one.
fn at_microsoft(notice: &Notice<'_>) -> Option<Bounce> {
    let name = "X-HmXmrOriginalRecipient";
    let values = notice.returned.iter().filter_map(|raw| fields::value(raw, name));
    let address = values.filter_map(|text| EmailAddress::parse(&text)).next()?;
    Some(complained(vec![address], format!("{name} in the mail that it returns")))
}

fn complained(named: Vec<EmailAddress>, words: String) -> Bounce {
    let told = |address| Told { address, kind: Kind::Complaint, status: String::new(), words: words.clone() };
    Bounce { kind: Kind::Complaint, recipients: named.into_iter().map(told).collect(), words }
}

/// To whom the mail was written that is returned. One to its own writer went to others hidden.
fn returned_to(notice: &Notice<'_>) -> Option<EmailAddress> {
    let header = notice.returned.iter().find_map(|raw| crate::read_header(raw).ok())?;
    let is_writer =
        |address: &EmailAddress| header.from.iter().any(|from| from.address.key() == address.key());
    header.to.iter().map(|mailbox| mailbox.address.clone()).find(|address| !is_writer(address))
}
