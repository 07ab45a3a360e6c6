//! A house whose outbox is full.

use std::net::SocketAddr;
use std::path::Path;

use anyhow::{Result, ensure};
use model::Timestamp;
use postroom::commands::{AddDomainKey, DkimRequest, Request};
use store::{Store, StoreError};

use super::Sending;
use crate::letters::{self, DOMAIN, ORGANIZATION};
use crate::measure::runs::{Bench, Template};
use crate::program::{self, Program};
use crate::{database, waiting};

/// A house with mail that waits.
pub(super) struct Queue {
    pub(super) template: Template,
    /// All of it.
    pub(super) mails: usize,
}

impl Queue {
    /// Makes a house whose mail goes to this relay, and lets so many mails of about this size wait.
    pub(super) fn fill(
        bench: &Bench<'_>,
        (relay, size_bytes): (SocketAddr, usize),
        sending: Sending,
    ) -> Result<Self> {
        let folder = bench.scratch.join("template");
        let (template, _) = Template::make(folder.clone(), &letters::world_with(1)?, None)?;
        let house = Program::start_with(&folder, &[("POSTROOM_NODE_ROLES", "receive,web,jobs")])?;
        let model = waiting::one(&house, relay, size_bytes)?;
        if sending.signed {
            house.command(Request::Dkim(DkimRequest::Add(AddDomainKey {
                organization: ORGANIZATION.to_owned(),
                domain: DOMAIN.to_owned(),
                selector: "postroom".to_owned(),
                pem: None,
                is_ed25519: false,
            })))?;
        }
        house.kill()?;
        waiting::more(database::store(&program::data(&folder)), model, 1..sending.mails)?;
        Ok(Queue { template, mails: sending.mails })
    }

    /// Takes its rows away.
    pub(super) fn forget(self) -> Result<()> {
        database::forget(&self.template.data())
    }
}

/// Whether nothing waits any more, and nobody has anything.
pub(super) fn is_settled(data: &Path) -> Result<()> {
    let store = Store::open(database::store(data))?;
    let left = store.organization_by_name(ORGANIZATION)?.read(|read| {
        let relay = read.outbox(1)?.first().map(|mail| mail.emailserverprofileid).unwrap_or_default();
        let is_due = read.is_outbox_due((relay, 0), Timestamp(i64::MAX / 2))?;
        Ok::<_, StoreError>((is_due, read.outbox_owners()?))
    })?;
    store.close();
    ensure!(left == (false, Vec::new()), "mail was counted as settled, and is not: {left:?}");
    Ok(())
}
