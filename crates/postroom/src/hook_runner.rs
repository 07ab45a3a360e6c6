//! Tells the hook after delivery of e-mails that came, for all organizations, behind the mail.
//!
//! What passes through: a stretch of events, told one after the other in the order in which they came to be; the cursor goes on
//! behind those that were heard, and behind one that was refused for hours. One node at a time tells those of an organization.
//!
//! *Invariant:* it decides nothing, and no mail waits for it.

use std::collections::HashMap;
use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crm::CrmError;
use crm::following::{self, Came, Noted, Progress, Stretch, Unheard};
use model::{Id, Timestamp};
use store::{HeldLease, Organization};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::hooks::{Fault, Hook, NoAnswer, post_deliver};
use crate::house::House;
use crate::settings::OnError;

/// Organizations that were written to are looked at this often.
const ROUND: Duration = Duration::from_secs(1);
/// Those at a server are, whoever wrote to them, and all of them, open or not, this often.
const WHOLE_ROUND: Duration = Duration::from_secs(30);
/// So often the lease is renewed while a hook thinks.
const RENEWAL: Duration = Duration::from_secs(5);
/// How long a hook is left alone that did not answer, at first and at most.
const PAUSE_FIRST: Duration = Duration::from_secs(2);
const PAUSE_MAX: Duration = Duration::from_secs(300);
/// E-mails that are told between two notes of how far it came.
const STRETCH_MAX: usize = 16;
/// By which this hook's place is known.
pub(crate) const FOLLOWER: &str = "post_deliver";

/// Runs until `stop`, where there is such a hook.
pub(crate) async fn run(house: Arc<House>, stop: CancellationToken) {
    if house.hooks.post_deliver.is_none() {
        return;
    }
    let since = house.now();
    let mut runner = Runner { house, since, turns: HashMap::new(), looked: None };
    while !stop.is_cancelled() {
        runner.round(&stop).await;
        tokio::select! {
            () = stop.cancelled() => {}
            () = runner.house.hook_bell.notified() => runner.turns.values_mut().for_each(|turn| turn.not_before = None),
            () = tokio::time::sleep(ROUND) => {}
        }
    }
    for turn in runner.turns.into_values() {
        if let Some(task) = turn.task
            && task.await.is_err()
        {
            tracing::error!("telling a hook ended by a fault of ours");
        }
    }
}

struct Runner {
    house: Arc<House>,
    /// A hook that is new hears of what happens from then on.
    since: Timestamp,
    turns: HashMap<Id, Turn>,
    /// When all were looked at.
    looked: Option<Instant>,
}

/// How it stands with one organization.
#[derive(Default)]
struct Turn {
    task: Option<JoinHandle<Ended>>,
    /// Its commits when its last turn began.
    commits: Option<u64>,
    /// Not before.
    not_before: Option<Instant>,
    /// How often the hook did not answer, in a row.
    failures: u32,
}

/// How a turn ended.
enum Ended {
    /// All was told.
    Told,
    /// Another node does it, or events cannot be read yet.
    Later,
    /// The hook does not answer.
    NoAnswer,
}

impl Runner {
    async fn round(&mut self, stop: &CancellationToken) {
        let is_whole = self.looked.is_none_or(|looked| looked.elapsed() >= WHOLE_ROUND);
        for organization in self.organizations(is_whole) {
            let turn = self.turns.entry(organization.id()).or_default();
            turn.end().await;
            let has_news = turn.commits != Some(organization.commits()) || is_whole;
            let is_time = turn.not_before.is_none_or(|time| time <= Instant::now());
            if turn.task.is_none() && has_news && is_time && !organization.is_closed() {
                turn.commits = Some(organization.commits());
                let (house, stop, since) = (Arc::clone(&self.house), stop.clone(), self.since);
                turn.task =
                    Some(tokio::spawn(async move { work(&house, &organization, (since, &stop)).await }));
            }
        }
    }

    fn organizations(&mut self, is_whole: bool) -> Vec<Arc<Organization>> {
        let store = &self.house.store;
        if !is_whole {
            return store.open_organizations();
        }
        self.looked = Some(Instant::now());
        let rows = store.organizations().unwrap_or_else(|error| {
            tracing::warn!(error = &error as &dyn std::error::Error, "organizations could not be looked for");
            Vec::new()
        });
        rows.into_iter().filter_map(|row| store.organization(row.organizationid).ok()).collect()
    }
}

impl Turn {
    /// Takes note of a turn that has ended.
    async fn end(&mut self) {
        let Some(task) = self.task.take_if(|task| task.is_finished()) else { return };
        match task.await {
            Ok(Ended::Told) => (self.failures, self.not_before) = (0, None),
            Ok(Ended::Later) => self.commits = None,
            Ok(Ended::NoAnswer) | Err(_) => {
                let pause = PAUSE_FIRST.saturating_mul(1 << self.failures.min(8)).min(PAUSE_MAX);
                self.failures = self.failures.saturating_add(1);
                (self.not_before, self.commits) = (Some(Instant::now() + pause), None);
            }
        }
    }
}

