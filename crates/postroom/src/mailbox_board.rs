//! How it goes with mailboxes, for commands and pages: known here where this node watches them, else as another one told.
//!
//! What passes through: boards of `poll` into words and times; every few seconds what has changed is told in the rows.
//!
//! *Invariant:* it informs; nothing depends on what stands there.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crm::CrmError;
use crm::mailboxes::standing::{self, Standing};
use crm::mailboxes::{ACTIVE, Watched};
use model::schema::mailboxes::MailboxState;
use model::{Id, Timestamp};
use poll::{Live, Pair};
use store::Organization;
use tokio_util::sync::CancellationToken;

use crate::books_runner::seconds_between;
use crate::commands::state_of_mailbox;
use crate::house::House;

/// How often boards are looked at.
const BETWEEN: Duration = Duration::from_secs(5);
/// A row is written so often at most, unless it turns well or troubled.
const WRITTEN_SECONDS_MIN: i64 = 60;
/// And so often at least, so that the last success is about right.
const WRITTEN_SECONDS_MAX: i64 = 15 * 60;

/// When what was seen on the boards of this node.
#[derive(Debug, Default)]
pub(crate) struct Notes(Mutex<HashMap<Pair, Note>>);

#[derive(Debug, Clone, Default)]
struct Note {
    succeeded: Option<Timestamp>,
    /// Trouble in a row, and when it came to be so many.
    failed: (u32, Option<Timestamp>),
    written: Option<(Timestamp, Told)>,
}

/// What was told, as far as it is compared.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Told {
    is_well: bool,
    failures: u32,
    words: String,
}

impl Notes {
    fn locked(&self) -> MutexGuard<'_, HashMap<Pair, Note>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes what a board shows now: the last success, and when the next try will be.
    fn note(&self, pair: Pair, live: &Live, now: Timestamp) -> (Option<Timestamp>, Option<Timestamp>) {
        let mut notes = self.locked();
        let note = notes.entry(pair).or_default();
        if live.is_well {
            note.succeeded = Some(now);
        }
        if note.failed.0 != live.failures {
            note.failed = (live.failures, (live.failures > 0).then_some(now));
        }
        let pause = i64::try_from(live.pause.as_secs()).unwrap_or(0);
        let next = note.failed.1.filter(|_| live.trouble.is_some()).map(|since| since.plus_seconds(pause));
        (note.succeeded, next)
    }

    /// Whether something is to be written; it is noted as written.
    fn is_due(&self, pair: Pair, told: Told, now: Timestamp) -> bool {
        let mut notes = self.locked();
        let note = notes.entry(pair).or_default();
        let is_due = note.written.as_ref().is_none_or(|(time, before)| {
            let age = seconds_between(*time, now);
            let has_turned = before.is_well != told.is_well;
            has_turned || (*before != told && age >= WRITTEN_SECONDS_MIN) || age >= WRITTEN_SECONDS_MAX
        });
        if is_due {
            note.written = Some((now, told));
        }
        is_due
    }

    fn keep_only(&self, pairs: &[Pair]) {
        self.locked().retain(|pair, _| pairs.contains(pair));
    }
}

/// A mailbox as it is shown.
#[derive(Debug, Clone)]
pub(crate) struct Shown {
    /// It, and its server.
    pub(crate) watched: Watched,
    /// How it goes, in words.
    pub(crate) state: String,
    /// Whether it is well; `None` where it is left alone, or nobody has told.
    pub(crate) is_well: Option<bool>,
    /// When it was last known to be well.
    pub(crate) succeeded: Option<Timestamp>,
    /// When it is tried again.
    pub(crate) next_try: Option<Timestamp>,
    /// Messages that were seen there and have no end yet.
    pub(crate) waiting: i64,
    /// When the first of them was seen.
    pub(crate) since: Option<Timestamp>,
    /// For how many seconds it waits.
    pub(crate) lag_seconds: i64,
    /// How many messages there were put off, and why the last of them; `None` where none was.
    pub(crate) put_off: Option<(i64, String)>,
    /// The node that watches it, and when it told so; `None` where it is this one.
    pub(crate) told: Option<(String, Timestamp)>,
}

impl House {
    /// All mailboxes of an organization, by name.
    pub(crate) fn shown_mailboxes(&self, organization: &Organization) -> Result<Vec<Shown>, CrmError> {
        let all = standing::all(organization)?;
        Ok(all.into_iter().map(|standing| self.shown(organization.id(), standing)).collect())
    }

