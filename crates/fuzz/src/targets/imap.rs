//! What an IMAP server says, as one piece and split at places that the bytes themselves choose.

use connect::Kind;
use connect::imap::answer::{Answer, Answers, Event};
use connect::imap::fetch::Body;

use super::pieces;

/// Splitting the bytes changes nothing; a body is as long as it was announced; a message has the UID of its own answer
/// or none.
pub(super) fn read(raw: &[u8]) {
    let whole = said(&[raw]);
    assert!(said(&pieces(raw)) == whole, "the same bytes in other pieces are other answers");
}

type Said = (Vec<Answer>, Vec<Vec<u8>>, Option<Kind>);

fn said(pieces: &[&[u8]]) -> Said {
    let (mut answers, mut said, mut bodies) = (Answers::default(), Vec::new(), Vec::new());
    let mut body: Option<(u64, Vec<u8>)> = None;
    for mut piece in pieces.iter().copied() {
        loop {
            match answers.next(&mut piece) {
                Ok(None) => break,
                Ok(Some(Event::Body(size))) => {
                    assert!(body.is_none(), "a body in a body");
                    body = Some((size, Vec::new()));
                }
                Ok(Some(Event::Piece(bytes))) => {
                    let Some((_, body)) = &mut body else { panic!("a piece of nothing") };
                    body.extend_from_slice(bytes);
                }
                Ok(Some(Event::Answer(answer))) => {
                    ended(&answer, body.as_ref());
                    bodies.extend(body.take().map(|(_, body)| body));
                    said.push(answer);
                }
                Err(error) => return (said, bodies, Some(error.kind)),
            }
        }
    }
    (said, bodies, None)
}

/// Where a body came, this answer says so, and as much of it.
fn ended(answer: &Answer, body: Option<&(u64, Vec<u8>)>) {
    let told = match answer {
        Answer::Fetch(fetched) => match fetched.body {
            Some(Body::Streamed(size)) => Some(size),
            _ => None,
        },
        _ => None,
    };
    assert!(told == body.map(|(size, _)| *size), "a body that nobody tells of, or the other way");
    assert!(
        body.is_none_or(|(size, bytes)| u64::try_from(bytes.len()).is_ok_and(|length| length == *size)),
        "a body is not as long as it was said to be"
    );
}
