//! Answers that no person wrote: by fields (RFC 3834 §5), then by the words that programs put before their answers.

use super::{Bounce, Kind, folding};
use crate::header_decoder;
use crate::message::Message;

pub(super) fn automatic(message: &Message<'_>) -> Option<Bounce> {
    let words = by_field(message).or_else(|| by_subject(message))?;
    Some(Bounce { kind: Kind::Auto, recipients: Vec::new(), words })
}

/// What notifies of something by itself is no answer.
fn by_field(message: &Message<'_>) -> Option<String> {
    let value = message.field("Auto-Submitted").map(header_decoder::decode).unwrap_or_default();
    if value.trim().to_ascii_lowercase().starts_with("auto-replied") {
        return Some(format!("Auto-Submitted: {}", value.trim()));
    }
    let name = FIELDS.iter().find(|name| message.field(name).is_some())?;
    Some((*name).to_owned())
}

const FIELDS: &[&str] = &[
    "X-Autoreply",
    "X-Autorespond",
    "X-Autoresponder",
    "X-Auto-Reply",
    "X-Mail-Autoreply",
    "X-Autoresponse",
];

fn by_subject(message: &Message<'_>) -> Option<String> {
    let header = message.header();
    let subject = folding::folded(&header.subject);
    let is_answer =
        SUBJECTS.iter().any(|words| subject.starts_with(words)) || subject.contains("is out of the office");
    (is_answer && !header.marks.list).then(|| format!("Subject: {}", header.subject))
}

const SUBJECTS: &[&str] = &[
    "out of office",
    "out of the office",
    "out-of-office",
    "auto reply",
    "auto-reply",
    "autoreply",
    "auto:",
    "automatic reply",
    "automatische antwort",
    "abwesenheit",
    "autorespons",
    "auto response",
    "auto-response",
    "automated response",
    "automatic response",
    "vacation",
    "away from my mail",
    "i am out of",
    "réponse automatique",
    "respuesta automática",
    "risposta automatica",
];
