//! What the pages remember between two questions: the last look at the books.
//!
//! *Invariant:* all of it may be forgotten at any moment; nothing here is kept or decided.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crm::accounting;
use model::{Id, Timestamp};
use store::{Organization, StoreError};

/// The cabinet of one house.
#[derive(Debug, Default)]
pub(crate) struct Cabinet {
    gaps: Mutex<HashMap<Id, (Timestamp, i64)>>,
}

/// Every page shows the alarm; adding up a busy day takes longer than a page.
const GAP_SECONDS: i64 = 10;
impl Cabinet {
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
