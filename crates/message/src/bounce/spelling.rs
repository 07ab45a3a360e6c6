//! How notices write whom they are about: one address in a line.

use model::{EmailAddress, limits};

use crate::header_decoder;

/// `550 <zoe@x>... User unknown`, `550 zoe@x... User unknown`: how sendmail sums up what was said about a recipient. The recipient, and
/// what was said.
pub(super) fn of_transcript(line: &str) -> Option<(&str, &str)> {
    let (code, rest) = line.strip_prefix("<<< ").unwrap_or(line).split_once(' ')?;
    let is_code = code.len() == 3 && code.bytes().all(|byte| byte.is_ascii_digit());
    let (recipient, said) = rest.split_once("... ").filter(|_| is_code)?;
    let is_one = recipient.contains('@') && !recipient.contains(char::is_whitespace);
    (is_one || recipient.starts_with('<')).then_some((recipient, said))
}

/// The recipient that a line begins with, or that stands behind a word for what he is.
pub(super) fn at_line(line: &str) -> Option<EmailAddress> {
    if let Some((recipient, _)) = of_transcript(line) {
        return first_in(recipient)
            .or_else(|| at_bare_host(&format!("<{}>", recipient.trim_matches(['<', '>']))));
    }
    if let Some(address) = of_x400(line) {
        return Some(address);
    }
    let plain = behind_drawing(line);
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
    let end =
        rest.find(|c: char| c.is_whitespace() || matches!(c, '<' | '>' | '"' | ')' | ']' | ';' | ',' | ':'));
    let (word, behind) = rest.split_at_checked(end.unwrap_or(rest.len()))?;
    // `zoe@x, and so on`: a sentence that was folded there.
    let is_sentence = behind.strip_prefix(", ").is_some_and(|rest| rest.starts_with(char::is_lowercase));
    if is_sentence && !behind.contains('@') {
        return None;
    }
    word_is_address(word.trim_end_matches('.')).or_else(|| at_bare_host(line))
}

/// A line behind what is drawn before it. A dash right before a letter may belong to an address: `-requests@x`.
fn behind_drawing(line: &str) -> &str {
    let plain = line.trim_start_matches([' ', '\t', '>', '*', '-', '•', '\u{a0}', '"', '\'']);
    let drawn = line.get(..line.len() - plain.len()).unwrap_or_default();
    let is_single = drawn.trim_start() == "-" && plain.starts_with(char::is_alphabetic);
    if is_single { line.trim_start() } else { plain }
}

/// `<zoe@mailhost>`: in brackets at the beginning of a line, a host may stand without a domain.
fn at_bare_host(line: &str) -> Option<EmailAddress> {
    let (address, _) = line.trim_start().strip_prefix('<')?.split_once('>')?;
    bare(address)
}

/// An address whose host stands without a domain: `zoe@mailhost`.
pub(super) fn bare(address: &str) -> Option<EmailAddress> {
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
    "failed address",
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
    "送信先",
];

/// The first address in a text.
pub(super) fn first_in(text: &str) -> Option<EmailAddress> {
    quoted(text.trim_start_matches([' ', '<'])).or_else(|| all_in(text).into_iter().next())
}

/// Of several addresses that a gateway writes into one field, the one that what a server answered is about.
pub(super) fn one_of(addresses: &str, answer: Option<&[u8]>) -> Option<EmailAddress> {
    let answer = answer.filter(|_| addresses.contains(',')).map(header_decoder::decode)?;
    let named = all_in(&answer);
    let mut all = all_in(addresses).into_iter();
    all.find(|address| named.iter().any(|named| named.key() == address.key()))
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

/// The addresses in a text.
pub(super) fn all_in(text: &str) -> Vec<EmailAddress> {
    let outside = |c: char| {
        c.is_whitespace()
            || matches!(c, '<' | '>' | '"' | '(' | ')' | '[' | ']' | ';' | ',' | ':' | '|')
            || matches!(c, '（' | '）' | '，' | '。' | '：' | '「' | '」' | '“' | '”' | '、')
    };
    let words = text.split(outside).filter(|word| word.contains('@'));
    words
        .filter_map(|word| word_is_address(word.trim_end_matches('.')))
        .take(limits::RECIPIENTS_MAX)
        .collect()
}

/// A word that is an address. An apostrophe may be of its name, `o'brien@x`, or stand around it: `'zoe@x'`, `zoe@x's`.
fn word_is_address(word: &str) -> Option<EmailAddress> {
    let (local, domain) = word.rsplit_once('@')?;
    let local = local.rsplit_once("='").map_or(local, |(_, local)| local).trim_start_matches('\'');
    let domain = domain.split('\'').next().unwrap_or_default().trim_end_matches('.');
    let word = format!("{local}@{domain}");
    let is_local = !local.is_empty() && !local.contains(['[', ']', '(', ')']) && !local.starts_with("//");
    let is_domain =
        domain.contains('.') && domain.chars().all(|c| c.is_alphanumeric() || matches!(c, '.' | '-' | '_'));
    (is_local && is_domain).then(|| EmailAddress::parse(&word)).flatten()
}
