//! The demonstration: a world of two companies, a real house, and every sample through its door.
//!
//! What passes through: `mail/` comes in; a table goes out, with what became of each mail beside what was
//! expected, and the sender's own log beside the books of the house.
#![expect(clippy::print_stdout, reason = "a program for people at a terminal")]

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use clap::Parser;
use model::outcome::REASONS;
use postroom::commands::{Reply, Request};
use testkit::House;
use testkit::house::free_ports;
use testkit::samples::{self, Ended, ExpectedCopy, OriginalSeen, Round, Sample, Sender};
use testkit::world::{Made, World};

/// What the schemas of the demonstration are called at a server.
const SCHEMA: &str = "postroom_demo";
/// Good enough for a house that only this machine can reach.
const PASSWORD: &str = "paper and ink";

/// Sends the samples through a real house and shows what becomes of them.
#[derive(Parser)]
struct Arguments {
    /// Ends after the table; the exit code says whether everything went as expected.
    #[arg(long)]
    once: bool,
    /// Where the samples lie.
    #[arg(long, default_value = "mail")]
    mail: PathBuf,
    /// Where the house keeps its data; emptied first.
    #[arg(long, default_value = "demo-data")]
    data: PathBuf,
    /// Keeps rows at this PostgreSQL server instead of in files: postgres://user:password@host:port/database. Its
    /// schemas called postroom_demo… are emptied first.
    #[arg(long, value_name = "URL")]
    database: Option<String>,
}

