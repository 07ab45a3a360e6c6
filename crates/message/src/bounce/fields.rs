//! What fields tell: delivery status (RFC 3464), disposition (RFC 8098).

use std::collections::HashMap;

use model::{EmailAddress, limits};

use super::notice::Notice;
use super::reasons::{self, Reason};
use super::{Bounce, Kind, Told, answer, bait, failure, folding, persons, servers, spelling};
use crate::field::{self, Field, Section};
use crate::header_decoder;
use crate::message::start_of;

/// A field of a header section.
pub(super) fn value(raw: &[u8], name: &str) -> Option<String> {
    let section = field::split(raw.get(field::start(raw)..).unwrap_or_default());
    section.value(name).map(header_decoder::decode)
}

/// The same where a notice returns the mail in its text, below a line of its own, and may have indented or quoted it.
pub(super) fn value_in_text(raw: &[u8], name: &str) -> Option<String> {
    let text = String::from_utf8_lossy(raw);
    let lines = text.lines().map(|line| line.trim_start_matches([' ', '\t', '>', '|']));
    let is_field = |line: &&str| {
        let begin = line.split_once(':').map_or("", |(begin, _)| begin);
        !begin.is_empty() && begin.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    };
    let header = lines.skip_while(|line| !is_field(line)).take_while(|line| !line.trim().is_empty());
    let fields = header.filter_map(|line| line.split_once(':'));
    let mut values =
        fields.filter(|(begin, _)| begin.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim());
    values.find(|value| !value.is_empty()).map(str::to_owned)
}

/// What is told about deliveries.
pub(super) fn delivery(notice: &Notice<'_>) -> Option<Bounce> {
    let is_somebodys = if notice.is_flat {
        !servers::is_by_server(notice) || bait::is_bait(notice)
    } else {
        persons::is_writer(notice)
    };
    if is_somebodys {
        return None;
    }
    let mut recipients: Vec<Told> = Vec::new();
    let mut places: HashMap<String, (usize, usize)> = HashMap::new();
    let mut nameless: Option<(Kind, String)> = None;
    let (mut above, mut room) = (String::new(), ANSWERS_BYTES_MAX);
    // However many bodies there are: each is looked through for the words beside a recipient.
    let all = notice.statuses.iter().flat_map(|body| groups(body)).take(limits::RECIPIENTS_MAX);
    for group in all {
        let address = recipient(&group);
        let key = address.as_ref().map(EmailAddress::key).unwrap_or_default();
        let (place, times) = places.entry(key).or_insert((usize::MAX, 0));
        *times += 1;
        if *times > TIMES_MAX {
            continue;
        }
        // Some say once for all what was done, with what they say of the mail.
        let action = group.value("Action").map_or_else(|| above.clone(), header_decoder::decode);
        if address.is_none() {
            above.clone_from(&action);
        }
        let Some((kind, status, words)) = of_group(&group, notice, (&action, &mut room)) else { continue };
        let Some(address) = address else {
            nameless = nameless.max(Some((kind, words)));
            continue;
        };
        let told = Told { address, kind, status, words };
        *place = (*place).min(recipients.len());
        match recipients.get_mut(*place) {
            Some(known) if known.kind < told.kind => *known = told,
            Some(_) => {}
            None => recipients.push(told),
        }
    }
    if recipients.is_empty() {
        let (kind, words) = nameless?;
        // A file or a program is no address; the text may name one.
        let named = notice.named().iter().map(|(address, _)| Told {
            address: address.clone(),
            kind,
            status: String::new(),
            words: words.clone(),
        });
        return Some(Bounce { kind, recipients: named.collect(), words: words.clone() });
    }
    // Of mail that was not sent nobody is told anything.
    recipients.retain(|told| told.kind != Kind::Nothing);
    let asked = || Bounce { words: "Action: deliverable".to_owned(), ..Bounce::nothing() };
    Some(Bounce::of(recipients).unwrap_or_else(asked))
}

