//! Why a mail was not delivered, by the words of servers. The rules are data: `rules.txt`.
//!
//! *Invariant:* a text is looked through once for each group of lists, however many rules they have; nothing is tried twice.

use std::collections::HashMap;
use std::sync::LazyLock;

use super::Kind;
use super::folding::folded;
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
        let sentence = start_of(rest, BETWEEN_BYTES).split(". ").next()?;
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

/// Of what two kinds of lists know the first in a text; of two that stand at one place the longer.
fn first(text: &str, hard: &[&str], soft: &[&str]) -> Option<Reason> {
    let (hard, soft, frame) = (lists(hard), lists(soft), lists(&["frame"]));
    let mut behind_frame = 0;
    word_starts(text).find_map(|at| {
        let rest = text.get(at..).filter(|_| at >= behind_frame)?;
        if let Some(length) = longest(&frame, rest) {
            behind_frame = at + length;
            return None;
        }
        let kind = match (longest(&hard, rest), longest(&soft, rest)) {
            (None, None) => return None,
            (hard, soft) if hard >= soft => Kind::Hard,
            _ => Kind::Soft,
        };
        Some(Reason { kind })
    })
}

/// Whether a text has words of some lists, apart from those that words of others take.
fn has_any(text: &str, names: &[&str], not: &[&str]) -> bool {
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

/// What was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Reason {
    pub(super) kind: Kind,
}

impl Reason {
    /// By the words about one recipient: of those that tell most, the first.
    pub(super) fn of(text: &str) -> Option<Self> {
        let text = folded(text);
        Reason::near(&text).or_else(|| first(&text, unless_temporary(&text, &["hard-weak"]), &["soft-weak"]))
    }

    /// By the words of a whole notice.
    pub(super) fn of_all(text: &str) -> Option<Self> {
        Reason::near(&folded(text))
    }

    fn near(text: &str) -> Option<Self> {
        Reason::clear(text).or_else(|| first(text, unless_temporary(text, &["hard-near"]), &["soft-near"]))
    }

    /// By words that are clear wherever they stand in a notice.
    pub(super) fn somewhere(text: &str) -> Option<Self> {
        Reason::clear(&folded(text))
    }

    /// Whether it was refused before the recipient was named, so that it is not about him.
    pub(super) fn before_recipient(text: &str) -> Option<Self> {
        first(&folded(text), &["hard-always"], &["before-recipient"])
            .filter(|reason| reason.kind == Kind::Soft)
    }

    fn clear(text: &str) -> Option<Self> {
        first(text, &["hard-always"], &["soft-always", "before-recipient"])
            .or_else(|| first(text, &["hard-relay"], &[]))
            .or_else(|| first(text, &["hard"], &["soft"]))
    }

    /// By a status (RFC 3463, and IANA's registry of them). `5.0.0`, and all that says nothing, tells nothing.
    pub(super) fn of_status(status: &str) -> Option<Self> {
        let numbers: Vec<u16> = status.split('.').map_while(|part| part.trim().parse().ok()).collect();
        let [class, subject, detail] = numbers.as_slice() else { return None };
        let kind = match (class, subject, detail) {
            (4, _, _) => Kind::Soft,
            // About the sender: his address, its syntax, and Microsoft's limit of what one may send (5.1.90).
            (5, 1, 7 | 8 | 20 | 90) => Kind::Soft,
            (5, 1, 1..) => Kind::Hard,
            (5, 2, 1) => Kind::Hard,
            // RFC 3463 says of 5.4.1 that nobody answers; Exchange Online says so of an unknown recipient. 5.4.310: no such domain.
            (5, 4, 1 | 4 | 310) => Kind::Hard,
            // The account is disabled (RFC 5248); mailbox or domain have another owner (RFC 7293).
            (5, 7, 13 | 17 | 18) => Kind::Hard,
            // Hotmail says 5.5.0 for everything.
            (5, 2..=7, 1..) | (5, 6 | 7, 0) => Kind::Soft,
            _ => return None,
        };
        Some(Reason { kind })
    }

