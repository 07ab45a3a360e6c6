//! What a person writes into the search box, read: `invoice from:jane -draft "net 30" has:attachment after:2026-01-01`.
//!
//! What passes through: one line of text, and the fields of a form, into a search; the search back into one line.
//! Case, unknown names before a colon, quotation marks that do not close: all of it is read as well as it can be.

use std::fmt::Write;

use jiff::civil::Date;
use model::limits;
use model::search::{Field, Search, Term};

/// What was read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Asked {
    /// The search.
    pub search: Search,
    /// What was not understood, each in a sentence for the person who wrote it.
    pub notes: Vec<String>,
}

/// Reads the line of the search box. At most [`limits::SEARCH_CHARS_MAX`] characters of it.
pub fn read(line: &str) -> Asked {
    let mut asked = Asked::default();
    let cut: String = line.chars().take(limits::SEARCH_CHARS_MAX).collect();
    if cut.len() < line.len() {
        asked.note(format!("Only the first {} characters were looked at.", limits::SEARCH_CHARS_MAX));
    }
    for word in words(&cut) {
        asked.take(&word);
    }
    asked.count_words();
    asked
}

/// Adds a field of a form: each word of it is looked for there, words in quotation marks side by side.
pub fn add_field(line: &mut String, field: Field, text: &str) {
    for word in words(text) {
        if !word.text.trim().is_empty() {
            let term = Term { field, words: word.text, is_excluded: word.is_excluded };
            write_term(line, &term);
        }
    }
}

/// A search as a line that is read as this search.
pub fn line(search: &Search) -> String {
    let mut line = String::new();
    for term in &search.terms {
        write_term(&mut line, term);
    }
    match search.has_attachment {
        Some(true) => push(&mut line, "has:attachment"),
        Some(false) => push(&mut line, "-has:attachment"),
        None => {}
    }
    for (name, day) in [("after", search.since), ("before", search.before)] {
        if let Some(date) = day.and_then(date) {
            push(&mut line, &format!("{name}:{date}"));
        }
    }
    line
}

/// A day as a date; `None` beyond the calendar.
pub fn date(day: i64) -> Option<Date> {
    EPOCH.checked_add(jiff::Span::new().try_days(day).ok()?).ok()
}

const EPOCH: Date = Date::constant(1970, 1, 1);

/// A word of the line: `-`, a name before a colon, and the rest, with or without quotation marks.
#[derive(Debug, Default)]
struct Word {
    is_excluded: bool,
    name: Option<String>,
    text: String,
}

/// Parts a line at its gaps; quotation marks hold together, and one that does not close holds to the end.
fn words(line: &str) -> Vec<Word> {
    let mut found = Vec::new();
    let mut rest = line.trim_start();
    while !rest.is_empty() {
        let mut word = Word::default();
        if let Some(behind) = rest.strip_prefix(['-', '−']) {
            word.is_excluded = true;
            rest = behind;
        }
        if let Some((name, behind)) = rest.split_once(':')
            && is_name(name)
        {
            word.name = Some(name.to_lowercase());
            rest = behind;
        }
        rest = word.fill(rest).trim_start();
        found.push(word);
    }
    found
}

/// Names are short and have nothing in them but letters: `from`, but no `https`.
fn is_name(text: &str) -> bool {
    ["from", "to", "subject", "file", "has", "after", "since", "before"]
        .iter()
        .any(|name| name.eq_ignore_ascii_case(text))
}

impl Word {
    /// Takes the text of the word; gives back what follows it.
    fn fill<'l>(&mut self, line: &'l str) -> &'l str {
        let is_mark = |c: char| matches!(c, '"' | '“' | '”' | '„' | '«' | '»');
        if let Some(inside) = line.strip_prefix(is_mark) {
            let (text, behind) = inside.split_once(is_mark).unwrap_or((inside, ""));
            text.clone_into(&mut self.text);
            return behind;
        }
        let end = line.find(|c: char| c.is_whitespace() || is_mark(c)).unwrap_or(line.len());
        let (text, behind) = line.split_at(end);
        text.clone_into(&mut self.text);
        behind
    }
}

impl Asked {
    fn note(&mut self, words: String) {
        if !self.notes.contains(&words) {
            self.notes.push(words);
        }
    }

