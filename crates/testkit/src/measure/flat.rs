//! A full house beside an empty one: whether the door stays as fast when millions of records and e-mails are there.
//!
//! What passes through: a house with one contact takes in four mails by its door, and `store` makes millions out of
//! them ([`store::Bulk`]); then it and a house with a thousand contacts and no mail get the same letters by turns: once by
//! as few writers as in the other measurements, and once by so many that hardly anybody writes twice.
//!
//! *Invariant:* nothing is begun for which the disk has no room. The full house is started anew for each run and keeps
//! what earlier runs brought, the empty one is a new copy each time. The text index of both stands still: bytes that its
//! words could be taken from are not there.

use std::cell::Cell;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use store::{Bulk, Database, Store};

use super::book::{Book, Side};
use super::figures::{Run, count};
use super::process::Usage;
use super::runs::{self, Bench, Sender, Template, well};
use crate::client::{Client, Protocol};
use crate::database;
use crate::letters::{self, Letters, ORGANIZATION, WRITERS};
use crate::program::{self, Program};

const CASES: [(usize, usize); 1] = [(4096, 50)];
const INDEX_STANDS_STILL: [(&str, &str); 1] = [("POSTROOM_SEARCH_FOLLOWS_MAIL", "false")];
/// Letters of each run have numbers of their own in the full house; those it is made of come before all.
const LETTERS_PER_RUN: u64 = 1 << 32;

/// How full the house is.
#[derive(Debug, Clone, Copy)]
pub struct Full {
    /// Contacts, with an address each.
    pub addresses: u64,
    /// E-mails, without their bytes.
    pub emails: u64,
    /// Whether the house stays when all is measured.
    pub is_kept: bool,
    /// Whether it stayed from an earlier measurement, of the same numbers.
    pub is_there: bool,
}

impl Full {
    /// What it takes of the disk at most, sorting and logs included: measured, and rounded up.
    fn bytes(self, database: &Database) -> u64 {
        let (address, email, besides) = match database {
            Database::Sqlite => SQLITE_BYTES,
            Database::Postgres(_) => POSTGRES_BYTES,
        };
        self.addresses * address + self.emails * email + besides
    }
}

/// Of an address (320 were measured), of an e-mail (3,030), and of everything else: logs.
const SQLITE_BYTES: (u64, u64, u64) = (360, 3_500, 200 << 20);
/// 580 and 4,090 were measured.
const POSTGRES_BYTES: (u64, u64, u64) = (650, 4_700, 2 << 30);

pub(super) fn measure(bench: &Bench<'_>, full: Full) -> Result<()> {
    let mut book = Book::new(bench.files, bench.say);
    let (empty, made) = Template::make(bench.scratch.join("empty"), &letters::world()?, None)?;
    let empty = Empty { template: empty, recipients: letters::recipients(&made)? };
    let house = match full.is_there {
        true => House::again(bench, full)?,
        false => House::fill(bench, &mut book, full)?,
    };
    for (size_bytes, connections) in bench.plan.cases_or(&CASES) {
        let case = (size_bytes, connections);
        let many = full.addresses * 2;
        let mut sides: [Side<'_>; 4] = [
            Box::new(|| empty.run(bench, WRITERS, case)),
            Box::new(|| house.run(bench, WRITERS, case)),
            Box::new(|| empty.run(bench, many, case)),
            Box::new(|| house.run(bench, many, case)),
        ];
        book.by_turns(bench.plan.runs, &mut sides)?;
    }
    if full.emails <= RECOUNTED_MAX {
        house.recount()?;
    }
    book.show();
    if full.is_kept {
        house.note(bench)?;
    } else {
        database::forget(&program::data(&bench.scratch.join("full")))?;
    }
    Ok(())
}

/// Sends a house that holds so much letters by so many writers, from one of a number on.
fn sender(
    bench: &Bench<'_>,
    (holds, recipients): (String, &[String]),
    (writers, from): (u64, u64),
    (size_bytes, connections): (usize, usize),
) -> Sender {
    let letters = Arc::new(Letters::new(size_bytes, recipients.to_vec()).by_writers(writers));
    let what = format!("{holds}, mail by {writers} writers");
    Sender { what, size_bytes, connections, duration: bench.plan.duration, letters, from }
}

struct Empty {
    template: Template,
    recipients: Vec<String>,
}

impl Empty {
    fn run(&self, bench: &Bench<'_>, writers: u64, case: (usize, usize)) -> Result<Vec<Run>> {
        let holds = format!("{} contacts, no e-mails", WRITERS / 2);
        let sender = sender(bench, (holds, &self.recipients), (writers, 0), case);
        let visit = self.template.start(bench.scratch, &INDEX_STANDS_STILL)?;
        let runs = visit.load(|door| Ok(vec![sender.send(door)?.0]))?;
        visit.end(|_| Ok(()))?;
        Ok(runs)
    }
}

/// The full house.
struct House {
    folder: PathBuf,
    full: Full,
    recipients: Vec<String>,
    runs: Cell<u64>,
}

impl House {
    fn fill(bench: &Bench<'_>, book: &mut Book<'_>, full: Full) -> Result<Self> {
        let folder = bench.scratch.join("full");
        let data = program::data(&folder);
        let (_, made) = Template::make(folder.clone(), &letters::world_with(1)?, None)?;
        has_room(bench, full.bytes(&database::of(&data)))?;
        let recipients = letters::recipients(&made)?;
        send_models(&folder, recipients.clone())?;
        let began = Instant::now();
        multiply(&data, full, bench.say)?;
        book.fact("filling, seconds", began.elapsed().as_secs_f64())?;
        book.fact("rows on the disk, MiB", mib(database::bytes(&data)?))?;
        Ok(House { folder, full, recipients, runs: Cell::new(0) })
    }

