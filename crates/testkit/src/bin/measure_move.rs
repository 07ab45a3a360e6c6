//! Measures how long an organization takes to move to another house and back, and that nothing of it is lost.
//!
//! `cargo xtask bench move` builds and runs it. It prints a table and writes `target/bench/move.json`.
#![expect(clippy::print_stdout, reason = "a program for people at a terminal")]

use std::path::Path;

use anyhow::Result;
use clap::Parser;

#[derive(Parser)]
struct Arguments {
    /// How many e-mails there are.
    #[arg(long, default_value_t = 100_000)]
    emails: u64,
}

fn main() -> Result<()> {
    let folder = std::path::absolute(Path::new("target/bench/move"))?;
    let steps =
        testkit::moving::there_and_back(&folder, Arguments::parse().emails, |line| println!("{line}"))?;
    std::fs::write("target/bench/move.json", serde_json::to_string_pretty(&steps)?)?;
    std::fs::remove_dir_all(&folder)?;
    println!("\nthe same at all stations; written to target/bench/move.json");
    Ok(())
}
