//! A ledger in memory.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use model::outcome::Outcome;
use model::{Id, MessageKey, limits};

use super::Counting;
use crate::contract::{NotNow, Pair};
use crate::ledger::{Entry, Folder, HeaderDigest, Ledger, Listed, Settled, Told};
use crate::source::{Place, Validity};

/// What is remembered of one folder, as long as the process lives.
#[derive(Debug, Clone)]
pub struct Remembered {
    counting: Counting,
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    generation: i64,
    validity: Option<Validity>,
    rows: BTreeMap<(i64, MessageKey), Row>,
    copies: u64,
}

#[derive(Debug, Clone)]
struct Row {
    copy: Id,
    header: Option<HeaderDigest>,
    attempts: u32,
    is_put_off: bool,
    is_gone: bool,
}

impl Remembered {
    /// Nothing yet; what has ended is known to `counting`.
    pub fn beside(counting: Counting) -> Self {
        Remembered { counting, state: Arc::default() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn entry(&self, key: MessageKey, row: &Row) -> Entry {
        let Row { copy, attempts, is_put_off, .. } = *row;
        let (has_header, ended) = (row.header.is_some(), self.counting.ended(copy));
        Entry { key, copy, attempts, has_header, is_due: !is_put_off, is_settled: ended.is_some(), ended }
    }
}

impl State {
    fn row(&mut self, folder: &Folder, key: &MessageKey) -> Option<&mut Row> {
        self.rows.get_mut(&(folder.generation, key.clone()))
    }
}

impl Ledger for Remembered {
    async fn open(&self, pair: Pair, place: &Place, validity: Validity) -> Result<Folder, NotNow> {
        let mut state = self.state();
        if state.validity.replace(validity) != Some(validity) {
            state.generation += 1;
        }
        let generation = state.generation;
        Ok(Folder { pair, id: Id::default(), role: place.role, generation, after: None })
    }

    async fn present(&self, folder: &Folder) -> Result<Vec<Entry>, NotNow> {
        let state = self.state();
        let there =
            state.rows.iter().filter(|((number, _), row)| *number == folder.generation && !row.is_gone);
        Ok(there.map(|((_, key), row)| self.entry(key.clone(), row)).collect())
    }

    async fn see(
        &self,
        folder: &Folder,
        told: Told,
        listed: Vec<Listed>,
    ) -> Result<Option<Vec<Entry>>, NotNow> {
        let mut state = self.state();
        let (mut entries, mut absent) = (Vec::new(), Vec::new());
        for key in &told.gone {
            state.row(folder, key).into_iter().for_each(|row| row.is_gone = true);
        }
        for key in &told.survived {
            state.row(folder, key).into_iter().for_each(|row| row.attempts = row.attempts.saturating_sub(1));
        }
        for put_off in &told.put_off {
            state.row(folder, &put_off.key).into_iter().for_each(|row| row.is_put_off = true);
        }
        for key in &told.absent {
            let Some(row) = state.row(folder, key) else { continue };
            row.is_gone = self.counting.ended(row.copy).is_some();
            if !row.is_gone {
                absent.push(self.entry(key.clone(), row));
            }
        }
        for Listed { key, header, .. } in listed {
            state.copies += 1;
            let copy = Id((u128::from(state.copies)).to_be_bytes());
            let new = Row { copy, header, attempts: 0, is_put_off: false, is_gone: false };
            let row = state.rows.entry((folder.generation, key.clone())).or_insert(new);
            let is_over = self.counting.ended(row.copy).is_some();
            let is_another = header.is_some() && row.header.is_some() && header != row.header;
            if row.is_gone || (is_another && is_over) {
                state.validity = None;
                return Ok(None);
            }
            row.header = row.header.or(header);
            if !is_over && row.attempts < limits::POLL_ALONE_FROM {
                row.attempts += 1;
            }
            entries.push(self.entry(key, row));
        }
        entries.extend(absent);
        Ok(Some(entries))
    }

    async fn try_alone(&self, folder: &Folder, key: &MessageKey) -> Result<(), NotNow> {
        self.state().row(folder, key).into_iter().for_each(|row| row.attempts += 1);
        Ok(())
    }

    async fn settle(
        &self,
        folder: &Folder,
        ended: Vec<(MessageKey, HeaderDigest)>,
    ) -> Result<Vec<Settled>, NotNow> {
        let mut state = self.state();
        let settled = |key: MessageKey| {
            let row = state.row(folder, &key)?;
            let outcome = self.counting.ended(row.copy)?;
            (outcome != Outcome::Ignored).then_some(Settled { key, is_kept: outcome == Outcome::Stored })
        };
        Ok(ended.into_iter().map(|(key, _)| key).filter_map(settled).collect())
    }
}
