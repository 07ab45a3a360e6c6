//! Same mail? Two mails are one when they share a key and enough beside it.
//!
//! A Message-ID alone is no proof: broken senders use one for every mail. Nor is its absence: some clients
//! drop it when they forward.

use std::collections::HashSet;

use message::identity::{Claim, Sameness, same_mail};
use model::decision::{Entity, RecordRef, Signal};
use model::{EmailAddress, Id, Mailbox};

use super::facts::{Facts, IdentityKey, KnownIdentity};
use super::who;
use crate::intake::offer::Offer;

/// The e-mail that this mail is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Duplicate {
    /// The e-mail.
    pub email: Id,
    /// The text was not known, so the body has to be looked at before it is believed.
    pub by_header_alone: bool,
    /// Its text is another: it is noted and kept, and never stands in for the one that is here.
    pub has_other_text: bool,
    /// Why it is the same.
    pub signal: Signal,
}

/// Finds the stored e-mail that this mail is; one with the same text before one with another.
pub fn find(offer: &Offer, facts: &Facts) -> Option<Duplicate> {
    let found = |wanted: Sameness| {
        let fits = |known: &&KnownIdentity| sameness(offer, facts, known) == wanted;
        let all = facts.identities.iter().filter(fits);
        all.min_by_key(|known| distance(offer, known)).map(|known| (known, wanted))
    };
    let (known, sameness) = found(Sameness::Same).or_else(|| found(Sameness::SameButOtherText))?;
    let words = match (sameness, known.key) {
        (Sameness::SameButOtherText, _) => {
            "A mail with the same Message-ID, sender and date is here, with another text."
        }
        (Sameness::Same, _) if offer.is_guess || is_guess(known) => {
            "It is known only as it was quoted, and a mail of the same sender, time and text is here already; \
             of several the one nearest in time."
        }
        (_, IdentityKey::MessageId) => {
            "A mail with the same Message-ID, and the same in what counts, is here already."
        }
        (_, IdentityKey::Content) => "A mail of the same sender, second, subject and text is here already.",
        (_, IdentityKey::Raw) => "The same bytes are here already.",
        (_, IdentityKey::Quoted) => "A mail of the same sender, subject, time and text is here already.",
    };
    let record = Some(RecordRef { entity: Entity::Email, id: known.email });
    Some(Duplicate {
        email: known.email,
        by_header_alone: offer.text_digest.is_none(),
        has_other_text: sameness == Sameness::SameButOtherText,
        signal: Signal { kind: "same-mail", holds: true, words: words.to_owned(), record },
    })
}

/// How far a quotation is from what it may quote, in minutes; the mail itself before another quotation. Any other key
/// names one mail, and comes first.
fn distance(offer: &Offer, known: &KnownIdentity) -> Option<(u64, bool)> {
    let apart = offer.date.zip(known.date).map(|(a, b)| a.seconds().abs_diff(b.seconds()) / 60);
    (known.key == IdentityKey::Quoted).then_some((apart.unwrap_or(u64::MAX), known.is_guess))
}

fn sameness(offer: &Offer, facts: &Facts, known: &KnownIdentity) -> Sameness {
    // Two ids are two mails, whatever a quotation of one of them has brought together.
    if known.has_another_id || is_of_another_minute(offer, facts, known) {
        return Sameness::Different;
    }
    let this = Claim {
        sender: offer.from.as_ref().map(|from| from.address.key()),
        date: offer.date,
        has_message_id: offer.message_id.is_some() && !offer.is_guess,
        is_guess: offer.is_guess,
        // By its header alone it is perhaps the same: as if the text agreed, until the body is looked at.
        text_digest: offer.text_digest.unwrap_or(known.text_digest),
        raw_digest: offer.raw_digest.unwrap_or_default(),
    };
    let that = Claim {
        sender: known.sender.clone(),
        date: known.date,
        has_message_id: known.has_message_id,
        is_guess: is_guess(known),
        text_digest: known.text_digest,
        raw_digest: known.raw_digest,
    };
    match same_mail(known.key, &this, &that) {
        // Two mails of one second from a program that gives all its mail one id, to two people.
        Sameness::SameButOtherText if !offer.is_guess && is_to_others(offer, facts, known) => {
            Sameness::Different
        }
        sameness => sameness,
    }
}

/// A mail under a name of ours that nothing proves leaves a guess as it is. So the guess would take any number of mails
/// that are worded alike; it takes those of its minute.
fn is_of_another_minute(offer: &Offer, facts: &Facts, known: &KnownIdentity) -> bool {
    let is_left_as_it_is = !offer.is_guess && who::from_us(offer, facts) && !facts.sender_proven;
    let apart = offer.date.zip(known.date).map(|(a, b)| a.seconds().abs_diff(b.seconds()));
    known.key == IdentityKey::Quoted && is_left_as_it_is && apart.is_none_or(|apart| apart >= 60)
}

/// Only a guess claims without an id of its own what has one: the id, or what was quoted.
fn is_guess(known: &KnownIdentity) -> bool {
    known.is_guess || (known.key == IdentityKey::MessageId && !known.has_message_id)
}

/// Whether it was written to other people. Blind recipients stand in the sender's own copy and in that of a journal
/// alone, so they tell two mails apart only where there are no others.
fn is_to_others(offer: &Offer, facts: &Facts, known: &KnownIdentity) -> bool {
    let is_sink = |address: &EmailAddress| facts.sinks.contains(&address.split_detail().0.key());
    let keys = |mailboxes: &mut dyn Iterator<Item = &Mailbox>| -> HashSet<String> {
        let addresses = mailboxes.map(|mailbox| &mailbox.address);
        addresses.filter(|address| !is_sink(address)).map(EmailAddress::key).collect()
    };
    let seen = keys(&mut offer.to.iter().chain(&offer.cc));
    if !(seen.is_empty() && known.recipients.is_empty()) {
        return seen != known.recipients;
    }
    let blind = keys(&mut offer.bcc.iter());
    !blind.is_empty() && !known.blind.is_empty() && blind != known.blind
}
