//! The classic tracking token in a subject: a prefix and a number, `CRM:0001001` (Dynamics).
//!
//! What passes through: a decoded subject. Never decides: others count with the same prefix, and some counters wrap, so the
//! caller confirms by a participant.

use model::limits;

/// Digits a token has at least; fewer are a number somebody wrote.
pub const DIGITS_MIN: usize = 4;
/// Digits beyond any counter.
pub const DIGITS_MAX: usize = 18;

/// Every token in a subject, in the prefix's own spelling, each once.
///
/// Folding a header may put one blank into a token. Where the digits are broken, both readings are given: first
/// the digits up to the blank, if there are four, then all of them.
pub fn find(subject: &str, prefixes: &[String]) -> Vec<String> {
    let mut tokens: Vec<String> = Vec::new();
    for place in places(subject, prefixes) {
        for digits in place.readings {
            let token = format!("{}{digits}", place.prefix);
            if !tokens.contains(&token) {
                tokens.push(token);
            }
        }
    }
    tokens
}

/// Whether a text is a token, and nothing else.
pub fn is_one(text: &str, prefixes: &[String]) -> bool {
    find(text, prefixes).iter().any(|token| token == text)
}

/// The subject with a token at its end, as Dynamics has it; a long subject is cut so that the token has room. One that
/// carries it already stays as it is.
pub fn at_end_of(subject: &str, token: &str, prefixes: &[String]) -> String {
    if find(subject, prefixes).iter().any(|known| known == token) {
        return subject.to_owned();
    }
    let room = limits::SUBJECT_CHARS_MAX.saturating_sub(token.chars().count() + 1);
    let shorter: String = subject.trim().chars().take(room).collect();
    format!("{} {token}", shorter.trim_end()).trim_start().to_owned()
}

/// The subject without its tokens.
pub(crate) fn without(subject: &str, prefixes: &[String]) -> String {
    let mut out = String::with_capacity(subject.len());
    let mut at = 0;
    for place in places(subject, prefixes) {
        out.push_str(subject.get(at..place.start).unwrap_or_default());
        at = place.end;
    }
    out.push_str(subject.get(at..).unwrap_or_default());
    out
}

struct Place<'p> {
    prefix: &'p str,
    start: usize,
    /// Behind the first reading.
    end: usize,
    readings: Vec<String>,
}

fn places<'p>(subject: &str, prefixes: &'p [String]) -> Vec<Place<'p>> {
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(rest) = subject.get(at..).filter(|rest| !rest.is_empty()) {
        let before = subject.get(..at).and_then(|text| text.chars().next_back());
        let at_word = before.is_none_or(|c| !c.is_alphanumeric());
        let place = if at_word { prefixes.iter().find_map(|prefix| place(rest, prefix)) } else { None };
        match place {
            Some(mut place) => {
                place.start += at;
                place.end += at;
                at = place.end;
                found.push(place);
            }
            None => at += rest.chars().next().map_or(1, char::len_utf8),
        }
    }
    found
}

/// A token at the very start of a text.
fn place<'p>(text: &str, prefix: &'p str) -> Option<Place<'p>> {
    let start = text.get(..prefix.len())?;
    if prefix.is_empty() || !start.eq_ignore_ascii_case(prefix) {
        return None;
    }
    let first_start = prefix.len() + blank(text.get(prefix.len()..)?);
    let first = run(text.get(first_start..)?);
    let first_end = first_start + first.len();
    let second_start = first_end + blank(text.get(first_end..)?);
    let second = if second_start > first_end { run(text.get(second_start..)?) } else { "" };
    let mut readings = vec![(first.to_owned(), first_end)];
    if !second.is_empty() {
        readings.push((format!("{first}{second}"), second_start + second.len()));
    }
    readings.retain(|(digits, end)| {
        (DIGITS_MIN..=DIGITS_MAX).contains(&digits.len()) && text.get(*end..).is_some_and(ends_token)
    });
    let end = readings.first()?.1;
    Some(Place { prefix, start: 0, end, readings: readings.into_iter().map(|(digits, _)| digits).collect() })
}

/// The length of one blank, as an unfolded line end leaves it.
fn blank(text: &str) -> usize {
    usize::from(text.starts_with([' ', '\t']))
}

fn run(text: &str) -> &str {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    text.get(..end).unwrap_or_default()
}

/// A token is followed by the end, white space or a bracket.
fn ends_token(rest: &str) -> bool {
    rest.chars()
        .next()
        .is_none_or(|c| c.is_whitespace() || matches!(c, ')' | ']' | '}' | '>' | '(' | '[' | '<'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_found_wherever_they_stand() {
        let prefixes = ["CRM:".to_owned(), "Ticket ".to_owned()];
        let check =
            |subject: &str, expect: &[&str]| assert_eq!(find(subject, &prefixes), expect, "{subject:?}");
        check("Re: Order CRM:0001001", &["CRM:0001001"]);
        check("crm:0001001 and [Ticket 77001]", &["CRM:0001001", "Ticket 77001"]);
        check("CRM: 0001001", &["CRM:0001001"]);
        check("CRM:00 01001", &["CRM:0001001"]);
        check("CRM:0001 001", &["CRM:0001", "CRM:0001001"]);
        check("CRM:0001001 CRM:0001001", &["CRM:0001001"]);
        check("CRM:001", &[]);
        check("CRM:0001001a", &[]);
        check("CRM:0001001-2", &[]);
        check("XCRM:0001001", &[]);
        check("CRM:", &[]);
        check("müCRM:0001 é", &[]);
        check("", &[]);
    }

    #[test]
    fn a_token_stands_at_the_end_once_and_has_room() {
        let prefixes = ["CRM:".to_owned()];
        let check = |subject: &str, expect: &str| {
            let subject = at_end_of(subject, "CRM:0001001", &prefixes);
            assert_eq!(
                (subject.as_str(), find(&subject, &prefixes)),
                (expect, vec!["CRM:0001001".to_owned()])
            );
        };
        check(" Grüße ", "Grüße CRM:0001001");
        check("", "CRM:0001001");
        check("Re: Offer crm:0001001 (fwd)", "Re: Offer crm:0001001 (fwd)");
        check("Offer CRM:12", "Offer CRM:12 CRM:0001001");
        let long = at_end_of(&"é".repeat(limits::SUBJECT_CHARS_MAX), "CRM:0001001", &prefixes);
        assert_eq!(long.chars().count(), limits::SUBJECT_CHARS_MAX);
        assert!(long.ends_with("é CRM:0001001"), "{long}");
    }

    #[test]
    fn a_token_is_a_token_alone() {
        let prefixes = ["CRM:".to_owned()];
        for (text, expect) in
            [("CRM:0001001", true), ("crm:0001001", false), ("CRM:0001001 x", false), ("1001", false)]
        {
            assert_eq!(is_one(text, &prefixes), expect, "{text}");
        }
    }

    #[test]
    fn a_subject_is_left_without_its_tokens() {
        let prefixes = ["CRM:".to_owned()];
        assert_eq!(without("Order CRM:0001001 here", &prefixes), "Order  here");
        assert_eq!(without("Ünï CRM:12", &prefixes), "Ünï CRM:12");
    }
}
