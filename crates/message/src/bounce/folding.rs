//! A text as rules look at it: folded to small letters and single blanks, without what is about something else.

use std::borrow::Cow;

/// Lower case, with one blank between words: what is folded over lines is found too. What an address is called says nothing, nor
/// where a link leads but for its host, nor what a server or the mail was called. An underscore is a blank: `BAD_RECIPIENT`. What is
/// drawn together is spelled out: `couldn't`.
pub(super) fn folded(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let words = text.lines().filter(|line| !is_of_mail(line)).flat_map(str::split_whitespace);
    let words = without_servers(words);
    let mut code = None;
    let telling = words.filter_map(|word| of_reply(word, &mut code)).flat_map(telling);
    for word in telling.filter(|word| !word.is_empty()) {
        if !out.is_empty() {
            out.push(' ');
        }
        for c in word.chars() {
            match c {
                '\u{2019}' | '\u{b4}' | '`' => out.push('\''),
                '_' => out.push(' '),
                c => out.extend(c.to_lowercase()),
            }
        }
    }
    match spelled_out(&out) {
        Cow::Borrowed(_) => out,
        Cow::Owned(spelled) => spelled,
    }
}

/// `can't`, `can not`: `cannot`; `isn't`: `is not`.
fn spelled_out(text: &str) -> Cow<'_, str> {
    if !text.contains("n't") && !text.contains("can not") {
        return Cow::Borrowed(text);
    }
    let text = text.replace("can't", "cannot").replace("won't", "will not");
    Cow::Owned(text.replace("n't", " not").replace("can not", "cannot"))
}

/// Words without the names of servers, which may be called after spam or a quota: one behind a word for what it is, or before its
/// address: `host mx.antispam.test[192.0.2.1] said:`, `mx.antispam.test (192.0.2.1)`.
fn without_servers<'t>(words: impl Iterator<Item = &'t str>) -> impl Iterator<Item = &'t str> {
    let mut words = words.peekable();
    let mut before = "";
    std::iter::from_fn(move || {
        let word = words.next()?;
        let (name, behind) = word.split_once('[').filter(|(_, rest)| is_number(rest)).unwrap_or((word, ""));
        let name = name.trim_end_matches([',', ';', ':', '.', ')', '\'']);
        let mut is_at_address = || {
            !behind.is_empty()
                || words.peek().is_some_and(|next| next.strip_prefix(['[', '(']).is_some_and(is_number))
        };
        let is_server = is_host(name)
            && (SERVERS.iter().any(|server| before.eq_ignore_ascii_case(server)) || is_at_address());
        before = word;
        // A sentence ends where it did.
        let end = if word.ends_with('.') { "." } else { "" };
        Some(if is_server { behind.split_once(']').map_or(end, |(_, behind)| behind) } else { word })
    })
}

/// Whether it begins as an address of a host (`192.0.2.1`).
fn is_number(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_digit())
}

/// Whether a word is a name of a host with its domain. One of several words with dots between them is taken for one too.
fn is_host(word: &str) -> bool {
    let is_label = |label: &str| {
        !label.is_empty() && label.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_'))
    };
    word.rsplit_once('.')
        .is_some_and(|(_, top)| top.len() > 1 && top.bytes().all(|byte| byte.is_ascii_alphabetic()))
        && word.split('.').all(is_label)
}

/// Words behind which the name of a server stands.
const SERVERS: &[&str] = &["host", "host:", "mta", "mta:", "server:", "dns;"];

/// A line that says which mail it is about.
pub(super) fn is_of_mail(line: &str) -> bool {
    let line = line.trim_start();
    let begins = |name: &&str| line.get(..name.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(name));
    OF_MAIL.iter().any(begins)
}

const OF_MAIL: &[&str] = &[
    "subject:",
    "sent:",
    "date:",
    "thread-topic:",
    "original envelope sender:",
    "envelope sender:",
    "original sender:",
    "message subject:",
    "the message subject was:",
    "the subject of the message is:",
    "with subject:",
];

/// A reply of several lines repeats its code: `550-not permitted to 550 relay`. It is told once.
fn of_reply<'t>(word: &'t str, code: &mut Option<&'t str>) -> Option<&'t str> {
    if *code == Some(word) {
        return None;
    }
    let Some((begin, rest)) = word.split_once('-').filter(|(begin, _)| is_code(begin)) else {
        return Some(word);
    };
    if code.replace(begin) == Some(begin) { Some(rest) } else { Some(word) }
}

/// Whether a word is the code of a reply that says something failed (RFC 5321 §4.2.1).
pub(super) fn is_code(word: &str) -> bool {
    word.len() == 3 && word.starts_with(['4', '5']) && word.bytes().all(|byte| byte.is_ascii_digit())
}

/// Of a link the host, of an address nothing but what stands before and behind it: `FROM:<zoe@x>`, `zoe@x...No such user`. Arrows say
/// who speaks in a transcript, however they are drawn.
fn telling(word: &str) -> [&str; 2] {
    match word {
        "-->" => return [">>>", ""],
        "<--" => return ["<<<", ""],
        _ => {}
    }
    if let Some((_, link)) = word.split_once("://") {
        return [link.split('/').next().unwrap_or_default(), ""];
    }
    if let Some(rest) = without_host(word) {
        return rest;
    }
    let Some((before, domain)) = word.split_once('@') else { return [word, ""] };
    let label = before.rsplit_once(['<', ':']).map_or("", |(label, _)| label.trim_end_matches(':'));
    let inside = |c: char| c.is_alphanumeric() || matches!(c, '.' | '-' | '_');
    let end = domain.find("..").or_else(|| domain.find(|c| !inside(c)));
    let behind = end.and_then(|end| domain.get(end..)).unwrap_or_default();
    [label, behind.trim_start_matches(|c: char| c.is_ascii_punctuation())]
}

/// A text without the names of hosts: `mta.parcels.test` has no parcel for its reader.
pub(super) fn without_hosts(text: &str) -> String {
    let is_name = |word: &str| {
        let mut labels = word.trim_matches(|c: char| c.is_ascii_punctuation()).split('.');
        let is_label =
            |label: &str| !label.is_empty() && label.chars().all(|c| c.is_alphanumeric() || c == '-');
        labels.by_ref().take(LABELS_MIN).filter(|label| is_label(label)).count() == LABELS_MIN
            && labels.all(is_label)
    };
    let line = |line: &str| line.split(' ').filter(|word| !is_name(word)).collect::<Vec<_>>().join(" ");
    text.lines().map(line).collect::<Vec<_>>().join("\n")
}

/// With fewer it may be two sentences without a blank between them.
const LABELS_MIN: usize = 3;

/// What stands around a host: `mx.x.test[192.0.2.1]:25`, `[mx.protection.x.test]`. How a server is called says nothing.
fn without_host(word: &str) -> Option<[&str; 2]> {
    let (before, rest) = word.split_once('[')?;
    let (host, behind) = rest.split_once(']')?;
    let is_host = host.contains('.') && host.chars().all(|c| c.is_alphanumeric() || ".-:_".contains(c));
    let label = if before.contains('.') { "" } else { before };
    is_host.then_some([label, behind])
}
