//! Commands that have a user's own mailbox looked at, and that say whose a mailbox is alone.

use std::fmt;

use crm::mailboxes::NewAccount;
use crm::mailboxes::users::{self, NewUserMailbox};
use crm::records::people;
use model::Timestamp;
use serde::{Deserialize, Serialize};

use super::mailboxes::{MailServer, Protocol, password_of, profile, sealed};
use super::{CommandError, Reply, address, organization};
use crate::house::House;

/// A user's own mailbox, which is only looked at.
#[derive(Serialize, Deserialize)]
pub struct AddUserMailbox {
    /// The organization's name.
    pub organization: String,
    /// The mailbox's name here, for good.
    pub name: String,
    /// Where it is.
    pub server: MailServer,
    /// Who signs in there.
    pub user: String,
    /// With which password.
    pub password: String,
    /// The address of the user whose mailbox it is.
    pub of: String,
    /// The folder of sent mail; else it is found.
    pub sent: Option<String>,
    /// Other folders to look at.
    pub others: Vec<String>,
    /// What came before is left out: seconds since 1970.
    pub after: Option<i64>,
}

impl fmt::Debug for AddUserMailbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AddUserMailbox").field("name", &self.name).finish_non_exhaustive()
    }
}

/// The server gets the name of the mailbox.
pub(super) async fn add(house: &House, new: AddUserMailbox) -> Result<Reply, CommandError> {
    let organization = organization(house, &new.organization)?;
    if new.server.protocol == Protocol::Pop3 {
        let words = "by POP3 nobody can look without locking, or see what was sent: use IMAP";
        return Err(crm::CrmError::Invalid(words.to_owned()).into());
    }
    let user = people::user_by_address(&organization, &address(&new.of)?)?;
    let moment = house.moment()?;
    // As in `mailboxes::add`.
    let cell = password_of(organization.id(), moment.again().id());
    let password = sealed(house, cell, &new.password)?;
    let profile = profile(&new.name, new.server);
    let server = crm::mailboxes::add_server(&organization, profile, house.moment()?).await?;
    let mailbox = NewUserMailbox {
        account: NewAccount {
            name: new.name,
            server: server.emailserverprofileid,
            username: new.user,
            password,
        },
        user: user.systemuserid,
        sent: new.sent,
        others: new.others,
        after: new.after.map(Timestamp::from_seconds),
    };
    users::add_user_mailbox(&organization, mailbox, moment).await?;
    Ok(Reply::Done)
}
