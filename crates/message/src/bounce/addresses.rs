//! Whom a notice without fields is about: the addresses that stand where servers put them, and the words that belong to each.

use std::collections::HashSet;

use model::{EmailAddress, limits};

use super::fields::cut;
use super::notice::Notice;
use super::reasons::{self, Reason};
use super::{Bounce, Kind, Told};
use crate::header_decoder;
use crate::message::start_of;

/// What a notice says in words that something was not delivered.
pub(super) fn failed(notice: &Notice<'_>) -> Option<Bounce> {
    let subject = &notice.message.header().subject;
    // What Postfix tells its master about sessions of others.
    if subject.starts_with("Postfix SMTP server: ") {
        return None;
    }
    let is_said = |told: fn(&str) -> bool| told(&notice.text) || told(subject);
    let is_daemon = notice
        .message
        .header()
        .from
        .iter()
        .any(|from| from.address.local_part().eq_ignore_ascii_case("mailer-daemon"));
    let failed = is_said(reasons::is_failure) || (is_daemon && !by_lines(notice).is_empty());
    let delayed = is_said(reasons::is_delayed);
    if !(failed || delayed) || !is_by_server(notice) {
        return None;
    }
    let kind_for = |reason: Option<Reason>| {
        if delayed { Kind::Delayed } else { reason.map_or(Kind::Unclear, |reason| reason.kind) }
    };
    let told = notice.named().iter().enumerate().map(|(place, (address, words))| {
        // To look through all of it for each of many would take too long.
        let kind = kind_for(reason_for(notice, words, (place < MENTIONED_MAX).then_some(address)));
        Told { address: address.clone(), kind, status: status_in(words), words: cut(words) }
    });
    Bounce::of(told.collect()).or_else(|| {
        let kind = kind_for(reason_for(notice, &notice.text, None));
        Some(Bounce { kind, recipients: Vec::new(), words: cut(&notice.text) })
    })
}

/// Why, by the words about a recipient; where these are not clear, by all that is said, first if nobody else is spoken of. Single words
/// may be about anything.
fn reason_for(notice: &Notice<'_>, words: &str, address: Option<&EmailAddress>) -> Option<Reason> {
    let is_alone = notice.named().len() < 2;
    let is_all = words.len() >= notice.text.len();
    Reason::before_recipient(words)
        .or_else(|| Reason::somewhere(words))
        .or_else(|| if is_alone { notice.reason() } else { None })
        .or_else(|| reply_in(words).and_then(Reason::of))
        .or_else(|| Reason::of_all(words))
        .or_else(|| if is_all { None } else { Reason::of(words) })
        .or_else(|| Reason::of_codes(words))
        .or_else(|| address.and_then(|address| Reason::of(&mentions(&notice.text, address))))
        .or_else(|| notice.reason())
        .or_else(|| notice.codes())
}

/// What a server answered, where a notice says so: what stands around it is of whoever writes the notice.
fn reply_in(words: &str) -> Option<&str> {
    let (at, marker) = REPLIES.iter().filter_map(|marker| Some((words.find(marker)?, marker))).min()?;
    let reply = words.get(at + marker.len()..)?.trim_start();
    reply.split("\n\n").next().filter(|reply| reply.starts_with(['4', '5']))
}

const REPLIES: &[&str] = &[
    "returned was:",
    "remote host said:",
    "Remote host said:",
    " said:",
    "responded:",
    " says:",
    "response was:",
];

/// So many recipients are looked for in all of a notice.
const MENTIONED_MAX: usize = 32;

/// Whether a mail server wrote it, by the names that they give themselves, or by fields that only they write.
fn is_by_server(notice: &Notice<'_>) -> bool {
    let header = notice.message.header();
    let by_name = |mailbox: &model::Mailbox| {
        let local = mailbox.address.local_part().to_ascii_lowercase();
        let name = mailbox.name.as_deref().unwrap_or_default().to_ascii_lowercase();
        SERVERS.iter().any(|server| local.contains(server))
            || NAMES.iter().any(|server| name.contains(server))
    };
    let is_nobody = header.from.is_empty() || header.marks.from_mail_system;
    let subject = reasons::folded(&header.subject);
    let is_short = notice.text.len() < SHORT_BYTES;
    let says_so = SUBJECTS.iter().any(|words| subject.starts_with(words))
        || (is_short && ANYWHERE.iter().any(|words| subject.contains(words)) && !by_lines(notice).is_empty());
    let is_by_somebody = header.marks.list || !header.in_reply_to.is_empty();
    let has_field = notice.message.field("X-Failed-Recipients").is_some();
    let returns_it = !notice.returned.is_empty()
        && is_short
        && reasons::folded(&notice.text).contains("could not be delivered");
    // What a list writes to who is no member; its posts have the field too.
    let begin = reasons::folded(start_of(&notice.text, SHORT_BYTES));
    let begin = begin.trim_start_matches(['*', '-', '=', '#', ' ']);
    let is_list = notice.message.field("X-MLServer").is_some() && begin.starts_with("you are not a member");
    has_field
        || is_list
        || OPENINGS.iter().any(|words| begin.starts_with(words))
        || (returns_it && !is_by_somebody)
        || header.marks.report
        || is_nobody
        || header.from.iter().chain(&header.sender).any(by_name)
        || (says_so && !is_by_somebody)
}