fn main() -> Result<ExitCode> {
    let arguments = Arguments::parse();
    let samples = samples::read(&arguments.mail)?;
    let world = World::read(&arguments.mail.join("world.toml"))?;
    if arguments.data.exists() {
        std::fs::remove_dir_all(&arguments.data)?;
    }
    let house = start(&arguments.data, arguments.database.as_deref())?;
    let made = world.make(|request| house.command(request), |_| Some(PASSWORD.to_owned()))?;
    let mut round = Round::new(&house, &world, &made, true)?;
    heading();
    let mut log = SenderLog::default();
    for sample in &samples {
        let ended = round.send(sample).with_context(|| sample.name.clone())?;
        show(sample, &ended);
        log.write(&world, &ended);
    }
    let books_agree = close_books(&house, &log)?;
    pages(&house, &made)?;
    if !arguments.once {
        println!("\nThe house stays open until Ctrl-C.");
        house.block_on(tokio::signal::ctrl_c())?;
    }
    let is_well = books_agree && log.surprises == 0;
    Ok(if is_well { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The pages stand at their usual port where that is free.
fn start(data: &Path, database: Option<&str>) -> Result<House> {
    let mut settings = free_ports(data)?;
    if let Some(url) = database {
        SCHEMA.clone_into(&mut settings.database.schema);
        url.clone_into(&mut settings.database.url);
        testkit::database::empty(url, SCHEMA)?;
    }
    let usual = SocketAddr::from(([127, 0, 0, 1], 8080));
    if std::net::TcpListener::bind(usual).is_ok() {
        settings.web.listen = vec![usual];
    }
    House::start_in(data, settings)
}

/// What the sender wrote down: the other half of the books.
#[derive(Default)]
struct SenderLog {
    answers: BTreeMap<u16, usize>,
    by_swaks: usize,
    copies_handed_over: usize,
    surprises: usize,
    outcomes: BTreeMap<String, usize>,
}

impl SenderLog {
    fn write(&mut self, world: &World, ended: &Ended) {
        *self.answers.entry(ended.answer).or_default() += 1;
        self.by_swaks += usize::from(ended.sender == Sender::Swaks);
        self.surprises += usize::from(!ended.differences.is_empty());
        if ended.answer == 250 {
            self.copies_handed_over += world.organizations_of(&ended.envelope.rcpt_to);
        }
        for copy in &ended.copies {
            *self.outcomes.entry(copy.outcome.clone()).or_default() += 1;
        }
    }
}

fn heading() {
    println!(
        "  {:<42} {:<13} {:<13} {:<17} {:<28} because",
        "sample", "outcome", "expected", "reason", "on the timeline of"
    );
}

fn show(sample: &Sample, ended: &Ended) {
    let mark = if ended.differences.is_empty() { "✓" } else { "✗" };
    if ended.copies.is_empty() {
        let (outcome, expected) = (ended.answer.to_string(), &sample.expected.answer);
        let words = "It is refused before the data; the sender keeps it.";
        line(&[mark, &sample.name, &outcome, expected, "", "", words]);
    }
    let expected = sample.expected.copies();
    let mut names = vec![(mark, sample.name.clone())].into_iter();
    for copy in &ended.copies {
        let of_copy = |(organization, _): &&(Option<&str>, ExpectedCopy)| {
            organization.is_none_or(|name| name == copy.organization)
        };
        let expected = expected.iter().find(of_copy).map(|(_, copy)| copy);
        for (place, original) in copy.originals.iter().enumerate() {
            let expected = expected.and_then(|copy| copy.originals.get(place)?.outcome.as_deref());
            let words = REASONS.iter().find(|row| row.1 == original.reason).map_or("", |row| row.3);
            let besides =
                if place == 0 { format!("    at {}", copy.organization) } else { "    and".to_owned() };
            let (mark, name) = names.next().unwrap_or((" ", besides));
            let expected = expected.unwrap_or("nothing");
            let (outcome, reason) = (&original.outcome, &original.reason);
            line(&[mark, &name, outcome, expected, reason, &timelines(original), words]);
        }
    }
    for difference in &ended.differences {
        println!("    ✗ {difference}");
    }
}

/// The records whose timelines it stands on; addresses that a person has to settle behind a question mark.
fn timelines(original: &OriginalSeen) -> String {
    let open = original.ambiguous.iter().map(|address| format!("? {address}"));
    original.on.iter().cloned().chain(open).collect::<Vec<_>>().join(", ")
}

fn line(cells: &[&str; 7]) {
    let [mark, name, outcome, expected, reason, on, words] = cells;
    println!("{mark} {name:<42} {outcome:<13} {expected:<13} {reason:<17} {on:<28} {words}");
}

/// The sender's log beside the books of the house. Says whether they agree.
fn close_books(house: &House, log: &SenderLog) -> Result<bool> {
    let Reply::Verified(books) = house.command(Request::Verify(None))? else {
        bail!("the books were asked for, and something else came back")
    };
    let answers: Vec<String> = log.answers.iter().map(|(code, count)| format!("{count} × {code}")).collect();
    let outcomes: Vec<String> = log.outcomes.iter().map(|(name, count)| format!("{count} {name}")).collect();
    let seen: i64 = books.iter().map(|book| book.seen).sum();
    let handed_over = i64::try_from(log.copies_handed_over)?;
    println!("\nthe sender's log:  {} ({} by swaks)", answers.join(", "), log.by_swaks);
    println!("                   {handed_over} copies handed over, one for each organisation in a mail");
    println!("the house's books: {seen} copies seen = {}", outcomes.join(" + "));
    for book in &books {
        println!("                   {}: {} copies, {} e-mails", book.organization, book.seen, book.emails);
        for fault in &book.faults {
            println!("    ✗ {fault}");
        }
    }
    let ended: usize = log.outcomes.values().sum();
    let agree = seen == handed_over
        && log.copies_handed_over == ended
        && books.iter().all(|book| book.faults.is_empty());
    let verdict = if agree { "✓ they agree" } else { "✗ they do not agree" };
    println!(
        "{verdict}; {}",
        match log.surprises {
            0 => "every mail ended as expected".to_owned(),
            count => format!("{count} mails did not end as expected"),
        }
    );
    Ok(agree)
}

fn pages(house: &House, made: &Made) -> Result<()> {
    println!("\nThe pages: http://{}/", house.web()?);
    for (address, password) in made.passwords() {
        println!("    {address:<22} {password}");
    }
    Ok(())
}
