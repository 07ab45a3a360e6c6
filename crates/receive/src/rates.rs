//! How often strangers come: connections, messages, recipients and failed attempts of each address in a minute.
//!
//! What passes through: an address and what it does; whether it may. Trusted peers are never asked about.
//!
//! *Invariant:* the memory is fixed, whoever comes. Addresses share [`limits::RATE_SLOTS`] counters by a hash
//! that nobody outside can foresee, so two strangers may rarely share one, and nobody can choose with whom.

use std::hash::{BuildHasher, RandomState};
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};

use model::{Timestamp, limits};

use crate::listener::places::one_household;

/// What is counted of one stranger, an IPv4 address or an IPv6 /64, in a minute of the clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PerMinute {
    /// Connections; one more is answered 421 4.7.0.
    pub connections: u32,
    /// Messages begun; one more is answered 450 4.7.1 at MAIL.
    pub messages: u32,
    /// Recipients named; one more is answered 450 4.7.1 at RCPT.
    pub recipients: u32,
    /// Failed attempts of AUTH; after as many the next is answered 421 4.7.0.
    pub failures: u32,
}

impl Default for PerMinute {
    /// As in [`model::limits`].
    fn default() -> Self {
        PerMinute {
            connections: limits::STRANGER_CONNECTIONS_PER_MINUTE_MAX,
            messages: limits::STRANGER_MESSAGES_PER_MINUTE_MAX,
            recipients: limits::STRANGER_RECIPIENTS_PER_MINUTE_MAX,
            failures: limits::AUTH_FAILURES_PER_MINUTE_MAX,
        }
    }
}

/// The counters of all strangers. Doors of one house share one.
#[derive(Debug)]
pub struct Rates {
    max: PerMinute,
    slots: Mutex<Vec<Slot>>,
    hashing: RandomState,
}

/// What a stranger does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Deed {
    Connects,
    SendsMessage,
    NamesRecipient,
    FailsToProve,
}

#[derive(Debug, Clone, Copy, Default)]
struct Slot {
    minute: i64,
    connections: u32,
    messages: u32,
    recipients: u32,
    failures: u32,
}

impl Rates {
    /// Counters with these limits.
    pub fn new(max: PerMinute) -> Self {
        Rates {
            max,
            slots: Mutex::new(vec![Slot::default(); limits::RATE_SLOTS]),
            hashing: RandomState::new(),
        }
    }

    /// Counts a deed; `false` where it is one too many in this minute.
    pub(crate) fn allows(&self, who: IpAddr, deed: Deed, now: Timestamp) -> bool {
        self.with(who, now, |slot| {
            let (count, max) = slot.of(deed, &self.max);
            *count = count.saturating_add(1);
            *count <= max
        })
    }

    /// Whether the deed was done as often as it may be in this minute. Counts nothing.
    pub(crate) fn is_spent(&self, who: IpAddr, deed: Deed, now: Timestamp) -> bool {
        self.with(who, now, |slot| {
            let (count, max) = slot.of(deed, &self.max);
            *count >= max
        })
    }

    fn with(&self, who: IpAddr, now: Timestamp, ask: impl FnOnce(&mut Slot) -> bool) -> bool {
        let place = self.hashing.hash_one(one_household(who)) as usize % limits::RATE_SLOTS;
        // The counts are whole after every step, so a panic elsewhere spoils nothing.
        let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(slot) = slots.get_mut(place) else { return true };
        let minute = now.seconds().div_euclid(60);
        if slot.minute != minute {
            *slot = Slot { minute, ..Slot::default() };
        }
        ask(slot)
    }
}

impl Slot {
    fn of(&mut self, deed: Deed, max: &PerMinute) -> (&mut u32, u32) {
        match deed {
            Deed::Connects => (&mut self.connections, max.connections),
            Deed::SendsMessage => (&mut self.messages, max.messages),
            Deed::NamesRecipient => (&mut self.recipients, max.recipients),
            Deed::FailsToProve => (&mut self.failures, max.failures),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rates() -> Rates {
        Rates::new(PerMinute { connections: 2, messages: 1, recipients: 1, failures: 1 })
    }

    #[test]
    fn each_address_has_so_many_a_minute() {
        let rates = rates();
        let comes = |address: &str, second| {
            rates.allows(address.parse().unwrap(), Deed::Connects, Timestamp::from_seconds(second))
        };
        assert!(comes("2001:db8::1", 61) && comes("2001:db8::2", 62));
        assert!(!comes("2001:db8::3", 119), "a /64 counts as one");
        assert!(comes("2001:db8::3", 120), "a new minute");
    }

    #[test]
    fn deeds_are_counted_apart() {
        let (rates, who, now) = (rates(), "192.0.2.7".parse().unwrap(), Timestamp::from_seconds(0));
        assert!(rates.allows(who, Deed::SendsMessage, now) && rates.allows(who, Deed::NamesRecipient, now));
        assert!(!rates.allows(who, Deed::SendsMessage, now));
        assert!(!rates.is_spent(who, Deed::FailsToProve, now));
        assert!(rates.allows(who, Deed::FailsToProve, now) && rates.is_spent(who, Deed::FailsToProve, now));
    }

    #[test]
    fn a_million_strangers_take_no_more_memory() {
        let (rates, now) = (rates(), Timestamp::from_seconds(0));
        for number in 0..1_000_000_u32 {
            rates.allows(IpAddr::V4(number.into()), Deed::Connects, now);
        }
        assert_eq!(rates.slots.lock().unwrap().len(), limits::RATE_SLOTS);
    }
}
