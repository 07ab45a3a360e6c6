//! Looks at the books of all organizations every hour, and tells what is wrong: in the log, in a number, on the pages.
//!
//! What passes through: alarms of `crm::accounting`; what stands open now, as numbers for whoever asks for them.
//!
//! Then it has forgotten what is older than the settings say.
//!
//! *Invariant:* what is wrong stays as it is. Each alarm is logged once as long as it lasts, without an address.

use std::collections::{HashMap, HashSet};
use std::error::Error;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crm::accounting::alarm::{self, Alarm};
use crm::mailboxes;
use crm::mailboxes::retention::{self, Forgotten};
use model::outcome::Outcome;
use model::{Id, Timestamp, limits};
use poll::Pair;
use store::{Organization, StoreError};
use tokio_util::sync::CancellationToken;

use crate::house::House;
use crate::node::{CLOCK_MILLISECONDS_MAX, Role};

/// Whoever starts a house wants mail first.
const BEFORE_THE_FIRST: Duration = Duration::from_secs(20);
const BETWEEN: Duration = Duration::from_secs(3_600);
/// At each such round more days are looked at, the first one included.
const ROUNDS_A_DAY: u64 = 24;

/// The alarms of each organization, as of the last look.
#[derive(Debug, Default)]
pub(crate) struct Alarms(Mutex<HashMap<Id, Vec<Alarm>>>);

impl Alarms {
    /// Those of an organization.
    pub(crate) fn of(&self, organization: Id) -> Vec<Alarm> {
        self.locked().get(&organization).cloned().unwrap_or_default()
    }

    /// Notes what a look at so many days showed; those that are new. What an earlier look showed of other days stays.
    fn note(&self, organization: Id, (found, first_day): (Vec<Alarm>, i64)) -> Vec<Alarm> {
        let mut all = self.locked();
        let before = all.remove(&organization).unwrap_or_default();
        let known: HashSet<&Alarm> = before.iter().collect();
        let fresh = found.iter().filter(|alarm| !known.contains(alarm)).cloned().collect();
        let is_of_other_days = |alarm: &&Alarm| alarm.kind() == "books" && alarm.day() < first_day;
        let stays: Vec<Alarm> = before.iter().filter(is_of_other_days).cloned().collect();
        let now: Vec<Alarm> = found.into_iter().chain(stays).collect();
        if !now.is_empty() {
            all.insert(organization, now);
        }
        fresh
    }

    fn locked(&self) -> MutexGuard<'_, HashMap<Id, Vec<Alarm>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Runs until `stop`.
pub(crate) async fn run(house: Arc<House>, stop: CancellationToken) {
    let (mut pause, mut round) = (BEFORE_THE_FIRST, 0);
    while tokio::time::timeout(pause, stop.cancelled()).await.is_err() {
        let is_long = round % ROUNDS_A_DAY == 0;
        let days = if is_long { limits::BOOKS_DAYS_DAILY } else { limits::BOOKS_DAYS_HOURLY };
        let (house, stop) = (Arc::clone(&house), stop.clone());
        let work = move || {
            house.look_at_books(days, &stop);
            if house.does(Role::Jobs) {
                house.forget_traces(&stop);
            }
        };
        if tokio::task::spawn_blocking(work).await.is_err() {
            tracing::error!("a look at the books ended by a fault of ours");
        }
        (pause, round) = (BETWEEN, round + 1);
    }
}

impl House {
    /// Looks at the books of so many days in all organizations. On a thread that may wait.
    fn look_at_books(&self, days: i64, stop: &CancellationToken) {
        let rows = match self.store.organizations() {
            Ok(rows) => rows,
            Err(error) => {
                tracing::warn!(error = &error as &dyn Error, "the books could not be looked at");
                return;
            }
        };
        for row in rows {
            if stop.is_cancelled() {
                return;
            }
            let looked = self.store.organization(row.organizationid).and_then(|it| self.look_at(&it, days));
            match looked {
                Ok(()) | Err(StoreError::Closed) => {}
                Err(error) => {
                    let error = &error as &dyn Error;
                    tracing::warn!(organization = %row.organizationid, error, "its books could not be looked at");
                }
            }
        }
    }