/// So much of what servers answered is looked through for words; beyond it the status tells. A thousand recipients have 200 bytes each.
const ANSWERS_BYTES_MAX: usize = 4 * limits::NOTICE_BYTES_MAX;

/// So much of what is said beside an action and a status.
const COMMENT_BYTES_MAX: usize = 512;

/// So often is one recipient looked at, and so many groups that name none: whoever names one a thousand times tells nothing new.
const TIMES_MAX: usize = 16;

/// Groups of fields, divided by empty lines (RFC 3464 §2.1). Some leave out the one about the message, or put all into one.
fn groups(body: &[u8]) -> Vec<Section<'_>> {
    let mut groups = Vec::new();
    let mut rest = body;
    while !rest.is_empty() && groups.len() < limits::RECIPIENTS_MAX {
        rest = rest.get(field::start(rest)..).unwrap_or_default();
        let group = field::split(rest);
        if group.fields.is_empty() {
            break;
        }
        rest = rest.get(group.body_offset..).unwrap_or_default();
        divide(group, &mut groups);
    }
    groups.truncate(limits::RECIPIENTS_MAX);
    groups
}

/// Some leave the empty lines out: each recipient begins where a field comes again.
fn divide<'x>(group: Section<'x>, groups: &mut Vec<Section<'x>>) {
    let mut fields: Vec<Field<'x>> = Vec::new();
    for field in group.fields {
        if groups.len() >= limits::RECIPIENTS_MAX {
            return;
        }
        let begins = field.is("Final-Recipient") || field.is("Original-Recipient");
        if begins && fields.iter().any(|known| known.is(field.name)) {
            groups.push(Section { fields: std::mem::take(&mut fields), body_offset: 0 });
        }
        fields.push(field);
    }
    groups.push(Section { fields, body_offset: 0 });
}

/// Kind, status and words of a group that is about a recipient.
fn of_group(
    group: &Section<'_>,
    notice: &Notice<'_>,
    (action, room): (&str, &mut usize),
) -> Option<(Kind, String, String)> {
    let text = |name: &str| group.value(name).map(header_decoder::decode);
    let has_recipient = group.value("Final-Recipient").or(group.value("Original-Recipient")).is_some();
    let action = start_of(action.trim(), COMMENT_BYTES_MAX).to_ascii_lowercase();
    if action.is_empty() && !has_recipient {
        return None;
    }
    let described = text("Status").unwrap_or_default();
    let described = start_of(&described, COMMENT_BYTES_MAX).to_owned();
    let status = described.split_whitespace().next().unwrap_or_default().to_owned();
    let mut diagnostic = text("Diagnostic-Code").unwrap_or_default();
    // A gateway to X.400 says there what the server answered.
    if let Some(more) = text("X400-Supplementary-Info").or_else(|| text("X-Supplementary-Info")) {
        diagnostic = format!("{diagnostic} {more}");
    }
    diagnostic.truncate(start_of(&diagnostic, NEAR_BYTES_MAX.min(*room)).len());
    *room -= diagnostic.len();
    let near = near(notice, group);
    // Some leave the answer to the text.
    if diagnostic.trim().is_empty() {
        diagnostic = failure::reply_in(near).unwrap_or_default().to_owned();
    }
    let words = [diagnostic.as_str(), &described, near].into_iter().find(|words| !words.trim().is_empty());
    let words = cut(words.unwrap_or_default());
    let verb: String = action.chars().take_while(char::is_ascii_alphabetic).collect();
    let kind = match verb.as_str() {
        "delivered" | "relayed" | "expanded" => Kind::Receipt,
        "delayed" => Kind::Delayed,
        // Somebody asked whether it would go, and nothing was sent: `sendmail -bv`.
        "deliverable" => Kind::Nothing,
        _ if status.starts_with('2') && verb != "failed" => Kind::Receipt,
        _ if answer::is_rejection(notice.message) => Kind::Soft,
        _ => {
            let reason = why(group, notice, (&action, &described, &diagnostic, near));
            reason.map_or(Kind::Unclear, |reason| reason.kind)
        }
    };
    Some((kind, status, words))
}

