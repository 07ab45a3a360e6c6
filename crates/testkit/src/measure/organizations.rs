//! Many organizations in one house: no two of them share a database, and each mail is synced in its own.
//!
//! What passes through: the same load spread evenly over the sinks and queues of all, beside a house with one
//! organization. Afterwards every 250 is looked for by its Message-ID, in its own organization, where it stands once.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result, ensure};
use store::Store;

use super::book::{Book, Side};
use super::figures::Run;
use super::runs::{Bench, Sender, Template};
use crate::kept;
use crate::letters::{self, Letters};
use crate::load::Log;

const CASES: [(usize, usize); 2] = [(4096, 50), (4096, 100)];

pub(super) fn measure(bench: &Bench<'_>, number: usize) -> Result<()> {
    ensure!(number > 0, "no organizations, no mail");
    (bench.say)(&format!("making houses of one organization and of {number}"));
    let (one, of_one) = House::make(bench, 1)?;
    let (many, of_many) = House::make(bench, number)?;
    let mut book = Book::new(bench.files, bench.say);
    for case in bench.plan.cases_or(&CASES) {
        let mut sides: [Side<'_>; 2] = [
            Box::new(|| one.run(bench, of_one.sender("one organization", bench, case))),
            Box::new(|| many.run(bench, of_many.sender(&format!("{number} organizations"), bench, case))),
        ];
        book.by_turns(bench.plan.runs, &mut sides)?;
    }
    book.show();
    Ok(())
}

struct House {
    template: Template,
    number: usize,
}

struct Recipients(Vec<String>);

impl House {
    fn make(bench: &Bench<'_>, number: usize) -> Result<(Self, Recipients)> {
        let folder = bench.scratch.join(format!("of-{number}"));
        let (template, made) = Template::make(folder, &letters::world_of(number)?, None)?;
        Ok((House { template, number }, Recipients(letters::recipients_of(&made, number)?)))
    }

    fn run(&self, bench: &Bench<'_>, sender: Sender) -> Result<Vec<Run>> {
        let visit = self.template.start(bench.scratch, &[])?;
        let mut seen = Log::default();
        let runs = visit.load(|door| {
            let (run, log) = sender.send(door)?;
            seen = log;
            Ok(vec![run])
        })?;
        visit.end(|data| self.is_matched(data, (&sender.letters, &seen)))?;
        Ok(runs)
    }

    /// Every 250 is one e-mail of the organization that it was sent to, and there are no others.
    fn is_matched(&self, data: &Path, (letters, log): (&Letters, &Log)) -> Result<()> {
        let mut sent: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for (number, _) in &log.answered {
            let letter = letters.letter(*number);
            let recipient = letter.envelope.rcpt_to.first().context("a letter without a recipient")?;
            let domain = recipient.rsplit_once('@').context("a recipient without a domain")?.1;
            sent.entry(domain.to_owned()).or_default().push(letter.message_id);
        }
        let store = Store::open(crate::database::store(data))?;
        for number in 0..self.number {
            let organization = store.organization_by_name(&letters::organization_of(number))?;
            let kept = kept::emails_by_id(&organization)?;
            let ids = sent.remove(&letters::domain_of(number)).unwrap_or_default();
            ensure!(kept.values().sum::<usize>() == ids.len(), "organization {number} has other mail too");
            let is_once = ids.iter().all(|id| kept.get(id) == Some(&1));
            ensure!(is_once, "a mail that was answered 250 does not stand once in organization {number}");
        }
        store.close();
        ensure!(sent.is_empty(), "mail went to nobody");
        Ok(())
    }
}

impl Recipients {
    fn sender(&self, what: &str, bench: &Bench<'_>, (size_bytes, connections): (usize, usize)) -> Sender {
        let letters = Arc::new(Letters::new(size_bytes, self.0.clone()));
        let (what, duration) = (what.to_owned(), bench.plan.duration);
        Sender { what, size_bytes, connections, duration, letters, from: 0 }
    }
}
