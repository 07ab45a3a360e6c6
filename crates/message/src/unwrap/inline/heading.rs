//! The header of a quoted mail: the few lines in which a client says who wrote it, when and to whom.
//!
//! What passes through: the lines from a marker on. Never invents an address: a name alone stays a name.

use model::limits;

use super::labels::{self, Label};

/// What a quoted header says, as it stands there.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Heading {
    values: [Option<String>; 7],
    /// Other fields, where a program quotes the whole header.
    pub(super) others: Vec<(String, String)>,
    /// Whether its labels are English words.
    pub(super) is_english: bool,
}

/// Lines in which a heading is looked for.
pub(super) const WINDOW_LINES_MAX: usize = limits::QUOTED_HEADING_LINES_MAX + BLANK_LINES_MAX;

impl Heading {
    /// A heading that only names the author.
    pub(super) fn of_author(address: &str) -> Self {
        let mut heading = Heading::default();
        heading.set(Label::From, address);
        heading
    }

    /// Says what stands behind a label.
    pub(super) fn set(&mut self, label: Label, value: &str) {
        if let Some(slot) = self.values.get_mut(label as usize) {
            *slot = Some(value.to_owned());
        }
    }

    /// What stands behind a label.
    pub(super) fn get(&self, label: Label) -> Option<&str> {
        self.values.get(label as usize)?.as_deref()
    }

    /// Whether it can be the header of a mail: an author and what it is about, or when.
    fn is_whole(&self) -> bool {
        self.has(Label::From) && (self.has(Label::Subject) || self.has(Label::Date))
    }

    /// How many of its fields were found.
    pub(super) fn count(&self) -> usize {
        self.values.iter().flatten().count()
    }

    fn has(&self, label: Label) -> bool {
        self.get(label).is_some()
    }

    fn value(&mut self, label: Label) -> Option<&mut String> {
        self.values.get_mut(label as usize)?.as_mut()
    }
}

/// How the lines of a heading stand to each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Manner {
    /// As people's clients write it: known labels, the body follows when they end.
    Labels,
    /// A whole header section: any field, folded, up to an empty line (mutt, s-nail, nmh).
    Section,
    /// Made of HTML: an empty line between two rows is only space.
    Spaced,
}

/// Reads a heading that begins at the first line that is not empty. Gives it with the number of lines it takes.
pub(super) fn read(lines: &[&str], manner: Manner) -> Option<(Heading, usize)> {
    let mut reading =
        Reading { heading: Heading::default(), last: Last::Nothing, manner, has_second_author: false };
    let mut at = lines.iter().take(BLANK_LINES_MAX).take_while(|line| is_blank(line)).count();
    let end = lines.len().min(at + limits::QUOTED_HEADING_LINES_MAX);
    while let Some(line) = lines.get(at).filter(|_| at < end) {
        let behind = lines.get(at + 1..).unwrap_or_default();
        if !reading.take(line, behind) {
            break;
        }
        at += 1;
    }
    let rest = lines.get(at..).unwrap_or_default();
    let is_certain = !reading.has_second_author && !has_author_below(rest, lines.len() >= WINDOW_LINES_MAX);
    let heading = reading.heading;
    (heading.is_whole() && is_certain).then_some((heading, at))
}

/// Whether another author stands between the heading and the next empty line: a subject that was wrapped can begin
/// a line with any words, and those of a forger with `From:`.
fn has_author_below(rest: &[&str], is_cut: bool) -> bool {
    let above_blank = rest.iter().position(|line| is_blank(line));
    // So much text without an empty line may hold anything below.
    let is_endless = above_blank.is_none() && is_cut;
    let lines = rest.get(..above_blank.unwrap_or(rest.len())).unwrap_or_default();
    is_endless || lines.iter().any(|line| is_author(line))
}

fn is_author(line: &str) -> bool {
    labels::label(line).is_some_and(|(label, _)| label == Label::From)
}

