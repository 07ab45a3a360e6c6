//! Measures the door beside other servers, in one run: mail kept in a second, waiting, processor, memory.
//!
//! `cargo xtask bench intake` builds and runs it. It prints a table and writes `target/bench/intake.json`.
#![expect(clippy::print_stdout, reason = "a program for people at a terminal")]

use std::path::Path;
use std::time::Duration;

use anyhow::Result;
use clap::{Args, Parser, Subcommand};
use testkit::measure::{self, Plan};

#[derive(Parser)]
struct Arguments {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    /// The door.
    Intake(Intake),
}

#[derive(Args)]
struct Intake {
    /// One short run each.
    #[arg(long)]
    quick: bool,
    /// How often each server runs.
    #[arg(long)]
    runs: Option<usize>,
    /// How long a run takes.
    #[arg(long)]
    seconds: Option<u64>,
    /// Bytes and connections, as in 4096x100, instead of all cases of the table.
    #[arg(long = "case", value_parser = case)]
    cases: Vec<(usize, usize)>,
    /// Without the other servers.
    #[arg(long)]
    alone: bool,
}

impl Intake {
    fn plan(self) -> Plan {
        let table = Plan::default();
        let (runs, seconds) = if self.quick { (1, 2) } else { (table.runs, table.duration.as_secs()) };
        Plan {
            cases: if self.cases.is_empty() { table.cases } else { self.cases },
            runs: self.runs.unwrap_or(runs),
            duration: Duration::from_secs(self.seconds.unwrap_or(seconds)),
            beside_peers: !self.alone,
        }
    }
}

fn case(text: &str) -> Result<(usize, usize), String> {
    let parts = text
        .split_once('x')
        .and_then(|(size, connections)| Some((size.parse().ok()?, connections.parse().ok()?)));
    parts.ok_or_else(|| format!("{text} is not like 4096x100"))
}

fn main() -> Result<()> {
    let What::Intake(intake) = Arguments::parse().what;
    let rows = measure::intake(Path::new("target/bench"), &intake.plan(), |line| println!("{line}"))?;
    std::fs::write("target/bench/intake.json", serde_json::to_string_pretty(&rows)?)?;
    println!("\nwritten to target/bench/intake.json");
    Ok(())
}
