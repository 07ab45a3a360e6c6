//! Users' own mailboxes, which are only looked at: what is in their inbox, and what they wrote.
//!
//! What passes through: what an administrator says of a mailbox, into its row.
//!
//! *Invariant:* nothing that could change such a mailbox stands in its row: no sink, no folder for undeliverable mail.

use std::sync::Arc;

use model::schema::mailboxes::Mailbox;
use model::{Id, Moment, Timestamp, limits};
use store::Organization;

use super::{NewAccount, Watched, add, of_nobody};
use crate::CrmError;

/// A user's own mailbox to be looked at.
#[derive(Debug, Clone)]
pub struct NewUserMailbox {
    /// Where it is.
    pub account: NewAccount,
    /// Whose it is.
    pub user: Id,
    /// The folder of what the user wrote; by itself the one that the server calls so.
    pub sent: Option<String>,
    /// Other folders to look at.
    pub others: Vec<String>,
    /// What came before is left out.
    pub after: Option<Timestamp>,
}

/// Adds a user's own mailbox.
///
/// # Errors
/// [`CrmError::Taken`] where the name is; [`CrmError::NotFound`] where the server or the user is not there;
/// [`CrmError::Invalid`].
pub async fn add_user_mailbox(
    organization: &Arc<Organization>,
    new: NewUserMailbox,
    moment: Moment,
) -> Result<Mailbox, CrmError> {
    let user = organization.read(|read| read.user(new.user))?;
    user.ok_or(CrmError::NotFound { what: "the user" })?;
    let is_folder = |name: &String| {
        !name.is_empty()
            && !name.contains(char::is_control)
            && name.chars().count() <= limits::FOLDER_NAME_CHARS_MAX
    };
    if !new.sent.iter().chain(&new.others).all(is_folder) || new.others.len() > limits::SYNCED_FOLDERS_MAX {
        let most = limits::SYNCED_FOLDERS_MAX;
        return Err(CrmError::Invalid(format!("no folder is called so, or there are more than {most}")));
    }
    let of_nobody = of_nobody(new.account, &moment)?;
    let mailbox = Mailbox {
        systemuserid: Some(new.user),
        sentfolder: new.sent,
        otherfolders: (!new.others.is_empty()).then(|| new.others.join("\n")),
        processemailreceivedafter: new.after,
        ..of_nobody
    };
    add(organization, mailbox).await
}

/// Nobody looks into the mailbox of somebody who has left.
pub(super) fn retain_enabled(
    organization: &Organization,
    watched: &mut Vec<Watched>,
) -> Result<(), CrmError> {
    let mut disabled = Vec::new();
    for id in watched.iter().filter_map(|watched| watched.mailbox.systemuserid) {
        let user = organization.read(|read| read.user(id))?;
        if user.is_none_or(|user| user.isdisabled) {
            disabled.push(id);
        }
    }
    watched.retain(|watched| !watched.mailbox.systemuserid.is_some_and(|id| disabled.contains(&id)));
    Ok(())
}
