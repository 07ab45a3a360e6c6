//! What a mail says, for its page: the text, safe to show, and its files, its containers open.
//!
//! What passes through: the source of an e-mail. Containers are opened here as they were when it arrived.

use std::collections::HashMap;
use std::sync::{Condvar, Mutex, PoisonError};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use message::Message;
use message::body::{self, ShownOptions};
use message::content::Packing;
use message::reply::{self, Part};
use model::limits;
use model::schema::emails::ActivityMimeAttachment;
use web::values::{Body, File, MailBody, TextBlock, TextPart};

/// Pictures of these types are shown inside a mail: those that no browser takes for a program.
pub(super) const PICTURES: [&str; 4] = ["image/png", "image/jpeg", "image/gif", "image/webp"];

/// What the page of an e-mail says of its source.
pub(super) struct Content {
    pub(super) body: MailBody,
    /// What a reader should know of how it came packed.
    pub(super) cautions: Vec<String>,
}

/// Reads the source of an e-mail for its page.
pub(super) fn content(raw: &[u8]) -> Content {
    let Ok(received) = message::read(raw) else {
        return Content { body: MailBody::Empty, cautions: Vec::new() };
    };
    let opened = message::content::open(&received);
    let body = message::read(&opened.raw).map_or(MailBody::Empty, |message| mail_body(&message));
    Content { body, cautions: cautions(opened.packing) }
}

fn cautions(packing: Packing) -> Vec<String> {
    let words = [
        (packing.signed, "It is signed; the signature was not verified."),
        (packing.encrypted, "It is encrypted; only who it was written to can read it, from the file below."),
        (
            packing.damaged,
            "A container in it is damaged: what could be read is shown, the rest is in its source.",
        ),
    ];
    words.iter().filter(|(is_so, _)| *is_so).map(|(_, words)| (*words).to_owned()).collect()
}

/// What a reader should know of a file of this type; may be empty.
pub(super) fn note(mimetype: &str) -> &'static str {
    match mimetype {
        "application/pkcs7-signature" | "application/x-pkcs7-signature" | "application/pgp-signature" => {
            "signature, not verified"
        }
        "application/pkcs7-mime" | "application/x-pkcs7-mime" | "application/pgp-encrypted" => {
            "encrypted or signed, not opened"
        }
        "application/ms-tnef" | "application/vnd.ms-tnef" => "container of Outlook, damaged",
        _ => "",
    }
}

/// A file inside a container: it is opened again, and the file found by its number. Where the rules have changed
/// since, name and size have to agree.
pub(super) fn file(raw: &[u8], row: &ActivityMimeAttachment) -> Option<File> {
    let _turn = Turn::wait();
    let received = message::read(raw).ok()?;
    let opened = message::content::open(&received);
    let message = message::read(&opened.raw).ok()?;
    let all = message.attachments();
    let is_it = |found: &&message::Attachment| {
        found.filename == row.filename && i64::try_from(found.size_bytes) == Ok(row.filesize)
    };
    let number = usize::try_from(row.attachmentnumber).ok()?.checked_sub(1)?;
    let found = all.get(number).filter(is_it).or_else(|| all.iter().find(is_it))?;
    let encoded = message.raw().get(found.body_offset..found.body_offset.checked_add(found.body_length)?)?;
    let bytes = message::attachments::decode(encoded, found.encoding);
    Some(File { name: row.filename.clone(), mimetype: row.mimetype.clone(), bytes })
}

/// The HTML of an e-mail, safe to show, its own pictures inside it.
pub(super) fn body(raw: &[u8]) -> Body {
    let nothing = Body { html: String::new(), remote_images: 0 };
    let Ok(received) = message::read(raw) else { return nothing };
    let _turn = Turn::wait();
    let opened = message::content::open(&received);
    let Ok(message) = message::read(&opened.raw) else { return nothing };
    let options =
        ShownOptions { cid_urls: pictures(&message, limits::SHOWN_PICTURES_BYTES_MAX), remote_images: false };
    let shown = body::shown(&message, &options);
    Body { html: shown.html, remote_images: u32::try_from(shown.remote_images).unwrap_or(u32::MAX) }
}

/// The HTML of a mail that is written once more, safe to be put into a page: its own pictures stand in it, as far as there is room,
/// and else keep their names; those on other servers keep their addresses. Empty where it has none.
pub(super) fn to_be_edited(message: &Message<'_>) -> String {
    if !body::is_html(message) {
        return String::new();
    }
    let own = message.attachments().into_iter().filter_map(|file| file.content_id);
    let mut cid_urls: HashMap<String, String> = own.map(|id| (id.clone(), format!("cid:{id}"))).collect();
    // As many as the form can bring back.
    cid_urls.extend(pictures(message, limits::WRITTEN_PICTURES_BYTES_MAX));
    body::shown(message, &ShownOptions { cid_urls, remote_images: true }).html
}

