//! Sending a mail by a command: what was typed, into a draft.

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use crm::CrmError;
use crm::outbox::{self, AnswerKind, Automatic, Draft, File, Importance, Recipient};
use crm::templates::{self, Wish};
use model::{EmailAddress, Id, Mailbox, Timestamp};
use serde::{Deserialize, Serialize};
use store::Organization;

use super::{CommandError, Reply, address, organization};
use crate::house::House;

/// A mail to be sent.
#[derive(Default, Serialize, Deserialize)]
pub struct SendMail {
    /// The organization's name.
    pub organization: String,
    /// Who writes: the address of a user or a queue.
    pub from: String,
    /// To whom: addresses, with names or without. An answer knows it by itself.
    pub to: Vec<String>,
    /// Who else is to see it.
    pub cc: Vec<String>,
    /// Who else is to see it, unseen by the others.
    pub bcc: Vec<String>,
    /// Its subject; that of an answer is made where this is empty.
    pub subject: String,
    /// The tracking token that its subject gets, as `postroom outbox token` gave it.
    pub token: Option<String>,
    /// Its text.
    pub text: String,
    /// Its HTML.
    pub html: Option<String>,
    /// The title of the template that it is made of, and the tag of a language.
    pub template: Option<(String, Option<String>)>,
    /// Whether the signature of the user who writes stands below it.
    pub is_signed: bool,
    /// What is attached.
    pub files: Vec<SentFile>,
    /// The e-mail that it answers or carries on, and which of both.
    pub earlier: Option<(String, EarlierMail)>,
    /// Whether that one is not quoted.
    pub is_without_quotation: bool,
    /// The id of the record that it is about.
    pub regarding: Option<String>,
    /// How much it matters: 0 as most, less is little, more is much.
    pub importance: i32,
    /// Whether it asks to be told that it was read.
    pub wants_read_receipt: bool,
    /// Whether it asks to be told that it was delivered.
    pub wants_delivery_receipt: bool,
    /// When it goes out; else at once.
    pub when: Option<When>,
    /// Whether it goes to many: behind what persons write, and not to whom wants no such mail.
    pub is_bulk: bool,
    /// Whether it is kept as a draft.
    pub is_draft: bool,
    /// Under one key it is sent once.
    pub key: Option<String>,
}

/// A file that is attached.
#[derive(Serialize, Deserialize)]
pub struct SentFile {
    /// Its name.
    pub name: String,
    /// What it holds, in base64.
    pub base64: String,
}

/// What is done with an earlier e-mail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum EarlierMail {
    /// Its sender is answered.
    Answered,
    /// All on it are answered.
    AnsweredToAll,
    /// It is carried on to others.
    Forwarded,
}

/// When a mail goes out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum When {
    /// Not before this time, in milliseconds since 1970.
    At(i64),
    /// In so many seconds, until when it can be taken back.
    In(i64),
}

impl When {
    pub(super) fn from(self, now: Timestamp) -> Timestamp {
        match self {
            When::At(time) => Timestamp(time),
            When::In(seconds) => now.plus_seconds(seconds),
        }
    }
}

pub(super) async fn send(house: &House, mail: SendMail) -> Result<Reply, CommandError> {
    let organization = organization(house, &mail.organization)?;
    let now = house.moment()?.now;
    let is_draft = mail.is_draft;
    let draft = draft(&organization, mail, now)?;
    if is_draft {
        let kept = outbox::save_draft(&organization, draft, house.moment()?).await?;
        return Ok(Reply::SentMail(kept.to_string()));
    }
    let sent = outbox::send(&organization, draft, (house.moment()?.id(), house.moment()?)).await?;
    Ok(Reply::SentMail(sent.to_string()))
}

