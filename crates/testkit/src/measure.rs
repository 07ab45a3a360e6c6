//! How fast the door is: the shipped program, Dovecot with synced LMTP and smtp-sink under the same load, by
//! turns in one run.
//!
//! What passes through: cases (size, connections) in, a [`Row`] each out. Only mail that is stored counts, and
//! the number of 250s is compared with the number of e-mails.
//!
//! *Invariant:* folders lie in `target/bench`, on the disk of the project, never in memory.

mod bare;
mod process;

use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use postroom::commands::{Reply, Request};
use serde::Serialize;
use tokio::runtime;

use crate::client::Protocol;
use crate::letters::{self, Letters, ORGANIZATION};
use crate::load::{self, Supply, Target};
use crate::peers::{Dovecot, DovecotSettings, SmtpSink};
use crate::{Missing, Program};
use process::Usage;

/// One line of the table.
#[derive(Debug, Clone, Serialize)]
pub struct Row {
    /// What was measured.
    pub what: String,
    /// The size of a mail in bytes.
    pub size_bytes: usize,
    /// Connections at a time.
    pub connections: usize,
    /// Mails kept in a second: the median of the runs.
    pub rate_per_second: f64,
    /// 99 of 100 mails waited at most so long for their 250, in milliseconds: the median of the runs.
    pub p99_ms: f64,
    /// Processor time of the server for a mail, in milliseconds; `None` for a peer of several processes.
    pub cpu_ms_per_mail: Option<f64>,
    /// Memory of the server at the end, in MiB.
    pub rss_mib: Option<f64>,
    /// The server beside it.
    pub peer: String,
    /// What a bare loop of the same rows did.
    pub bare_rate_per_second: Option<f64>,
    /// What that server did.
    pub peer_rate_per_second: Option<f64>,
    /// The first rate by the second.
    pub ratio: Option<f64>,
}

/// 4 KB with 1, 10, 50 and 100 connections, 60 KB with 10 (the table in `docs/measured.md`).
const CASES: [(usize, usize); 5] = [(4096, 1), (4096, 10), (4096, 50), (4096, 100), (61_440, 10)];

/// What is measured, how often and how long.
#[derive(Debug, Clone)]
pub struct Plan {
    /// Sizes in bytes with numbers of connections.
    pub cases: Vec<(usize, usize)>,
    /// Runs of each server.
    pub runs: usize,
    /// How long a run takes.
    pub duration: Duration,
    /// Whether the other servers run too.
    pub beside_peers: bool,
}

impl Default for Plan {
    /// The table of `docs/measured.md`: five runs of a minute.
    fn default() -> Self {
        Plan { cases: CASES.to_vec(), runs: 5, duration: Duration::from_secs(60), beside_peers: true }
    }
}

/// Measures all cases. `say` gets the lines of the table as they come.
///
/// # Errors
/// When the program does not start, or an answer and the books differ.
pub fn intake(folder: &Path, plan: &Plan, say: impl Fn(&str)) -> Result<Vec<Row>> {
    let Plan { runs, duration, .. } = *plan;
    if folder.exists() {
        fs::remove_dir_all(folder)?;
    }
    fs::create_dir_all(folder)?;
    let folder = folder.canonicalize()?;
    for missing in SmtpSink::is_installed().err().into_iter().chain(Dovecot::is_installed().err()) {
        say(&missing.to_string());
    }
    say(&format!("{runs} × {} s each; the median stands here", duration.as_secs()));
    say(
        "   size conns    mails/s   p99 ms  cpu ms   MiB |    bare/s  ratio | dovecot/s  ratio | smtp-sink/s  ratio",
    );
    let mut rows = Vec::new();
    for (size, connections) in plan.cases.iter().copied() {
        let case = Case { folder: &folder, size, connections, duration };
        let results = case.by_turns(plan)?;
        say(&results.line(&case));
        rows.extend(results.rows(&case));
    }
    Ok(rows)
}

struct Case<'f> {
    folder: &'f Path,
    size: usize,
    connections: usize,
    duration: Duration,
}

