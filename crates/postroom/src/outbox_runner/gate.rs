//! What this node knows and holds of the limits of an organization's outgoing mail: pauses, shares of mails a minute, places.
//!
//! *Invariants:* without a share or a place of each limit that a mail falls under it does not go; what is held is given back, or
//! runs out by the clock of the server, before which this node takes it for lost.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError};
use std::time::{Duration, Instant};

use crm::outbox::{self, Claimed, Place};
use model::schema::outbox::OutboxLimit;
use model::{Id, limits};
use send::Admitted;
use store::{HeldLease, Share};

use super::desk::Desk;

/// The gates of all organizations.
#[derive(Default)]
pub(crate) struct Gates(Mutex<HashMap<Id, Arc<Gate>>>);

impl Gates {
    pub(super) fn of(&self, organization: Id) -> Arc<Gate> {
        Arc::clone(lock(&self.0).entry(organization).or_default())
    }

    /// Somebody has changed limits here: they are read anew at once.
    pub(crate) fn forget(&self) {
        lock(&self.0).values().for_each(|gate| {
            let mut state = lock(&gate.state);
            (state.read, state.changes) = (None, state.changes.wrapping_add(1));
        });
    }
}

/// One organization's gate.
#[derive(Default)]
pub(super) struct Gate {
    state: Mutex<State>,
    /// One at a time reads the limits.
    reading: Mutex<()>,
    /// One at a time asks the store.
    asking: tokio::sync::Mutex<()>,
    /// Mails of persons that wait for a share.
    persons: AtomicUsize,
}

#[derive(Default)]
struct State {
    limits: Arc<Vec<OutboxLimit>>,
    read: Option<Instant>,
    /// How often somebody said that limits have changed.
    changes: u64,
    held: HashMap<Id, Held>,
}

/// What is held of a limit.
#[derive(Default)]
struct Held {
    /// Mails left of the share, which ends then.
    mails: i64,
    until: Option<Instant>,
    /// Mails that were sent away since there was a share.
    behind: i64,
    places: Vec<HeldLease>,
    /// When the places were renewed.
    renewed: Option<Instant>,
    in_use: usize,
}

/// What is paused.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Paused {
    pub(super) is_all: bool,
    pub(super) is_bulk: bool,
}

/// A mail's places at domains, held while it is on its way.
pub(crate) struct Pass {
    gate: Arc<Gate>,
    limits: Vec<Id>,
}

impl Drop for Pass {
    fn drop(&mut self) {
        let mut state = lock(&self.gate.state);
        for limit in &self.limits {
            if let Some(held) = state.held.get_mut(limit) {
                held.in_use = held.in_use.saturating_sub(1);
            }
        }
    }
}

/// How old what is known of the limits may be: so soon a pause is seen.
const KNOWN: Duration = Duration::from_secs(1);
/// How often places are renewed, and looked for anew.
const RENEWAL: Duration = Duration::from_secs(5);
/// So long after it was renewed a place is believed to be ours.
const SURE: Duration = Duration::from_secs(limits::LEASE_SECONDS.unsigned_abs() * 3 / 4);

impl Held {
    fn take_mail(&mut self) -> bool {
        let is_there = self.mails > 0 && self.until.is_some_and(|until| Instant::now() < until);
        self.mails -= i64::from(is_there);
        is_there
    }

    fn is_fresh(&self) -> bool {
        self.renewed.is_some_and(|renewed| renewed.elapsed() < RENEWAL)
    }

    fn sure_places(&self) -> usize {
        let is_sure = self.renewed.is_some_and(|renewed| renewed.elapsed() < SURE);
        if is_sure { self.places.len() } else { 0 }
    }
}

impl Desk {
    pub(super) fn pauses(&self) -> Paused {
        let relay = Place::Relay(self.relay).key();
        let limits = self.limits();
        let is = |place: &str| limits.iter().any(|limit| limit.place == place && limit.ispaused);
        Paused { is_all: is(&Place::All.key()) || is(&relay), is_bulk: is(&Place::Bulk.key()) }
    }