/// A picture as an address (RFC 2397).
pub(super) fn data_url(mimetype: &str, bytes: &[u8]) -> String {
    format!("data:{mimetype};base64,{}", STANDARD.encode(bytes))
}

/// Plain text that was not a mail yet.
pub(super) fn plain(text: &str) -> MailBody {
    if text.trim().is_empty() {
        return MailBody::Empty;
    }
    MailBody::Plain { blocks: blocks(text), is_cut: false }
}

/// Mails made safe at a time: each may take many times its size in memory while it lasts.
const TURNS: usize = 2;
static TAKEN: Mutex<usize> = Mutex::new(0);
static FREED: Condvar = Condvar::new();

/// One of the [`TURNS`]; it is given back when it is dropped.
struct Turn;

impl Turn {
    fn wait() -> Self {
        // A number is whole, even if somebody panicked while he counted.
        let taken = TAKEN.lock().unwrap_or_else(PoisonError::into_inner);
        let mut taken =
            FREED.wait_while(taken, |taken| *taken >= TURNS).unwrap_or_else(PoisonError::into_inner);
        *taken += 1;
        Turn
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        *TAKEN.lock().unwrap_or_else(PoisonError::into_inner) -= 1;
        FREED.notify_one();
    }
}

/// Where the encoded bytes of an attachment lie in the source: offset and length.
pub(super) fn range(attachment: &ActivityMimeAttachment) -> (usize, usize) {
    let number = |number: i64| usize::try_from(number).unwrap_or(0);
    (number(attachment.bodyoffset), number(attachment.bodylength))
}

/// The pictures that the text names by Content-ID, as `data:` addresses (RFC 2397), in so many bytes together.
fn pictures(message: &Message<'_>, mut room: usize) -> HashMap<String, String> {
    let mut pictures = HashMap::new();
    for attachment in message.attachments() {
        let Some(id) = attachment.content_id else { continue };
        let (offset, length) = (attachment.body_offset, attachment.body_length);
        let encoded = offset.checked_add(length).and_then(|end| message.raw().get(offset..end));
        let (Some(encoded), true) = (encoded, PICTURES.contains(&attachment.mimetype.as_str())) else {
            continue;
        };
        if length > room {
            continue;
        }
        let bytes = message::attachments::decode(encoded, attachment.encoding);
        let url = data_url(&attachment.mimetype, &bytes);
        // What came as plain bytes is longer now.
        let Some(left) = room.checked_sub(url.len()) else { continue };
        room = left;
        pictures.insert(id, url);
    }
    pictures
}

/// The parts of a text. Where nothing is new, nothing is folded: then the quotation is what there is to read.
fn blocks(text: &str) -> Vec<TextBlock> {
    let blocks = reply::blocks(text);
    let says_more = blocks.iter().any(|block| block.part == Part::Own && !block.text.trim().is_empty());
    let part = |part| match part {
        Part::Quote if says_more => TextPart::Quote,
        Part::Signature => TextPart::Signature,
        Part::Quote | Part::Own => TextPart::Own,
    };
    blocks.into_iter().map(|block| TextBlock { part: part(block.part), text: block.text }).collect()
}

fn mail_body(message: &Message<'_>) -> MailBody {
    if body::is_html(message) {
        let remote_images = body::remote_images(message);
        return MailBody::Html { remote_images: u32::try_from(remote_images).unwrap_or(u32::MAX) };
    }
    let text = message.text();
    if text.trim().is_empty() {
        return MailBody::Empty;
    }
    // The text is cut between two characters, so it may end some bytes before the limit.
    let is_cut = text.len() + 4 > limits::TEXT_BYTES_MAX;
    MailBody::Plain { blocks: blocks(&text), is_cut }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[test]
    fn no_more_mails_are_made_safe_at_a_time_than_there_are_turns() {
        let (inside, most) = (AtomicUsize::new(0), AtomicUsize::new(0));
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    for _ in 0..500 {
                        let _turn = Turn::wait();
                        most.fetch_max(inside.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                        std::thread::yield_now();
                        inside.fetch_sub(1, Ordering::SeqCst);
                    }
                });
            }
        });
        assert!((1..=TURNS).contains(&most.into_inner()));
    }

    fn body_of(raw: &[u8]) -> MailBody {
        content(raw).body
    }

    #[test]
    fn the_page_of_a_mail_knows_what_its_body_is() {
        let html = body_of(b"Content-Type: text/html\n\n<p>a<img src=http://x.test/><img src=cid:a>");
        assert!(matches!(html, MailBody::Html { remote_images: 1 }));
        assert!(matches!(body_of(b"A: 1\n\na"), MailBody::Plain { is_cut: false, .. }));
        assert!(matches!(body_of(b"A: 1\n\n \n"), MailBody::Empty));
        let long = format!("A: 1\n\n{}", "x".repeat(limits::TEXT_BYTES_MAX + 1));
        assert!(matches!(body_of(long.as_bytes()), MailBody::Plain { is_cut: true, .. }));
    }
}
