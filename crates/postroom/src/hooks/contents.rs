//! What a mail says, as a hook hears it.

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use message::Message;
use model::{Mailbox, limits};
use serde::Serialize;

use super::{Hook, NoAnswer, apart};

/// What stands in a mail.
#[derive(Debug, Default, Serialize)]
pub(super) struct Contents {
    message_id: Option<String>,
    from: Vec<Who>,
    to: Vec<Who>,
    cc: Vec<Who>,
    subject: String,
    pub(super) text: Option<String>,
    pub(super) html: Option<String>,
    /// Whether one of them is longer than is given.
    pub(super) is_cut: bool,
    size: usize,
    /// All of it, in base64, where it is not larger than the settings say.
    pub(super) raw: Option<String>,
}

#[derive(Debug, Serialize)]
struct Who {
    name: Option<String>,
    address: String,
}

/// What is given of a text that is longer than a hook reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum OfLong {
    /// Its beginning.
    Beginning,
    /// Nothing: it may be changed, and what is cut would lose its end so.
    Nothing,
}

/// Why a hook cannot hear what a mail says.
#[derive(Debug)]
pub(super) enum NoContents {
    /// Nobody can read it, in words.
    Unreadable(String),
    /// It could not be read now.
    NotNow(NoAnswer),
}

impl From<NoContents> for NoAnswer {
    fn from(why: NoContents) -> Self {
        match why {
            NoContents::Unreadable(words) => NoAnswer::before(words),
            NoContents::NotNow(no_answer) => no_answer,
        }
    }
}

impl Contents {
    /// Of a mail; where it is large, on a thread that others need not wait for.
    pub(super) async fn of(raw: &Arc<[u8]>, (hook, of_long): (&Hook, OfLong)) -> Result<Self, NoContents> {
        let (raw, raw_bytes_max) = (Arc::clone(raw), hook.raw_bytes_max);
        let raw_bytes = raw.len();
        let read = move || {
            let read = message::read(&raw).map_err(|error| NoContents::Unreadable(error.to_string()))?;
            Ok(Contents::read(&read, (raw_bytes_max, of_long)))
        };
        apart(raw_bytes, read).await.map_err(NoContents::NotNow)?
    }

    fn read(mail: &Message<'_>, (raw_bytes_max, of_long): (usize, OfLong)) -> Self {
        let (header, raw) = (mail.header(), mail.raw());
        let readable = mail.readable();
        let text = readable.is_plain.then(|| readable.characters.into_owned());
        let texts = [(text, limits::TEXT_BYTES_MAX), (mail.html(), 4 * limits::TEXT_BYTES_MAX)];
        let is_cut = texts.iter().any(|(text, most)| text.as_ref().is_some_and(|text| ends_at(text, *most)));
        let [text, html] = texts
            .map(|(text, most)| text.filter(|text| of_long == OfLong::Beginning || !ends_at(text, most)));
        Contents {
            message_id: header.message_id.as_ref().map(|id| id.as_str().to_owned()),
            from: people(&header.from),
            to: people(&header.to),
            cc: people(&header.cc),
            subject: header.subject.clone(),
            text,
            html,
            is_cut,
            size: raw.len(),
            raw: (raw.len() <= raw_bytes_max).then(|| STANDARD.encode(raw)),
        }
    }
}

/// Whether a text ends where it would be cut: before the character that does not fit, of four bytes at most.
fn ends_at(text: &str, bytes_max: usize) -> bool {
    text.len() + 4 > bytes_max
}

fn people(list: &[Mailbox]) -> Vec<Who> {
    list.iter().map(|one| Who { name: one.name.clone(), address: one.address.to_string() }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a hook hears of a mail with so many lines, as text and as HTML: how long both are, and whether one is cut.
    fn heard(lines: usize, of_long: OfLong) -> (Option<usize>, Option<usize>, bool) {
        // Characters of three bytes: a cut in the midst of one leaves less than fits.
        let text = "€€€€€€€€€€€€€€€€€€€€\n".repeat(lines);
        let mail = format!(
            "Subject: long\nMIME-Version: 1.0\nContent-Type: multipart/alternative; boundary=b\n\n\
             --b\nContent-Type: text/plain; charset=utf-8\n\n{text}\n\
             --b\nContent-Type: text/html; charset=utf-8\n\n<p>{text}</p>\n--b--\n"
        );
        let contents = Contents::read(&message::read(mail.as_bytes()).unwrap(), (0, of_long));
        (contents.text.map(|text| text.len()), contents.html.map(|html| html.len()), contents.is_cut)
    }

    #[test]
    fn of_a_long_text_a_hook_hears_the_beginning_or_knows_that_it_is_long() {
        let (text, html, is_cut) = heard(10, OfLong::Nothing);
        assert!(text.is_some() && html.is_some() && !is_cut);
        // 61 bytes a line: more than a megabyte of text, less than four of HTML.
        let (text, html, is_cut) = heard(30_000, OfLong::Beginning);
        assert!(is_cut && text.unwrap() > limits::TEXT_BYTES_MAX - 4 && html.unwrap() > 1_800_000);
        let (text, html, is_cut) = heard(30_000, OfLong::Nothing);
        assert!(is_cut && text.is_none() && html.is_some(), "what may be changed is whole");
        let (text, html, _) = heard(90_000, OfLong::Beginning);
        assert!(text.is_some() && html.unwrap() > 4 * limits::TEXT_BYTES_MAX - 4);
    }
}
