//! What a mail tells about mail of ours: whatever stands in it, few recipients and bounded words.

use message::bounce::{self, Bounce, Kind};
use model::limits;

/// Everything that is told has its evidence, within limits.
pub(super) fn read(raw: &[u8]) {
    let Ok(message) = message::read(raw) else { return };
    for told in [bounce::read(&message), bounce::read_returned(&message)] {
        check(&told);
    }
    bounce::returned_field(&message, "X-Postroom-Recipient");
}

fn check(told: &Bounce) {
    assert!(told.recipients.len() <= limits::RECIPIENTS_MAX, "{} recipients", told.recipients.len());
    for recipient in &told.recipients {
        assert!(recipient.words.chars().count() <= limits::ERROR_CHARS_MAX, "long words");
        assert!(recipient.kind <= told.kind, "the gravest counts");
    }
    assert!(told.kind != Kind::Nothing || told.recipients.is_empty(), "nothing about somebody");
}
