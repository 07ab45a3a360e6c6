//! Commands about Maildirs that are watched.

use std::path::{Path, PathBuf};

use crm::CrmError;
use crm::mailboxes::{self, NewAccount, NewForwardMailbox, NewServer, Promises};
use model::limits;
use serde::{Deserialize, Serialize};

use super::{CommandError, Reply, address, organization};
use crate::house::House;

/// A Maildir to be watched.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct AddMaildir {
    /// The organization's name.
    pub organization: String,
    /// The mailbox's name here, for good.
    pub name: String,
    /// The folder that holds `new`, `cur` and `tmp`, from the root on.
    pub folder: PathBuf,
    /// The address of the sink that it is the mailbox of.
    pub sink: String,
    /// What brings mail there refuses our own domains from outside.
    pub is_refusing: bool,
}

/// Nobody signs in there.
pub(super) async fn add(house: &House, new: AddMaildir) -> Result<Reply, CommandError> {
    let organization = organization(house, &new.organization)?;
    let sink = mailboxes::sink(&organization, &address(&new.sink)?)?;
    let profile = NewServer {
        name: new.name.clone(),
        kind: mailboxes::MAILDIR,
        location: location(&new.folder)?,
        port: 0,
        tls: 0,
        authority: None,
        polling_interval: 0,
    };
    let server = mailboxes::add_server(&organization, profile, house.moment()?).await?;
    let mailbox = NewForwardMailbox {
        account: NewAccount {
            name: new.name,
            server: server.emailserverprofileid,
            username: String::new(),
            password: None,
        },
        sink,
        undeliverable_folder: limits::UNDELIVERABLE_FOLDER.to_owned(),
        promises: Promises { is_exclusive: false, is_refusing: new.is_refusing },
    };
    mailboxes::add_forward_mailbox(&organization, mailbox, house.moment()?).await?;
    Ok(Reply::Done)
}

fn location(folder: &Path) -> Result<String, CrmError> {
    let text = folder.to_str().filter(|_| folder.is_absolute());
    let invalid =
        || CrmError::Invalid("the folder of a Maildir is written from the root on, in UTF-8".to_owned());
    text.map(str::to_owned).ok_or_else(invalid)
}
