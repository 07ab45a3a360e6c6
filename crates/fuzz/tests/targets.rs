//! A short run of each target over the samples, so that what was found once is not found again.
#![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

use std::path::Path;
use std::time::Duration;

use fuzz::run::{self, Plan};
use fuzz::{TARGETS, seeds};

#[test]
fn nothing_is_found_in_a_short_run() {
    let mail = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../mail");
    for target in TARGETS {
        let seeds = seeds::read(std::slice::from_ref(&mail), target.shape).unwrap();
        // Time is no matter here: a machine may be busy.
        let plan = Plan { seed: 1, from: 0, runs: 2_000, longest: Duration::MAX };
        let found = run::target(*target, &seeds, plan, |_| {});
        let words: Vec<String> =
            found.iter().map(|found| format!("run {}: {}", found.run, found.words)).collect();
        assert!(words.is_empty(), "{}\n{}", target.name, words.join("\n"));
    }
}
