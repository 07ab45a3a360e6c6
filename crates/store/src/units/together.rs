//! A batch at a server: units run side by side, their questions are asked ahead, their rows go out with the commit.
//!
//! Each unit runs until it misses an answer; then all missing answers are fetched in one go, and those units run again.
//! Most mails need two rounds, so a batch is three or four round trips, however many units are in it.

use std::time::{Duration, Instant};

use model::limits;

use super::batch::{Batch, Filled, NOT_BEGUN};
use super::{Ran, Unit};
use crate::engine::{Asking, Step, Together};
use crate::{Read, StoreError};

impl Batch<'_> {
    /// Runs the batch and answers all its units. An error means that the session is not to be trusted any more.
    pub(super) fn run_together(&self, together: &dyn Together) -> Result<(), StoreError> {
        let mut units: Vec<Box<dyn Unit>> = Vec::new();
        let began = Instant::now();
        for _ in 0..ATTEMPTS_MAX {
            let mut waiting = std::mem::take(&mut units);
            match self.fill_together(together, &mut waiting, &mut units) {
                Filled::Whole => match self.commit_together(units.len()) {
                    Committed::Kept => {
                        units.into_iter().for_each(|unit| unit.answer(None));
                        return Ok(());
                    }
                    Committed::Overtaken => {}
                    Committed::Unknown(error) => return self.give_up(units, error),
                },
                Filled::NotBegun(error) => {
                    units.append(&mut waiting);
                    return self.give_up(units, error);
                }
                Filled::Lost => units.append(&mut waiting),
                Filled::Stained => {
                    units.append(&mut waiting);
                    break;
                }
            }
            metrics::counter!("postroom_store_batches_overtaken_total").increment(1);
            self.bumped.set(None);
            if let Err(error) = self.session.step(Step::Rollback) {
                return self.give_up(units, error);
            }
            // One of them waits for somebody who does not come to an end: the others shall not.
            if began.elapsed() > ATTEMPTS_TIME_MAX {
                break;
            }
        }
        self.one_by_one(units)
    }

    fn give_up(&self, units: Vec<Box<dyn Unit>>, error: StoreError) -> Result<(), StoreError> {
        // Not one could begin, nor will the next.
        if units.is_empty() {
            self.line.refuse(NOT_BEGUN);
        }
        for unit in units {
            unit.answer(Some(StoreError::Temporary { why: NOT_BEGUN }));
        }
        Err(error)
    }

    /// Runs all that wait until each has run with every answer it needs; then it is done.
    fn fill_together(
        &self,
        together: &dyn Together,
        waiting: &mut Vec<Box<dyn Unit>>,
        done: &mut Vec<Box<dyn Unit>>,
    ) -> Filled {
        if let Err(error) = self.session.step(Step::BeginWrite) {
            return Filled::NotBegun(error);
        }
        together.begin();
        if self.excludes.get() {
            together.exclude();
        }
        for round in 0.. {
            together.begin_unit(Asking::Ahead);
            let Ok(version) = Read::new(self.session).version_held() else { return self.lost() };
            // What a unit of this batch makes of it is not committed yet.
            if !together.has_missed() && self.bumped.get().is_none() {
                self.surroundings.memory.held(version);
            }
            // Before the version is known, which is held from then on, nothing is decided.
            let asking = match round {
                0 => Asking::OnlyAhead,
                1..ROUNDS_MAX => Asking::Ahead,
                _ => Asking::Itself,
            };
            let mut again = std::mem::take(waiting).into_iter();
            // What joins the line while the first round runs comes along.
            let next = |count| {
                if round > 0 || count >= limits::UNITS_TOGETHER_MAX { None } else { self.line.next() }
            };
            while let Some(mut unit) = again.next().or_else(|| next(waiting.len())) {
                let (place, bumped) = (together.begin_unit(asking), self.bumped.get());
                let (ran, has_written) = self.run_unit(unit.as_mut());
                if !self.session.in_transaction() {
                    waiting.push(unit);
                    waiting.extend(again);
                    return self.lost();
                }
                let runs_again = together.has_missed();
                let is_undone = runs_again || (ran == Ran::Undo && has_written);
                if runs_again {
                    waiting.push(unit)
                } else {
                    done.push(unit)
                }
                if self.bumped.get() != bumped && !self.excludes.replace(true) {
                    together.exclude();
                }
                if is_undone {
                    self.bumped.set(bumped);
                }
                if is_undone && together.take_back(place).is_err() {
                    waiting.extend(again);
                    return Filled::Stained;
                }
            }
            if waiting.is_empty() {
                return Filled::Whole;
            }
            if let Err(error) = together.fetch() {
                tracing::debug!(error = &error as &dyn std::error::Error, "a batch could not be read for");
                return self.lost();
            }
        }
        Filled::Whole
    }

    /// A transaction that failed: with its connection, or alone.
    fn lost(&self) -> Filled {
        if self.session.is_sound() {
            Filled::Lost
        } else {
            Filled::NotBegun(StoreError::Temporary { why: "the connection to the database ended" })
        }
    }

    fn commit_together(&self, units: usize) -> Committed {
        let began = Instant::now();
        let committed = self.session.step(Step::Commit);
        metrics::histogram!("postroom_store_commit_seconds").record(began.elapsed());
        metrics::counter!("postroom_store_commits_total").increment(1);
        match committed {
            Ok(()) => {
                self.log.committed(units);
                self.publish();
                Committed::Kept
            }
            Err(error) if self.session.is_sound() => {
                tracing::debug!(error = &error as &dyn std::error::Error, "a batch was not committed");
                Committed::Overtaken
            }
            Err(error) => Committed::Unknown(error),
        }
    }
}

/// What became of a commit.
enum Committed {
    Kept,
    /// It was refused: another transaction was first, or a limit was met.
    Overtaken,
    /// Nobody knows.
    Unknown(StoreError),
}

/// A batch that was overtaken runs again so often, before each of its units runs alone.
const ATTEMPTS_MAX: u32 = 3;
/// And no longer than this.
const ATTEMPTS_TIME_MAX: Duration = Duration::from_secs(5);
/// After so many rounds a unit asks for itself.
const ROUNDS_MAX: u32 = 6;
