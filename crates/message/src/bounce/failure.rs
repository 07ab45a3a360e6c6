//! What a notice without fields says of each recipient, in words: that nothing was delivered, and why.

use std::collections::HashMap;

use model::EmailAddress;

use super::fields::cut;
use super::notice::{Notice, SHORT_BYTES};
use super::reasons::{self, Reason};
use super::{Bounce, Kind, Told, answer, bait, folding, persons, servers, spelling};
use crate::message::start_of;

/// What a notice says in words that something was not delivered.
pub(super) fn failed(notice: &Notice<'_>) -> Option<Bounce> {
    let subject = &notice.message.header().subject;
    if is_for_master(subject) || is_worm(notice) {
        return None;
    }
    let is_said = |told: fn(&str) -> bool| told(&notice.text) || told(subject);
    let is_daemon = notice
        .message
        .header()
        .from
        .iter()
        .any(|from| from.address.local_part().eq_ignore_ascii_case("mailer-daemon"));
    let failed = is_said(reasons::is_failure)
        || answer::is_rejection(notice.message)
        || ((is_daemon || servers::is_opening(notice))
            && (!notice.named().is_empty() || notice.reason().is_some()));
    let delayed = reasons::is_delayed(&notice.text) || reasons::is_delayed(own(subject));
    let is_somebody_elses = || bait::is_any(notice);
    if !(failed || delayed) || !servers::is_by_server(notice) || is_somebody_elses() {
        return None;
    }
    let arrived = is_said(reasons::is_arrived);
    let rejected = answer::is_rejection(notice.message);
    // Whoever has a list there does not say that there is none.
    let is_list = servers::is_list_program(notice);
    let kind_for = |reason: Option<Reason>, address: Option<&EmailAddress>| match reason {
        _ if rejected || is_list => Kind::Soft,
        _ if delayed => Kind::Delayed,
        None if arrived && address.is_none_or(|address| !is_under_failure(notice, address)) => Kind::Receipt,
        reason => reason.map_or(Kind::Unclear, |reason| reason.kind),
    };
    // Where a field names a thousand, the same words are beside each.
    let mut known: HashMap<&str, Option<Reason>> = HashMap::new();
    let told = notice.named().iter().enumerate().map(|(place, (address, words))| {
        // To look through all of it for each of many would take too long.
        let mentioned = (place < MENTIONED_MAX).then_some(address);
        let reason = match mentioned {
            Some(_) => reason_for(notice, words, mentioned),
            None => known.entry(words).or_insert_with(|| reason_for(notice, words, None)).clone(),
        };
        let kind = kind_for(reason, mentioned);
        Told { address: address.clone(), kind, status: status_in(words), words: cut(words) }
    });
    Bounce::of(told.collect()).or_else(|| {
        let kind = kind_for(reason_for(notice, &notice.text, None), None);
        Some(Bounce { kind, recipients: Vec::new(), words: cut(&notice.text) })
    })
}

/// What Postfix tells its master about sessions of others, and amavis about mail of others: `VIRUS (…) in mail FROM <zoe@x.test>`. To
/// whoever sent it it says `IN MAIL FROM YOU`.
fn is_for_master(subject: &str) -> bool {
    let lower = subject.to_ascii_lowercase();
    let is_scanners = lower.starts_with("spam from ") || lower.contains(" in mail from ");
    lower.starts_with("postfix smtp server: ") || (is_scanners && !lower.contains("from you"))
}

/// Whether a recipient stands below words that say whom it did not reach, in a notice that says of others that it did.
fn is_under_failure(notice: &Notice<'_>, address: &EmailAddress) -> bool {
    let above = notice.text.find(address.as_str()).and_then(|at| notice.text.get(..at)).unwrap_or_default();
    let said = above.lines().rev().find_map(|line| {
        let is_missed = reasons::is_missed(line);
        (is_missed || reasons::is_arrived(line)).then_some(is_missed)
    });
    said.unwrap_or_default()
}

/// What a subject says itself: behind `Undeliverable:` stands what our mail was called.
fn own(subject: &str) -> &str {
    let begin = subject.split(':').next().unwrap_or_default();
    if reasons::is_failure(begin) { begin } else { subject }
}

