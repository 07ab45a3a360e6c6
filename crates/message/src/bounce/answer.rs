//! Answers that no person wrote: by fields (RFC 3834 §5), then by the words that programs put before their answers.

use super::{Bounce, Kind, folding};
use crate::header_decoder;
use crate::message::Message;

/// An answer that no person wrote. A report is none, nor is the wish to leave a list.
pub(super) fn automatic(message: &Message<'_>) -> Option<Bounce> {
    let header = message.header();
    if header.marks.report || header.subject.trim().eq_ignore_ascii_case("unsubscribe") {
        return None;
    }
    let words = by_field(message).or_else(|| by_subject(message))?;
    Some(Bounce { kind: Kind::Auto, recipients: Vec::new(), words })
}

/// `Auto-Submitted: auto-replied (rejected)`: a recipient's filter refused the mail (RFC 5429), in words of his own.
pub(super) fn is_rejection(message: &Message<'_>) -> bool {
    let value = message.field("Auto-Submitted").map(header_decoder::decode).unwrap_or_default();
    value.to_ascii_lowercase().contains("(rejected)")
}

/// Whether its subject says that somebody or something answers by itself.
pub(super) fn is_by_subject(message: &Message<'_>) -> bool {
    by_subject(message).is_some()
}

/// What notifies of something by itself is no answer.
fn by_field(message: &Message<'_>) -> Option<String> {
    let value = message.field("Auto-Submitted").map(header_decoder::decode).unwrap_or_default();
    if value.trim().to_ascii_lowercase().starts_with("auto-replied") {
        return Some(format!("Auto-Submitted: {}", value.trim()));
    }
    let name = FIELDS.iter().find(|name| message.field(name).is_some());
    name.map(|name| (*name).to_owned()).or_else(|| by_precedence(message))
}

/// `Precedence: auto_reply`, and what procmail's recipe for absence writes (procmailex(5)): junk, and `X-Loop` against answers to
/// answers. Lists have `X-Loop` too, and write bulk.
fn by_precedence(message: &Message<'_>) -> Option<String> {
    let value = message.field("Precedence").map(header_decoder::decode)?.trim().to_ascii_lowercase();
    let is_recipe = || {
        let header = message.header();
        let is_answer = folding::folded(&header.subject).starts_with("re:");
        is_answer && message.field("X-Loop").is_some() && !header.marks.list
    };
    let is_answer = match value.as_str() {
        "auto_reply" | "auto-reply" => true,
        "junk" => is_recipe(),
        _ => false,
    };
    is_answer.then(|| format!("Precedence: {value}"))
}

const FIELDS: &[&str] = &[
    "X-Autoreply",
    "X-Autorespond",
    "X-Autoresponder",
    "X-Auto-Reply",
    "X-Mail-Autoreply",
    "X-Autoresponse",
    "X-SFDC-AutoResponse",
];

fn by_subject(message: &Message<'_>) -> Option<String> {
    let header = message.header();
    let subject = folding::folded(&header.subject);
    let begins = |all: &[&str]| all.iter().any(|words| subject.starts_with(words));
    // Nobody begins a mail to a list so.
    let is_clear = begins(CLEAR) || ANYWHERE.iter().any(|words| subject.contains(words));
    (is_clear || (begins(SUBJECTS) && !header.marks.list)).then(|| format!("Subject: {}", header.subject))
}

/// The same behind the name of whoever answers.
const ANYWHERE: &[&str] = &[
    "is out of the office",
    "autoreply:",
    "auto-reply:",
    "auto reply】",
    "auto reply]",
    "autorespons",
    "auto-respons",
    "awaits moderator approval",
    "attend l'approbation d'un modérateur",
    "wartet auf die bestätigung",
    "espera la aprobación",
    "in attesa di approvazione",
    "automatiska atbilde",
];
const CLEAR: &[&str] = &[
    "out of office",
    "out of the office",
    "out-of-office",
    "auto reply",
    "auto-reply",
    "autoreply",
    "automatic reply",
    "automatic echo",
    "thank you for contacting",
    "thanks for contacting",
    "empfangsbestätigung",
    "eingangsbestätigung",
    "accusé de réception",
    "acuse de recibo",
    "the results of your email command",
    "confirm subscription to",
    "confirm your subscription",
    "your confirmation is needed",
    "confirmation request",
    "thank you for your inquiry",
    "thank you for your e-mail",
    "thank you for your email",
    "thank you for your message",
    "thank you for your contact",
    "we have received your",
    "we received your",
    "thank you for your enquiry",
    "thank you for your request",
    "automatische antwort",
    "automatisch antwoord",
    "automatisk svar",
    "autosvar",
    "réponse automatique",
    "respuesta automática",
    "resposta automática",
    "risposta automatica",
    "odpowiedź automatyczna",
    "автоматический ответ",
    "自动回复",
    "自動返信",
    "自動回覆",
];
const SUBJECTS: &[&str] = &[
    "auto:",
    "abwesen",
    "fora do escritório",
    "fuera de la oficina",
    "fuori sede",
    "afwezig",
    "absence du bureau",
    "absent du bureau",
    "nieobecność",
    "autorespons",
    "auto response",
    "auto-response",
    "automated response",
    "automatic response",
    "vacation",
    "away from my mail",
    "i am out of",
];
