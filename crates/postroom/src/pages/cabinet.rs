//! What the pages remember between two questions: attempts to sign in, and the last look at the books.
//!
//! *Invariant:* all of it may be forgotten at any moment; nothing here is kept or decided.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crm::accounting;
use model::{Id, Timestamp, limits};
use store::{Organization, StoreError};

/// The cabinet of one house.
#[derive(Debug, Default)]
pub(crate) struct Cabinet {
    attempts: Mutex<Attempts>,
    gaps: Mutex<HashMap<Id, (Timestamp, i64)>>,
}

/// Attempts to sign in during one minute, by address.
#[derive(Debug, Default)]
struct Attempts {
    minute: i64,
    by_address: HashMap<String, u32>,
}

/// Every page shows the alarm; adding up a busy day takes longer than a page.
const GAP_SECONDS: i64 = 10;
/// Addresses that are counted in a minute: beyond them all share one count.
const ADDRESSES_MAX: usize = 10_000;

impl Cabinet {
    /// Counts an attempt to sign in with an address; `false` when there were too many in this minute, from
    /// wherever they came. The pages count by network as well.
    pub(super) fn may_try(&self, address: &str, now: Timestamp) -> bool {
        let mut attempts = locked(&self.attempts);
        let minute = now.seconds().div_euclid(60);
        if attempts.minute != minute {
            *attempts = Attempts { minute, by_address: HashMap::new() };
        }
        let key: String = address.trim().to_lowercase().chars().take(limits::ADDRESS_BYTES_MAX).collect();
        let is_known = attempts.by_address.contains_key(&key);
        let is_full = attempts.by_address.len() >= ADDRESSES_MAX && !is_known;
        let count = attempts.by_address.entry(if is_full { String::new() } else { key }).or_default();
        *count = count.saturating_add(1);
        *count <= limits::SIGN_IN_PER_MINUTE_MAX
    }

    /// Copies of today that were seen and have no outcome, as of the last [`GAP_SECONDS`].
    pub(super) fn gap(&self, organization: &Organization, now: Timestamp) -> Result<i64, StoreError> {
        let id = organization.id();
        let known = locked(&self.gaps).get(&id).copied();
        if let Some((time, gap)) = known
            && now < time.plus_seconds(GAP_SECONDS)
            && now >= time
        {
            return Ok(gap);
        }
        let account = organization.read(|read| accounting::of_day(read, now.day()))?;
        let gap = super::books::gap(&account);
        if gap != 0 {
            tracing::error!(organization = %id, gap, "the books of today do not add up");
        }
        locked(&self.gaps).insert(id, (now, gap));
        Ok(gap)
    }
}

/// What these locks guard is whole at every moment, so a panic of another holder is no reason to stop.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attempts_are_counted_by_address_and_minute() {
        let cabinet = Cabinet::default();
        let now = Timestamp::from_seconds(1_795_448_340);
        for _ in 0..limits::SIGN_IN_PER_MINUTE_MAX {
            assert!(cabinet.may_try("Jane@x.test ", now));
        }
        assert!(!cabinet.may_try("jane@x.test", now));
        assert!(cabinet.may_try("ben@x.test", now));
        assert!(cabinet.may_try("jane@x.test", now.plus_seconds(60)));
    }
}
