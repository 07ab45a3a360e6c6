//! How fast mail is found: a house with very many e-mails, searched and read over HTTP.
//!
//! What passes through: a number of e-mails becomes a house in `target/bench/search-<number>` (`fill`), kept for
//! the next time where its rows are in files; then every kind of question is asked over one connection, and a [`Row`] for each comes out.
//!
//! *Invariant:* what is measured is the shipped program, page for page, as a browser gets it.

mod fill;
mod questions;

use std::path::Path;
use std::time::Instant;

use anyhow::Result;
use serde::Serialize;

use crate::browser::Browser;
use crate::{Program, database};
pub(crate) use fill::fill;
use questions::Kind;
use store::Database;

/// One line of the table: how long a kind of page took.
#[derive(Debug, Clone, Serialize)]
pub struct Row {
    /// What was asked.
    pub what: String,
    /// How often.
    pub times: usize,
    /// Half of the answers were there after so many milliseconds.
    pub p50_ms: f64,
    /// 99 of 100 were.
    pub p99_ms: f64,
    /// The slowest.
    pub max_ms: f64,
    /// Rows on the pages, on average.
    pub rows: f64,
}

/// The organization that is filled.
pub(crate) const ORGANIZATION: &str = "search";
/// Who looks.
const ADDRESS: &str = "reader@search.test";
/// With which password.
const PASSWORD: &str = "correct horse battery";

/// Fills a house with so many e-mails, unless it is there, and measures. `say` gets the lines of the table.
///
/// # Errors
/// When the program does not start, or a page is not what was asked for.
pub fn search(folder: &Path, emails: u64, say: impl Fn(&str)) -> Result<Vec<Row>> {
    let is_at_server = database::of(folder) != Database::Sqlite;
    let folder = folder.join(format!("search-{emails}{}", if is_at_server { "-server" } else { "" }));
    let is_filled = folder.join("filled");
    // The server of a measurement goes with it.
    if is_at_server || !is_filled.exists() {
        let began = Instant::now();
        fill(&folder, emails, &say)?;
        say(&format!("filled in {:.0} s", began.elapsed().as_secs_f64()));
        std::fs::write(&is_filled, "")?;
    }
    let program = Program::start(&folder)?;
    let began = Instant::now();
    let indexed = program.index(ORGANIZATION)?;
    let seconds = began.elapsed().as_secs_f64();
    say(&format!("{} e-mails in the index; the last of them took {seconds:.0} s", indexed.indexed));
    let mut browser = Browser::sign_in(program.web()?, (ADDRESS, PASSWORD))?;
    say("   p50 ms   p99 ms   max ms   rows  what");
    let (mut rows, mut searches) = (Vec::new(), Taken::default());
    let mut enter = |row: Row| {
        let Row { what, p50_ms, p99_ms, max_ms, rows: found, .. } = &row;
        say(&format!("{p50_ms:9.1}{p99_ms:9.1}{max_ms:9.1}{found:7.1}  {what}"));
        rows.push(row);
    };
    for kind in questions::kinds(&folder, emails)? {
        let taken = measure(&mut browser, &kind)?;
        if kind.what.starts_with("search:") {
            searches.milliseconds.extend(&taken.milliseconds);
            searches.lines += taken.lines;
        }
        enter(taken.row(&kind.what));
    }
    enter(searches.row("all searches together"));
    program.kill()?;
    Ok(rows)
}

/// How long each page of a kind took, and how many lines were on all of them.
#[derive(Default)]
struct Taken {
    milliseconds: Vec<f64>,
    lines: usize,
}

impl Taken {
    fn row(mut self, what: &str) -> Row {
        let took = &mut self.milliseconds;
        took.sort_by(f64::total_cmp);
        let at = |hundredth: usize| {
            took.get((took.len() * hundredth).div_ceil(100).saturating_sub(1)).copied().unwrap_or_default()
        };
        #[expect(clippy::cast_precision_loss, reason = "some thousand lines")]
        let rows = self.lines as f64 / took.len().max(1) as f64;
        let (p50_ms, p99_ms, max_ms) = (at(50), at(99), at(100));
        Row { what: what.to_owned(), times: took.len(), p50_ms, p99_ms, max_ms, rows }
    }
}

/// Asks for every path once, and once before it counts.
fn measure(browser: &mut Browser, kind: &Kind) -> Result<Taken> {
    let mut taken = Taken::default();
    for (number, path) in kind.paths.iter().enumerate() {
        if number == 0 {
            browser.get(path)?;
        }
        let began = Instant::now();
        let page = browser.get(path)?;
        taken.milliseconds.push(began.elapsed().as_secs_f64() * 1_000.0);
        taken.lines += page.matches("class=\"line ").count();
    }
    Ok(taken)
}
