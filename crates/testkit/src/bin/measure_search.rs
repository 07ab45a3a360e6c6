//! Measures how fast mail is found among very many e-mails.
//!
//! `cargo xtask bench search` builds and runs it. It prints a table and writes `target/bench/search.json`.
#![expect(clippy::print_stdout, reason = "a program for people at a terminal")]

use std::path::Path;

use anyhow::Result;
use clap::Parser;

#[derive(Parser)]
struct Arguments {
    /// How many e-mails there are.
    #[arg(long, default_value_t = 1_000_000)]
    emails: u64,
}

fn main() -> Result<()> {
    let folder = std::path::absolute(Path::new("target/bench"))?;
    let rows = testkit::search::search(&folder, Arguments::parse().emails, |line| println!("{line}"))?;
    std::fs::write("target/bench/search.json", serde_json::to_string_pretty(&rows)?)?;
    println!("\nwritten to target/bench/search.json");
    Ok(())
}
