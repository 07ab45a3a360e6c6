//! Commands about drafts, and about who may write as which queue.

use std::sync::Arc;

use crm::outbox::{self, SendEmail, Signature};
use crm::records::people;
use model::Id;
use serde::{Deserialize, Serialize};

use super::sending::When;
use super::{CommandError, Reply, address, organization, organizations};
use crate::house::House;

/// Something about drafts.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DraftRequest {
    /// Sends a draft.
    Send {
        /// The organization's name.
        organization: String,
        /// The id of its e-mail.
        email: String,
        /// When it goes out; else when it was kept for, or at once.
        when: Option<When>,
        /// The tracking token that its subject gets.
        token: Option<String>,
        /// Whether it went out by other means, and is noted as sent.
        is_noted: bool,
    },
    /// Throws a draft away.
    Discard {
        /// The organization's name.
        organization: String,
        /// The id of its e-mail.
        email: String,
    },
    /// Makes a mail that waits to go out a draft again.
    TakeBack {
        /// The organization's name.
        organization: String,
        /// The id of its e-mail.
        email: String,
    },
    /// Lets a user write as a queue, or takes that back.
    SendAs {
        /// The organization's name.
        organization: String,
        /// The user's address.
        user: String,
        /// The queue's address.
        queue: String,
        /// Whether he may from now on.
        is_granted: bool,
    },
    /// Sets what a user puts below his mail; what says nothing takes it away.
    SetSignature {
        /// The organization's name.
        organization: String,
        /// The user's address.
        user: String,
        /// As text.
        text: String,
        /// As HTML.
        html: Option<String>,
    },
    /// What a user puts below his mail.
    Signature {
        /// The organization's name.
        organization: String,
        /// The user's address.
        user: String,
    },
    /// Who may write as which queue, in one organization or in all.
    Senders(Option<String>),
}

/// A user who may write as a queue.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SenderRow {
    /// The organization's name.
    pub organization: String,
    /// The user's address.
    pub user: String,
    /// The queue's address.
    pub queue: String,
}

pub(super) async fn run(house: &Arc<House>, request: DraftRequest) -> Result<Reply, CommandError> {
    match request {
        DraftRequest::Send { organization: of, email, when, token, is_noted } => {
            let (organization, moment) = (organization(house, &of)?, house.moment()?);
            let due = when.map(|when| when.from(moment.now));
            let email = id(&email)?;
            let draft = SendEmail { due, token, is_issued: !is_noted, ..SendEmail::now(email, None) };
            outbox::send_email(&organization, draft, (house.moment()?.id(), moment)).await?;
            house.outbox_bell.notify_one();
            Ok(Reply::SentMail(email.to_string()))
        }
        DraftRequest::Discard { organization: of, email } => {
            let organization = organization(house, &of)?;
            outbox::discard_draft(&organization, (id(&email)?, None), None, house.moment()?).await?;
            Ok(Reply::Done)
        }
        DraftRequest::TakeBack { organization: of, email } => {
            let organization = organization(house, &of)?;
            match outbox::take_back(&organization, id(&email)?, house.moment()?).await? {
                true => Ok(Reply::Done),
                false => Err(super::outbox::not_canceled(&organization, (id(&email)?, email))?),
            }
        }
        DraftRequest::SendAs { organization: of, user, queue, is_granted } => {
            let organization = organization(house, &of)?;
            let (user, queue) = (address(&user)?, address(&queue)?);
            outbox::set_send_as(&organization, (&user, &queue), (is_granted, house.moment()?)).await?;
            Ok(Reply::Done)
        }
        DraftRequest::SetSignature { organization: of, user, text, html } => {
            let organization = organization(house, &of)?;
            let user = people::user_by_address(&organization, &address(&user)?)?.systemuserid;
            let signature = Signature { text, html };
            outbox::set_signature(&organization, user, (signature, house.moment()?)).await?;
            Ok(Reply::Done)
        }
        DraftRequest::Signature { organization: of, user } => {
            let organization = organization(house, &of)?;
            let id = people::user_by_address(&organization, &address(&user)?)?.systemuserid;
            let found = outbox::signature(&organization, id)?;
            let Signature { text, html } = found.ok_or(CommandError::NoSignature(user))?;
            Ok(Reply::Signature(text, html))
        }
        DraftRequest::Senders(name) => {
            let mut rows = Vec::new();
            for organization in organizations(house, name)? {
                for (user, queue) in outbox::senders(&organization)? {
                    rows.push(SenderRow {
                        organization: organization.name().to_owned(),
                        user: user.internalemailaddress,
                        queue: queue.emailaddress,
                    });
                }
            }
            Ok(Reply::Senders(rows))
        }
    }
}

fn id(text: &str) -> Result<Id, CommandError> {
    text.parse().map_err(|_| CommandError::NoEmail(text.to_owned()))
}
