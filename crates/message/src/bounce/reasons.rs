//! Why a mail was not delivered, by the words of servers. The rules are data: `rules.txt`.
//!
//! *Invariant:* a text is looked through once for each rule; nothing is tried twice.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::sync::LazyLock;

use super::Kind;
use crate::message::start_of;

/// The rules of each list, by its name.
static RULES: LazyLock<HashMap<&str, Vec<Rule>>> = LazyLock::new(|| {
    let mut rules: HashMap<&str, Vec<Rule>> = HashMap::new();
    let mut list = "";
    for line in include_str!("rules.txt").lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        match line.strip_prefix('[').and_then(|line| line.strip_suffix(']')) {
            Some(name) => list = name,
            None => rules.entry(list).or_default().push(Rule::of(line)),
        }
    }
    rules
});

fn rules(list: &str) -> &'static [Rule] {
    RULES.get(list).map_or(&[], Vec::as_slice)
}

/// Words that a text is looked through for.
struct Rule {
    begin: Words,
    /// What comes a few words later.
    end: Option<Words>,
}

struct Words {
    words: &'static str,
    /// Not also what begins with them.
    is_whole: bool,
}

impl Rule {
    fn of(line: &'static str) -> Self {
        match line.split_once(" * ") {
            Some((begin, end)) => Rule { begin: Words::of(begin), end: Some(Words::of(end)) },
            None => Rule { begin: Words::of(line), end: None },
        }
    }

    /// Where it stands first, and for how long.
    fn find(&self, text: &str) -> Option<(usize, usize)> {
        let Some(end) = &self.end else {
            return self.begin.find(text).map(|at| (at, self.begin.words.len()));
        };
        text.match_indices(self.begin.words).find_map(|(at, begin)| {
            let rest = text.get(at + begin.len()..)?;
            let rest = start_of(rest, BETWEEN_BYTES);
            let sentence = rest.split(". ").next()?;
            (self.begin.stands(text, at) && end.find(sentence).is_some())
                .then_some((at, begin.len() + end.words.len()))
        })
    }
}

/// So far apart may two words be that belong together.
const BETWEEN_BYTES: usize = 48;

impl Words {
    fn of(words: &'static str) -> Self {
        let whole = words.strip_suffix('|');
        Words { words: whole.unwrap_or(words), is_whole: whole.is_some() }
    }

    fn find(&self, text: &str) -> Option<usize> {
        text.match_indices(self.words).map(|(at, _)| at).find(|at| self.stands(text, *at))
    }

    /// Whether a word begins there, and ends where it should.
    fn stands(&self, text: &str, at: usize) -> bool {
        let is_inside = |c: char| c.is_ascii_alphanumeric();
        let before = text.get(..at).and_then(|before| before.chars().next_back());
        let after = text.get(at + self.words.len()..).and_then(|after| after.chars().next());
        let begins = !(self.words.starts_with(is_inside) && before.is_some_and(is_inside));
        begins && !(self.is_whole && after.is_some_and(is_inside))
    }
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
            let kind = match reply_code(text)? {
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
    if reply_code(text).is_some_and(|code| code < 500) { &[] } else { lists }
}

/// The first code of a reply in a text, or of a status its class in hundreds.
fn reply_code(text: &str) -> Option<u16> {
    numbers(text).find_map(|word| match word.split('.').collect::<Vec<_>>().as_slice() {
        [code] if code.len() == 3 => code.parse().ok().filter(|code| (400..600).contains(code)),
        [class @ ("4" | "5"), subject, detail] if subject.len() == 1 && detail.len() <= 3 => {
            class.parse::<u16>().ok().map(|class| class * 100)
        }
        _ => None,
    })
}

fn numbers(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !(c.is_ascii_digit() || c == '.')).filter(|word| !word.is_empty())
}

/// Whether a text says that somebody or something refused the mail.
pub(super) fn is_refusal(text: &str) -> bool {
    let text = folded(text);
    rules("refused").iter().chain(rules("soft")).any(|rule| rule.find(&text).is_some())
}

/// Whether a text says that a mail of ours was not delivered.
pub(super) fn is_failure(text: &str) -> bool {
    let text = folded(text);
    rules("failed").iter().any(|rule| rule.find(&text).is_some())
}

/// Whether it says that it is still tried.
pub(super) fn is_delayed(text: &str) -> bool {
    let text = folded(text);
    rules("delayed").iter().any(|rule| rule.find(&text).is_some())
}

/// Lower case, with one blank between words: what is folded over lines is found too. What an address is called says nothing, nor
/// where a link leads but for its host.
pub(super) fn folded(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for word in text.split_whitespace().map(telling).filter(|word| !word.is_empty()) {
        if !out.is_empty() {
            out.push(' ');
        }
        for c in word.chars() {
            match c {
                '\u{2019}' | '\u{b4}' | '`' => out.push('\''),
                // `BAD_RECIPIENT`.
                '_' => out.push(' '),
                c => out.extend(c.to_lowercase()),
            }
        }
    }
    out
}

fn telling(word: &str) -> &str {
    if let Some((_, link)) = word.split_once("://") {
        return link.split('/').next().unwrap_or_default();
    }
    match word.split_once('@') {
        // `FROM:<zoe@x>` says FROM.
        Some((before, _)) => {
            before.rsplit_once(['<', ':']).map_or("", |(label, _)| label.trim_end_matches(':'))
        }
        None => word,
    }
}

/// Of what two kinds of lists know the first in a text; of two that stand at one place the longer.
fn first(text: &str, hard: &[&str], soft: &[&str]) -> Option<Reason> {
    let of = |lists: &[&str], kind| {
        let rules = lists.iter().flat_map(|list| rules(list).iter());
        let found = rules.filter_map(|rule| rule.find(text));
        found.map(|(at, length)| (at, Reverse(length))).min().map(|place| (place, kind))
    };
    let found = of(hard, Kind::Hard).into_iter().chain(of(soft, Kind::Soft));
    found.min_by_key(|(place, _)| *place).map(|(_, kind)| Reason { kind })
}
