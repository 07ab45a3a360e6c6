//! Very many contacts: how long their import takes, and what they cost the mail.
//!
//! What passes through: a CSV file, by `postroom import contacts` as an administrator would; then three houses by
//! turns: one that knows nobody, one with a thousand contacts and one with all. Half the writers are contacts in the
//! last two.

use std::fs;
use std::io::{BufWriter, Write};
use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};

use super::book::{Book, Side};
use super::figures::Run;
use super::process::Usage;
use super::runs::{Bench, Sender, Template};
use crate::letters::{self, Letters, ORGANIZATION, WRITERS};
use crate::program::{self, Program};

const CASES: [(usize, usize); 1] = [(4096, 100)];
/// How often the import is looked at.
const BETWEEN_LOOKS: Duration = Duration::from_millis(10);

pub(super) fn measure(bench: &Bench<'_>, contacts: u64) -> Result<()> {
    let mut book = Book::new(bench.files, bench.say);
    let nobody = House::make(bench, "nobody", 0)?;
    let few = House::make(bench, "few", WRITERS / 2)?;
    let all = House::make(bench, "all", 0)?;
    import(&mut book, &bench.scratch.join("all"), contacts)?;
    for case in bench.plan.cases_or(&CASES) {
        let said = |contacts: u64| format!("{contacts} contacts");
        let mut sides: [Side<'_>; 3] = [
            Box::new(|| nobody.run(bench, (&said(0), contacts * 2), case)),
            Box::new(|| few.run(bench, (&said(WRITERS / 2), WRITERS), case)),
            Box::new(|| all.run(bench, (&said(contacts), contacts * 2), case)),
        ];
        book.by_turns(bench.plan.runs, &mut sides)?;
    }
    book.show();
    Ok(())
}

struct House {
    template: Template,
    recipients: Vec<String>,
}

impl House {
    fn make(bench: &Bench<'_>, name: &str, contacts: u64) -> Result<Self> {
        let world = letters::world_with(contacts)?;
        let (template, made) = Template::make(bench.scratch.join(name), &world, None)?;
        Ok(House { template, recipients: letters::recipients(&made)? })
    }

    fn run(
        &self,
        bench: &Bench<'_>,
        (what, writers): (&str, u64),
        (size_bytes, connections): (usize, usize),
    ) -> Result<Vec<Run>> {
        let letters = Letters::new(size_bytes, self.recipients.clone()).by_writers(writers);
        let (letters, duration) = (Arc::new(letters), bench.plan.duration);
        let sender = Sender { what: what.to_owned(), size_bytes, connections, duration, letters, from: 0 };
        let visit = self.template.start(bench.scratch, &[])?;
        let runs = visit.load(|door| Ok(vec![sender.send(door)?.0]))?;
        visit.end(|_| Ok(()))?;
        Ok(runs)
    }
}

/// Imports the contacts into the house of this folder, while it serves.
fn import(book: &mut Book<'_>, folder: &Path, contacts: u64) -> Result<()> {
    let file = folder.join("contacts.csv");
    write_file(&file, contacts)?;
    let house = Program::start(folder)?;
    let mut import = program::command(folder)?;
    import.args(["import", "contacts", "--org", ORGANIZATION]).arg(&file).stdout(Stdio::piped());
    let began = Instant::now();
    let mut import = import.spawn()?;
    let mut peak = 0.0_f64;
    while import.try_wait()?.is_none() {
        // Between the two it may have ended; then the look before is the last one.
        peak = Usage::of(import.id()).map_or(peak, |usage| peak.max(usage.peak_mib));
        thread::sleep(BETWEEN_LOOKS);
    }
    let seconds = began.elapsed().as_secs_f64();
    let output = import.wait_with_output()?;
    let said = String::from_utf8_lossy(&output.stdout);
    let is_whole = said.starts_with(&format!("{contacts} added"));
    ensure!(output.status.success() && is_whole, "the import ended with {}: {said}", output.status);
    book.fact("import of the contacts, seconds", seconds)?;
    book.fact("memory of the import at most, MiB", peak)?;
    let usage = Usage::of(house.id())?;
    book.fact("memory of the house meanwhile at most, MiB", usage.peak_mib)?;
    book.fact("processor time of the house, seconds", usage.cpu_ms / 1_000.0)?;
    house.index(ORGANIZATION)?;
    book.fact("until all are in the text index too, seconds", began.elapsed().as_secs_f64())?;
    house.kill()?;
    fs::remove_file(&file)?;
    Ok(())
}

/// Every second of twice as many writers.
fn write_file(path: &Path, contacts: u64) -> Result<()> {
    let mut file = BufWriter::new(fs::File::create(path)?);
    writeln!(file, "fullname,emailaddress1")?;
    for number in (0..contacts).map(|contact| contact * 2) {
        writeln!(file, "Writer {number},{}", letters::writer(number))?;
    }
    Ok(file.flush()?)
}
