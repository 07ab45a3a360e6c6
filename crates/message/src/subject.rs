//! The canonical subject: what stays the same through replies, forwards and lists (RFC 5256 §2.1, widened).
//!
//! What passes through: a decoded subject. Never used alone to tie mails together, for subjects repeat.

use model::limits;

use crate::token;

/// The subject without reply and forward prefixes in the common languages, list tags, `(fwd)` and tracking
/// tokens; white space folded, in lower case. Looks at the first [`limits::SUBJECT_CHARS_MAX`] characters.
///
/// Canonicalizing a canonical subject changes nothing.
pub fn canonical(subject: &str, token_prefixes: &[String]) -> String {
    let mut subject: String = subject.chars().take(limits::SUBJECT_CHARS_MAX).collect();
    loop {
        let next = once(&subject, token_prefixes);
        if next == subject {
            return subject;
        }
        subject = next;
    }
}

/// What a subject says that the mail is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Its outermost prefix is that of an answer.
    Answer,
    /// Its outermost prefix is that of a forward.
    Forward,
    /// It has no prefix, or one that means both.
    Plain,
}

/// What the outermost prefix says: a forward of an answer is a forward.
pub(crate) fn kind(subject: &str) -> Kind {
    let text: String = subject.chars().take(limits::SUBJECT_CHARS_MAX).collect::<String>().to_lowercase();
    let mut text = text.trim();
    while let Some(rest) = without_tag(text) {
        text = rest;
    }
    match prefix(text) {
        Some((word, _)) if ANSWERS.contains(&word) => Kind::Answer,
        Some((word, _)) if PREFIXES.contains(&word) && word != "vs" => Kind::Forward,
        _ => Kind::Plain,
    }
}

/// The subject without its outermost prefix, as it is written.
pub(crate) fn without_outermost(subject: &str) -> &str {
    let is_prefixed = prefix(&subject.to_lowercase()).is_some_and(|(word, _)| PREFIXES.contains(&word));
    match subject.split_once([':', '：']) {
        Some((_, rest)) if is_prefixed => rest.trim_start(),
        _ => subject,
    }
}

/// The subject of an answer: one `Re: ` before what was answered, whatever prefixes of answers stood there.
pub fn of_answer(subject: &str) -> String {
    prefixed("Re: ", Kind::Answer, subject)
}

/// The subject of a forward: one `Fw: ` before what is carried on.
pub fn of_forward(subject: &str) -> String {
    prefixed("Fw: ", Kind::Forward, subject)
}

/// The subject with which a conversation began, as far as prefixes tell.
pub fn topic(subject: &str) -> &str {
    let mut rest = subject.trim();
    loop {
        let shorter = without_outermost(rest);
        if shorter.len() == rest.len() {
            return rest;
        }
        rest = shorter;
    }
}

fn prefixed(prefix: &str, of: Kind, subject: &str) -> String {
    let mut rest = subject.trim();
    while kind(rest) == of && !rest.starts_with('[') {
        let shorter = without_outermost(rest);
        if shorter.len() == rest.len() {
            break;
        }
        rest = shorter;
    }
    let subject = format!("{prefix}{rest}");
    subject.chars().take(limits::SUBJECT_CHARS_MAX).collect::<String>().trim_end().to_owned()
}

/// Of the prefixes, those of answers. `VS` is one in Finnish and a forward in Danish, so it tells nothing.
const ANSWERS: &[&str] = &[
    "re",
    "aw",
    "antw",
    "antwort",
    "sv",
    "svar",
    "ref",
    "rép",
    "rep",
    "réf",
    "rif",
    "r",
    "res",
    "odp",
    "vá",
    "ynt",
    "atb",
    "απ",
    "σχετ",
    "отв",
    "ответ",
    "ha",
    "на",
    "תגובה",
    "השב",
    "رد",
    "回复",
    "回覆",
    "答复",
    "答覆",
    "返信",
    "회신",
    "trả lời",
    "ตอบ",
    "vast",
    "na",
];

fn once(subject: &str, token_prefixes: &[String]) -> String {
    let text = token::without(subject, token_prefixes).to_lowercase();
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let mut rest = text.as_str();
    while let Some(shorter) =
        without_prefix(rest).or_else(|| without_tag(rest)).or_else(|| without_suffix(rest))
    {
        rest = shorter;
    }
    rest.to_owned()
}

/// Prefixes of replies and forwards, in lower case. Sorted by language family; all stand before a colon.
const PREFIXES: &[&str] = &[
    // English, and what programs write everywhere.
    "re",
    "fwd",
    "fw",
    "forward",
    // German, Dutch, Scandinavian, Finnish, Icelandic.
    "aw",
    "wg",
    "antw",
    "antwort",
    "doorst",
    "sv",
    "vs",
    "vb",
    "vl",
    "vd",
    "svar",
    // French, Italian, Spanish, Portuguese, Romanian, Catalan.
    "ref",
    "rép",
    "rep",
    "tr",
    "rif",
    "r",
    "i",
    "rv",
    "res",
    "enc",
    "trs",
    "réf",
    // Polish, Czech, Hungarian, Turkish, Welsh, Estonian, Latvian.
    "odp",
    "pd",
    "vá",
    "továbbítás",
    "ynt",
    "ilt",
    "i̇lt",
    "atb",
    "ymlaen",
    "bls",
    "na",
    "edasi",
    "vast",
    // Greek, Russian, Ukrainian.
    "απ",
    "σχετ",
    "πρθ",
    "отв",
    "ответ",
    "пересл",
    "ha",
    "на",
    "fs",
    // Hebrew, Arabic.
    "תגובה",
    "הועבר",
    "השב",
    "رد",
    "إعادة توجيه",
    // Chinese, Japanese, Korean, Vietnamese, Thai.
    "回复",
    "回覆",
    "答复",
    "答覆",
    "转发",
    "轉寄",
    "轉發",
    "返信",
    "転送",
    "회신",
    "전달",
    "trả lời",
    "chuyển tiếp",
    "ตอบ",
];

