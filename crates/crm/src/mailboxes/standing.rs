//! How it stands with mailboxes: what is told of them, what waits there, and folders that are begun anew.

use std::collections::HashMap;
use std::sync::Arc;

use model::schema::mailboxes::MailboxState;
use model::{Id, limits};
use store::{Organization, Priority, PutOffThere, StoreError, WaitingThere};

use super::Watched;
use crate::CrmError;

/// A mailbox, with what is known of it in the rows.
#[derive(Debug, Clone, PartialEq)]
pub struct Standing {
    /// It, and its server.
    pub watched: Watched,
    /// What the node that watches it told last.
    pub told: Option<MailboxState>,
    /// What waits there; `None` where nothing does.
    pub waiting: Option<WaitingThere>,
    /// What was put off there, be it taken in already and unable to leave; `None` where nothing was.
    pub put_off: Option<PutOffThere>,
}

/// All mailboxes of an organization, by name.
///
/// # Errors
/// Where the store cannot say.
pub fn all(organization: &Organization) -> Result<Vec<Standing>, CrmError> {
    let watched = super::all(organization)?;
    let (told, waiting, put_off) = organization.read(|read| {
        let (told, waiting) = (read.mailbox_states()?, read.waiting_in_mailboxes()?);
        Ok::<_, StoreError>((told, waiting, read.put_off_in_mailboxes()?))
    })?;
    let mut told: HashMap<Id, MailboxState> = told.into_iter().map(|row| (row.mailboxid, row)).collect();
    let mut waiting: HashMap<Id, WaitingThere> = waiting.into_iter().map(|row| (row.mailbox, row)).collect();
    let mut put_off: HashMap<Id, PutOffThere> = put_off.into_iter().map(|row| (row.mailbox, row)).collect();
    let standing = |watched: Watched| {
        let id = watched.mailbox.mailboxid;
        let (told, waiting) = (told.remove(&id), waiting.remove(&id));
        Standing { told, waiting, put_off: put_off.remove(&id), watched }
    };
    Ok(watched.into_iter().map(standing).collect())
}

/// Tells how it goes with some mailboxes, in one unit.
///
/// # Errors
/// Where the store cannot keep it.
pub async fn tell(organization: &Arc<Organization>, told: Vec<MailboxState>) -> Result<(), CrmError> {
    let told: Vec<MailboxState> = told.into_iter().map(short).collect();
    let unit = organization
        .unit(Priority::Background, move |tx| told.iter().try_for_each(|row| tx.tell_mailbox_state(row)));
    unit.await.map_err(|error: StoreError| error.into())
}

fn short(row: MailboxState) -> MailboxState {
    let cut = |text: &str, most: usize| text.chars().take(most).collect::<String>();
    MailboxState {
        node: cut(&row.node, limits::NAME_CHARS_MAX),
        state: cut(&row.state, limits::ERROR_CHARS_MAX),
        ..row
    }
}

/// Has all folders of a mailbox begun anew: whatever lies there is looked at once more, as if it had just come. What is here
/// already is found to be so, and stands on its record once. Says which mailbox it is.
///
/// # Errors
/// [`CrmError::NotFound`] where there is no mailbox of this name.
pub async fn resync(organization: &Arc<Organization>, name: &str) -> Result<Id, CrmError> {
    let name = name.to_owned();
    let unit = organization.unit(Priority::Intake, move |tx| {
        let Some(mailbox) = tx.mailbox_by_name(&name)? else { return Ok(None) };
        for folder in tx.mailbox_folders(mailbox.mailboxid)? {
            if !tx.begin_generation(&folder, folder.uidvalidity)? {
                return Err(StoreError::Busy);
            }
        }
        Ok::<_, StoreError>(Some(mailbox.mailboxid))
    });
    unit.await?.ok_or(CrmError::NotFound { what: "the mailbox" })
}
