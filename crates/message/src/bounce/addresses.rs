//! Whom a notice without fields is about: the addresses that stand where servers put them, each with the words that belong to it.

use std::collections::HashSet;

use model::{EmailAddress, limits};

use super::notice::{Notice, SHORT_BYTES};
use crate::header_decoder;
use crate::message::start_of;

/// The recipients that a notice names, each with the words up to the next.
pub(super) fn named(notice: &Notice<'_>) -> Vec<(EmailAddress, String)> {
    let mut found = by_lines(notice);
    let field = notice.message.field("X-Failed-Recipients").map(header_decoder::decode);
    let failed: Vec<EmailAddress> = field.iter().flat_map(|text| all_in(text)).collect();
    if !failed.is_empty() {
        let words = |address: EmailAddress| {
            // As a rule there is one.
            let about = found.iter().find(|(known, _)| known.key() == address.key());
            let words = about
                .map_or_else(|| start_of(&notice.text, SHORT_BYTES).to_owned(), |(_, words)| words.clone());
            (address, words)
        };
        return failed.into_iter().map(words).collect();
    }
    if found.is_empty() {
        let not_ours = |address: &EmailAddress| !is_of_others(notice, address);
        let first = all_in(&notice.text).into_iter().find(not_ours);
        found.extend(first.map(|address| (address, notice.text.clone())));
    }
    found
}

/// Whoever writes the notice, whoever gets it, and whom it says to ask.
fn is_of_others(notice: &Notice<'_>, address: &EmailAddress) -> bool {
    notice.others.contains(&address.key())
        || ["postmaster", "mailer-daemon", "abuse", "support"]
            .contains(&address.local_part().to_ascii_lowercase().as_str())
}

/// A line with the address alone, in the manner of qmail: `<zoe@x>:`; then it does not matter whose it is.
fn is_heading(line: &str, address: &EmailAddress) -> bool {
    let line = line.trim();
    let inner = line.trim_start_matches('<').trim_end_matches(':').trim_end_matches('>');
    (line.starts_with('<') && line.ends_with(">:") || line.len() == inner.len())
        && inner.eq_ignore_ascii_case(address.as_str())
}

/// Addresses that begin a line, or stand behind a word that says what they are.
pub(super) fn by_lines(notice: &Notice<'_>) -> Vec<(EmailAddress, String)> {
    let mut found: Vec<(EmailAddress, String)> = Vec::new();
    let mut seen = HashSet::new();
    let mut before = "";
    for line in notice.text.lines() {
        if let Some(sender) = known_before(line)
            && let Some(last) = found.last_mut()
        {
            last.0 = sender;
            continue;
        }
        match at_line(line).filter(|address| !seen.contains(&address.key())) {
            Some(address)
                if found.len() < limits::RECIPIENTS_MAX
                    && (is_heading(line, &address) || !is_of_others(notice, &address)) =>
            {
                seen.insert(address.key());
                found.push((address, line.to_owned()));
            }
            _ => match found.last_mut() {
                Some((_, words)) => {
                    words.push('\n');
                    words.push_str(line);
                }
                None if !line.trim().is_empty() => before = line,
                None => {}
            },
        }
    }
    if said_before(&found) { after(found, before) } else { found }
}

/// Whether the reasons stand before their recipients, as Lotus Notes writes them: nothing is said after the last.
fn said_before(found: &[(EmailAddress, String)]) -> bool {
    let is_silent = |(_, words): &(EmailAddress, String)| words.trim().lines().count() < 2;
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
    let begins = ["(expanded from", "(generated from", "(ultimately generated from"];
    let begin = begins.iter().find(|begin| lower.trim_start().starts_with(**begin))?;
    let at = lower.find(begin)? + begin.len();
    first_in(line.get(at..)?)
}

/// `550 <zoe@x>... User unknown`: how sendmail sums up what was said about a recipient.
fn of_transcript(line: &str) -> Option<&str> {
    let (code, rest) = line.split_once(' ')?;
    let is_code = code.len() == 3 && code.bytes().all(|byte| byte.is_ascii_digit());
    (is_code && rest.starts_with('<') && rest.contains(">... ")).then_some(rest)
}

