//! Why, where no known words say so: of whom a sentence speaks, and what it says of him. Servers word in thousands of ways that
//! a mailbox is unknown or a message unwanted; the words for both are few.

use super::Kind;
use super::folding::is_code;
use super::lists;
use crate::message::start_of;

/// By the first sentence that speaks of the recipient and says that he cannot be reached, or of the mail or its sender and says that it
/// was not taken. What a sentence says of a sender is not about the recipient.
pub(super) fn of(folded: &str) -> Option<Kind> {
    sentences(folded).find_map(|sentence| {
        let kind = if says(sentence, "whose", "refuses") || says(sentence, "room", "full") {
            Kind::Soft
        } else if says(sentence, "relay", "denies")
            || (!lists::has(sentence, "whose")
                && (says(sentence, "who", "fails") || says(sentence, "place", "fails")))
        {
            Kind::Hard
        } else if says(sentence, "what", "refuses") {
            Kind::Soft
        } else {
            return None;
        };
        Some(kind)
    })
}

/// Whether words of two lists stand near each other, in whatever order.
fn says(sentence: &str, of: &str, what: &str) -> bool {
    let places = lists::places(sentence, what);
    !places.is_empty()
        && lists::places(sentence, of).iter().any(|(at, end)| {
            let behind = places.partition_point(|(begin, _)| begin < end);
            let is_before = places.get(behind).is_some_and(|(begin, _)| begin - end <= APART_BYTES);
            let before = places.partition_point(|(_, end)| end <= at);
            let last = before.checked_sub(1).and_then(|place| places.get(place));
            is_before || last.is_some_and(|(_, end)| at - end <= APART_BYTES)
        })
}

/// Whether what is said at a place of a text is said of a sender or of a thing, a record or a certificate: by the noun that stands last
/// before it in its sentence, else by the one right behind.
pub(super) fn is_of_thing(text: &str, begin: usize, end: usize) -> bool {
    let part = |from: usize, to: usize| text.get(from..to).unwrap_or_default();
    let has = |list| !lists::places(part(begin, end), list).is_empty();
    if has("whose") || has("who") || has("place") {
        return has("whose");
    }
    let mut from = begin.saturating_sub(BEFORE_BYTES);
    while !text.is_char_boundary(from) {
        from += 1;
    }
    let before = part(from, begin).rsplit(". ").next().unwrap_or_default();
    let last = |list| lists::places(before, list).last().map(|(_, end)| *end);
    let of_recipient = last("who").max(last("place"));
    if last("whose").is_some() {
        return true;
    }
    let behind = || {
        let behind = start_of(part(end, text.len()), BEHIND_BYTES).split(". ").next().unwrap_or_default();
        let first = |list| lists::places(behind, list).first().map(|(begin, _)| *begin);
        let thing = first("thing").into_iter().chain(first("whose")).min();
        let recipient = first("who").into_iter().chain(first("place")).min();
        thing.is_some_and(|thing| recipient.is_none_or(|recipient| thing <= recipient))
    };
    match (last("thing"), of_recipient) {
        (None, None) => behind(),
        (thing, recipient) => thing >= recipient,
    }
}

/// Whether a folded text speaks of a recipient, and not of hosts alone.
pub(super) fn names_recipient(text: &str) -> bool {
    !lists::places(text, "who").is_empty()
}

/// So near stands of what it is said.
const BEFORE_BYTES: usize = 60;
const BEHIND_BYTES: usize = 24;

/// So far apart may they be.
const APART_BYTES: usize = 40;

/// The sentences of a text; a code of a reply begins one too.
fn sentences(text: &str) -> impl Iterator<Item = &str> {
    let is_end = |at: usize| {
        let before = text.as_bytes().get(at.wrapping_sub(1)).copied().unwrap_or_default();
        let next = text.get(at + 1..).and_then(|text| text.split(' ').next()).unwrap_or_default();
        b".;?!)".contains(&before) || is_code(next)
    };
    let ends = text.match_indices(' ').map(|(at, _)| at).filter(move |at| is_end(*at));
    let mut begin = 0;
    ends.chain([text.len()]).filter_map(move |end| text.get(std::mem::replace(&mut begin, end)..end))
}
