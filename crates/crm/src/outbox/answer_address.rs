//! The address that answers go to: that of the queue, with a word of ours behind the plus sign. Whatever a program at the other
//! end leaves out of an answer, it answers there.

use model::{EmailAddress, Id};
use store::Organization;

use crate::CrmError;
use crate::intake::gather;
use crate::settings;
use crate::tokens::Tokens;
use model::decision::Entity;

/// The longest local part that there is (RFC 5321 §4.5.3.1.1).
const LOCAL_PART_MAX: usize = 64;

/// A mail as it was written, with the field `Reply-To` in front where answers are to come to such an address: the organization
/// has said so, a queue writes, and its address has room for a word.
///
/// # Errors
/// Where the store cannot say, or the keys cannot be had now.
pub(super) fn with_reply_to(
    organization: &Organization,
    raw: Vec<u8>,
    (email, from): (Id, &EmailAddress),
) -> Result<Vec<u8>, CrmError> {
    let (settings, known) = organization.read(|read| {
        Ok::<_, store::StoreError>((settings::read(read)?, gather::known_records(read, from)?))
    })?;
    let is_queue = known.iter().any(|known| known.record.entity == Entity::Queue);
    if !settings.has_answer_words || !is_queue || from.split_detail().1.is_some() {
        return Ok(raw);
    }
    let address = Tokens::of(organization)?.answer_address(email, from);
    let address = address.filter(|address| address.local_part().len() <= LOCAL_PART_MAX);
    Ok(match address {
        Some(address) => {
            let address = address.to_ascii().unwrap_or_else(|| address.to_string());
            [format!("Reply-To: <{address}>\r\n").as_bytes(), &raw].concat()
        }
        None => raw,
    })
}
