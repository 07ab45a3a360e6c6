//! Relays that could not be reached.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use model::Id;

/// Relays of organizations that could not be reached, until when nobody knocks there again, and how often that was in vain.
/// A relay that refuses who signs in shuts an account that knocks too often.
#[derive(Default)]
pub(crate) struct RelaysAway(Mutex<HashMap<(Id, Id), (Instant, u32)>>);

impl RelaysAway {
    pub(super) fn is_away(&self, relay: (Id, Id)) -> bool {
        self.lock().get(&relay).is_some_and(|(until, _)| Instant::now() < *until)
    }

    pub(super) fn note(&self, relay: (Id, Id)) {
        let mut away = self.lock();
        let (until, times) = away.entry(relay).or_insert((Instant::now(), 0));
        let pause = AWAY_FIRST.saturating_mul(1 << (*times).min(7)).min(AWAY_MAX);
        (*until, *times) = (Instant::now() + pause, times.saturating_add(1));
    }

    pub(super) fn is_back(&self, relay: (Id, Id)) {
        self.lock().remove(&relay);
    }

    /// Somebody has mended something: all are tried again at once.
    pub(crate) fn forget(&self) {
        self.lock().clear();
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<(Id, Id), (Instant, u32)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

const AWAY_FIRST: Duration = Duration::from_secs(5);
const AWAY_MAX: Duration = Duration::from_secs(600);

#[cfg(test)]
mod tests {
    use super::*;

    const HERE: (Id, Id) = (Id([1; 16]), Id([1; 16]));
    const THERE: (Id, Id) = (Id([1; 16]), Id([2; 16]));

    #[test]
    fn who_is_away_is_knocked_at_ever_more_rarely_and_nobody_else() {
        let away = RelaysAway::default();
        assert!(!away.is_away(HERE));
        let until = |away: &RelaysAway| away.lock().get(&HERE).map(|(until, _)| *until - Instant::now());
        // To whole seconds: a moment goes by in between.
        let pauses: Vec<u64> = (0..9)
            .filter_map(|_| {
                away.note(HERE);
                until(&away).map(|pause| pause.as_secs_f64().ceil() as u64)
            })
            .collect();
        assert!(away.is_away(HERE) && !away.is_away(THERE));
        assert_eq!(pauses, [5, 10, 20, 40, 80, 160, 320, 600, 600]);
        away.is_back(HERE);
        assert!(!away.is_away(HERE));
        away.note(HERE);
        assert!(until(&away).is_some_and(|pause| pause <= AWAY_FIRST), "it begins anew");
        away.forget();
        assert!(!away.is_away(HERE));
    }
}
