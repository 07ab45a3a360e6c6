//! The house itself: how fast it opens its doors, how small it is at rest, and how soon a mail stands on the
//! timeline of its customer.
//!
//! What passes through: starts; then mails one by one, each looked for on the page of its writer from its 250 on,
//! in a quiet house and in one under load.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, bail, ensure};
use model::Id;
use serde::Serialize;
use store::Store;

use super::process::Usage;
use super::runs::{Bench, Sender, Template, Visit};
use crate::browser::Browser;
use crate::client::{Client, Protocol};
use crate::letters::{self, DOMAIN, Letters, ORGANIZATION, WRITERS};
use crate::{Program, wait};

/// How often the house is started, for each run of the plan.
const STARTS: usize = 4;
/// Mails that are looked for in a quiet house, for each run of the plan.
const MAILS: usize = 40;
/// How long a house has nothing to do until it counts as being at rest; no longer than a run.
const REST: Duration = Duration::from_secs(10);
/// With which password the reader of the pages signs in.
const PASSWORD: &str = "correct horse battery";
/// The load: connections, and writers. Those behind them write only what is looked for, so that it stands on the
/// first page of their timeline.
const LOAD: (usize, u64) = (10, WRITERS / 2);
/// Letters that are looked for have numbers of their own.
const FIRST: u64 = 1 << 40;

/// A line of the table.
#[derive(Debug, Clone, Serialize)]
struct Row {
    what: String,
    times: usize,
    p50: f64,
    p99: f64,
    max: f64,
}

pub(super) fn measure(bench: &Bench<'_>) -> Result<()> {
    let mut table = Table { bench, rows: Vec::new() };
    table.first_starts()?;
    let folder = bench.scratch.join("template");
    let (template, made) = Template::make(folder, &letters::world()?, Some(PASSWORD))?;
    let recipients = letters::recipients(&made)?;
    let pages = pages(&template.data())?;
    table.starts(&template)?;
    let visit = template.start(bench.scratch, &[])?;
    let mut reader = Reader::new(&visit, (pages, recipients.clone()))?;
    let quiet = (0..MAILS * bench.plan.runs).map(|_| reader.look_for_one()).collect::<Result<Vec<_>>>()?;
    table.add("from 250 to the timeline, quiet, ms", quiet)?;
    table.under_load(&visit, (&mut reader, recipients))?;
    visit.program.index(ORGANIZATION)?;
    let usage = Usage::of(visit.program.id())?;
    table.add("memory right after the load, index up to date, MiB", vec![usage.rss_mib])?;
    thread::sleep(REST.min(bench.plan.duration));
    let usage = Usage::of(visit.program.id())?;
    table.add("memory after a rest, MiB", vec![usage.rss_mib])?;
    visit.end(|_| Ok(()))
}

struct Table<'b> {
    bench: &'b Bench<'b>,
    rows: Vec<Row>,
}

