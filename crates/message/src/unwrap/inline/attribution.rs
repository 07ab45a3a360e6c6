//! `On Monday, Zoe <zoe@x> wrote:` before a quotation. What passes through: one line.
//!
//! It begins an answer, and nothing else, unless the subject says that the mail is a forward: Outlook for Mac writes
//! no other heading there. Never taken for a heading without an address.

use super::heading::Heading;
use super::labels::Label;

/// What people's programs say in that line, in lower case.
const WROTE: [&str; 26] = [
    "wrote",
    "writes",
    "schrieb",
    "écrit",
    "escribió",
    "escribio",
    "scritto",
    "escreveu",
    "schreef",
    "geschreven",
    "napisał",
    "skrev",
    "kirjoitti",
    "написал",
    "пише",
    "пишет",
    "писал",
    "yazdı",
    "napsal",
    "napísal",
    "írta",
    "scris",
    "kirjutas",
    "napisao",
    "写道",
    "書きました",
];

/// No such line is longer.
const BYTES_MAX: usize = 400;

/// Whether the line says that somebody wrote what follows.
pub(super) fn is_attribution(line: &str) -> bool {
    let line = line.trim();
    let ends = line.ends_with([':', '：', '>']) && line.len() <= BYTES_MAX;
    ends && (line.contains('@') || line.contains(|c: char| c.is_ascii_digit())) && {
        let line = line.to_lowercase();
        WROTE.iter().any(|word| line.contains(word))
    }
}

/// The heading such a line makes: whose address stands in it, and the date around.
pub(super) fn heading(line: &str) -> Option<Heading> {
    let line = line.trim();
    let open = line.rfind(['<', '['])?;
    let close = open + line.get(open..)?.find(['>', ']'])?;
    let name = line.get(..open)?.trim_end();
    let name_at = match name.char_indices().next_back() {
        Some((last, '"' | '”' | '»')) => name.get(..last)?.rfind(['"', '„', '«'])?,
        _ => open,
    };
    let from = line.get(name_at..=close)?.replace(['„', '”', '«', '»'], "\"");
    let date = format!("{} {}", line.get(..name_at)?, line.get(close + 1..)?);
    let mut heading = Heading::of_author(&from);
    heading.is_english = line.starts_with("On ");
    heading.set(Label::Date, date.trim_end_matches([':', ' ']));
    Some(heading)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_names_author_and_date() {
        let check = |line: &str, from: &str, date: &str| {
            assert!(is_attribution(line), "{line}");
            let heading = heading(line).unwrap();
            let found = (heading.get(Label::From), heading.get(Label::Date).map(str::trim));
            assert_eq!(found, (Some(from), Some(date)), "{line}");
        };
        check(
            "On 28/10/2021, 12:46, \"Bob\" <b@x.test> wrote:",
            "\"Bob\" <b@x.test>",
            "On 28/10/2021, 12:46,   wrote",
        );
        check(
            "Le 28/10/2021 12:46, « Bob » <b@x.test> a écrit :",
            "\" Bob \" <b@x.test>",
            "Le 28/10/2021 12:46,   a écrit",
        );
        check(
            "Bob <b@x.test> kirjoitti 28.10.2021 kello 12.46:",
            "<b@x.test>",
            "Bob   kirjoitti 28.10.2021 kello 12.46",
        );
        assert!(!is_attribution("See you on Monday, 12:46:"));
        assert!(!is_attribution("Number 7 wrote a book"));
    }
}
