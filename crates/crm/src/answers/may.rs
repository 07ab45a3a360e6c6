//! Whether a mail may be answered by a program, and to whom (RFC 3834 §2, §4). Pure.

use message::unwrap::Method;
use model::trust::Finding;
use model::{EmailAddress, Mailbox};

use crate::correlate::{Facts, want};
use crate::intake::Offer;

/// How a mail came.
#[derive(Debug, Clone, Copy)]
pub struct Arrival<'a> {
    /// MAIL FROM; `None` for the null sender, and where there was no envelope.
    pub mail_from: Option<&'a str>,
    /// How it came out of its copy.
    pub method: Method,
    /// The address of the queue in the envelope.
    pub queue: &'a EmailAddress,
    /// Whether it continues mail that is here.
    pub is_continued: bool,
}

/// Why it is not answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum No {
    /// It was handed on by one of us, or redirected.
    Indirect,
    /// The header does not name the queue: a blind copy, or a list of somebody's.
    NotAddressed,
    /// No person wrote it, or to many: it says so, or its sender is nobody.
    Automatic,
    /// It asks not to be answered.
    Unwanted,
    /// From and the envelope name different senders, or none.
    OtherReturnPath,
    /// One of us wrote it.
    Ours,
    /// Nobody reads at that address, or it can be read as several.
    NobodyThere,
    /// It stands in a conversation: who wrote it knows that we have it.
    Continued,
}

/// To whom an answer may go.
pub fn may_answer(offer: &Offer, facts: &Facts, arrival: &Arrival<'_>) -> Result<EmailAddress, No> {
    if arrival.method != Method::Direct || offer.is_guess || facts.by_hand || facts.is_composed {
        return Err(No::Indirect);
    }
    let marks = &offer.marks;
    if want::is_automatic(offer, facts) || marks.list || marks.bulk || marks.report || marks.from_mail_system
    {
        return Err(No::Automatic);
    }
    if marks.wants_no_answer {
        return Err(No::Unwanted);
    }
    // With a detail behind it or without, it is the queue's address (RFC 5233).
    let plain = |address: &EmailAddress| address.split_detail().0.key();
    let queue = plain(arrival.queue);
    if !offer.to.iter().chain(&offer.cc).any(|mailbox| plain(&mailbox.address) == queue) {
        return Err(No::NotAddressed);
    }
    // RFC 3834 §4: the answer goes to the return path; and where that is another's, he did not write.
    let is_his = |from: &Mailbox| offer.authors.iter().all(|other| other.address.key() == from.address.key());
    let author = offer.from.as_ref().filter(|from| is_his(from));
    let sender = arrival.mail_from.and_then(EmailAddress::parse);
    let to = match (author, sender) {
        (Some(author), Some(sender)) if author.address.key() == sender.key() => sender,
        _ => return Err(No::OtherReturnPath),
    };
    // Whoever forges From forges the return path as well: then it would go to somebody who never wrote.
    if facts.verdict.as_ref().is_some_and(|verdict| verdict.dmarc == Finding::Fail) {
        return Err(No::OtherReturnPath);
    }
    if facts.is_ours(&to) {
        return Err(No::Ours);
    }
    if is_nobody(to.local_part()) || !EmailAddress::reads_one_way(to.as_str()) {
        return Err(No::NobodyThere);
    }
    if arrival.is_continued || !offer.in_reply_to.is_empty() {
        return Err(No::Continued);
    }
    Ok(to)
}

/// Names of programs (RFC 3834 §2: MAILER-DAEMON, owner-, -request), and of nobody.
fn is_nobody(local_part: &str) -> bool {
    const BEGINNINGS: [&str; 6] =
        ["noreply", "donotreply", "dontreply", "mailerdaemon", "bounce", "autoreply"];
    const WHOLE: [&str; 9] = [
        "postmaster",
        "daemon",
        "root",
        "nobody",
        "listserv",
        "majordomo",
        "maildaemon",
        "autoresponder",
        "autoresponse",
    ];
    const ENDINGS: [&str; 6] = ["-request", "-owner", "-bounces", "-bounce", "-noreply", "-return"];
    let name = local_part.to_lowercase();
    let letters: String = name.chars().filter(|c| c.is_alphanumeric()).collect();
    name.starts_with("owner-")
        || ENDINGS.iter().any(|ending| name.ends_with(ending))
        || BEGINNINGS.iter().any(|beginning| letters.starts_with(beginning))
        || WHOLE.contains(&letters.as_str())
}
