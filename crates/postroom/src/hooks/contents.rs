//! What a mail says, as a hook hears it.

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use message::Message;
use model::{Mailbox, limits};
use serde::Serialize;

use super::{Hook, NoAnswer, apart};

/// What stands in a mail.
#[derive(Debug, Serialize)]
pub(super) struct Contents {
    message_id: Option<String>,
    from: Vec<Who>,
    to: Vec<Who>,
    cc: Vec<Who>,
    subject: String,
    text: Option<String>,
    html: Option<String>,
    size: usize,
    /// All of it, in base64, where it is not larger than the settings say.
    raw: Option<String>,
}

#[derive(Debug, Serialize)]
struct Who {
    name: Option<String>,
    address: String,
}

impl Contents {
    /// Of a mail; where it is large, on a thread that others need not wait for.
    pub(super) async fn of(raw: &Arc<[u8]>, hook: &Hook) -> Result<Self, NoAnswer> {
        let (raw, raw_bytes_max) = (Arc::clone(raw), hook.raw_bytes_max);
        let raw_bytes = raw.len();
        let read = move || {
            let read = message::read(&raw).map_err(|error| NoAnswer::before(error.to_string()))?;
            Ok(Contents::read(&read, raw_bytes_max))
        };
        apart(raw_bytes, read).await?
    }

    fn read(mail: &Message<'_>, raw_bytes_max: usize) -> Self {
        let (header, raw, (text, html)) = (mail.header(), mail.raw(), texts(mail));
        Contents {
            message_id: header.message_id.as_ref().map(|id| id.as_str().to_owned()),
            from: people(&header.from),
            to: people(&header.to),
            cc: people(&header.cc),
            subject: header.subject.clone(),
            text,
            html,
            size: raw.len(),
            raw: (raw.len() <= raw_bytes_max).then(|| STANDARD.encode(raw)),
        }
    }
}

fn people(list: &[Mailbox]) -> Vec<Who> {
    list.iter().map(|one| Who { name: one.name.clone(), address: one.address.to_string() }).collect()
}

/// Text and HTML, each where it is there as it was written, and whole: what is cut is not given to be changed.
fn texts(mail: &Message<'_>) -> (Option<String>, Option<String>) {
    let readable = mail.readable();
    let is_whole = readable.characters.len() < limits::TEXT_BYTES_MAX;
    let text = (readable.is_plain && is_whole).then(|| readable.characters.into_owned());
    (text, mail.html().filter(|html| html.len() < 4 * limits::TEXT_BYTES_MAX))
}
