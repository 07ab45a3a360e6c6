//! Large mails beside small ones: what a mail of full size costs those who write a few lines meanwhile.
//!
//! What passes through: ten connections with 4 KB; then the same while one, and two, send large mails back to back
//! from a thread of their own.

use std::net::SocketAddr;
use std::sync::Arc;
use std::thread;

use anyhow::{Result, anyhow, ensure};
use model::limits;

use super::book::{Book, Side, size};
use super::figures::Run;
use super::runs::{Bench, Sender, Template};
use crate::letters::{self, Letters};

/// Small mails and their connections.
const SMALL: (usize, usize) = (4096, 10);
/// Letters of the large senders have numbers of their own.
const FIRST_LARGE: u64 = 1 << 40;

pub(super) fn measure(bench: &Bench<'_>, large_bytes: usize) -> Result<()> {
    ensure!(
        large_bytes <= limits::MESSAGE_BYTES_MAX,
        "no door takes more than {}",
        size(limits::MESSAGE_BYTES_MAX)
    );
    let (template, made) = Template::make(bench.scratch.join("template"), &letters::world()?, None)?;
    let recipients = letters::recipients(&made)?;
    let (size_bytes, connections) = SMALL;
    let small = Arc::new(Letters::new(size_bytes, recipients.clone()));
    let large = Arc::new(Letters::with_file(large_bytes, recipients));
    let duration = bench.plan.duration;
    let turn = |senders: usize| -> Result<Vec<Run>> {
        let beside = match senders {
            0 => "alone".to_owned(),
            _ => format!("beside {senders} × {}", size(large_bytes)),
        };
        let letters = Arc::clone(&small);
        let what = format!("{} {beside}", size(size_bytes));
        let small = Sender { what, size_bytes, connections, duration, letters, from: 0 };
        let letters = Arc::clone(&large);
        let what = format!("{} beside {}", size(large_bytes), size(size_bytes));
        let large = Sender {
            what,
            size_bytes: large_bytes,
            connections: senders,
            duration,
            letters,
            from: FIRST_LARGE,
        };
        let visit = template.start(bench.scratch, &[])?;
        let runs = visit.load(|door| together(door, &small, &large))?;
        visit.end(|_| Ok(()))?;
        Ok(runs)
    };
    let mut sides: [Side<'_>; 3] = [Box::new(|| turn(0)), Box::new(|| turn(1)), Box::new(|| turn(2))];
    let mut book = Book::new(bench.files, bench.say);
    book.by_turns(bench.plan.runs, &mut sides)?;
    book.show();
    Ok(())
}

/// Both at the same time, the large ones on a thread of their own: what they copy is no time of the small ones.
fn together(door: SocketAddr, small: &Sender, large: &Sender) -> Result<Vec<Run>> {
    if large.connections == 0 {
        return Ok(vec![small.send(door)?.0]);
    }
    thread::scope(|scope| {
        let beside = scope.spawn(|| large.send(door));
        let (small, _) = small.send(door)?;
        let (large, _) = beside.join().map_err(|_| anyhow!("the sender of large mails panicked"))??;
        Ok(vec![small, large])
    })
}
