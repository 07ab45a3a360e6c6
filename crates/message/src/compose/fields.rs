//! The fields of a mail (RFC 5322 §3.6). What passes through: all of a letter but what it says.

use std::borrow::Cow;

use mail_builder::headers::Header;
use mail_builder::headers::address::Address;
use mail_builder::headers::date::Date;
use mail_builder::headers::message_id;
use mail_builder::headers::text::Text;
use model::{Mailbox, MessageId, limits};

use super::text::{encoded_words, one_line};
use super::{Automatic, Importance, Letter};

pub(super) fn write(letter: &Letter<'_>, out: &mut Vec<u8>) {
    raw("MIME-Version", "1.0", out);
    field("Message-ID", &message_id::MessageId::from(vec![letter.message_id.as_str()]), out);
    field("Date", &Date::new(letter.date.seconds()), out);
    field("From", &address(letter.from), out);
    for (name, mailboxes) in [("To", letter.to), ("Cc", letter.cc), ("Bcc", letter.bcc)] {
        if !mailboxes.is_empty() {
            field(name, &Address::new_list(mailboxes.iter().map(address).collect()), out);
        }
    }
    words("Subject", letter.subject, out);
    conversation(letter, out);
    match letter.importance {
        Importance::Normal => {}
        Importance::High => mark(("high", "1"), out),
        Importance::Low => mark(("low", "5"), out),
    }
    if letter.wants_receipt {
        field("Disposition-Notification-To", &address(letter.from), out);
    }
    match letter.automatic {
        Automatic::No => {}
        Automatic::Generated => {
            raw("Auto-Submitted", "auto-generated", out);
            // No standard has it (RFC 2076 §3.9), and most programs that answer by themselves go by it.
            raw("Precedence", "bulk", out);
            // Exchange, whose failures are wanted all the same.
            raw("X-Auto-Response-Suppress", "OOF, AutoReply", out);
        }
        Automatic::Replied => {
            raw("Auto-Submitted", "auto-replied", out);
            // What Exchange looks at before it answers.
            raw("X-Auto-Response-Suppress", "All", out);
        }
    }
}

fn conversation(letter: &Letter<'_>, out: &mut Vec<u8>) {
    if let Some(id) = letter.in_reply_to {
        field("In-Reply-To", &message_id::MessageId::from(vec![id.as_str()]), out);
    }
    let references = shortened(letter.references);
    if !references.is_empty() {
        field("References", &message_id::MessageId::from(references), out);
    }
    if let Some(outlook) = letter.outlook {
        words("Thread-Topic", outlook.topic, out);
        // Base64 may be folded anywhere, as those who write it do.
        let clean: String = outlook.index.chars().filter(|c| is_base64(*c)).collect();
        let pieces: Vec<&str> =
            clean.as_bytes().chunks(LINE_CHARS).filter_map(|piece| std::str::from_utf8(piece).ok()).collect();
        raw("Thread-Index", &pieces.join("\r\n "), out);
    }
}

const LINE_CHARS: usize = 64;

fn is_base64(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '+' | '/' | '=')
}

/// RFC 2156 §5.3.4 has words, and most clients go by the number.
fn mark((importance, priority): (&str, &str), out: &mut Vec<u8>) {
    raw("Importance", importance, out);
    raw("X-Priority", priority, out);
}

fn field(name: &str, value: &impl Header, out: &mut Vec<u8>) {
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(b": ");
    value.write_header(out, name.len() + 2);
}

fn raw(name: &str, value: &str, out: &mut Vec<u8>) {
    for piece in [name, ": ", value, "\r\n"] {
        out.extend_from_slice(piece.as_bytes());
    }
}

/// A field of free words.
pub(super) fn words(name: &str, text: &str, out: &mut Vec<u8>) {
    let text = one_line(text);
    // A reader would take it for encoded words.
    match text.contains("=?") {
        true => raw(name, &encoded_words(&text), out),
        false => field(name, &Text::new(text), out),
    }
}

fn address(mailbox: &Mailbox) -> Address<'_> {
    // Within quotes nothing is an encoded word, and many readers take it for one.
    let short = |name: &str| one_line(name).chars().take(limits::NAME_CHARS_MAX).collect::<String>();
    let name = mailbox.name.as_deref().map(|name| short(name).replace("=?", "= ?"));
    // Every server takes a domain in its ASCII form, and every reader knows it; few do of the other (RFC 6532).
    let ascii = mailbox.address.to_ascii();
    let address = ascii.map_or(Cow::Borrowed(mailbox.address.as_str()), Cow::Owned);
    Address::new_address(name.filter(|name| !name.is_empty()), address)
}

/// The first ids and the last ones (RFC 5322 §3.6.4 sets no limit; header lines have one).
pub(super) fn shortened(references: &[MessageId]) -> Vec<&str> {
    let most = limits::COMPOSED_REFERENCES_MAX;
    let skipped = references.len().saturating_sub(most);
    let is_kept = |place: usize| place == 0 || place > skipped || skipped == 0;
    let kept = references.iter().enumerate().filter(|(place, _)| is_kept(*place));
    kept.map(|(_, id)| id.as_str()).collect()
}
