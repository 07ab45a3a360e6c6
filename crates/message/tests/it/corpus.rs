//! Every file is read in every way: nothing panics, nothing takes long, and what is found lies within the mail.

use std::path::Path;
use std::time::{Duration, Instant};

use message::{attachments, body, content, identity, reply, report, subject, token, unwrap};

#[test]
fn every_file_is_read() {
    let Some(folder) = super::folder() else { return };
    let files = super::files(&folder);
    assert!(!files.is_empty(), "the corpus is empty");
    let mut messages = 0;
    let mut total = Duration::ZERO;
    for path in &files {
        let raw = std::fs::read(path).unwrap();
        let begun = Instant::now();
        messages += usize::from(read_in_every_way(path, &raw));
        let took = begun.elapsed();
        total += took;
        assert!(took < Duration::from_secs(2), "{} took {took:?}", path.display());
    }
    println!("{messages} messages in {} files, {total:?}", files.len());
    assert!(messages > files.len() / 2, "only {messages} of {} files are messages", files.len());
}

fn read_in_every_way(path: &Path, raw: &[u8]) -> bool {
    let Ok(message) = message::read(raw) else { return false };
    let header = message.header();
    assert_eq!(Ok(header), message::read_header(raw).as_ref(), "{}", path.display());
    let prefixes = ["CRM:".to_owned()];
    let canonical = subject::canonical(&header.subject, &prefixes);
    assert_eq!(subject::canonical(&canonical, &prefixes), canonical, "{}", path.display());
    token::find(&header.subject, &prefixes);
    let text = message.text();
    let digest = identity::text_digest(&text);
    assert_eq!(digest, identity::text_digest(&identity::normalized(&text)), "{}", path.display());
    let content = identity::content_digest(&message, &text);
    let says_nothing = identity::normalized(&text).is_empty();
    assert!(content == digest || says_nothing, "{}", path.display());
    for attachment in message.attachments() {
        let end = attachment.body_offset + attachment.body_length;
        let encoded = message.raw().get(attachment.body_offset..end).unwrap();
        let decoded = attachments::decode(encoded, attachment.encoding);
        assert_eq!(decoded.len(), attachment.size_bytes, "{}", path.display());
        assert!(!attachment.filename.contains(['/', '\\']) && !attachment.filename.is_empty());
    }
    if let Ok(unwrapped) = unwrap::originals(&message, true) {
        assert!(!unwrapped.originals.is_empty(), "{}", path.display());
    }
    assert_eq!(report::read(&message).is_some(), header.marks.report, "{}", path.display());
    let shown = body::shown(&message, &body::ShownOptions::default());
    assert!(!shown.html.to_lowercase().contains("<script"), "{}", path.display());
    body::preview(&message, &message.readable());
    let lines: usize = reply::blocks(&text).iter().map(|block| block.text.split('\n').count()).sum();
    assert_eq!(lines, text.lines().count(), "{}", path.display());
    let opened = content::open(&message);
    if opened.is_opened() {
        let inner = message::read(&opened.raw).unwrap();
        inner.attachments();
        body::shown(&inner, &body::ShownOptions::default());
    }
    true
}