/// Tells of all that came to an organization.
async fn work(
    house: &Arc<House>,
    organization: &Arc<Organization>,
    (since, stop): (Timestamp, &CancellationToken),
) -> Ended {
    let Some(hook) = &house.hooks.post_deliver else { return Ended::Told };
    // Asked before the lease is: most looks find nothing to tell.
    match following::next(organization, (FOLLOWER, since), 1) {
        Ok(stretch) if !stretch.is_news => return Ended::Told,
        Ok(_) => {}
        Err(error) => return failed(organization, &error),
    }
    let lease = match following::lease(organization, (FOLLOWER, house.node), house.now()).await {
        Ok(Some(lease)) => lease,
        Ok(None) => return Ended::Later,
        Err(error) => return failed(organization, &error),
    };
    let teller = Teller { house, organization, hook, lease };
    let ended = teller.tell_all(since, stop).await.unwrap_or_else(|error| failed(organization, &error));
    if let Err(error) = following::give_back(organization, teller.lease).await {
        failed(organization, &error);
    }
    ended
}

fn failed(organization: &Organization, error: &CrmError) -> Ended {
    let organization = organization.id();
    tracing::warn!(%organization, error = error as &dyn std::error::Error, "what came is not told yet");
    Ended::Later
}

/// Nobody is to learn of it by chance alone.
pub(crate) fn was_passed_over(organization: &Organization, email: Option<Id>) {
    let (organization, email) = (organization.name(), email.unwrap_or_default());
    tracing::warn!(organization, %email, "the hook after delivery is not told of an e-mail: `postroom hook list` shows it");
    metrics::counter!("postroom_hook_passed_over_total", "hook" => FOLLOWER).increment(1);
}

/// Whoever tells of an organization's mail.
struct Teller<'t> {
    house: &'t Arc<House>,
    organization: &'t Arc<Organization>,
    hook: &'t Hook,
    lease: HeldLease,
}

impl Teller<'_> {
    async fn tell_all(&self, since: Timestamp, stop: &CancellationToken) -> Result<Ended, CrmError> {
        while !stop.is_cancelled() {
            let stretch = following::next(self.organization, (FOLLOWER, since), STRETCH_MAX)?;
            if !stretch.is_news {
                return Ok(Ended::Told);
            }
            let told = self.while_held(self.tell(&stretch)).await;
            let Some(unheard) = told else { return Ok(Ended::Later) };
            let mut heard = stretch.end;
            if let Some(unheard) = &unheard {
                // The cursor stays before the first that was not heard.
                heard.eventid = unheard.eventid - 1;
            }
            let place = (FOLLOWER, self.lease.clone());
            let email = unheard.as_ref().map(|unheard| unheard.email);
            let progress = Progress { heard, unheard };
            match following::note(self.organization, place, progress, self.house.now()).await? {
                Noted::On => {}
                Noted::Waits => return Ok(Ended::NoAnswer),
                Noted::PassedOver => was_passed_over(self.organization, email),
                Noted::Lost => return Ok(Ended::Later),
            }
        }
        Ok(Ended::Later)
    }

    /// Tells of each until one is not heard; that one.
    async fn tell(&self, stretch: &Stretch) -> Option<Unheard> {
        for came in &stretch.came {
            let told = post_deliver::tell(self.hook, self.organization, (stretch.epoch, came)).await;
            let Err(NoAnswer { words, fault, .. }) = told else { continue };
            let Came { eventid, email, .. } = came;
            let (eventid, email, is_refused) = (*eventid, email.activityid, fault == Fault::Refused);
            tracing::warn!(%email, words, is_refused, "the hook after delivery does not answer");
            if self.hook.on_error == OnError::Abort {
                return Some(Unheard { eventid, email, is_refused, words });
            }
        }
        None
    }

    /// Works while the lease is ours; `None` where it is another node's.
    async fn while_held<T>(&self, work: impl Future<Output = T>) -> Option<T> {
        let mut work = std::pin::pin!(work);
        let mut renewal = tokio::time::interval_at(tokio::time::Instant::now() + RENEWAL, RENEWAL);
        loop {
            tokio::select! {
                biased;
                done = &mut work => return Some(done),
                _ = renewal.tick() => {
                    let (lease, now) = (self.lease.clone(), self.house.now());
                    if !following::renew(self.organization, lease, now).await.unwrap_or(false) {
                        return None;
                    }
                }
            }
        }
    }
}