/// Why it was not delivered, by the fields of a recipient and the words beside him.
fn why(
    group: &Section<'_>,
    notice: &Notice<'_>,
    (action, described, diagnostic, near): (&str, &str, &str, &str),
) -> Option<Reason> {
    let status = described.split_whitespace().next().unwrap_or_default();
    let answer = format!("{diagnostic} {status}");
    // What the server answered is about this recipient; what stands beside him in the text may be about anything, unless it
    // is clear. Comments tell in the words of a standard: `5.0.0 (disk quota)`, `failed (bad address)`.
    let before = || Reason::before_recipient(near).or_else(|| notice.before_recipient());
    let after = || Reason::after_text(near).or_else(|| notice.after_text());
    if reasons::is_bare(diagnostic) {
        return before()
            .or_else(|| Reason::somewhere(&answer))
            .or_else(|| Reason::somewhere(near))
            .or_else(after)
            .or_else(|| of_category(group))
            .or_else(|| Reason::of_bare(&answer))
            .or_else(|| notice.reason());
    }
    let told = before()
        .or_else(|| Reason::of_all(&answer))
        .or_else(|| Reason::somewhere(near))
        .or_else(|| Reason::of(&answer))
        .or_else(|| Reason::of(&format!("{action} {described}")))
        .or_else(|| after().map(|_| Reason::after_unknown(&answer)))
        .or_else(|| of_category(group))
        .or_else(|| of_exit(diagnostic))
        .or_else(|| Reason::of_statuses(diagnostic))
        .or_else(|| Reason::of_status(status))
        .or_else(|| Reason::of(paragraph(near)))
        .or_else(|| if diagnostic.is_empty() { Reason::of_statuses(paragraph(near)) } else { None })
        .or_else(|| Reason::of_codes(diagnostic))
        .or_else(|| notice.reason())
        .or_else(|| of_program(group, notice))
        .or_else(|| notice.alone())?;
    let words = if diagnostic.is_empty() { near } else { diagnostic };
    Some(if told.kind == Kind::Hard && after().is_some() { told.or_of_text(words) } else { told })
}

/// What stands right beside a recipient. Behind an empty line come footers.
fn paragraph(near: &str) -> &str {
    near.split("\n\n").next().unwrap_or_default()
}

/// A program that should take it for the recipient, and did not: `X-Unix; |vacation`, Exim's `pipe to |vacation` with what that said.
fn of_program(group: &Section<'_>, notice: &Notice<'_>) -> Option<Reason> {
    let names = ["X-Actual-Recipient", "Final-Recipient"];
    let mut values = names.iter().filter_map(|name| group.value(name)).map(header_decoder::decode);
    let is_alone = notice.named().len() < 2;
    let has_said = || notice.text.contains("pipe to |") && notice.text.contains("text was generated during");
    let is_program = values.any(|value| value.contains('|')) || (is_alone && has_said());
    is_program.then_some(Reason { kind: Kind::Soft })
}

/// With what a program that should take the mail ended (`sysexits.h`): `X-Unix; 67`, no such user; `68`, no such host.
fn of_exit(diagnostic: &str) -> Option<Reason> {
    let (program, code) = diagnostic.split_once(';')?;
    let code: u8 = code.split_whitespace().next()?.parse().ok()?;
    let kind = if matches!(code, 67 | 68) { Kind::Hard } else { Kind::Soft };
    program.trim().eq_ignore_ascii_case("x-unix").then_some(Reason { kind })
}

/// What PowerMTA makes of the reply by itself, where it knows.
fn of_category(group: &Section<'_>) -> Option<Reason> {
    let category = group.value("X-PowerMTA-BounceCategory").map(header_decoder::decode)?;
    let kind = match category.trim().to_ascii_lowercase().as_str() {
        "bad-mailbox" | "inactive-mailbox" | "bad-domain" | "relaying-issues" => Kind::Hard,
        "" | "other" | "success" => return None,
        _ => Kind::Soft,
    };
    Some(Reason { kind })
}

