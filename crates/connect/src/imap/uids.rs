//! Numbers of messages, and sets of them as commands name them.

use std::collections::BTreeSet;
use std::fmt::{self, Write as _};
use std::num::NonZeroU32;

/// The number of a message in one folder under one UIDVALIDITY (RFC 9051 §2.3.1.1). Never 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Uid(NonZeroU32);

impl Uid {
    /// `None` of 0 and of what has more than 32 bits.
    pub fn new(number: u64) -> Option<Self> {
        NonZeroU32::new(u32::try_from(number).ok()?).map(Uid)
    }

    /// The number.
    pub fn get(self) -> u32 {
        self.0.get()
    }
}

/// Some messages of a folder, each once, in order.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct UidSet(BTreeSet<Uid>);

impl UidSet {
    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether this one is among them.
    pub fn contains(&self, uid: Uid) -> bool {
        self.0.contains(&uid)
    }

    /// Adds one; says whether it is new.
    pub fn insert(&mut self, uid: Uid) -> bool {
        self.0.insert(uid)
    }

    /// Takes one out; says whether it was there.
    pub fn remove(&mut self, uid: Uid) -> bool {
        self.0.remove(&uid)
    }

    /// In ascending order.
    pub fn iter(&self) -> impl Iterator<Item = Uid> + '_ {
        self.0.iter().copied()
    }

    /// Those that are not in `other`.
    pub fn without(&self, other: &UidSet) -> UidSet {
        UidSet(self.0.difference(&other.0).copied().collect())
    }
}

impl FromIterator<Uid> for UidSet {
    fn from_iter<I: IntoIterator<Item = Uid>>(uids: I) -> Self {
        UidSet(uids.into_iter().collect())
    }
}

/// As a sequence-set: neighbours are one range.
impl fmt::Display for UidSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut ranges: Vec<(u32, u32)> = Vec::new();
        for uid in self.iter().map(Uid::get) {
            match ranges.last_mut() {
                Some((_, last)) if last.checked_add(1) == Some(uid) => *last = uid,
                _ => ranges.push((uid, uid)),
            }
        }
        for (at, (first, last)) in ranges.into_iter().enumerate() {
            if at > 0 {
                f.write_char(',')?;
            }
            write!(f, "{first}")?;
            if last > first {
                write!(f, ":{last}")?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbours_are_a_range() {
        let set = |uids: &[u64]| uids.iter().filter_map(|uid| Uid::new(*uid)).collect::<UidSet>().to_string();
        assert_eq!(set(&[3, 1, 2, 7, 9, 10, 0, 4_294_967_295, 4_294_967_296]), "1:3,7,9:10,4294967295");
        assert_eq!(set(&[]), "");
    }
}
