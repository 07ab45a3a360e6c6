//! What the hook before sending may change, and that its answer holds.
//!
//! What passes through: its answer becomes a row before the mail goes, so that the hook is asked once, and what it changes is
//! changed once, however often the mail is tried and whoever tries it.
//!
//! *Invariant:* who writes, and the mail's own id, are not the hook's to change: by these the mail stands on its record.

use std::sync::Arc;

use message::compose::{self, Change};
use model::schema::outbox::PreSend;
use model::{Moment, limits};
use store::{Organization, PreparedBlob, Priority, StoreError};

use super::queue::Claimed;
use crate::CrmError;

/// How a mail goes on by the hook's answer; of `PRE_SEND_ANSWERS`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PreSendAnswer {
    /// As it was written.
    Continue = 1,
    /// As the hook wants it.
    Change = 2,
    /// By the hook itself.
    Deliver = 3,
}

impl PreSendAnswer {
    pub(super) fn from_code(code: i32) -> Option<Self> {
        use PreSendAnswer::{Change, Continue, Deliver};
        [Continue, Change, Deliver].into_iter().find(|answer| *answer as i32 == code)
    }
}

/// What is to be otherwise.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Fields {
    /// Another subject.
    pub subject: Option<String>,
    /// Fields of the header that are added, or take the place of others of their name.
    pub headers: Vec<(String, String)>,
    /// Another text.
    pub text: Option<String>,
    /// Another HTML.
    pub html: Option<String>,
    /// Another mail; nothing else is given then.
    pub raw: Option<Vec<u8>>,
}

/// The mail with other fields.
///
/// # Errors
/// [`CrmError::Invalid`], in words: what is not the hook's to change, or too much.
pub fn rewritten(raw: &[u8], fields: Fields) -> Result<Vec<u8>, CrmError> {
    let is_raw = fields.raw.is_some();
    check(&fields)?;
    let changed = match fields.raw {
        Some(changed) => with_line_ends(&changed),
        None => {
            let change = Change {
                subject: fields.subject.as_deref(),
                added: &fields.headers,
                text: fields.text.as_deref(),
                html: fields.html.as_deref(),
            };
            compose::changed(raw, &change).map_err(|error| invalid(error.to_string()))?
        }
    };
    if changed.len() > limits::MESSAGE_BYTES_MAX {
        return Err(invalid("the mail would be larger than a mail may be"));
    }
    // What was taken over from the mail as it was written is no worse than that.
    if is_raw && !compose::is_sound(&changed) {
        return Err(invalid("a line of the mail has more than 998 characters, or is none"));
    }
    if signs(raw)? != signs(&changed)? {
        return Err(invalid("From and Message-ID may not be changed"));
    }
    Ok(changed)
}

fn check(fields: &Fields) -> Result<(), CrmError> {
    let is_other = fields.subject.is_some()
        || fields.text.is_some()
        || fields.html.is_some()
        || !fields.headers.is_empty();
    match (&fields.raw, is_other) {
        (Some(_), true) => {
            return Err(invalid("another mail and single changes of it are not given together"));
        }
        (None, false) => return Err(invalid("a change changes nothing")),
        _ => {}
    }
    if fields.subject.as_ref().is_some_and(|subject| subject.chars().count() > limits::SUBJECT_CHARS_MAX) {
        return Err(invalid("the subject is too long"));
    }
    if fields.html.as_ref().is_some_and(|html| html.len() > limits::SHOWN_BODY_BYTES_MAX) {
        return Err(invalid("the HTML is too large"));
    }
    if fields.headers.len() > limits::HOOK_FIELDS_MAX {
        return Err(invalid(format!("more than {} fields are added", limits::HOOK_FIELDS_MAX)));
    }
    match fields.headers.iter().find(|(name, value)| !is_addable(name) || !is_value(value)) {
        Some((name, _)) => Err(invalid(format!("the field “{}” may not be added", name.escape_debug()))),
        None => Ok(()),
    }
}

/// Fields that say nothing of who writes, to whom, when, what it answers, or how it is made.
fn is_addable(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    let is_name = (1..=76).contains(&name.len())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    let is_free = (name.starts_with("x-") && !name.starts_with("x-postroom-")) || name.starts_with("list-");
    is_name && (is_free || ADDABLE.contains(&name.as_str()))
}

const ADDABLE: [&str; 5] = ["comments", "feedback-id", "keywords", "organization", "precedence"];

fn is_value(value: &str) -> bool {
    !value.trim().is_empty()
        && value.len() <= limits::HOOK_FIELD_BYTES_MAX
        && !value.chars().any(char::is_control)
}

