//! The others: `smtp-source`, which keeps nothing, and a Postfix that lets a queue go which it held.

use std::net::SocketAddr;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};

use crate::client::{Envelope, Protocol};
use crate::letters::{self, DOMAIN};
use crate::measure::figures::Run;
use crate::peers::{Burst, NextHop, Postfix, smtp_source};

/// How often Postfix's queue is looked at.
const BETWEEN_LOOKS: Duration = Duration::from_millis(50);
/// A queue that is not empty by then will not be.
const PATIENCE: Duration = Duration::from_secs(120);

pub(super) fn source(
    sink: SocketAddr,
    (size_bytes, connections): (usize, usize),
    mails: usize,
) -> Result<Vec<Run>> {
    let began = Instant::now();
    smtp_source(sink, &envelope(), burst((size_bytes, connections), mails)?)?;
    Ok(vec![run("smtp-source", (size_bytes, connections), (mails, began.elapsed()))])
}

pub(super) fn postfix(
    sink: SocketAddr,
    (size_bytes, connections): (usize, usize),
    mails: usize,
) -> Result<Vec<Run>> {
    let postfix = Postfix::start_holding(NextHop::Smtp(sink), connections)?;
    smtp_source(postfix.smtp(), &envelope(), burst((size_bytes, connections), mails)?)?;
    let queued = postfix.queued()?;
    ensure!(queued == mails, "{queued} of {mails} mails wait at Postfix");
    let began = Instant::now();
    postfix.let_go()?;
    while postfix.queued()? > 0 {
        ensure!(began.elapsed() < PATIENCE, "Postfix does not send: {}", postfix.log());
        thread::sleep(BETWEEN_LOOKS);
    }
    Ok(vec![run("Postfix, its queue", (size_bytes, connections), (mails, began.elapsed()))])
}

fn envelope() -> Envelope {
    Envelope::new(letters::reader(0, DOMAIN), letters::writer(0))
}

fn burst((size_bytes, connections): (usize, usize), mails: usize) -> Result<Burst> {
    Ok(Burst {
        messages: u32::try_from(mails)?,
        connections: u32::try_from(connections)?,
        protocol: Protocol::Smtp,
        bytes: Some(size_bytes),
    })
}

fn run(what: &str, (size_bytes, connections): (usize, usize), (mails, time): (usize, Duration)) -> Run {
    let seconds = time.as_secs_f64();
    Run { what: what.to_owned(), size_bytes, connections, accepted: mails, seconds, ..Run::default() }
}
