//! The classic tracking token in a subject: a prefix and a number, `CRM:0001001` (Dynamics).
//!
//! What passes through: a decoded subject. Never decides: counters wrap, so the caller confirms by a participant.

/// Digits a token has at least; fewer are a number somebody wrote.
const DIGITS_MIN: usize = 4;
/// Digits beyond any counter.
const DIGITS_MAX: usize = 18;

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
    fn a_subject_is_left_without_its_tokens() {
        let prefixes = ["CRM:".to_owned()];
        assert_eq!(without("Order CRM:0001001 here", &prefixes), "Order  here");
        assert_eq!(without("Ünï CRM:12", &prefixes), "Ünï CRM:12");
    }
}
