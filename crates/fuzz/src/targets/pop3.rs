//! What a POP3 server says, as one piece and split at places that the bytes themselves choose.

use connect::Kind;
use connect::pop3::reply::{Event, Replies, Status};

use super::pieces;

/// Splitting the bytes changes nothing; a text is shorter than what was said, and comes only where one was begun.
pub(super) fn read(raw: &[u8]) {
    let whole = said(&[raw]);
    assert!(said(&pieces(raw)) == whole, "the same bytes in other pieces are other replies");
    let told: usize = whole.texts.iter().map(Vec::len).sum();
    assert!(told <= raw.len(), "more came out than was said");
}

#[derive(Default, PartialEq)]
struct Said {
    replies: Vec<Result<Status, Vec<u8>>>,
    texts: Vec<Vec<u8>>,
    ended: usize,
    error: Option<Kind>,
}

/// Every reply that is well has a text here.
fn said(pieces: &[&[u8]]) -> Said {
    let (mut replies, mut said, mut is_in_text) = (Replies::default(), Said::default(), false);
    for mut piece in pieces.iter().copied() {
        loop {
            match replies.next(&mut piece) {
                Ok(None) => break,
                Ok(Some(Event::Piece(bytes))) => {
                    assert!(is_in_text && !bytes.is_empty(), "a piece of nothing");
                    if let Some(text) = said.texts.last_mut() {
                        text.extend_from_slice(bytes);
                    }
                }
                Ok(Some(Event::End)) => {
                    assert!(std::mem::take(&mut is_in_text), "an end without a beginning");
                    said.ended += 1;
                }
                Ok(Some(Event::Status(status))) => {
                    assert!(!is_in_text, "a reply in a text");
                    if status.is_ok {
                        replies.begin_text();
                        said.texts.push(Vec::new());
                        is_in_text = true;
                    }
                    said.replies.push(Ok(status));
                }
                Ok(Some(Event::Go(challenge))) => said.replies.push(Err(challenge)),
                Err(error) => {
                    said.error = Some(error.kind);
                    return said;
                }
            }
        }
    }
    said
}
