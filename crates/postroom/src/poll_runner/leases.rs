//! Leases of mailboxes: each is watched by one node at a time, and left by it before another may begin.
//!
//! What passes through: a lease that was taken, and how long it is sure to be ours by the clock of this machine.
//!
//! *Invariant:* time is counted from before the server was asked, so here it always ends first.

use std::future::Future;
use std::time::Duration;

use model::{Id, limits};
use store::HeldLease;
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

/// How names of these leases begin.
pub(super) const KIND: &str = "mailbox";

/// The lease of a mailbox.
pub(super) fn name(mailbox: Id) -> String {
    format!("{KIND}/{mailbox}")
}

/// A lease, and until when it is ours.
pub(super) struct Held {
    lease: HeldLease,
    until: watch::Sender<Instant>,
}

impl Held {
    /// It was asked for then.
    pub(super) fn new(lease: HeldLease, asked: Instant) -> Self {
        Held { lease, until: watch::Sender::new(asked + OURS) }
    }

    pub(super) fn lease(&self) -> &HeldLease {
        &self.lease
    }

    /// Until when, for whoever works under it.
    pub(super) fn until(&self) -> watch::Receiver<Instant> {
        self.until.subscribe()
    }

    /// It was asked for again then.
    pub(super) fn renewed(&self, asked: Instant) {
        self.until.send_replace(asked + OURS);
    }
}

/// A little shorter than at the server: what is under way then comes to its end.
const OURS: Duration = Duration::from_secs(limits::LEASE_SECONDS.unsigned_abs() - 4);

/// Works as long as the lease is ours, or for ever where there is none.
pub(super) async fn within(until: Option<watch::Receiver<Instant>>, work: impl Future<Output = ()>) {
    match until {
        None => work.await,
        Some(until) => tokio::select! {
            () = work => {}
            () = end_of(until) => {}
        },
    }
}

async fn end_of(mut until: watch::Receiver<Instant>) {
    loop {
        let end = *until.borrow_and_update();
        if end <= Instant::now() {
            return;
        }
        tokio::select! {
            () = sleep_until(end) => {}
            renewed = until.changed() => {
                // Nobody renews it any more: it lasts as long as it lasts.
                if renewed.is_err() {
                    return sleep_until(end).await;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn held() -> Held {
        let lease = HeldLease { name: name(Id([1; 16])), owner: Id([2; 16]), number: 1 };
        Held::new(lease, Instant::now())
    }

    #[tokio::test(start_paused = true)]
    async fn work_ends_before_another_node_may_begin() {
        let (held, begun) = (held(), Instant::now());
        let work = tokio::spawn(within(Some(held.until()), std::future::pending()));
        let renewals = async {
            for _ in 0..5 {
                tokio::time::sleep(Duration::from_secs(limits::POLL_ROUND_SECONDS)).await;
                held.renewed(Instant::now());
            }
            // From now on the server says nothing.
            std::future::pending::<()>().await;
        };
        tokio::select! {
            ended = work => ended.unwrap(),
            () = renewals => {}
        }
        let lasted = begun.elapsed().as_secs();
        assert!((45..30 + limits::LEASE_SECONDS.unsigned_abs()).contains(&lasted), "{lasted}");
    }

    #[tokio::test(start_paused = true)]
    async fn work_without_a_lease_goes_on_until_it_is_done() {
        within(None, tokio::time::sleep(Duration::from_secs(3_600))).await;
        let held = held();
        within(Some(held.until()), async {}).await;
    }
}
