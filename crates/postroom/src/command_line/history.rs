//! `postroom track` for mailboxes: read on a thread of its own, taken in some batches at a time, told in a table.
//!
//! What passes through: batches of a [`Reading`] to the house over a few lines side by side; what became of each
//! mail into a tally. Begun again after it broke off, it goes on where it was, for the house knows what it has.

use std::collections::BTreeMap;
use std::io::{self, IsTerminal, Write};
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, bail};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use indicatif::{ProgressBar, ProgressStyle};
use model::limits;
use model::outcome::{OUTCOMES, Outcome};
use postroom::commands::{MailboxMail, Reply, Request, TrackMailbox, TrackedBefore};
use postroom::history::{Batch, Fault, Form, LeftOut, Reading, places};
use serde_json::json;
use tokio::sync::{Mutex, mpsc};
use tokio::task::JoinSet;

use super::arguments::{MboxForm, TrackArguments};
use super::show::{printable, table};
use super::{Counter, End};

/// Batches on their way to the house at a time: while one waits for its commit others are read.
const LINES: usize = 3;

/// Whether the arguments name a mailbox rather than single mails.
pub(super) fn is_meant(arguments: &TrackArguments) -> bool {
    let is_mailbox = |path: &Path| path != Path::new("-") && places::holds_many(path);
    arguments.user.is_some() || arguments.filtered || arguments.files.iter().any(|path| is_mailbox(path))
}

/// Brings everything below the paths. Faults and Undeliverables are named and do not end it.
pub(super) async fn track(house: &mut Counter, arguments: TrackArguments) -> anyhow::Result<End> {
    if arguments.files.iter().any(|path| path == Path::new("-")) {
        bail!("standard input holds a single mail; a mailbox has to be a file or a folder");
    }
    let mut tally = Tally::new(&arguments);
    for root in &arguments.files {
        let ask = Ask {
            organization: arguments.org.clone(),
            name: name(root),
            user: arguments.user.clone(),
            is_filtered: arguments.filtered,
        };
        // Without mails the organization and the user are judged alone, before anything is read.
        house.ask(ask.of(Vec::new())).await?;
        let form = match arguments.mbox {
            MboxForm::Mboxrd => Form::Rd,
            MboxForm::Mboxo => Form::O,
            MboxForm::Mboxcl2 => Form::Cl2,
        };
        let reading = Reading { root: root.clone(), form };
        bring(house, reading, ask, &mut tally)
            .await
            .context("it broke off; run the same command again, and it goes on where it was")?;
    }
    tally.end()
}

/// The name of what is brought, as it stands in the books.
fn name(root: &Path) -> String {
    let path = root.canonicalize().unwrap_or_else(|_| root.to_owned());
    let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy();
    printable(&name).chars().take(limits::NAME_CHARS_MAX).collect()
}

/// What is the same for all batches of one mailbox.
#[derive(Clone)]
struct Ask {
    organization: String,
    name: String,
    user: Option<String>,
    is_filtered: bool,
}

impl Ask {
    fn of(&self, mails: Vec<MailboxMail>) -> Request {
        let Ask { organization, name, user, is_filtered } = self.clone();
        Request::TrackMailbox(TrackMailbox { organization, name, user, is_filtered, mails })
    }
}

/// What came of one batch.
struct Brought {
    places: Vec<String>,
    ends: Vec<TrackedBefore>,
    batch: Batch,
}

/// Reads one path and brings what is there, some batches side by side.
async fn bring(house: &Counter, reading: Reading, ask: Ask, tally: &mut Tally) -> anyhow::Result<()> {
    let (hand_on, batches) = mpsc::channel::<Batch>(1);
    let reader = tokio::task::spawn_blocking(move || {
        reading.read(&mut |batch| hand_on.blocking_send(batch).is_ok());
    });
    let batches = Arc::new(Mutex::new(batches));
    let (tell, mut told) = mpsc::channel::<anyhow::Result<Brought>>(LINES);
    let mut lines = JoinSet::new();
    for _ in 0..LINES {
        let (line, ask) = (house.another().await?, ask.clone());
        lines.spawn(carry(line, ask, Arc::clone(&batches), tell.clone()));
    }
    drop((tell, batches));
    while let Some(brought) = told.recv().await {
        tally.count(brought?)?;
    }
    while let Some(ended) = lines.join_next().await {
        ended.context("a line to the house ended by a fault of Postroom")?;
    }
    reader.await.context("the reading ended by a fault of Postroom")
}

