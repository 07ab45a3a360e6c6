//! The words that were looked for, marked in a text.
//!
//! *Invariant:* every character of the text goes through the escaping of [`HtmlEscape`].

use std::fmt::Write as _;

use minijinja::HtmlEscape;

/// The text with `mark` around the words. Case and the accents of Latin letters do not count, as in the index;
/// a word is marked as a whole, except in scripts without gaps.
pub(crate) fn html(text: &str, words: &[String]) -> String {
    let words: Vec<Vec<char>> =
        words.iter().map(|word| folded(word)).filter(|word| !word.is_empty()).collect();
    let letters: Vec<(usize, char)> = text.char_indices().collect();
    let mut out = String::with_capacity(text.len() + 64);
    let mut place = 0;
    let mut plain_from = 0;
    while let Some((start, _)) = letters.get(place) {
        match longest(&letters, place, &words) {
            Some(length) => {
                let end = letters.get(place + length).map_or(text.len(), |(end, _)| *end);
                let (plain, marked) = (text.get(plain_from..*start), text.get(*start..end));
                let plain = HtmlEscape(plain.unwrap_or_default());
                // Writing to a string does not fail.
                let _ = write!(out, "{plain}<mark>{}</mark>", HtmlEscape(marked.unwrap_or_default()));
                plain_from = end;
                place += length;
            }
            None => place += 1,
        }
    }
    let _ = write!(out, "{}", HtmlEscape(text.get(plain_from..).unwrap_or_default()));
    out
}

/// The length of the longest of these words that stands here, in characters.
fn longest(letters: &[(usize, char)], place: usize, words: &[Vec<char>]) -> Option<usize> {
    let is_inside = |place: Option<usize>| {
        place
            .and_then(|place| letters.get(place))
            .is_some_and(|(_, c)| c.is_alphanumeric() && !is_gapless(*c))
    };
    let stands = |word: &&Vec<char>| {
        let end = place + word.len();
        letters.get(place..end).is_some_and(|here| {
            let is_same = here.iter().zip(*word).all(|((_, c), wanted)| fold(*c) == *wanted);
            let first_joins = here.first().is_some_and(|(_, c)| joins(*c));
            let last_joins = here.last().is_some_and(|(_, c)| joins(*c));
            is_same
                && !(first_joins && is_inside(place.checked_sub(1)))
                && !(last_joins && is_inside(Some(end)))
        })
    };
    words.iter().filter(stands).map(Vec::len).max()
}

fn folded(word: &str) -> Vec<char> {
    word.trim().chars().map(fold).collect()
}

/// Without case, and without the accents of western Latin letters.
fn fold(c: char) -> char {
    match c.to_lowercase().next().unwrap_or(c) {
        'à'..='å' => 'a',
        'ç' => 'c',
        'è'..='ë' => 'e',
        'ì'..='ï' => 'i',
        'ñ' => 'n',
        'ò'..='ö' | 'ø' => 'o',
        'ù'..='ü' => 'u',
        'ý' | 'ÿ' => 'y',
        lower => lower,
    }
}

/// Whether a neighbor of this kind makes it part of the same word.
fn joins(c: char) -> bool {
    c.is_alphanumeric() && !is_gapless(c)
}

/// Letters of scripts that are written without gaps.
fn is_gapless(c: char) -> bool {
    matches!(u32::from(c), 0x0e00..=0x0eff | 0x1000..=0x109f | 0x1780..=0x17ff | 0x3000..=0x9fff | 0xac00..=0xd7a3
        | 0xf900..=0xfaff | 0x2_0000..=0x3_ffff)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, words: &[&str], expected: &str) {
        let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
        assert_eq!(html(text, &words), expected);
    }

    #[test]
    fn whole_words_are_marked_whatever_their_case() {
        check("Invoice in INVOICES", &["in", "invoice"], "<mark>Invoice</mark> <mark>in</mark> INVOICES");
        check(
            "Herr Müller, net 30.",
            &["muller", "net 30"],
            "Herr <mark>Müller</mark>, <mark>net 30</mark>.",
        );
        check("東京都のホテル", &["京都"], "東<mark>京都</mark>のホテル");
        check("plain", &[], "plain");
    }

    #[test]
    fn everything_is_escaped() {
        check("<b>&", &["b"], "&lt;<mark>b</mark>&gt;&amp;");
        check("a<i", &["<i", "\"", ""], "a<mark>&lt;i</mark>");
    }
}