fn at_line(line: &str) -> Option<EmailAddress> {
    let line = of_transcript(line).unwrap_or(line);
    let plain = line.trim_start_matches([' ', '\t', '>', '*', '-', '•', '\u{a0}', '"', '\'']);
    let lower = plain.to_ascii_lowercase();
    let is_label = |label: &&&str| {
        lower
            .strip_prefix(**label)
            .is_some_and(|rest| !rest.starts_with(|c: char| c.is_alphanumeric() || "@._-+".contains(c)))
    };
    let label = LABELS.iter().find(is_label);
    let rest = label.map_or(plain, |label| plain.get(label.len()..).unwrap_or_default());
    let rest = rest.trim_start_matches([' ', '\t', ':', '=', '<', '"', '\'', '[', '(']);
    let rest = rest.strip_prefix("mailto:").or_else(|| rest.strip_prefix("rfc822;")).unwrap_or(rest);
    if let Some(quoted) = plain.find('"').and_then(|at| quoted(plain.get(at..)?))
        && plain.trim_start_matches(['<', ' ']).starts_with('"')
    {
        return Some(quoted);
    }
    let end = rest.find(|c: char| {
        c.is_whitespace() || matches!(c, '<' | '>' | '"' | '\'' | ')' | ']' | ';' | ',' | ':')
    });
    let word = rest.get(..end.unwrap_or(rest.len()))?.trim_end_matches('.');
    word_is_address(word)
}

const LABELS: &[&str] = &[
    "unknown user",
    "could not be delivered to",
    "delivery failed 20 attempts",
    "recipient address",
    "recipient",
    "failed recipient",
    "undeliverable address",
    "target mail address",
    "address",
    "to",
    "user",
    "mailbox",
    "rcpt to",
    "smtp address",
    "invalid recipients are",
    "mail to",
    "message to",
    "unable to deliver message to",
    "your message to",
    "delivery to",
    "failed to deliver to",
    "the following addresses had delivery problems",
];

/// The first address in a text.
pub(super) fn first_in(text: &str) -> Option<EmailAddress> {
    quoted(text.trim_start_matches([' ', '<'])).or_else(|| all_in(text).into_iter().next())
}

/// An address with a quoted local part that begins a text: `"zoe..x."@docomo.test`, as some telephones' are.
fn quoted(text: &str) -> Option<EmailAddress> {
    let (local, rest) = text.strip_prefix('"')?.split_once("\"@")?;
    let end = rest.find(|c: char| !(c.is_alphanumeric() || matches!(c, '.' | '-' | '_')));
    let domain = rest.get(..end.unwrap_or(rest.len()))?.trim_end_matches('.');
    if local.contains(['"', '@', '<', '>', '\n']) || !domain.contains('.') {
        return None;
    }
    EmailAddress::parse(&format!("\"{local}\"@{domain}"))
}

fn all_in(text: &str) -> Vec<EmailAddress> {
    let outside = |c: char| {
        c.is_whitespace()
            || matches!(c, '<' | '>' | '"' | '\'' | '(' | ')' | '[' | ']' | ';' | ',' | ':' | '|')
    };
    let words = text.split(outside).filter(|word| word.contains('@'));
    words
        .filter_map(|word| word_is_address(word.trim_end_matches('.')))
        .take(limits::RECIPIENTS_MAX)
        .collect()
}

fn word_is_address(word: &str) -> Option<EmailAddress> {
    let (local, domain) = word.rsplit_once('@')?;
    let is_local = !local.is_empty() && !local.contains(['[', ']']);
    let is_domain =
        domain.contains('.') && domain.chars().all(|c| c.is_alphanumeric() || matches!(c, '.' | '-' | '_'));
    (is_local && is_domain).then(|| EmailAddress::parse(word)).flatten()
}
