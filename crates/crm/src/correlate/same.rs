//! Same mail? Two mails are one when they share a key and enough beside it.
//!
//! A Message-ID alone is no proof: broken senders use one for every mail. Nor is its absence: some clients
//! drop it when they forward.

use message::identity::{Claim, same_mail};
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
    let this = Claim {
        sender: offer.from.as_ref().map(|from| from.address.key()),
        date: offer.date,
        has_message_id: offer.message_id.is_some(),
        // What is not known yet agrees with nothing.
        text_digest: offer.text_digest.unwrap_or_default(),
        raw_digest: offer.raw_digest.unwrap_or_default(),
    };
    let that = Claim {
        sender: known.sender.clone(),
        date: known.date,
        has_message_id: known.has_message_id,
        text_digest: known.text_digest,
        raw_digest: known.raw_digest,
    };
    // By its header alone a mail without its id is perhaps the same: its body has to be looked at.
    let one_lacks_its_id = !(this.has_message_id && that.has_message_id);
    let perhaps = offer.text_digest.is_none() && known.key == IdentityKey::Content && one_lacks_its_id;
    (perhaps || same_mail(known.key, &this, &that)).then_some(match known.key {
        IdentityKey::MessageId => {
            "A mail with the same Message-ID, and the same in what counts, is here already."
        }
        IdentityKey::Content => "A mail of the same sender, second, subject and text is here already.",
        IdentityKey::Raw => "The same bytes are here already.",
    })
}
