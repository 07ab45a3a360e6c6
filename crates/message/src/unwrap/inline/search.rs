//! Where in a text a forwarded mail begins and ends. What passes through: the lines of one body, each once.
//!
//! The first quotation decides: where it is an answer, or nothing can be read in it, nothing is looked for below.

use super::attribution;
use super::heading::{self, Heading, Manner};
use super::labels;
use super::markers::{self, Marker};
use crate::message;
use crate::subject::Kind;

/// A forwarded mail in a text.
pub(super) struct Block {
    pub(super) heading: Heading,
    /// What stands under the heading.
    pub(super) text: String,
    /// The whole message as it was, where the client encapsulated it unchanged (RFC 934).
    pub(super) whole: Option<Vec<u8>>,
    /// Whether nothing stands above it.
    pub(super) is_first: bool,
    /// Mails behind it that are left alone.
    pub(super) left: usize,
}

/// Lines at which a heading is looked for in one text, so that a text of nothing but labels ends soon.
const HEADINGS_TRIED_MAX: usize = 200;

/// The mails that a text quotes first.
#[derive(Default)]
pub(super) struct Blocks {
    /// One, or those of one encapsulation; none where nothing can be read.
    pub(super) blocks: Vec<Block>,
    /// Whether something is quoted at all.
    pub(super) is_there: bool,
}

/// How a body is read.
#[derive(Clone, Copy)]
pub(super) struct Search<'a> {
    /// Whether it was HTML.
    pub(super) is_html: bool,
    /// What the subject says that it is.
    pub(super) kind: Kind,
    /// The domain of the forwarder, whose own signature may name addresses line by line.
    pub(super) domain: Option<&'a str>,
    /// Whether the forward says that it was written by a program that encapsulates (RFC 934).
    pub(super) encapsulates: bool,
}

/// Lines in which the rows of a heading in unknown words are looked for.
const ROWS_MAX: usize = 12;

/// Fields that make a header without a mark before it: fewer stand in any letter.
const FIELDS_MIN: usize = 3;

