//! A house whose outbox is full.

use std::net::SocketAddr;
use std::path::Path;

use anyhow::{Result, ensure};
use model::Timestamp;
use store::{Store, StoreError};

use crate::letters::{self, ORGANIZATION};
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
        mails: usize,
    ) -> Result<Self> {
        let folder = bench.scratch.join("template");
        let (template, _) = Template::make(folder.clone(), &letters::world_with(1)?, None)?;
        let house = Program::start_with(&folder, &[("POSTROOM_NODE_ROLES", "receive,web,jobs")])?;
        let model = waiting::one(&house, relay, size_bytes)?;
        house.kill()?;
        waiting::more(database::store(&program::data(&folder)), model, 1..mails)?;
        Ok(Queue { template, mails })
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