    /// The house of an earlier measurement.
    fn again(bench: &Bench<'_>, full: Full) -> Result<Self> {
        let noted = fs::read(bench.scratch.join(KEPT))
            .context("no full house was kept: measure with --keep first")?;
        let (recipients, runs): (Vec<String>, u64) = serde_json::from_slice(&noted)?;
        Ok(House { folder: bench.scratch.join("full"), full, recipients, runs: Cell::new(runs) })
    }

    /// Notes what another measurement has to know.
    fn note(&self, bench: &Bench<'_>) -> Result<()> {
        let noted = serde_json::to_vec(&(&self.recipients, self.runs.get()))?;
        Ok(fs::write(bench.scratch.join(KEPT), noted)?)
    }

    fn run(&self, bench: &Bench<'_>, writers: u64, case: (usize, usize)) -> Result<Vec<Run>> {
        self.runs.set(self.runs.get() + 1);
        let Full { addresses, emails, .. } = self.full;
        let holds = format!("{addresses} contacts, {emails} e-mails");
        let from = self.runs.get() * LETTERS_PER_RUN;
        let sender = sender(bench, (holds, &self.recipients), (writers, from), case);
        let before = emails_in(&program::data(&self.folder))?;
        well(Command::new("sync").arg("-f").arg(&self.folder))?;
        self.warm()?;
        let program = Program::start_with(&self.folder, &INDEX_STANDS_STILL)?;
        let used = Usage::of(program.id())?;
        let (mut run, _) = sender.send(program.smtp()?)?;
        let accepted = run.accepted;
        run.took((used, Usage::of(program.id())?), accepted);
        program.kill()?;
        let stored = emails_in(&program::data(&self.folder))? - before;
        ensure!(
            usize::try_from(stored)? == accepted,
            "{accepted} mails were answered 250, {stored} are stored"
        );
        ensure!(accepted > 0, "nothing was answered 250");
        Ok(vec![run])
    }

    /// Has the files read once, as far as the memory of the machine goes: a house that has run for some hours has there
    /// what mail asks for. A server has memory of its own.
    fn warm(&self) -> Result<()> {
        let data = program::data(&self.folder);
        database::warm(&data)?;
        let Ok(folders) = fs::read_dir(data.join("organizations")) else { return Ok(()) };
        for folder in folders {
            if let Ok(mut file) = fs::File::open(folder?.path().join("org.db")) {
                std::io::copy(&mut file, &mut std::io::sink())?;
            }
        }
        Ok(())
    }

    /// Compares all books, as an administrator would.
    fn recount(&self) -> Result<()> {
        let program = Program::start_with(&self.folder, &INDEX_STANDS_STILL)?;
        runs::emails(&program)?;
        program.kill()
    }
}

/// What is known of a house that is kept.
const KEPT: &str = "kept.json";

/// Beyond it the recount of a server's books takes longer than any one question may.
const RECOUNTED_MAX: u64 = 200_000;

/// What the organization counts. A recount of all its books would take minutes.
fn emails_in(data: &Path) -> Result<i64> {
    let store = Store::open(database::store(data))?;
    let emails = store.organization_by_name(ORGANIZATION)?.read(|read| read.email_count())?;
    store.close();
    Ok(emails)
}

/// Mails like those that the house is filled with: one and an answer to it, of a contact and of a stranger.
fn send_models(folder: &Path, recipients: Vec<String>) -> Result<()> {
    let letters = Letters::new(4096, recipients).by_writers(2);
    let house = Program::start_with(folder, &INDEX_STANDS_STILL)?;
    let mut client = Client::connect(house.smtp()?, Protocol::Smtp)?;
    for writer in 0..2 {
        let from = letters::writer(writer);
        let first = (1..LETTERS_PER_RUN).find(|number| {
            // The letter behind it by that number is an answer.
            number % 3 == 1 && letters.letter(*number).envelope.mail_from == from
        });
        let first = first.context("nobody writes as this writer")?;
        for number in [first, first + letters::REPLY_DISTANCE] {
            let letter = letters.letter(number);
            let codes = client.send(&letter.envelope, &letter.raw)?.codes();
            ensure!(codes == [250], "a mail was answered {codes:?}");
        }
    }
    house.kill()
}

/// Fills the organization of a house that does not run.
pub(crate) fn multiply(data: &Path, full: Full, say: &dyn Fn(&str)) -> Result<()> {
    let store = Store::open(database::store(data))?;
    let all = store.organizations()?;
    let row = all.iter().find(|row| row.name == ORGANIZATION).context("there is no organization")?;
    let address = ("writer", "@writers.test");
    let bulk = Bulk { contacts: full.addresses, emails: full.emails, address };
    store.multiply(row.organizationid, &bulk, say)?;
    store.close();
    Ok(())
}

/// Says what a house takes, and refuses where there is no room. A server's folder lies with other temporary files.
fn has_room(bench: &Bench<'_>, bytes: u64) -> Result<()> {
    for folder in [bench.scratch, &std::env::temp_dir()] {
        let disk = rustix::fs::statvfs(folder)?;
        let free = disk.f_bavail * disk.f_frsize;
        (bench.say)(&format!("takes {:.0} MiB at most, {:.0} MiB are free", mib(bytes), mib(free)));
        ensure!(free >= bytes, "there is no room in {}", folder.display());
        if database::of(folder) == Database::Sqlite {
            break;
        }
    }
    fs::create_dir_all(bench.scratch)?;
    Ok(())
}

fn mib(bytes: u64) -> f64 {
    count(usize::try_from(bytes >> 10).unwrap_or(usize::MAX)) / 1024.0
}
