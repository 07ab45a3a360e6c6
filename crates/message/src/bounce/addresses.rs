//! Whom a notice without fields is about: the addresses that stand where servers put them, each with the words that belong to it.

use std::collections::{HashMap, HashSet};

use model::{EmailAddress, limits};

use super::notice::{Notice, SHORT_BYTES};
use super::reasons::Reason;
use super::servers;
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
        let first = all_in(&notice.text).into_iter().find(may_be);
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
    "from", "sender", "by", "at", "via", "contact", "try", "e-mail", "email", "mail", "from:", "if", "help",
];

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
    let is_bracketed = line.starts_with('<') && line.ends_with('>');
    (line.ends_with(':') || line.len() == inner.len() || is_bracketed)
        && inner.eq_ignore_ascii_case(address.as_str())
}

/// Addresses that begin a line, or stand behind a word that says what they are.
pub(super) fn by_lines(notice: &Notice<'_>) -> Vec<(EmailAddress, String)> {
    let mut found: Vec<(EmailAddress, String)> = Vec::new();
    let mut seen = HashSet::new();
    let (mut before, mut is_below_sender) = ("", false);
    for line in notice.text.lines() {
        if let Some(sender) = known_before(line) {
            match found.last_mut() {
                Some(last) => last.0 = sender,
                // What it became is kept back.
                None => found.push((sender, line.to_owned())),
            }
            continue;
        }
        // What is quoted so is somebody else's.
        let is_senders = line.starts_with("> ") || is_below_sender;
        if !line.trim().is_empty() {
            is_below_sender = names_sender(line);
        }
        let at_line = if is_senders { None } else { at_line(line) };
        match at_line.filter(|address| !seen.contains(&address.key())) {
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
    if found.iter().any(|(_, words)| !is_of_mail(words)) {
        found.retain(|(_, words)| !is_of_mail(words));
    }
    if said_before(&found) { after(found, before) } else { found }
}

/// `A message that was sent by`: the next line names who sent it, as Exim writes to others than him.
fn names_sender(line: &str) -> bool {
    let line = line.trim_end().to_ascii_lowercase();
    ["message sent by", "was sent by", "message from", "mail from"].iter().any(|end| line.ends_with(end))
}

/// `To: info@ours`, then the subject: it says which mail is meant, as Exchange does before it names recipients.
fn is_of_mail(words: &str) -> bool {
    let mut lines = words.lines().map(str::trim_start);
    let begins = |line: &str, labels: &[&str]| {
        let line = line.to_lowercase();
        labels.iter().any(|label| line.starts_with(label))
    };
    lines.next().is_some_and(|line| begins(line, &["to:"]))
        && lines.next().is_some_and(|line| begins(line, &["subject:", "cc:", "sent:"]))
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
pub(super) fn of_transcript(line: &str) -> Option<&str> {
    let (code, rest) = line.split_once(' ')?;
    let is_code = code.len() == 3 && code.bytes().all(|byte| byte.is_ascii_digit());
    (is_code && rest.starts_with('<') && rest.contains(">... ")).then_some(rest)
}

fn at_line(line: &str) -> Option<EmailAddress> {
    let line = of_transcript(line).unwrap_or(line);
    if let Some(address) = of_x400(line) {
        return Some(address);
    }
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
    let (word, behind) = rest.split_at_checked(end.unwrap_or(rest.len()))?;
    // `zoe@x, and so on`: a sentence that was folded there.
    let is_sentence = behind.strip_prefix(", ").is_some_and(|rest| rest.starts_with(char::is_lowercase));
    if is_sentence && !behind.contains('@') {
        return None;
    }
    word_is_address(word.trim_end_matches('.')).or_else(|| at_bare_host(line))
}

/// `<zoe@mailhost>`: in brackets at the beginning of a line, a host may stand without a domain.
fn at_bare_host(line: &str) -> Option<EmailAddress> {
    let (address, _) = line.trim_start().strip_prefix('<')?.split_once('>')?;
    let (local, host) = address.split_once('@')?;
    let is_word = |word: &str| {
        !word.is_empty() && word.chars().all(|c| c.is_alphanumeric() || matches!(c, '-' | '_' | '.' | '+'))
    };
    if is_word(local) && is_word(host) { EmailAddress::parse(address) } else { None }
}

/// `c=US;a= ;p=ORG;dda:SMTP=zoe@x`, `/DD.RFC-822=zoe(a)x/`: an address of the Internet within one of X.400.
fn of_x400(line: &str) -> Option<EmailAddress> {
    let line = line.trim_start();
    let lower = line.to_ascii_lowercase();
    let begins =
        ["c=", "/c=", "/dd", "dd:", "dda:", "/g=", "/s=", "/o="].iter().any(|begin| lower.starts_with(begin));
    let at = ["smtp=", "rfc-822=", "rfc822="].iter().find_map(|name| Some(lower.find(name)? + name.len()));
    let address = line.get(at.filter(|_| begins)?..)?.split([';', '/', ' ']).next()?;
    word_is_address(&address.replace("(a)", "@"))
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
            || matches!(c, '（' | '）' | '，' | '。' | '：' | '「' | '」' | '“' | '”' | '、')
    };
    let words = text.split(outside).filter(|word| word.contains('@'));
    words
        .filter_map(|word| word_is_address(word.trim_end_matches('.')))
        .take(limits::RECIPIENTS_MAX)
        .collect()
}

fn word_is_address(word: &str) -> Option<EmailAddress> {
    let (local, domain) = word.rsplit_once('@')?;
    let is_local = !local.is_empty() && !local.contains(['[', ']', '(', ')']) && !local.starts_with("//");
    let is_domain =
        domain.contains('.') && domain.chars().all(|c| c.is_alphanumeric() || matches!(c, '.' | '-' | '_'));
    (is_local && is_domain).then(|| EmailAddress::parse(word)).flatten()
}
