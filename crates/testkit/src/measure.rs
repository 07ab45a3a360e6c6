//! How fast the door is, and how small the house: the shipped program under load, beside others or beside itself.
//!
//! What passes through: a [`Mode`] and a [`Plan`] in; lines for people as they come, and the figures in
//! `target/bench`, written again after every run, so that nothing is lost when it is broken off.
//!
//! *Invariant:* only mail that is stored counts: the number of 250s is compared with the number of e-mails. Folders
//! lie on the disk of the project, never in memory.

mod bare;
mod beside;
mod book;
mod burst;
mod contacts;
mod figures;
#[cfg(feature = "bulk")]
mod flat;
mod house;
mod index;
mod mailboxes;
mod organizations;
mod process;
mod reader;
mod rows;
mod runs;
mod send;
mod table;
mod verified;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Result, ensure};

pub use figures::Run;
#[cfg(feature = "bulk")]
pub use flat::Full;
pub use mailboxes::Watched;
pub use send::{HookKind, Sending};
pub use table::Row;

/// What is measured at the door.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// The table of sizes and connections, beside other servers.
    Table,
    /// So many organizations in one house, beside a house with one.
    Organizations(usize),
    /// So many connections opened at the same moment, each for one mail.
    Burst(usize),
    /// Small mails while mails of so many bytes come by one or two connections.
    Beside(usize),
    /// A house with so many contacts, beside a small one and one without any.
    Contacts(u64),
    /// A house whose text index stands still, beside one whose index follows.
    NoIndex,
    /// A house that looks at who wrote each mail, beside one that does not.
    Verified,
    /// The rows of mails written bare, into SQLite and into PostgreSQL, beside the house.
    Rows,
}

/// How often and how long.
#[derive(Debug, Clone)]
pub struct Plan {
    /// Sizes in bytes with numbers of connections; those of the mode where there are none.
    pub cases: Vec<(usize, usize)>,
    /// Runs of each server.
    pub runs: usize,
    /// How long a run takes.
    pub duration: Duration,
    /// How long each of the other servers runs beside each; `None` where they do not.
    pub peers: Option<Duration>,
}

impl Default for Plan {
    /// Five runs of a minute, the other servers for ten seconds beside each.
    fn default() -> Self {
        let peers = Some(Duration::from_secs(10));
        Plan { cases: Vec::new(), runs: 5, duration: Duration::from_secs(60), peers }
    }
}

impl Plan {
    fn cases_or(&self, usual: &[(usize, usize)]) -> Vec<(usize, usize)> {
        if self.cases.is_empty() { usual.to_vec() } else { self.cases.clone() }
    }
}

impl Mode {
    /// The name of its files in `target/bench`.
    pub fn name(self) -> &'static str {
        match self {
            Mode::Table => "intake",
            Mode::Organizations(_) => "organizations",
            Mode::Burst(_) => "burst",
            Mode::Beside(_) => "beside",
            Mode::Contacts(_) => "contacts",
            Mode::NoIndex => "index",
            Mode::Verified => "verified",
            Mode::Rows => "rows",
        }
    }
}

/// Measures the door. The figures stand in `folder`, as `<name>.json` and as the table `<name>.md`.
///
/// # Errors
/// When the program does not start, or an answer and the books differ.
pub fn intake(folder: &Path, (mode, plan): (Mode, &Plan), say: &dyn Fn(&str)) -> Result<()> {
    ensure!(plan.runs > 0, "no runs, no figures");
    let scratch = empty(folder, mode.name())?;
    let files = folder.join(mode.name());
    let bench = runs::Bench { scratch: &scratch, files: &files, plan, say };
    match mode {
        Mode::Table => table::measure(&bench),
        Mode::Organizations(number) => organizations::measure(&bench, number),
        Mode::Burst(connections) => burst::measure(&bench, connections),
        Mode::Beside(bytes) => beside::measure(&bench, bytes),
        Mode::Contacts(number) => contacts::measure(&bench, number),
        Mode::NoIndex => index::measure(&bench),
        Mode::Verified => verified::measure(&bench),
        Mode::Rows => rows::measure(&bench),
    }?;
    fs::remove_dir_all(&scratch)?;
    Ok(())
}

/// Measures the door of a full house beside that of an empty one.
///
/// # Errors
/// As [`intake`]; where the disk has no room.
#[cfg(feature = "bulk")]
pub fn flat(folder: &Path, (full, plan): (Full, &Plan), say: &dyn Fn(&str)) -> Result<()> {
    ensure!(plan.runs > 0, "no runs, no figures");
    ensure!(full.addresses > 1, "mail is spread over several contacts");
    // What is kept of one engine is in nobody's way who fills the other one.
    let is_at_server = crate::database::of(folder) != store::Database::Sqlite;
    let name = if is_at_server { "flat-server" } else { "flat" };
    let scratch = if full.is_there { scratch(folder, name)? } else { empty(folder, name)? };
    forget(&scratch.join("empty"))?;
    let files = folder.join("flat");
    flat::measure(&runs::Bench { scratch: &scratch, files: &files, plan, say }, full)?;
    if !full.is_kept {
        fs::remove_dir_all(&scratch)?;
    }
    Ok(())
}

/// Measures the Router with a Dovecot of its own.
///
/// # Errors
/// As [`intake`]; where mail of a mailbox is not in the books.
pub fn mailboxes(folder: &Path, (watched, plan): (Watched, &Plan), say: &dyn Fn(&str)) -> Result<()> {
    let scratch = empty(folder, "mailboxes")?;
    let files = folder.join("mailboxes");
    mailboxes::measure(&runs::Bench { scratch: &scratch, files: &files, plan, say }, watched)?;
    fs::remove_dir_all(&scratch)?;
    Ok(())
}

/// Measures the outbox, with `smtp-sink` as its relay.
///
/// # Errors
/// As [`intake`]; where a mail that was counted is not settled.
pub fn send(folder: &Path, (sending, plan): (Sending, &Plan), say: &dyn Fn(&str)) -> Result<()> {
    let scratch = empty(folder, "send")?;
    let files = folder.join("send");
    send::measure(&runs::Bench { scratch: &scratch, files: &files, plan, say }, sending)?;
    fs::remove_dir_all(&scratch)?;
    Ok(())
}

/// Measures the house itself: its start, its memory at rest, and how soon a mail is seen on a page.
///
/// # Errors
/// When the program does not start, or a mail is not shown.
pub fn house(folder: &Path, plan: &Plan, say: &dyn Fn(&str)) -> Result<()> {
    let scratch = empty(folder, "house")?;
    let files = folder.join("house");
    house::measure(&runs::Bench { scratch: &scratch, files: &files, plan, say })?;
    fs::remove_dir_all(&scratch)?;
    Ok(())
}

/// A folder for the houses of a measurement, without those of the one before.
fn empty(folder: &Path, name: &str) -> Result<PathBuf> {
    let scratch = scratch(folder, name)?;
    forget(&scratch)?;
    fs::create_dir_all(&scratch)?;
    Ok(scratch)
}

fn forget(folder: &Path) -> Result<()> {
    if folder.exists() { Ok(fs::remove_dir_all(folder)?) } else { Ok(()) }
}

fn scratch(folder: &Path, name: &str) -> Result<PathBuf> {
    fs::create_dir_all(folder)?;
    let scratch = folder.canonicalize()?.join(format!("houses-{name}"));
    fs::create_dir_all(&scratch)?;
    Ok(scratch)
}