    /// By the first status in a text that tells something.
    pub(super) fn of_statuses(text: &str) -> Option<Self> {
        numbers(text).find_map(|word| Reason::of_status(word.trim_matches('.')))
    }

    /// The same, else by the first code of a reply (RFC 5321 §4.2.2 and §4.2.3). `550` and `553` say nothing more than that it failed.
    pub(super) fn of_codes(text: &str) -> Option<Self> {
        Reason::of_statuses(text).or_else(|| {
            let kind = match numbers(text).find_map(code)? {
                // Not now; what was sent is not understood; it is too large; who sends shall say who he is (RFC 4954).
                400..=499 | 500..=504 | 523 | 530..=538 | 541 | 552 | 555 | 571 => Kind::Soft,
                // No transaction, for whatever reason.
                554 => Kind::Soft,
                // RFC 7504: no mail is taken there. RFC 5248: disabled.
                521 | 525 | 551 | 556 => Kind::Hard,
                _ => return None,
            };
            Some(Reason { kind })
        })
    }
}

/// Where the server says that it is for now, words that only may mean the address mean something else.
fn unless_temporary<'l>(text: &str, lists: &'l [&'l str]) -> &'l [&'l str] {
    if reply_class(text).is_some_and(|code| code < 500) { &[] } else { lists }
}

/// The first code of a reply in a text; where a status comes first, its class in hundreds.
fn reply_class(text: &str) -> Option<u16> {
    numbers(text).find_map(|word| code(word).or_else(|| class(word)))
}

/// A code of a reply that says something failed (RFC 5321 §4.2.1).
fn code(word: &str) -> Option<u16> {
    let code = word.parse().ok().filter(|code| (400..600).contains(code))?;
    (word.len() == 3).then_some(code)
}

/// The class of a status, in hundreds: 500 for `5.0.0`.
fn class(word: &str) -> Option<u16> {
    match word.split('.').collect::<Vec<_>>().as_slice() {
        [class @ ("4" | "5"), subject, detail] if subject.len() == 1 && detail.len() <= 3 => {
            class.parse::<u16>().ok().map(|class| class * 100)
        }
        _ => None,
    }
}

fn numbers(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !(c.is_ascii_digit() || c == '.')).filter(|word| !word.is_empty())
}

/// Whether a folded text begins with words of a list.
pub(super) fn begins(text: &str, list: &str) -> bool {
    longest(&lists(&[list]), text).is_some()
}

/// Whether a text says that somebody or something refused the mail.
pub(super) fn is_refusal(text: &str) -> bool {
    has_any(&folded(text), &["refused", "soft"], &[])
}

/// Whether a folded text speaks of mail that waits for its reader, or of his room and password.
pub(super) fn is_bait(text: &str) -> bool {
    has_any(text, &["bait"], &[])
}

/// Whether a folded text is of a person who got a notice.
pub(super) fn is_personal(text: &str) -> bool {
    has_any(text, &["personal"], &[])
}

/// Whether a folded text asks its reader to follow a link.
pub(super) fn is_lure(text: &str) -> bool {
    has_any(text, &["lure"], &[])
}

/// Whether a text says that a mail of ours was not delivered.
pub(super) fn is_failure(text: &str) -> bool {
    has_any(&folded(text), &["failed"], &[])
}

/// Whether it says that the mail arrived.
pub(super) fn is_arrived(text: &str) -> bool {
    has_any(&folded(text), &["arrived"], &[])
}

/// Whether it says that a person saw it.
pub(super) fn is_shown(text: &str) -> bool {
    has_any(text, &["shown"], &[])
}

/// Whether it says that it is still tried.
pub(super) fn is_delayed(text: &str) -> bool {
    has_any(&folded(text), &["delayed"], &["given-up"])
}
