//! Answering an e-mail and carrying it on: whom an answer goes to, its subject, what it quotes and takes along.

use std::collections::HashSet;

use message::{Message, attachments, quote, subject};
use model::decision::RecordRef;
use model::{EmailAddress, Id, Mailbox, limits};
use store::{Organization, Read, StoreError};

use super::draft::{Draft, Earlier, File, Recipient};
use crate::CrmError;
use crate::templates::record_of;

/// What is done with an e-mail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AnswerKind {
    /// Its sender is answered.
    Reply,
    /// All who are on it are answered.
    ReplyAll,
    /// It is carried on to others, with its files.
    Forward,
}

/// The beginning of an answer: everything but what its writer says.
#[derive(Debug, Clone)]
pub struct Answer {
    /// Recipients, subject, conversation, and the files that go along.
    pub draft: Draft,
    /// What stands below the writer's own words.
    pub quotation: quote::Quotation,
}

impl Answer {
    /// The same with nothing below its writer's words.
    pub fn without_quotation(mut self) -> Self {
        self.quotation = quote::Quotation { text: String::new(), html: String::new() };
        self
    }

    /// The draft with the writer's words above the quotation. Without HTML of his it is plain text, and of the files that
    /// only HTML shows none goes along.
    pub fn with(mut self, text: &str, html: Option<&str>) -> Draft {
        let own = text.trim_end();
        let is_forward = matches!(self.draft.about.earlier, Some(Earlier::Forwarded(_)));
        self.draft.what.text = match (own.is_empty(), html) {
            // Made of the HTML, the quotation included.
            (true, Some(_)) => String::new(),
            (true, None) => self.quotation.text,
            (false, _) => format!("{own}\n\n{}", self.quotation.text).trim_end().to_owned(),
        };
        self.draft.what.html = html.map(|html| format!("{html}\n<br>\n{}", self.quotation.html));
        if html.is_none() && !is_forward {
            self.draft.what.files.clear();
        }
        self.draft
    }
}

/// Begins an answer to an e-mail by an address of ours, or a forward of it.
///
/// An answer goes to Reply-To before From; one to a mail that we wrote goes to whom that went. Nobody gets it twice, nor do
/// the writer himself or a sink.
///
/// # Errors
/// [`CrmError::NotFound`] where the e-mail is not here; [`CrmError::Invalid`] where it cannot be read.
pub fn answer(
    organization: &Organization,
    (email, kind): (Id, AnswerKind),
    from: &EmailAddress,
) -> Result<Answer, CrmError> {
    let row = organization.read(|read| read.email(email))?;
    let row = row.ok_or(CrmError::NotFound { what: "the e-mail to be answered" })?;
    let source = organization.blob(&row.blobid)?;
    let unreadable = |_| CrmError::Invalid("the e-mail cannot be read".to_owned());
    let received = message::read(&source).map_err(unreadable)?;
    let opened = message::content::open(&received);
    let message = message::read(&opened.raw).map_err(unreadable)?;
    let mut draft = Draft::by(from.clone());
    let is_forward = kind == AnswerKind::Forward;
    draft.what.files = files(&message, is_forward)?;
    let quotation = match is_forward {
        true => {
            draft.what.subject = subject::of_forward(&row.subject);
            draft.about.earlier = Some(Earlier::Forwarded(email));
            quote::forwarded(&message)
        }
        false => {
            draft.what.subject = subject::of_answer(&row.subject);
            draft.about.earlier = Some(Earlier::Answered(email));
            address(organization, (&mut draft, message.header()), (kind, row.directioncode))?;
            quote::answered(&message)
        }
    };
    Ok(Answer { draft, quotation })
}

/// Whom an answer goes to.
fn address(
    organization: &Organization,
    (draft, header): (&mut Draft, &message::Header),
    (kind, is_ours): (AnswerKind, bool),
) -> Result<(), CrmError> {
    let author: Vec<&Mailbox> = match (is_ours, header.reply_to.is_empty()) {
        (true, _) => header.to.iter().collect(),
        (false, false) => header.reply_to.iter().collect(),
        (false, true) => header.author().into_iter().collect(),
    };
    let is_all = kind == AnswerKind::ReplyAll;
    let to = author.iter().copied().chain(header.to.iter().filter(|_| is_all));
    let cc = header.cc.iter().filter(|_| is_all);
    let from = draft.who.from.clone();
    let (to, cc) = organization.read(|read| {
        let mut seen = HashSet::from([from.key()]);
        Ok::<_, StoreError>((others(read, to, &mut seen)?, others(read, cc, &mut seen)?))
    })?;
    (draft.who.to, draft.who.cc) = (to, cc);
    if draft.who.to.is_empty() && draft.who.cc.is_empty() {
        // Somebody wrote to himself.
        draft.who.to = author.into_iter().take(1).cloned().map(Recipient::from).collect();
    }
    Ok(())
}

/// Those who have not been seen yet and are no sinks.
fn others<'m>(
    read: &Read<'_>,
    mailboxes: impl Iterator<Item = &'m Mailbox>,
    seen: &mut HashSet<String>,
) -> Result<Vec<Recipient>, StoreError> {
    let mut others = Vec::new();
    for mailbox in mailboxes.take(limits::PARTIES_MAX) {
        if seen.insert(mailbox.address.key()) && !is_sink(read, &mailbox.address)? {
            others.push(Recipient::from(mailbox.clone()));
        }
    }
    Ok(others)
}

fn is_sink(read: &Read<'_>, address: &EmailAddress) -> Result<bool, StoreError> {
    let plain = address.split_detail().0;
    let records = read.records_by_address(&plain.key())?;
    Ok(records.iter().any(|record| record.entity.is_none()))
}

/// The pictures that a mail shows, and where it is carried on all its files.
fn files(message: &Message<'_>, is_forward: bool) -> Result<Vec<File>, CrmError> {
    let mut files = Vec::new();
    for row in message.attachments() {
        let is_picture = row.is_inline && row.mimetype.starts_with("image/") && row.content_id.is_some();
        if !is_forward && !is_picture {
            continue;
        }
        let end = row.body_offset.saturating_add(row.body_length);
        let encoded = message.raw().get(row.body_offset..end).unwrap_or_default();
        files.push(File {
            bytes: attachments::decode(encoded, row.encoding),
            name: row.filename,
            mimetype: row.mimetype,
            content_id: row.content_id,
        });
    }
    Ok(files)
}

/// The customer with an id that a mail may be about, whatever kind it is of.
///
/// # Errors
/// [`CrmError::NotFound`] where there is none.
pub fn record_named(organization: &Organization, id: Id) -> Result<RecordRef, CrmError> {
    let found = organization.read(|read| record_of(read, id))?;
    let customer = found.filter(|record| record.entity.is_customer());
    customer.ok_or(CrmError::NotFound { what: "the record that the mail is about" })
}
