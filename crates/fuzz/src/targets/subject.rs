//! Subjects: their canonical form and the tokens in them.

use message::{subject, token};

/// The canonical form is its own, and prefixes of answers do not change it.
pub(super) fn read(raw: &[u8]) {
    let text = String::from_utf8_lossy(raw);
    let prefixes = ["CRM:".to_owned(), "Ticket".to_owned()];
    let canonical = subject::canonical(&text, &prefixes);
    let again = subject::canonical(&canonical, &prefixes);
    assert_eq!(again, canonical, "the canonical form of a subject is not its own");
    // A longer one is cut, elsewhere where something stands before it.
    if text.len() < 500 {
        let answer = subject::canonical(&format!("Re: {text}"), &prefixes);
        assert_eq!(answer, canonical, "an answer has another subject");
    }
    let tokens = token::find(&text, &prefixes);
    assert!(tokens.iter().all(|token| !token.is_empty()), "a token is empty");
    let header = [b"Subject: ", raw, b"\r\n\r\n"].concat();
    if let Ok(header) = message::read_header(&header) {
        subject::canonical(&header.subject, &prefixes);
    }
}
