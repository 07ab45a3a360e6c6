//! Who writes notices: the names, subjects and openings by which mail servers are known.

use super::notice::{Notice, SHORT_BYTES};
use super::{addresses, answer, folding, lists, persons, reasons, spelling};
use crate::message::start_of;

/// Whether a mail server wrote it, by the names that they give themselves, or by fields that only they write.
pub(super) fn is_by_server(notice: &Notice<'_>) -> bool {
    let header = notice.message.header();
    let is_nobody = header.from.is_empty() || header.marks.from_mail_system;
    let subject = folding::folded(&header.subject);
    let is_short = notice.text.len() < SHORT_BYTES;
    let says_so = lists::begins(&subject, "subject")
        || (is_short
            && ANYWHERE.iter().any(|words| subject.contains(words))
            && !addresses::by_lines(notice).is_empty());
    // Newsletters and lists have such addresses, too.
    let by_name = |mailbox: &model::Mailbox| {
        is_named(mailbox) || (says_so && mailbox.address.local_part().to_ascii_lowercase().contains("bounce"))
    };
    let is_by_somebody = header.marks.list || !header.in_reply_to.is_empty() || persons::is_writer(notice);
    // Quotas of ours, statistics and bait are signed by masters of mail, too.
    let is_daemon = |mailbox: &model::Mailbox| {
        mailbox.address.local_part().eq_ignore_ascii_case("mailer-daemon")
            || mailbox.name.as_deref().unwrap_or_default().to_ascii_lowercase().contains("delivery")
    };
    // Persons write of mail that came back, too, and of addresses in their sentences.
    let shows_whom = || !notice.returned.is_empty() || !addresses::by_lines(notice).is_empty();
    let tells_whom = || {
        shows_whom()
            || (!notice.named().is_empty() && !is_personal(notice))
            || header.from.iter().any(is_daemon)
    };
    let tells_something =
        || !(notice.named().is_empty() && notice.returned.is_empty() && notice.reason().is_none());
    // Persons return no mail, and speak of addresses in sentences.
    let is_transcript = |line: &str| spelling::of_transcript(line).is_some();
    let shows_it = || !notice.returned.is_empty() || (shows_whom() && notice.text.lines().any(is_transcript));
    // A master of mail is a person who answers, too: some servers answer as well, and name the recipient on a line of its own.
    let states_it = || {
        let begin = beginning(notice);
        let line = begin.lines().next().unwrap_or_default();
        let has_reply = || notice.text.lines().any(is_reply);
        lists::begins(line, "subject") || reasons::is_failure(start_of(line, 80)) || has_reply()
    };
    let is_answer = persons::is_handed_on(&subject)
        && notice.returned.is_empty()
        && (!states_it() || addresses::by_lines(notice).is_empty())
        && !header.from.iter().any(is_daemon);
    // Behind Sender a list or a newsletter has a program of its own.
    let writers =
        header.from.iter().chain(header.sender.iter().filter(|_| !header.marks.list && !header.marks.bulk));
    let has_field = notice.message.field("X-Failed-Recipients").is_some();
    let returns_it = !notice.returned.is_empty()
        && is_short
        && folding::folded(&notice.text).contains("could not be delivered");
    has_field
        || is_list_program(notice)
        || header.marks.report
        || answer::is_rejection(notice.message)
        || is_nobody
        || (!persons::is_writer(notice) && is_opening(notice))
        || (returns_it && !is_by_somebody && !is_personal(notice))
        || (writers.into_iter().any(by_name) && !is_answer && (says_so || tells_whom()))
        || (says_so && !is_by_somebody && tells_something() && shows_it() && !is_personal(notice))
}

/// Whether somebody asks what a notice means that he got, under its subject.
fn is_personal(notice: &Notice<'_>) -> bool {
    reasons::is_personal(&folding::folded(start_of(&notice.text, PERSONAL_BYTES)))
}

/// So early a person says so.
const PERSONAL_BYTES: usize = 512;

