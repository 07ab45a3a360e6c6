//! A text as rules look at it: folded to small letters and single blanks, without what is about something else.

use std::borrow::Cow;

/// Lower case, with one blank between words: what is folded over lines is found too. What an address is called says nothing, nor
/// where a link leads but for its host, nor what the mail was called that was sent. An underscore is a blank: `BAD_RECIPIENT`. What is
/// drawn together is spelled out: `couldn't`.
pub(super) fn folded(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let words = text.lines().filter(|line| !is_of_mail(line)).flat_map(str::split_whitespace);
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

/// A line that says which mail it is about.
fn is_of_mail(line: &str) -> bool {
    let line = line.trim_start();
    let begins = |name: &&str| line.get(..name.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(name));
    OF_MAIL.iter().any(begins)
}

const OF_MAIL: &[&str] = &[
    "subject:",
    "sent:",
    "date:",
    "thread-topic:",
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

fn is_code(word: &str) -> bool {
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
