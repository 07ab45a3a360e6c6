//! The shares of limits of speed that one pull takes, uses, and gives back as far as it did not use them.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use model::schema::outbox::OutboxLimit;
use model::{Id, Timestamp};
use store::{Organization, Priority, Share, StoreError};

use super::pace::{AWAY_MAX, share_of, take_share};
use crate::CrmError;

/// What one pull holds.
#[derive(Default)]
pub(super) struct Shares {
    held: HashMap<Id, Held>,
    more_in: Option<Duration>,
}

/// What it holds of one limit.
#[derive(Default)]
struct Held {
    /// Mails that may go yet.
    mails: i64,
    /// What one of them takes of the limit's time.
    each: Duration,
    /// Mails that waited for it since there was nothing.
    behind: u32,
    /// There is nothing more before that.
    lack: Option<Duration>,
}

impl Shares {
    /// For how long a limit has nothing for one mail more; `None` where it has. A share is taken where none is left, for so many mails at
    /// most.
    pub(super) async fn lack(
        &mut self,
        organization: &Arc<Organization>,
        (limit, wanted): (&OutboxLimit, usize),
        now: Timestamp,
    ) -> Result<Option<Duration>, CrmError> {
        let Some((mails, milliseconds)) = share_of(limit, i64::try_from(wanted).unwrap_or(i64::MAX)) else {
            return Ok(None);
        };
        let held = self.held.entry(limit.outboxlimitid).or_default();
        if held.mails > 0 || held.lack.is_some() {
            return Ok(held.lack.filter(|_| held.mails == 0));
        }
        match take_share(organization, (limit.outboxlimitid, milliseconds), now).await? {
            Share::Given => {
                held.mails = mails;
                held.each = Duration::from_millis((milliseconds / mails.max(1)).unsigned_abs());
            }
            Share::In(left) => held.lack = Some(Duration::from_millis(left.unsigned_abs())),
        }
        Ok(held.lack)
    }

    /// A mail goes that counts at these.
    pub(super) fn use_one(&mut self, limits: &[OutboxLimit]) {
        for limit in limits {
            if let Some(held) = self.held.get_mut(&limit.outboxlimitid) {
                held.mails -= 1;
            }
        }
    }

    /// When a mail comes back that found nothing left: behind those that did so before.
    pub(super) fn behind(&mut self, limits: &[OutboxLimit], lack: Duration) -> Duration {
        self.await_more(lack);
        let mut longest = lack;
        for limit in limits {
            let held = self.held.get_mut(&limit.outboxlimitid).filter(|held| held.lack.is_some());
            if let (Some(held), Some((mails, milliseconds))) = (held, share_of(limit, 1)) {
                held.behind += 1;
                let each = Duration::from_millis((milliseconds / mails.max(1)).unsigned_abs());
                longest = longest.max(lack + each * held.behind);
            }
        }
        longest.min(AWAY_MAX)
    }

    /// Some mail was kept back for so long.
    pub(super) fn await_more(&mut self, lack: Duration) {
        self.more_in = Some(self.more_in.map_or(lack, |before| before.min(lack)));
    }

    /// After how long there is more, where something was kept back.
    pub(super) fn more_in(&self) -> Option<Duration> {
        self.more_in
    }

    /// Whoever comes next need not wait for what nobody has used.
    pub(super) async fn give_back(self, organization: &Arc<Organization>) -> Result<(), CrmError> {
        let unused = |held: &Held| held.mails * i64::try_from(held.each.as_millis()).unwrap_or(0);
        let unused: Vec<(Id, i64)> = self.held.iter().map(|(limit, held)| (*limit, unused(held))).collect();
        let unused: Vec<(Id, i64)> = unused.into_iter().filter(|(_, time)| *time > 0).collect();
        if unused.is_empty() {
            return Ok(());
        }
        let unit = organization.unit(Priority::Background, move |tx| {
            unused.iter().try_for_each(|(limit, time)| tx.give_outbox_share_back(*limit, *time))
        });
        unit.await.map_err(|error: StoreError| error.into())
    }
}
