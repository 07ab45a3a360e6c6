//! The mails that this node knows it has, and those that it has by the rows alone: the answer to the commit that took them was lost on
//! the way, or what became of them could not be noted.
//!
//! *Invariant:* nothing rests on this but how long such mail waits. Whoever lets go of a mail that somebody has after all keeps
//! him from ending it.

use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use model::Id;
use model::schema::outbox::OutboxMail;

/// A mail under the count with which it was taken.
type Claim = (Id, i32);

/// The mails of all organizations.
#[derive(Default)]
pub(crate) struct Claims(Mutex<HashMap<Id, Mine>>);

#[derive(Default)]
struct Mine {
    known: HashSet<Claim>,
    /// What nobody knew of when it was looked for last.
    unknown: HashSet<Claim>,
    looked: Option<Instant>,
}

/// How often it is looked for what nobody knows of: longer than the answer to a claim takes to come here.
const PAUSE: Duration = Duration::from_secs(5);

impl Claims {
    /// They were taken.
    pub(super) fn take<'m>(&self, organization: Id, mails: impl Iterator<Item = &'m OutboxMail>) {
        self.lock().entry(organization).or_default().known.extend(mails.map(claim));
    }

    /// What became of them was noted, or never will be.
    pub(super) fn end<'m>(&self, organization: Id, mails: impl Iterator<Item = &'m OutboxMail>) {
        if let Some(mine) = self.lock().get_mut(&organization) {
            for mail in mails {
                mine.known.remove(&claim(mail));
            }
        }
    }

    /// Whether it is time to look.
    pub(super) fn is_time(&self, organization: Id) -> bool {
        let mut all = self.lock();
        let mine = all.entry(organization).or_default();
        let is_time = mine.looked.is_none_or(|looked| looked.elapsed() >= PAUSE);
        if is_time {
            mine.looked = Some(Instant::now());
        }
        is_time
    }

    /// Of what this node has by the rows, that of which nobody here knows, nor did a look before: what was taken a moment ago is on
    /// its way here.
    pub(super) fn unknown(&self, organization: Id, held: Vec<Claim>) -> Vec<Claim> {
        let mut all = self.lock();
        let mine = all.entry(organization).or_default();
        let unknown: HashSet<Claim> = held.into_iter().filter(|one| !mine.known.contains(one)).collect();
        let before = std::mem::replace(&mut mine.unknown, unknown);
        mine.unknown.intersection(&before).copied().collect()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Id, Mine>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn claim(mail: &OutboxMail) -> Claim {
    (mail.activityid, mail.attempts)
}

#[cfg(test)]
mod tests {
    use model::Timestamp;

    use super::*;

    fn mail(number: u8, attempts: i32) -> OutboxMail {
        OutboxMail {
            activityid: Id([number; 16]),
            lane: 0,
            waitsin: Some(0),
            emailserverprofileid: Id::default(),
            mailfrom: String::new(),
            dueon: Timestamp(0),
            owner: None,
            attempts,
            doton: None,
            expireson: Timestamp(0),
            lasterror: None,
            createdon: Timestamp(0),
            endedon: None,
            returndomain: None,
            tries: 0,
            dotattempt: None,
            earlierdoton: None,
            wasdraft: false,
        }
    }

    #[test]
    fn what_nobody_knew_of_at_two_looks_is_nobodys() {
        let (claims, house) = (Claims::default(), Id([9; 16]));
        claims.take(house, [mail(1, 1), mail(2, 1)].iter());
        let rows = || vec![(Id([1; 16]), 1), (Id([2; 16]), 2), (Id([3; 16]), 1)];
        assert_eq!(claims.unknown(house, rows()), [], "the answer may be on its way");
        // The third one was.
        claims.take(house, [mail(3, 1)].iter());
        assert_eq!(claims.unknown(house, rows()), [(Id([2; 16]), 2)], "another count is another claim");
        assert_eq!(claims.unknown(Id([8; 16]), rows()), [], "of another organization");
        claims.end(house, [mail(1, 1)].iter());
        assert_eq!(claims.unknown(house, vec![(Id([1; 16]), 1)]), []);
        assert_eq!(claims.unknown(house, vec![(Id([1; 16]), 1)]), [(Id([1; 16]), 1)]);
        assert!(claims.is_time(house) && !claims.is_time(house));
    }
}