/// `550 no such user`: a line that begins as the answer of a server that refused (RFC 5321 §4.2.1).
pub(super) fn is_reply(line: &str) -> bool {
    let Some((code, rest)) = line.split_at_checked(3) else { return false };
    let is_code = code.starts_with(['4', '5']) && code.bytes().all(|byte| byte.is_ascii_digit());
    is_code && rest.starts_with([' ', '-'])
}

/// Whether a mailbox has a name or an address that mail servers give themselves.
pub(super) fn is_named(mailbox: &model::Mailbox) -> bool {
    let local = mailbox.address.local_part().to_ascii_lowercase();
    let name = mailbox.name.as_deref().unwrap_or_default().to_ascii_lowercase();
    local == "daemon"
        || SERVERS.iter().any(|server| has_word(&local, server))
        || NAMES.iter().any(|server| has_word(&name, server))
}

/// Whether a text in small letters has words that begin where a word does, and short ones that end so: nobody called Mamta is an MTA.
fn has_word(text: &str, words: &str) -> bool {
    let is_letter = |c: Option<char>| c.is_some_and(char::is_alphabetic);
    text.match_indices(words).any(|(at, _)| {
        let before = text.get(..at).and_then(|text| text.chars().next_back());
        let behind = text.get(at + words.len()..).and_then(|text| text.chars().next());
        let goes_on = words.len() < SHORT_WORD && is_letter(behind);
        !is_letter(before) && !goes_on
    })
}

const SHORT_WORD: usize = 4;

/// Whether it is one from which Outlook.com writes of who complains.
pub(super) fn is_of_complaints(mailbox: &model::Mailbox) -> bool {
    lists::begins(&mailbox.address.key(), "complains")
}

/// Whether a text in small letters has a name that mail servers give themselves.
pub(super) fn is_name(text: &str) -> bool {
    SERVERS.iter().chain(NAMES).any(|server| text.contains(server))
}

/// What the program of a mailing list writes to who may not write to it. Its posts have the field too.
pub(super) fn is_list_program(notice: &Notice<'_>) -> bool {
    let begin = beginning(notice);
    (notice.message.field("X-MLServer").is_some() && begin.starts_with("you are not a member"))
        || LIST_PROGRAMS.iter().any(|name| start_of(&begin, NAME_BYTES).contains(name))
}

/// In whatever language it greets.
const LIST_PROGRAMS: &[&str] = &[
    "mlmmj program",
    "programm mlmmj",
    "programme mlmmj",
    "programma mlmmj",
    "programa mlmmj",
    "ezmlm program",
];
const NAME_BYTES: usize = 60;

/// Whether it begins as notices of known servers do.
pub(super) fn is_opening(notice: &Notice<'_>) -> bool {
    lists::begins(&beginning(notice), "opening")
}

/// How it begins, without what is drawn around it.
fn beginning(notice: &Notice<'_>) -> String {
    let begin = folding::folded(start_of(&notice.text, SHORT_BYTES));
    begin.trim_start_matches(['*', '-', '=', '#', ' ']).to_owned()
}

const SERVERS: &[&str] = &[
    "mailer-daemon",
    "postmaster",
    "mailerdaemon",
    "post_master",
    "mail-daemon",
    "maildaemon",
    "mdaemon",
    "mailer_daemon",
    "mailadm",
    "mail_delivery",
    "listserv",
    "mmdf",
    "content-filter",
    "mailscanner",
    "mailmarshal",
    "mailsweeper",
    "virusalert",
    "amavis",
    "antigen_",
    "antivirus",
    "non-delivery",
    "nondelivery",
    "undeliverable",
    "ndr-",
    "smtp_mail_service",
    "mailerror",
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
    "list server",
    "content-filter",
    "content filter",
    "mail deliver",
    "delivery failure",
    "delivery system",
    "mail subsystem",
    "mail daemon",
    "mailer daemon",
    "system attendant",
    "smtp server",
    "smtp gateway",
    "mail relay",
    "virus scanner",
    "viruswall",
    "antivirus",
    "systemadministrator",
    "administrateur syst",
    "administrador del sistema",
    "amministratore di sistema",
    "ndr administrator",
];

/// The same behind other words, where little is said.
const ANYWHERE: &[&str] =
    &["delivery failed", "delivery failure", "undeliverable", "undelivered", "non remis", "nicht zugestellt"];
