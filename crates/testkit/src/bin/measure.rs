//! Measures the door beside other servers, in one run: mail kept in a second, waiting, processor, memory.
//!
//! `cargo xtask bench intake` builds and runs it. It prints a table and writes `target/bench/intake.json`.
#![expect(clippy::print_stdout, reason = "a program for people at a terminal")]

use std::path::Path;

use anyhow::Result;
use clap::{Parser, Subcommand};
use testkit::measure;

#[derive(Parser)]
struct Arguments {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    /// The door.
    Intake {
        /// One short run each.
        #[arg(long)]
        quick: bool,
    },
}

fn main() -> Result<()> {
    let What::Intake { quick } = Arguments::parse().what;
    let rows = measure::intake(Path::new("target/bench"), quick, |line| println!("{line}"))?;
    std::fs::write("target/bench/intake.json", serde_json::to_string_pretty(&rows)?)?;
    println!("\nwritten to target/bench/intake.json");
    Ok(())
}
