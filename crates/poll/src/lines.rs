//! Connections to one host, where it takes no more than so many at a time: its mailboxes take turns.
//!
//! What passes through: nothing; whoever is to open a session waits here for a [`Line`], in the order of asking.
//!
//! *Invariant:* nobody starves. Whoever has a line while others wait gives it back after a while, whatever there is left
//! to do, and then stands behind them; as many leave as wait, and no more.

use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use model::limits;
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;

/// The connections to one host.
#[derive(Debug, Clone)]
pub(crate) struct Lines(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    most: usize,
    free: Arc<Semaphore>,
    counts: Mutex<Counts>,
    /// Somebody began to wait.
    wish: Notify,
}

#[derive(Debug, Default, Clone, Copy)]
struct Counts {
    /// Mailboxes of the host, whether they have a line or not.
    mailboxes: usize,
    waiting: usize,
    /// Lines that are about to be free.
    leaving: usize,
}

/// A mailbox of the host.
#[derive(Debug)]
pub(crate) struct Member(Arc<Shared>);

/// A connection, or none where the host takes as many as come.
#[derive(Debug)]
pub(crate) struct Line(Option<Held>);

#[derive(Debug)]
struct Held {
    shared: Arc<Shared>,
    since: Instant,
    is_leaving: bool,
    _place: Option<OwnedSemaphorePermit>,
}

impl Lines {
    /// So many at a time, at least one.
    pub(crate) fn new(most: usize) -> Self {
        let most = most.clamp(1, Semaphore::MAX_PERMITS);
        Lines(Arc::new(Shared {
            most,
            free: Arc::new(Semaphore::new(most)),
            counts: Mutex::default(),
            wish: Notify::new(),
        }))
    }

    /// One more mailbox, for as long as this is kept.
    pub(crate) fn member(&self) -> Member {
        self.0.counts().mailboxes += 1;
        Member(Arc::clone(&self.0))
    }

    /// The next line that is free.
    pub(crate) async fn line(&self) -> Line {
        let shared = Arc::clone(&self.0);
        let waiter = Waiter::new(&shared);
        // Never closed.
        let place = Arc::clone(&shared.free).acquire_owned().await.ok();
        drop(waiter);
        Line(Some(Held { shared, since: Instant::now(), is_leaving: false, _place: place }))
    }
}

impl Shared {
    fn counts(&self) -> MutexGuard<'_, Counts> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Is counted as long as it waits, however that ends.
struct Waiter<'s>(&'s Shared);

impl<'s> Waiter<'s> {
    fn new(shared: &'s Shared) -> Self {
        shared.counts().waiting += 1;
        shared.wish.notify_one();
        Waiter(shared)
    }
}

impl Drop for Waiter<'_> {
    fn drop(&mut self) {
        self.0.counts().waiting -= 1;
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        self.0.counts().mailboxes -= 1;
    }
}

/// How long a line is held at least.
const TURN: Duration = Duration::from_secs(limits::POLL_SHARED_TURN_SECONDS);

impl Line {
    /// Where the host takes as many as come.
    pub(crate) fn unbounded() -> Self {
        Line(None)
    }

    /// Whether it is to be given back now: others wait, and it was held for a while. Whoever hears so gives it back.
    pub(crate) fn is_to_leave(&mut self) -> bool {
        let Some(held) = &mut self.0 else { return false };
        if !held.is_leaving && held.since.elapsed() >= TURN {
            let mut counts = held.shared.counts();
            if counts.waiting > counts.leaving {
                counts.leaving += 1;
                held.is_leaving = true;
            }
        }
        held.is_leaving
    }

    /// Until it is to be given back.
    pub(crate) async fn until_to_leave(&mut self) {
        let Some((shared, since)) = self.0.as_ref().map(|held| (Arc::clone(&held.shared), held.since)) else {
            return std::future::pending().await;
        };
        tokio::time::sleep_until(since + TURN).await;
        loop {
            let mut wish = pin!(shared.wish.notified());
            // From here on no wish is missed.
            wish.as_mut().enable();
            if self.is_to_leave() {
                return;
            }
            wish.await;
        }
    }

    /// What people should know of it.
    pub(crate) fn remark(&self) -> Option<String> {
        let held = self.0.as_ref()?;
        let (most, mailboxes) = (held.shared.most, held.shared.counts().mailboxes);
        let connections = if most == 1 { "one connection".to_owned() } else { format!("{most} connections") };
        let others = mailboxes.saturating_sub(1);
        let others = if others == 1 { "another mailbox".to_owned() } else { format!("{others} mailboxes") };
        (mailboxes > most).then(|| format!("shares {connections} with {others}"))
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.shared.counts().leaving -= usize::from(self.is_leaving);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn visit(lines: Lines, (name, visits): (usize, Arc<Mutex<Vec<usize>>>)) {
        let _member = lines.member();
        loop {
            let mut line = lines.line().await;
            visits.lock().unwrap().push(name);
            line.until_to_leave().await;
        }
    }

    #[tokio::test(start_paused = true)]
    async fn all_have_their_turn_in_order_and_no_more_at_a_time_than_may() {
        let lines = Lines::new(2);
        let visits = Arc::new(Mutex::new(Vec::new()));
        let tasks: Vec<_> =
            (0..6).map(|name| tokio::spawn(visit(lines.clone(), (name, Arc::clone(&visits))))).collect();
        tokio::time::sleep(TURN / 2).await;
        assert_eq!(*visits.lock().unwrap(), [0, 1]);
        tokio::time::sleep(TURN * 3).await;
        let counts = *lines.0.counts();
        assert_eq!((counts.mailboxes, counts.waiting, counts.leaving), (6, 4, 0));
        let seen = visits.lock().unwrap().clone();
        assert_eq!(seen, [0, 1, 2, 3, 4, 5, 0, 1]);
        // Those that have gone are waited for no more.
        tasks.iter().skip(2).for_each(tokio::task::JoinHandle::abort);
        tokio::time::sleep(TURN * 100).await;
        assert_eq!(visits.lock().unwrap().len(), seen.len());
        assert_eq!(lines.0.counts().mailboxes, 2);
    }

    #[tokio::test(start_paused = true)]
    async fn as_many_leave_as_wait() {
        let lines = Lines::new(2);
        let members = [lines.member(), lines.member(), lines.member()];
        let (mut first, mut second) = (lines.line().await, lines.line().await);
        assert_eq!(first.remark().as_deref(), Some("shares 2 connections with 2 mailboxes"));
        tokio::time::sleep(TURN * 100).await;
        assert!(!first.is_to_leave() && !second.is_to_leave(), "nobody waits");
        let late = tokio::spawn({
            let lines = lines.clone();
            async move { lines.line().await }
        });
        first.until_to_leave().await;
        assert!(!second.is_to_leave(), "one waits, so one leaves");
        drop(first);
        let mut late = late.await.unwrap();
        assert!(!late.is_to_leave() && !second.is_to_leave());
        drop(members);
        assert!(late.remark().is_none() && Line::unbounded().remark().is_none());
    }
}