    fn shown(&self, organization: Id, standing: Standing) -> Shown {
        let Standing { watched, told, waiting, put_off } = standing;
        let now = self.now();
        let pair = Pair { organization, mailbox: watched.mailbox.mailboxid };
        let mut shown = Shown {
            state: "no node has watched it yet".to_owned(),
            is_well: None,
            succeeded: told.as_ref().and_then(|told| told.succeededon),
            next_try: None,
            waiting: waiting.as_ref().map_or(0, |waiting| waiting.count),
            since: waiting.as_ref().map(|waiting| waiting.since),
            lag_seconds: waiting.as_ref().map_or(0, |waiting| seconds_between(waiting.since, now)),
            put_off: put_off.map(|put_off| (put_off.count, put_off.words)),
            told: None,
            watched,
        };
        if shown.watched.mailbox.statecode != ACTIVE {
            shown.state = "paused".to_owned();
        } else if let Some(live) = self.boards.of(pair) {
            let (succeeded, next) = self.notes.note(pair, &live, now);
            shown.state = state_of_mailbox(&live);
            shown.is_well = Some(live.trouble.is_none());
            shown.succeeded = succeeded.or(shown.succeeded);
            shown.next_try = next;
        } else if let Some(told) = told {
            shown.state = told.state;
            shown.is_well = Some(told.iswell);
            shown.next_try = told.nexttryon;
            shown.told = Some((told.node, told.seenon));
        }
        shown
    }

    /// Tells the others what has changed on the boards of this node.
    async fn tell_boards(&self) {
        let now = self.now();
        let boards = self.boards.all();
        self.notes.keep_only(&boards.iter().map(|(pair, _)| *pair).collect::<Vec<_>>());
        let mut rows: HashMap<Id, Vec<MailboxState>> = HashMap::new();
        for (pair, live) in boards {
            let (succeededon, nexttryon) = self.notes.note(pair, &live, now);
            let is_well = live.trouble.is_none();
            let told = Told { is_well, failures: live.failures, words: words(&live) };
            let has_begun = live.is_well || live.trouble.is_some();
            if !has_begun || !self.notes.is_due(pair, told, now) {
                continue;
            }
            rows.entry(pair.organization).or_default().push(MailboxState {
                mailboxid: pair.mailbox,
                node: self.settings.name(),
                state: state_of_mailbox(&live),
                iswell: is_well,
                failures: i32::try_from(live.failures).unwrap_or(i32::MAX),
                nexttryon,
                succeededon,
                seenon: now,
            });
        }
        for (organization, rows) in rows {
            let told = match self.store.organization(organization) {
                Ok(organization) => standing::tell(&organization, rows).await,
                Err(error) => Err(error.into()),
            };
            if let Err(error) = told {
                let error = &error as &dyn std::error::Error;
                tracing::warn!(%organization, error, "how it goes with its mailboxes could not be told");
            }
        }
    }
}

/// What is compared: the count of messages alone makes no news.
fn words(live: &Live) -> String {
    live.trouble.as_ref().map(ToString::to_string).unwrap_or_default()
}

/// Runs until `stop`.
pub(crate) async fn run(house: Arc<House>, stop: CancellationToken) {
    while tokio::time::timeout(BETWEEN, stop.cancelled()).await.is_err() {
        house.tell_boards().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(is_well: bool, failures: u32) -> Told {
        Told { is_well, failures, words: String::new() }
    }

    #[test]
    fn a_row_is_written_when_it_turns_and_now_and_then() {
        let notes = Notes::default();
        let pair = Pair { organization: Id([1; 16]), mailbox: Id([2; 16]) };
        let at = |seconds: i64| Timestamp::from_seconds(1_000_000 + seconds);
        for (seconds, news, expected) in [
            (0, told(true, 0), true),
            (5, told(true, 0), false),
            (10, told(false, 1), true),
            (15, told(false, 2), false),
            (70, told(false, 3), true),
            (75, told(true, 0), true),
            (600, told(true, 0), false),
            (75 + 900, told(true, 0), true),
        ] {
            assert_eq!(notes.is_due(pair, news, at(seconds)), expected, "after {seconds} s");
        }
        notes.keep_only(&[]);
        assert!(notes.is_due(pair, told(true, 0), at(1_000)));
    }
}