/// The runs of one case, server by server.
#[derive(Default)]
struct Results {
    postroom: Vec<Measured>,
    dovecot: Vec<Measured>,
    smtp_sink: Vec<Measured>,
}

impl Case<'_> {
    /// Runs the servers by turns, so that a machine that grows slower is so for all.
    fn by_turns(&self, plan: &Plan) -> Result<Results> {
        let mut results = Results::default();
        for run in 0..plan.runs {
            results.postroom.push(self.postroom(run)?);
            if !plan.beside_peers {
                continue;
            }
            results.dovecot.extend(unless_missing(self.dovecot())?);
            results.smtp_sink.extend(unless_missing(self.smtp_sink())?);
        }
        Ok(results)
    }

    fn postroom(&self, run: usize) -> Result<Measured> {
        let data = self.folder.join(format!("postroom-{}-{}-{run}", self.size, self.connections));
        let program = Program::start(&data)?;
        let made = letters::world()?.make(|request| program.command(request), |_| None)?;
        let recipients = letters::recipients(&made)?;
        let usage = Usage::of(program.id())?;
        let mut measured = self.load(program.smtp()?, Protocol::Smtp, recipients)?;
        measured.took(usage, Usage::of(program.id())?);
        let stored = emails(&program)?;
        ensure!(
            stored == measured.accepted,
            "{} mails were answered 250, {stored} are stored",
            measured.accepted
        );
        program.kill()?;
        measured.bare_rate = Some(self.bare(&data)?);
        fs::remove_dir_all(&data)?;
        Ok(measured)
    }

    /// The rows of that run, written by a loop that does nothing else; as many wait as connections did.
    fn bare(&self, data: &Path) -> Result<f64> {
        let folder = self.folder.join("bare");
        let rate = bare::rate(&crate::program::data(data), &folder, (BARE_MAILS_MAX, self.connections))?;
        fs::remove_dir_all(&folder)?;
        Ok(rate)
    }

    fn dovecot(&self) -> Result<Measured> {
        let settings =
            DovecotSettings { folder: Some(self.folder), always_syncs: true, ..DovecotSettings::default() };
        let dovecot = Dovecot::start(settings)?;
        self.load(dovecot.lmtp(), Protocol::Lmtp, letters::mailboxes())
    }

    fn smtp_sink(&self) -> Result<Measured> {
        let sink = SmtpSink::start()?;
        self.load(sink.smtp(), Protocol::Smtp, letters::mailboxes())
    }

    /// Puts the load on a server. Every letter has to be answered 250: a measurement of refusals is none.
    fn load(&self, address: SocketAddr, protocol: Protocol, recipients: Vec<String>) -> Result<Measured> {
        let letters = Arc::new(Letters::new(self.size, recipients));
        let target = Target { address, protocol, connections: self.connections };
        // One thread is enough for it, and leaves the rest of the machine to the server.
        let client = runtime::Builder::new_current_thread().enable_all().build()?;
        let began = Instant::now();
        let log = client.block_on(load::send(target, letters, Supply::for_duration(0, self.duration)))?;
        let seconds = began.elapsed().as_secs_f64();
        ensure!(log.open.is_empty(), "{} letters were not answered 250", log.open.len());
        ensure!(!log.answered.is_empty(), "nothing was answered");
        let (accepted, p99_ms) = (log.answered.len(), log.percentile_ms(99));
        let unknown = Measured { accepted, seconds, p99_ms, ..Measured::default() };
        Ok(unknown)
    }
}

/// Mails whose rows the bare loop writes: some seconds of work, in memory at once.
const BARE_MAILS_MAX: usize = 20_000;

/// What one run showed.
#[derive(Default)]
struct Measured {
    /// Letters that were answered 250.
    accepted: usize,
    /// From the first connection to the last answer.
    seconds: f64,
    p99_ms: f64,
    cpu_ms_per_mail: Option<f64>,
    rss_mib: Option<f64>,
    /// Mails in a second by the bare loop.
    bare_rate: Option<f64>,
}