/// What is longer is written by a person.
const SHORT_BYTES: usize = 2_048;

const SERVERS: &[&str] = &[
    "mailer-daemon",
    "postmaster",
    "mailerdaemon",
    "post_master",
    "mail-daemon",
    "maildaemon",
    "mdaemon",
    "mailer_daemon",
    "bounce",
    "mailadm",
    "mail_delivery",
];
const NAMES: &[&str] = &[
    "mail delivery",
    "mailer-daemon",
    "postmaster",
    "mail administrator",
    "delivery subsystem",
    "mail system",
    "system administrator",
    "mail router",
    "mail server",
    "mail gateway",
    "email delivery",
    "microsoft exchange",
    "microsoft outlook",
    "internet mail",
    "message router",
    "mta",
];
const SUBJECTS: &[&str] = &[
    "undeliver",
    "delivery status notification",
    "delivery failure",
    "delivery failed",
    "delivery error",
    "delivery report",
    "delivery problem",
    "delivery notification",
    "mail delivery",
    "message delivery failure",
    "message undeliverable",
    "message not delivered",
    "mail not delivered",
    "mail could not be delivered",
    "mail undeliverable",
    "non-delivery",
    "nondeliver",
    "non delivery",
    "returned mail",
    "returned e-mail",
    "failure notice",
    "failure delivery",
    "failed mail",
    "mail failure",
    "mail error",
    "mail system error",
    "email bounce",
    "email delivery failure",
    "warning: message",
    "warning: could not send",
    "bounced mail",
    "user unknown",
    "unknown user",
    "unknown address",
    "address error",
    "your message could not",
    "your mail could not",
    "not delivered",
    "error sending",
    "could not deliver",
    "unable to deliver",
    "permanent delivery failure",
    "dsn:",
    "failed:",
    "ndn:",
    "notice: mail delivery status",
    "delivery has failed",
    "delivery unsuccessful",
    "delivery status:",
    "unable to send",
    "email undeliverable",
    "e-mail undeliverable",
    "undelivered",
    "nondelivery",
    "message status - undeliverable",
    "rejected mail",
    "rejected:",
    "mail rejected",
    "blocked mail",
    "nicht zugestellt",
    "unzustellbar",
    "non remis",
    "échec de",
    "no se puede entregar",
    "no entregado",
    "non recapitabile",
    "mancato recapito",
    "não é possível entregar",
    "não foi possível entregar",
    "falha na entrega",
    "niet te bezorgen",
    "onbestelbaar",
    "nie można dostarczyć",
    "niedostarczon",
    "olevererbar",
    "kunde inte levereras",
    "kan ikke leveres",
    "nedoručiteln",
    "не доставлено",
    "недоставлен",
    "配信不能",
    "配信できません",
    "送信できません",
    "退信",
    "系统退信",
    "無法傳送",
    "无法送达",
    "無法送達",
    "未傳遞",
    "未传递",
    "배달되지",
];

/// How servers begin, whoever they say they are.
const OPENINGS: &[&str] = &[
    "this message was created automatically by mail delivery software",
    "this message was created automatically by the mail",
    "this is the mail system at host",
    "this is the postfix ",
    "this is the mail delivery agent",
    "this is an automatically generated delivery status notification",
    "this is a delivery status notification",
    "this report relates to a message you sent",
    "hi. this is the qmail-send program",
    "hi. this is the mta program",
    "hi. this is the deliver program",
    "hi. this is the james mail server",
    "hi! this is the mailer-daemon",
    "the original message was received at ",
    "a message that you sent could not be delivered",
    "delivery has failed to these recipients",
    "delivery to the following recipient",
    "your message did not reach some or all of the intended recipients",
    "message from interscan",
    "sorry, we were unable to deliver your message",
    "unable to deliver message to the following address",
    "mailenable: message delivery failure",
];

/// The same behind other words, where little is said.
const ANYWHERE: &[&str] =
    &["delivery failed", "delivery failure", "undeliverable", "undelivered", "non remis", "nicht zugestellt"];

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
fn by_lines(notice: &Notice<'_>) -> Vec<(EmailAddress, String)> {
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

/// The words of the lines that name an address.
fn mentions(text: &str, address: &EmailAddress) -> String {
    let key = address.key();
    let about = text.lines().filter(|line| line.to_lowercase().contains(&key));
    about.take(16).collect::<Vec<_>>().join("\n")
}

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

/// The first status in a text (RFC 3463).
fn status_in(text: &str) -> String {
    let words = text.split(|c: char| !(c.is_ascii_digit() || c == '.'));
    let is_status = |word: &&str| {
        let parts: Vec<&str> = word.split('.').collect();
        matches!(parts.as_slice(), [class, subject, detail]
            if matches!(*class, "2" | "4" | "5") && subject.len() == 1 && (1..=3).contains(&detail.len()))
    };
    words.map(|word| word.trim_matches('.')).find(is_status).unwrap_or_default().to_owned()
}
