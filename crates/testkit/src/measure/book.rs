//! The book of a measurement that compares the house with itself: every run, and the medians of each side.
//!
//! What passes through: runs by turns (A B A B), so that a machine that grows slower is so for all sides. After each
//! one the book is written to disk.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::Result;
use serde::Serialize;

use super::figures::{Run, median};

/// The file of a measurement.
#[derive(Serialize)]
struct Written<'b> {
    /// Figures that are no runs: how long an import took.
    facts: &'b [Fact],
    /// Medians, a line for each side.
    rows: Vec<Row>,
    /// Every run, in the order of the clock.
    runs: &'b [Run],
}

/// A figure with its name.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Fact {
    what: String,
    figure: f64,
}

/// One line of the table: medians of the runs of one side.
#[derive(Debug, Clone, Serialize)]
struct Row {
    what: String,
    size_bytes: usize,
    connections: usize,
    runs: usize,
    rate_per_second: f64,
    p50_ms: f64,
    p99_ms: f64,
    /// `None` where several kinds of mail came at the same time.
    cpu_ms_per_mail: Option<f64>,
    rss_mib: f64,
    peak_mib: f64,
    /// All answers that were not 250, with their codes.
    refused: String,
    /// The rate by that of the first line with this size and number of connections.
    ratio: f64,
}

/// A side: measures once, and tells what it saw. A side may watch several kinds of mail.
pub(super) type Side<'s> = Box<dyn FnMut() -> Result<Vec<Run>> + 's>;

pub(super) struct Book<'b> {
    files: &'b Path,
    say: &'b dyn Fn(&str),
    facts: Vec<Fact>,
    runs: Vec<Run>,
}

impl<'b> Book<'b> {
    pub(super) fn new(files: &'b Path, say: &'b dyn Fn(&str)) -> Self {
        Book { files, say, facts: Vec::new(), runs: Vec::new() }
    }

    /// Notes a figure that is no run.
    pub(super) fn fact(&mut self, what: impl Into<String>, figure: f64) -> Result<()> {
        let what = what.into();
        (self.say)(&format!("{what}: {figure:.1}"));
        self.facts.push(Fact { what, figure });
        self.write()
    }

