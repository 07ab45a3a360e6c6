//! The lines by which mail programs say that a forwarded mail begins or ends. What passes through: one line.
//!
//! Never takes a line for a marker that only a person would write: each is a phrase set off by dashes or a colon.

/// What a line marks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Marker {
    /// A forwarded mail begins, its text as it reads.
    Forward,
    /// One begins that ends with [`Marker::End`] (mutt, Gnus).
    Bracketed,
    /// One or several begin in the encapsulation of RFC 934, whose lines with dashes in front are stuffed (nmh).
    Encapsulated,
    /// Another mail of the same encapsulation.
    Next,
    /// The end of a forwarded mail.
    End,
    /// Something older begins, forwarded or answered: Outlook writes the same before both.
    Older,
    /// `On …, Zoe <zoe@x> wrote:`; which lines those are is not said here.
    Attribution,
}

/// Phrases between dashes that only forwards have, in lower case: Gmail, Thunderbird, Yahoo, Roundcube, HubSpot,
/// GMX.
const FORWARDED: &[&str] = &[
    "forwarded message",
    "begin forwarded message",
    "weitergeleitete nachricht",
    "weitergeleitete e-mail",
    "message transféré",
    "message transmis",
    "message réexpédié",
    "mensaje reenviado",
    "messaggio inoltrato",
    "mensagem encaminhada",
    "mensagem reencaminhada",
    "doorgestuurd bericht",
    "treść przekazanej wiadomości",
    "przekazana wiadomość",
    "wiadomość przesłana dalej",
    "przekazany list",
    "vidarebefordrat meddelande",
    "vidarebefordrat mail",
    "videresendt meddelelse",
    "videresendt besked",
    "videresendt melding",
    "edelleenlähetetty viesti",
    "välitetty viesti",
    "välitetty viesti / fwd.msg",
    "пересылаемое сообщение",
    "перенаправленное сообщение",
    "пересланное сообщение",
    "начало пересылаемого сообщения",
    "перенаправлене повідомлення",
    "переслане повідомлення",
    "přeposlaná zpráva",
    "preposlaná správa",
    "preposlaná správa --- forwarded message",
    "továbbított üzenet",
    "mesaj redirecționat",
    "proslijeđena poruka",
    "iletilmiş mesaj",
    "iletilen ileti",
    "yönlendirilen ileti",
    "メッセージを転送",
    "転送メッセージ",
    "転送されたメッセージ",
    "转发邮件信息",
    "转发的邮件",
    "轉寄郵件",
    "已轉寄郵件",
];

/// Phrases before a colon, in lower case: Apple Mail, MailMate.
const BEGINS: &[&str] = &[
    "begin forwarded message",
    "forwarded message",
    "anfang der weitergeleiteten nachricht",
    "anfang der weitergeleiteten e-mail",
    "début du message réexpédié",
    "début du message transféré",
    "inicio del mensaje reenviado",
    "inizio messaggio inoltrato",
    "início da mensagem reencaminhada",
    "início da mensagem encaminhada",
    "begin doorgestuurd bericht",
    "początek przekazywanej wiadomości",
    "vidarebefordrat mejl",
    "vidarebefordrat brev",
    "start på videresendt besked",
    "videresendt melding",
    "välitetty viesti alkaa",
    "начало переадресованного сообщения",
    "начало пересылаемого сообщения",
    "початок листа, що пересилається",
    "začátek přeposílané zprávy",
    "začiatok preposlanej správy",
    "továbbított levél kezdete",
    "începe mesajul redirecționat",
    "započni proslijeđenu poruku",
    "ileti başlangıcı",
    "以下は転送メールです",
    "下面是被转发的邮件",
];

/// No marker is longer, a name and an address within it included.
const MARKER_BYTES_MAX: usize = 400;

/// What the line marks, and what stands behind the mark on the same line: Yahoo goes on with the header there.
pub(super) fn marker(line: &str) -> Option<(Marker, &str)> {
    let line = line.trim();
    // Most lines of most mails begin with neither.
    if line.starts_with('-') {
        return dashed(line);
    }
    if line.len() >= 20 && line.bytes().all(|byte| byte == b'_') {
        return Some((Marker::Older, ""));
    }
    let phrase = line.strip_suffix([':', '：']).filter(|phrase| phrase.len() <= MARKER_BYTES_MAX)?;
    let phrase = lower(phrase);
    BEGINS.contains(&phrase.as_str()).then_some((Marker::Forward, ""))
}

