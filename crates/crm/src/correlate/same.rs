//! Same mail? Two mails are one when they share a key and enough beside it.
//!
//! A Message-ID alone is no proof: broken senders use one for every mail. Nor is its absence: some clients
//! drop it when they forward.

use model::Id;
use model::decision::{Entity, RecordRef, Signal};

use super::facts::{Facts, IdentityKey, KnownIdentity};
use crate::intake::offer::Offer;

/// The e-mail that this mail is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Duplicate {
    /// The e-mail.
    pub email: Id,
    /// The text was not known, so the body has to be looked at before it is believed.
    pub by_header_alone: bool,
    /// Why it is the same.
    pub signal: Signal,
}

/// Finds the stored e-mail that this mail is.
pub fn find(offer: &Offer, facts: &Facts) -> Option<Duplicate> {
    facts.identities.iter().find_map(|known| {
        let words = same(offer, known)?;
        let record = Some(RecordRef { entity: Entity::Email, id: known.email });
        Some(Duplicate {
            email: known.email,
            by_header_alone: offer.text_digest.is_none(),
            signal: Signal { kind: "same-mail", holds: true, words: words.to_owned(), record },
        })
    })
}

fn same(offer: &Offer, known: &KnownIdentity) -> Option<&'static str> {
    let same_sender = offer.from.as_ref().map(|from| from.address.key()) == known.sender;
    let same_date = offer.date.is_some() && offer.date == known.date;
    let same_text = offer.text_digest == Some(known.text_digest);
    match known.key {
        IdentityKey::Raw => {
            (offer.raw_digest == Some(known.raw_digest)).then_some("The same bytes are here already.")
        }
        IdentityKey::MessageId => {
            let agreeing = [same_sender, same_date, same_text].into_iter().filter(|agrees| *agrees).count();
            (agreeing >= 2)
                .then_some("A mail with the same Message-ID, and the same in what counts, is here already.")
        }
        // Only where one side lost its id: two mails with different ids are two mails.
        IdentityKey::Content => {
            let one_lacks_an_id = offer.message_id.is_none() || !known.has_message_id;
            (one_lacks_an_id && same_text)
                .then_some("A mail of the same sender, second, subject and text is here already.")
        }
    }
}