/// What was typed, as a draft.
fn draft(organization: &Arc<Organization>, mail: SendMail, now: Timestamp) -> Result<Draft, CommandError> {
    let mut draft = begun(organization, &mail)?;
    for (list, given) in
        [(&mut draft.who.to, &mail.to), (&mut draft.who.cc, &mail.cc), (&mut draft.who.bcc, &mail.bcc)]
    {
        if !given.is_empty() {
            *list = mailboxes(given)?.into_iter().map(Recipient::from).collect();
        }
    }
    if !mail.subject.is_empty() {
        draft.what.subject = mail.subject;
    }
    for file in mail.files {
        draft.what.files.push(File {
            mimetype: message::compose::media_type(&file.name).to_owned(),
            content_id: Some(file.name.clone()),
            name: file.name,
            bytes: STANDARD.decode(file.base64)?,
        });
    }
    if let Some(id) = mail.regarding {
        let id = id.parse().map_err(|_| CommandError::NoRecord(id))?;
        draft.about.regarding = Some(outbox::record_named(organization, id)?);
    }
    if let Some((title, language)) = &mail.template {
        let language = language.as_deref().map(super::templates::tag).transpose()?;
        let wish = Wish { title, language, user: None, regarding: None, sender: None };
        draft = templates::fill(organization, &wish, draft)?;
        if mail.is_signed {
            let (text, html) = (&draft.what.text, draft.what.html.as_deref());
            (draft.what.text, draft.what.html) = signed(organization, &draft.who.from, (text, html))?;
        }
    }
    draft.how.importance = match mail.importance {
        0 => Importance::Normal,
        ..0 => Importance::Low,
        _ => Importance::High,
    };
    draft.how.wants_read_receipt = mail.wants_read_receipt;
    draft.how.wants_delivery_receipt = mail.wants_delivery_receipt;
    if mail.is_bulk {
        draft.how.automatic = Automatic::Generated;
    }
    draft.what.token = mail.token;
    draft.due = mail.when.map(|when| when.from(now));
    draft.key = mail.key;
    Ok(draft)
}

/// The draft of an answer, or an empty one, with the text that was typed.
fn begun(organization: &Arc<Organization>, mail: &SendMail) -> Result<Draft, CommandError> {
    let from = address(&mail.from)?;
    let own = (mail.text.as_str(), mail.html.as_deref());
    let (text, html) = match mail.is_signed && mail.template.is_none() {
        true => signed(organization, &from, own)?,
        false => (mail.text.clone(), mail.html.clone()),
    };
    let Some((id, done)) = &mail.earlier else {
        let mut draft = Draft::by(from);
        (draft.what.text, draft.what.html) = (text, html);
        return Ok(draft);
    };
    let kind = match done {
        EarlierMail::Answered => AnswerKind::Reply,
        EarlierMail::AnsweredToAll => AnswerKind::ReplyAll,
        EarlierMail::Forwarded => AnswerKind::Forward,
    };
    let id: Id = id.parse().map_err(|_| CommandError::NoEmail(id.clone()))?;
    let mut answer = outbox::answer(organization, (id, kind), &from)?;
    if mail.is_without_quotation {
        answer = answer.without_quotation();
    }
    Ok(answer.with(&text, html.as_deref()))
}

/// Text and HTML with the signature of the user below them who has this address.
fn signed(
    organization: &Organization,
    from: &EmailAddress,
    (text, html): (&str, Option<&str>),
) -> Result<(String, Option<String>), CommandError> {
    let user = crm::records::people::user_by_address(organization, from)?.systemuserid;
    let signature = outbox::signature(organization, user)?;
    let signature = signature.ok_or(CrmError::NotFound { what: "the signature of who writes" })?;
    // Where there is HTML alone the text is made of that.
    let text = if text.is_empty() && html.is_some() { String::new() } else { signature.below(text) };
    Ok((text, html.map(|html| signature.below_html(html))))
}

/// Addresses as a person writes them; each has to be one.
fn mailboxes(texts: &[String]) -> Result<Vec<Mailbox>, CommandError> {
    let one = |text: &String| match message::addresses::read(text.as_bytes()).as_slice() {
        [mailbox] => Ok(mailbox.clone()),
        _ => Err(CommandError::NotAnAddress(text.clone())),
    };
    texts.iter().map(one).collect()
}
