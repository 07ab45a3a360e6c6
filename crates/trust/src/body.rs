//! The canonical form of a body (RFC 6376 §3.4).

use mail_auth::AuthenticatedMessage;
use mail_auth::dkim::Canonicalization;

/// Hashes bodies anew that end with lines of blanks. In the relaxed form such lines are empty, and empty lines at the end
/// do not count (§3.4.4); the crate counts them, and would find signatures wrong that are not.
pub(crate) fn mend(message: &mut AuthenticatedMessage<'_>) {
    let body = message.raw_message.get(message.body_offset as usize..).unwrap_or_default();
    if !ends_with_blanks(body) {
        return;
    }
    for (form, algorithm, _, hash) in &mut message.body_hashes {
        if *form == Canonicalization::Relaxed {
            *hash = algorithm.hash(form.canonical_body(without_blanks(body), 0)).as_ref().to_vec();
        }
    }
}

/// Whether the last line that is not empty is one of blanks.
pub(crate) fn ends_with_blanks(body: &[u8]) -> bool {
    let is_line_end = |byte: &u8| matches!(byte, b'\r' | b'\n');
    let last = body.iter().rposition(|byte| !is_line_end(byte));
    last.and_then(|at| body.get(at)).is_some_and(|byte| matches!(byte, b' ' | b'\t'))
}

fn without_blanks(body: &[u8]) -> &[u8] {
    let is_blank = |byte: &u8| matches!(byte, b'\r' | b'\n' | b' ' | b'\t');
    let end = body.iter().rposition(|byte| !is_blank(byte)).map_or(0, |at| at + 1);
    body.get(..end).unwrap_or_default()
}

#[cfg(test)]
mod tests;