/// `re:`, `re[2]:`, `re^2:`, `re (2) :`, with an ordinary or a full-width colon.
fn without_prefix(text: &str) -> Option<&str> {
    let (word, rest) = prefix(text)?;
    PREFIXES.contains(&word).then_some(rest)
}

/// The word before the first colon, without its count, and what stands behind.
fn prefix(text: &str) -> Option<(&str, &str)> {
    let colon = text.char_indices().take(PREFIX_CHARS_MAX).find(|(_, c)| matches!(c, ':' | '：'))?;
    let (head, tail) = text.split_at(colon.0);
    let word = head.trim_end();
    let word = word.trim_end_matches([']', ')']).trim_end_matches(|c: char| c.is_ascii_digit());
    let word = word.trim_end_matches(['[', '(', '^', '*']).trim_end();
    Some((word, tail.get(colon.1.len_utf8()..).unwrap_or_default().trim_start()))
}

/// The longest prefix with a count.
const PREFIX_CHARS_MAX: usize = 24;

/// A list's tag in square brackets at the front, unless it is all there is.
fn without_tag(text: &str) -> Option<&str> {
    let (tag, rest) = text.strip_prefix('[')?.split_once(']')?;
    let rest = rest.trim_start();
    let short = tag.chars().count() <= TAG_CHARS_MAX && !tag.contains('[');
    (short && !rest.is_empty()).then_some(rest)
}

const TAG_CHARS_MAX: usize = 64;

fn without_suffix(text: &str) -> Option<&str> {
    let shorter = text.strip_suffix("(fwd)").or_else(|| text.strip_suffix("[fwd]"))?;
    Some(shorter.trim_end())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn prefixes_tags_and_tokens_are_taken_off() {
        let prefixes = ["CRM:".to_owned()];
        let check =
            |subject: &str, expect: &str| assert_eq!(canonical(subject, &prefixes), expect, "{subject:?}");
        check("Quick Question", "quick question");
        check("Re: Quick  question", "quick question");
        check("RE[2]: Re^3: re (4) : AW: Antw: SV: Quick question", "quick question");
        check("Fwd: WG: FW: TR: Quick question (fwd)", "quick question");
        check("Rép: RIF: R: I: RES: ENC: x", "x");
        check("Odp: PD: YNT: İLT: Vá: x", "x");
        check("Отв: Ответ: x", "x");
        check("回复：答复: 转发: 返信: 転送: x", "x");
        check("Re : x", "x");
        check("[list] Re: [other] x", "x");
        check("[only a tag]", "[only a tag]");
        check("Re:", "");
        check("Order CRM:0001001 arrived", "order arrived");
        check("Re: Order crm:0001001", "order");
        check("Reason: x", "reason: x");
        check("Release 2: x", "release 2: x");
        check("", "");
    }

    #[test]
    fn the_outermost_prefix_tells_an_answer_from_a_forward() {
        let check = |subject: &str, expect: Kind| assert_eq!(kind(subject), expect, "{subject:?}");
        for answer in ["Re: x", "AW: WG: x", "[list] RE[2]: x", "回复：x", "Re : Fwd: x"] {
            check(answer, Kind::Answer);
        }
        for forward in ["Fwd: Re: x", "WG: AW: x", "TR : x", "转发：x"] {
            check(forward, Kind::Forward);
        }
        for plain in ["x", "VS: x", "[bob@x.test: Re: x]", "", "Reason: x"] {
            check(plain, Kind::Plain);
        }
        assert_eq!(without_outermost("Fwd: Re: Offer"), "Re: Offer");
        assert_eq!(without_outermost("Offer: doors"), "Offer: doors");
    }

    #[test]
    fn an_answer_and_a_forward_have_one_prefix() {
        for (subject, answer, forward) in [
            ("Offer", "Re: Offer", "Fw: Offer"),
            ("RE: AW: re[2]: Offer", "Re: Offer", "Fw: RE: AW: re[2]: Offer"),
            ("Fwd: WG: Offer", "Re: Fwd: WG: Offer", "Fw: Offer"),
            ("[list] Re: Offer", "Re: [list] Re: Offer", "Fw: [list] Re: Offer"),
            ("", "Re:", "Fw:"),
        ] {
            assert_eq!((of_answer(subject).as_str(), of_forward(subject).as_str()), (answer, forward));
            assert_eq!((of_answer(answer), of_forward(forward)), (answer.to_owned(), forward.to_owned()));
        }
        assert_eq!(of_answer(&"x".repeat(900)).chars().count(), limits::SUBJECT_CHARS_MAX);
    }

    proptest! {
        #[test]
        fn canonicalizing_twice_changes_nothing(subject in "((re|Fwd|AW|İLT)[:：] ?|\\[[a-z]\\] |CRM:[0-9]{4} |\\PC){0,20}") {
            let prefixes = ["CRM:".to_owned()];
            let once = canonical(&subject, &prefixes);
            prop_assert_eq!(canonical(&once, &prefixes), once);
        }
    }
}