/// `----- phrase -----`, with at least two dashes before it.
fn dashed(line: &str) -> Option<(Marker, &str)> {
    let dashes = line.len() - line.trim_start_matches('-').len();
    let inner = line.get(dashes..)?;
    if dashes < 2 || inner.is_empty() {
        return None;
    }
    // What stands behind the closing dashes may hold dashes too: the first run ends the phrase, unless it only
    // joins two halves of it.
    let inner = inner.trim_start();
    let (phrase, rest, is_closed) = match closing(inner) {
        Some((at, end)) => (inner.get(..at)?, inner.get(end..)?, true),
        None => (inner, "", false),
    };
    if phrase.len() > MARKER_BYTES_MAX {
        return None;
    }
    let phrase = lower(phrase);
    let marker = match phrase.as_str() {
        "forwarded message" | "forwarded messages" if !is_closed && dashes == 7 => Marker::Encapsulated,
        _ if !is_closed && dashes == 7 && is_numbered(&phrase) => Marker::Next,
        _ if is_end(&phrase) => Marker::End,
        _ if !is_closed => return None,
        _ if FORWARDED.contains(&phrase.as_str()) => Marker::Forward,
        _ if is_from_somebody(&phrase) => Marker::Bracketed,
        _ => Marker::Older,
    };
    Some((marker, rest.trim()))
}

/// In lower case; a Turkish capital i leaves a dot of its own behind.
fn lower(phrase: &str) -> String {
    phrase.trim().to_lowercase().replace('\u{307}', "")
}

/// Where the dashes begin and end that close a phrase.
fn closing(inner: &str) -> Option<(usize, usize)> {
    let at = inner.find("--")?;
    let run = inner.get(at..)?;
    let end = at + run.len() - run.trim_start_matches('-').len();
    // Thunderbird says it twice in Slovak, with dashes between.
    let behind = inner.get(end..).unwrap_or_default();
    match behind.trim_start().to_lowercase().starts_with("forwarded message") {
        true => closing(behind).map(|(next, last)| (end + next, end + last)),
        false => Some((at, end)),
    }
}

fn is_numbered(phrase: &str) -> bool {
    phrase.strip_prefix("message ").is_some_and(|number| number.bytes().all(|byte| byte.is_ascii_digit()))
}

fn is_end(phrase: &str) -> bool {
    matches!(
        phrase,
        "end forwarded message"
            | "end of forwarded message"
            | "end of forwarded messages"
            | "ende der weitergeleiteten nachricht"
            | "fin du message transféré"
            | "fin du message réexpédié"
            | "fin del mensaje reenviado"
            | "fine messaggio inoltrato"
            | "конец пересылаемого сообщения"
    )
}

/// mutt names the author: `----- Forwarded message from Bob <bob@x> -----`.
fn is_from_somebody(phrase: &str) -> bool {
    // Gnus has no name to give.
    phrase == "start of forwarded message"
        || [
            "forwarded message from ",
            "weitergeleitete nachricht von ",
            "message transféré de ",
            "mensaje reenviado de ",
        ]
        .iter()
        .any(|begin| phrase.starts_with(begin))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markers_are_told_from_what_people_write() {
        let check = |line: &str, expect: Option<(Marker, &str)>| assert_eq!(marker(line), expect, "{line:?}");
        check("---------- Forwarded message ---------", Some((Marker::Forward, "")));
        check("-------- Weitergeleitete Nachricht --------", Some((Marker::Forward, "")));
        check("  ----- Forwarded Message ----- From: a", Some((Marker::Forward, "From: a")));
        check("-------- Preposlaná správa --- Forwarded Message --------", Some((Marker::Forward, "")));
        check("Begin forwarded message:", Some((Marker::Forward, "")));
        check("Début du message réexpédié :", Some((Marker::Forward, "")));
        check("----- İletilmiş Mesaj -----", Some((Marker::Forward, "")));
        check("İleti başlangıcı:", Some((Marker::Forward, "")));
        check("----- Forwarded message from Bob <b@x> -----", Some((Marker::Bracketed, "")));
        check("----- End forwarded message -----", Some((Marker::End, "")));
        check("------- Forwarded Message", Some((Marker::Encapsulated, "")));
        check("------- Message 2", Some((Marker::Next, "")));
        check("------- End of Forwarded Message", Some((Marker::End, "")));
        check("-----Original Message-----", Some((Marker::Older, "")));
        check("________________________________", Some((Marker::Older, "")));
        for none in
            ["", "-- ", "--", "- Forwarded message -", "Forwarded message", "-----", "a ---- b ----", "____"]
        {
            check(none, None);
        }
    }
}
