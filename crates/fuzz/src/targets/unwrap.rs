//! The structure of a mail: originals, attachments, digests, reports.

use message::{Message, Method, attachments, identity, report, unwrap};
use model::limits;

/// Whatever was found lies within the mail, and can be read by itself.
pub(super) fn read(raw: &[u8]) {
    let Ok(message) = message::read(raw) else { return };
    originals(&message);
    let text = message.text();
    assert!(text.len() <= limits::TEXT_BYTES_MAX, "the text is too long");
    let digest = identity::text_digest(&text);
    assert_eq!(digest, identity::text_digest(&identity::normalized(&text)), "normalizing changed the text");
    identity::content_digest(&message, &text);
    for attachment in message.attachments() {
        let end = attachment.body_offset + attachment.body_length;
        let encoded = message.raw().get(attachment.body_offset..end);
        let Some(encoded) = encoded else { panic!("an attachment lies outside the mail") };
        let decoded = attachments::decode(encoded, attachment.encoding);
        assert_eq!(decoded.len(), attachment.size_bytes, "an attachment has another size");
        assert!(!attachment.filename.contains(['/', '\\']), "a file name leads elsewhere");
        assert!(!attachment.filename.is_empty(), "a file has no name");
    }
    let is_report = report::read(&message).is_some();
    assert_eq!(is_report, message.header().marks.report, "a report is none");
}

fn originals(message: &Message<'_>) {
    let Ok(left_alone) = unwrap::originals(message, false) else {
        panic!("a mail that is not opened is refused")
    };
    assert!(left_alone.originals.iter().all(|original| original.method != Method::Attached), "it was opened");
    let Ok(unwrapped) = unwrap::originals(message, true) else { return };
    assert!(!unwrapped.originals.is_empty(), "a mail carries nothing, not even itself");
    assert!(unwrapped.originals.len() <= limits::ORIGINALS_MAX + 1, "there are too many originals");
    for original in &unwrapped.originals {
        assert!(message::read(&original.raw).is_ok(), "an original cannot be read");
        // A quotation is written anew, in UTF-8 and with a header of its own.
        let bytes_max = message.raw().len() * if original.is_guess { 4 } else { 1 } + 4_096;
        assert!(original.raw.len() <= bytes_max, "an original is larger than its mail");
    }
}
