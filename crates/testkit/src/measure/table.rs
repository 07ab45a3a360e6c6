//! The table of the door: the shipped program, Dovecot with synced LMTP and smtp-sink under the same load, by turns
//! in one run; and a bare loop that writes the rows of each run once more.
//!
//! What passes through: cases (size, connections) in, a [`Row`] each out. Every letter has to be answered 250.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use serde::Serialize;
use tokio::runtime;

use super::bare;
use super::book::size;
use super::figures::{Run, median};
use super::process::Usage;
use super::runs::{Bench, emails};
use crate::client::Protocol;
use crate::letters::{self, Letters};
use crate::load::{self, Supply, Target};
use crate::peers::{Dovecot, DovecotSettings, SmtpSink};
use crate::{Missing, Program};

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

/// Measures all cases; after every run the table is written anew.
pub(super) fn measure(bench: &Bench<'_>) -> Result<()> {
    let Bench { scratch, plan, say, .. } = *bench;
    let missing = SmtpSink::is_installed().err().into_iter().chain(Dovecot::is_installed().err());
    missing.filter(|_| plan.peers.is_some()).for_each(|missing| say(&missing.to_string()));
    let cases = plan.cases_or(&CASES);
    let run = plan.duration + plan.peers.unwrap_or_default() * 2;
    let whole = run.as_secs() * (cases.len() * plan.runs) as u64;
    say(&format!(
        "{} × {} s each, {} cases: {} minutes, and some seconds more for every run; medians",
        plan.runs,
        plan.duration.as_secs(),
        cases.len(),
        whole.div_ceil(60)
    ));
    say(HEADING);
    let mut all: Vec<(Case<'_>, Results)> = Vec::new();
    for (size, connections) in cases {
        all.push((Case { folder: scratch, size, connections, duration: plan.duration }, Results::default()));
        for run in 1..=plan.runs {
            let Some((case, results)) = all.last_mut() else { break };
            case.turn(results, plan.peers)?;
            if run < plan.runs {
                say(&format!("{} after {run} of {}", results.line(case), plan.runs));
            } else {
                say(&results.line(case));
            }
            write(bench.files, &all)?;
        }
    }
    Ok(())
}

const HEADING: &str = "   size conns    mails/s   p99 ms  cpu ms   MiB |    bare/s  ratio | dovecot/s  ratio | smtp-sink/s  ratio";

/// The figures, and the same as they stand in `docs/measured.md`.
fn write(files: &Path, all: &[(Case<'_>, Results)]) -> Result<()> {
    let rows: Vec<Row> = all.iter().flat_map(|(case, results)| results.rows(case)).collect();
    fs::write(files.with_extension("json"), serde_json::to_string_pretty(&rows)?)?;
    let mut table = String::from(
        "| mail | connections | mails/s | p99 ms | processor ms a mail | memory MiB | beside bare | beside Dovecot \
         | beside smtp-sink |\n|---|---|---|---|---|---|---|---|---|\n",
    );
    all.iter().for_each(|(case, results)| table.push_str(&results.marked(case)));
    fs::write(files.with_extension("md"), table)?;
    Ok(())
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
    postroom: Vec<Run>,
    /// Mails in a second by the bare loop.
    bare: Vec<f64>,
    dovecot: Vec<Run>,
    smtp_sink: Vec<Run>,
}

impl Case<'_> {
    /// Runs each server once, so that a machine that grows slower is so for all.
    fn turn(&self, results: &mut Results, peers: Option<Duration>) -> Result<()> {
        let (run, bare) = self.postroom()?;
        results.postroom.push(run);
        results.bare.push(bare);
        if let Some(peers) = peers {
            let short = Case { duration: peers.min(self.duration), ..*self };
            results.dovecot.extend(unless_missing(short.dovecot())?);
            results.smtp_sink.extend(unless_missing(short.smtp_sink())?);
        }
        Ok(())
    }

    fn postroom(&self) -> Result<(Run, f64)> {
        let data = self.folder.join("postroom");
        crate::database::forget(&crate::program::data(&data))?;
        let program = Program::start(&data)?;
        let made = letters::world()?.make(|request| program.command(request), |_| None)?;
        let recipients = letters::recipients(&made)?;
        let usage = Usage::of(program.id())?;
        let mut measured = self.load(program.smtp()?, Protocol::Smtp, recipients)?;
        let accepted = measured.accepted;
        measured.took((usage, Usage::of(program.id())?), accepted);
        let stored = emails(&program)?;
        ensure!(stored == accepted, "{accepted} mails were answered 250, {stored} are stored");
        program.kill()?;
        let bare = self.bare(&data)?;
        fs::remove_dir_all(&data)?;
        Ok((measured, bare))
    }

    /// The rows of that run, written by a loop that does nothing else; as many wait as connections did.
    fn bare(&self, data: &Path) -> Result<f64> {
        let folder = self.folder.join("bare");
        let rate = bare::rate(&crate::program::data(data), &folder, (BARE_MAILS_MAX, self.connections))?;
        fs::remove_dir_all(&folder)?;
        Ok(rate)
    }

    fn dovecot(&self) -> Result<Run> {
        let settings =
            DovecotSettings { folder: Some(self.folder), always_syncs: true, ..DovecotSettings::default() };
        let dovecot = Dovecot::start(settings)?;
        self.load(dovecot.lmtp(), Protocol::Lmtp, letters::mailboxes())
    }

    fn smtp_sink(&self) -> Result<Run> {
        let sink = SmtpSink::start()?;
        self.load(sink.smtp(), Protocol::Smtp, letters::mailboxes())
    }

    /// Puts the load on a server. Every letter has to be answered 250: a measurement of refusals is none.
    fn load(&self, address: SocketAddr, protocol: Protocol, recipients: Vec<String>) -> Result<Run> {
        let letters = Arc::new(Letters::new(self.size, recipients));
        let target = Target { address, protocol, connections: self.connections };
        // One thread is enough for it, and leaves the rest of the machine to the server.
        let client = runtime::Builder::new_current_thread().enable_all().build()?;
        let began = Instant::now();
        let log = client.block_on(load::send(target, letters, Supply::for_duration(0, self.duration)))?;
        let seconds = began.elapsed().as_secs_f64();
        ensure!(log.open.is_empty(), "{} letters were not answered 250", log.open.len());
        ensure!(!log.answered.is_empty(), "nothing was answered");
        Ok(Run { size_bytes: self.size, connections: self.connections, ..Run::of(&log, seconds) })
    }
}

/// Mails whose rows the bare loop writes: some seconds of work, in memory at once.
const BARE_MAILS_MAX: usize = 20_000;

fn unless_missing(measured: Result<Run>) -> Result<Option<Run>> {
    match measured {
        Ok(measured) => Ok(Some(measured)),
        Err(error) if error.is::<Missing>() => Ok(None),
        Err(error) => Err(error),
    }
}

impl Results {
    fn line(&self, case: &Case<'_>) -> String {
        let rate = median(&self.postroom, Run::rate);
        let beside = |peer: &[Run]| match peer {
            [] => " missing      –".to_owned(),
            _ => format!("{:9.0} {:6.2}", median(peer, Run::rate), rate / median(peer, Run::rate)),
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
        let bare = self.bare();
        format!("{bare:9.0} {:6.2}", median(&self.postroom, Run::rate) / bare)
    }

    fn bare(&self) -> f64 {
        median(&self.bare, |rate| *rate)
    }

    /// A line of `docs/measured.md`.
    fn marked(&self, case: &Case<'_>) -> String {
        let rate = median(&self.postroom, Run::rate);
        let beside = |peer: &[Run]| match peer {
            [] => "–".to_owned(),
            _ => format!("{:.2} × {:.0}", rate / median(peer, Run::rate), median(peer, Run::rate)),
        };
        format!(
            "| {} | {} | {rate:.0} | {:.0} | {:.2} | {:.0} | {:.2} × {:.0} | {} | {} |\n",
            size(case.size),
            case.connections,
            median(&self.postroom, |run| run.p99_ms),
            median(&self.postroom, |run| run.cpu_ms_per_mail.unwrap_or_default()),
            median(&self.postroom, |run| run.rss_mib.unwrap_or_default()),
            rate / self.bare(),
            self.bare(),
            beside(&self.dovecot),
            beside(&self.smtp_sink),
        )
    }

    fn rows(&self, case: &Case<'_>) -> Vec<Row> {
        let rate = median(&self.postroom, Run::rate);
        let peers = [("dovecot lmtp, mail_fsync=always", &self.dovecot), ("smtp-sink", &self.smtp_sink)];
        let row = |(peer, runs): (&str, &Vec<Run>)| {
            let peer_rate = (!runs.is_empty()).then(|| median(runs, Run::rate));
            Row {
                what: "postroom smtp, stored".to_owned(),
                size_bytes: case.size,
                connections: case.connections,
                rate_per_second: rate,
                p99_ms: median(&self.postroom, |run| run.p99_ms),
                cpu_ms_per_mail: Some(median(&self.postroom, |run| run.cpu_ms_per_mail.unwrap_or_default())),
                rss_mib: Some(median(&self.postroom, |run| run.rss_mib.unwrap_or_default())),
                bare_rate_per_second: Some(self.bare()),
                peer: peer.to_owned(),
                peer_rate_per_second: peer_rate,
                ratio: peer_rate.map(|peer| rate / peer),
            }
        };
        peers.into_iter().map(row).collect()
    }
}
