//! The line in which the units of one organization wait for their batch.

use std::collections::VecDeque;
use std::sync::Mutex;

use model::limits;

use super::{Priority, Unit};
use crate::StoreError;
use crate::lock::locked;

/// The units that wait.
pub(super) struct Line {
    state: Mutex<State>,
    /// Batches of this line that may run at a time.
    batches_max: usize,
}

#[derive(Default)]
struct State {
    intake: VecDeque<Box<dyn Unit>>,
    background: VecDeque<Box<dyn Unit>>,
    /// Intake units served since a background unit was.
    passed_over: usize,
    /// Threads that have this line, or will: it stands on the list of those that wait for one.
    called: usize,
}

impl Line {
    pub(super) fn new(batches_max: usize) -> Self {
        Line { state: Mutex::default(), batches_max }
    }

    /// Puts a unit at the end. Says whether a thread must be called; gives the unit back where it cannot wait.
    pub(super) fn join(
        &self,
        unit: Box<dyn Unit>,
        priority: Priority,
    ) -> Result<bool, (Box<dyn Unit>, StoreError)> {
        let mut state = locked(&self.state);
        let list = match priority {
            Priority::Intake => &mut state.intake,
            Priority::Background => &mut state.background,
        };
        if list.len() >= limits::UNITS_WAITING_MAX {
            return Err((unit, StoreError::Busy));
        }
        list.push_back(unit);
        let calls = state.called < self.batches_max;
        state.called += usize::from(calls);
        Ok(calls)
    }

    /// The next unit: intake first, but background is never passed over for ever.
    pub(super) fn next(&self) -> Option<Box<dyn Unit>> {
        let mut state = locked(&self.state);
        let turn = state.passed_over >= limits::INTAKE_BEFORE_BACKGROUND_MAX || state.intake.is_empty();
        let background = if turn { state.background.pop_front() } else { None };
        if background.is_some() {
            state.passed_over = 0;
            return background;
        }
        state.passed_over = if state.background.is_empty() { 0 } else { state.passed_over + 1 };
        state.intake.pop_front()
    }

    /// After a batch: whether the thread must come again. If not, the next to join calls it.
    pub(super) fn still_waits(&self) -> bool {
        let mut state = locked(&self.state);
        let waits = !(state.intake.is_empty() && state.background.is_empty());
        state.called -= usize::from(!waits);
        waits
    }

    /// Answers all who wait that nothing is kept; whoever comes later may find it mended.
    pub(super) fn refuse(&self, why: &'static str) {
        while let Some(unit) = self.next() {
            unit.answer(Some(StoreError::Temporary { why }));
        }
    }
}
