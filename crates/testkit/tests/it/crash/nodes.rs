//! Several houses on one PostgreSQL, mail at all their doors: one of them is killed, or the server, or the network
//! between is cut or stands still, again and again. In the end every mail stands exactly once.
//!
//! `cargo xtask crash --nodes 3 --rounds 50` tells it as often as one likes.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use store::{Database, Organization, PostgresSettings as Connecting, Store, StoreSettings};
use testkit::client::Protocol;
use testkit::letters::{self, Letters, mix};
use testkit::load::{self, Log, Supply, Target};
use testkit::missing::or_skip;
use testkit::peers::{Postgres, PostgresSettings, Stop};
use testkit::program::Program;
use testkit::proxy::{Proxy, Way};
use testkit::{kept, wait};
use tokio::runtime::Runtime;

/// At each door.
const CONNECTIONS: usize = 8;
/// Letters of a round.
const LETTERS: u64 = 500;
pub(super) const SCHEMA: &str = "crash";
/// How long a job is left to the node that took it.
const LEASE_MS: u64 = 20_000;
/// Leased work of a node that died is done by another one by then.
const TAKEN_OVER_WITHIN: Duration = Duration::from_secs(30);

#[test]
fn nodes_lose_and_double_nothing() {
    or_skip(|| {
        let (count, rounds) = (super::number("CRASH_NODES", 3), super::number("CRASH_NODE_ROUNDS", 3));
        let postgres = Postgres::start(PostgresSettings::default())?;
        let folder = tempfile::tempdir()?;
        let mut house = House::start(postgres, folder.path(), count)?;
        let mut events: BTreeMap<Event, u64> = BTreeMap::new();
        for round in 0..rounds {
            // Each of them comes first, then by chance.
            let number = if round < EVENTS.len() as u64 { round } else { mix(round) };
            let event = EVENTS[usize::try_from(number % EVENTS.len() as u64)?];
            *events.entry(event).or_default() += 1;
            house.round(round, event).with_context(|| format!("round {round}, {event:?}"))?;
        }
        house.resend()?;
        assert!(house.open.is_empty(), "not taken by nodes that run in peace: {:?}", house.open);
        house.nodes.iter_mut().try_for_each(Node::kill)?;
        let found = house.inspect(folder.path())?;
        assert!(house.refusals.keys().all(|code| *code < 500), "{:?}", house.refusals);
        println!(
            "{count} nodes, {rounds} rounds {events:?}, {} mails answered, {found} e-mails, refusals {:?} \
             (0: the connection ended), a dead node's job done after {:.1} s at most",
            house.answered.len(),
            house.refusals,
            house.slowest_takeover.as_secs_f64(),
        );
        Ok(())
    });
}

/// What happens under load.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Event {
    NodeKilled,
    ServerKilled,
    NetworkCut,
    NetworkStalled,
    NetworkSwallows,
}

const EVENTS: [Event; 5] = [
    Event::NodeKilled,
    Event::ServerKilled,
    Event::NetworkCut,
    Event::NetworkStalled,
    Event::NetworkSwallows,
];

/// All nodes, and what their senders know.
struct House {
    nodes: Vec<Node>,
    postgres: Postgres,
    runtime: Runtime,
    letters: Arc<Letters>,
    answered: BTreeSet<u64>,
    open: Vec<u64>,
    refusals: BTreeMap<u16, usize>,
    next: u64,
    slowest_takeover: Duration,
}

/// A program, and the network to its server.
pub(super) struct Node {
    folder: PathBuf,
    url: String,
    pub(super) proxy: Proxy,
    pub(super) program: Option<Program>,
}

impl Node {
    pub(super) fn start(postgres: &Postgres, folder: PathBuf) -> Result<Self> {
        let proxy = Proxy::start(postgres.address())?;
        let url = postgres.url_by(proxy.address());
        let mut node = Node { folder, url, proxy, program: None };
        node.start_again()?;
        Ok(node)
    }

    pub(super) fn start_again(&mut self) -> Result<()> {
        let settings = [("POSTROOM_DATABASE_URL", self.url.as_str()), ("POSTROOM_DATABASE_SCHEMA", SCHEMA)];
        self.program = Some(Program::start_with(&self.folder, &settings)?);
        Ok(())
    }

    pub(super) fn kill(&mut self) -> Result<()> {
        self.program.take().map_or(Ok(()), Program::kill)
    }

    fn door(&self, connections: usize) -> Result<Target> {
        let address = self.program.as_ref().context("it was killed")?.smtp()?;
        Ok(Target { address, protocol: Protocol::Smtp, connections })
    }
}

impl House {
    fn start(postgres: Postgres, folder: &Path, count: u64) -> Result<Self> {
        let nodes = (0..count).map(|number| Node::start(&postgres, folder.join(number.to_string())));
        let nodes = nodes.collect::<Result<Vec<Node>>>()?;
        let first = nodes.first().and_then(|node| node.program.as_ref()).context("no node")?;
        let made = letters::world()?.make(|request| first.command(request), |_| None)?;
        let letters = Arc::new(Letters::new(4_096, letters::recipients(&made)?));
        Ok(House {
            nodes,
            postgres,
            runtime: Runtime::new()?,
            letters,
            answered: BTreeSet::new(),
            open: Vec::new(),
            refusals: BTreeMap::new(),
            next: 0,
            slowest_takeover: Duration::ZERO,
        })
    }

