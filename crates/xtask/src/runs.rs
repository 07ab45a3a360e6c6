//! Runs of the programs that live in `testkit` and `fuzz`: built here, run here, judged by their exit.
//!
//! *Invariant:* what is measured is `postroom` as it is shipped, built alone: no feature that only tests ask
//! for is compiled into it.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};
use clap::ValueEnum;

/// Where the rows of a measured house are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Engine {
    /// In files.
    Sqlite,
    /// At a PostgreSQL server of the measurement's own, on this machine.
    Postgres,
}

/// Starts a PostgreSQL server beside a program.
const SERVER: &str = "peer_postgres";

/// Builds the program and its measuring, and measures something of it. Says whether it ended well.
pub(crate) fn bench(root: &Path, (what, engine): (&str, Engine), arguments: &[String]) -> Result<bool> {
    let arguments: Vec<&str> = std::iter::once(what).chain(arguments.iter().map(String::as_str)).collect();
    measure(root, ("measure", engine), &arguments)
}

/// The same for the search among very many e-mails.
pub(crate) fn bench_search(root: &Path, engine: Engine, emails: u64) -> Result<bool> {
    measure(root, ("measure_search", engine), &["--emails", &emails.to_string()])
}

/// The same for an organization that moves to a house in files and back.
pub(crate) fn bench_move(root: &Path, engine: Engine, emails: u64) -> Result<bool> {
    measure(root, ("measure_move", engine), &["--emails", &emails.to_string()])
}

/// The same for the door of a full house. What fills it is compiled into no other measurement.
pub(crate) fn bench_flat(root: &Path, engine: Engine, arguments: &[String]) -> Result<bool> {
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let program = "measure_flat";
    Ok(build(root, &["--bin", program, "--bin", SERVER, "--features", "bulk"])?
        && run_measure(root, (program, engine), &arguments)?)
}

fn measure(root: &Path, (program, engine): (&str, Engine), arguments: &[&str]) -> Result<bool> {
    Ok(build(root, &["--bin", program, "--bin", SERVER])? && run_measure(root, (program, engine), arguments)?)
}

/// The program as it is shipped, and then what measures it.
fn build(root: &Path, measuring: &[&str]) -> Result<bool> {
    let postroom = ["build", "--release", "-p", "postroom"];
    let testkit = [&["build", "--release", "-p", "testkit"], measuring].concat();
    Ok(cargo(root, &postroom)? && cargo(root, &testkit)?)
}

fn run_measure(root: &Path, (program, engine): (&str, Engine), arguments: &[&str]) -> Result<bool> {
    let folder = root.join("target/release");
    let mut measure = match engine {
        Engine::Sqlite => Command::new(folder.join(program)),
        Engine::Postgres => {
            let mut server = Command::new(folder.join(SERVER));
            server.args(["--synced", "--"]).arg(folder.join(program));
            server
        }
    };
    measure.args(arguments).current_dir(root);
    measure.env("POSTROOM_PROGRAM", root.join("target/release/postroom"));
    run(measure)
}

/// Kills the house and cuts its power, as often as asked. Says whether nothing was lost or doubled.
pub(crate) fn crash(root: &Path, rounds: u32, seeds: u64) -> Result<bool> {
    crash_stories(
        root,
        "crash::",
        &[("CRASH_ROUNDS", rounds.to_string()), ("CRASH_SEEDS", seeds.to_string())],
    )
}

/// Kills nodes and their server and cuts their networks, as often as asked. Says whether nothing was lost or doubled.
pub(crate) fn crash_nodes(root: &Path, rounds: u32, nodes: u32) -> Result<bool> {
    let numbers = [("CRASH_NODE_ROUNDS", rounds.to_string()), ("CRASH_NODES", nodes.to_string())];
    crash_stories(root, "crash::nodes", &numbers)
}

/// Kills a program that empties a mailbox, as often as asked. Says whether nothing was lost or doubled.
pub(crate) fn crash_mailboxes(root: &Path, rounds: u32) -> Result<bool> {
    let story = "mailboxes::a_program_that_is_killed";
    crash_stories(root, story, &[("CRASH_MAILBOX_ROUNDS", rounds.to_string())])
}

/// Kills nodes that take mail to a relay, as often as asked. Says whether each recipient had his.
pub(crate) fn crash_sending(root: &Path, rounds: u32) -> Result<bool> {
    crash_stories(root, "crash::sending", &[("CRASH_SENDING_ROUNDS", rounds.to_string())])
}

fn crash_stories(root: &Path, stories: &str, numbers: &[(&str, String)]) -> Result<bool> {
    if !cargo(root, &["build", "-p", "postroom"])? {
        return Ok(false);
    }
    let mut tests = Command::new(env!("CARGO"));
    tests.args(["test", "-q", "-p", "testkit", "--test", "it", stories, "--", "--nocapture"]);
    tests.current_dir(root).envs(numbers.iter().map(|(name, value)| (*name, value.as_str())));
    run(tests)
}

/// Sends the corpus through a house, and shows the table. Says whether everything ended as written down.
pub(crate) fn corpus(root: &Path, update: bool) -> Result<bool> {
    let mut test = Command::new(env!("CARGO"));
    test.args(["test", "-q", "-p", "testkit", "--test", "it", "corpus::", "--", "--nocapture"]);
    test.current_dir(root);
    if update {
        test.env("UPDATE_EXPECT", "1");
    }
    run(test)
}

/// Fuzzes, optimized. Says whether nothing was found.
pub(crate) fn fuzz(root: &Path, arguments: &[String]) -> Result<bool> {
    if !cargo(root, &["build", "-q", "--release", "-p", "fuzz"])? {
        return Ok(false);
    }
    let mut fuzz = Command::new(root.join("target/release/fuzz"));
    fuzz.args(arguments).current_dir(root);
    run(fuzz)
}

fn cargo(root: &Path, arguments: &[&str]) -> Result<bool> {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(arguments).current_dir(root);
    run(cargo)
}

fn run(mut command: Command) -> Result<bool> {
    let status = command.status().with_context(|| format!("{command:?} cannot be started"))?;
    Ok(status.success())
}
