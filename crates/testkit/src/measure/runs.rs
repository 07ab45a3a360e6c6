//! What all measurements of the door do: a house is made once, copied for each run, put under load, and asked how
//! many e-mails it keeps.
//!
//! *Invariant:* every run begins with the same bytes on disk.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use postroom::commands::{Reply, Request};
use tokio::runtime;

use super::Plan;
use super::figures::Run;
use super::process::Usage;
use crate::client::Protocol;
use crate::database;
use crate::letters::Letters;
use crate::load::{self, Log, Supply, Target};
use crate::program::{self, Program};
use crate::world::{Made, World};

/// One measurement: where its houses lie, where its figures go.
pub(super) struct Bench<'b> {
    pub(super) scratch: &'b Path,
    /// The files of the figures, without their endings.
    pub(super) files: &'b Path,
    pub(super) plan: &'b Plan,
    pub(super) say: &'b dyn Fn(&str),
}

/// A house that was made once, and of which every run gets a copy.
pub(super) struct Template {
    folder: PathBuf,
}

/// A house under measurement.
pub(super) struct Visit {
    pub(super) program: Program,
    folder: PathBuf,
}

/// Who sends what for how long.
pub(super) struct Sender {
    pub(super) what: String,
    pub(super) size_bytes: usize,
    pub(super) connections: usize,
    pub(super) duration: Duration,
    pub(super) letters: Arc<Letters>,
    /// The number of the first letter.
    pub(super) from: u64,
}

impl Template {
    /// Makes a world in a folder. Users get a password where one is given.
    pub(super) fn make(folder: PathBuf, world: &World, password: Option<&str>) -> Result<(Self, Made)> {
        // Of a run that was broken off.
        database::forget(&program::data(&folder))?;
        let program = Program::start(&folder)?;
        let made = world.make(|request| program.command(request), |_| password.map(str::to_owned))?;
        for organization in &world.organization {
            program.index(&organization.name)?;
        }
        program.kill()?;
        Ok((Template { folder }, made))
    }

    /// The data of the house.
    pub(super) fn data(&self) -> PathBuf {
        program::data(&self.folder)
    }

    /// Starts a copy, once it lies on the disk, with these variables in its environment.
    pub(super) fn start(&self, scratch: &Path, variables: &[(&str, &str)]) -> Result<Visit> {
        let folder = scratch.join("house");
        if folder.exists() {
            fs::remove_dir_all(&folder)?;
        }
        fs::create_dir_all(&folder)?;
        well(Command::new("cp").arg("-a").arg(self.data()).arg(&folder))?;
        database::copy(&self.data(), &program::data(&folder))?;
        well(Command::new("sync").arg("-f").arg(&folder))?;
        let program = Program::start_with(&folder, variables)?;
        Ok(Visit { program, folder })
    }
}

impl Visit {
    /// Lets clients at the door. What they saw, with what the house used meanwhile; the books have the last word.
    pub(super) fn load(&self, clients: impl FnOnce(SocketAddr) -> Result<Vec<Run>>) -> Result<Vec<Run>> {
        let before = Usage::of(self.program.id())?;
        let mut runs = clients(self.program.smtp()?)?;
        let after = Usage::of(self.program.id())?;
        let accepted = runs.iter().map(|run| run.accepted).sum();
        let is_mixed = runs.len() > 1;
        for run in &mut runs {
            run.took((before, after), accepted);
            // Whose it was nobody can tell.
            run.cpu_ms_per_mail = run.cpu_ms_per_mail.filter(|_| !is_mixed);
        }
        let stored = emails(&self.program)?;
        ensure!(stored == accepted, "{accepted} mails were answered 250, {stored} are stored");
        ensure!(accepted > 0, "nothing was answered 250");
        Ok(runs)
    }

    /// Ends the house and takes its folder away, after a last look at its data.
    pub(super) fn end(self, look: impl FnOnce(&Path) -> Result<()>) -> Result<()> {
        self.program.kill()?;
        look(&program::data(&self.folder))?;
        fs::remove_dir_all(&self.folder)?;
        Ok(())
    }
}

impl Sender {
    /// Sends to a door. Letters that were not answered 250 are counted in the run.
    pub(super) fn send(&self, address: SocketAddr) -> Result<(Run, Log)> {
        let target = Target { address, protocol: Protocol::Smtp, connections: self.connections };
        // One thread is enough for it, and leaves the rest of the machine to the server.
        let client = runtime::Builder::new_current_thread().enable_all().build()?;
        let began = Instant::now();
        let supply = Supply::for_duration(self.from, self.duration);
        let log = client.block_on(load::send(target, Arc::clone(&self.letters), supply))?;
        let run = self.run(&log, began.elapsed().as_secs_f64());
        Ok((run, log))
    }

    /// What a log of so many seconds says.
    pub(super) fn run(&self, log: &Log, seconds: f64) -> Run {
        let (size_bytes, connections) = (self.size_bytes, self.connections);
        Run { what: self.what.clone(), size_bytes, connections, ..Run::of(log, seconds) }
    }
}

/// What the house counts itself, by its books and not by its answers.
pub(super) fn emails(program: &Program) -> Result<usize> {
    let reply = program.command(Request::Verify(None))?;
    let Reply::Verified(books) = reply else { bail!("the books were asked for, and something else came") };
    ensure!(!books.is_empty(), "there are no books");
    let mut emails = 0;
    for book in books {
        ensure!(book.faults.is_empty(), "the books do not add up: {:?}", book.faults);
        emails += usize::try_from(book.emails)?;
    }
    Ok(emails)
}

pub(super) fn well(command: &mut Command) -> Result<()> {
    let status = command.status().with_context(|| format!("{command:?} cannot be started"))?;
    ensure!(status.success(), "{command:?} ended with {status}");
    Ok(())
}
