//! Record ids (UUIDv7, RFC 9562 §5.7) and the moment a unit of work lives in.

use std::cell::Cell;
use std::fmt;
use std::str::FromStr;

use crate::time::Timestamp;

/// The id of a record: a UUIDv7, 16 bytes, sorted by the time of its making.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Id(pub [u8; 16]);

impl Id {
    /// Made of a time and random bytes that the caller drew.
    pub fn from_parts(now: Timestamp, random: &[u8; 10]) -> Self {
        let millis = u64::try_from(now.0).unwrap_or(0);
        Id(*uuid::Builder::from_unix_timestamp_millis(millis, random).as_uuid().as_bytes())
    }

    /// From 16 bytes, as they stand in a column.
    pub fn from_slice(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Id)
    }
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        uuid::Uuid::from_bytes(self.0).hyphenated().fmt(f)
    }
}

impl fmt::Debug for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Id {
    type Err = uuid::Error;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        uuid::Uuid::from_str(text).map(|uuid| Id(*uuid.as_bytes()))
    }
}

/// The time and the random seed of one unit of work, drawn before it runs.
///
/// A unit may run again; with a clone of the same moment it makes the same ids.
#[derive(Debug, Clone)]
pub struct Moment {
    /// When the unit of work happens.
    pub now: Timestamp,
    state: Cell<u64>,
    seed: u64,
}

impl Moment {
    /// A moment from a clock and a random seed.
    pub fn new(now: Timestamp, seed: u64) -> Self {
        Moment { now, state: Cell::new(seed), seed }
    }

    /// The same moment from its beginning: the ids that follow are those that followed at first.
    pub fn again(&self) -> Self {
        Moment::new(self.now, self.seed)
    }

    /// The next id of this moment.
    pub fn id(&self) -> Id {
        let (a, b) = (self.next(), self.next());
        let mut random = [0u8; 10];
        random[..8].copy_from_slice(&a.to_be_bytes());
        random[8..].copy_from_slice(&b.to_be_bytes()[..2]);
        Id::from_parts(self.now, &random)
    }

    /// SplitMix64 (Steele, Lea, Flood 2014): spreads one drawn seed over the ids of a unit.
    fn next(&self) -> u64 {
        let state = self.state.get().wrapping_add(0x9e37_79b9_7f4a_7c15);
        self.state.set(state);
        let mut z = state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_begun_again_makes_the_same_ids() {
        let moment = Moment::new(Timestamp(1_700_000_000_000), 7);
        let first = [moment.id(), moment.id()];
        let again = moment.again();
        assert_eq!(first, [again.id(), again.id()]);
        assert_ne!(first[0], first[1]);
        assert_eq!(first[0].to_string().parse::<Id>().unwrap(), first[0]);
    }
}
