//! What looks like a notice and is none: bait for passwords, worms, and a notice that a person hands on.

use super::notice::{Notice, SHORT_BYTES};
use super::reasons::Reason;
use super::{addresses, answer, folding, lists, persons, reasons, servers};
use crate::message::start_of;

/// Whether words about a failure are no notice of one.
pub(super) fn is_any(notice: &Notice<'_>) -> bool {
    is_bait(notice)
        || is_quoted(notice)
        || is_empty(notice)
        || is_unfounded(notice)
        || is_vague(notice)
        || is_absence(notice)
        || is_of_list(notice)
        || is_to_member(notice)
        || is_handed_on(notice)
        || is_quota(notice)
}

/// Whether it wants something of its reader, as no server does: that he looks at mail that waits for him, or gets more room. A
/// mail that came to a return path, returns ours, or has a field about our recipient, is taken for what it says.
pub(super) fn is_bait(notice: &Notice<'_>) -> bool {
    if notice.is_returned || has_ours(notice) {
        return false;
    }
    let subject = folding::folded(&notice.message.header().subject);
    let text = folding::folded(&folding::without_hosts(&notice.text));
    // A server may say of a mailbox what bait says of it; it says so of another one than its reader's.
    let is_answered = || !is_about_reader(notice) && Reason::of_statuses(&notice.text).is_some();
    reasons::is_bait(&subject)
        || (reasons::is_bait(&text) && !is_answered())
        || (is_about_reader(notice) && reasons::is_lure(&text))
}

/// Whether it returns a mail of ours, or has a field about our recipient.
fn has_ours(notice: &Notice<'_>) -> bool {
    !notice.returned.is_empty() || notice.message.field("X-Failed-Recipients").is_some()
}

/// Whether it is about nobody but those whom it is written to.
fn is_about_reader(notice: &Notice<'_>) -> bool {
    notice.named().iter().all(|(address, _)| notice.others.contains(&address.key()))
}

/// Whether a mail that came through a list says neither why nor in the words of a known server that something failed. Anybody writes
/// to lists in the name of anybody.
fn is_unfounded(notice: &Notice<'_>) -> bool {
    let header = notice.message.header();
    let is_daemon =
        || header.from.iter().any(|from| from.address.local_part().eq_ignore_ascii_case("mailer-daemon"));
    let is_founded = || {
        let has_reason = notice.reason().or_else(|| notice.alone()).or_else(|| notice.codes()).is_some();
        servers::is_opening(notice) || (has_reason && (!is_about_reader(notice) || is_daemon()))
    };
    header.marks.list && !has_ours(notice) && !is_founded()
}

/// Whether a person hands on what a server wrote, in the manner of an answer: the failure is quoted, and no recipient is named
/// but there.
fn is_quoted(notice: &Notice<'_>) -> bool {
    let quoted: Vec<&str> = notice.text.lines().filter(|line| line.starts_with("> ")).collect();
    !has_ours(notice) && reasons::is_failure(&quoted.join("\n")) && addresses::by_lines(notice).is_empty()
}

/// Whether nothing but the subject says that a mail failed: whom and why, the text leaves to what was attached once, as worms do.
fn is_empty(notice: &Notice<'_>) -> bool {
    let says =
        |text: &str| reasons::is_failure(text) || reasons::is_delayed(text) || reasons::is_arrived(text);
    let marks = &notice.message.header().marks;
    !(marks.report || marks.from_mail_system)
        && notice.named().is_empty()
        && notice.returned.is_empty()
        && notice.statuses.is_empty()
        && notice.reason().is_none()
        && !says(&notice.text)
        && !answer::is_rejection(notice.message)
}

/// Whether nothing but single words tells of a failure: nobody is named where servers name him, no mail is returned, no server's code
/// quoted, and no sentence says that a mail failed. Whoever sends for others, as remailers do, may send in the name of a server.
fn is_vague(notice: &Notice<'_>) -> bool {
    let marks = &notice.message.header().marks;
    let subject = folding::folded(&notice.message.header().subject);
    // Programs answer, too, and say so.
    let is_handed_on = persons::is_handed_on(&subject) && !marks.automatic;
    let is_said = || {
        lists::begins(&subject, "subject")
            || notice.message.header().subject.contains('@')
            || (!is_handed_on && notice.text.len() < SHORT_BYTES && reasons::is_failure(&notice.text))
    };
    // Both of them say so.
    let is_repeated = || lists::begins(&subject, "subject") && reasons::is_failure(&notice.text);
    let is_reasoned = || {
        !notice.named().is_empty() || notice.reason().is_some() || notice.alone().is_some() || is_repeated()
    };
    !(marks.report
        || notice.message.field("X-Failed-Recipients").is_some()
        || notice.returned.iter().any(|raw| is_mail(raw))
        || servers::is_opening(notice)
        || servers::is_list_program(notice)
        || answer::is_rejection(notice.message)
        || !addresses::by_lines(notice).is_empty()
        || (notice.codes().is_some() && !is_handed_on)
        || (is_said() && is_reasoned()))
}