    /// How many connections there may be.
    pub(super) async fn connections_at_most(&self) -> usize {
        let places = self.places().await;
        self.per_minute().map_or(places, |mails| connections_for(mails, places))
    }

    /// How many mails one connection takes at a time.
    pub(super) async fn mails_at_most(&self, wanted: usize) -> usize {
        let Some(mails) = self.per_minute() else { return wanted };
        mails_for(mails, self.connections_at_most().await).min(wanted)
    }

    /// How many mails a minute go out by the relay, where that is limited.
    fn per_minute(&self) -> Option<usize> {
        let relay = Place::Relay(self.relay).key();
        let limits = self.limits();
        let limit = limits.iter().find(|limit| limit.place == relay)?;
        limit.perminute.and_then(|mails| usize::try_from(mails).ok()).filter(|mails| *mails > 0)
    }

    /// As many as a node opens, or as places of the relay are held.
    async fn places(&self) -> usize {
        let limits = self.limits();
        let relay = Place::Relay(self.relay).key();
        for limit in limits.iter().filter(|limit| limit.place != relay) {
            let in_use = self.held(limit, |held| if held.places.is_empty() { 0 } else { held.in_use.max(1) });
            if in_use > 0 {
                self.renewed(limit, in_use).await;
            }
        }
        let limit = limits.iter().find(|limit| limit.place == relay && limit.connections.is_some());
        let Some(limit) = limit else { return limits::OUTBOX_CONNECTIONS_MAX };
        let all = usize::try_from(limit.connections.unwrap_or_default()).unwrap_or_default();
        self.renewed(limit, all.min(limits::OUTBOX_PLACES_MAX)).await;
        self.held(limit, |held| held.sure_places())
    }

    /// Whether a mail may go now.
    pub(super) async fn pass(&self, claimed: &Claimed) -> Admitted<Pass> {
        let mut pass = Pass { gate: Arc::clone(&self.gate), limits: Vec::new() };
        let limits = self.limits();
        for limit in outbox::to_domains(&limits, claimed) {
            if limit.connections.is_some() && !self.has_place(limit).await {
                return Admitted::In(RENEWAL);
            }
            if limit.connections.is_some() {
                pass.limits.push(limit.outboxlimitid);
            }
            if let Err(pause) = self.share(limit).await {
                return Admitted::In(self.behind(limit, pause));
            }
        }
        loop {
            let paused = self.pauses();
            if paused.is_all || (paused.is_bulk && claimed.is_bulk()) {
                return Admitted::In(Duration::ZERO);
            }
            match self.share_of_relay(claimed.is_bulk()).await {
                Ok(()) => return Admitted::Now(pass),
                Err(pause) => tokio::time::sleep(pause.min(KNOWN)).await,
            }
        }
    }

    /// Persons go first where there is not enough for all.
    async fn share_of_relay(&self, is_bulk: bool) -> Result<(), Duration> {
        let relay = Place::Relay(self.relay).key();
        let limits = self.limits();
        let Some(limit) = limits.iter().find(|limit| limit.place == relay && limit.perminute.is_some())
        else {
            return Ok(());
        };
        if is_bulk && self.gate.persons.load(Ordering::Relaxed) > 0 {
            return Err(KNOWN / 10);
        }
        let shared = self.share(limit).await;
        if shared.is_err() && !is_bulk {
            self.gate.persons.fetch_add(1, Ordering::Relaxed);
            let _waiting = Waiting(&self.gate.persons);
            tokio::time::sleep(KNOWN / 10).await;
            return self.share(limit).await.map_err(|_| Duration::ZERO);
        }
        shared
    }