/// `Your message To: … Subject: … was read on …`: what Exchange and Outlook write to who asked, where no fields do (RFC 8098).
pub(super) fn shown(notice: &Notice<'_>) -> Option<Bounce> {
    let text = folding::folded(start_of(&notice.text, SHORT_BYTES));
    let begins = [
        "your message ",
        "ihre nachricht ",
        "votre message ",
        "su mensaje ",
        "il messaggio ",
        "a sua mensagem ",
        "uw bericht ",
        "this is a receipt for the mail",
    ];
    let is_somebodys = notice.message.header().marks.list
        || persons::is_handed_on(&folding::folded(&notice.message.header().subject));
    let is_receipt = !is_somebodys
        && notice.text.len() < SHORT_BYTES
        && begins.iter().any(|begin| text.starts_with(begin))
        && reasons::is_shown(&text);
    is_receipt.then(|| Bounce { kind: Kind::Receipt, recipients: Vec::new(), words: cut(&notice.text) })
}

/// Worms say of themselves that they are a mail that came back. Servers return mail, and no programs; but in what comes to a return
/// path they pack it, too.
fn is_worm(notice: &Notice<'_>) -> bool {
    let mut files = notice.message.attachments().into_iter().map(|file| file.filename.to_ascii_lowercase());
    let mut has_program = || files.any(|name| PROGRAMS.iter().any(|end| name.ends_with(end)));
    let had_one = || notice.named().is_empty() && reasons::is_disarmed(&notice.text);
    !(notice.is_returned || notice.message.header().marks.report)
        && (had_one() || (notice.returned.is_empty() && has_program()))
}

const PROGRAMS: &[&str] = &[".zip", ".exe", ".scr", ".pif", ".bat", ".cmd", ".vbs", ".hta", ".cpl"];

/// Why, by the words about a recipient; where these are not clear, by all that is said, first if nobody else is spoken of. Single words
/// may be about anything; where a server's answer is quoted, they are about whatever stands around it.
fn reason_for(notice: &Notice<'_>, words: &str, address: Option<&EmailAddress>) -> Option<Reason> {
    let is_alone = notice.named().len() < 2;
    let after = || Reason::after_text(words).or_else(|| notice.after_text());
    if let Some(reply) = bare_in(words) {
        // Behind it may stand what was answered about others.
        let end = words.find(reply).map_or(words.len(), |at| at + reply.len());
        let said = words.get(..end).filter(|_| !is_alone).unwrap_or(words);
        return Reason::before_recipient(said)
            .or_else(|| Reason::somewhere(said))
            .or_else(|| if is_alone { notice.reason() } else { None })
            .or_else(after)
            .or_else(|| Reason::of_bare(reply));
    }
    let reply = reply_in(words);
    let told = Reason::before_recipient(words)
        .or_else(|| address.and_then(|address| Reason::of(&answered(&notice.text, address)?)))
        .or_else(|| summed_up(words).and_then(Reason::of))
        .or_else(|| reply.and_then(Reason::of_all))
        .or_else(|| Reason::somewhere(words))
        .or_else(|| if is_alone { notice.reason() } else { None })
        .or_else(|| reply.and_then(Reason::of))
        .or_else(|| match reply {
            Some(reply) => after().map(|_| Reason::after_unknown(reply)).or_else(|| Reason::of_codes(reply)),
            None => beside(notice, words, address),
        })?;
    Some(if told.kind == Kind::Hard && after().is_some() {
        told.or_of_text(reply.unwrap_or(words))
    } else {
        told
    })
}

/// Why, where no server's answer is quoted: by what is said beside a recipient, and of him elsewhere.
fn beside(notice: &Notice<'_>, words: &str, address: Option<&EmailAddress>) -> Option<Reason> {
    let is_alone = notice.named().len() < 2;
    let is_all = words.len() >= notice.text.len();
    Reason::of_all(words)
        .or_else(|| if is_all { None } else { Reason::of(words) })
        .or_else(|| {
            let after = Reason::after_text(words).or_else(|| notice.after_text());
            after.map(|_| Reason::after_unknown(words))
        })
        .or_else(|| Reason::of_codes(words))
        .or_else(|| address.and_then(|address| Reason::of(&mentions(&notice.text, address))))
        .or_else(|| notice.reason())
        .or_else(|| notice.alone())
        .or_else(|| notice.codes())
        .or_else(|| if is_alone { Reason::paired(&notice.text) } else { None })
}