    /// Measures all sides by turns, so often.
    pub(super) fn by_turns(&mut self, times: usize, sides: &mut [Side<'_>]) -> Result<()> {
        for turn in 1..=times {
            for side in &mut *sides {
                for run in side()? {
                    (self.say)(&format!("{turn}/{times}  {}", line(&run)));
                    self.runs.push(run);
                }
                self.write()?;
            }
        }
        Ok(())
    }

    /// Shows the table.
    pub(super) fn show(&self) {
        (self.say)("");
        self.table().lines().for_each(self.say);
    }

    fn write(&self) -> Result<()> {
        let written = Written { facts: &self.facts, rows: self.rows(), runs: &self.runs };
        fs::write(self.files.with_extension("json"), serde_json::to_string_pretty(&written)?)?;
        fs::write(self.files.with_extension("md"), self.table())?;
        Ok(())
    }

    fn rows(&self) -> Vec<Row> {
        let mut rows: Vec<Row> = Vec::new();
        for run in &self.runs {
            let is_same = |row: &Row| {
                (row.what.as_str(), row.size_bytes, row.connections)
                    == (run.what.as_str(), run.size_bytes, run.connections)
            };
            if !rows.iter().any(is_same) {
                let row = self.row(run);
                let first = rows
                    .iter()
                    .find(|first| (first.size_bytes, first.connections) == (row.size_bytes, row.connections));
                let ratio = first.map_or(1.0, |first| row.rate_per_second / first.rate_per_second);
                rows.push(Row { ratio, ..row });
            }
        }
        rows
    }

    /// The medians of all runs like this one.
    fn row(&self, like: &Run) -> Row {
        let runs: Vec<&Run> = self.runs.iter().filter(|run| is_like(run, like)).collect();
        let middle = |figure: &dyn Fn(&Run) -> f64| median(runs.iter().copied(), figure);
        let mut refused = BTreeMap::<u16, usize>::new();
        for (code, times) in runs.iter().flat_map(|run| &run.refusals) {
            *refused.entry(*code).or_default() += times;
        }
        let refused: Vec<String> = refused.iter().map(|(code, times)| format!("{times} × {code}")).collect();
        Row {
            what: like.what.clone(),
            size_bytes: like.size_bytes,
            connections: like.connections,
            runs: runs.len(),
            rate_per_second: middle(&Run::rate),
            p50_ms: middle(&|run| run.p50_ms),
            p99_ms: middle(&|run| run.p99_ms),
            cpu_ms_per_mail: like
                .cpu_ms_per_mail
                .map(|_| middle(&|run| run.cpu_ms_per_mail.unwrap_or_default())),
            rss_mib: middle(&|run| run.rss_mib.unwrap_or_default()),
            peak_mib: middle(&|run| run.peak_mib.unwrap_or_default()),
            refused: if refused.is_empty() { "none".to_owned() } else { refused.join(", ") },
            ratio: 1.0,
        }
    }

    /// The table as it stands in `docs/measured.md`.
    fn table(&self) -> String {
        let mut text = String::new();
        for Fact { what, figure } in &self.facts {
            text.push_str(&format!("- {what}: {figure:.1}\n"));
        }
        text.push_str(
            "\n| what | mail | connections | runs | mails/s | p50 ms | p99 ms | processor ms a mail | memory MiB, at most \
             | refused | beside the first |\n|---|---|---|---|---|---|---|---|---|---|---|\n",
        );
        for row in self.rows() {
            text.push_str(&format!(
                "| {} | {} | {} | {} | {:.1} | {:.1} | {:.1} | {} | {:.0} | {} | {:.2} × |\n",
                row.what,
                size(row.size_bytes),
                row.connections,
                row.runs,
                row.rate_per_second,
                row.p50_ms,
                row.p99_ms,
                row.cpu_ms_per_mail.map_or("–".to_owned(), |ms| format!("{ms:.2}")),
                row.peak_mib,
                row.refused,
                row.ratio,
            ));
        }
        text
    }
}

/// Whether two runs are of one side.
fn is_like(one: &Run, other: &Run) -> bool {
    one.what == other.what && (one.size_bytes, one.connections) == (other.size_bytes, other.connections)
}

/// Bytes as people say them.
pub(super) fn size(bytes: usize) -> String {
    const MIB: usize = 1 << 20;
    if bytes >= MIB && bytes.is_multiple_of(MIB) {
        format!("{} MiB", bytes / MIB)
    } else {
        format!("{} KB", bytes / 1024)
    }
}

fn line(run: &Run) -> String {
    let refused: usize = run.refusals.values().sum();
    let refused = if refused == 0 { String::new() } else { format!(", {refused} refused") };
    format!(
        "{}, {} × {}: {:.1} mails/s, p99 {:.1} ms, {:.0} MiB at most{refused}",
        run.what,
        run.connections,
        size(run.size_bytes),
        run.rate(),
        run.p99_ms,
        run.peak_mib.unwrap_or_default(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(what: &str, accepted: usize) -> Run {
        Run { what: what.to_owned(), size_bytes: 4096, accepted, seconds: 1.0, ..Run::default() }
    }

    #[test]
    fn each_side_is_one_line_beside_the_first() {
        let folder = tempfile::tempdir().expect("a folder");
        let files = folder.path().join("index");
        let mut book = Book::new(&files, &|_| {});
        let mut counts = [10, 30, 20].into_iter();
        let mut sides: [Side<'_>; 2] = [
            Box::new(|| Ok(vec![run("a", counts.next().unwrap_or_default())])),
            Box::new(|| Ok(vec![Run { refusals: [(421, 2)].into(), ..run("b", 10) }])),
        ];
        book.by_turns(3, &mut sides).expect("it is written");
        let table = fs::read_to_string(files.with_extension("md")).expect("a table");
        assert!(table.contains("| a | 4 KB | 0 | 3 | 20.0 | 0.0 |"), "{table}");
        assert!(table.contains("| 6 × 421 | 0.50 × |"), "{table}");
        let json = fs::read_to_string(files.with_extension("json")).expect("figures");
        assert_eq!(json.matches("\"accepted\"").count(), 6, "every run is kept");
    }
}
