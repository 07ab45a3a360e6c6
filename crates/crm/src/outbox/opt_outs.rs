//! Who does not want mail. What passes through: the recipients of a mail that is to go out, each look-up an indexed read.

use model::EmailAddress;
use model::decision::RecordRef;
use store::{Read, StoreError};

use super::queue::PERSONAL;

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
            let (name, column) = (
                &record.name,
                match (record.wants_no_mail, record.wants_no_bulk_mail) {
                    (true, _) => "wants no e-mail (donotemail)",
                    (false, true) if lane != PERSONAL => "wants no e-mail that goes to many (donotbulkemail)",
                    _ => continue,
                },
            );
            refusals.push(format!("{name} <{address}> {column}"));
        }
    }
    Ok(refusals)
}
