//! Whom a notice without fields is about: the addresses that stand where servers put them, each with the words that belong to it.

use std::collections::{HashMap, HashSet};

use model::{EmailAddress, limits};

use super::notice::{Notice, SHORT_BYTES};
use super::reasons::Reason;
use super::spelling::{all_in, at_line, bare, first_in, of_transcript};
use super::{failure, servers};
use crate::header_decoder;
use crate::message::start_of;

/// The recipients that a notice names, each with the words up to the next.
pub(super) fn named(notice: &Notice<'_>) -> Vec<(EmailAddress, String)> {
    let mut found = by_lines(notice);
    let field = notice.message.field("X-Failed-Recipients").map(header_decoder::decode);
    let failed: Vec<EmailAddress> = field.iter().flat_map(|text| of_field(text)).collect();
    if !failed.is_empty() {
        let mut about: HashMap<String, String> =
            found.into_iter().map(|(known, words)| (known.key(), words)).collect();
        let mut seen = HashSet::new();
        let each = failed.into_iter().filter(|address| seen.insert(address.key()));
        let words = |address: EmailAddress| {
            let words = about.remove(&address.key());
            let words = words.unwrap_or_else(|| start_of(&notice.text, SHORT_BYTES).to_owned());
            (address, words)
        };
        return each.map(words).collect();
    }
    let is_list = servers::is_list_program(notice);
    if found.is_empty() || is_list {
        let may_be = |address: &EmailAddress| is_list || may_be_recipient(notice, address);
        let of_subject = || {
            let address = first_in(&notice.message.header().subject)?;
            (address.as_str().is_ascii() && !is_of_others(notice, &address)).then_some(address)
        };
        let first = of_subject().or_else(|| all_in(&notice.text).into_iter().find(may_be));
        let first = first.map(|address| (address, notice.text.clone()));
        found = first.or_else(|| of_reader(notice)).into_iter().collect();
    }
    found
}

/// The addresses of a field that holds nothing else; hosts may stand there without a domain.
fn of_field(text: &str) -> Vec<EmailAddress> {
    let all = all_in(text);
    if all.is_empty() {
        text.split(',').filter_map(|one| EmailAddress::parse(one.trim())).collect()
    } else {
        all
    }
}

/// One that it is written to, with the reason beside it: what failed was sent in the name of its recipient.
fn of_reader(notice: &Notice<'_>) -> Option<(EmailAddress, String)> {
    let to = &notice.message.header().to;
    notice.text.lines().find_map(|line| {
        let address = at_line(line)?;
        let is_reader = to.iter().any(|mailbox| mailbox.address.key() == address.key());
        (is_reader && Reason::somewhere(line).is_some()).then(|| (address, line.to_owned()))
    })
}

/// Whether an address somewhere in the text may be the recipient. One behind "to" may be anybody's.
fn may_be_recipient(notice: &Notice<'_>, address: &EmailAddress) -> bool {
    let before = notice.text.find(address.as_str()).and_then(|at| notice.text.get(..at)).unwrap_or_default();
    let word = before.trim_end_matches(['<', '(', '[', '"', '\'', ' ', '\n', '\t', ':']);
    let word = word.rsplit(char::is_whitespace).next().unwrap_or_default().to_ascii_lowercase();
    let is_ours = notice.others.contains(&address.key());
    (word == "to" && !is_ours) || !(is_of_others(notice, address) || OF_OTHERS.contains(&word.as_str()))
}

/// Words before an address that is whom to ask, or who sent it.
const OF_OTHERS: &[&str] = &[
    "cc", "from", "sender", "by", "at", "via", "contact", "try", "e-mail", "email", "mail", "from:", "if",
    "help",
];

/// Whoever writes the notice, whoever gets it, and whom it says to ask.
fn is_of_others(notice: &Notice<'_>, address: &EmailAddress) -> bool {
    notice.others.contains(&address.key()) || is_of_keeper(&address.local_part().to_ascii_lowercase())
}

/// Whoever keeps a server or a list.
fn is_of_keeper(local: &str) -> bool {
    ["postmaster", "mailer-daemon", "abuse", "support"].contains(&local)
        || local.ends_with("-request")
        || local.ends_with("-owner")
        || local.starts_with("owner-")
}

/// A line with the address alone, in the manner of qmail: `<zoe@x>:`, or one in brackets that begins it, or with what was answered about
/// it: `zoe@x: 550 …`; then it does not matter whose it is.
fn is_heading(line: &str, address: &EmailAddress) -> bool {
    let line = line.trim();
    let line = line.strip_prefix("Failed address: ").unwrap_or(line);
    if line.split_once(": ").is_some_and(|(begin, said)| begin.contains('@') && servers::is_reply(said)) {
        return true;
    }
    let in_brackets = line.strip_prefix('<').and_then(|rest| rest.split_once('>')).map(|(inner, _)| inner);
    let inner = in_brackets.unwrap_or(line.trim_end_matches(':'));
    inner.eq_ignore_ascii_case(address.as_str()) || of_transcript(line).is_some()
}

