//! Many runs of one target, one after the other.
//!
//! What passes through: seeds in, [`Found`] out: the bytes on which something did not hold, and the words of it.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::Target;
use crate::mutate::{Dice, mutated};

/// What to do.
#[derive(Debug, Clone, Copy)]
pub struct Plan {
    /// Other seeds, other bytes.
    pub seed: u64,
    /// The number of the first run.
    pub from: u64,
    /// How many.
    pub runs: u64,
    /// How long one may take before it counts as found.
    pub longest: Duration,
}

/// Something that does not hold.
#[derive(Debug, Clone)]
pub struct Found {
    /// The number of the run.
    pub run: u64,
    /// The bytes.
    pub bytes: Vec<u8>,
    /// What does not hold.
    pub words: String,
}

/// As many as are told of one target; more would be of the same.
const FOUND_MAX: usize = 10;

/// Runs a target. `progress` hears of every hundred-thousandth run.
pub fn target(target: Target, seeds: &[Vec<u8>], plan: Plan, progress: impl Fn(u64)) -> Vec<Found> {
    let watch = Watch::begin(target.name);
    let mut found: Vec<Found> = Vec::new();
    for run in plan.from..plan.from.saturating_add(plan.runs) {
        watch.begun(run);
        let bytes = mutated(seeds, &mut Dice::of(plan.seed, run));
        let begun = Instant::now();
        let words =
            catch_unwind(AssertUnwindSafe(|| (target.read)(&bytes))).err().map(|panic| words(&*panic));
        let took = begun.elapsed();
        let words = words.or_else(|| (took > plan.longest).then(|| format!("it took {took:?}")));
        if let Some(words) = words {
            found.push(Found { run, bytes, words });
            if found.len() >= FOUND_MAX {
                break;
            }
        }
        if run % 100_000 == 99_999 {
            progress(run);
        }
    }
    watch.end();
    found
}

const WORDS_CHARS_MAX: usize = 400;

fn words(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    let text = text.or_else(|| panic.downcast_ref::<String>().cloned());
    text.map_or_else(|| "it panicked".to_owned(), |text| text.chars().take(WORDS_CHARS_MAX).collect())
}

/// Ends the program where a run does not end, and says which: a stack that overflows says it by itself.
struct Watch {
    run: Arc<AtomicU64>,
}

const ENDED: u64 = u64::MAX;
const HANGS_AFTER: Duration = Duration::from_secs(60);

impl Watch {
    fn begin(name: &'static str) -> Self {
        let run = Arc::new(AtomicU64::new(0));
        let seen = Arc::clone(&run);
        std::thread::spawn(move || {
            let mut last = (seen.load(Ordering::Relaxed), Instant::now());
            while last.0 != ENDED {
                std::thread::park_timeout(Duration::from_secs(1));
                let now = seen.load(Ordering::Relaxed);
                if now != last.0 {
                    last = (now, Instant::now());
                } else if last.1.elapsed() > HANGS_AFTER {
                    eprintln!("{name}: run {now} does not end");
                    std::process::abort();
                }
            }
        });
        Watch { run }
    }

    fn begun(&self, run: u64) {
        self.run.store(run, Ordering::Relaxed);
    }

    fn end(&self) {
        self.run.store(ENDED, Ordering::Relaxed);
    }
}
