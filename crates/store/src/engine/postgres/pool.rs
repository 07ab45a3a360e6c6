//! The connections to one server: few, shared by all organizations, used again.
//!
//! A connection belongs to one schema and one purpose; where there is no room for another one, the one that rests
//! longest is closed.

use std::cell::{Cell, OnceCell};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use model::limits;
use model::schema::Value;
use tokio::runtime::Runtime;
use tokio_postgres::Config;
use tokio_postgres_rustls::MakeRustlsConnect;

use super::schema;
use super::values::Line;
use super::wire::{Hear, Params, Request, Wire};
use crate::StoreError;
use crate::engine::Purpose;
use crate::lock::locked;

/// The connections to a server.
pub(crate) struct Pool {
    config: Config,
    tls: MakeRustlsConnect,
    runtime: Option<Runtime>,
    connections_max: usize,
    state: Mutex<State>,
    freed: Condvar,
}

#[derive(Default)]
struct State {
    /// Those that rest, the longest first.
    idle: Vec<Idle>,
    /// All that are open, idle or not.
    open: usize,
}

struct Idle {
    key: Key,
    wire: Wire,
    sheet: Option<Sheet>,
}

/// What a connection is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Key {
    pub(super) schema: Arc<str>,
    pub(super) purpose: Purpose,
}