    /// Forgets what is older than the settings say. On a thread that may wait.
    fn forget_traces(&self, stop: &CancellationToken) {
        // By the clock: one that is far from the server's would forget too early.
        let ahead = self.store.clock_ahead(|| self.now());
        if !ahead.is_ok_and(|ahead| ahead.abs() <= CLOCK_MILLISECONDS_MAX) {
            tracing::warn!("nothing is forgotten: this clock is far from the server's");
            return;
        }
        let Ok(rows) = self.store.organizations() else { return };
        for row in rows.iter().take_while(|_| !stop.is_cancelled()) {
            let id = row.organizationid;
            let days = self.settings.books.trace_days;
            let organization = self.store.organization(id).map_err(crm::CrmError::from);
            match organization.and_then(|it| retention::forget(&it, self.now(), days)) {
                Ok(Forgotten { ignored: 0, messages: 0 }) => {}
                Ok(Forgotten { ignored, messages }) => {
                    tracing::info!(organization = %id, ignored, messages, "old traces were forgotten");
                }
                Err(crm::CrmError::Store(StoreError::Closed)) => {}
                Err(error) => {
                    tracing::warn!(organization = %id, error = &error as &dyn Error, "old traces are kept for now");
                }
            }
        }
    }

    /// Looks at the books of one, as a command for all of them does too.
    pub(crate) fn look_at(&self, organization: &Organization, days: i64) -> Result<(), StoreError> {
        let (id, now) = (organization.id(), self.now());
        let found = alarm::look(organization, now, days)?;
        for alarm in self.alarms.note(id, (found, now.day() - days + 1)) {
            let day = crm::accounting::date(alarm.day());
            match alarm {
                Alarm::Gap { gap, .. } => {
                    tracing::error!(organization = %id, day, gap, "the books do not add up");
                }
                Alarm::WithoutOutcome { copies, .. } => {
                    tracing::error!(organization = %id, day, copies, "copies have no outcome");
                }
                Alarm::Waits { .. } => {
                    tracing::warn!(organization = %id, since = day, "messages wait in a mailbox");
                }
                Alarm::Trouble { .. } => {
                    tracing::warn!(organization = %id, since = day, "a mailbox cannot be looked at");
                }
            }
        }
        Ok(())
    }

    /// Sets the numbers of what stands open now, in the organizations that are open here. On a thread that may wait.
    pub(crate) fn measure(&self) {
        for organization in self.store.open_organizations() {
            if let Err(error) = self.measure_one(&organization) {
                let error = &error as &dyn Error;
                tracing::warn!(organization = %organization.id(), error, "its numbers could not be taken");
            }
        }
    }

    fn measure_one(&self, organization: &Organization) -> Result<(), crm::CrmError> {
        let of = organization.name().to_owned();
        let (undeliverable, waiting, put_off) = organization.read(|read| {
            let (undeliverable, waiting) = (read.undeliverable_count()?, read.waiting_in_mailboxes()?);
            Ok::<_, StoreError>((undeliverable, waiting, read.put_off_in_mailboxes()?))
        })?;
        metrics::gauge!("postroom_undeliverable", "organization" => of.clone()).set(undeliverable as f64);
        let alarms = self.alarms.of(organization.id());
        for kind in alarm::KINDS {
            let count = alarms.iter().filter(|alarm| alarm.kind() == kind).count();
            let labels = [("organization", of.clone()), ("kind", kind.to_owned())];
            metrics::gauge!("postroom_alarms", &labels).set(count as f64);
        }
        for watched in mailboxes::all(organization)? {
            let mailbox = watched.mailbox;
            let labels = [("organization", of.clone()), ("mailbox", mailbox.name)];
            let there = waiting.iter().find(|waiting| waiting.mailbox == mailbox.mailboxid);
            let lag = there.map_or(0, |there| seconds_between(there.since, self.now()));
            metrics::gauge!("postroom_mailbox_waiting", &labels)
                .set(there.map_or(0, |there| there.count) as f64);
            metrics::gauge!("postroom_mailbox_lag_seconds", &labels).set(lag as f64);
            let put_off = put_off.iter().find(|there| there.mailbox == mailbox.mailboxid);
            metrics::gauge!("postroom_mailbox_put_off", &labels)
                .set(put_off.map_or(0, |there| there.count) as f64);
            let pair = Pair { organization: organization.id(), mailbox: mailbox.mailboxid };
            if let Some(live) = self.boards.of(pair) {
                metrics::gauge!("postroom_mailbox_well", &labels).set(f64::from(u8::from(live.is_well)));
                metrics::gauge!("postroom_mailbox_failures", &labels).set(f64::from(live.failures));
                metrics::counter!("postroom_mailbox_ended_total", &labels).absolute(live.ended);
            }
        }
        Ok(())
    }
}

/// Counts a copy that ended, by the kind of its source.
pub(crate) fn count(source: &'static str, outcome: Outcome) {
    metrics::counter!("postroom_copies_total", "source" => source, "outcome" => outcome.name()).increment(1);
}

/// Whole seconds from one time to a later one; 0 where it is earlier.
pub(crate) fn seconds_between(from: Timestamp, to: Timestamp) -> i64 {
    to.0.saturating_sub(from.0).max(0) / 1_000
}

#[cfg(test)]
mod tests;