/// By what a mail is known again.
fn signs(raw: &[u8]) -> Result<(Vec<String>, Option<String>), CrmError> {
    let header = message::read_header(raw).map_err(|error| invalid(error.to_string()))?;
    let from = header.from.iter().map(|from| from.address.key()).collect();
    Ok((from, header.message_id.map(|id| id.as_str().to_owned())))
}

/// With the line ends of mail: programs write lines as Unix does.
fn with_line_ends(raw: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(raw.len() + raw.len() / 32);
    for line in raw.split_inclusive(|byte| *byte == b'\n') {
        match line.strip_suffix(b"\n") {
            Some(text) => {
                out.extend_from_slice(text.strip_suffix(b"\r").unwrap_or(text));
                out.extend_from_slice(b"\r\n");
            }
            None => {
                out.extend_from_slice(line);
                out.extend_from_slice(b"\r\n");
            }
        }
    }
    out
}

fn invalid(words: impl Into<String>) -> CrmError {
    CrmError::Invalid(words.into())
}

/// Notes what the hook said, and what goes out in place of what was written. Says whether whoever asked still has the mail;
/// else nothing was noted, and it is not his to send.
///
/// # Errors
/// Where the store cannot do it.
pub async fn note_pre_send(
    organization: &Arc<Organization>,
    claimed: &Claimed,
    (answer, changed): (PreSendAnswer, Option<PreparedBlob>),
    moment: Moment,
) -> Result<bool, CrmError> {
    let mail = claimed.mail.clone();
    let unit = organization.unit(Priority::Intake, move |tx| {
        let row = PreSend {
            activityid: mail.activityid,
            answer: answer as i32,
            sentblobid: changed.as_ref().map(|blob| blob.blobid.to_vec()),
            answeredon: moment.now,
        };
        if !tx.note_pre_send(&mail, &row)? {
            return Ok(false);
        }
        if let Some(blob) = &changed {
            tx.keep_blob(blob)?;
        }
        Ok::<_, StoreError>(true)
    });
    Ok(unit.await?)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAIL: &[u8] =
        b"Message-ID: <a@contoso.test>\r\nFrom: Jane <jane@contoso.test>\r\nSubject: Offer\r\n\r\nFifty?\r\n";

    fn refused(fields: Fields, words: &str) {
        let said = rewritten(MAIL, fields).unwrap_err().to_string();
        assert!(said.contains(words), "{said}");
    }

    fn field(name: &str, value: &str) -> Fields {
        Fields { headers: vec![(name.to_owned(), value.to_owned())], ..Fields::default() }
    }

    fn raw(text: &str) -> Fields {
        Fields { raw: Some(text.as_bytes().to_vec()), ..Fields::default() }
    }

    #[test]
    fn who_writes_and_which_mail_it_is_are_not_the_hooks_to_change() {
        for name in ["From", "Bcc", "Message-ID", "X-Postroom-Recipient", "Content-Type", "X Y", "X-A:", ""] {
            refused(field(name, "a"), "may not be added");
        }
        refused(field("X-A", "a\r\nBcc: b@c.test"), "may not be added");
        refused(raw("From: ben@contoso.test\nMessage-ID: <a@contoso.test>\n\nHi\n"), "From and Message-ID");
        refused(raw("From: jane@contoso.test\nMessage-ID: <b@contoso.test>\n\nHi\n"), "From and Message-ID");
        refused(raw("From: jane@contoso.test\nMessage-ID: <a@contoso.test>\n\nHi\r.\n"), "998 characters");
        refused(raw("no mail"), "header");
        refused(Fields::default(), "changes nothing");
    }

    #[test]
    fn what_may_be_changed_is() {
        let mail = rewritten(MAIL, field("List-Unsubscribe", "<https://contoso.test/out>")).unwrap();
        assert!(
            String::from_utf8(mail).unwrap().contains("List-Unsubscribe: <https://contoso.test/out>\r\n")
        );
        let mail =
            rewritten(MAIL, raw("From: jane@contoso.test\nMessage-ID: <a@contoso.test>\n\nHi\n")).unwrap();
        assert!(mail.ends_with(b"\r\n\r\nHi\r\n"));
        let fields = Fields {
            subject: Some("Sixty".to_owned()),
            text: Some("Sixty?".to_owned()),
            ..Fields::default()
        };
        let mail = rewritten(MAIL, fields).unwrap();
        assert!(String::from_utf8(mail).unwrap().ends_with("Sixty?\r\n"));
    }
}