    /// Sends at all doors, lets it happen, mends it, and sends what was not answered once more.
    fn round(&mut self, round: u64, event: Event) -> Result<()> {
        let supply = Supply::of(self.next..self.next + LETTERS);
        let moment = self.next + 50 + mix(round) % 200;
        self.next += LETTERS;
        let met = usize::try_from(mix(round + 1_000) % self.nodes.len() as u64)?;
        let mut sending = Vec::new();
        for node in &self.nodes {
            let load = load::send(node.door(CONNECTIONS)?, Arc::clone(&self.letters), Arc::clone(&supply));
            sending.push(self.runtime.spawn(load));
        }
        wait::until("enough load", || (supply.handed_out() >= moment).then_some(()))?;
        self.let_happen(event, met)?;
        let happened = Instant::now();
        let cut_off = sending.remove(met);
        for load in sending {
            let log = self.runtime.block_on(load)??;
            self.note(log);
        }
        self.nodes[met].proxy.set(Way::Carry)?;
        let log = self.runtime.block_on(cut_off)??;
        self.note(log);
        self.jobs_are_taken_over(happened)?;
        for node in self.nodes.iter_mut().filter(|node| node.program.is_none()) {
            node.start_again()?;
        }
        self.resend()
    }

    fn let_happen(&mut self, event: Event, met: usize) -> Result<()> {
        let node = &mut self.nodes[met];
        match event {
            Event::NodeKilled => {
                node.kill()?;
                self.leave_job_behind()
            }
            Event::ServerKilled => {
                self.postgres.stop(Stop::Killed)?;
                self.postgres.start_again()
            }
            Event::NetworkCut => {
                node.proxy.cut();
                Ok(())
            }
            Event::NetworkStalled => node.proxy.set(Way::Stall),
            Event::NetworkSwallows => node.proxy.set(Way::Swallow),
        }
    }

    /// The node that was killed had just taken a job.
    fn leave_job_behind(&self) -> Result<()> {
        let schema = self.schema()?;
        let sql = format!(
            "set search_path = {schema}; insert into job (jobid, kind, jobkey, dueon, leaseuntil, attempts) \
             values ('\\x{:032x}', 'rematch', 'writer1@writers.test', 0, leaseclock(0) + {LEASE_MS}, 1) \
             on conflict do nothing",
            self.next
        );
        self.postgres.ask(&sql).map(drop)
    }

    /// What a node that died had taken, another one does.
    fn jobs_are_taken_over(&mut self, happened: Instant) -> Result<()> {
        let left = format!("select count(*) from {}.job", self.schema()?);
        wait::until("the jobs", || (self.postgres.ask(&left).ok()? == "0").then_some(()))?;
        let took = happened.elapsed();
        if took > Duration::from_millis(LEASE_MS) {
            self.slowest_takeover = self.slowest_takeover.max(took);
            anyhow::ensure!(took < TAKEN_OVER_WITHIN, "a job was taken over after {took:?}");
        }
        Ok(())
    }

    fn schema(&self) -> Result<String> {
        self.postgres.ask(&format!("select nspname from pg_namespace where nspname like '{SCHEMA}\\_%'"))
    }

    /// Sends what was not answered 250 once more, to one door after the other, as the queue of a mail server would.
    fn resend(&mut self) -> Result<()> {
        for attempt in 0..20 {
            let open = std::mem::take(&mut self.open);
            if open.is_empty() {
                return Ok(());
            }
            for number in open {
                let node = &self.nodes[usize::try_from(number + attempt)? % self.nodes.len()];
                let supply = Supply::of(number..number + 1);
                let log =
                    self.runtime.block_on(load::send(node.door(1)?, Arc::clone(&self.letters), supply))?;
                self.note(log);
            }
        }
        Ok(())
    }

    fn note(&mut self, log: Log) {
        self.answered.extend(log.answered.into_iter().map(|(number, _)| number));
        self.open.extend(log.open);
        for (code, times) in log.refusals {
            *self.refusals.entry(code).or_default() += times;
        }
    }

    /// Counts at the server what the senders' logs say was answered; the number of e-mails.
    fn inspect(&self, folder: &Path) -> Result<i64> {
        let database = Database::Postgres(Connecting {
            url: self.postgres.url(),
            schema: SCHEMA.to_owned(),
            connections_max: 4,
            certificate_authority: PathBuf::new(),
        });
        let store = Store::open(StoreSettings { database, ..StoreSettings::new(folder.join("inspector")) })?;
        let organization = store.organization_by_name(letters::ORGANIZATION)?;
        let numbers: Vec<u64> = self.answered.iter().copied().collect();
        let missing = missing(&organization, &self.letters, &numbers)?;
        assert_eq!(missing, Vec::<u64>::new(), "answered 250");
        let verified = crm::accounting::verify(&organization)?;
        assert_eq!(verified.faults, Vec::<String>::new());
        // Everything was sent until it was answered, so there is nothing beside it, and nothing twice.
        assert_eq!(verified.emails, i64::try_from(numbers.len())?);
        Ok(verified.emails)
    }
}

/// Those of the letters that are not there, or not once.
pub(super) fn missing(organization: &Organization, letters: &Letters, numbers: &[u64]) -> Result<Vec<u64>> {
    let counts = kept::emails_by_id(organization)?;
    let is_missing = |number: &u64| counts.get(&letters.letter(*number).message_id) != Some(&1);
    Ok(numbers.iter().copied().filter(is_missing).collect())
}
