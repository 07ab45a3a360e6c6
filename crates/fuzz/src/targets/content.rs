//! Containers: `winmail.dat` and signed content, opened the same way every time and never to much more than they were.

use message::content;
use model::limits;

pub(super) fn read(raw: &[u8]) {
    let Ok(message) = message::read(raw) else { return };
    let opened = content::open(&message);
    assert_eq!(opened, content::open(&message), "the same bytes were opened in two ways");
    // Files are encoded anew at each depth; only compressed RTF is larger than it was.
    let bytes_max = 8 * message.raw().len() + 2 * limits::RTF_BYTES_MAX;
    assert!(opened.raw.len() <= bytes_max, "it grew beyond its limit");
    if opened.is_opened()
        && let Ok(inner) = message::read(&opened.raw)
    {
        inner.text();
        inner.attachments();
    }
}