/// Addresses that begin a line, or stand behind a word that says what they are.
pub(super) fn by_lines(notice: &Notice<'_>) -> Vec<(EmailAddress, String)> {
    let mut listed = Listed::default();
    let (mut before, mut above, mut is_below_sender) = ("", "", false);
    for line in notice.text.lines() {
        if let Some(sender) = known_before(line) {
            listed.is_known_as(sender, line);
            continue;
        }
        // What is quoted so is somebody else's.
        let is_senders = is_quoted(line) || is_below_sender;
        let is_sentence = is_folded(above, line);
        above = line;
        if !line.trim().is_empty() {
            is_below_sender = names_sender(line);
        }
        let at_line = if is_senders || is_sentence { None } else { at_line(line) };
        let is_recipient =
            |address: &EmailAddress| is_heading(line, address) || !is_of_others(notice, address);
        if !listed.add(at_line.filter(is_recipient), line) && !line.trim().is_empty() {
            before = line;
        }
    }
    let mut found = listed.found;
    if found.iter().any(|(_, words)| !is_of_mail(words)) {
        found.retain(|(_, words)| !is_of_mail(words));
    }
    if said_before(&found) { after(found, before) } else { found }
}

/// The recipients that were listed so far, each with the words that belong to it.
#[derive(Default)]
struct Listed {
    found: Vec<(EmailAddress, String)>,
    places: HashMap<String, usize>,
    /// About whom the next words are.
    place: usize,
    /// Whether the one whom they are about has the address already that the sender knows.
    is_known: bool,
}

impl Listed {
    /// A line that names a recipient, or is about the one named last; `false` where none is named yet.
    fn add(&mut self, address: Option<EmailAddress>, line: &str) -> bool {
        if let Some(address) = address {
            let key = address.key();
            if let Some(place) = self.places.get(&key) {
                self.place = *place;
            } else if self.found.len() < limits::RECIPIENTS_MAX {
                self.place = self.found.len();
                self.is_known = false;
                self.places.insert(key, self.place);
                self.found.push((address, line.to_owned()));
                return true;
            }
        }
        let Some((_, words)) = self.found.get_mut(self.place) else { return false };
        words.push('\n');
        words.push_str(line);
        true
    }

    /// The sender knows the one named last by another address. Where that one is kept back, or a file, it is named nowhere else.
    fn is_known_as(&mut self, address: EmailAddress, line: &str) {
        if let Some(last) = self.found.last_mut().filter(|_| !self.is_known) {
            last.0 = address;
        } else if self.found.len() < limits::RECIPIENTS_MAX {
            self.place = self.found.len();
            self.found.push((address, line.to_owned()));
        }
        self.is_known = true;
    }
}

/// A line that somebody else wrote.
fn is_quoted(line: &str) -> bool {
    line.starts_with("> ") || line.starts_with(">>") && !line.starts_with(">>> ")
}

/// `… ask the master of mail,` / `tom@x.test. He will help`: a sentence that was folded before an address.
fn is_folded(above: &str, line: &str) -> bool {
    let goes_on = |c: char| c.is_lowercase() || c == ',';
    let is_long = above.len() >= FOLDED_BYTES_MIN && above.trim_end().ends_with(goes_on);
    is_long
        && line.split_once(' ').is_some_and(|(word, behind)| word.ends_with(['.', ',']) && !behind.is_empty())
}

/// Who folds a sentence does so behind this much of it.
const FOLDED_BYTES_MIN: usize = 50;

/// `A message that was sent by`: the next line names who sent it, as Exim writes to others than him. `The list administrator at:`:
/// it names whom to ask. A server's answer is cut anywhere.
fn names_sender(line: &str) -> bool {
    if failure::reply_at(line).is_some() {
        return false;
    }
    let line = line.trim().to_ascii_lowercase();
    let ends =
        ["message sent by", "was sent by", "message from", "mail from", "administrator at:", "owner at:"];
    line == "at:" || ends.iter().any(|end| line.ends_with(end))
}

/// `To: info@ours`, then the subject: it says which mail is meant, as Exchange does before it names recipients.
fn is_of_mail(words: &str) -> bool {
    let mut lines = words.lines().map(str::trim_start);
    let begins = |line: &str, labels: &[&str]| {
        let line = line.to_lowercase();
        labels.iter().any(|label| line.starts_with(label))
    };
    lines.next().is_some_and(|line| begins(line, &["to:", "cc:"]))
        && lines.next().is_some_and(|line| begins(line, &["subject:", "cc:", "sent:"]))
}

/// Whether the reasons stand before their recipients, as Lotus Notes writes them: nothing is said after the last.
fn said_before(found: &[(EmailAddress, String)]) -> bool {
    let is_silent = |(_, words): &(EmailAddress, String)| {
        words.trim().lines().count() < 2 && of_transcript(words).is_none()
    };
    found.len() > 1 && found.last().is_some_and(is_silent) && !found.iter().all(is_silent)
}

/// Each recipient with the words that stand before it.
fn after(found: Vec<(EmailAddress, String)>, before: &str) -> Vec<(EmailAddress, String)> {
    let mut before = before.to_owned();
    let shifted = found.into_iter().map(|(address, words)| {
        let (own, next) = words.split_once('\n').unwrap_or((&words, ""));
        (address, format!("{own}\n{}", std::mem::replace(&mut before, next.to_owned())))
    });
    shifted.collect()
}

/// `(expanded from: zoe@x)`, `(generated from zoe@x)`: the address that the sender knows.
fn known_before(line: &str) -> Option<EmailAddress> {
    let lower = line.to_ascii_lowercase();
    let begins = ["(expanded from", "(generated from", "(ultimately generated from", "generated by "];
    let begin = begins.iter().find(|begin| lower.trim_start().starts_with(**begin))?;
    let at = lower.find(begin)? + begin.len();
    let behind = line.get(at..)?.trim_start_matches([' ', ':', '<']);
    first_in(behind).or_else(|| bare(behind.split(['>', ')', ' ']).next()?))
}
