//! The targets under libFuzzer, which learns which bytes reach new code. `FUZZ_TARGET` names one:
//! `FUZZ_TARGET=unwrap cargo +nightly fuzz run --fuzz-dir crates/fuzz/libfuzzer reader FOLDER_OF_SEEDS`.
#![no_main]

use std::sync::LazyLock;

use fuzz::{TARGETS, Target};
use libfuzzer_sys::fuzz_target;

static TARGET: LazyLock<Target> = LazyLock::new(|| {
    let name = std::env::var("FUZZ_TARGET").unwrap_or_default();
    let target = TARGETS.iter().find(|target| target.name == name);
    *target.unwrap_or_else(|| panic!("FUZZ_TARGET names no target"))
});

fuzz_target!(|bytes: &[u8]| (TARGET.read)(bytes));
