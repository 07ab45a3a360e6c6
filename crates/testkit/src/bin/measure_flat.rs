//! Measures whether the door stays as fast when very much is there already.
//!
//! `cargo xtask bench flat` builds and runs it. It prints a table and writes `target/bench/flat.json` and `flat.md`.
#![expect(clippy::print_stdout, reason = "a program for people at a terminal")]

use std::path::Path;
use std::time::Duration;

use anyhow::Result;
use clap::Parser;
use testkit::measure::{self, Full, Plan};

#[derive(Parser)]
struct Arguments {
    /// How many contacts there are, with an address each.
    #[arg(long, default_value_t = 10_000_000)]
    addresses: u64,
    /// How many e-mails.
    #[arg(long, default_value_t = 5_000_000)]
    emails: u64,
    /// How long a run takes.
    #[arg(long, default_value_t = 20)]
    seconds: u64,
    /// How often each house runs.
    #[arg(long, default_value_t = 3)]
    runs: usize,
    /// Keeps the full house: in files, in target/bench.
    #[arg(long)]
    keep: bool,
    /// Measures the house that was kept, of the same numbers, once more; it stays.
    #[arg(long)]
    again: bool,
}

fn main() -> Result<()> {
    let Arguments { addresses, emails, seconds, runs, keep, again } = Arguments::parse();
    let full = Full { addresses, emails, is_kept: keep || again, is_there: again };
    let plan = Plan { runs, duration: Duration::from_secs(seconds), ..Plan::default() };
    measure::flat(Path::new("target/bench"), (full, &plan), &|line| println!("{line}"))?;
    println!("\nwritten to target/bench/flat.json and flat.md");
    Ok(())
}
