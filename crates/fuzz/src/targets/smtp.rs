//! What an SMTP server says, as one piece and split at places that the bytes themselves choose.

use connect::Kind;
use connect::smtp::reply::{Replies, Reply};

use super::pieces;

/// Splitting the bytes changes nothing; no reply is longer than what was said, nor breaks a line elsewhere than the server.
pub(super) fn read(raw: &[u8]) {
    let whole = said(&[raw]);
    assert!(said(&pieces(raw)) == whole, "the same bytes in other pieces are other replies");
    for reply in &whole.0 {
        assert!((200..600).contains(&reply.code) && !reply.is_ours, "no code of a server");
        assert!(!reply.text.contains(|c: char| c.is_control() && c != '\n'), "a control character");
    }
    // A byte that is no text becomes a character of three.
    let told: usize = whole.0.iter().map(|reply| reply.text.len()).sum();
    assert!(told <= 3 * raw.len(), "more came out than was said");
}

fn said(pieces: &[&[u8]]) -> (Vec<Reply>, Option<Kind>) {
    let (mut replies, mut said, mut input) = (Replies::default(), Vec::new(), Vec::new());
    for piece in pieces {
        input.extend_from_slice(piece);
        loop {
            let mut rest = input.as_slice();
            let next = replies.next(&mut rest);
            let used = input.len() - rest.len();
            input.drain(..used);
            match next {
                Ok(None) => break,
                Ok(Some(reply)) => said.push(reply),
                Err(error) => return (said, Some(error.kind)),
            }
        }
    }
    (said, None)
}
