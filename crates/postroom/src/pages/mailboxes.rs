//! Mailboxes that are watched, for their page, and what an administrator does with one.

use std::sync::Arc;

use crm::mailboxes::{self, ACTIVE, standing};
use model::Id;
use poll::Pair;
use store::Organization;
use tokio::runtime::Handle;
use web::Failure;
use web::values::{MailboxChange, MailboxLine, MailboxPutOff, MailboxStanding, MailboxTold};

use super::{failure, store_failure};
use crate::house::House;
use crate::mailbox_board::Shown;

/// All of an organization, by name.
pub(super) fn list(house: &House, organization: &Organization) -> Result<Vec<MailboxLine>, Failure> {
    let shown = house.shown_mailboxes(organization).map_err(failure)?;
    Ok(shown.into_iter().map(line).collect())
}

fn line(shown: Shown) -> MailboxLine {
    let (mailbox, server) = (shown.watched.mailbox, shown.watched.server);
    let (host, port) = (server.incomingserverlocation, server.incomingportnumber);
    MailboxLine {
        id: mailbox.mailboxid,
        name: mailbox.name,
        account: format!("{} at {host}:{port}", mailbox.username),
        state: shown.state,
        standing: match shown.is_well {
            _ if mailbox.statecode != ACTIVE => MailboxStanding::Paused,
            Some(true) => MailboxStanding::Well,
            Some(false) => MailboxStanding::Trouble,
            None => MailboxStanding::Unknown,
        },
        succeeded: shown.succeeded,
        next_try: shown.next_try,
        waiting: u64::try_from(shown.waiting).unwrap_or(0),
        since: shown.since,
        put_off: shown
            .put_off
            .map(|(count, words)| MailboxPutOff { count: u64::try_from(count).unwrap_or(0), words }),
        told: shown.told.map(|(node, time)| MailboxTold { node, time }),
    }
}

/// Does something with one. On a thread that may wait.
pub(super) fn change(
    house: &House,
    organization: &Arc<Organization>,
    (id, change): (Id, MailboxChange),
) -> Result<(), Failure> {
    let mailbox = organization.read(|read| read.mailbox(id)).map_err(store_failure)?;
    let name = mailbox.ok_or(Failure::NotFound)?.name;
    let done = Handle::current().block_on(async {
        match change {
            MailboxChange::Pause => mailboxes::set_state(organization, &name, false).await,
            MailboxChange::Resume => mailboxes::set_state(organization, &name, true).await,
            MailboxChange::Resync => standing::resync(organization, &name).await.map(drop),
        }
    });
    match change {
        MailboxChange::Resync => {
            house.boards.begin_anew(Pair { organization: organization.id(), mailbox: id });
        }
        MailboxChange::Pause | MailboxChange::Resume => house.boards.ring(),
    }
    done.map_err(failure)
}
