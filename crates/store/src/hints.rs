//! Hints between nodes: what one of them has left for others, told to all that listen.
//!
//! What passes through: an organization and what waits there. A unit of work says it ([`Tx::hint`](crate::Tx::hint)); after
//! its commit one thread tells the server, over a connection that is for hints alone, and hears over the same one what
//! others tell. A node hears itself too.
//!
//! *Invariant:* no unit of work waits for a hint or fails over it, and nothing depends on one: what is lost on its way is
//! found by the rounds of whoever does the work. See `docs/decisions/0047-hints-between-nodes.md`.

use std::collections::BTreeSet;
use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use model::{Id, limits};

use crate::engine::postgres::{HintLine, PostgresServer};
use crate::leaving::Leaving;
use crate::lock::locked;
use crate::server::schema_of;
use crate::{Store, StoreError};

/// What waits in an organization for whichever node does such work.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Hint {
    /// Mail that is due to a relay.
    Outbox,
    /// Jobs that are due.
    Jobs,
}

impl Hint {
    const ALL: [Hint; 2] = [Hint::Outbox, Hint::Jobs];

    /// As it is told.
    fn word(self) -> &'static str {
        match self {
            Hint::Outbox => "outbox",
            Hint::Jobs => "jobs",
        }
    }
}

/// Is told what was heard.
type Hear = Arc<dyn Fn(Id, Hint) + Send + Sync>;

/// What is told together goes in one transaction, one in each of these times at most: commits that notify wait for each
/// other at the server, over all its databases.
const TICK: Duration = Duration::from_millis(250);
/// How often whoever listens looks whether its connection is still there.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// Between two attempts to connect.
const PAUSE: Duration = Duration::from_secs(5);
/// The same at a server that knows no hints.
const PAUSE_REFUSED: Duration = Duration::from_secs(600);

/// A line that stands for so long is well.
const WELL: Duration = Duration::from_secs(60);

/// The hints of one process at one server.
pub(crate) struct Hints {
    shared: Arc<Shared>,
}

/// The hints of one organization.
pub(crate) struct OrganizationHints {
    shared: Arc<Shared>,
    organization: Id,
}

struct Shared {
    server: PostgresServer,
    /// The schema of the catalogue.
    schema: String,
    began: Instant,
    state: Mutex<State>,
    changed: Condvar,
    is_listening: AtomicBool,
}

#[derive(Default)]
struct State {
    /// What is to be told, and when.
    due: BTreeSet<(Instant, Id, Hint)>,
    hear: Option<Hear>,
    /// Whether nobody listened until now.
    is_new: bool,
    is_closing: bool,
    thread: Option<Leaving>,
}

impl Store {
    /// From now on this store listens, and `hear` is told whatever any node leaves for others, be it this one. It may be
    /// told too often, and not at all: where hints get lost, and where rows are in files, which have one node. It must not
    /// block.
    pub fn on_hint(&self, hear: impl Fn(Id, Hint) + Send + Sync + 'static) {
        if let Some(server) = &self.server {
            server.hints().listen(Arc::new(hear));
        }
    }

    /// Whether what others tell is heard now.
    #[cfg(feature = "testing")]
    pub fn is_listening(&self) -> bool {
        self.server.as_ref().is_some_and(|server| server.hints().shared.is_listening.load(Ordering::SeqCst))
    }
}

impl Hints {
    /// Does nothing until somebody tells or listens.
    pub(crate) fn new(server: PostgresServer, schema: String) -> Self {
        let (state, changed) = (Mutex::default(), Condvar::new());
        let (began, is_listening) = (Instant::now(), AtomicBool::new(false));
        Hints { shared: Arc::new(Shared { server, schema, began, state, changed, is_listening }) }
    }

    /// Those of an organization.
    pub(crate) fn of(&self, organization: Id) -> OrganizationHints {
        OrganizationHints { shared: Arc::clone(&self.shared), organization }
    }