impl Search<'_> {
    /// The mails that a text quotes first.
    pub(super) fn blocks(self, text: &str) -> Blocks {
        let lines: Vec<&str> = text.lines().map(bare).collect();
        let blocks = match self.start(&lines) {
            Place::Nowhere => return Blocks::default(),
            Place::Unreadable => Vec::new(),
            Place::At(start) if start.marker == Marker::Encapsulated => encapsulated(&lines, &start),
            Place::At(start) => self.block(&lines, &start).into_iter().collect(),
        };
        Blocks { blocks, is_there: true }
    }

    /// The first quotation, where it is a forward.
    fn start(self, lines: &[&str]) -> Place {
        let mut above = Above::default();
        let mut tried = 0;
        for (at, line) in lines.iter().enumerate() {
            let (level, rest) = unquoted(line, usize::MAX);
            let marker =
                markers::marker(rest).filter(|(marker, _)| !matches!(marker, Marker::End | Marker::Next));
            let found = match marker {
                Some((marker, behind)) if marker != Marker::Older => Some((marker, !behind.is_empty())),
                None if labels::label(rest).is_none() => None,
                _ if tried == HEADINGS_TRIED_MAX => return Place::Unreadable,
                marker => {
                    tried += 1;
                    self.older(lines, at, marker.is_some())
                }
            };
            let Some((marker, is_heading_here)) = found else {
                if self.is_unknown_heading(lines.get(at..).unwrap_or_default()) {
                    return Place::Unreadable;
                }
                if self.kind == Kind::Forward && !above.has_quotation && attribution::is_attribution(rest) {
                    let is_first = above.is_empty();
                    return Place::At(Start {
                        at,
                        marker: Marker::Attribution,
                        is_heading_here: true,
                        is_first,
                    });
                }
                above.note(level, rest);
                continue;
            };
            let is_marked = marker != Marker::Older;
            let is_quoted = above.has_quotation || (!is_marked && is_heading_here && level > 0);
            let is_answer = above.has_attribution || (!is_marked && self.kind == Kind::Answer);
            // Below words that may be a heading nobody knows, its author could have written this.
            let is_out_of_place = marker == Marker::Encapsulated && !above.is_empty() && !self.encapsulates;
            let start = Start { at, marker, is_heading_here, is_first: above.is_empty() };
            let is_readable = !is_quoted && !is_answer && !is_out_of_place;
            return if is_readable { Place::At(start) } else { Place::Unreadable };
        }
        if above.has_quotation || above.has_attribution { Place::Unreadable } else { Place::Nowhere }
    }

    /// Whether a heading begins in words that nobody here knows: short words with a colon, line by line, and an
    /// address of somebody who is no colleague of the forwarder. Below it a stranger writes.
    fn is_unknown_heading(self, lines: &[&str]) -> bool {
        let is_row = |line: &str| labels::is_row(unquoted(line, usize::MAX).1);
        let is_space = |line: &&str| self.is_html && line.trim().is_empty();
        // Most lines of most mails are no row.
        if !lines.first().is_some_and(|line| is_row(line)) {
            return false;
        }
        let window = lines.get(..ROWS_MAX).unwrap_or(lines);
        let rows = || window.iter().filter(|line| !is_space(line)).take_while(|line| is_row(line));
        rows().count() >= FIELDS_MIN && rows().any(|row| self.names_outsider(row))
    }

    fn names_outsider(self, row: &str) -> bool {
        let is_host = |c: &char| c.is_alphanumeric() || matches!(c, '.' | '-' | '_');
        let hosts =
            row.split('@').skip(1).map(|behind| behind.chars().take_while(is_host).collect::<String>());
        let mut hosts = hosts.map(|host| host.trim_end_matches('.').to_lowercase());
        hosts.any(|host| !host.is_empty() && self.domain != Some(host.as_str()))
    }

    /// Whether something older begins at a line: a heading, or a line of dashes with one below.
    fn older(self, lines: &[&str], at: usize, is_marker: bool) -> Option<(Marker, bool)> {
        if is_marker {
            return self.heading(lines, at + 1, Some(Marker::Older)).map(|_| (Marker::Older, false));
        }
        let found = self.heading(lines, at, None)?;
        (found.heading.count() >= FIELDS_MIN).then_some((Marker::Older, true))
    }

    /// The heading from a line on, the lines it takes, and the quotation it stands in. A program that quotes whole
    /// headers marks where they begin.
    fn heading(self, lines: &[&str], at: usize, marker: Option<Marker>) -> Option<Quotation> {
        let window = lines.get(at..)?;
        let window = window.get(..heading::WINDOW_LINES_MAX).unwrap_or(window);
        let first = window.iter().find(|line| !line.trim().is_empty())?;
        let (level, _) = unquoted(first, usize::MAX);
        let window: Vec<&str> = window.iter().map(|line| unquoted(line, level).1).collect();
        let labels = if self.is_html { Manner::Spaced } else { Manner::Labels };
        let manners = match marker {
            Some(Marker::Bracketed) => [Some(Manner::Section), None],
            Some(_) => [Some(labels), Some(Manner::Section)],
            None => [Some(labels), None],
        };
        let (heading, taken) =
            manners.into_iter().flatten().find_map(|manner| heading::read(&window, manner))?;
        Some(Quotation { heading, taken, level })
    }

    fn block(self, lines: &[&str], start: &Start) -> Option<Block> {
        if start.marker == Marker::Attribution {
            return attributed(lines, start);
        }
        if start.is_heading_here && start.marker != Marker::Older {
            return run_together(lines, start);
        }
        let (at, marker) =
            if start.is_heading_here { (start.at, None) } else { (start.at + 1, Some(start.marker)) };
        let Quotation { heading, taken, level } = self.heading(lines, at, marker)?;
        let body = lines.get(at + taken..).unwrap_or_default();
        let (end, left) = if start.marker == Marker::Bracketed { end(body) } else { (body.len(), 0) };
        Some(Block {
            heading,
            text: text(body.get(..end).unwrap_or_default(), level),
            whole: None,
            is_first: start.is_first,
            left,
        })
    }
}

/// A heading, the lines it takes, and how often they are quoted.
struct Quotation {
    heading: Heading,
    taken: usize,
    level: usize,
}

/// Where the first quotation is.
enum Place {
    /// There is none.
    Nowhere,
    /// There is one that is an answer, or that nobody can tell the author of.
    Unreadable,
    At(Start),
}

/// Where a quotation begins.
struct Start {
    at: usize,
    marker: Marker,
    /// Whether the heading begins on this very line.
    is_heading_here: bool,
    is_first: bool,
}

/// What stands above the first mark.
#[derive(Default)]
struct Above {
    has_words: bool,
    has_quotation: bool,
    has_attribution: bool,
}

impl Above {
    fn note(&mut self, level: usize, words: &str) {
        if words.trim().is_empty() {
            return;
        }
        self.has_words = true;
        self.has_quotation |= level > 0;
        self.has_attribution |= attribution::is_attribution(words);
    }

    fn is_empty(&self) -> bool {
        !self.has_words
    }
}