/// Empty lines between a marker and the heading.
const BLANK_LINES_MAX: usize = 5;
/// Lines of a wrapped value; more are a body.
const WRAPPED_LINES_MAX: usize = 8;
/// Bytes of one value; longer ones are no header of a mail.
const VALUE_BYTES_MAX: usize = 64 * 1024;
/// A line at least so long may have been wrapped.
const WRAPPED_BYTES_MIN: usize = 60;

fn is_blank(line: &str) -> bool {
    line.trim().is_empty()
}

/// The field that was read last, to which a wrapped line belongs.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Last {
    Nothing,
    Known(Label),
    Other,
    /// A field that was there already: its lines are passed over.
    Repeated,
}

struct Reading {
    heading: Heading,
    last: Last,
    manner: Manner,
    /// Of two authors nobody can say which is the true one.
    has_second_author: bool,
}

impl Reading {
    /// Takes a line; says whether it belongs to the heading.
    fn take(&mut self, line: &str, behind: &[&str]) -> bool {
        if is_blank(line) {
            return self.passes_blank(behind);
        }
        let is_fold = line.starts_with([' ', '\t']) && self.last != Last::Nothing;
        if is_fold && self.manner == Manner::Section {
            return self.continued(line);
        }
        if let Some((label, value)) = labels::label(line) {
            return self.known(line, (label, value));
        }
        if self.manner == Manner::Section
            && let Some((name, value)) = labels::field(line)
        {
            self.heading.others.push((name.to_owned(), value.to_owned()));
            self.last = Last::Other;
            return true;
        }
        self.is_wrapped(line, behind) && self.continued(line)
    }

    /// An empty line ends a heading, but for the space between the rows of a page.
    fn passes_blank(&self, behind: &[&str]) -> bool {
        let next = behind.iter().take(2).find(|line| !is_blank(line));
        let next = next.and_then(|line| labels::label(line));
        let is_value_to_come = self.value_is_missing() && self.manner != Manner::Section;
        match next {
            Some((label, _)) if self.manner == Manner::Spaced => !self.heading.has(label),
            _ => is_value_to_come && behind.first().is_some_and(|line| !is_blank(line)),
        }
    }

    fn value_is_missing(&self) -> bool {
        matches!(self.last, Last::Known(label) if self.heading.get(label) == Some(""))
    }

    fn known(&mut self, line: &str, (label, value): (Label, &str)) -> bool {
        if self.heading.has(label) {
            // What else stands twice begins the body, but in a whole header.
            self.has_second_author |= label == Label::From;
            self.last = Last::Repeated;
            return self.manner == Manner::Section;
        }
        if label == Label::From {
            self.heading.is_english = labels::is_english(line);
        }
        self.heading.set(label, value);
        self.last = Last::Known(label);
        true
    }

    /// Whether a line that is no field goes on with the one before it.
    fn is_wrapped(&self, line: &str, behind: &[&str]) -> bool {
        let Last::Known(label) = self.last else { return false };
        let value = self.heading.get(label).unwrap_or_default();
        if value.is_empty() {
            return true;
        }
        let rest = || behind.iter().take(WRAPPED_LINES_MAX).take_while(|line| !is_blank(line));
        let is_next = |line: &&str| labels::label(line).is_some_and(|(label, _)| !self.heading.has(label));
        if rest().any(is_next) {
            return true;
        }
        let is_list = !matches!(label, Label::Subject | Label::Date);
        let is_open = value.ends_with([',', ';']) || value.matches('<').count() > value.matches('>').count();
        let is_long = value.len() >= WRAPPED_BYTES_MIN && line.contains('@') && rest().next().is_none();
        is_list && (is_open || is_long)
    }

    fn continued(&mut self, line: &str) -> bool {
        let line = line.trim();
        let value = match self.last {
            Last::Known(label) => self.heading.value(label),
            Last::Other => self.heading.others.last_mut().map(|(_, value)| value),
            Last::Nothing => return false,
            Last::Repeated => None,
        };
        if let Some(value) = value.filter(|value| value.len() + line.len() < VALUE_BYTES_MAX) {
            if !value.is_empty() {
                value.push(' ');
            }
            value.push_str(line);
        }
        true
    }
}
