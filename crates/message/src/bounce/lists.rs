//! Lists of words by which servers are understood, and where a text has them. The rules are data: `rules.txt`.
//!
//! *Invariant:* a text is looked through once for each group of lists, however many rules they have; nothing is tried twice.

use std::collections::HashMap;
use std::sync::LazyLock;

use super::Kind;
use crate::message::start_of;

/// The rules of each list, by its name.
static RULES: LazyLock<HashMap<&str, Rules>> = LazyLock::new(|| {
    let mut rules: HashMap<&str, Rules> = HashMap::new();
    let mut list = "";
    for line in include_str!("rules.txt").lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        match line.strip_prefix('[').and_then(|line| line.strip_suffix(']')) {
            Some(name) => list = name,
            None => rules.entry(list).or_default().entry(beginning(line)).or_default().push(Rule::of(line)),
        }
    }
    rules
});

/// Rules by the two bytes that they begin with.
type Rules = HashMap<[u8; 2], Vec<Rule>>;

fn beginning(text: &str) -> [u8; 2] {
    match text.as_bytes() {
        [first, second, ..] => [*first, *second],
        _ => [0; 2],
    }
}

/// Words that a text is looked through for.
struct Rule {
    words: &'static str,
    /// Not also what begins with them.
    is_whole: bool,
    /// What comes a few words later.
    later: Option<&'static str>,
}

/// So far apart may words be that belong together.
const BETWEEN_BYTES: usize = 48;

impl Rule {
    fn of(line: &'static str) -> Self {
        let (words, later) =
            line.split_once(" * ").map_or((line, None), |(words, later)| (words, Some(later)));
        let part = later.unwrap_or(words);
        let whole = part.strip_suffix('|');
        let part = whole.unwrap_or(part);
        let (words, later) = if later.is_some() { (words, Some(part)) } else { (part, None) };
        Rule { words, is_whole: whole.is_some(), later }
    }

    /// How much of a text it takes that begins with it, at the beginning of a word.
    fn length(&self, text: &str) -> Option<usize> {
        let rest = text.strip_prefix(self.words)?;
        let ends = |rest: &str| !(self.is_whole && rest.starts_with(is_inside));
        let Some(later) = self.later else { return ends(rest).then_some(self.words.len()) };
        // In a transcript, what is said next begins another.
        let sentence = start_of(rest, BETWEEN_BYTES).split(". ").next()?.split(" >>> ").next()?;
        let found = word_starts(sentence)
            .find(|at| sentence.get(*at..).and_then(|rest| rest.strip_prefix(later)).is_some_and(ends))?;
        Some(self.words.len() + found + later.len())
    }
}

/// Where words may begin in a text.
fn word_starts(text: &str) -> impl Iterator<Item = usize> {
    let mut was_inside = false;
    text.char_indices().filter_map(move |(at, c)| {
        let begins = !(was_inside && is_inside(c));
        was_inside = is_inside(c);
        begins.then_some(at)
    })
}

fn is_inside(c: char) -> bool {
    c.is_ascii_alphanumeric()
}

/// Of the lists, as many bytes as one of their rules takes where a text begins.
fn longest(lists: &[&Rules], text: &str) -> Option<usize> {
    let begin = beginning(text);
    let rules = lists.iter().filter_map(|rules| rules.get(&begin)).flatten();
    rules.filter_map(|rule| rule.length(text)).max()
}

fn lists(names: &[&str]) -> Vec<&'static Rules> {
    names.iter().filter_map(|name| RULES.get(*name)).collect()
}

/// Of what two kinds of lists know the first in a text; of two that stand at one place the longer. What is hard counts where it may, by
/// where it begins and ends.
pub(super) fn first(
    text: &str,
    hard: &[&str],
    soft: &[&str],
    may_be_hard: impl Fn(usize, usize) -> bool,
) -> Option<Kind> {
    let (hard, soft, frame) = (lists(hard), lists(soft), lists(&["frame"]));
    let mut behind_frame = 0;
    word_starts(text).find_map(|at| {
        let rest = text.get(at..).filter(|_| at >= behind_frame)?;
        if let Some(length) = longest(&frame, rest) {
            behind_frame = at + length;
            return None;
        }
        let length = longest(&hard, rest).filter(|length| may_be_hard(at, at + length));
        let kind = match (length, longest(&soft, rest)) {
            (None, None) => return None,
            (hard, soft) if hard >= soft => Kind::Hard,
            _ => Kind::Soft,
        };
        Some(kind)
    })
}

/// Whether a text has words of some lists, apart from those that words of others take.
pub(super) fn has_any(text: &str, names: &[&str], not: &[&str]) -> bool {
    let (lists, not) = (lists(names), lists(not));
    let mut behind = 0;
    word_starts(text).any(|at| {
        let Some(rest) = text.get(at..).filter(|_| at >= behind) else { return false };
        if let Some(length) = longest(&not, rest) {
            behind = at + length + BETWEEN_BYTES;
            return false;
        }
        longest(&lists, rest).is_some()
    })
}

/// Whether a folded text has words, and none but those of a list and of frames; numbers are no words.
pub(super) fn has_only(text: &str, list: &str) -> bool {
    let lists = lists(&[list, "frame"]);
    let mut behind = 0;
    let mut has_words = false;
    let is_known = word_starts(text).all(|at| {
        let rest = text.get(at..).unwrap_or_default();
        if at < behind {
            return true;
        }
        if !rest.starts_with(char::is_alphabetic) {
            let is_number = rest.starts_with(|c: char| c.is_ascii_digit());
            behind = if is_number { at + rest.find(' ').unwrap_or(rest.len()) } else { behind };
            return true;
        }
        let length = longest(&lists, rest);
        has_words |= length.is_some();
        behind = at + length.unwrap_or_default();
        length.is_some()
    });
    has_words && is_known
}

/// Whether a folded text begins with words of a list.
pub(super) fn begins(text: &str, list: &str) -> bool {
    longest(&lists(&[list]), text).is_some()
}

/// Where words of a list begin and end in a folded text, apart from those of frames.
pub(super) fn places(text: &str, list: &str) -> Vec<(usize, usize)> {
    let (list, frame) = (lists(&[list]), lists(&["frame"]));
    let mut behind = 0;
    let places = word_starts(text).filter_map(|at| {
        let rest = text.get(at..).filter(|_| at >= behind)?;
        if let Some(length) = longest(&frame, rest) {
            behind = at + length;
            return None;
        }
        let length = longest(&list, rest)?;
        behind = at + length;
        Some((at, behind))
    });
    places.collect()
}

/// Whether a folded text has words of a list.
pub(super) fn has(text: &str, list: &str) -> bool {
    has_any(text, &[list], &[])
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    #[test]
    fn no_list_has_a_rule_twice() {
        let (mut list, mut seen) = ("", HashSet::new());
        for line in
            include_str!("rules.txt").lines().filter(|line| !line.is_empty() && !line.starts_with('#'))
        {
            if line.starts_with('[') && line.ends_with(']') {
                list = line;
            } else {
                assert!(seen.insert((list, line)), "{list} has it twice: {line}");
            }
        }
    }
}