/// Whether what stands below a line such as `Original message` is a mail, or its header, and no more talk.
fn is_mail(raw: &[u8]) -> bool {
    let begin = raw.get(..MAIL_BYTES).unwrap_or(raw);
    let text = String::from_utf8_lossy(begin).to_ascii_lowercase();
    let fields = ["from:", "to:", "subject:", "date:", "message-id:", "received:", "return-path:"];
    let is_field = |line: &str| {
        let line = line.trim_start_matches(['>', '|', ' ', '\t']);
        fields.iter().any(|name| line.starts_with(name))
    };
    text.lines().any(is_field)
}

/// So early a mail that is returned has its fields.
const MAIL_BYTES: usize = 4_096;

/// Whether it answers by its subject that somebody is away, whatever it says of an address that is closed.
fn is_absence(notice: &Notice<'_>) -> bool {
    let header = notice.message.header();
    // Behind it stands what our mail was called.
    let begins_as_one = || lists::begins(&folding::folded(&header.subject), "subject");
    let is_report = header.marks.report || has_ours(notice) || servers::is_opening(notice) || begins_as_one();
    !is_report && answer::is_by_subject(notice.message)
}

/// Whether the program of a list asks who runs it, or a member of it, to do something: to let a mail pass, to confirm, to look at what
/// came back from members; or one that keeps a server tells what it counted.
fn is_of_list(notice: &Notice<'_>) -> bool {
    let subject = folding::folded(&notice.message.header().subject);
    let asks = |word: &&str| subject.starts_with(word);
    let is_owners = subject.starts_with("bounce ")
        && ["non-member submission", "admin request", "approval required"]
            .iter()
            .any(|why| subject.contains(why));
    is_owners || OF_LISTS.iter().any(asks)
}

const OF_LISTS: &[&str] = &[
    "moderate for",
    "confirm subscribe",
    "confirm unsubscribe",
    "approve ",
    "bounce action notification",
    "uncaught bounce notification",
    "mailing list probe",
    "ezmlm warning",
    "ezmlm probe",
    "bouncing messages from",
    "bounce rate too high",
    "daily error monitoring report",
    "postfix log summaries",
    "logwatch for",
    "cron <",
    "exim statistics",
];

/// Whether the program of a list tells its reader that mail of the list did not reach him.
fn is_to_member(notice: &Notice<'_>) -> bool {
    let header = notice.message.header();
    let has_field = notice.message.field("X-Failed-Recipients").is_some();
    let tells = |text: &str| reasons::is_to_member(&folding::folded(start_of(text, SHORT_BYTES)));
    !header.marks.report && !has_field && (tells(&header.subject) || tells(&notice.text))
}

/// Whether somebody who is no server encloses, or puts below his words, what a server wrote: no mail of ours comes from one.
fn is_handed_on(notice: &Notice<'_>) -> bool {
    let header = notice.message.header();
    let is_by_server = header.from.is_empty()
        || header.from.iter().any(servers::is_named)
        || header.marks.report
        || header.marks.from_mail_system
        || notice.message.field("X-Failed-Recipients").is_some()
        || servers::is_opening(notice);
    !is_by_server && notice.returned.iter().any(|raw| is_servers(raw))
}

/// Whether a server wrote a mail, by its first field `From`.
fn is_servers(raw: &[u8]) -> bool {
    let begin = String::from_utf8_lossy(raw.get(..MAIL_BYTES).unwrap_or(raw)).to_lowercase();
    let mut lines = begin.lines().map(|line| line.trim_start_matches(['>', '|', '*', ' ', '\t']));
    let from = lines.find_map(|line| line.strip_prefix("from:")).unwrap_or_default();
    DAEMONS.iter().any(|name| from.contains(name))
}

const DAEMONS: &[&str] =
    &["mailer-daemon", "mailerdaemon", "postmaster", "mail delivery", "delivery subsystem", "mail daemon"];

/// Whether it warns its reader that his own room is short, and returns nothing. At a return path nobody reads but us.
fn is_quota(notice: &Notice<'_>) -> bool {
    let subject = folding::folded(&notice.message.header().subject);
    let is_of_room =
        ["quota", "mailbox full", "mailbox is", "mailbox almost", "mailbox size", "mailbox over"]
            .iter()
            .any(|words| subject.contains(words));
    is_of_room
        && !notice.is_returned
        && !has_ours(notice)
        && !notice.message.header().marks.report
        && is_about_reader(notice)
}
