//! A mail that is made of a template: the draft gets what the template says, and is sent like any other.

use std::sync::Arc;

use model::decision::{Entity, RecordRef};
use model::{EmailAddress, Id, Mailbox, Moment};
use store::{Organization, Read, StoreError};

use super::{Rendered, Wish, instantiate_template};
use crate::CrmError;
use crate::outbox::{self, Draft, Earlier};

/// Makes a mail of a template and sends it (Dataverse: SendEmailFromTemplate). `copyid` and moment as in [`outbox::send`].
///
/// # Errors
/// As [`instantiate_template`] and [`outbox::send`].
pub async fn send_from_template(
    organization: &Arc<Organization>,
    (title, draft): (&str, Draft),
    (copyid, moment): (Id, Moment),
) -> Result<Id, CrmError> {
    let draft = fill(
        organization,
        &Wish { title, language: None, user: None, regarding: None, sender: None },
        draft,
    )?;
    outbox::send(organization, draft, (copyid, moment)).await
}

/// Puts into a draft what a template says: of the record that the wish names, else of the one that the draft is about, else of the
/// e-mail that it answers; by whoever writes it. A subject that is there stays, and where nobody is named it goes to the record.
///
/// # Errors
/// As [`instantiate_template`].
pub fn fill(organization: &Organization, wish: &Wish<'_>, mut draft: Draft) -> Result<Draft, CrmError> {
    let answered = draft.about.earlier.map(Earlier::email);
    let answered = answered.map(|id| RecordRef { entity: Entity::Email, id });
    let regarding = wish.regarding.or(draft.about.regarding).or(answered);
    let from = draft.who.from.clone();
    let wish = Wish { regarding, sender: wish.sender.or(Some(&from)), ..wish.clone() };
    let Rendered { subject, html, text, .. } = instantiate_template(organization, &wish)?;
    if draft.what.subject.is_empty() {
        draft.what.subject = subject;
    }
    draft.what.html = html;
    draft.what.text = text.unwrap_or_default();
    if draft.who.to.is_empty()
        && let Some(record) = regarding
    {
        let to = organization.read(|read| mailbox_of(read, record))?;
        draft.who.to = to.into_iter().map(Into::into).collect();
    }
    Ok(draft)
}

/// The name and the first address of a customer.
fn mailbox_of(read: &Read<'_>, record: RecordRef) -> Result<Option<Mailbox>, StoreError> {
    let found = match record.entity {
        Entity::Contact => read.contact(record.id)?.map(|it| (it.fullname, it.emailaddress1)),
        Entity::Account => read.account(record.id)?.map(|it| (it.name, it.emailaddress1)),
        Entity::Lead => read.lead(record.id)?.map(|it| (it.fullname, it.emailaddress1)),
        Entity::SystemUser | Entity::Queue | Entity::Email => None,
    };
    Ok(found.and_then(|(name, address)| {
        let address = EmailAddress::parse(address.as_deref()?)?;
        Some(Mailbox { name: Some(name).filter(|name| !name.is_empty()), address })
    }))
}
