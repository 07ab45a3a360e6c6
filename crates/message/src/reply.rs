//! What is new in a reply: its own text, told from what it quotes and from signatures (RFC 3676 §4.3, §4.5).
//!
//! What passes through: plain text, as lines; looks at each a bounded number of times. Never drops a line: each
//! belongs to a block, and what could be either is taken for the writer's own.

mod attribution;
mod signature;
mod words;

use crate::body::quotes;
use crate::entity::Entity;
use crate::message::{self, Message, Readable};
pub(crate) use attribution::{is_header_block, is_separator};

/// What a block of lines is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// Written for this mail.
    Own,
    /// Text of an earlier mail, with the line that says whose it is.
    Quote,
    /// A signature, or the footer of a list.
    Signature,
}

/// Lines one behind the other that are the same part of a reply.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Block {
    /// What they are.
    pub part: Part,
    /// The lines, with line feeds between them.
    pub text: String,
}

/// The parts of a text, in order: all of its lines, each once.
pub fn blocks(text: &str) -> Vec<Block> {
    let lines: Vec<&str> = text.lines().collect();
    let parts = parts(&lines);
    let mut blocks: Vec<Block> = Vec::new();
    for (line, part) in lines.iter().zip(parts) {
        match blocks.last_mut() {
            Some(block) if block.part == part => {
                block.text.push('\n');
                block.text.push_str(line);
            }
            _ => blocks.push(Block { part, text: (*line).to_owned() }),
        }
    }
    blocks
}

/// The text written for this mail, without quotes and signatures; empty where there is nothing else.
pub fn own_text(text: &str) -> String {
    let own = blocks(text).into_iter().filter(|block| block.part == Part::Own);
    let own: Vec<String> = own.map(|block| block.text.trim_matches(['\r', '\n']).to_owned()).collect();
    own.join("\n\n").trim().to_owned()
}

/// The text written for a message, of its plain form where that says anything, else of its HTML. So many bytes of
/// each part are looked at. `text` is [`Message::readable`], which the caller has at hand.
pub fn of(message: &Message<'_>, text: &Readable<'_>, bytes_max: usize) -> String {
    if text.is_plain {
        return own_text(message::start_of(&text.characters, bytes_max));
    }
    let plain = text_of(message, &message.plain(), bytes_max);
    let text = if is_blank(&plain) { text_of(message, &message.shown(), bytes_max) } else { plain };
    own_text(&text)
}

fn text_of(message: &Message<'_>, entities: &[&Entity], bytes_max: usize) -> String {
    let mut text = String::new();
    for entity in entities {
        let characters = message::cut(message.characters(entity), bytes_max);
        if entity.mimetype == "text/html" {
            text.push_str(&quotes::text_with_quotes_marked(&characters));
        } else {
            text.push_str(&characters);
        }
        text.push('\n');
        if text.len() > bytes_max {
            break;
        }
    }
    text
}

/// What each line is.
fn parts(lines: &[&str]) -> Vec<Part> {
    let mut parts: Vec<Part> =
        lines.iter().map(|line| if is_quoted(line) { Part::Quote } else { Part::Own }).collect();
    attribution::mark(lines, &mut parts);
    signature::mark(lines, &mut parts);
    join_blank_lines(lines, &mut parts);
    parts
}

fn is_quoted(line: &str) -> bool {
    let line = line.trim();
    // An address at the end of an attribution is broken before its last bracket by some programs.
    line.starts_with('>') && line != ">:"
}

fn is_blank(line: &str) -> bool {
    line.trim().is_empty()
}

/// Blank lines belong to what stands before them, where that is no text of the writer's own and more follows.
fn join_blank_lines(lines: &[&str], parts: &mut [Part]) {
    let mut before = Part::Own;
    for (line, part) in lines.iter().zip(parts) {
        if is_blank(line) && *part == Part::Own {
            *part = before;
        }
        before = *part;
    }
}

#[cfg(test)]
mod tests;