/// Where a bracketed text ends, and how many begin behind it. Brackets nest; whoever wrote the text can forge them,
/// so nothing behind them is believed.
fn end(body: &[&str]) -> (usize, usize) {
    let mut open = 1usize;
    let mut end = body.len();
    let mut left = 0;
    for (at, line) in body.iter().enumerate() {
        match markers::marker(line) {
            Some((Marker::Bracketed, _)) if open > 0 => open += 1,
            Some((Marker::Bracketed, _)) => left += 1,
            Some((Marker::End, _)) if open > 0 => {
                open -= 1;
                if open == 0 {
                    end = at;
                }
            }
            _ => {}
        }
    }
    (end, left)
}

/// The mails of an encapsulation, byte for byte (RFC 934 §4): lines that begin with a dash were stuffed, so a line
/// that begins with two was written by the client.
fn encapsulated(lines: &[&str], start: &Start) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut mail = String::new();
    for line in lines.iter().skip(start.at + 1) {
        match line.strip_prefix("- ") {
            Some(stuffed) => mail.push_str(stuffed),
            None => match markers::marker(line) {
                Some((Marker::End, _)) => break,
                Some((Marker::Next, _)) => {
                    blocks.extend(whole(&mail, start));
                    mail.clear();
                    continue;
                }
                _ => mail.push_str(line),
            },
        }
        mail.push_str("\r\n");
    }
    blocks.extend(whole(&mail, start));
    blocks
}

fn whole(mail: &str, start: &Start) -> Option<Block> {
    let mail = mail.trim_start();
    let read = message::read(mail.as_bytes()).ok()?;
    let author = read.header().author()?;
    let heading = Heading::of_author(&author.address.to_string());
    let whole = Some(mail.as_bytes().to_vec());
    Some(Block { heading, text: String::new(), whole, is_first: start.is_first, left: 0 })
}

/// Under an attribution the text is indented, or quoted, or neither.
fn attributed(lines: &[&str], start: &Start) -> Option<Block> {
    let heading = attribution::heading(unquoted(lines.get(start.at)?, usize::MAX).1)?;
    let body = lines.get(start.at + 1..).unwrap_or_default();
    let body: Vec<&str> = body.iter().map(|line| line.strip_prefix("    ").unwrap_or(line)).collect();
    let text = text(&body, 0);
    Some(Block { heading, text, whole: None, is_first: start.is_first, left: 0 })
}

/// Yahoo writes mark and heading without a line end between: `… ----- From: a <a@b>To: c <c@d>Sent: …Subject: …`.
fn run_together(lines: &[&str], start: &Start) -> Option<Block> {
    let (_, behind) = markers::marker(unquoted(lines.get(start.at)?, usize::MAX).1)?;
    let divided = labels::divided(behind)?;
    let divided: Vec<&str> = divided.iter().map(String::as_str).collect();
    let (heading, _) = heading::read(&divided, Manner::Labels)?;
    let body = lines.get(start.at + 1..).unwrap_or_default();
    let text = text(body, 0);
    Some(Block { heading, text, whole: None, is_first: start.is_first, left: 0 })
}

/// The lines of a body, so many quotations taken off. Where every line is quoted once more, that is taken off too:
/// Missive quotes the text and not the heading.
fn text(body: &[&str], level: usize) -> String {
    let deeper = |line: &&&str| line.trim().is_empty() || unquoted(line, usize::MAX).0 > level;
    let is_quoted =
        body.iter().any(|line| !line.trim().is_empty()) && body.iter().filter(deeper).count() == body.len();
    let level = if is_quoted { level + 1 } else { level };
    let lines: Vec<&str> = body.iter().map(|line| unquoted(line, level).1).collect();
    let first = lines.iter().position(|line| !line.trim().is_empty()).unwrap_or(lines.len());
    let mut text = lines.get(first..).unwrap_or_default().join("\n");
    text.truncate(text.trim_end().len());
    text
}

/// A line without at most so many quotation marks before it, and how many were taken off.
fn unquoted(line: &str, levels_max: usize) -> (usize, &str) {
    let (mut level, mut rest) = (0, line);
    while level < levels_max
        && let Some(inner) = rest.trim_start_matches(' ').strip_prefix('>')
    {
        level += 1;
        rest = inner.strip_prefix(' ').unwrap_or(inner);
    }
    (level, rest)
}

/// A line without what cannot be seen before it.
fn bare(line: &str) -> &str {
    line.trim_start_matches(['\u{feff}', '\u{200b}', '\u{200e}'])
}
