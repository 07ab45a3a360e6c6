//! Messages that are attached as mere files: `.eml` as `application/octet-stream`, as some gateways and phones do.
//!
//! What passes through: one part. Never takes a text for a message because it looks a little like one.

use crate::entity::Entity;
use crate::header::read_header;
use crate::message::Message;
use crate::transfer;

/// Whether a file holds a message: by its name or its type, and always by its first lines.
pub(super) fn is_message(message: &Message<'_>, entity: &Entity) -> bool {
    if !entity.children.is_empty() {
        return false;
    }
    let is_named = entity.filename().is_some_and(|name| name.to_ascii_lowercase().ends_with(".eml"));
    let is_plain_file = entity.mimetype == "application/octet-stream";
    let is_kind = matches!(
        entity.mimetype.as_str(),
        "application/eml" | "application/x-eml" | "message/eml" | "application/rfc822"
    );
    let may_be = is_kind || is_plain_file || (is_named && entity.is_attachment());
    may_be && begins_like_one(message.encoded(entity), entity)
}

/// Enough of a file to see how it begins.
const BEGINNING_BYTES: usize = 16 * 1024;

/// An author, and two more fields that mail has.
fn begins_like_one(encoded: &[u8], entity: &Entity) -> bool {
    let beginning = encoded.get(..BEGINNING_BYTES).unwrap_or(encoded);
    let decoded = transfer::decode(beginning, entity.encoding);
    let Ok(header) = read_header(&decoded) else { return false };
    let others = [
        header.date.is_some(),
        header.message_id.is_some(),
        !header.to.is_empty(),
        !header.subject.is_empty(),
        header.received_count > 0,
    ];
    header.author().is_some() && others.iter().filter(|found| **found).count() >= 2
}
