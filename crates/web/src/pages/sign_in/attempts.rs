//! How often a wrong password was given, and how many passwords are checked at a time.
//!
//! An attempt counts from its beginning, so that many at once are not more than many in a row; one that
//! succeeds is taken back. Counted are the account as seen from one network, and the network over all accounts:
//! a stranger elsewhere cannot lock anybody out.
//!
//! *Invariant:* all of it may be forgotten at any moment.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use model::limits;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// The attempts of the last minute.
#[derive(Debug)]
pub(crate) struct Attempts {
    counts: Mutex<HashMap<Key, Count>>,
    checks: Arc<Semaphore>,
}

/// One attempt under way.
#[derive(Debug)]
pub(crate) struct Attempt {
    keys: [Key; 2],
}

/// The network, and the account where it is counted for itself.
type Key = (IpAddr, Option<String>);

#[derive(Debug, Clone, Copy)]
struct Count {
    since: Instant,
    attempts: u32,
}

impl Attempts {
    pub(crate) fn new() -> Self {
        let processors = std::thread::available_parallelism().map_or(2, std::num::NonZero::get);
        Attempts { counts: Mutex::default(), checks: Arc::new(Semaphore::new(processors)) }
    }

    /// Begins an attempt at an account; `None` when there were too many.
    pub(crate) fn begin(&self, peer: Option<SocketAddr>, account: &str, now: Instant) -> Option<Attempt> {
        let network = peer.map_or(IpAddr::V6(Ipv6Addr::UNSPECIFIED), |peer| network_of(peer.ip()));
        let account = account.trim().to_lowercase().chars().take(limits::ADDRESS_BYTES_MAX).collect();
        let attempt = Attempt { keys: [(network, Some(account)), (network, None)] };
        let mut counts = self.counts();
        if counts.len() >= COUNTS_MAX {
            counts.retain(|_, count| count.is_of_the_last_minute(now));
            if counts.len() >= COUNTS_MAX {
                // Checking so many passwords takes longer than a minute, so this is hardly an attack.
                counts.clear();
            }
        }
        let is_open = |key: &Key| {
            let count = counts.get(key).filter(|count| count.is_of_the_last_minute(now));
            count.is_none_or(|count| count.attempts < most(key))
        };
        if !attempt.keys.iter().all(is_open) {
            return None;
        }
        for key in &attempt.keys {
            let count = counts.entry(key.clone()).or_insert(Count { since: now, attempts: 0 });
            if !count.is_of_the_last_minute(now) {
                *count = Count { since: now, attempts: 0 };
            }
            count.attempts = count.attempts.saturating_add(1);
        }
        Some(attempt)
    }

    /// Takes back an attempt that was none: the password was right, or nobody could check it.
    pub(crate) fn take_back(&self, attempt: Attempt) {
        let mut counts = self.counts();
        for key in &attempt.keys {
            if let Some(count) = counts.get_mut(key) {
                count.attempts = count.attempts.saturating_sub(1);
            }
        }
    }

    /// A place to check a password. Argon2 takes a processor and 19 MiB on purpose, and mail needs some too.
    pub(crate) async fn place(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.checks).acquire_owned().await.ok()
    }

    fn counts(&self) -> std::sync::MutexGuard<'_, HashMap<Key, Count>> {
        // Whole at every moment, so a panic of another holder is no reason to stop.
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Count {
    fn is_of_the_last_minute(&self, now: Instant) -> bool {
        now.saturating_duration_since(self.since) < Duration::from_secs(60)
    }
}

fn most((_, account): &Key) -> u32 {
    match account {
        Some(_) => limits::SIGN_IN_PER_MINUTE_MAX,
        None => limits::SIGN_IN_PER_NETWORK_AND_MINUTE_MAX,
    }
}

/// Counts that are kept; beyond them the old ones are forgotten.
const COUNTS_MAX: usize = 20_000;

/// One customer has a whole /64 of IPv6 (RFC 6177), so it is counted as one.
fn network_of(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(address) => match address.to_ipv4_mapped() {
            Some(mapped) => IpAddr::V4(mapped),
            None => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX))),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HERE: &str = "[2001:db8::1]:1000";
    const NEIGHBOR: &str = "[2001:db8::ffff]:1000";
    const ELSEWHERE: &str = "[2001:db8:0:1::1]:1000";

    fn may(attempts: &Attempts, (from, account): (&str, &str), now: Instant) -> bool {
        attempts.begin(from.parse().ok(), account, now).is_some()
    }

    #[test]
    fn an_account_is_closed_to_one_network_for_a_minute() {
        let (attempts, now) = (Attempts::new(), Instant::now());
        for _ in 0..limits::SIGN_IN_PER_MINUTE_MAX {
            assert!(may(&attempts, (HERE, "Jane@x.test "), now));
        }
        assert!(!may(&attempts, (NEIGHBOR, "jane@x.test"), now));
        assert!(may(&attempts, (ELSEWHERE, "jane@x.test"), now));
        assert!(may(&attempts, (HERE, "ben@x.test"), now));
        assert!(may(&attempts, (HERE, "jane@x.test"), now + Duration::from_secs(60)));
    }

    #[test]
    fn a_network_is_closed_when_it_tries_many_accounts() {
        let (attempts, now) = (Attempts::new(), Instant::now());
        for n in 0..limits::SIGN_IN_PER_NETWORK_AND_MINUTE_MAX {
            assert!(may(&attempts, (HERE, &format!("{n}@x.test")), now));
        }
        assert!(!may(&attempts, (HERE, "jane@x.test"), now));
        assert!(may(&attempts, (ELSEWHERE, "jane@x.test"), now));
    }

    #[test]
    fn what_succeeds_is_not_counted() {
        let (attempts, now) = (Attempts::new(), Instant::now());
        for _ in 0..2 * limits::SIGN_IN_PER_NETWORK_AND_MINUTE_MAX {
            let attempt = attempts.begin(HERE.parse().ok(), "jane@x.test", now).unwrap();
            attempts.take_back(attempt);
        }
    }
}
