//! Load: many connections that send letters one after the other, and write down what was answered when.
//!
//! What passes through: letters by number in, a log of answers out. MAIL, RCPT and DATA go in one write
//! (RFC 2920); a connection is kept as long as the server keeps it.
//!
//! *Invariant:* a letter is in the log as answered only when the server said 250 after its data.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::sync::Barrier;
use tokio::task::JoinSet;

use crate::client::{Protocol, in_transit};
use crate::letters::{Letter, Letters};

/// Where and how load is put.
#[derive(Debug, Clone, Copy)]
pub struct Target {
    /// The door.
    pub address: SocketAddr,
    /// What it speaks.
    pub protocol: Protocol,
    /// How many connections send at once.
    pub connections: usize,
}

/// The numbers of the letters to be sent, shared by all connections.
pub struct Supply {
    first: u64,
    next: AtomicU64,
    end: u64,
    deadline: Option<Instant>,
}

impl Supply {
    /// Letters from this number on, as long as there is time; the first in any case.
    pub fn for_duration(from: u64, duration: Duration) -> Arc<Self> {
        let deadline = Some(Instant::now() + duration);
        Arc::new(Supply { first: from, next: AtomicU64::new(from), end: u64::MAX, deadline })
    }

    /// The letters of a range, each once.
    pub fn of(range: std::ops::Range<u64>) -> Arc<Self> {
        let next = AtomicU64::new(range.start);
        Arc::new(Supply { first: range.start, next, end: range.end, deadline: None })
    }

    /// The number that would come next.
    pub fn handed_out(&self) -> u64 {
        self.next.load(Ordering::Relaxed)
    }

    /// The next number; `None` at the end.
    fn next(&self) -> Option<u64> {
        let is_late = self.deadline.is_some_and(|deadline| Instant::now() >= deadline);
        if is_late && self.handed_out() > self.first {
            return None;
        }
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        (number < self.end).then_some(number)
    }
}

/// What a sender wrote down.
#[derive(Debug, Default)]
pub struct Log {
    /// Letters that were answered 250, and how long the answer took from the first byte of MAIL.
    pub answered: Vec<(u64, Duration)>,
    /// Letters that were begun and not answered 250: the sender still has them.
    pub open: Vec<u64>,
    /// How often each other code was answered instead; 0 where the connection ended without one.
    pub refusals: BTreeMap<u16, usize>,
}

impl Log {
    /// The time in which so many of a hundred were answered, in milliseconds.
    pub fn percentile_ms(&self, percent: usize) -> f64 {
        let mut times: Vec<Duration> = self.answered.iter().map(|(_, time)| *time).collect();
        times.sort_unstable();
        let place = (times.len() * percent / 100).min(times.len().saturating_sub(1));
        times.get(place).map_or(0.0, |time| time.as_secs_f64() * 1_000.0)
    }

    /// Adds what another sender wrote down.
    pub fn add(&mut self, other: Log) {
        self.answered.extend(other.answered);
        self.open.extend(other.open);
        for (code, times) in other.refusals {
            *self.refusals.entry(code).or_default() += times;
        }
    }

    fn refused(&mut self, number: u64, code: u16) {
        self.open.push(number);
        *self.refusals.entry(code).or_default() += 1;
    }
}

/// Sends until the supply is at its end or the server is gone.
///
/// # Errors
/// When a task of the client itself fails.
pub async fn send(target: Target, letters: Arc<Letters>, supply: Arc<Supply>) -> Result<Log> {
    let mut connections = JoinSet::new();
    for _ in 0..target.connections {
        connections.spawn(one_connection(target, Arc::clone(&letters), Arc::clone(&supply)));
    }
    let mut log = Log::default();
    while let Some(ended) = connections.join_next().await {
        log.add(ended?);
    }
    Ok(log)
}

async fn one_connection(target: Target, letters: Arc<Letters>, supply: Arc<Supply>) -> Log {
    let mut log = Log::default();
    let Ok(mut connection) = Connection::open(target).await else { return log };
    while let Some(number) = supply.next() {
        let letter = letters.letter(number);
        let begun = Instant::now();
        match connection.send(&letter).await {
            Ok(250) => log.answered.push((number, begun.elapsed())),
            Ok(code) => log.refused(number, code),
            Err(_) => {
                log.refused(number, 0);
                return log;
            }
        }
    }
    log
}

