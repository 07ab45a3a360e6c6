//! Many mailboxes in which nothing happens: what their connections cost.

use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};

use super::{Place, Table, dovecot, states, watch};
use crate::letters::DOMAIN;
use crate::measure::figures::count;
use crate::measure::process::Usage;

/// How long all of them may take to be well.
const PATIENCE: Duration = Duration::from_secs(600);

pub(super) fn measure(table: &mut Table<'_>, place: &Place, mailboxes: usize) -> Result<()> {
    let sessions = u32::try_from(mailboxes)?;
    let dovecot = dovecot(&table.bench.scratch.join("dovecot-idle"), Some(sessions))?;
    let visit = place.template.start(table.bench.scratch, &[])?;
    let before = Usage::of(visit.program.id())?;
    let began = Instant::now();
    for number in 0..mailboxes {
        let user = format!("quiet{number}@{DOMAIN}");
        watch(&visit, &dovecot, (&format!("quiet {number}"), &user))?;
    }
    loop {
        let well = states(&visit)?.iter().filter(|state| state.starts_with("well")).count();
        if well == mailboxes {
            break;
        }
        ensure!(began.elapsed() < PATIENCE, "{well} of {mailboxes} mailboxes are well");
        // Seldom: a list of a thousand is no quiet either.
        thread::sleep(Duration::from_secs(3));
    }
    table.add(
        &format!("{mailboxes} mailboxes added and waiting for news, s"),
        began.elapsed().as_secs_f64(),
    )?;
    let watched = table.bench.plan.duration;
    let start = Usage::of(visit.program.id())?;
    thread::sleep(watched);
    let end = Usage::of(visit.program.id())?;
    let busy = (end.cpu_ms - start.cpu_ms) / (watched.as_secs_f64() * 10.0);
    table.add(&format!("{mailboxes} quiet mailboxes, processor, % of one core"), busy)?;
    table.add(&format!("{mailboxes} quiet mailboxes, memory, MiB"), end.rss_mib)?;
    table.add("  of that each, KiB", (end.rss_mib - before.rss_mib) * 1024.0 / count(mailboxes))?;
    visit.end(|_| Ok(()))
}
