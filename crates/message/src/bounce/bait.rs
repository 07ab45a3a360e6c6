//! What looks like a notice and is none: bait for passwords, worms, and a notice that a person hands on.

use super::notice::Notice;
use super::{addresses, answer, folding, reasons, servers};

/// Whether words about a failure are no notice of one.
pub(super) fn is_any(notice: &Notice<'_>) -> bool {
    is_bait(notice) || is_quoted(notice) || is_empty(notice) || is_unfounded(notice)
}

/// Whether it wants something of its reader, as no server does: that he looks at mail that waits for him, or gets more room. A
/// mail that returns ours, or has a field about our recipient, is taken for what it says.
pub(super) fn is_bait(notice: &Notice<'_>) -> bool {
    if has_ours(notice) {
        return false;
    }
    let subject = folding::folded(&notice.message.header().subject);
    let text = folding::folded(&notice.text);
    reasons::is_bait(&subject)
        || reasons::is_bait(&text)
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
