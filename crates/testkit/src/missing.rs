//! What a test needs and the machine does not have: the test is skipped, and says so.

use std::fs::OpenOptions;
use std::io::Write;
use std::path::Path;

/// Something that is not installed.
#[derive(Debug, Clone, thiserror::Error)]
#[error("skipped: {what} is not installed")]
pub struct Missing {
    what: String,
}

impl Missing {
    /// Says that this is missing.
    pub fn new(what: impl Into<String>) -> Self {
        Missing { what: what.into() }
    }

    /// Whether a program of a package is there.
    ///
    /// # Errors
    /// [`Missing`], where it is not.
    pub fn unless(program: &str, package: &str) -> Result<(), Missing> {
        if Path::new(program).exists() { Ok(()) } else { Err(Missing::new(package)) }
    }
}

/// Runs a test where what it needs is there; else says that it was skipped, on standard error and in the file
/// that `POSTROOM_SKIPPED` names (`./test` shows it at its end).
///
/// # Panics
/// When the test fails.
pub fn or_skip(test: impl FnOnce() -> anyhow::Result<()>) {
    let Err(error) = test() else { return };
    match error.downcast_ref::<Missing>() {
        Some(missing) => report(missing),
        None => panic!("{error:?}"),
    }
}

/// Says that a story is not told, and why: not for want of a package, but of what it is about.
pub fn skip(what: &str) {
    report(&format!("skipped: {what}"));
}

fn report(missing: &dyn std::fmt::Display) {
    eprintln!("{missing}");
    let Some(path) = std::env::var_os("POSTROOM_SKIPPED") else { return };
    let file = OpenOptions::new().create(true).append(true).open(path);
    // The line is for people; a test does not fail for want of it.
    let _ = file.and_then(|mut file| writeln!(file, "{missing}"));
}
