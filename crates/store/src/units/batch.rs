//! One batch: what waits runs in one transaction, is committed once, and only then answered.
//!
//! Each unit but the first stands behind a mark of its own, so that a failed one leaves nothing while its
//! neighbors stay. Where the engine ends the whole transaction, all units of the batch run again, one by one.

use std::time::{Duration, Instant};

use model::limits;

use super::line::Line;
use super::{Ran, Unit};
use crate::blobs::Blobs;
use crate::engine::{Session, Step};
use crate::{StoreError, Tx};

/// Runs one batch. An error means that the session is not to be trusted any more; all units were answered.
pub(super) fn run(session: &dyn Session, line: &Line, blobs: &Blobs) -> Result<(), StoreError> {
    let mut units = Vec::new();
    match fill(session, line, blobs, &mut units) {
        Filled::Whole => commit(session, units),
        Filled::Lost => one_by_one(session, blobs, units),
        Filled::NotBegun(error) => {
            // Those who wait now learn it now; those who come later try a new session.
            while let Some(unit) = line.next() {
                unit.answer(Some(StoreError::Temporary { why: "no transaction could be begun" }));
            }
            Err(error)
        }
    }
}

enum Filled {
    /// The transaction holds whatever is to be kept.
    Whole,
    /// The engine ended the transaction, or could not undo one unit alone.
    Lost,
    /// There is no transaction.
    NotBegun(StoreError),
}

fn fill(session: &dyn Session, line: &Line, blobs: &Blobs, units: &mut Vec<Box<dyn Unit>>) -> Filled {
    if let Err(error) = session.step(Step::BeginWrite) {
        return Filled::NotBegun(error);
    }
    let began = Instant::now();
    let mut empty = true;
    while units.len() < limits::UNITS_PER_COMMIT_MAX && (units.is_empty() || began.elapsed() < BATCH_TIME_MAX)
    {
        let Some(mut unit) = line.next() else { break };
        let alone = empty;
        let marked = alone || session.step(Step::Mark).is_ok();
        let ran = if marked { unit.run(&mut Tx::new(session, Some(blobs))) } else { Ran::Undo };
        units.push(unit);
        if !marked || !session.in_transaction() {
            return Filled::Lost;
        }
        let settled = match (ran, alone) {
            (Ran::Keep, true) => Ok(()),
            (Ran::Keep, false) => session.step(Step::Unmark),
            // Nobody else is in the transaction: undoing all of it needs no mark.
            (Ran::Undo, true) => session.step(Step::Rollback).and_then(|()| session.step(Step::BeginWrite)),
            (Ran::Undo, false) => session.step(Step::Return),
        };
        if settled.is_err() {
            return Filled::Lost;
        }
        empty = empty && ran == Ran::Undo;
    }
    Filled::Whole
}

fn commit(session: &dyn Session, units: Vec<Box<dyn Unit>>) -> Result<(), StoreError> {
    let began = Instant::now();
    let committed = session.step(Step::Commit);
    metrics::histogram!("postroom_store_commit_seconds").record(began.elapsed());
    metrics::counter!("postroom_store_commits_total").increment(1);
    #[expect(clippy::cast_precision_loss, reason = "a batch has at most some hundred units")]
    metrics::histogram!("postroom_store_batch_units").record(units.len() as f64);
    let refused = committed.is_err();
    if refused {
        // Before anybody hears of it, so that whoever tries again does not meet what is to be undone.
        let _ = session.step(Step::Rollback);
    }
    for unit in units {
        // A unit that failed by itself is refused too: it may have failed over a neighbor's row.
        unit.answer(refused.then_some(StoreError::Temporary { why: "the commit failed" }));
    }
    committed
}

/// Runs units again, each in a transaction of its own.
fn one_by_one(session: &dyn Session, blobs: &Blobs, units: Vec<Box<dyn Unit>>) -> Result<(), StoreError> {
    metrics::counter!("postroom_store_batches_again_total").increment(1);
    let mut sound = session.step(Step::Rollback);
    for mut unit in units {
        if sound.is_err() {
            unit.answer(Some(StoreError::Temporary { why: "the transaction was lost" }));
            continue;
        }
        match alone(session, blobs, unit.as_mut()) {
            Ok(()) => unit.answer(None),
            Err(_) => unit.answer(Some(StoreError::Temporary { why: "the transaction was lost" })),
        }
        sound = session.step(Step::Rollback);
    }
    sound
}

fn alone(session: &dyn Session, blobs: &Blobs, unit: &mut dyn Unit) -> Result<(), StoreError> {
    session.step(Step::BeginWrite)?;
    match unit.run(&mut Tx::new(session, Some(blobs))) {
        Ran::Keep => session.step(Step::Commit),
        Ran::Undo => session.step(Step::Rollback),
    }
}

/// How long a batch takes units in: their waiting is the answer time of the first.
const BATCH_TIME_MAX: Duration = Duration::from_millis(5);
