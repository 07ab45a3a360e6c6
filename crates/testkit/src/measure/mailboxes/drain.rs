//! A large mailbox is emptied, beside a bare loop that only fetches and removes, and beside the house's own door.

use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Result, anyhow, ensure};

use super::{Place, SECRET, Table, bare, dovecot, maildir, sink, taken_in, watch};
use crate::client::{Client, Protocol};
use crate::letters::{Letters, WRITERS};
use crate::measure::figures::count;
use crate::measure::process::Usage;
use crate::measure::reader::{Reader, pages};
use crate::measure::runs::{Sender, Visit, emails};
use crate::peers::Maildir;

/// The size of a letter in bytes.
const SIZE: usize = 4096;
/// Connections at the house's own door.
const CONNECTIONS: usize = 50;
/// How long that takes, at most.
const DOOR: Duration = Duration::from_secs(20);
/// The mailbox that the bare loop empties.
const BARE: &str = "bare@load.test";
/// How long a mailbox may be of the same size until that is a fault.
const STANDSTILL: Duration = Duration::from_secs(120);

pub(super) fn measure(table: &mut Table<'_>, place: &Place, messages: usize) -> Result<()> {
    let dovecot = dovecot(&table.bench.scratch.join("dovecot"), None)?;
    // Writers whose pages are looked at write nothing of it.
    let letters = Letters::new(SIZE, place.recipients.clone()).by_writers(WRITERS / 2);
    maildir::fill(&dovecot.mailbox(BARE), &letters, (0, messages))?;
    maildir::fill(&dovecot.mailbox(&sink()), &letters, (0, messages))?;
    let bare = bare::drain(dovecot.imap()?, (BARE, SECRET))?;
    table.add("bare loop of FETCH, STORE and EXPUNGE, messages a second", bare)?;
    let door = door(table, place, letters)?;
    table.add("the house's own door, mails a second", door)?;
    let pages = pages(&place.template.data(), WRITERS / 2)?;
    let visit = place.template.start(table.bench.scratch, &[])?;
    let client = Client::connect(visit.program.smtp()?, Protocol::Smtp)?;
    let mut reader = Reader::new(&visit, client, (pages, place.recipients.clone()))?;
    watch(&visit, &dovecot, ("large", &sink()))?;
    let (took, seen) = thread::scope(|scope| {
        let mailbox = dovecot.mailbox(&sink());
        let visit = &visit;
        let drained = scope.spawn(move || drained(visit, &mailbox, messages));
        let mut seen = Vec::new();
        while !drained.is_finished() {
            seen.push(reader.look_for_one()?);
            thread::sleep(Duration::from_millis(100));
        }
        anyhow::Ok((drained.join().map_err(|_| anyhow!("the look at the mailbox panicked"))??, seen))
    })?;
    let rate = count(messages) / took.as_secs_f64();
    table.add("the mailbox emptied, messages a second", rate)?;
    table.add("  beside the smaller of the two", rate / bare.min(door))?;
    let usage = Usage::of(visit.program.id())?;
    table.add("  most memory, MiB", usage.peak_mib)?;
    table.add("  processor time of a message, ms", usage.cpu_ms / count(messages))?;
    let looked_for = seen.len();
    table.add_times("meanwhile, a mail from the door to the timeline", seen)?;
    let stored = emails(&visit.program)?;
    ensure!(stored == messages + looked_for, "{messages} + {looked_for} mails, {stored} are stored");
    visit.end(|_| Ok(()))
}

/// How long the mailbox took, from the moment on in which it was to be watched.
fn drained(visit: &Visit, mailbox: &Maildir, messages: usize) -> Result<Duration> {
    let began = Instant::now();
    let (mut last, mut since) = (0, Instant::now());
    while last < messages {
        let ended = taken_in(visit)?;
        if ended > last {
            (last, since) = (ended, Instant::now());
        }
        ensure!(since.elapsed() < STANDSTILL, "the mailbox stands still at {last} of {messages}");
        thread::sleep(Duration::from_millis(20));
    }
    let took = began.elapsed();
    let left = mailbox.inbox()?.len();
    ensure!(left == 0, "{left} messages are left");
    Ok(took)
}

/// How fast the house's own door is on this machine just now.
fn door(table: &Table<'_>, place: &Place, letters: Letters) -> Result<f64> {
    let visit = place.template.start(table.bench.scratch, &[])?;
    let duration = DOOR.min(table.bench.plan.duration);
    let (what, letters) = (format!("{CONNECTIONS} connections"), Arc::new(letters));
    let sender = Sender { what, size_bytes: SIZE, connections: CONNECTIONS, duration, letters, from: 0 };
    let runs = visit.load(|door| Ok(vec![sender.send(door)?.0]))?;
    visit.end(|_| Ok(()))?;
    Ok(runs.first().map_or(0.0, |run| run.rate()))
}