    fn listen(&self, hear: Hear) {
        let mut state = locked(&self.shared.state);
        state.hear = Some(hear);
        state.is_new = true;
        self.shared.wake(&mut state);
    }

    /// Tells what is due, and ends the thread. Where the server is away it is not waited for: what is not told is found by rounds.
    pub(crate) fn close(&self) {
        let mut state = locked(&self.shared.state);
        state.is_closing = true;
        state.hear = None;
        let thread = state.thread.take();
        drop(state);
        self.shared.changed.notify_all();
        if let Some(thread) = thread {
            thread.wait();
        }
    }
}

impl OrganizationHints {
    /// Tells each of these once so much time has passed.
    pub(crate) fn tell(&self, hints: BTreeSet<(Duration, Hint)>) {
        if hints.is_empty() {
            return;
        }
        let since = self.shared.began.elapsed();
        let mut state = locked(&self.shared.state);
        if state.is_closing {
            return;
        }
        for (after, hint) in hints {
            let ticks = (since + after).as_millis() / TICK.as_millis() + 1;
            let at = self.shared.began + TICK * u32::try_from(ticks).unwrap_or(u32::MAX);
            state.due.insert((at, self.organization, hint));
        }
        self.shared.wake(&mut state);
    }
}

/// What the thread has to do.
struct Turn {
    due: BTreeSet<(Id, Hint)>,
    listens: bool,
    is_closing: bool,
}

impl Shared {
    /// Has the thread look at what there is to do; begins it where there is none.
    fn wake(self: &Arc<Self>, state: &mut State) {
        if state.is_closing {
            return;
        }
        if state.thread.is_none() {
            let shared = Arc::clone(self);
            let telling = move || Telling::new(shared).run();
            match Leaving::spawn("store-hints", telling) {
                Ok(thread) => state.thread = Some(thread),
                Err(error) => warn(&error),
            }
        }
        self.changed.notify_all();
    }

    /// Waits until there is something to do.
    fn turn(&self) -> Turn {
        let look_at = Instant::now() + LOOK_EVERY;
        let mut state = locked(&self.state);
        loop {
            let now = Instant::now();
            let until = if state.is_closing { now + TICK } else { now };
            let later = state.due.split_off(&(until + Duration::from_nanos(1), Id::default(), Hint::Outbox));
            let due: BTreeSet<_> =
                mem::replace(&mut state.due, later).into_iter().map(|(_, id, hint)| (id, hint)).collect();
            let (listens, is_closing) = (state.hear.is_some(), state.is_closing);
            let looks = mem::take(&mut state.is_new) || (listens && now >= look_at);
            if !due.is_empty() || is_closing || looks {
                return Turn { due, listens, is_closing };
            }
            let next = state.due.first().map(|(at, ..)| *at);
            state = match next.into_iter().chain(listens.then_some(look_at)).min() {
                Some(at) => {
                    let waited = self.changed.wait_timeout(state, at.saturating_duration_since(now));
                    waited.unwrap_or_else(PoisonError::into_inner).0
                }
                None => self.changed.wait(state).unwrap_or_else(PoisonError::into_inner),
            };
        }
    }

    fn channel(&self) -> String {
        format!("{}_hints", self.schema)
    }

    fn payload(&self, (organization, hint): &(Id, Hint)) -> String {
        format!("{} {}", schema_of(&self.schema, *organization), hint.word())
    }

    /// What newer programs tell beside this is not understood, and is in nobody's way.
    fn read(&self, payload: &str) -> Option<(Id, Hint)> {
        let (schema, word) = payload.split_once(' ')?;
        let digits = schema.strip_prefix(self.schema.as_str())?.strip_prefix('_')?;
        Some((digits.parse().ok()?, Hint::ALL.into_iter().find(|hint| hint.word() == word)?))
    }

