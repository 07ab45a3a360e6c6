//! The shares of limits of speed that one pull takes, uses, and gives back as far as it did not use them.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use model::schema::outbox::OutboxLimit;
use model::{EmailAddress, Id, Timestamp, limits};
use store::{Organization, Priority, Share, StoreError};

use super::pace::{AWAY_MAX, share_of, take_share};
use super::queue::{BULK, PERSONAL};
use crate::CrmError;

/// What one pull holds.
#[derive(Default)]
pub(super) struct Shares {
    held: HashMap<Id, Held>,
    /// In how long mails come back to each domain before those of a lane.
    away: HashMap<i32, HashMap<String, Vec<Duration>>>,
    more_in: Option<Duration>,
}

/// What it holds of one limit.
#[derive(Default)]
struct Held {
    /// Mails that may go yet.
    mails: i64,
    /// What one of them takes of the limit's time.
    each: Duration,
    /// There is nothing more before that.
    lack: Option<Duration>,
    /// Those who come back, by lane.
    rows: HashMap<i32, Row>,
}

/// Who comes back when there is a share: one at each place.
struct Row {
    taken: HashSet<u32>,
    /// All places before this one are taken.
    first: u32,
}

impl Row {
    fn of(dues: &[Duration], lack: Duration, each: Duration) -> Self {
        let place = |due: &Duration| {
            let after = (*due + each / 2).saturating_sub(lack);
            u32::try_from(after.as_millis() / each.as_millis().max(1)).unwrap_or(u32::MAX)
        };
        Row { taken: dues.iter().map(place).collect(), first: 0 }
    }

    /// The first free place.
    fn take(&mut self) -> u32 {
        while self.taken.contains(&self.first) {
            self.first += 1;
        }
        self.first += 1;
        self.first - 1
    }
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

    /// When a mail of a lane comes back that found nothing left: at the first place in the row of those who come back to its domains,
    /// one after another as fast as they may go. Where many come back at once each finds a free place then.
    pub(super) fn behind(
        &mut self,
        organization: &Organization,
        of: (Id, i32),
        (limits, now): (&[OutboxLimit], Timestamp),
    ) -> Result<Duration, CrmError> {
        let away = match self.away.entry(of.1) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(unknown) => unknown.insert(away(organization, of, (now, AWAY_MAX))?),
        };
        let mut longest = Duration::ZERO;
        for limit in limits {
            let Some(held) = self.held.get_mut(&limit.outboxlimitid) else { continue };
            let (Some(lack), Some((mails, milliseconds))) = (held.lack, share_of(limit, 1)) else { continue };
            let each = Duration::from_millis((milliseconds / mails.max(1)).unsigned_abs());
            let dues = away.get(&limit.place).map_or(&[][..], Vec::as_slice);
            let row = held.rows.entry(of.1).or_insert_with(|| Row::of(dues, lack, each));
            longest = longest.max(lack + each * row.take());
        }
        Ok(longest.min(AWAY_MAX))
    }

    /// Some mail was kept back for so long.
    pub(super) fn await_more(&mut self, lack: Duration) {
        self.more_in = Some(self.more_in.map_or(lack, |before| before.min(lack)));
    }

    /// What an earlier pull put off for one of these limits is awaited, where nothing else is.
    pub(super) fn await_away(
        &mut self,
        organization: &Organization,
        of: (Id, i32),
        (limits, now): (&[OutboxLimit], Timestamp),
    ) -> Result<(), CrmError> {
        let slow = limits.iter().filter(|limit| limit.place.starts_with('@') && share_of(limit, 1).is_some());
        let slow: HashSet<&str> = slow.map(|limit| limit.place.as_str()).collect();
        if self.more_in.is_none() && !slow.is_empty() {
            let mut away = away(organization, of, (now, SHARE_MAX))?;
            away.retain(|domain, _| slow.contains(domain.as_str()));
            self.more_in = away.into_values().flatten().min();
        }
        Ok(())
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

/// The slowest limit lets one mail out in this time.
const SHARE_MAX: Duration = Duration::from_secs(60);

/// In how long, and within that time, mails come back to each domain before those of this lane; a person's mail waits behind no bulk mail.
fn away(
    organization: &Organization,
    (way, lane): (Id, i32),
    (now, within): (Timestamp, Duration),
) -> Result<HashMap<String, Vec<Duration>>, CrmError> {
    let lanes: &[i32] = if lane == BULK { &[PERSONAL, BULK] } else { &[PERSONAL] };
    let mut dues: HashMap<String, Vec<Duration>> = HashMap::new();
    for lane in lanes {
        let within = (now, i64::try_from(within.as_secs()).unwrap_or(i64::MAX));
        let away =
            organization.read(|read| read.outbox_away((way, *lane), within, limits::OUTBOX_AWAY_MAX))?;
        for (milliseconds, address) in away {
            let Some(address) = EmailAddress::parse(&address) else { continue };
            let due = Duration::from_millis(u64::try_from(milliseconds).unwrap_or(0));
            dues.entry(address.domain_key()).or_default().push(due);
        }
    }
    Ok(dues)
}
