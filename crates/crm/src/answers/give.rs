//! Gives an answer that was claimed: of a template and the e-mail that is answered, to its author, by the outbox.

use std::sync::Arc;

use model::decision::{Entity, RecordRef};
use model::schema::emails::Email;
use model::{EmailAddress, Id, Mailbox, Moment};
use store::{Organization, StoreError};

use crate::CrmError;
use crate::outbox::{self, Automatic, Draft, Earlier};
use crate::templates::{Rendered, Wish, instantiate_template};

/// The kind of job that gives an answer. Its key names the queue and the e-mail.
pub(crate) const ACKNOWLEDGE: &str = "acknowledge";

/// Writes the answer and puts it into the outbox. Under one key it is sent once, however often the job runs.
///
/// # Errors
/// [`CrmError`]; where it is not temporary the answer is not given, and nobody comes to harm.
pub(crate) async fn give(
    organization: &Arc<Organization>,
    jobkey: &str,
    moment: Moment,
) -> Result<(), CrmError> {
    let ids =
        jobkey.split_once(' ').and_then(|(queue, email)| Some((queue.parse().ok()?, email.parse().ok()?)));
    let Some((queue, email)) = ids else { return Ok(()) };
    let Some((from, to, title)) = told(organization, (queue, email))? else { return Ok(()) };
    let wish = Wish {
        title: &title,
        language: None,
        user: None,
        regarding: Some(RecordRef { entity: Entity::Email, id: email }),
        sender: Some(&from),
    };
    let Rendered { subject, html, text, .. } = instantiate_template(organization, &wish)?;
    let mut draft = Draft::by(from);
    draft.who.to = vec![to.into()];
    (draft.what.subject, draft.what.html) = (subject, html);
    draft.what.text = text.unwrap_or_default();
    draft.how.automatic = Automatic::Replied;
    draft.about.earlier = Some(Earlier::Answered(email));
    draft.key = Some(format!("acknowledgement of {email}"));
    let moment = super::later(&moment);
    let copyid = moment.id();
    outbox::send(organization, draft, (copyid, moment)).await?;
    metrics::counter!("postroom_answers_total", "end" => "sent").increment(1);
    Ok(())
}

/// Who answers whom, of which template; `None` where the queue or the e-mail is gone, or the queue answers no more.
fn told(
    organization: &Organization,
    (queue, email): (Id, Id),
) -> Result<Option<(EmailAddress, Mailbox, String)>, CrmError> {
    let (queue, how, email) = organization.read(|read| {
        Ok::<_, StoreError>((read.queue(queue)?, read.acknowledgement(queue)?, read.email(email)?))
    })?;
    let told = |sender: Email| EmailAddress::parse(sender.sender.as_deref()?);
    let from = queue.and_then(|queue| EmailAddress::parse(&queue.emailaddress));
    let to = email.and_then(told).map(|address| Mailbox { name: None, address });
    Ok(from.zip(to).zip(how).map(|((from, to), how)| (from, to, how.title)))
}
