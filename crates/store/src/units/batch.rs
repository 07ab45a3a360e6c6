//! One batch: what waits runs in one transaction, is committed once, and only then answered.
//!
//! Each unit but the first stands behind a mark of its own, so that a failed one leaves nothing while its
//! neighbors stay. Where the engine ends the whole transaction, all units of the batch run again, one by one.

use std::time::{Duration, Instant};

use model::limits;

use super::line::Line;
use super::{Ran, Unit};
use crate::blobs::Blobs;
use crate::engine::{Log, Session, Step};
use crate::{StoreError, Tx};

/// What a batch works with.
pub(super) struct Batch<'b> {
    pub(super) session: &'b dyn Session,
    pub(super) line: &'b Line,
    pub(super) blobs: &'b Blobs,
    pub(super) log: &'b Log,
    /// How long it takes units in: the first of them waits for it.
    pub(super) time_max: Duration,
}

enum Filled {
    /// The transaction holds whatever is to be kept.
    Whole,
    /// The engine ended the transaction, or could not undo one unit alone.
    Lost,
    /// There is no transaction.
    NotBegun(StoreError),
}

impl Batch<'_> {
    /// Runs the batch and answers all its units. An error means that the session is not to be trusted any more.
    pub(super) fn run(&self) -> Result<(), StoreError> {
        let mut units = Vec::new();
        match self.fill(&mut units) {
            Filled::Whole => self.commit(units),
            Filled::Lost => self.one_by_one(units),
            Filled::NotBegun(error) => {
                self.line.refuse("no transaction could be begun");
                Err(error)
            }
        }
    }

    fn fill(&self, units: &mut Vec<Box<dyn Unit>>) -> Filled {
        if let Err(error) = self.session.step(Step::BeginWrite) {
            return Filled::NotBegun(error);
        }
        let began = Instant::now();
        // Whether the transaction holds nothing yet: then undoing all of it undoes one unit alone.
        let mut empty = true;
        while units.len() < limits::UNITS_PER_COMMIT_MAX
            && (units.is_empty() || began.elapsed() < self.time_max)
        {
            let Some(mut unit) = self.line.next() else { break };
            let settled = self.take_in(unit.as_mut(), empty);
            units.push(unit);
            match settled {
                Ok(ran) => empty = empty && ran == Ran::Undo,
                Err(_) => return Filled::Lost,
            }
        }
        Filled::Whole
    }

    /// Runs one unit and keeps or undoes it. An error means that the whole transaction is lost.
    fn take_in(&self, unit: &mut dyn Unit, empty: bool) -> Result<Ran, StoreError> {
        if !empty {
            self.session.step(Step::Mark)?;
        }
        let ran = unit.run(&mut self.tx());
        if !self.session.in_transaction() {
            return Err(StoreError::Temporary { why: "the engine ended the transaction" });
        }
        match (ran, empty) {
            (Ran::Keep, true) => {}
            (Ran::Keep, false) => self.session.step(Step::Unmark)?,
            (Ran::Undo, true) => {
                self.session.step(Step::Rollback)?;
                self.session.step(Step::BeginWrite)?;
            }
            (Ran::Undo, false) => self.session.step(Step::Return)?,
        }
        Ok(ran)
    }

    fn commit(&self, units: Vec<Box<dyn Unit>>) -> Result<(), StoreError> {
        let began = Instant::now();
        let committed = self.session.step(Step::Commit);
        self.log.committed();
        metrics::histogram!("postroom_store_commit_seconds").record(began.elapsed());
        metrics::counter!("postroom_store_commits_total").increment(1);
        #[expect(clippy::cast_precision_loss, reason = "a batch has at most some hundred units")]
        metrics::histogram!("postroom_store_batch_units").record(units.len() as f64);
        let refused = committed.is_err();
        if refused {
            // Before anybody hears of it, so that whoever tries again does not meet what is to be undone. Where
            // it fails the connection is closed, which undoes it too.
            let _ = self.session.step(Step::Rollback);
        }
        for unit in units {
            // A unit that failed by itself is refused too: it may have failed over a neighbor's row.
            unit.answer(refused.then_some(StoreError::Temporary { why: "the commit failed" }));
        }
        committed
    }

    /// Runs units again, each in a transaction of its own.
    fn one_by_one(&self, units: Vec<Box<dyn Unit>>) -> Result<(), StoreError> {
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
        match unit.run(&mut self.tx()) {
            Ran::Keep => {
                self.log.committed();
                self.session.step(Step::Commit)
            }
            Ran::Undo => Ok(()),
        }
    }

    fn tx(&self) -> Tx<'_> {
        Tx::new(self.session, Some(self.blobs))
    }
}
