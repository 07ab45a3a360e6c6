//! Brings the text indexes of all organizations forward, a second behind their mail.
//!
//! One thread of its own at the lowest priority: where the machine is busy taking mail in, the index waits, never
//! the mail. After two minutes of waiting (`limits::INDEX_WAIT_SECONDS_MAX`) it works beside it.
//!
//! At a server every node runs one. Each looks after the organizations it wrote to, and now and then after those that
//! other nodes may have left behind; a lease in the index keeps two from the same work.
//!
//! *Invariant:* it decides nothing and may be stopped between any two loads.

use std::collections::HashMap;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use crm::search::indexing::{self, Step};
use model::{Id, limits};
use rustix::process::{Pid, setpriority_process};
use rustix::thread::gettid;
use store::Organization;
use tokio::runtime::Handle;
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;

use crate::house::House;

/// Organizations that were written to are looked at this often.
const ROUND: Duration = Duration::from_secs(1);
/// Those that are open at a server are, whoever wrote to them, this often: a node that died left its work behind.
const SHARED_ROUND: Duration = Duration::from_secs(10);
/// All of them are, open or not, at the beginning and this often.
const WHOLE_ROUND: Duration = Duration::from_secs(600);
/// The nice value of the thread: the largest there is (setpriority(2)).
const NICE: i32 = 19;

/// Runs until `stop`.
pub(crate) async fn run(house: Arc<House>, stop: CancellationToken) {
    let (ended, end) = oneshot::channel::<()>();
    let (runtime, stopping) = (Handle::current(), stop.clone());
    let thread = thread::Builder::new().name("text-index".into()).spawn(move || {
        yield_to_all_others(gettid());
        let pace = Pace { looked: Instant::now(), units: 0, behind_since: None };
        Runner { house, stop, runtime, seen: HashMap::new(), pace }.rounds();
        drop(ended);
    });
    match thread {
        Ok(_) => {
            // It ends by dropping its side, which is all that is waited for.
            drop(end.await);
            if !stopping.is_cancelled() {
                tracing::error!(
                    "the text index stopped by a fault of Postroom; it goes on at the next start"
                );
            }
        }
        Err(error) => tracing::error!(%error, "the text index has no thread and stays as it is"),
    }
}

/// On Linux a thread has a priority of its own, under its id.
fn yield_to_all_others(thread: Pid) {
    if let Err(error) = setpriority_process(Some(thread), NICE) {
        tracing::warn!(%error, "the text index runs at the priority of the mail");
    }
}

struct Runner {
    house: Arc<House>,
    stop: CancellationToken,
    runtime: Handle,
    /// Commits of each organization at the last look that came to the end, and when that was.
    seen: HashMap<Id, (u64, Instant)>,
    pace: Pace,
}

/// Whether this is a moment to work in.
struct Pace {
    looked: Instant,
    /// Units of all open organizations at the last look.
    units: u64,
    /// Since when the index is behind.
    behind_since: Option<Instant>,
}

impl Pace {
    /// Looks at how many units of work there have been by now.
    fn is_good(&mut self, units: u64, now: Instant) -> bool {
        let seconds = now.duration_since(self.looked).as_secs_f64().max(0.001);
        // Those of an organization that was closed meanwhile are counted no more.
        let rate = f64::from(u32::try_from(units.saturating_sub(self.units)).unwrap_or(u32::MAX)) / seconds;
        (self.looked, self.units) = (now, units);
        let since = *self.behind_since.get_or_insert(now);
        rate <= limits::INDEX_UNITS_PER_SECOND_MAX
            || now.duration_since(since) >= Duration::from_secs(limits::INDEX_WAIT_SECONDS_MAX)
    }

    /// Notes that there is nothing left to do.
    fn has_caught_up(&mut self) {
        self.behind_since = None;
    }
}

