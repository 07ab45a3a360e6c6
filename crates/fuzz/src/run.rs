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
        if let Some(words) = complaint(target, &bytes, plan.longest) {
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

/// What does not hold. Slow is what is slow twice: a machine that did something else is no fault of the bytes.
fn complaint(target: Target, bytes: &[u8], longest: Duration) -> Option<String> {
    let read = || {
        let begun = Instant::now();
        let panic = catch_unwind(AssertUnwindSafe(|| (target.read)(bytes))).err();
        (panic.map(|panic| words(&*panic)), begun.elapsed())
    };
    match read() {
        (Some(words), _) => Some(words),
        (None, took) if took > longest && read().1 > longest => Some(format!("it took {took:?}")),
        (None, _) => None,
    }
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
