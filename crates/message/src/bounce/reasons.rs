//! Why a mail was not delivered, by the words of servers (`rules.txt`), by status and by code.

use super::folding::folded;
use super::lists::{first, has_any, has_only};
use super::{Kind, pairs};

/// What was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Reason {
    pub(super) kind: Kind,
}

impl Reason {
    /// By the words about one recipient: of those that tell most, the first.
    pub(super) fn of(text: &str) -> Option<Self> {
        let text = folded(text);
        Reason::near(&text)
            .or_else(|| {
                in_near_lists(&text, &["hard-weak"], &["soft-weak"]).map(|told| told.unless_policy(&text))
            })
            .or_else(|| pairs_of(&text))
    }

    /// `554 5.7.1 Recipient address rejected: only for colleagues`: words that may mean the address mean a policy where the status says so.
    fn unless_policy(self, text: &str) -> Self {
        let is_policy = || numbers(text).any(|word| word.trim_matches('.') == "5.7.1");
        if self.kind == Kind::Hard && is_policy() { Reason { kind: Kind::Soft } } else { self }
    }

    /// By no words that are known, but by of whom a sentence speaks and what it says.
    pub(super) fn paired(text: &str) -> Option<Self> {
        pairs_of(&folded(text))
    }

    /// By the words of a whole notice.
    pub(super) fn of_all(text: &str) -> Option<Self> {
        Reason::near(&folded(text))
    }

    fn near(text: &str) -> Option<Self> {
        Reason::clear(text).or_else(|| in_near_lists(text, &["hard-near"], &["soft-near"]))
    }

    /// By words that are clear wherever they stand in a notice.
    pub(super) fn somewhere(text: &str) -> Option<Self> {
        Reason::clear(&folded(text))
    }

    /// Whether it was refused before the recipient was named, so that it is not about him.
    pub(super) fn before_recipient(text: &str) -> Option<Self> {
        in_lists(&folded(text), &["hard-always"], &["before-recipient"])
            .filter(|reason| reason.kind == Kind::Soft)
    }

    /// Whether it was refused when the text of the mail had been sent: it is about that, where no words name the recipient.
    pub(super) fn after_text(text: &str) -> Option<Self> {
        let text = folded(text);
        let is_after = has_any(&text, &["after-text"], &[]) && !has_any(&text, &["at-recipient"], &[]);
        is_after.then_some(Reason { kind: Kind::Soft })
    }

    /// What was refused after the text in words that nobody knows: about that text; but where a status says that it is the address, or
    /// the words speak of a recipient, that is open.
    pub(super) fn after_unknown(answer: &str) -> Self {
        let is_open = match Reason::of_statuses(answer) {
            Some(told) => told.kind == Kind::Hard,
            None => pairs::names_recipient(&folded(answer)),
        };
        Reason { kind: if is_open { Kind::Unclear } else { Kind::Soft } }
    }

    /// By an answer that says no, and nothing of why: by whom it did not take, by a status, else by a code. `551 5.3.0` is no word
    /// about him: it fails in the server.
    pub(super) fn of_bare(answer: &str) -> Option<Self> {
        let text = folded(answer);
        in_near_lists(&text, &["hard-near", "hard-weak"], &[])
            // Without the words of Exchange Online, 5.4.1 is a word about hosts.
            .or_else(|| answer.contains("5.4.1").then_some(Reason { kind: Kind::Soft }))
            .or_else(|| Reason::of_statuses(answer))
            .or_else(|| {
                Reason::of_codes(answer).filter(|told| told.kind == Kind::Soft || !names_subject(answer))
            })
    }

    /// The same where the text had been sent: a host that takes it is there, so that words about hosts are not about his.
    pub(super) fn or_of_text(self, answer: &str) -> Self {
        let is_his = self.kind != Kind::Hard || pairs::names_recipient(&folded(answer));
        if is_his { self } else { Reason { kind: Kind::Soft } }
    }

    fn clear(text: &str) -> Option<Self> {
        in_lists(text, &["hard-always"], &["soft-always", "before-recipient"])
            .or_else(|| in_lists(text, &["hard-relay"], &[]))
            .or_else(|| in_lists(text, &["hard"], &["soft"]))
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
    if is_temporary(text) { &[] } else { lists }
}

/// Of what two kinds of lists know the first in a text.
fn in_lists(text: &str, hard: &[&str], soft: &[&str]) -> Option<Reason> {
    first(text, hard, soft, |_, _| true).map(|kind| Reason { kind })
}

/// The same by words that may be about anything: those of a sender or of a thing are not about the recipient.
fn in_near_lists(text: &str, hard: &[&str], soft: &[&str]) -> Option<Reason> {
    let may_be_hard = |begin, end| !pairs::is_of_thing(text, begin, end);
    first(text, unless_temporary(text, hard), soft, may_be_hard).map(|kind| Reason { kind })
}

fn pairs_of(text: &str) -> Option<Reason> {
    let kind = pairs::of(text).filter(|kind| *kind != Kind::Hard || !is_temporary(text));
    kind.map(|kind| Reason { kind })
}

fn is_temporary(text: &str) -> bool {
    reply_class(text).is_some_and(|code| code < 500)
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

/// Whether a status says what it is about (RFC 3463 §3): `5.3.0`, the server.
fn names_subject(text: &str) -> bool {
    numbers(text).any(|word| class(word).is_some() && !word.contains(".0."))
}

fn numbers(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !(c.is_ascii_digit() || c == '.')).filter(|word| !word.is_empty())
}

/// Whether an answer says no, and nothing of why: `550 Blocked`, `Mail is rejected by recipients`, `551 Unknown error`.
pub(super) fn is_bare(answer: &str) -> bool {
    has_only(&folded(answer), "bare")
}

/// Whether a text says that somebody or something refused the mail.
pub(super) fn is_refusal(text: &str) -> bool {
    has_any(&folded(text), &["refused", "soft"], &[])
}

/// Whether a folded text speaks of mail that waits for its reader, or of his room and password.
pub(super) fn is_bait(text: &str) -> bool {
    has_any(text, &["bait"], &[])
}

/// Whether a text says that a scanner took a program from what stands below.
pub(super) fn is_disarmed(text: &str) -> bool {
    has_any(&folded(text), &["worm"], &[])
}

/// Whether a folded text is of a person who got a notice.
pub(super) fn is_personal(text: &str) -> bool {
    has_any(text, &["personal"], &[])
}

/// Whether a folded text tells a member of a list of mail that did not reach him.
pub(super) fn is_to_member(text: &str) -> bool {
    has_any(text, &["member"], &[])
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

/// Whether a line says whom it did not reach.
pub(super) fn is_missed(line: &str) -> bool {
    has_any(&folded(line), &["missed"], &[])
}

/// Whether it says that a person saw it.
pub(super) fn is_shown(text: &str) -> bool {
    has_any(text, &["shown"], &[])
}

/// Whether it says that it is still tried.
pub(super) fn is_delayed(text: &str) -> bool {
    let text = folded(text);
    has_any(&text, &["delayed"], &["given-up"]) && !has_any(&text, &["came-back"], &[])
}