/// Opens all connections at the same moment; each sends one letter, from this number on, and quits. The time of a
/// letter begins before its connection.
///
/// # Errors
/// When a task of the client itself fails.
pub async fn burst(target: Target, letters: Arc<Letters>, from: u64) -> Result<Log> {
    let together = Arc::new(Barrier::new(target.connections));
    let mut connections = JoinSet::new();
    for number in (from..).take(target.connections) {
        let (letters, together) = (Arc::clone(&letters), Arc::clone(&together));
        connections.spawn(async move {
            let letter = letters.letter(number);
            together.wait().await;
            let begun = Instant::now();
            let code = async {
                let mut connection = Connection::open(target).await?;
                let code = connection.send(&letter).await?;
                Ok((code, begun.elapsed(), connection))
            };
            let mut log = Log::default();
            match code.await {
                Ok((code, took, connection)) => {
                    if code == 250 {
                        log.answered.push((number, took))
                    } else {
                        log.refused(number, code)
                    }
                    connection.quit().await;
                }
                Err(error) => {
                    let error: anyhow::Error = error;
                    log.refused(number, error.downcast_ref::<Unwelcome>().map_or(0, |unwelcome| unwelcome.0));
                }
            }
            log
        });
    }
    let mut log = Log::default();
    while let Some(ended) = connections.join_next().await {
        log.add(ended?);
    }
    Ok(log)
}

/// The server greeted with another code.
#[derive(Debug, thiserror::Error)]
#[error("the server greeted with {0}")]
struct Unwelcome(u16);

struct Connection {
    stream: BufReader<TcpStream>,
}

impl Connection {
    async fn open(target: Target) -> Result<Self> {
        let stream = TcpStream::connect(target.address).await?;
        stream.set_nodelay(true)?;
        let mut connection = Connection { stream: BufReader::new(stream) };
        connection.is(220).await?;
        let greeting = if target.protocol == Protocol::Lmtp { "LHLO" } else { "EHLO" };
        connection.stream.write_all(format!("{greeting} load.test\r\n").as_bytes()).await?;
        connection.is(250).await?;
        Ok(connection)
    }

    async fn is(&mut self, code: u16) -> Result<()> {
        let answered = self.reply().await?;
        if answered == code { Ok(()) } else { Err(Unwelcome(answered).into()) }
    }

    /// Says goodbye. The letter was answered, so it makes no difference whether it is heard.
    async fn quit(mut self) {
        if self.stream.write_all(b"QUIT\r\n").await.is_ok() {
            let _ = self.reply().await;
        }
    }

    /// The code that was answered after the data, or before it where it did not come so far.
    async fn send(&mut self, letter: &Letter) -> Result<u16> {
        let recipient = letter.envelope.rcpt_to.first().context("a letter without a recipient")?;
        let from = &letter.envelope.mail_from;
        let commands = format!("MAIL FROM:<{from}>\r\nRCPT TO:<{recipient}>\r\nDATA\r\n");
        self.stream.write_all(commands.as_bytes()).await?;
        let codes = [self.reply().await?, self.reply().await?, self.reply().await?];
        if codes != [250, 250, 354] {
            let refusal = codes.into_iter().find(|code| *code >= 400).unwrap_or_default();
            // DATA was refused too, so the connection is where it was before MAIL.
            self.stream.write_all(b"RSET\r\n").await?;
            self.reply().await?;
            return Ok(refusal);
        }
        self.stream.write_all(&in_transit(&letter.raw)).await?;
        self.reply().await
    }

    async fn reply(&mut self) -> Result<u16> {
        let mut line = String::new();
        loop {
            line.clear();
            ensure!(self.stream.read_line(&mut line).await? > 0, "the server is gone");
            if line.as_bytes().get(3) != Some(&b'-') {
                return Ok(line.get(..3).context("no reply")?.parse()?);
            }
        }
    }
}
