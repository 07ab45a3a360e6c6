//! Measures the door and the house: mail kept in a second, waiting, processor, memory; beside other servers, or
//! beside the house itself with something else about it.
//!
//! `cargo xtask bench` builds and runs it. Figures stand in `target/bench`.
#![expect(clippy::print_stdout, reason = "a program for people at a terminal")]

use std::path::Path;
use std::time::Duration;

use anyhow::Result;
use clap::{Args, Parser, Subcommand};
use testkit::measure::{self, HookKind, Mode, Plan, Sending, Watched};

#[derive(Parser)]
struct Arguments {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    /// The door: the table beside other servers, or one of the other questions.
    Intake(Intake),
    /// The house: its start, its memory at rest, how soon a mail is on a timeline. Each run is four starts and forty
    /// mails; the load takes its seconds once.
    House(Often),
    /// The Router, at a Dovecot of its own: a large mailbox emptied, many quiet ones, and how soon a mail is on a timeline.
    Mailboxes(Mailboxes),
    /// The outbox: mail that waits goes to an smtp-sink; beside smtp-source, and a Postfix that lets its queue go.
    Send(Send),
}

#[derive(Args)]
struct Send {
    /// How often each of them runs.
    #[arg(long, default_value_t = 5)]
    runs: usize,
    /// Mails that wait.
    #[arg(long, default_value_t = 20_000)]
    mails: usize,
    /// Bytes of a mail and connections of the others, as in 4096x10, instead of all cases.
    #[arg(long = "case", value_parser = case)]
    cases: Vec<(usize, usize)>,
    /// The house signs what it sends (DKIM, RSA of 2048 bits); the others do not.
    #[arg(long)]
    signed: bool,
    /// The house asks a hook about each mail first, which lets it go: a program of some lines (sh), or a service on this machine.
    #[arg(long, value_enum)]
    hook: Option<HookKind>,
    /// Without the others.
    #[arg(long)]
    alone: bool,
}

#[derive(Args)]
struct Mailboxes {
    #[command(flatten)]
    often: Often,
    /// Messages in the large mailbox; 0 leaves it out.
    #[arg(long, default_value_t = 100_000)]
    messages: usize,
    /// Mailboxes in which nothing happens; 0 leaves them out.
    #[arg(long, default_value_t = 1_000)]
    idle: usize,
    /// Mails that are looked for on a page; 0 leaves them out.
    #[arg(long, default_value_t = 1_000)]
    mails: usize,
}

#[derive(Args)]
struct Often {
    /// One short run each.
    #[arg(long)]
    quick: bool,
    /// How often each server runs [default: 5].
    #[arg(long)]
    runs: Option<usize>,
    /// How long a run takes [default: 60].
    #[arg(long)]
    seconds: Option<u64>,
}

#[derive(Args)]
struct Intake {
    #[command(flatten)]
    often: Often,
    /// Bytes and connections, as in 4096x100, instead of all cases; not for --burst and --beside.
    #[arg(long = "case", value_parser = case, conflicts_with_all = ["burst", "beside"])]
    cases: Vec<(usize, usize)>,
    /// Without the other servers.
    #[arg(long)]
    alone: bool,
    /// How long each of the other servers runs beside each run.
    #[arg(long, value_name = "SECONDS", default_value_t = 10)]
    peer_seconds: u64,
    #[command(flatten)]
    question: Question,
}

/// What is asked instead of the table.
#[derive(Args)]
#[group(multiple = false)]
struct Question {
    /// So many organizations in one house, beside one.
    #[arg(long, value_name = "NUMBER", num_args = 0..=1, default_missing_value = "100")]
    organizations: Option<usize>,
    /// So many connections opened at the same moment, each for one mail of 4 KB.
    #[arg(long, value_name = "CONNECTIONS", num_args = 0..=1, default_missing_value = "200")]
    burst: Option<usize>,
    /// 4 KB by ten connections, while one or two send mails of this size.
    #[arg(long, value_name = "SIZE", value_parser = size, num_args = 0..=1, default_missing_value = "50MiB")]
    beside: Option<usize>,
    /// So many contacts, imported first, beside a thousand and none.
    #[arg(long, value_name = "NUMBER", num_args = 0..=1, default_missing_value = "1000000")]
    contacts: Option<u64>,
    /// A text index that stands still, beside one that follows the mail.
    #[arg(long)]
    no_index: bool,
    /// A house that looks at who wrote each mail (DKIM, DMARC), beside one that does not.
    #[arg(long)]
    verified: bool,
    /// The rows of the mails alone, written bare into SQLite and into PostgreSQL, beside the house.
    #[arg(long)]
    rows: bool,
}

impl Often {
    fn plan(&self) -> Plan {
        let table = Plan::default();
        let (runs, seconds) = if self.quick { (1, 2) } else { (table.runs, table.duration.as_secs()) };
        let duration = Duration::from_secs(self.seconds.unwrap_or(seconds));
        Plan { runs: self.runs.unwrap_or(runs), duration, ..table }
    }
}

