//! What a person writes about a notice that he got: he answers it, or hands it on.

use super::notice::Notice;
use super::{folding, lists, reasons, servers};
use crate::header_decoder;

/// Whether a person wrote it, by what his mail program leaves in the fields: he answers, hands on, or says with what he writes. What
/// a server signs with its name is its own, as is a report in the form of the standard, whatever else their fields say.
pub(super) fn is_writer(notice: &Notice<'_>) -> bool {
    let header = notice.message.header();
    let is_somebody = !header.from.is_empty()
        && !header.marks.from_mail_system
        && !header.marks.report
        && !header.marks.automatic
        && !header.from.iter().any(servers::is_named);
    let subject = folding::folded(&header.subject);
    is_somebody
        && (is_handed_on(&subject) && !is_marked(&subject)
            || names_writer(&header.subject)
            || !header.in_reply_to.is_empty()
            || is_mail_program(notice)
            || shows_header(notice))
}

/// A folded subject of what a person answers or hands on.
pub(super) fn is_handed_on(subject: &str) -> bool {
    BEGINS.iter().any(|begin| subject.starts_with(begin)) || subject.trim_end().ends_with("(fwd)")
}

/// `[zoe@x.test: our subject]`: how mutt calls what it hands on.
fn names_writer(subject: &str) -> bool {
    let begin = subject.trim_start().strip_prefix('[').and_then(|rest| rest.split_once(": "));
    begin.is_some_and(|(writer, _)| writer.contains('@') && !writer.contains(char::is_whitespace))
}

/// `Re: our subject: delivery failed`: a server that puts its word behind our subject, which was an answer.
fn is_marked(subject: &str) -> bool {
    let own = subject.split_once(':').map_or("", |(_, own)| own.trim_start());
    subject.starts_with("re:") && !lists::begins(own, "subject") && reasons::is_failure(own)
}

const BEGINS: &[&str] = &[
    "re:",
    "fw:",
    "fwd:",
    "[fwd:",
    "aw:",
    "wg:",
    "tr:",
    "rv:",
    "i:",
    "sv:",
    "vs:",
    "enc:",
    "doorst:",
    "antw:",
    "antwort:",
    "weitergeleitet:",
    "weiterleitung:",
    "réf:",
    "rép:",
    "res:",
    "rif:",
    "inoltro:",
    "inoltrato:",
    "reenviado:",
    "encaminhado:",
    "doorgestuurd:",
    "vb:",
    "ynt:",
    "ilt:",
    "odp:",
    "pd:",
    "vl:",
    "回复:",
    "回复：",
    "转发:",
    "转发：",
    "回覆:",
    "回覆：",
    "轉寄:",
    "轉寄：",
    "返信:",
    "返信：",
    "転送:",
    "転送：",
];

/// Whether its text shows from whom a mail was that a server wrote, as mail programs put it above what they hand on.
fn shows_header(notice: &Notice<'_>) -> bool {
    let is_server = |line: &str| {
        let line = line.trim_start_matches([' ', '>', '|', '*', '\t']).to_lowercase();
        FROM.iter().any(|name| line.starts_with(name)) && servers::is_name(&line)
    };
    notice.text.lines().any(is_server)
}

/// How mail programs in several languages begin the line of a sender.
const FROM: &[&str] = &[
    "from:",
    "von:",
    "de:",
    "de :",
    "da:",
    "van:",
    "från:",
    "fra:",
    "od:",
    "от:",
    "от кого:",
    "lähettäjä:",
    "feladó:",
    "kimden:",
    "发件人:",
    "寄件者:",
    "差出人:",
    "发件人：",
    "寄件者：",
];

/// Whether it says that it was written with a program that persons use.
fn is_mail_program(notice: &Notice<'_>) -> bool {
    let named = ["User-Agent", "X-Mailer"].into_iter().filter_map(|name| notice.message.field(name));
    let id = notice.message.field("Message-ID").map(header_decoder::decode).unwrap_or_default();
    let is_known = |name: String| {
        let name = name.to_lowercase();
        PROGRAMS.iter().any(|program| name.contains(program))
    };
    id.trim_start_matches([' ', '<']).starts_with("Pine.") || named.map(header_decoder::decode).any(is_known)
}

const PROGRAMS: &[&str] = &[
    "mutt",
    "thunderbird",
    "pine",
    "elm [",
    "outlook express",
    "eudora",
    "gnus",
    "kmail",
    "evolution",
    "apple mail",
    "iphone mail",
    "ipad mail",
    "the bat!",
    "claws",
    "sylpheed",
    "mozilla",
    "exmh",
    "mh-e",
    "roundcube",
    "squirrelmail",
];
