//! The outbox: how fast mail that waits goes out, beside what sends without keeping, and beside a queue that keeps.
//!
//! What passes through: a house whose outbox is filled with rows like that of one mail, started with `smtp-sink` as its relay;
//! `smtp-source` at the same sink; and a Postfix whose queue was held and is let go. By turns.
//!
//! *Invariant:* a mail counts when its row is settled and committed; behind each run nothing waits and nobody has anything.

mod hook;
mod pace;
mod peers;
mod queue;

use std::cell::RefCell;

use anyhow::{Result, ensure};

use super::book::{Book, Side, size};
use super::figures::Run;
use super::process::Usage;
use super::runs::Bench;
use crate::peers::SmtpSink;
use hook::Hook;
pub use hook::HookKind;
use pace::Pace;
use queue::Queue;

/// 4 KB and 60 KB over ten connections.
const CASES: [(usize, usize); 2] = [(4096, 10), (61_440, 10)];

/// What is measured of the outbox.
#[derive(Debug, Clone, Copy)]
pub struct Sending {
    /// Mails that wait.
    pub mails: usize,
    /// Whether the house signs them (DKIM, RSA of 2048 bits).
    pub signed: bool,
    /// What it asks about each mail before it goes.
    pub hook: Option<HookKind>,
}

pub(super) fn measure(bench: &Bench<'_>, sending: Sending) -> Result<()> {
    ensure!(sending.mails > 1, "nothing waits, nothing is measured");
    let mut book = Book::new(bench.files, bench.say);
    let smtp_sink = SmtpSink::start()?;
    let sink = smtp_sink.smtp();
    let hook = sending.hook.map(|kind| Hook::start(kind, bench.scratch)).transpose()?;
    for (size_bytes, connections) in bench.plan.cases_or(&CASES) {
        let queue = Queue::fill(bench, (sink, size_bytes), sending)?;
        let paces = RefCell::new(Vec::new());
        let case = (size_bytes, connections);
        let mut sides: Vec<Side<'_>> = vec![Box::new(|| {
            let (mut run, pace) = outbox(bench, (&queue, hook.as_ref()), case)?;
            run.what.push_str(if sending.signed { ", signed" } else { "" });
            run.what.push_str(hook.as_ref().map_or("", Hook::words));
            paces.borrow_mut().push(pace);
            Ok(vec![run])
        })];
        if bench.plan.peers.is_some() {
            let mails = sending.mails.min(PEER_MAILS_MAX);
            sides.push(Box::new(move || peers::source(sink, case, mails)));
            sides.push(Box::new(move || peers::postfix(sink, case, mails)));
        }
        book.by_turns(bench.plan.runs, &mut sides)?;
        drop(sides);
        for pace in paces.into_inner() {
            let (piece, first, last) = pace.ends();
            book.fact(format!("{}: the first {piece} mails, a second", size(size_bytes)), first)?;
            book.fact(format!("{}: the last {piece} mails, a second", size(size_bytes)), last)?;
        }
        queue.forget()?;
    }
    book.show();
    Ok(())
}

/// Mails that the others get: seconds of work for them.
const PEER_MAILS_MAX: usize = 10_000;

/// The outbox of a house that is started for it.
fn outbox(
    bench: &Bench<'_>,
    (queue, hook): (&Queue, Option<&Hook>),
    (size_bytes, connections): (usize, usize),
) -> Result<(Run, Pace)> {
    let variables = hook.map(Hook::variables).unwrap_or_default();
    let variables: Vec<(&str, &str)> =
        variables.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let visit = queue.template.start(bench.scratch, &variables)?;
    let before = Usage::of(visit.program.id())?;
    let pace = Pace::watch(visit.program.web()?, queue.mails)?;
    let after = Usage::of(visit.program.id())?;
    let what = "postroom, outbox".to_owned();
    let seconds = pace.seconds();
    let mut run = Run { what, size_bytes, connections, accepted: queue.mails, seconds, ..Run::default() };
    run.took((before, after), queue.mails);
    visit.end(queue::is_settled)?;
    Ok((run, pace))
}