    /// One mail of a limit's mails a minute; where there is none, for how long.
    async fn share(&self, limit: &OutboxLimit) -> Result<(), Duration> {
        let Some((mails, milliseconds)) = outbox::share_of(limit, i64::MAX) else { return Ok(()) };
        if self.held(limit, Held::take_mail) {
            return Ok(());
        }
        let _asking = self.gate.asking.lock().await;
        if self.held(limit, Held::take_mail) {
            return Ok(());
        }
        let begun = Instant::now();
        let asked = (limit.outboxlimitid, milliseconds);
        match outbox::take_share(&self.organization, asked, self.house.now()).await {
            Ok(Share::Given) => {
                let until = Some(begun + Duration::from_millis(milliseconds.unsigned_abs()));
                self.held(limit, |held| (held.mails, held.until, held.behind) = (mails - 1, until, 0));
                Ok(())
            }
            Ok(Share::In(left)) => Err(Duration::from_millis(left.unsigned_abs())),
            Err(error) => {
                self.warn(&error, "a share of a limit could not be taken");
                Err(KNOWN)
            }
        }
    }

    /// When a mail comes back that finds no share: behind those that were sent away before.
    fn behind(&self, limit: &OutboxLimit, pause: Duration) -> Duration {
        let each = 60_000 / i64::from(limit.perminute.unwrap_or(1).max(1));
        let behind = self.held(limit, |held| {
            held.behind += 1;
            held.behind.saturating_mul(each)
        });
        (pause + Duration::from_millis(behind.unsigned_abs())).min(outbox::AWAY_MAX)
    }

    /// Takes a place at a domain, one of those that are held or another one.
    async fn has_place(&self, limit: &OutboxLimit) -> bool {
        let take = |held: &mut Held| {
            let is_free = held.in_use < held.sure_places();
            held.in_use += usize::from(is_free);
            is_free
        };
        if self.held(limit, take) {
            return true;
        }
        let in_use = self.held(limit, |held| {
            // Whoever looked a moment ago found none.
            (!held.is_fresh() || held.places.len() > held.in_use || held.places.is_empty())
                .then_some(held.in_use)
        });
        if let Some(in_use) = in_use {
            self.renew(limit, in_use + 1).await;
        }
        self.held(limit, take)
    }

    async fn renewed(&self, limit: &OutboxLimit, wanted: usize) {
        if !self.held(limit, |held| held.is_fresh()) {
            self.renew(limit, wanted).await;
        }
    }

    async fn renew(&self, limit: &OutboxLimit, wanted: usize) {
        let _asking = self.gate.asking.lock().await;
        let begun = Instant::now();
        let of = (limit, self.house.node);
        match outbox::places(&self.organization, of, (self.house.now(), wanted)).await {
            Ok(places) => self.held(limit, |held| (held.places, held.renewed) = (places, Some(begun))),
            Err(error) => self.warn(&error, "places of a limit could not be taken"),
        }
    }

    /// Gives back what nobody uses.
    pub(super) async fn rest(&self) {
        let (limits, relay) = (self.limits(), Place::Relay(self.relay).key());
        let mut places = Vec::new();
        for limit in limits.iter().filter(|limit| limit.place == relay || limit.place.starts_with('@')) {
            self.held(limit, |held| {
                if held.in_use == 0 {
                    held.renewed = None;
                    places.append(&mut held.places);
                }
            });
        }
        if let Err(error) = outbox::give_back_places(&self.organization, places).await {
            self.warn(&error, "places of a limit were not given back");
        }
    }

    /// The limits, as they were a moment ago.
    fn limits(&self) -> Arc<Vec<OutboxLimit>> {
        let read = || outbox::all_limits(&self.organization);
        self.gate.known(read).unwrap_or_else(|error| {
            self.warn(&error, "the limits of outgoing mail could not be read");
            Arc::clone(&lock(&self.gate.state).limits)
        })
    }

    fn held<T>(&self, limit: &OutboxLimit, look: impl FnOnce(&mut Held) -> T) -> T {
        look(lock(&self.gate.state).held.entry(limit.outboxlimitid).or_default())
    }
}

