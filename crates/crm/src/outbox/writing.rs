//! A draft in the form in which it travels. What passes through: a draft that is checked, into the bytes of a mail.

use std::collections::HashSet;

use message::compose::{Attached, Letter, Outlook, compose};
use message::{subject, thread_index};
use model::decision::{Entity, RecordRef};
use model::{EmailAddress, Id, Mailbox, MessageId, Moment, limits};
use store::Organization;

use super::draft::{Draft, Earlier, File, Recipient, Who};
use super::{answer_address, send_as};
use crate::CrmError;
use crate::intake::gather;

/// Writes a draft as the e-mail with this id, at this moment.
///
/// # Errors
/// [`CrmError::Invalid`] where it cannot be sent as it is, in words; [`CrmError::NotFound`] where what it answers is not here.
pub(super) fn write(
    organization: &Organization,
    draft: &Draft,
    (email, moment): (Id, &Moment),
) -> Result<Vec<u8>, CrmError> {
    check(draft)?;
    let from = writer(organization, &draft.who)?;
    let thread = draft.about.earlier.map(|earlier| thread(organization, earlier, moment)).transpose()?;
    let thread = thread.unwrap_or_default();
    // The Message-ID carries the record.
    let message_id = own_id(email, &draft.who.from)?;
    let [to, cc, bcc] = [&draft.who.to, &draft.who.cc, &draft.who.bcc].map(|list| mailboxes(list));
    let files: Vec<Attached<'_>> = draft.what.files.iter().map(attached).collect();
    let outlook = thread.outlook.as_ref();
    let raw = compose(&Letter {
        to: &to,
        cc: &cc,
        bcc: &bcc,
        subject: &draft.what.subject,
        text: &draft.what.text,
        html: draft.what.html.as_deref(),
        attachments: &files,
        in_reply_to: thread.ids.last().filter(|_| thread.is_answer),
        references: &thread.ids,
        outlook: outlook.map(|(index, topic)| Outlook { index, topic }),
        importance: draft.how.importance,
        wants_receipt: draft.how.wants_read_receipt,
        automatic: draft.how.automatic,
        ..Letter::new(&message_id, moment.now, &from)
    });
    let raw = answer_address::with_reply_to(organization, raw, (email, &draft.who.from))?;
    if raw.len() > limits::MESSAGE_BYTES_MAX {
        return Err(CrmError::Invalid(too_large(raw.len())));
    }
    Ok(raw)
}

fn too_large(bytes: usize) -> String {
    let most = limits::MESSAGE_BYTES_MAX / 1_048_576;
    format!(
        "the mail is too large: {} MiB with its files, and {most} MiB is the most",
        bytes.div_ceil(1_048_576)
    )
}

fn mailboxes(list: &[Recipient]) -> Vec<Mailbox> {
    list.iter().map(|recipient| recipient.mailbox.clone()).collect()
}

fn attached(file: &File) -> Attached<'_> {
    Attached {
        name: &file.name,
        mimetype: &file.mimetype,
        content_id: file.content_id.as_deref(),
        bytes: &file.bytes,
    }
}

/// What no mail may be, whoever gets it.
fn check(draft: &Draft) -> Result<(), CrmError> {
    let what = &draft.what;
    if what.files.len() > limits::ATTACHMENTS_MAX {
        let most = limits::ATTACHMENTS_MAX;
        return Err(CrmError::Invalid(format!(
            "a mail has at most {most} files, this one {}",
            what.files.len()
        )));
    }
    // Longer HTML would lose its form where it is cleaned, and in the pages of most clients.
    if what.html.as_ref().is_some_and(|html| html.len() > limits::SHOWN_BODY_BYTES_MAX) {
        let most = limits::SHOWN_BODY_BYTES_MAX / 1_048_576;
        return Err(CrmError::Invalid(format!("the HTML of the mail is too large: {most} MiB is the most")));
    }
    let files: usize = what.files.iter().map(|file| file.bytes.len()).sum();
    let bytes = files.saturating_add(what.text.len());
    if bytes > limits::MESSAGE_BYTES_MAX {
        return Err(CrmError::Invalid(too_large(bytes)));
    }
    if what.subject.chars().count() > limits::SUBJECT_CHARS_MAX {
        let most = limits::SUBJECT_CHARS_MAX;
        return Err(CrmError::Invalid(format!("a subject has at most {most} characters")));
    }
    Ok(())
}

