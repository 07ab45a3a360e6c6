//! The house itself: how fast it opens its doors, how small it is at rest, and how soon a mail stands on the
//! timeline of its customer.
//!
//! What passes through: starts; then mails one by one, each looked for on the page of its writer from its 250 on,
//! in a quiet house and in one under load.

use std::fs;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use anyhow::{Result, anyhow, ensure};
use serde::Serialize;

use super::process::Usage;
use super::reader::{PASSWORD, Reader, millis, pages};
use super::runs::{Bench, Sender, Template, Visit};
use crate::client::{Client, Protocol};
use crate::letters::{self, Letters, ORGANIZATION, WRITERS};
use crate::{Program, wait};

/// How often the house is started, for each run of the plan.
const STARTS: usize = 4;
/// Mails that are looked for in a quiet house, for each run of the plan.
const MAILS: usize = 40;
/// How long a house has nothing to do until it counts as being at rest; no longer than a run.
const REST: Duration = Duration::from_secs(10);
/// The load: connections, and writers. Those behind them write only what is looked for, so that it stands on the
/// first page of their timeline.
const LOAD: (usize, u64) = (10, WRITERS / 2);

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
    let pages = pages(&template.data(), LOAD.1)?;
    table.starts(&template)?;
    let visit = template.start(bench.scratch, &[])?;
    let client = Client::connect(visit.program.smtp()?, Protocol::Smtp)?;
    let mut reader = Reader::new(&visit, client, (pages, recipients.clone()))?;
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
