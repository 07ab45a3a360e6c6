//! One batch: what waits runs in one transaction, is committed once, and only then answered.
//!
//! Units run without a mark to return to: most of them succeed, and a mark makes the engine copy every page that
//! is touched behind it. Where one fails after it wrote, all of them run again, each behind a mark, so that the
//! failed one leaves nothing while its neighbors stay. Where the engine ends the whole transaction, all units of
//! the batch run again, one by one.

use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use model::limits;

use super::line::Line;
use super::{Ran, Surroundings, Unit};
use crate::engine::{Log, Session, Step};
use crate::hints::Hint;
use crate::{StoreError, Tx};

/// What a batch works with.
pub(super) struct Batch<'b> {
    pub(super) session: &'b dyn Session,
    pub(super) line: &'b Line,
    pub(super) surroundings: &'b Surroundings,
    pub(super) log: &'b Log,
    /// How long it takes units in: the first of them waits for it.
    pub(super) time_max: Duration,
    /// The version of the records that its units made, once it is committed.
    pub(super) bumped: Cell<Option<i64>>,
    /// Whether a unit of it changes the version of the records, as far as that is known.
    pub(super) excludes: Cell<bool>,
    /// What its units leave for other nodes, to be told once it is committed. One too many does no harm.
    pub(super) hints: RefCell<BTreeSet<(Duration, Hint)>>,
}

pub(super) enum Filled {
    /// The transaction holds whatever is to be kept.
    Whole,
    /// A unit wrote something and failed.
    Stained,
    /// The engine ended the transaction, or could not undo one unit alone.
    Lost,
    /// There is no transaction.
    NotBegun(StoreError),
}