impl Measured {
    fn rate(&self) -> f64 {
        count(self.accepted) / self.seconds
    }

    /// Notes what the server used between two looks.
    fn took(&mut self, before: Usage, after: Usage) {
        self.cpu_ms_per_mail = Some((after.cpu_ms - before.cpu_ms) / count(self.accepted.max(1)));
        self.rss_mib = Some(after.rss_mib);
    }
}

#[expect(clippy::cast_precision_loss, reason = "a run has some millions of letters at most")]
fn count(letters: usize) -> f64 {
    letters as f64
}

fn unless_missing(measured: Result<Measured>) -> Result<Option<Measured>> {
    match measured {
        Ok(measured) => Ok(Some(measured)),
        Err(error) if error.is::<Missing>() => Ok(None),
        Err(error) => Err(error),
    }
}

/// What the house counts itself, by its books and not by its answers.
fn emails(program: &Program) -> Result<usize> {
    let reply = program.command(Request::Verify(Some(ORGANIZATION.to_owned())))?;
    let Reply::Verified(books) = reply else { bail!("the books were asked for, and something else came") };
    let book = books.first().context("there are no books")?;
    ensure!(book.faults.is_empty(), "the books do not add up: {:?}", book.faults);
    Ok(usize::try_from(book.emails)?)
}

impl Results {
    fn line(&self, case: &Case<'_>) -> String {
        let rate = median(&self.postroom, Measured::rate);
        let beside = |peer: &[Measured]| match peer {
            [] => " missing      –".to_owned(),
            _ => format!("{:9.0} {:6.2}", median(peer, Measured::rate), rate / median(peer, Measured::rate)),
        };
        format!(
            "{:7} {:5} {:10.0} {:8.1} {:7.3} {:5.0} | {} | {} | {}",
            case.size,
            case.connections,
            rate,
            median(&self.postroom, |run| run.p99_ms),
            median(&self.postroom, |run| run.cpu_ms_per_mail.unwrap_or_default()),
            median(&self.postroom, |run| run.rss_mib.unwrap_or_default()),
            self.beside_bare(),
            beside(&self.dovecot),
            beside(&self.smtp_sink),
        )
    }

    fn beside_bare(&self) -> String {
        let bare = median(&self.postroom, |run| run.bare_rate.unwrap_or_default());
        format!("{bare:9.0} {:6.2}", median(&self.postroom, Measured::rate) / bare)
    }

    fn rows(&self, case: &Case<'_>) -> Vec<Row> {
        let rate = median(&self.postroom, Measured::rate);
        let peers = [("dovecot lmtp, mail_fsync=always", &self.dovecot), ("smtp-sink", &self.smtp_sink)];
        let row = |(peer, runs): (&str, &Vec<Measured>)| {
            let peer_rate = (!runs.is_empty()).then(|| median(runs, Measured::rate));
            Row {
                what: "postroom smtp, stored".to_owned(),
                size_bytes: case.size,
                connections: case.connections,
                rate_per_second: rate,
                p99_ms: median(&self.postroom, |run| run.p99_ms),
                cpu_ms_per_mail: Some(median(&self.postroom, |run| run.cpu_ms_per_mail.unwrap_or_default())),
                rss_mib: Some(median(&self.postroom, |run| run.rss_mib.unwrap_or_default())),
                bare_rate_per_second: Some(median(&self.postroom, |run| run.bare_rate.unwrap_or_default())),
                peer: peer.to_owned(),
                peer_rate_per_second: peer_rate,
                ratio: peer_rate.map(|peer| rate / peer),
            }
        };
        peers.into_iter().map(row).collect()
    }
}

/// The middle one; of an even number the lower.
fn median(runs: &[Measured], figure: impl Fn(&Measured) -> f64) -> f64 {
    let mut figures: Vec<f64> = runs.iter().map(figure).collect();
    figures.sort_by(f64::total_cmp);
    figures.get(figures.len().saturating_sub(1) / 2).copied().unwrap_or_default()
}