impl Pool {
    pub(super) fn new(
        config: Config,
        tls: MakeRustlsConnect,
        connections_max: usize,
    ) -> Result<Arc<Self>, StoreError> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("store-postgres")
            .enable_all()
            .build()?;
        let (state, freed, connections_max) = (Mutex::default(), Condvar::new(), connections_max.max(2));
        Ok(Arc::new(Pool { config, tls, runtime: Some(runtime), connections_max, state, freed }))
    }

    /// A connection for this purpose. `Busy` where none becomes free in time.
    pub(super) fn lease(self: &Arc<Self>, key: Key) -> Result<Lease, StoreError> {
        let lease = |wire, sheet: Option<Sheet>| Lease {
            pool: Arc::clone(self),
            key: key.clone(),
            wire: Some(wire),
            sheet: sheet.map_or_else(OnceCell::new, OnceCell::from),
        };
        if let Some(idle) = self.room(&key)? {
            return Ok(lease(idle.wire, idle.sheet));
        }
        match self.connect(&key) {
            Ok(wire) => Ok(lease(wire, None)),
            Err(error) => {
                self.close_one();
                Err(error)
            }
        }
    }

    /// A connection that rests, or room for a new one, which counts from now on.
    fn room(&self, key: &Key) -> Result<Option<Idle>, StoreError> {
        let deadline = Instant::now() + Duration::from_secs(limits::DATABASE_CONNECT_SECONDS_MAX);
        let mut state = locked(&self.state);
        loop {
            // The one that was used last is the likeliest to be alive.
            while let Some(place) = state.idle.iter().rposition(|idle| idle.key == *key) {
                let idle = state.idle.remove(place);
                if idle.wire.is_sound() {
                    return Ok(Some(idle));
                }
                state.open -= 1;
            }
            if state.open < self.connections_max {
                state.open += 1;
                return Ok(None);
            }
            if !state.idle.is_empty() {
                // Its place is taken over.
                state.idle.remove(0);
                return Ok(None);
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(StoreError::Busy);
            }
            state = self.freed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Closes the connections to a schema that rest.
    pub(super) fn forget(&self, schema: &str) {
        let mut state = locked(&self.state);
        let before = state.idle.len();
        state.idle.retain(|idle| &*idle.key.schema != schema);
        state.open -= before - state.idle.len();
        drop(state);
        self.freed.notify_all();
    }

    fn connect(&self, key: &Key) -> Result<Wire, StoreError> {
        self.connect_beside(&schema::options(key), Arc::new(|_| {}))
    }

    /// A connection that is not counted, with these start-up options; `hear` is told of notifications.
    pub(super) fn connect_beside(&self, options: &str, hear: Hear) -> Result<Wire, StoreError> {
        let runtime = self.runtime.as_ref().ok_or(StoreError::Closed)?;
        let mut config = self.config.clone();
        let given = config.get_options().unwrap_or_default().to_owned();
        config.options(format!("{given} {options}"));
        Wire::connect(&config, &self.tls, runtime.handle(), hear)
    }

    fn close_one(&self) {
        locked(&self.state).open -= 1;
        self.freed.notify_one();
    }

    fn give_back(&self, idle: Idle) {
        locked(&self.state).idle.push(idle);
        self.freed.notify_one();
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        locked(&self.state).idle.clear();
        if let Some(runtime) = self.runtime.take() {
            // The last one to let go may be a task of another runtime, which must not block.
            runtime.shutdown_background();
        }
    }
}

/// A connection on loan.
pub(super) struct Lease {
    pool: Arc<Pool>,
    key: Key,
    wire: Option<Wire>,
    sheet: OnceCell<Sheet>,
}

impl Lease {
    pub(super) fn wire(&self) -> Result<&Wire, StoreError> {
        self.wire.as_ref().ok_or(StoreError::Closed)
    }

    pub(super) fn is_sound(&self) -> bool {
        self.wire.as_ref().is_some_and(Wire::is_sound)
    }

    /// The schema it belongs to.
    #[cfg(feature = "testing")]
    pub(super) fn schema(&self) -> &str {
        &self.key.schema
    }

    /// Makes the schema and what every schema has.
    pub(super) fn prepare_schema(&self) -> Result<(), StoreError> {
        schema::prepare(self.wire()?, &self.key.schema)
    }

    /// The sheet of this connection.
    pub(super) fn sheet(&self) -> Result<&Sheet, StoreError> {
        self.sheet.get().ok_or(StoreError::Closed)
    }

    /// The sheet of this connection, where it has one.
    pub(super) fn sheet_if_any(&self) -> Option<&Sheet> {
        self.sheet.get()
    }

    /// Takes a sheet of its own for this connection, where it has none and writes.
    pub(super) fn take_sheet(&self) -> Result<(), StoreError> {
        if self.sheet.get().is_some() || self.key.purpose != Purpose::Write {
            return Ok(());
        }
        for _ in 0..limits::SHEET_ATTEMPTS_MAX {
            let taken = one(self.wire()?, schema::TAKE_SHEET, &[])?;
            if let Some(Value::Int(number)) = taken.and_then(|mut line| line.pop()) {
                let _ = self.sheet.set(Sheet { number, marks: Cell::new(0), copies: Cell::new(0) });
                return Ok(());
            }
        }
        Err(StoreError::Busy)
    }

    /// Whether the transaction with this mark was kept, once its connection was lost. From then on it is certain: one
    /// that was not kept never will be.
    pub(super) fn settle(&self, mark: &[Value]) -> Result<bool, StoreError> {
        let deadline = Instant::now() + Duration::from_secs(limits::COMMIT_SETTLE_SECONDS_MAX);
        loop {
            // Waits for the old transaction, where it is still there, by the unique key of its mark.
            let settled = self.pool.connect(&self.key).and_then(|wire| refused(&wire, mark));
            match settled {
                Ok(is_refused) => {
                    metrics::counter!("postroom_store_commits_settled_total").increment(1);
                    return Ok(!is_refused);
                }
                Err(error) if Instant::now() >= deadline => return Err(error),
                Err(_) => std::thread::sleep(SETTLE_PAUSE),
            }
        }
    }
}

/// Whether the mark stands there because a transaction is refused, and not because it was kept. This writes in either
/// case, so that it waits for replicas as the transaction had to.
fn refused(wire: &Wire, mark: &[Value]) -> Result<bool, StoreError> {
    wire.take_warning();
    let found = one(wire, schema::SETTLE, mark)?.and_then(|mut line| line.pop());
    if wire.take_warning() {
        return Err(StoreError::Temporary { why: "the commit is not known to be replicated" });
    }
    match found {
        Some(Value::Int(is_refused)) => Ok(is_refused != 0),
        _ => Err(StoreError::Corrupt),
    }
}

fn one(wire: &Wire, text: &str, values: &[Value]) -> Result<Option<Line>, StoreError> {
    let mut answers = wire.send(vec![Request { text: text.into(), params: Params::Given(values) }])?;
    Ok(answers.pop().and_then(|mut answer| answer.rows.pop()))
}

impl Drop for Lease {
    fn drop(&mut self) {
        match self.wire.take().filter(Wire::is_sound) {
            Some(wire) => {
                self.pool.give_back(Idle { key: self.key.clone(), wire, sheet: self.sheet.take() });
            }
            None => self.pool.close_one(),
        }
    }
}

/// A sheet of the ledger: each connection that writes numbers its copies and commits on one of its own.
pub(super) struct Sheet {
    number: i64,
    marks: Cell<i64>,
    copies: Cell<i64>,
}

impl Sheet {
    /// The number of the next copy.
    pub(super) fn next(&self) -> i64 {
        (self.number << COPIES_PER_SHEET_BITS) + self.copies.get() + 1
    }

    /// A mark for a commit, another one for each.
    pub(super) fn mark(&self) -> [Value; 2] {
        self.marks.set(self.marks.get() + 1);
        [Value::Int(self.number), Value::Int(self.marks.get())]
    }

    /// Notes a commit of so many copies.
    pub(super) fn committed(&self, copies: i64) {
        self.copies.set(self.copies.get() + copies);
    }
}

/// A sheet has room for so many copies.
const COPIES_PER_SHEET_BITS: u32 = 32;
/// Between two attempts to learn what became of a commit.
const SETTLE_PAUSE: Duration = Duration::from_millis(200);