    fn take(&mut self, word: &Word) {
        let field = match word.name.as_deref() {
            Some("has") => return self.take_has(word),
            Some(name @ ("after" | "since" | "before")) => return self.take_day(name, &word.text),
            Some(name) => {
                Field::NAMED.into_iter().find(|field| field.name() == name).unwrap_or(Field::Anywhere)
            }
            None => Field::Anywhere,
        };
        if !word.text.chars().any(char::is_alphanumeric) {
            if field != Field::Anywhere {
                self.note(format!("“{}:” says nothing to look for; write a word behind it.", field.name()));
            } else if !word.text.is_empty() {
                self.note(format!("“{}” has no letter or digit, so it cannot be looked for.", word.text));
            }
            return;
        }
        let (words, is_excluded) = (word.text.trim().to_owned(), word.is_excluded);
        self.search.terms.push(Term { field, words, is_excluded });
    }

    fn take_has(&mut self, word: &Word) {
        let wanted = word.text.to_lowercase();
        if ["attachment", "attachments", "file", "files"].contains(&wanted.as_str()) {
            self.search.has_attachment = Some(!word.is_excluded);
        } else {
            self.note(format!("“has:{}” is not known; there is has:attachment.", word.text));
        }
    }

    fn take_day(&mut self, name: &str, text: &str) {
        let Some(day) = day(text) else {
            return self.note(format!("“{name}:{text}” names no day; write {name}:2026-11-23."));
        };
        if name == "before" {
            self.search.before = Some(self.search.before.map_or(day, |other| other.min(day)));
        } else {
            self.search.since = Some(self.search.since.map_or(day, |other| other.max(day)));
        }
    }

    /// Says where the index would stop counting.
    fn count_words(&mut self) {
        let of_word = |word: &str| word.chars().filter(|c| c.is_alphanumeric()).count();
        let chars: usize = self.search.terms.iter().map(|term| of_word(&term.words)).sum();
        let gaps: usize = self
            .search
            .terms
            .iter()
            .map(|term| term.words.split(|c: char| !c.is_alphanumeric()).filter(|it| !it.is_empty()).count())
            .sum();
        let is_long = gaps > limits::SEARCH_WORDS_MAX;
        let may_be_long = chars > limits::SEARCH_WORDS_MAX && self.has_lone_letters();
        if is_long || may_be_long {
            self.note(format!("Only the first {} words were looked for.", limits::SEARCH_WORDS_MAX));
        }
    }

    /// Scripts in which every character counts as a word.
    fn has_lone_letters(&self) -> bool {
        self.search.terms.iter().any(|term| term.words.chars().any(|c| c > '\u{2e80}'))
    }
}

/// `2026-11-23`, `2026-11` and `2026` for their first day, `23.11.2026`; in days since 1970-01-01.
fn day(text: &str) -> Option<i64> {
    let number = |part: &str| (part.len() <= 4).then(|| part.parse::<i16>().ok()).flatten();
    let small = |part: &str| (part.len() <= 2).then(|| part.parse::<i8>().ok()).flatten();
    let mut parts = text.trim().split(['-', '/', '.']);
    let (first, second, third, rest) = (parts.next()?, parts.next(), parts.next(), parts.next());
    if rest.is_some() {
        return None;
    }
    let date = match (first.len(), second, third) {
        (4, None, None) => Date::new(number(first)?, 1, 1),
        (4, Some(month), None) => Date::new(number(first)?, small(month)?, 1),
        (4, Some(month), Some(day)) => Date::new(number(first)?, small(month)?, small(day)?),
        // Day and month in this order only with dots: with a slash it means two things.
        (1..=2, Some(month), Some(year)) if text.contains('.') && year.len() == 4 => {
            Date::new(number(year)?, small(month)?, small(first)?)
        }
        _ => return None,
    };
    let days = date.ok()?.since(EPOCH).ok()?.get_days();
    Some(i64::from(days))
}

fn write_term(line: &mut String, term: &Term) {
    // Marks inside would end the phrase; the index does not know them anyway.
    let words = term.words.replace(['"', '“', '”', '„', '«', '»'], " ");
    let is_plain =
        !words.contains(char::is_whitespace) && !words.contains(':') && !words.starts_with(['-', '−']);
    let mut text = String::new();
    if term.is_excluded {
        text.push('-');
    }
    if term.field != Field::Anywhere {
        let _ = write!(text, "{}:", term.field.name());
    }
    let _ = if is_plain { write!(text, "{words}") } else { write!(text, "\"{}\"", words.trim()) };
    push(line, &text);
}

fn push(line: &mut String, text: &str) {
    if !line.is_empty() {
        line.push(' ');
    }
    line.push_str(text);
}

#[cfg(test)]
mod tests;
