//! `cargo xtask fuzz`: runs targets, tells what was found, and leaves the bytes of it in `target/fuzz/`.
#![expect(clippy::print_stdout, reason = "a program for people at a terminal")]

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use clap::Parser;
use fuzz::run::{self, Plan};
use fuzz::{TARGETS, Target, seeds};

/// Gives readers of mail bytes that nobody would write.
#[derive(Parser)]
struct Arguments {
    /// Which: headers, subject, unwrap, body, bounce, quotes, content, door, or all.
    #[arg(default_value = "all")]
    target: String,
    /// How often each.
    #[arg(long, default_value_t = 100_000)]
    runs: u64,
    /// The number of the first run: with the same seed, run N is always the same.
    #[arg(long, default_value_t = 0)]
    from: u64,
    /// Another seed, other bytes.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// How many milliseconds one run may take.
    #[arg(long, default_value_t = 2_000)]
    longest_ms: u64,
    /// Where mails to begin with lie, beside those of POSTROOM_CORPUS.
    #[arg(long, default_value = "mail")]
    mail: PathBuf,
    /// Reads one file instead, and nothing else.
    #[arg(long)]
    file: Option<PathBuf>,
}

fn main() -> Result<ExitCode> {
    let arguments = Arguments::parse();
    let is_asked = |target: &&Target| arguments.target == "all" || arguments.target == target.name;
    let targets: Vec<Target> = TARGETS.iter().filter(is_asked).copied().collect();
    if targets.is_empty() {
        bail!("there is no target {}", arguments.target);
    }
    if let Some(file) = &arguments.file {
        let bytes = std::fs::read(file)?;
        targets.iter().for_each(|target| (target.read)(&bytes));
        return Ok(ExitCode::SUCCESS);
    }
    // What was found is told below, once.
    std::panic::set_hook(Box::new(|_| {}));
    let mut is_clean = true;
    for target in targets {
        is_clean &= fuzz(target, &arguments)?;
    }
    Ok(if is_clean { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn fuzz(target: Target, arguments: &Arguments) -> Result<bool> {
    let mut folders = vec![arguments.mail.clone()];
    folders.extend(std::env::var_os("POSTROOM_CORPUS").map(PathBuf::from));
    let seeds = seeds::read(&folders, target.shape)?;
    let longest = Duration::from_millis(arguments.longest_ms);
    let plan = Plan { seed: arguments.seed, from: arguments.from, runs: arguments.runs, longest };
    let begun = Instant::now();
    let found = run::target(target, &seeds, plan, |run| println!("{}: {} runs", target.name, run + 1));
    let folder = PathBuf::from("target/fuzz");
    std::fs::create_dir_all(&folder)?;
    for found in &found {
        let file = folder.join(format!("{}-{}-{}", target.name, arguments.seed, found.run));
        std::fs::write(&file, &found.bytes)?;
        println!("{}: run {}: {}\n    {}", target.name, found.run, found.words, file.display());
    }
    let took = begun.elapsed().as_secs_f64();
    println!(
        "{}: {} runs from {} seeds, {} found, {took:.0} s",
        target.name,
        plan.runs,
        seeds.len(),
        found.len()
    );
    Ok(found.is_empty())
}
