//! What it costs the door to look at who wrote a mail: a house that asks nobody, beside one that asks a name server.
//!
//! What passes through: the same signed letters by turns (DKIM, Ed25519, a policy of DMARC); those of one domain, whose records are
//! remembered, and those of domains that nobody has heard of, so that each is asked about. The name server is on this machine and
//! answers at once. The letters come from this machine, which is a server of ours, so SPF is not asked.

use std::sync::Arc;

use anyhow::{Context, Result};
use dnskit::NameServer;
use tokio::runtime;
use trust::sign::{self, KeyKind, SigningKey};

use super::book::{Book, Side};
use super::runs::{Bench, Sender, Template};
use crate::letters::{self, Letters, SELECTOR, signing_domains};

const CASES: [(usize, usize); 2] = [(4096, 10), (4096, 50)];
/// More than there are letters in a run, so that none of them is heard of twice.
const DOMAINS: u64 = 60_000;

pub(super) fn measure(bench: &Bench<'_>) -> Result<()> {
    let (template, made) = Template::make(bench.scratch.join("template"), &letters::world()?, None)?;
    let recipients = letters::recipients(&made)?;
    let der = sign::make(KeyKind::Ed25519)?;
    let names = runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    let server = names.block_on(NameServer::start()).context("the name server")?;
    for domain in [signing_domains(1), signing_domains(DOMAINS)].concat() {
        server.txt(&format!("{SELECTOR}._domainkey.{domain}"), &SigningKey::read(&der)?.record());
        server.txt(&format!("_dmarc.{domain}"), "v=DMARC1; p=reject");
    }
    let resolver = server.address().to_string();
    let mut book = Book::new(bench.files, bench.say);
    for (size_bytes, connections) in bench.plan.cases_or(&CASES) {
        let turn = |(what, resolver): (&str, &str), domains: u64| {
            let visit = template.start(bench.scratch, &[("POSTROOM_TRUST_RESOLVER", resolver)])?;
            let letters = Letters::new(size_bytes, recipients.clone());
            let letters = Arc::new(letters.signed(SigningKey::read(&der)?, domains));
            let (what, duration) = (what.to_owned(), bench.plan.duration);
            let sender = Sender { what, size_bytes, connections, duration, letters, from: 0 };
            let runs = visit.load(|door| Ok(vec![sender.send(door)?.0]))?;
            visit.end(|_| Ok(()))?;
            Ok(runs)
        };
        let mut sides: [Side<'_>; 4] = [
            Box::new(|| turn(("one domain, nobody asked", "off"), 1)),
            Box::new(|| turn(("one domain, verified", &resolver), 1)),
            Box::new(|| turn(("new domains, nobody asked", "off"), DOMAINS)),
            Box::new(|| turn(("new domains, verified", &resolver), DOMAINS)),
        ];
        book.by_turns(bench.plan.runs, &mut sides)?;
    }
    book.fact("questions that the name server was asked".to_owned(), server.asked().len() as f64)?;
    book.show();
    Ok(())
}