/// `554 <zoe@x>... Remote protocol error`: how sendmail sums up what was said about a recipient. The next line is about another.
fn summed_up(words: &str) -> Option<&str> {
    spelling::of_transcript(words.lines().next()?).map(|(_, said)| said)
}

/// What a server answered to the name of a recipient, where a notice shows the transcript: `>>> RCPT To:<zoe@x.test>`, below it `<<<
/// 550 …`. Sendmail sums up every refusal as `User unknown`.
fn answered(text: &str, address: &EmailAddress) -> Option<String> {
    let key = address.key();
    let is_asked = |line: &str| {
        let line = line.trim_start().to_lowercase();
        line.starts_with(">>> rcpt to:") && line.contains(&key)
    };
    let mut lines = text.lines().skip_while(|line| !is_asked(line));
    lines.next()?;
    let answer = lines.map_while(|line| line.trim_start().strip_prefix("<<< "));
    Some(answer.collect::<Vec<_>>().join("\n"))
        .filter(|answer| !answer.is_empty() && !reasons::is_bare(answer))
}

/// What a server answered, where a notice says so, or a line has it by its code: what stands around it is of whoever writes the notice.
pub(super) fn reply_in(words: &str) -> Option<&str> {
    let marked = REPLIES.iter().filter_map(|marker| Some((words.find(marker)?, marker))).min();
    let marked = marked.and_then(|(at, marker)| words.get(at + marker.len()..)).map(str::trim_start);
    let reply = marked.filter(|text| text.starts_with(['4', '5'])).or_else(|| {
        let mut begin = 0;
        let at = words.split_inclusive('\n').find_map(|line| {
            begin += line.len();
            Some(begin - line.len() + reply_at(line)?)
        });
        words.get(at?..)
    });
    let reply = reply?.split("\n\n").next()?;
    Some(before_command(reply))
}

/// In a transcript, what is said next is no answer.
fn before_command(reply: &str) -> &str {
    let mut end = 0;
    for line in reply.split_inclusive('\n') {
        let is_command = [">>>", "-->"].iter().any(|arrow| line.trim_start().starts_with(arrow));
        if end > 0 && is_command {
            return reply.get(..end).unwrap_or(reply);
        }
        end += line.len();
    }
    reply
}

/// Where a server's answer begins in a line: `550 …`, `<<< 550 …`, `<zoe@x>: 550 …`, `host mx: 550 …`. What sendmail sums up is its own.
pub(super) fn reply_at(line: &str) -> Option<usize> {
    let bare = line.trim_start_matches(['<', '-', ' ', '\t']);
    if folding::is_of_mail(line) || spelling::of_transcript(line).is_some() {
        return None;
    }
    let places = [line.len() - bare.len()].into_iter().chain(line.match_indices(": ").map(|(at, _)| at + 2));
    places.into_iter().find(|at| line.get(*at..).is_some_and(servers::is_reply))
}

/// What a server answered that says no, and nothing of why.
fn bare_in(words: &str) -> Option<&str> {
    reply_in(words).or(Some(words)).filter(|reply| reasons::is_bare(reply))
}

const REPLIES: &[&str] = &[
    "returned was:",
    "remote host said:",
    "Remote host said:",
    " said:",
    "responded:",
    "responded with",
    " says:",
    "response was:",
    "reason:",
    "Reason:",
    "returned '",
    "replied:",
    "issued an error:",
    "error message:",
    "Diagnostic-Code: smtp;",
    " diagnostic:",
];

/// So many recipients are looked for in all of a notice.
const MENTIONED_MAX: usize = 32;

/// The words of the lines that name an address.
fn mentions(text: &str, address: &EmailAddress) -> String {
    let key = address.key();
    let about = text.lines().filter(|line| line.to_lowercase().contains(&key));
    about.take(16).collect::<Vec<_>>().join("\n")
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