impl Gate {
    /// What is known of the limits; read anew where that is old, by one alone. Whoever comes meanwhile goes by what was known, and
    /// waits where nothing is.
    ///
    /// # Errors
    /// Where it could not be read: what was known holds on.
    fn known<E>(
        &self,
        read: impl FnOnce() -> Result<Vec<OutboxLimit>, E>,
    ) -> Result<Arc<Vec<OutboxLimit>>, E> {
        let look = || {
            let state = lock(&self.state);
            let is_fresh = state.read.is_some_and(|read| read.elapsed() < KNOWN);
            (is_fresh, state.read.is_some(), Arc::clone(&state.limits), state.changes)
        };
        let (is_fresh, is_known, limits, _) = look();
        if is_fresh {
            return Ok(limits);
        }
        let _reading = match self.reading.try_lock() {
            Ok(reading) => reading,
            Err(TryLockError::WouldBlock) if is_known => return Ok(limits),
            Err(TryLockError::WouldBlock) => lock(&self.reading),
            Err(TryLockError::Poisoned(reading)) => reading.into_inner(),
        };
        let (is_fresh, _, limits, changes) = look();
        if is_fresh {
            return Ok(limits);
        }
        let limits = Arc::new(read()?);
        let mut state = lock(&self.state);
        state.limits = Arc::clone(&limits);
        // What changed while it was read is read once more.
        if state.changes == changes {
            state.read = Some(Instant::now());
        }
        Ok(limits)
    }
}

struct Waiting<'w>(&'w AtomicUsize);

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Each holds a mail that waits for its share, so there are no more than mails a minute; but two where that is one, so that a person's
/// mail waits beside a bulk mail and not behind it.
fn connections_for(mails_per_minute: usize, places: usize) -> usize {
    places.min(mails_per_minute.max(2))
}

/// All connections together take what goes out in a minute: whatever waits here cannot be canceled, nor go by another node.
fn mails_for(mails_per_minute: usize, connections: usize) -> usize {
    (mails_per_minute / connections.max(1)).max(1)
}

fn lock<T>(it: &Mutex<T>) -> MutexGuard<'_, T> {
    it.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;
    use std::sync::mpsc::channel;
    use std::thread;

    use model::Timestamp;

    use super::*;

    fn limit(number: u8) -> Vec<OutboxLimit> {
        vec![OutboxLimit {
            outboxlimitid: Id([number; 16]),
            place: String::new(),
            perminute: None,
            connections: None,
            ispaused: false,
            nexton: Timestamp(0),
        }]
    }

    fn known(gate: &Gate, number: u8) -> u8 {
        let limits = gate.known(|| Ok::<_, Infallible>(limit(number))).unwrap();
        limits.first().map_or(0, |limit| limit.outboxlimitid.0[0])
    }

    #[test]
    fn no_more_is_taken_than_goes_out_in_about_a_minute() {
        for (mails, places, taken) in
            [(6, 10, 6), (60, 10, 60), (65, 10, 60), (1, 10, 2), (600, 4, 600), (6, 1, 6), (6, 0, 0)]
        {
            let connections = connections_for(mails, places);
            assert_eq!(connections * mails_for(mails, connections), taken, "{mails} a minute over {places}");
        }
    }

    #[test]
    fn while_one_reads_the_others_go_by_what_was_known_and_nothing_stays_old() {
        let gate = Gate::default();
        assert_eq!((known(&gate, 1), known(&gate, 2)), (1, 1), "it is fresh");
        lock(&gate.state).read = Instant::now().checked_sub(KNOWN * 2);
        thread::scope(|scope| {
            let (begun, began) = channel();
            let (end, ended) = channel();
            let gate = &gate;
            let reader = scope.spawn(move || {
                gate.known(|| {
                    begun.send(()).unwrap();
                    ended.recv().unwrap();
                    Ok::<_, Infallible>(limit(3))
                })
            });
            began.recv().unwrap();
            assert_eq!(known(gate, 4), 1, "nobody waits");
            // Somebody changes one while it is read: what comes of that is old already.
            lock(&gate.state).changes += 1;
            end.send(()).unwrap();
            assert_eq!(reader.join().unwrap().unwrap(), limit(3).into());
        });
        assert_eq!(known(&gate, 5), 5, "it is read once more");
        let failed = || gate.known(|| Err::<Vec<OutboxLimit>, _>("no"));
        assert_eq!(failed().unwrap().first().unwrap().outboxlimitid.0[0], 5);
        lock(&gate.state).read = None;
        assert_eq!(failed(), Err("no"));
        assert_eq!(known(&gate, 6), 6);
    }
}