impl Intake {
    fn plan(&self) -> Plan {
        let peers = (!self.alone).then(|| Duration::from_secs(self.peer_seconds));
        Plan { cases: self.cases.clone(), peers, ..self.often.plan() }
    }
}

impl Question {
    fn mode(&self) -> Mode {
        let organizations = self.organizations.map(Mode::Organizations);
        let burst = self.burst.map(Mode::Burst);
        let beside = self.beside.map(Mode::Beside);
        let contacts = self.contacts.map(Mode::Contacts);
        let index = self.no_index.then_some(Mode::NoIndex);
        let verified = self.verified.then_some(Mode::Verified);
        let rows = self.rows.then_some(Mode::Rows);
        organizations.or(burst).or(beside).or(contacts).or(index).or(verified).or(rows).unwrap_or(Mode::Table)
    }
}

fn case(text: &str) -> Result<(usize, usize), String> {
    let parts = text
        .split_once('x')
        .and_then(|(size, connections)| Some((size.parse().ok()?, connections.parse().ok()?)));
    parts.ok_or_else(|| format!("{text} is not like 4096x100"))
}

/// Bytes, or units of 1,024 and 1,048,576 of them.
fn size(text: &str) -> Result<usize, String> {
    let units = [("MiB", 1 << 20), ("KiB", 1 << 10), ("", 1)];
    let number = units.into_iter().find_map(|(unit, bytes)| Some((text.strip_suffix(unit)?, bytes)));
    let bytes = number.and_then(|(number, bytes)| number.trim().parse::<usize>().ok()?.checked_mul(bytes));
    bytes.ok_or_else(|| format!("{text} is not like 50MiB"))
}

fn main() -> Result<()> {
    let folder = Path::new("target/bench");
    let say = |line: &str| println!("{line}");
    let name = match Arguments::parse().what {
        What::Intake(intake) => {
            let mode = intake.question.mode();
            measure::intake(folder, (mode, &intake.plan()), &say)?;
            mode.name()
        }
        What::House(often) => {
            measure::house(folder, &often.plan(), &say)?;
            "house"
        }
        What::Mailboxes(Mailboxes { often, messages, idle, mails }) => {
            let watched = Watched { messages, idle, mails };
            measure::mailboxes(folder, (watched, &often.plan()), &say)?;
            "mailboxes"
        }
        What::Send(Send { runs, mails, cases, signed, hook, alone }) => {
            let table = Plan::default();
            let plan = Plan { cases, runs, peers: table.peers.filter(|_| !alone), ..table };
            measure::send(folder, (Sending { mails, signed, hook }, &plan), &say)?;
            "send"
        }
    };
    println!("\nwritten to target/bench/{name}.json and {name}.md");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(words: &str, mode: Mode) -> Plan {
        let words = ["measure", "intake"].into_iter().chain(words.split_whitespace());
        let What::Intake(intake) = Arguments::parse_from(words).what else {
            panic!("the door was asked for")
        };
        assert_eq!(intake.question.mode(), mode);
        intake.plan()
    }

    #[test]
    fn every_question_is_understood() {
        let plan = check("", Mode::Table);
        assert_eq!((plan.runs, plan.duration.as_secs(), plan.cases.len()), (5, 60, 0));
        assert_eq!(plan.peers, Some(Duration::from_secs(10)));
        let plan = check("--quick --alone --case 4096x100 --case 61440x10", Mode::Table);
        assert_eq!((plan.runs, plan.duration.as_secs(), plan.peers), (1, 2, None));
        assert_eq!(plan.cases, [(4096, 100), (61_440, 10)]);
        assert_eq!(check("--organizations --runs 3", Mode::Organizations(100)).runs, 3);
        check("--organizations 7", Mode::Organizations(7));
        check("--burst", Mode::Burst(200));
        check("--burst 5 --seconds 1", Mode::Burst(5));
        check("--beside", Mode::Beside(50 << 20));
        check("--beside 300KiB", Mode::Beside(300 << 10));
        check("--contacts", Mode::Contacts(1_000_000));
        check("--contacts 5000 --case 4096x10", Mode::Contacts(5_000));
        check("--no-index", Mode::NoIndex);
        check("--verified --seconds 5", Mode::Verified);
        check("--rows --case 4096x50", Mode::Rows);
    }

    #[test]
    fn two_questions_at_once_and_nonsense_are_none() {
        let wrong =
            ["--burst 1 --no-index", "--beside 5MB", "--case 4096", "--burst 5 --case 4096x10", "--runs x"];
        for words in wrong {
            let words = ["measure", "intake"].into_iter().chain(words.split_whitespace());
            assert!(Arguments::try_parse_from(words).is_err());
        }
    }
}
