//! What is new in a reply: no line is lost, and each stands in one block.

use message::reply;

pub(super) fn read(raw: &[u8]) {
    let text = String::from_utf8_lossy(raw);
    let blocks = reply::blocks(&text);
    let mut lines = blocks.iter().flat_map(|block| block.text.split('\n'));
    // `lines` of the standard library takes a carriage return off the end of a line.
    assert!(text.lines().all(|line| lines.next() == Some(line)), "a line was lost or moved");
    assert!(lines.next().is_none(), "a line was made up");
    assert!(reply::own_text(&text).len() <= text.len() + 2 * blocks.len(), "the own text grew");
    if let Ok(message) = message::read(raw) {
        reply::of(&message, &message.readable(), 64 * 1024);
    }
}
