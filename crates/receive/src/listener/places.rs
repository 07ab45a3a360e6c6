//! The places at one door, and who holds them.
//!
//! What passes through: peers that connect; each gets a [`Place`] for as long as its connection lives, or
//! hears why there is none.
//!
//! *Invariant:* no stranger, and not all strangers together, can take the places that trusted peers need.
//! What is counted is bounded by the connections that are open.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use model::limits;

use super::DoorSettings;
use crate::replies::{self, Reply};

/// All places at a door.
#[derive(Debug)]
pub(super) struct Places {
    all_max: usize,
    per_stranger_max: usize,
    taken: Mutex<Taken>,
}

/// The place of one connection; dropped, it is free again.
#[derive(Debug)]
pub(super) struct Place {
    places: Arc<Places>,
    /// Whom the place is counted for; `None` for a trusted peer.
    stranger: Option<IpAddr>,
}

/// Why a connection gets no place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NoPlace {
    /// No place is left for peers of this kind.
    Full,
    /// This stranger holds as many as one may.
    TooManyOfOne,
}

#[derive(Debug, Default)]
struct Taken {
    all: usize,
    by_strangers: usize,
    by_each: HashMap<IpAddr, usize>,
}

impl Places {
    pub(super) fn new(settings: &DoorSettings) -> Arc<Self> {
        Arc::new(Places {
            all_max: settings.connections_max,
            per_stranger_max: settings.connections_per_stranger_max,
            taken: Mutex::default(),
        })
    }

    /// A place for a trusted peer.
    pub(super) fn for_trusted(self: &Arc<Self>) -> Result<Place, NoPlace> {
        let mut taken = self.taken();
        if taken.all >= self.all_max {
            return Err(NoPlace::Full);
        }
        taken.all += 1;
        Ok(Place { places: Arc::clone(self), stranger: None })
    }

    /// A place for a stranger.
    pub(super) fn for_stranger(self: &Arc<Self>, address: IpAddr) -> Result<Place, NoPlace> {
        let stranger = one_household(address);
        let reserved = self.all_max / limits::PLACES_PER_RESERVED_PLACE;
        let mut taken = self.taken();
        if taken.all >= self.all_max || taken.by_strangers + reserved >= self.all_max {
            return Err(NoPlace::Full);
        }
        if taken.by_each.get(&stranger).is_some_and(|count| *count >= self.per_stranger_max) {
            return Err(NoPlace::TooManyOfOne);
        }
        taken.all += 1;
        taken.by_strangers += 1;
        *taken.by_each.entry(stranger).or_default() += 1;
        Ok(Place { places: Arc::clone(self), stranger: Some(stranger) })
    }

    /// The counts are whole after every step, so a panic elsewhere spoils nothing.
    fn taken(&self) -> MutexGuard<'_, Taken> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.places.taken();
        taken.all = taken.all.saturating_sub(1);
        let Some(stranger) = self.stranger else { return };
        taken.by_strangers = taken.by_strangers.saturating_sub(1);
        let left = taken.by_each.get(&stranger).map_or(0, |count| count.saturating_sub(1));
        match left {
            0 => taken.by_each.remove(&stranger),
            _ => taken.by_each.insert(stranger, left),
        };
    }
}

impl NoPlace {
    /// What the peer hears.
    pub(super) fn reply(self) -> Reply {
        match self {
            NoPlace::Full => replies::TOO_MANY_CONNECTIONS,
            NoPlace::TooManyOfOne => replies::TOO_MANY_OF_ONE,
        }
    }

    /// A word for logs and metrics.
    pub(super) fn label(self) -> &'static str {
        match self {
            NoPlace::Full => "full",
            NoPlace::TooManyOfOne => "too_many_of_one",
        }
    }
}

/// Whoever has one IPv6 address has all of its /64 (RFC 6177 §2), so they count as one.
fn one_household(address: IpAddr) -> IpAddr {
    const HOST_BITS: u32 = 64;
    match address.to_canonical() {
        IpAddr::V4(v4) => IpAddr::V4(v4),
        IpAddr::V6(v6) => IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() >> HOST_BITS << HOST_BITS)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places(all_max: usize, per_stranger_max: usize) -> Arc<Places> {
        Arc::new(Places { all_max, per_stranger_max, taken: Mutex::default() })
    }

    fn take(places: &Arc<Places>, address: &str) -> Result<Place, NoPlace> {
        places.for_stranger(address.parse().unwrap())
    }

    #[test]
    fn one_stranger_holds_only_so_many() {
        let places = places(100, 2);
        let first = take(&places, "192.0.2.7").unwrap();
        let second = take(&places, "::ffff:192.0.2.7").unwrap();
        assert_eq!(take(&places, "192.0.2.7").unwrap_err(), NoPlace::TooManyOfOne);
        let other = take(&places, "192.0.2.8").unwrap();
        drop(first);
        let again = take(&places, "192.0.2.7").unwrap();
        assert!(take(&places, "192.0.2.7").is_err());
        drop((second, other, again));
        let taken = places.taken();
        assert_eq!((taken.all, taken.by_strangers, taken.by_each.len()), (0, 0, 0));
    }

    #[test]
    fn a_network_of_ipv6_counts_as_one() {
        let places = places(100, 1);
        let _held = take(&places, "2001:db8:0:1::1").unwrap();
        assert!(take(&places, "2001:db8:0:1:ffff::2").is_err());
        assert!(take(&places, "2001:db8:0:2::1").is_ok());
    }

    #[test]
    fn strangers_leave_a_tenth_to_trusted_peers() {
        let places = places(20, 20);
        let held: Vec<Place> =
            (0..18).map(|last| take(&places, &format!("192.0.2.{last}")).unwrap()).collect();
        assert_eq!(take(&places, "192.0.2.99").unwrap_err(), NoPlace::Full);
        let trusted = [places.for_trusted().unwrap(), places.for_trusted().unwrap()];
        assert_eq!(places.for_trusted().unwrap_err(), NoPlace::Full);
        drop(held);
        assert!(take(&places, "192.0.2.99").is_ok());
        drop(trusted);
    }

    #[test]
    fn trusted_peers_may_take_every_place() {
        let places = places(10, 1);
        let held: Vec<Place> = (0..10).map(|_| places.for_trusted().unwrap()).collect();
        assert_eq!(take(&places, "192.0.2.7").unwrap_err(), NoPlace::Full);
        drop(held);
        assert!(take(&places, "192.0.2.7").is_ok());
    }
}
