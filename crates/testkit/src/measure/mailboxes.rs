//! The Router: how fast a large mailbox is emptied, what many quiet ones cost, how soon a mail in one is on a timeline.
//!
//! What passes through: a real Dovecot whose Maildirs are filled with letters, a house that watches them; figures as they come.
//!
//! *Invariant:* a drained mailbox is believed to be drained when its Maildir is empty on disk and the books hold every mail.

mod bare;
mod drain;
mod idle;
mod maildir;
mod soon;

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail, ensure};
use postroom::commands::{AddMailbox, MailServer, Reply, Request};
use serde::Serialize;

use super::reader::PASSWORD;
use super::runs::{Bench, Template, Visit};
use crate::letters::{self, DOMAIN, ORGANIZATION};
use crate::peers::{Doors, Dovecot, DovecotSettings};

/// What is measured of the Router.
#[derive(Debug, Clone, Copy)]
pub struct Watched {
    /// Messages of the large mailbox; 0: it is not measured.
    pub messages: usize,
    /// Mailboxes in which nothing happens; 0: they are not measured.
    pub idle: usize,
    /// Mails that are looked for on a page; 0: none.
    pub mails: usize,
}

/// A figure with its unit.
#[derive(Debug, Clone, Serialize)]
struct Figure {
    what: String,
    value: f64,
}

/// One measurement of the Router under way.
struct Table<'b> {
    bench: &'b Bench<'b>,
    figures: Vec<Figure>,
}

/// What all of them need: a house that can be copied, and whom its letters go to.
struct Place {
    template: Template,
    recipients: Vec<String>,
}

pub(super) fn measure(bench: &Bench<'_>, watched: Watched) -> Result<()> {
    let folder = bench.scratch.join("template");
    let (template, made) = Template::make(folder, &letters::world()?, Some(PASSWORD))?;
    let place = Place { template, recipients: letters::recipients(&made)? };
    let mut table = Table { bench, figures: Vec::new() };
    if watched.mails > 0 {
        soon::measure(&mut table, &place, watched.mails)?;
    }
    if watched.idle > 0 {
        idle::measure(&mut table, &place, watched.idle)?;
    }
    if watched.messages > 0 {
        drain::measure(&mut table, &place, watched.messages)?;
    }
    Ok(())
}

impl Table<'_> {
    fn add(&mut self, what: &str, value: f64) -> Result<()> {
        (self.bench.say)(&format!("{value:12.2}  {what}"));
        self.figures.push(Figure { what: what.to_owned(), value });
        let json = serde_json::to_string_pretty(&self.figures)?;
        fs::write(self.bench.files.with_extension("json"), json)?;
        let rows = self.figures.iter().map(|figure| format!("| {} | {:.2} |\n", figure.what, figure.value));
        let table = format!("| what | |\n|---|---|\n{}", rows.collect::<String>());
        fs::write(self.bench.files.with_extension("md"), table)?;
        Ok(())
    }

    /// The middle, the 99th of a hundred, and the most of some times in milliseconds.
    fn add_times(&mut self, what: &str, mut times: Vec<f64>) -> Result<()> {
        ensure!(!times.is_empty(), "{what}: nothing was measured");
        times.sort_by(f64::total_cmp);
        for (name, hundredth) in [("p50", 50), ("p99", 99), ("most", 100)] {
            let place = (times.len() * hundredth).div_ceil(100).saturating_sub(1);
            let time = times.get(place).copied().unwrap_or_default();
            self.add(&format!("{what} ({} times), {name}, ms", times.len()), time)?;
        }
        Ok(())
    }
}

/// The one password of all mailboxes.
const SECRET: &str = "geheim";

/// The address that letters to the house go to, and the mailbox of it.
fn sink() -> String {
    format!("sink@{DOMAIN}")
}

/// A Dovecot beside the house, on the same disk.
fn dovecot(folder: &Path, sessions_max: Option<u32>) -> Result<Dovecot> {
    fs::create_dir_all(folder)?;
    Dovecot::start(DovecotSettings {
        folder: Some(folder),
        doors: Doors::Both,
        password: Some(SECRET),
        sessions_max,
        ..DovecotSettings::default()
    })
}

/// Has a mailbox watched, by STARTTLS.
fn watch(visit: &Visit, dovecot: &Dovecot, (name, user): (&str, &str)) -> Result<()> {
    let authority = Some(String::from_utf8(dovecot.certificate().to_vec())?);
    let server = MailServer::imap("localhost", dovecot.imap()?.port(), (1, authority));
    visit.program.command(Request::AddMailbox(AddMailbox {
        organization: ORGANIZATION.to_owned(),
        name: name.to_owned(),
        server,
        user: user.to_owned(),
        password: SECRET.to_owned(),
        sink: sink(),
        is_refusing: true,
    }))?;
    Ok(())
}

/// How it goes with each mailbox, in words.
fn states(visit: &Visit) -> Result<Vec<String>> {
    let Reply::Mailboxes(rows) = visit.program.command(Request::Mailboxes(None))? else {
        bail!("mailboxes were asked for, and something else came")
    };
    Ok(rows.into_iter().map(|row| row.state).collect())
}

/// How many letters ended in the only mailbox, as the list of mailboxes says.
fn taken_in(visit: &Visit) -> Result<usize> {
    let state = states(visit)?.into_iter().next().context("no mailbox")?;
    ensure!(!state.starts_with("trouble"), "the mailbox is in {state}");
    let number = state.split(|c: char| !c.is_ascii_digit()).find(|digits| !digits.is_empty());
    Ok(number.and_then(|digits| digits.parse().ok()).unwrap_or_default())
}
