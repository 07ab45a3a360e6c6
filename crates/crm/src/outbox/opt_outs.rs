//! Who does not want mail. What passes through: the recipients of a mail that is to go out, each look-up an indexed read.

use model::decision::RecordRef;
use model::schema::emails::ActivityParty;
use model::{EmailAddress, Id};
use store::{Read, StoreError};

use super::queue::PERSONAL;

/// What a customer wants none of.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wants {
    /// No mail at all (`donotemail`).
    pub(super) no_mail: bool,
    /// No mail that goes to many (`donotbulkemail`).
    pub(super) no_bulk_mail: bool,
}

/// The customers among the recipients who opted out of it, in words; of an address that several have any counts, unless one
/// of them was chosen. `lane` says whether it goes to many.
pub(crate) fn refusals(
    read: &Read<'_>,
    recipients: &[EmailAddress],
    (chosen, lane): (&[(String, RecordRef)], i32),
) -> Result<Vec<String>, StoreError> {
    let mut refusals = Vec::new();
    for address in recipients {
        let key = address.key();
        let meant = chosen.iter().find(|(chosen, _)| *chosen == key).map(|(_, record)| record.id);
        for record in read.records_by_address(&key)? {
            if meant.is_some_and(|meant| meant != record.id) {
                continue;
            }
            let wants = Wants { no_mail: record.wants_no_mail, no_bulk_mail: record.wants_no_bulk_mail };
            refusals.extend(words((&record.name, address.as_str()), wants, lane));
        }
    }
    Ok(refusals)
}

/// Why a mail in this lane is not for somebody; `None` where it is.
pub(super) fn words((name, address): (&str, &str), wants: Wants, lane: i32) -> Option<String> {
    let why = match (wants.no_mail, wants.no_bulk_mail) {
        (true, _) => "wants no e-mail (donotemail)",
        (false, true) if lane != PERSONAL => "wants no e-mail that goes to many (donotbulkemail)",
        _ => return None,
    };
    Some(format!("{name} <{address}> {why}"))
}

/// The lane that people are asked about: what answers by itself goes behind what persons write, and still to the one who wrote.
pub(crate) fn asked_lane(lane: i32, mail_from: Option<&str>) -> i32 {
    if mail_from.is_none_or(str::is_empty) { PERSONAL } else { lane }
}

/// The record that is meant by an address among the parties of a mail that is on its records; `None` where that is open.
pub(super) fn meant(parties: &[ActivityParty], address: &str) -> Option<Id> {
    let is_his = |party: &&ActivityParty| {
        party.participationtypemask != SENDER && party.addressused.as_deref() == Some(address)
    };
    parties.iter().find(is_his).and_then(|party| party.partyid)
}

const SENDER: i32 = 1;