/// Carries batches to the house until there are no more, or nobody wants to hear of them.
async fn carry(
    mut line: Counter,
    ask: Ask,
    batches: Arc<Mutex<mpsc::Receiver<Batch>>>,
    tell: mpsc::Sender<anyhow::Result<Brought>>,
) {
    loop {
        let next = batches.lock().await.recv().await;
        let Some(batch) = next else { return };
        let brought = hand_in(&mut line, &ask, batch).await;
        let is_fault = brought.is_err();
        if tell.send(brought).await.is_err() || is_fault {
            return;
        }
    }
}

async fn hand_in(line: &mut Counter, ask: &Ask, mut batch: Batch) -> anyhow::Result<Brought> {
    let mut places = Vec::with_capacity(batch.letters.len());
    let mut mails = Vec::with_capacity(batch.letters.len());
    for letter in std::mem::take(&mut batch.letters) {
        places.push(letter.place);
        let (key, order, has_bare_line_ends) = (letter.key, letter.order, letter.has_bare_line_ends);
        mails.push(MailboxMail { key, order, mail: STANDARD.encode(&letter.raw), has_bare_line_ends });
    }
    if mails.is_empty() {
        return Ok(Brought { places, ends: Vec::new(), batch });
    }
    match line.ask(ask.of(mails)).await? {
        Reply::TrackedMailbox(ends) if ends.len() == places.len() => Ok(Brought { places, ends, batch }),
        _ => bail!("the house answered something else"),
    }
}

/// Everything that became of it, for the table at the end.
struct Tally {
    is_json: bool,
    bar: ProgressBar,
    is_terminal: bool,
    counts: BTreeMap<(usize, String), u64>,
    seen: u64,
    before: u64,
    told: u64,
    undeliverable: Vec<String>,
    left_out: BTreeMap<LeftOut, u64>,
    doubtful: u64,
    no_mail: u64,
    faults: u64,
}

impl Tally {
    fn new(arguments: &TrackArguments) -> Self {
        let is_terminal = io::stderr().is_terminal();
        let volume =
            if is_terminal { arguments.files.iter().map(|path| places::volume(path)).sum() } else { 0 };
        Tally {
            is_json: arguments.json,
            bar: bar(volume),
            is_terminal,
            counts: BTreeMap::new(),
            seen: 0,
            before: 0,
            told: 0,
            undeliverable: Vec::new(),
            left_out: BTreeMap::new(),
            doubtful: 0,
            no_mail: 0,
            faults: 0,
        }
    }

    fn count(&mut self, brought: Brought) -> anyhow::Result<()> {
        for (place, end) in brought.places.iter().zip(&brought.ends) {
            self.count_mail(place, end)?;
        }
        for why in brought.batch.left_out {
            *self.left_out.entry(why).or_default() += 1;
        }
        for Fault { place, words } in &brought.batch.faults {
            self.faults += 1;
            let line = format!("{}: {}", printable(place), printable(words));
            self.bar.suspend(|| writeln!(io::stderr(), "{line}"))?;
        }
        self.doubtful += brought.batch.doubtful;
        self.no_mail += brought.batch.no_mail;
        self.bar.inc(brought.batch.bytes);
        self.tell_progress()?;
        Ok(())
    }

    fn count_mail(&mut self, place: &str, end: &TrackedBefore) -> anyhow::Result<()> {
        let tracked = &end.tracked;
        let rank = OUTCOMES.iter().position(|(_, name)| *name == tracked.outcome).unwrap_or(OUTCOMES.len());
        let gravest = tracked.originals.iter().find(|original| original.outcome == tracked.outcome);
        let reason = gravest.map_or(String::new(), |original| original.reason.clone());
        if tracked.outcome == Outcome::Undeliverable.name() && self.undeliverable.len() < LISTED_MAX {
            self.undeliverable.push(format!("{}: {reason}", printable(place)));
        }
        *self.counts.entry((rank, reason)).or_default() += 1;
        self.seen += 1;
        self.before += u64::from(end.was_here);
        if self.is_json {
            super::mail::print_json(
                place,
                serde_json::to_value(tracked)?,
                json!({ "before": end.was_here }),
            )?;
        }
        Ok(())
    }

