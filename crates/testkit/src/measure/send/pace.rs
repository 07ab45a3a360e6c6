//! How many mails are settled, over time: what the house counts itself, asked again and again.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};

use crate::measure::figures::count;
use crate::wait;

/// How often it is asked: to tell costs the house a thousandth of a second.
const BETWEEN_LOOKS: Duration = Duration::from_millis(50);
/// The mails at each end that are looked at apart, or half of all.
const PIECE: usize = 10_000;

/// Mails settled by a time.
pub(super) struct Pace {
    looks: Vec<(Instant, usize)>,
    piece: usize,
}

impl Pace {
    /// Watches until so many mails are settled.
    pub(super) fn watch(web: SocketAddr, mails: usize) -> Result<Self> {
        let mut looks: Vec<(Instant, usize)> = vec![(Instant::now(), 0)];
        let mut moved = Instant::now();
        loop {
            let settled = settled(web)?;
            if looks.last().is_none_or(|(_, before)| *before < settled) {
                moved = Instant::now();
                looks.push((moved, settled));
            }
            if settled >= mails {
                ensure!(settled == mails, "{settled} tries for {mails} mails");
                return Ok(Pace { looks, piece: PIECE.min(mails / 2) });
            }
            ensure!(moved.elapsed() < wait::PATIENCE, "{settled} of {mails} mails were settled, and no more");
            thread::sleep(BETWEEN_LOOKS);
        }
    }

    /// From the start to the last one.
    pub(super) fn seconds(&self) -> f64 {
        let ends = self.looks.first().zip(self.looks.last());
        ends.map_or(0.0, |((from, _), (until, _))| (*until - *from).as_secs_f64())
    }

    /// So many mails at each end, and how many of them were settled in a second.
    pub(super) fn ends(&self) -> (usize, f64, f64) {
        let all = self.looks.last().map_or(0, |(_, settled)| *settled);
        let first = self.looks.iter().position(|(_, settled)| *settled >= self.piece).unwrap_or_default();
        let last = self.looks.iter().rposition(|(_, settled)| *settled + self.piece <= all);
        let first = self.looks.get(..=first).unwrap_or_default();
        let last = self.looks.get(last.unwrap_or_default()..).unwrap_or_default();
        (self.piece, rate(first), rate(last))
    }
}

fn rate(looks: &[(Instant, usize)]) -> f64 {
    match looks {
        [(from, before), .., (until, after)] => count(after - before) / (*until - *from).as_secs_f64(),
        _ => 0.0,
    }
}

/// Mails whose tries ended, by `/metrics`.
fn settled(web: SocketAddr) -> Result<usize> {
    let mut line = TcpStream::connect(web)?;
    line.write_all(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")?;
    let mut page = String::new();
    line.read_to_string(&mut page)?;
    ensure!(page.starts_with("HTTP/1.1 200"), "the numbers are not shown: {page:.100}");
    let counts = page.lines().filter_map(|line| line.strip_prefix("postroom_outbox_tries_total{"));
    let counts = counts.map(|line| line.rsplit_once(' ').and_then(|(_, count)| count.parse::<usize>().ok()));
    counts.sum::<Option<usize>>().context("a number that is none")
}
