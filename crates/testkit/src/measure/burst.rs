//! Bursts: many connections opened at the same moment, each for one mail, as a mailing or a queue that is let go
//! brings them.
//!
//! What passes through: burst after burst for the time of a run; a mail's time begins before its connection.

use std::sync::Arc;
use std::time::Instant;

use anyhow::Result;
use tokio::runtime;

use super::book::{Book, Side};
use super::figures::count;
use super::runs::{Bench, Sender, Template};
use crate::client::Protocol;
use crate::letters::{self, Letters};
use crate::load::{self, Log, Target};

const SIZE: usize = 4096;

pub(super) fn measure(bench: &Bench<'_>, connections: usize) -> Result<()> {
    let (template, made) = Template::make(bench.scratch.join("template"), &letters::world()?, None)?;
    let letters = Arc::new(Letters::new(SIZE, letters::recipients(&made)?));
    let duration = bench.plan.duration;
    let what = |words: &str| words.to_owned();
    let sender = |what| Sender {
        what,
        size_bytes: SIZE,
        connections,
        duration,
        letters: Arc::clone(&letters),
        from: 0,
    };
    let (kept, opened) = (sender(what("connections kept")), sender(what("a connection for each mail")));
    let mut bursts = Vec::new();
    let mut sides: [Side<'_>; 2] = [
        Box::new(|| {
            let visit = template.start(bench.scratch, &[])?;
            let runs = visit.load(|door| Ok(vec![kept.send(door)?.0]))?;
            visit.end(|_| Ok(()))?;
            Ok(runs)
        }),
        Box::new(|| {
            let visit = template.start(bench.scratch, &[])?;
            let runs = visit.load(|address| {
                let (log, number, seconds) =
                    burst_on(&opened, Target { address, protocol: Protocol::Smtp, connections })?;
                bursts.push(count(number));
                Ok(vec![opened.run(&log, seconds)])
            })?;
            visit.end(|_| Ok(()))?;
            Ok(runs)
        }),
    ];
    let mut book = Book::new(bench.files, bench.say);
    book.by_turns(bench.plan.runs, &mut sides)?;
    drop(sides);
    book.fact(format!("bursts of {connections} in a run"), super::figures::median(bursts, |number| number))?;
    book.show();
    Ok(())
}

/// One burst after the other. All answers, the number of bursts, the seconds.
fn burst_on(sender: &Sender, target: Target) -> Result<(Log, usize, f64)> {
    let client = runtime::Builder::new_current_thread().enable_all().build()?;
    let began = Instant::now();
    let (mut log, mut bursts, mut from) = (Log::default(), 0, 0);
    while bursts == 0 || began.elapsed() < sender.duration {
        log.add(client.block_on(load::burst(target, Arc::clone(&sender.letters), from))?);
        from += target.connections as u64;
        bursts += 1;
    }
    Ok((log, bursts, began.elapsed().as_secs_f64()))
}
