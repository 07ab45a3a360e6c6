//! Work around the code that a script would do badly: tidy, measurements, crash runs, the corpus, fuzzing.
//!
//! What passes through: the tree of files and `cargo metadata` in, complaints out; and runs of the programs
//! that measure and crash the house, which live in `testkit` and `fuzz`.
//!
//! *Invariant:* it depends on no room, so that it builds in a moment and can judge a house that does not.
#![expect(clippy::print_stdout, reason = "a program for people at a terminal")]

mod runs;
mod tidy;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::{Parser, Subcommand};
use runs::Engine;

/// Keeps the house in order, measures it, and pulls its plug.
#[derive(Parser)]
#[command(bin_name = "cargo xtask", disable_help_subcommand = true)]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Checks what the compiler does not: directions, sizes, openings, samples, words.
    Tidy,
    /// Measures, beside other programs in the same run.
    Bench {
        #[command(subcommand)]
        what: Bench,
    },
    /// Kills the house under load, and cuts its power, and looks at what is left.
    Crash {
        /// How often it is killed; with --nodes how many rounds of any trouble.
        #[arg(long, default_value_t = 20)]
        rounds: u32,
        /// So many nodes on one PostgreSQL, instead of one house on files: nodes and server are killed, networks cut.
        #[arg(long)]
        nodes: Option<u32>,
        /// So often is a program killed that empties a mailbox, instead of one with doors.
        #[arg(long, conflicts_with = "nodes")]
        mailboxes: Option<u32>,
        /// So many rounds in which nodes are killed and cut off while they take mail to a relay.
        #[arg(long, conflicts_with_all = ["nodes", "mailboxes"])]
        sending: Option<u32>,
        /// At how many random points the power is cut.
        #[arg(long, default_value_t = 300)]
        seeds: u64,
    },
    /// Sends every mail of POSTROOM_CORPUS through the door and compares what becomes of it with the list.
    Corpus {
        /// Writes the list anew: read what changed before you keep it.
        #[arg(long)]
        update: bool,
    },
    /// Gives readers of mail bytes that nobody would write. Faults stand in target/fuzz/.
    Fuzz {
        /// Which reader (`--help` of the program lists them), how often, from which run on.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
}

#[derive(Subcommand)]
enum Bench {
    /// The door: mail stored in a second, by size and connections, beside other servers; or, by --organizations,
    /// --burst, --beside, --contacts, --no-index and --verified, the house beside itself; by --rows, its rows written bare into SQLite
    /// and PostgreSQL. Writes to target/bench/.
    Intake {
        /// Where rows are; goes before all others.
        #[arg(long, default_value = "sqlite")]
        engine: Engine,
        /// `--quick` ends within a minute: one short run each instead of five of a minute; `--help` tells the rest.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
    /// The house: its start, its memory at rest, how soon a mail is on a timeline. Writes target/bench/house.json.
    House {
        /// Where rows are; goes before all others.
        #[arg(long, default_value = "sqlite")]
        engine: Engine,
        /// `--seconds` for the time under load.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
    /// The Router at a Dovecot of its own: a large mailbox emptied beside a bare loop, what many quiet ones cost, how soon
    /// a mail is on a timeline. Writes target/bench/mailboxes.md.
    Mailboxes {
        /// Where rows are; goes before all others.
        #[arg(long, default_value = "sqlite")]
        engine: Engine,
        /// `--messages` (100000 where not given), `--idle` (1000), `--mails` (1000), `--seconds` that quiet ones are looked at.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
    /// The outbox: mail that waits goes to an smtp-sink, beside smtp-source and a Postfix that lets its queue go. Writes
    /// target/bench/send.md.
    Send {
        /// Where rows are; goes before all others.
        #[arg(long, default_value = "sqlite")]
        engine: Engine,
        /// `--mails` (20000 where not given), `--runs` (5), `--case`, `--signed`, `--hook program|service`, `--alone`.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
    /// The door of a house that is full of contacts and e-mails (rows alone, no bytes), beside that of an empty one. Says
    /// what it takes of the disk before it begins: at full size, tens of gigabytes and some minutes. Writes
    /// target/bench/flat.md.
    Flat {
        /// Where rows are; goes before all others.
        #[arg(long, default_value = "sqlite")]
        engine: Engine,
        /// `--addresses` (10000000 where not given), `--emails` (5000000), `--seconds` of a run (20), `--runs` of each (3), `--keep`, `--again`.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
    /// An organization that moves from a house on this engine to one in files, and back. Writes target/bench/move.json.
    Move {
        /// Where rows are at first.
        #[arg(long, default_value = "postgres")]
        engine: Engine,
        /// How many e-mails.
        #[arg(long, default_value_t = 100_000)]
        emails: u64,
    },
    /// The search and the pages among very many e-mails. Fills a house in target/bench at first, which takes some
    /// minutes and gigabytes, and keeps it, where its rows are in files. Writes target/bench/search.json.
    Search {
        /// Where rows and the index are.
        #[arg(long, default_value = "sqlite")]
        engine: Engine,
        /// How many e-mails.
        #[arg(long, default_value_t = 1_000_000)]
        emails: u64,
    },
}

fn main() -> Result<ExitCode> {
    let arguments = Arguments::parse();
    let root = root()?;
    let is_well = match arguments.task {
        Task::Tidy => tidy::run(&root)?,
        Task::Bench { what: Bench::Intake { engine, arguments } } => {
            runs::bench(&root, ("intake", engine), &arguments)?
        }
        Task::Bench { what: Bench::House { engine, arguments } } => {
            runs::bench(&root, ("house", engine), &arguments)?
        }
        Task::Bench { what: Bench::Mailboxes { engine, arguments } } => {
            runs::bench(&root, ("mailboxes", engine), &arguments)?
        }
        Task::Bench { what: Bench::Send { engine, arguments } } => {
            runs::bench(&root, ("send", engine), &arguments)?
        }
        Task::Bench { what: Bench::Flat { engine, arguments } } => {
            runs::bench_flat(&root, engine, &arguments)?
        }
        Task::Bench { what: Bench::Move { engine, emails } } => runs::bench_move(&root, engine, emails)?,
        Task::Bench { what: Bench::Search { engine, emails } } => runs::bench_search(&root, engine, emails)?,
        Task::Crash { mailboxes: Some(rounds), .. } => runs::crash_mailboxes(&root, rounds)?,
        Task::Crash { sending: Some(rounds), .. } => runs::crash_sending(&root, rounds)?,
        Task::Crash { rounds, nodes: Some(nodes), .. } => runs::crash_nodes(&root, rounds, nodes)?,
        Task::Crash { rounds, seeds, .. } => runs::crash(&root, rounds, seeds)?,
        Task::Corpus { update } => runs::corpus(&root, update)?,
        Task::Fuzz { arguments } => runs::fuzz(&root, &arguments)?,
    };
    Ok(if is_well { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn root() -> Result<PathBuf> {
    // As cargo says now: a target folder that several trees share may hold the program built in another.
    let manifest =
        std::env::var_os("CARGO_MANIFEST_DIR").unwrap_or_else(|| env!("CARGO_MANIFEST_DIR").into());
    let rooms = Path::new(&manifest).parent().and_then(Path::parent);
    rooms.map(Path::to_path_buf).context("xtask does not lie in crates/")
}
