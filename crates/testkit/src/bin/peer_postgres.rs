//! Starts a PostgreSQL server of its own, runs a command whose tests use it, and stops the server.
//!
//! What passes through: `peer_postgres -- cargo nextest run …`. The command finds the URL of a superuser in
//! `POSTROOM_TEST_DATABASE`; its exit code goes out. Where PostgreSQL is not installed, the command is skipped, aloud.
//!
//! Unless it is there to be measured, somebody else is always in the middle of a transaction there: what a test believes
//! to be readable at once, and is not on a server that is shared, fails each time and not once in a hundred.

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::time::Duration;

use anyhow::{Context, Result};
use clap::Parser;
use rustix::process::{Pid, Signal, kill_process};
use testkit::missing;
use testkit::peers::{Postgres, PostgresSettings};
use tokio::signal::unix::{SignalKind, signal};
use tokio_postgres::NoTls;

/// What tests read the URL from.
const VARIABLE: &str = "POSTROOM_TEST_DATABASE";

/// What is measured, is measured on a server set up as docs/operate/scale.md advises: with room for some minutes of log
/// before a checkpoint, whole pages compressed in it, and a quarter of the machine's memory.
fn advised() -> Vec<(&'static str, String)> {
    let quarter = memory_mib().map_or(1024, |mib| (mib / 4).max(128));
    vec![
        ("max_wal_size", "4GB".to_owned()),
        ("wal_compression", "lz4".to_owned()),
        ("shared_buffers", format!("{quarter}MB")),
    ]
}

/// The memory of this machine (proc(5)).
fn memory_mib() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/meminfo").ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    Some(line.split_whitespace().next()?.parse::<u64>().ok()? / 1024)
}

/// Runs a command beside a PostgreSQL server that is there for it alone.
#[derive(Parser)]
struct Arguments {
    /// How many connections the server takes; tests run side by side.
    #[arg(long, default_value_t = 500)]
    connections: u16,
    /// Commits reach the disk. Without it the server is faster, and nobody may cut its power.
    #[arg(long)]
    synced: bool,
    /// For how many milliseconds somebody else's transaction is open. With 2000 each test that believes something to be
    /// readable at once fails.
    #[arg(long, default_value_t = 200)]
    held: u64,
    /// The command and its arguments.
    #[arg(required = true, last = true)]
    command: Vec<String>,
}

fn main() -> Result<ExitCode> {
    let arguments = Arguments::parse();
    let mut code = ExitCode::SUCCESS;
    missing::or_skip(|| {
        code = run(&arguments)?;
        Ok(())
    });
    Ok(code)
}

fn run(arguments: &Arguments) -> Result<ExitCode> {
    let settings = PostgresSettings {
        is_synced: arguments.synced,
        connections_max: arguments.connections,
        more: if arguments.synced { advised() } else { Vec::new() },
        // What is synced is measured, on a disk.
        folder: if arguments.synced { None } else { memory() },
        ..PostgresSettings::default()
    };
    let postgres = Postgres::start(settings)?;
    let (program, rest) = arguments.command.split_first().context("no command")?;
    let mut command = Command::new(program);
    command.args(rest).env(VARIABLE, postgres.url());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let status = runtime.block_on(async {
        if !arguments.synced {
            tokio::spawn(be_in_the_middle(postgres.url(), Duration::from_millis(arguments.held)));
        }
        // Ctrl-C reaches the command as well, being of the same group; the server has to outlive it.
        let mut interrupted = signal(SignalKind::interrupt())?;
        let mut terminated = signal(SignalKind::terminate())?;
        let mut child = command.spawn().with_context(|| program.clone())?;
        let process = Pid::from_child(&child);
        let mut ended = tokio::task::spawn_blocking(move || child.wait());
        loop {
            tokio::select! {
                status = &mut ended => return anyhow::Ok(status??),
                _ = interrupted.recv() => {}
                _ = terminated.recv() => kill_process(process, Signal::TERM)?,
            }
        }
    })?;
    let code = status.code().and_then(|code| u8::try_from(code).ok());
    Ok(code.map_or(ExitCode::FAILURE, ExitCode::from))
}

/// A folder in memory, where there is room for the schemas of all tests: they are a hundred thousand files, and to remove
/// them from a disk takes longer than many a test.
fn memory() -> Option<PathBuf> {
    const ROOM_BYTES: u64 = 4 << 30;
    let folder = Path::new("/dev/shm");
    let there = rustix::fs::statvfs(folder).ok()?;
    (there.f_bavail.saturating_mul(there.f_frsize) >= ROOM_BYTES).then(|| folder.to_owned())
}

/// Holds one transaction after the other open, as another program at the same server would.
async fn be_in_the_middle(url: String, held: Duration) {
    loop {
        tokio::time::sleep(held).await;
        let Ok((client, connection)) = tokio_postgres::connect(&url, NoTls).await else { continue };
        tokio::spawn(connection);
        while client.batch_execute("begin; select pg_current_xact_id()").await.is_ok() {
            tokio::time::sleep(held).await;
            if client.batch_execute("commit").await.is_err() {
                break;
            }
        }
    }
}