impl Batch<'_> {
    /// Runs the batch and answers all its units. An error means that the session is not to be trusted any more.
    pub(super) fn run(&self) -> Result<(), StoreError> {
        if let Some(together) = self.session.together() {
            return self.run_together(together);
        }
        let mut units = Vec::new();
        let mut filled = self.fill(&mut units);
        if let Filled::Stained = filled {
            filled = self.fill_marked(&mut units);
        }
        match filled {
            Filled::Whole => self.commit(units),
            Filled::Stained | Filled::Lost => self.one_by_one(units),
            Filled::NotBegun(error) => {
                for unit in units {
                    unit.answer(Some(StoreError::Temporary { why: NOT_BEGUN }));
                }
                self.line.refuse(NOT_BEGUN);
                Err(error)
            }
        }
    }

    /// Takes units in as they wait, up to the first that has something to be undone.
    fn fill(&self, units: &mut Vec<Box<dyn Unit>>) -> Filled {
        if let Err(error) = self.session.step(Step::BeginWrite) {
            return Filled::NotBegun(error);
        }
        let began = Instant::now();
        while units.len() < limits::UNITS_PER_COMMIT_MAX
            && (units.is_empty() || began.elapsed() < self.time_max)
        {
            let Some(mut unit) = self.line.next() else { break };
            let (ran, has_written) = self.run_unit(unit.as_mut());
            units.push(unit);
            if !self.session.in_transaction() {
                return Filled::Lost;
            }
            if ran == Ran::Undo && has_written {
                return Filled::Stained;
            }
        }
        Filled::Whole
    }

    /// Runs the same units again, and then the others, each behind a mark.
    fn fill_marked(&self, units: &mut Vec<Box<dyn Unit>>) -> Filled {
        metrics::counter!("postroom_store_batches_marked_total").increment(1);
        self.bumped.set(None);
        let begun = self.session.step(Step::Rollback).and_then(|()| self.session.step(Step::BeginWrite));
        if let Err(error) = begun {
            return Filled::NotBegun(error);
        }
        let began = Instant::now();
        if units.iter_mut().any(|unit| self.marked(unit.as_mut()).is_err()) {
            return Filled::Lost;
        }
        while units.len() < limits::UNITS_PER_COMMIT_MAX && began.elapsed() < self.time_max {
            let Some(mut unit) = self.line.next() else { break };
            let settled = self.marked(unit.as_mut());
            units.push(unit);
            if settled.is_err() {
                return Filled::Lost;
            }
        }
        Filled::Whole
    }

    /// Runs one unit behind a mark and keeps or undoes it. An error means that the whole transaction is lost.
    fn marked(&self, unit: &mut dyn Unit) -> Result<(), StoreError> {
        self.session.step(Step::Mark)?;
        let (ran, _) = self.run_unit(unit);
        if !self.session.in_transaction() {
            return Err(StoreError::Temporary { why: "the engine ended the transaction" });
        }
        self.session.step(if ran == Ran::Keep { Step::Unmark } else { Step::Return })
    }

    fn commit(&self, units: Vec<Box<dyn Unit>>) -> Result<(), StoreError> {
        let began = Instant::now();
        let committed = self.session.step(Step::Commit);
        self.log.committed(units.len());
        metrics::histogram!("postroom_store_commit_seconds").record(began.elapsed());
        metrics::counter!("postroom_store_commits_total").increment(1);
        #[expect(clippy::cast_precision_loss, reason = "a batch has at most some hundred units")]
        metrics::histogram!("postroom_store_batch_units").record(units.len() as f64);
        let refused = committed.is_err();
        if refused {
            // Before anybody hears of it, so that whoever tries again does not meet what is to be undone. Where
            // it fails the connection is closed, which undoes it too.
            let _ = self.session.step(Step::Rollback);
        } else {
            self.publish();
        }
        for unit in units {
            // A unit that failed by itself is refused too: it may have failed over a neighbor's row.
            unit.answer(refused.then_some(StoreError::Temporary { why: "the commit failed" }));
        }
        committed
    }

    /// Runs units again, each in a transaction of its own.
    pub(super) fn one_by_one(&self, units: Vec<Box<dyn Unit>>) -> Result<(), StoreError> {
        metrics::counter!("postroom_store_batches_again_total").increment(1);
        let mut sound = self.session.step(Step::Rollback);
        for mut unit in units {
            let settled = sound.is_ok() && self.alone(unit.as_mut()).is_ok();
            sound = sound.and_then(|()| self.session.step(Step::Rollback));
            let refusal = StoreError::Temporary { why: "the transaction was lost" };
            unit.answer((!settled).then_some(refusal));
        }
        sound
    }

    fn alone(&self, unit: &mut dyn Unit) -> Result<(), StoreError> {
        self.session.step(Step::BeginWrite)?;
        self.bumped.set(None);
        if let Some(together) = self.session.together().filter(|_| self.excludes.get()) {
            together.exclude();
        }
        if self.session.is_remote() {
            self.surroundings.memory.held(crate::Read::new(self.session).version_held()?);
        }
        match self.run_unit(unit) {
            (Ran::Keep, _) => {
                self.log.committed(1);
                self.session.step(Step::Commit)?;
                self.publish();
                Ok(())
            }
            (Ran::Undo, _) => Ok(()),
        }
    }

    /// Runs a unit; says whether it wrote.
    pub(super) fn run_unit(&self, unit: &mut dyn Unit) -> (Ran, bool) {
        let mut tx = self.tx();
        let ran = unit.run(&mut tx);
        if ran == Ran::Keep {
            self.bumped.set(self.bumped.get().max(tx.bumped()));
            self.hints.borrow_mut().append(tx.hints());
        }
        (ran, tx.has_written())
    }

    /// After a commit: memory answers under the version of the records that it made, and other nodes are told of what it
    /// left for them.
    pub(super) fn publish(&self) {
        if let Some(version) = self.bumped.take() {
            self.surroundings.memory.advance(version);
        }
        if let Some(hints) = &self.surroundings.hints {
            hints.tell(self.hints.take());
        }
    }

    fn tx(&self) -> Tx<'_> {
        let memory = &self.surroundings.memory;
        // Nobody else writes: the version is what was committed last, or what an earlier unit made of it.
        let version = self.bumped.get().unwrap_or_else(|| memory.latest());
        Tx::new(self.session, Some(&self.surroundings.blobs)).knowing(memory, version)
    }
}

pub(super) const NOT_BEGUN: &str = "no transaction could be begun";
