//! The hook after an e-mail came: what it is told.

use std::sync::Arc;

use crm::following::Came;
use model::Id;
use model::decision::Entity;
use model::outcome::Reason;
use model::schema::emails::Email;
use serde::Serialize;
use store::{Organization, StoreError};

use super::contents::{Contents, NoContents, OfLong};
use super::{Call, Hook, NoAnswer};
use crate::commands::rfc_3339;

#[derive(Debug, Serialize)]
struct Told<'t> {
    #[serde(rename = "type")]
    kind: &'static str,
    /// The same whenever this is told.
    event: &'t str,
    organization: &'t str,
    email: String,
    received: String,
    message_id: Option<&'t str>,
    conversation: String,
    reason: &'static str,
    subject: &'t str,
    preview: &'t str,
    regarding: Option<Record>,
    parties: Vec<Party<'t>>,
    text: Option<String>,
    html: Option<String>,
    is_cut: bool,
    size: i64,
    raw: Option<String>,
}

/// A record, by its logical name and id.
#[derive(Debug, Serialize)]
struct Record {
    entity: &'static str,
    id: String,
}

#[derive(Debug, Serialize)]
struct Party<'t> {
    /// `from`, `to`, `cc`, `bcc`, or `other`.
    role: &'static str,
    name: Option<&'t str>,
    address: Option<&'t str>,
    record: Option<Record>,
}

/// Tells of an e-mail that came.
pub(crate) async fn tell(
    hook: &Hook,
    organization: &Arc<Organization>,
    (epoch, came): (Id, &Came),
) -> Result<(), NoAnswer> {
    let email = &came.email;
    let event = format!("post_deliver-{}-{epoch}-{}", organization.id(), came.eventid);
    let Contents { text, html, is_cut, raw, .. } = contents(hook, organization, email).await?;
    let told = Told {
        kind: "post_deliver",
        event: &event,
        organization: organization.name(),
        email: email.activityid.to_string(),
        received: rfc_3339(email.receivedon),
        message_id: email.messageid.as_deref(),
        conversation: email.conversationtrackingid.to_string(),
        reason: Reason::from_code(email.reason.into()).map_or("", Reason::name),
        subject: &email.subject,
        preview: &email.preview,
        regarding: record(email.regardingobjectid, email.regardingobjecttypecode),
        parties: came.parties.iter().map(party).collect(),
        text,
        html,
        is_cut,
        size: email.size,
        raw,
    };
    let call = Call::new(event.clone(), &told, 0)?;
    drop(told);
    hook.tell(call).await
}

/// What the e-mail says; nothing of one whose bytes are gone or damaged, or cannot be read any more: the event is told all the
/// same.
async fn contents(
    hook: &Hook,
    organization: &Arc<Organization>,
    email: &Email,
) -> Result<Contents, NoAnswer> {
    let (organization, blobid) = (Arc::clone(organization), email.blobid.clone());
    let read = tokio::task::spawn_blocking(move || organization.blob(&blobid)).await;
    let raw = match read.map_err(|_| NoAnswer::before("a fault of Postroom"))? {
        Ok(raw) => raw,
        Err(error @ (StoreError::NotFound | StoreError::Corrupt)) => {
            let email = email.activityid;
            tracing::warn!(%email, error = &error as &dyn std::error::Error, "the hook is told without the text");
            return Ok(Contents::default());
        }
        Err(error) => return Err(NoAnswer::before(error.to_string())),
    };
    match Contents::of(&raw.into(), (hook, OfLong::Beginning)).await {
        Err(NoContents::Unreadable(_)) => Ok(Contents::default()),
        read => Ok(read?),
    }
}

fn party(row: &model::schema::emails::ActivityParty) -> Party<'_> {
    let role = match row.participationtypemask {
        1 => "from",
        2 => "to",
        3 => "cc",
        4 => "bcc",
        _ => "other",
    };
    Party {
        role,
        name: row.partyidname.as_deref(),
        address: row.addressused.as_deref(),
        record: record(row.partyid, row.partyobjecttypecode),
    }
}

fn record(id: Option<Id>, code: Option<i32>) -> Option<Record> {
    let entity = Entity::from_code(code?.into())?.name();
    Some(Record { entity, id: id?.to_string() })
}