    fn heard(&self, payload: &str) {
        let hear = locked(&self.state).hear.clone();
        if let (Some(hear), Some((organization, hint))) = (hear, self.read(payload)) {
            metrics::counter!("postroom_store_hints_total", "end" => "heard").increment(1);
            hear(organization, hint);
        }
    }
}

/// What the thread has.
struct Telling {
    shared: Arc<Shared>,
    line: Option<HintLine>,
    /// When the line was opened.
    since: Instant,
    not_before: Instant,
    /// Whether somebody was warned since all was well for a while.
    has_warned: bool,
    is_refused: bool,
}

impl Telling {
    fn new(shared: Arc<Shared>) -> Self {
        let began = shared.began;
        let (line, has_warned, is_refused) = (None, false, false);
        Telling { shared, line, since: began, not_before: began, has_warned, is_refused }
    }

    fn run(mut self) {
        loop {
            let turn = self.shared.turn();
            // What panics here ends nothing for good either.
            let taken = catch_unwind(AssertUnwindSafe(|| self.take(&turn)));
            if let Err(error) = taken.unwrap_or(Err(StoreError::Panicked)) {
                self.line = None;
                self.is_refused |= !error.is_temporary();
                self.not_before = Instant::now() + if self.is_refused { PAUSE_REFUSED } else { PAUSE };
                self.warn_once(&error);
            }
            let listens = self.line.as_ref().is_some_and(|line| line.is_listening());
            self.shared.is_listening.store(listens, Ordering::SeqCst);
            if turn.is_closing {
                return;
            }
        }
    }

    fn take(&mut self, turn: &Turn) -> Result<(), StoreError> {
        let is_wanted = turn.listens || !turn.due.is_empty();
        if self.line.as_ref().is_some_and(|line| !line.is_sound()) {
            self.line = None;
            self.warn_once(&StoreError::Temporary { why: "the connection for hints ended" });
        }
        let line = match self.line.take() {
            Some(line) => line,
            // What is not told now is found by rounds.
            None if !is_wanted || Instant::now() < self.not_before => return Ok(()),
            None => {
                // One that ends as soon as it is there is not opened again and again.
                self.since = Instant::now();
                self.not_before = self.since + PAUSE;
                self.open()?
            }
        };
        let line = self.line.insert(line);
        let is_new = turn.listens && !line.is_listening();
        if is_new {
            line.listen()?;
        }
        if !turn.due.is_empty() {
            let payloads: Vec<String> = turn.due.iter().map(|due| self.shared.payload(due)).collect();
            line.tell(&payloads)?;
            metrics::counter!("postroom_store_hints_total", "end" => "told").increment(payloads.len() as u64);
        }
        if is_new || !turn.due.is_empty() {
            self.is_refused = false;
        }
        if self.has_warned && self.since.elapsed() >= WELL {
            self.has_warned = false;
            tracing::info!("nodes hear from each other again");
        }
        Ok(())
    }

    /// A line that comes and goes is told of once.
    fn warn_once(&mut self, error: &StoreError) {
        if !mem::replace(&mut self.has_warned, true) {
            warn(error);
        }
    }

    fn open(&self) -> Result<HintLine, StoreError> {
        // The server holds the connection, and is held by what is shared.
        let shared = Arc::downgrade(&self.shared);
        let hear = move |payload: &str| {
            if let Some(shared) = shared.upgrade() {
                shared.heard(payload);
            }
        };
        self.shared.server.hint_line(self.shared.channel(), Arc::new(hear))
    }
}

fn warn(error: &(dyn std::error::Error + 'static)) {
    tracing::warn!(
        error,
        "nodes hear nothing from each other: what one leaves for another is found by rounds"
    );
}

/// How long after its commit a hint is told at the latest: what is due later than that is found by rounds.
pub(crate) fn is_soon(after: Duration) -> bool {
    after <= Duration::from_secs(limits::HINT_SECONDS_MAX)
}