impl Runner {
    fn rounds(&mut self) {
        let mut whole = None;
        while !self.stop.is_cancelled() {
            let units = self.house.store.open_organizations().iter().map(|it| it.units()).sum();
            if self.pace.is_good(units, Instant::now()) {
                let is_due = whole.is_none_or(|last: Instant| last.elapsed() >= WHOLE_ROUND);
                if is_due {
                    whole = Some(Instant::now());
                }
                let is_behind = if is_due { self.all() } else { self.written() };
                if !is_behind {
                    self.pace.has_caught_up();
                }
            }
            let stopped = self.stop.cancelled();
            // Whether it was the clock or the stop, the loop looks by itself.
            let _ = self.runtime.block_on(async { tokio::time::timeout(ROUND, stopped).await });
        }
    }

    /// Says whether something is left to do.
    fn all(&mut self) -> bool {
        let rows = self.house.store.organizations();
        let rows = rows.inspect_err(|error| {
            tracing::warn!(error = error as &dyn std::error::Error, "organizations could not be looked for");
        });
        let mut is_behind = false;
        for row in rows.unwrap_or_default() {
            match self.house.store.organization(row.organizationid) {
                Ok(organization) => is_behind |= self.bring_forward(&organization),
                Err(error) => {
                    let organization = row.organizationid;
                    let error = &error as &dyn std::error::Error;
                    tracing::warn!(%organization, error, "an organization does not open for its index");
                }
            }
        }
        is_behind
    }

    /// Those that are open and had a commit since. Says whether something is left to do.
    fn written(&mut self) -> bool {
        let open = self.house.store.open_organizations();
        // One that is closed and opened again counts its commits anew.
        self.seen.retain(|id, _| open.iter().any(|organization| organization.id() == *id));
        let mut is_behind = false;
        // By value, so that each can be closed after its turn.
        for organization in open {
            let is_seen = self.seen.get(&organization.id()).is_some_and(|(commits, when)| {
                *commits == organization.commits()
                    && (!organization.is_at_server() || when.elapsed() < SHARED_ROUND)
            });
            if !is_seen {
                is_behind |= self.bring_forward(&organization);
            }
        }
        is_behind
    }

    /// Says whether something is left to do for it; what fails waits, and holds nobody else up.
    fn bring_forward(&mut self, organization: &Organization) -> bool {
        let (commits, began) = (organization.commits(), Instant::now());
        let mut loads = 0;
        while !self.stop.is_cancelled()
            && began.elapsed() < Duration::from_secs(limits::INDEX_TURN_SECONDS_MAX)
        {
            let ended = match indexing::step(organization) {
                Ok(Step::Forward) => {
                    loads += 1;
                    continue;
                }
                // The next round looks again.
                Ok(Step::Later) => break,
                Ok(Step::UpToDate) => {
                    self.seen.insert(organization.id(), (commits, Instant::now()));
                    // A long stretch of work leaves memory behind that a mail now and then has no use for.
                    if loads > 1 { organization.index().shrink().map_err(Into::into) } else { Ok(()) }
                }
                Err(error) => Err(error),
            };
            if let Err(error) = ended {
                let error = &error as &dyn std::error::Error;
                tracing::warn!(organization = %organization.id(), error, "the text index waits");
            }
            return false;
        }
        self.seen.remove(&organization.id());
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_index_waits_while_mail_pours_in_but_not_for_ever() {
        let began = Instant::now();
        let mut pace = Pace { looked: began, units: 0, behind_since: None };
        let second = |number| began + Duration::from_secs(number);
        assert!(pace.is_good(10, second(1)), "a few mails hold nobody up");
        pace.has_caught_up();
        for number in 2..2 + limits::INDEX_WAIT_SECONDS_MAX {
            assert!(!pace.is_good(number * 1_000, second(number)), "second {number}");
        }
        let late = 2 + limits::INDEX_WAIT_SECONDS_MAX;
        assert!(pace.is_good(late * 1_000, second(late)));
        assert!(pace.is_good((late + 1) * 1_000, second(late + 1)), "it goes on until it has caught up");
        pace.has_caught_up();
        assert!(!pace.is_good((late + 2) * 1_000, second(late + 2)));
        assert!(pace.is_good((late + 2) * 1_000, second(late + 3)), "quiet again");
    }
}
