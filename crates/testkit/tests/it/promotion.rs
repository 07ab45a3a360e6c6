//! A replica is promoted while mail flows at two nodes: what was answered 250 is there, where commits wait for the
//! replica; where they do not wait, it is counted how much is gone.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use store::{Database, PostgresSettings as Connecting, Store, StoreSettings};
use testkit::client::Protocol;
use testkit::letters::{self, Letters, mix};
use testkit::load::{self, Log, Supply, Target};
use testkit::missing::or_skip;
use testkit::peers::{Postgres, PostgresSettings, Stop};
use testkit::program::Program;
use testkit::{kept, wait};
use tokio::runtime::Runtime;

const SCHEMA: &str = "promoted";
const LETTERS: u64 = 1_500;

/// `PROMOTIONS` says how often each of them is told.
fn runs() -> u64 {
    std::env::var("PROMOTIONS").map_or(1, |text| text.parse().expect("a number"))
}

#[test]
fn nothing_is_lost_where_commits_wait_for_the_replica() {
    or_skip(|| {
        for run in 0..runs() {
            let told = promote(true, run)?;
            println!("{told:?}");
            assert_eq!(told.lost, 0);
        }
        Ok(())
    });
}

#[test]
fn what_is_lost_where_commits_do_not_wait_is_counted() {
    or_skip(|| {
        for run in 0..runs() {
            let told = promote(false, run)?;
            println!("{told:?}");
            assert!(told.lost < told.answered, "{told:?}");
        }
        Ok(())
    });
}

/// What came of a promotion.
#[derive(Debug)]
#[expect(dead_code, reason = "shown")]
struct Told {
    /// Answered 250 before the first server was killed.
    answered: usize,
    /// Of those, not on the replica.
    lost: usize,
    /// So many a second were answered.
    rate: u64,
    /// From the kill to the first 250 of each node afterwards.
    interrupted: Duration,
}

fn promote(waits: bool, run: u64) -> Result<Told> {
    let mut first = Postgres::start(PostgresSettings::default())?;
    let second = first.replica("second")?;
    if waits {
        first.commits_wait_for(Some("second"))?;
    }
    let folder = tempfile::tempdir()?;
    let hosts = format!("{},{}", first.address(), second.address());
    let url = format!("postgres://postgres@{hosts}/postgres?target_session_attrs=read-write");
    let settings = [("POSTROOM_DATABASE_URL", url.as_str()), ("POSTROOM_DATABASE_SCHEMA", SCHEMA)];
    let nodes = ["one", "two"].map(|name| Program::start_with(&folder.path().join(name), &settings));
    let nodes = nodes.into_iter().collect::<Result<Vec<_>>>()?;
    let node = nodes.first().context("no node")?;
    let made = letters::world()?.make(|request| node.command(request), |_| None)?;
    let letters = Arc::new(Letters::new(4_096, letters::recipients(&made)?));
    let runtime = Runtime::new()?;

    let supply = Supply::of(0..LETTERS);
    let began = Instant::now();
    let sending = nodes.iter().map(|node| {
        let target = Target { address: node.smtp()?, protocol: Protocol::Smtp, connections: 10 };
        Ok(runtime.spawn(load::send(target, Arc::clone(&letters), Arc::clone(&supply))))
    });
    let sending = sending.collect::<Result<Vec<_>>>()?;
    let moment = 500 + mix(run) % 300;
    wait::until("enough load", || (supply.handed_out() >= moment).then_some(()))?;
    first.stop(Stop::Killed)?;
    let (killed, sent) = (Instant::now(), began.elapsed());
    second.promote()?;
    let mut log = Log::default();
    for load in sending {
        log.add(runtime.block_on(load)??);
    }
    assert!(log.refusals.keys().all(|code| *code < 500), "{:?}", log.refusals);
    // Those that were answered by the second server, too: they count as well.
    let answered: BTreeSet<u64> = log.answered.iter().map(|(number, _)| *number).collect();
    let before = answered.iter().filter(|number| **number < moment).count();
    for node in &nodes {
        let target = Target { address: node.smtp()?, protocol: Protocol::Smtp, connections: 1 };
        let mut next = LETTERS;
        wait::until("a node that takes mail again", || {
            next += 1;
            let supply = Supply::of(next..next + 1);
            let log = runtime.block_on(load::send(target, Arc::clone(&letters), supply)).ok()?;
            (!log.answered.is_empty()).then_some(())
        })?;
    }
    let interrupted = killed.elapsed();
    drop(nodes);
    let lost = lost(&second, folder.path(), (&letters, &answered))?;
    let rate = before as u64 * 1_000 / u64::try_from(sent.as_millis()).unwrap_or(u64::MAX).max(1);
    Ok(Told { answered: answered.len(), lost, rate, interrupted })
}

/// How many of the letters are not there; nothing else is wrong.
fn lost(server: &Postgres, folder: &Path, (letters, answered): (&Letters, &BTreeSet<u64>)) -> Result<usize> {
    let database = Database::Postgres(Connecting {
        url: server.url(),
        schema: SCHEMA.to_owned(),
        connections_max: 4,
        certificate_authority: PathBuf::new(),
    });
    let store = Store::open(StoreSettings { database, ..StoreSettings::new(folder.join("inspector")) })?;
    let organization = store.organization_by_name(letters::ORGANIZATION)?;
    let counts = kept::emails_by_id(&organization)?;
    assert!(counts.values().all(|count| *count == 1), "a mail is there twice");
    let verified = crm::accounting::verify(&organization)?;
    assert_eq!(verified.faults, Vec::<String>::new());
    Ok(answered.iter().filter(|number| !counts.contains_key(&letters.letter(**number).message_id)).count())
}
