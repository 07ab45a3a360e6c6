//! Why a mail was not delivered, by the words of servers. The rules are data: `rules.txt`.
//!
//! *Invariant:* a text is looked through once for each rule; nothing is tried twice.

use std::collections::HashMap;
use std::sync::LazyLock;

use super::Kind;

/// The words of each list, by its name.
static RULES: LazyLock<HashMap<&str, Vec<&str>>> = LazyLock::new(|| {
    let mut rules: HashMap<&str, Vec<&str>> = HashMap::new();
    let mut list = "";
    for line in include_str!("rules.txt").lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        match line.strip_prefix('[').and_then(|line| line.strip_suffix(']')) {
            Some(name) => list = name,
            None => rules.entry(list).or_default().push(line),
        }
    }
    rules
});

fn rules(list: &str) -> &'static [&'static str] {
    RULES.get(list).map_or(&[], Vec::as_slice)
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
        first(&text, ["hard", "hard-near"], ["soft", "soft-near"])
            .or_else(|| first(&text, ["hard-weak"], ["soft-weak"]))
    }

    /// By words that are clear wherever they stand in a notice.
    pub(super) fn somewhere(text: &str) -> Option<Self> {
        first(&folded(text), ["hard"], ["soft"])
    }

    /// By a status (RFC 3463). `5.0.0`, and all that says nothing, tells nothing.
    pub(super) fn of_status(status: &str) -> Option<Self> {
        let numbers: Vec<u16> = status.split('.').map_while(|part| part.trim().parse().ok()).collect();
        let [class, subject, detail] = numbers.as_slice() else { return None };
        let kind = match (class, subject, detail) {
            (4, _, _) => Kind::Soft,
            (5, 1, 7 | 8) => Kind::Soft,
            (5, 1, 1..=6 | 9 | 10) => Kind::Hard,
            (5, 2, 1) => Kind::Hard,
            (5, 4, 1 | 4) => Kind::Hard,
            (5, 2..=7, 1..) | (5, 7, 0) => Kind::Soft,
            _ => return None,
        };
        Some(Reason { kind })
    }

    /// By the first status in a text that tells something, else by the first code of a reply (RFC 5321 §4.2.1).
    pub(super) fn of_codes(text: &str) -> Option<Self> {
        let mut words =
            text.split(|c: char| !(c.is_ascii_digit() || c == '.')).filter(|word| !word.is_empty());
        let by_status = words.clone().find_map(|word| Reason::of_status(word.trim_matches('.')));
        by_status.or_else(|| {
            let code = words.find(|word| word.len() == 3 && !word.contains('.'))?;
            match code.parse::<u16>().ok()? {
                400..=499 | 552 => Some(Reason { kind: Kind::Soft }),
                // RFC 7504: no mail is taken there.
                521 | 556 => Some(Reason { kind: Kind::Hard }),
                _ => None,
            }
        })
    }
}

/// Whether a text says that somebody or something refused the mail.
pub(super) fn is_refusal(text: &str) -> bool {
    let text = folded(text);
    rules("refused").iter().chain(rules("soft")).any(|words| text.contains(words))
}

/// Whether a text says that a mail of ours was not delivered.
pub(super) fn is_failure(text: &str) -> bool {
    let text = folded(text);
    rules("failed").iter().any(|words| text.contains(words))
}

/// Whether it says that it is still tried.
pub(super) fn is_delayed(text: &str) -> bool {
    let text = folded(text);
    rules("delayed").iter().any(|words| text.contains(words))
}

/// Lower case, with one blank between words: what is folded over lines is found too. What an address is called says nothing, nor
/// where a link leads but for its host.
pub(super) fn folded(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for word in text.split_whitespace().map(telling).filter(|word| !word.is_empty()) {
        if !out.is_empty() {
            out.push(' ');
        }
        out.extend(word.chars().map(|c| match c {
            '\u{2019}' => '\'',
            c => c.to_ascii_lowercase(),
        }));
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

fn first<const N: usize>(text: &str, hard: [&str; N], soft: [&str; N]) -> Option<Reason> {
    let at = |lists: [&str; N]| {
        let words = lists.into_iter().flat_map(|list| rules(list).iter());
        words.filter_map(|words| text.find(words)).min()
    };
    match (at(hard), at(soft)) {
        (None, None) => None,
        (Some(hard), Some(soft)) if soft < hard => Some(Reason { kind: Kind::Soft }),
        (Some(_), _) => Some(Reason { kind: Kind::Hard }),
        (None, Some(_)) => Some(Reason { kind: Kind::Soft }),
    }
}
