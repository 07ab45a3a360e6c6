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
use crate::rates::Deed;
use crate::replies::{self, Reply};

/// All places at a door.
#[derive(Debug)]
pub(crate) struct Places {
    settings: Arc<DoorSettings>,
    taken: Mutex<Taken>,
}

/// The place of one connection; dropped, it is free again.
#[derive(Debug)]
pub(crate) struct Place {
    places: Arc<Places>,
    /// Whom the place is counted for; `None` for a trusted peer.
    stranger: Option<IpAddr>,
}

/// Why a connection gets no place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NoPlace {
    /// No place is left for peers of this kind.
    Full,
    /// This stranger holds as many as one may.
    TooManyOfOne,
    /// This stranger came as often as one may in a minute.
    TooOften,
}

#[derive(Debug, Default)]
struct Taken {
    all: usize,
    by_strangers: usize,
    by_each: HashMap<IpAddr, usize>,
}

impl Places {
    pub(crate) fn new(settings: Arc<DoorSettings>) -> Arc<Self> {
        Arc::new(Places { settings, taken: Mutex::default() })
    }

    /// A place for a peer with this address.
    pub(crate) fn take(self: &Arc<Self>, peer: IpAddr) -> Result<Place, NoPlace> {
        let stranger = self.stranger(peer);
        self.enter(stranger)?;
        Ok(Place { places: Arc::clone(self), stranger })
    }

    /// A place for a proxy, as long as it has not said for whom it comes.
    pub(crate) fn take_for_proxy(self: &Arc<Self>) -> Result<Place, NoPlace> {
        self.enter(None)?;
        Ok(Place { places: Arc::clone(self), stranger: None })
    }

    /// As whom a peer is counted; `None` for a trusted one.
    fn stranger(&self, peer: IpAddr) -> Option<IpAddr> {
        (!self.settings.trusts(peer)).then(|| one_household(peer))
    }

    fn enter(&self, stranger: Option<IpAddr>) -> Result<(), NoPlace> {
        let settings = &self.settings;
        let all_max = settings.connections_max;
        let now = (settings.clock)();
        if stranger.is_some_and(|who| !settings.rates.allows(who, Deed::Connects, now)) {
            return Err(NoPlace::TooOften);
        }
        let mut taken = self.taken();
        if taken.all >= all_max {
            return Err(NoPlace::Full);
        }
        if let Some(stranger) = stranger {
            let reserved = all_max / limits::PLACES_PER_RESERVED_PLACE;
            if taken.by_strangers + reserved >= all_max {
                return Err(NoPlace::Full);
            }
            let of_one = taken.by_each.entry(stranger).or_default();
            if *of_one >= settings.connections_per_stranger_max {
                return Err(NoPlace::TooManyOfOne);
            }
            *of_one += 1;
            taken.by_strangers += 1;
        }
        taken.all += 1;
        Ok(())
    }

    fn leave(&self, stranger: Option<IpAddr>) {
        let mut taken = self.taken();
        taken.all = taken.all.saturating_sub(1);
        let Some(stranger) = stranger else { return };
        taken.by_strangers = taken.by_strangers.saturating_sub(1);
        let left = taken.by_each.get(&stranger).map_or(0, |count| count.saturating_sub(1));
        match left {
            0 => taken.by_each.remove(&stranger),
            _ => taken.by_each.insert(stranger, left),
        };
    }