/// Everybody in the envelope, each once.
pub(super) fn recipients(draft: &Draft) -> Result<Vec<EmailAddress>, CrmError> {
    let mut seen = HashSet::new();
    let all = draft.who.recipients().map(|recipient| &recipient.mailbox.address);
    let recipients: Vec<EmailAddress> = all.filter(|address| seen.insert(address.key())).cloned().collect();
    match recipients.len() {
        0 => Err(CrmError::Invalid("the mail has no recipient".to_owned())),
        count if count > limits::OUTBOX_RECIPIENTS_MAX => {
            let most = limits::OUTBOX_RECIPIENTS_MAX;
            Err(CrmError::Invalid(format!("a mail has at most {most} recipients, this one {count}")))
        }
        _ => Ok(recipients),
    }
}

/// Who writes, with his name.
fn writer(organization: &Organization, who: &Who) -> Result<Mailbox, CrmError> {
    let address = &who.from;
    let ours = organization.read(|read| gather::known_records(read, address))?;
    let writes = |entity: Entity| matches!(entity, Entity::SystemUser | Entity::Queue);
    let known = ours.into_iter().find(|known| writes(known.record.entity) && known.is_active);
    let Some(known) = known else {
        return Err(CrmError::Invalid(format!("{address} is no address of a user or a queue here")));
    };
    send_as::check(organization, who.author, &known)?;
    let name = Some(known.name).filter(|name| !name.is_empty());
    Ok(Mailbox { name, address: address.clone() })
}

/// The records that were chosen for recipients, by address.
///
/// # Errors
/// [`CrmError::Invalid`] where a record has not the address.
pub(super) fn chosen(
    organization: &Organization,
    draft: &Draft,
) -> Result<Vec<(String, RecordRef)>, CrmError> {
    let mut chosen = Vec::new();
    for recipient in draft.who.recipients() {
        let Some(record) = recipient.record else { continue };
        let address = &recipient.mailbox.address;
        let known = organization.read(|read| gather::known_records(read, address))?;
        if !known.iter().any(|known| known.record == record) {
            let kind = record.entity.name();
            return Err(CrmError::Invalid(format!("the {kind} {} has not the address {address}", record.id)));
        }
        chosen.push((address.key(), record));
    }
    Ok(chosen)
}

/// The conversation that a mail continues.
#[derive(Default)]
struct Thread {
    /// The ids up to the e-mail that is answered, that one's last.
    ids: Vec<MessageId>,
    is_answer: bool,
    /// `Thread-Index` and `Thread-Topic`.
    outlook: Option<(String, String)>,
}

fn thread(organization: &Organization, earlier: Earlier, moment: &Moment) -> Result<Thread, CrmError> {
    let (id, is_answer) = match earlier {
        Earlier::Answered(id) => (id, true),
        Earlier::Forwarded(id) => (id, false),
    };
    let answered = organization.read(|read| read.email(id))?;
    let answered = answered.ok_or(CrmError::NotFound { what: "the e-mail to be answered" })?;
    let source = organization.blob(&answered.blobid)?;
    let header = message::read_header(&source);
    let mut ids = match &header {
        Ok(header) if header.references.is_empty() => header.in_reply_to.clone(),
        Ok(header) => header.references.clone(),
        Err(_) => Vec::new(),
    };
    match answered.messageid.as_deref().and_then(MessageId::parse) {
        Some(own) => {
            ids.retain(|id| *id != own);
            ids.push(own);
        }
        // There is nothing that an answer could name.
        None => ids.clear(),
    }
    let chance = moment.again().id().0[15];
    let index = thread_index::answer(&source, moment.now, chance);
    let topic = |index| (index, subject::topic(&answered.subject).to_owned());
    Ok(Thread { ids, is_answer, outlook: index.map(topic) })
}

/// A Message-ID of our own. The domain is that of the writer, as for any client of his (RFC 5322 §3.6.4).
fn own_id(email: Id, from: &EmailAddress) -> Result<MessageId, CrmError> {
    let domain = from.domain_key();
    let text = format!("{email}.postroom{domain}");
    MessageId::parse(&text).ok_or_else(|| CrmError::Invalid(format!("{from} makes no Message-ID")))
}
