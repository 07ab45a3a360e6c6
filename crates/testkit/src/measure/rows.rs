//! What keeping the rows costs by itself: the house, then its rows written bare by units of the same engine, and by plain
//! statements into PostgreSQL.
//!
//! What passes through: a house under load leaves its mails behind; bare loops write their rows once more, into fresh
//! databases on the same disk.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use anyhow::Result;

use super::bare;
use super::book::{Book, Side};
use super::figures::{Run, count};
use super::runs::{Bench, Sender, Template};
use crate::Missing;
use crate::letters::{self, Letters};
use crate::peers::{Postgres, PostgresSettings};

/// Mails whose rows are written: some seconds of work, in memory at once.
const MAILS_MAX: usize = 20_000;
/// Mails to a transaction of PostgreSQL: each by itself, or as many as a busy house has waiting.
const TOGETHER: [usize; 3] = [1, 8, 64];

pub(super) fn measure(bench: &Bench<'_>) -> Result<()> {
    let (template, made) = Template::make(bench.scratch.join("template"), &letters::world()?, None)?;
    let recipients = letters::recipients(&made)?;
    let cases = bench.plan.cases_or(&[(4096, 50)]);
    let turn = |(size_bytes, connections): (usize, usize)| -> Result<Vec<Run>> {
        let letters = Arc::new(Letters::new(size_bytes, recipients.clone()));
        let duration = bench.plan.duration;
        let what = format!("the house, rows {}", crate::database::place());
        let sender = Sender { what, size_bytes, connections, duration, letters, from: 0 };
        let visit = template.start(bench.scratch, &[])?;
        let mut runs = visit.load(|door| Ok(vec![sender.send(door)?.0]))?;
        visit.end(|data| {
            runs.extend(bare_runs(bench, data, (size_bytes, connections))?);
            Ok(())
        })?;
        Ok(runs)
    };
    let turn = &turn;
    let mut sides: Vec<Side<'_>> = Vec::new();
    for case in cases {
        sides.push(Box::new(move || turn(case)));
    }
    let mut book = Book::new(bench.files, bench.say);
    book.by_turns(bench.plan.runs, &mut sides)?;
    book.show();
    Ok(())
}

/// The rows of this data folder, written once more; as many units wait, or connections write, as clients sent.
fn bare_runs(bench: &Bench<'_>, data: &Path, (size_bytes, connections): (usize, usize)) -> Result<Vec<Run>> {
    let mails = bare::Mails::read(data, MAILS_MAX)?;
    let accepted = mails.count();
    let run = |what: String, seconds: f64| Run {
        what,
        size_bytes,
        connections,
        accepted,
        seconds,
        ..Run::default()
    };
    let folder = bench.scratch.join("bare");
    let rate = bare::rate(data, &folder, (MAILS_MAX, connections))?;
    fs::remove_dir_all(&folder)?;
    let mut runs = vec![run(format!("bare by units, {}", crate::database::place()), count(accepted) / rate)];
    let folder = Some(bench.scratch.to_owned());
    let postgres = match Postgres::start(PostgresSettings { folder, ..PostgresSettings::default() }) {
        Err(error) if error.is::<Missing>() => {
            (bench.say)(&error.to_string());
            return Ok(runs);
        }
        started => started?,
    };
    for together in TOGETHER {
        let seconds = mails.write_to_postgres(&postgres.url(), (connections, together))?;
        runs.push(run(format!("bare, PostgreSQL, {together} to a commit"), seconds));
    }
    Ok(runs)
}