    /// The counts are whole after every step, so a panic elsewhere spoils nothing.
    fn taken(&self) -> MutexGuard<'_, Taken> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Place {
    /// The connection is another peer's than was known. Without a place for that one, this one is kept until the
    /// connection ends, as it must.
    pub(crate) fn change(&mut self, peer: IpAddr) -> Result<(), NoPlace> {
        let stranger = self.places.stranger(peer);
        self.places.leave(self.stranger.take());
        // From here on the place is nobody's; it is given back at the end like any other.
        match self.places.enter(stranger) {
            Ok(()) => {
                self.stranger = stranger;
                Ok(())
            }
            Err(why) => {
                self.places.taken().all += 1;
                Err(why)
            }
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.places.leave(self.stranger);
    }
}

impl NoPlace {
    /// What the peer hears.
    pub(crate) fn reply(self) -> Reply {
        match self {
            NoPlace::Full => replies::TOO_MANY_CONNECTIONS,
            NoPlace::TooManyOfOne => replies::TOO_MANY_OF_ONE,
            NoPlace::TooOften => replies::TOO_OFTEN,
        }
    }

    /// A word for logs and metrics.
    pub(crate) fn label(self) -> &'static str {
        match self {
            NoPlace::Full => "full",
            NoPlace::TooManyOfOne => "too_many_of_one",
            NoPlace::TooOften => "too_often",
        }
    }
}

/// Whoever has one IPv6 address has all of its /64 (RFC 6177 §2), so they count as one.
pub(crate) fn one_household(address: IpAddr) -> IpAddr {
    const HOST_BITS: u32 = 64;
    match address.to_canonical() {
        IpAddr::V4(v4) => IpAddr::V4(v4),
        IpAddr::V6(v6) => IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() >> HOST_BITS << HOST_BITS)),
    }
}

#[cfg(test)]
mod tests {
    use model::Timestamp;

    use super::*;
    use crate::listener::DoorProtocol;

    fn places(all_max: usize, per_stranger_max: usize) -> Arc<Places> {
        let clock = Arc::new(|| Timestamp::from_seconds(0));
        let mut settings = DoorSettings::new("sink.example".to_owned(), DoorProtocol::Smtp, clock);
        settings.connections_max = all_max;
        settings.connections_per_stranger_max = per_stranger_max;
        Places::new(Arc::new(settings))
    }

    fn take(places: &Arc<Places>, address: &str) -> Result<Place, NoPlace> {
        places.take(address.parse().unwrap())
    }

    fn trusted(places: &Arc<Places>) -> Result<Place, NoPlace> {
        take(places, "127.0.0.1")
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
        let held_by_us = [trusted(&places).unwrap(), trusted(&places).unwrap()];
        assert_eq!(trusted(&places).unwrap_err(), NoPlace::Full);
        drop(held);
        assert!(take(&places, "192.0.2.99").is_ok());
        drop(held_by_us);
    }

    #[test]
    fn trusted_peers_may_take_every_place() {
        let places = places(10, 1);
        let held: Vec<Place> = (0..10).map(|_| trusted(&places).unwrap()).collect();
        assert_eq!(take(&places, "192.0.2.7").unwrap_err(), NoPlace::Full);
        drop(held);
        assert!(take(&places, "192.0.2.7").is_ok());
    }
    #[test]
    fn a_place_goes_over_to_whom_a_connection_is_for() {
        let places = places(10, 1);
        let mut first = trusted(&places).unwrap();
        first.change("192.0.2.7".parse().unwrap()).unwrap();
        assert_eq!(take(&places, "192.0.2.7").unwrap_err(), NoPlace::TooManyOfOne);
        let mut second = trusted(&places).unwrap();
        assert_eq!(second.change("192.0.2.7".parse().unwrap()), Err(NoPlace::TooManyOfOne));
        drop((first, second));
        let taken = places.taken();
        assert_eq!((taken.all, taken.by_strangers, taken.by_each.len()), (0, 0, 0));
    }

    #[test]
    fn a_stranger_comes_only_so_often() {
        let places = places(10, 10);
        for _ in 0..limits::STRANGER_CONNECTIONS_PER_MINUTE_MAX {
            drop(take(&places, "192.0.2.7").unwrap());
        }
        assert_eq!(take(&places, "192.0.2.7").unwrap_err(), NoPlace::TooOften);
        assert!(take(&places, "192.0.3.8").is_ok() && trusted(&places).is_ok());
    }
}