/// The words of the notice about the recipient of a group.
fn near<'n>(notice: &'n Notice<'_>, group: &Section<'_>) -> &'n str {
    let Some(address) = recipient(group) else { return "" };
    // Beyond these the fields have to tell.
    let few = notice.named().iter().take(NEAR_MAX);
    let about = few.into_iter().find(|(named, _)| named.key() == address.key());
    about.map_or("", |(_, words)| start_of(words, NEAR_BYTES_MAX))
}

/// So much of the words beside a recipient is looked at.
const NEAR_BYTES_MAX: usize = 4_096;

/// So many recipients are looked for in the words beside fields.
const NEAR_MAX: usize = 32;

/// The address that the sender knows (RFC 3464 §2.3.1), else the one that the mail went to. An address stands behind its type.
fn recipient(group: &Section<'_>) -> Option<EmailAddress> {
    let address = |name: &str| {
        let text = header_decoder::decode(group.value(name)?);
        let address = text.split_once(';').map_or(text.as_str(), |(_, address)| address);
        // A host without a domain is one there: `zoe@mailhost`.
        let one = spelling::one_of(address, group.value("Diagnostic-Code"));
        one.or_else(|| spelling::first_in(address))
            .or_else(|| EmailAddress::parse(address.trim().trim_matches(['<', '>'])))
            .or_else(|| answered_for(address.trim(), group.value("Diagnostic-Code")))
    };
    address("Original-Recipient")
        .or_else(|| address("Final-Recipient"))
        // Old ones of Courier write it so.
        .or_else(|| address("Final-Receipient"))
        .or_else(|| address("X-Actual-Recipient"))
}

/// The address whose name alone stands in a field, by the answer that tells the whole: fetchmail's.
fn answered_for(name: &str, answer: Option<&[u8]>) -> Option<EmailAddress> {
    let answer = answer.filter(|_| !name.is_empty()).map(header_decoder::decode)?;
    let mut words = answer.split(['<', '>', ' ']);
    words.find_map(|word| {
        let (local, host) = word.split_once('@')?;
        (local == name && !host.is_empty()).then(|| EmailAddress::parse(word)).flatten()
    })
}

/// What a recipient's program says. One that refused the mail says that it deleted it, and why in words.
pub(super) fn disposition(notice: &Notice<'_>) -> Option<Bounce> {
    let body = notice.dispositions.first().filter(|_| !persons::is_writer(notice))?;
    let group = field::split(body.get(field::start(body)..).unwrap_or_default());
    let words =
        group.value("Disposition").map(header_decoder::decode).filter(|words| !words.trim().is_empty())?;
    let lower = words.to_ascii_lowercase();
    // By a rule, and not by his program when he throws it away unread (RFC 5429 §2.2).
    let is_by_rule =
        || lower.contains("automatic-action") && !reasons::is_shown(&folding::folded(&notice.text));
    let is_deleted = lower.contains("deleted");
    let is_refused = is_deleted && (reasons::is_refusal(&notice.text) || is_by_rule())
        || answer::is_rejection(notice.message);
    let kind = if is_refused { Kind::Soft } else { Kind::Receipt };
    let words = cut(&words);
    let told = |address| Told { address, kind, status: String::new(), words: words.clone() };
    // Where the field has a name of the server's own, the text may have the address.
    let named = || is_refused.then(|| notice.named().first().map(|(address, _)| address.clone())).flatten();
    let recipients = recipient(&group).or_else(named).map(told).into_iter().collect();
    Some(Bounce { kind, recipients, words: words.clone() })
}

/// At most so much of the evidence.
pub(super) fn cut(text: &str) -> String {
    let words: Vec<&str> = text.split_whitespace().collect();
    words.join(" ").chars().take(limits::ERROR_CHARS_MAX).collect()
}
