//! Taking mail out of the outbox: by one node at a time, and with a look at the clock before the end of the data.

use std::collections::HashSet;
use std::sync::Arc;

use model::schema::outbox::{OutboxMail, OutboxRecipient};
use model::{Id, Timestamp};
use store::{Organization, Priority, StoreError};

use super::turns::Turn;
use crate::CrmError;
use crate::tokens::{SentTo, Tokens};

/// The lane of what one person writes to others; of `LANES`.
pub const PERSONAL: i32 = 0;
const BULK: i32 = 1;
pub(super) const WAITING: i32 = 0;

/// A mail as it goes to its relay.
#[derive(Debug, Clone)]
pub struct Loaded {
    /// The sender in the envelope: where what cannot be delivered comes back to.
    pub mail_from: String,
    /// The recipients whose turn it is, in their order.
    pub recipients: Vec<OutboxRecipient>,
    /// The whole mail as it travels.
    pub raw: Arc<[u8]>,
    /// Whether its writer wants to hear that it was delivered.
    pub wants_report: bool,
}

/// Takes some mails that are due for a node: what persons wrote before anything else.
///
/// # Errors
/// Where the store cannot do it. What was taken all the same is due again when its time has run out.
pub async fn claim(
    organization: &Arc<Organization>,
    node: Id,
    (now, limit): (Timestamp, usize),
) -> Result<Vec<OutboxMail>, CrmError> {
    // Most of the time nothing is, and to ask costs less than a unit.
    if organization.is_closed() || !organization.read(|read| read.is_outbox_due(now))? {
        return Ok(Vec::new());
    }
    for lane in [PERSONAL, BULK] {
        let unit =
            organization.unit(Priority::Background, move |tx| tx.claim_outbox((node, lane), now, limit));
        let mails: Vec<OutboxMail> = unit.await.map_err(|error: StoreError| CrmError::from(error))?;
        if !mails.is_empty() {
            return Ok(mails);
        }
    }
    Ok(Vec::new())
}

/// Loads a mail that was claimed, when its turn has come.
///
/// # Errors
/// [`CrmError::NotFound`] and [`CrmError::Store`], where its source cannot be had: it is settled as not sent.
pub fn load(organization: &Organization, mail: &OutboxMail) -> Result<Loaded, CrmError> {
    let id = mail.activityid;
    let (email, recipients) =
        organization.read(|read| Ok::<_, StoreError>((read.email(id)?, read.outbox_recipients(id)?)))?;
    let email = email.ok_or(CrmError::NotFound { what: "the e-mail that goes out" })?;
    let Turn { recipients, .. } = Turn::of(mail, recipients);
    let source = organization.blob(&email.blobid)?;
    let raw = message::compose::for_transport(&source).into_owned().into();
    let mail_from = mail_from(organization, mail, &recipients)?;
    Ok(Loaded { mail_from, recipients, raw, wants_report: email.deliveryreceiptrequested })
}

/// The writer, or a return path of the recipient's own.
fn mail_from(
    organization: &Organization,
    mail: &OutboxMail,
    recipients: &[OutboxRecipient],
) -> Result<String, CrmError> {
    let (Some(domain), [recipient]) = (&mail.returndomain, recipients) else {
        return Ok(mail.mailfrom.clone());
    };
    let sent_to = SentTo { email: mail.activityid, number: recipient.recipientnumber };
    let path = Tokens::of(organization)?.return_path(sent_to, domain);
    path.map(|path| path.to_string()).ok_or(CrmError::Store(StoreError::Corrupt))
}

/// Asked just before the end of a mail's data goes out: notes it, and says whether it may. With no, or where the store cannot
/// say, the connection has to be dropped before that.
///
/// # Errors
/// Where the store cannot do it.
pub async fn may_end(
    organization: &Arc<Organization>,
    mail: OutboxMail,
    now: Timestamp,
) -> Result<bool, CrmError> {
    let unit = organization.unit(Priority::Intake, move |tx| tx.begin_dot(&mail, now));
    unit.await.map_err(|error: StoreError| error.into())
}

/// Lets go of what nodes have that are not among these: they died, or this one was started anew.
///
/// # Errors
/// Where the store cannot do it.
pub async fn free(
    organization: &Arc<Organization>,
    living: &HashSet<Id>,
    now: Timestamp,
) -> Result<usize, CrmError> {
    let mut owners = organization.read(|read| read.outbox_owners())?;
    owners.retain(|owner| !living.contains(owner));
    if owners.is_empty() {
        return Ok(0);
    }
    let unit = organization.unit(Priority::Background, move |tx| {
        owners.iter().try_fold(0, |freed, owner| Ok::<_, StoreError>(freed + tx.free_outbox(*owner, now)?))
    });
    Ok(unit.await?)
}