impl Table<'_> {
    /// Starts of a house that finds nothing: it makes a certificate and its catalogue.
    fn first_starts(&mut self) -> Result<()> {
        let mut took = Vec::new();
        for _ in 0..STARTS * self.bench.plan.runs {
            let folder = self.bench.scratch.join("new");
            let house = Program::start(&folder)?;
            took.push(millis(house.took()));
            house.kill()?;
            fs::remove_dir_all(&folder)?;
        }
        self.add("start of a new house, ms", took)
    }

    /// Starts of one that is there, each after it was killed; and its memory before anybody came.
    fn starts(&mut self, template: &Template) -> Result<()> {
        let (mut took, mut memory) = (Vec::new(), Vec::new());
        for _ in 0..STARTS * self.bench.plan.runs {
            let visit = template.start(self.bench.scratch, &[])?;
            took.push(millis(visit.program.took()));
            wait::until_greeted(visit.program.smtp()?)?;
            memory.push(Usage::of(visit.program.id())?.rss_mib);
            visit.end(|_| Ok(()))?;
        }
        self.add("start with 1,000 contacts, ms", took)?;
        self.add("memory after the start, MiB", memory)
    }

    /// Looks for mails as long as others send theirs.
    fn under_load(&mut self, visit: &Visit, (reader, recipients): (&mut Reader, Vec<String>)) -> Result<()> {
        let ((connections, writers), size_bytes) = (LOAD, 4096);
        let letters = Arc::new(Letters::new(size_bytes, recipients).by_writers(writers));
        let (what, duration) = (format!("{connections} connections"), self.bench.plan.duration);
        let sender = Sender { what, size_bytes, connections, duration, letters, from: 0 };
        let door = visit.program.smtp()?;
        let (took, run) = thread::scope(|scope| {
            let load = scope.spawn(|| sender.send(door));
            let mut took = Vec::new();
            while !load.is_finished() {
                took.push(reader.look_for_one()?);
            }
            let (run, _) = load.join().map_err(|_| anyhow!("the load panicked"))??;
            anyhow::Ok((took, run))
        })?;
        self.add("mails a second meanwhile", vec![run.rate()])?;
        self.add(&format!("from 250 to the timeline, {connections} connections sending, ms"), took)
    }

    fn add(&mut self, what: &str, mut figures: Vec<f64>) -> Result<()> {
        ensure!(!figures.is_empty(), "{what}: nothing was measured");
        figures.sort_by(f64::total_cmp);
        let at = |hundredth: usize| {
            figures
                .get((figures.len() * hundredth).div_ceil(100).saturating_sub(1))
                .copied()
                .unwrap_or_default()
        };
        let (p50, p99, max) = (at(50), at(99), at(100));
        (self.bench.say)(&format!("{p50:9.1} {p99:9.1} {max:9.1}  {what} ({} times)", figures.len()));
        self.rows.push(Row { what: what.to_owned(), times: figures.len(), p50, p99, max });
        let json = serde_json::to_string_pretty(&self.rows)?;
        fs::write(self.bench.files.with_extension("json"), json)?;
        let mut table = String::from("| what | times | p50 | p99 | most |\n|---|---|---|---|---|\n");
        for Row { what, times, p50, p99, max } in &self.rows {
            table.push_str(&format!("| {what} | {times} | {p50:.1} | {p99:.1} | {max:.1} |\n"));
        }
        fs::write(self.bench.files.with_extension("md"), table)?;
        Ok(())
    }
}

/// Somebody who sends a mail and reloads the page of its writer until it is there.
struct Reader {
    browser: Browser,
    client: Client,
    letters: Letters,
    /// The paths of the pages, by the address of the writer.
    pages: BTreeMap<String, String>,
    next: u64,
}

impl Reader {
    fn new(visit: &Visit, (pages, recipients): (BTreeMap<String, String>, Vec<String>)) -> Result<Self> {
        let address = letters::reader(0, DOMAIN);
        Ok(Reader {
            browser: Browser::sign_in(visit.program.web()?, (&address, PASSWORD))?,
            client: Client::connect(visit.program.smtp()?, Protocol::Smtp)?,
            letters: Letters::new(4096, recipients),
            pages,
            next: FIRST,
        })
    }

    /// Milliseconds from the 250 to the end of the page that shows the mail.
    fn look_for_one(&mut self) -> Result<f64> {
        let (number, letter, page) = loop {
            let number = self.next;
            self.next += 1;
            let letter = self.letters.letter(number);
            if let (Some(page), false) = (self.pages.get(&letter.envelope.mail_from), number % 3 == 2) {
                break (number, letter, page.clone());
            }
        };
        let codes = self.client.send(&letter.envelope, &letter.raw)?.codes();
        let began = Instant::now();
        ensure!(codes == [250], "a mail was answered {codes:?}");
        let subject = format!("Offer {number} for the");
        while !self.browser.get(&page)?.contains(&subject) {
            if began.elapsed() > wait::PATIENCE {
                bail!("a mail is not on the timeline");
            }
        }
        Ok(millis(began.elapsed()))
    }
}

/// The pages of contacts that the load does not write as.
fn pages(data: &Path) -> Result<BTreeMap<String, String>> {
    let store = Store::open(crate::database::store(data))?;
    let organization = store.organization_by_name(ORGANIZATION)?;
    let page = |number: u64| -> Result<(String, String)> {
        let address = letters::writer(number);
        let found = organization.read(|read| read.records_by_address(&address))?;
        let id: Id = found.first().context("a contact is not there")?.id;
        Ok((address, format!("/contacts/{id}")))
    };
    let pages = (LOAD.1..WRITERS).step_by(2).map(page).collect();
    drop(organization);
    store.close();
    pages
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1_000.0
}