    /// On a terminal a bar; into a file or pipe a line now and then.
    fn tell_progress(&mut self) -> io::Result<()> {
        if self.is_terminal {
            self.bar.set_message(format!("{} mails", self.seen));
        } else if self.seen >= self.told + MAILS_PER_LINE {
            self.told = self.seen;
            writeln!(io::stderr(), "{} mails", self.seen)?;
        }
        Ok(())
    }

    fn end(self) -> anyhow::Result<End> {
        self.bar.finish_and_clear();
        let count = |outcome: Outcome| {
            let rank = OUTCOMES.iter().position(|(known, _)| *known == outcome);
            self.counts.iter().filter(|((at, _), _)| Some(*at) == rank).map(|(_, count)| count).sum::<u64>()
        };
        let undeliverable = count(Outcome::Undeliverable);
        if !self.is_json {
            let row = |((rank, reason), count): (&(usize, String), &u64)| {
                let outcome = OUTCOMES.get(*rank).map_or("?", |(_, name)| *name);
                vec![outcome.to_owned(), reason.clone(), count.to_string()]
            };
            table(self.counts.iter().map(row))?;
            let terms = OUTCOMES.iter().map(|(outcome, name)| (count(*outcome), name));
            let sum: Vec<String> =
                terms.filter(|(n, _)| *n > 0).map(|(n, name)| format!("{n} {name}")).collect();
            let sum = if sum.is_empty() { String::new() } else { format!(" = {}", sum.join(" + ")) };
            let mut out = io::stdout().lock();
            writeln!(out, "{} seen{sum}", self.seen)?;
            self.others(&mut out)?;
            for line in &self.undeliverable {
                writeln!(out, "undeliverable: {line}")?;
            }
            if undeliverable > self.undeliverable.len() as u64 {
                writeln!(out, "`postroom undeliverable list` shows them all")?;
            }
            out.flush()?;
        }
        Ok(if undeliverable > 0 || self.faults > 0 { End::WithFaults } else { End::Well })
    }

    /// What is not in the sum, or was in an earlier one.
    fn others(&self, out: &mut impl Write) -> io::Result<()> {
        if self.before > 0 {
            writeln!(out, "{} of them had been taken in before", self.before)?;
        }
        if !self.left_out.is_empty() {
            let words = self.left_out.iter().map(|(why, count)| format!("{count} {}", left_out(*why)));
            writeln!(out, "left out: {}", words.collect::<Vec<_>>().join(", "))?;
        }
        if self.doubtful > 0 {
            let words =
                "bear marks (deleted, draft, junk) that their senders may have written; they were taken";
            writeln!(out, "{} {words}", self.doubtful)?;
        }
        if self.no_mail > 0 {
            writeln!(out, "{} files hold no mail", self.no_mail)?;
        }
        if self.faults > 0 {
            writeln!(out, "{} faults: what they name was not taken in", self.faults)?;
        }
        Ok(())
    }
}

/// Undeliverables that are listed at the end.
const LISTED_MAX: usize = 100;
/// Mails after which a line tells of the progress.
const MAILS_PER_LINE: u64 = 5_000;

fn left_out(why: LeftOut) -> &'static str {
    match why {
        LeftOut::Deleted => "deleted",
        LeftOut::Draft => "drafts",
        LeftOut::Junk => "junk",
        LeftOut::Internal => "notes of a mail program",
    }
}

/// Shown on a terminal only.
fn bar(bytes: u64) -> ProgressBar {
    let bar = ProgressBar::new(bytes);
    match ProgressStyle::with_template("{bar:40} {bytes} of {total_bytes}, {msg}, {eta} to go") {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}
