//! Several nodes on one PostgreSQL take mail that waits to a relay that counts: one of them is killed, or its network to the
//! server is cut, again and again. In the end each recipient has his mail, and no more often than ends of data were noted of which
//! nobody knew.
//!
//! `cargo xtask crash --sending 50` tells it as often as one likes.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use model::Id;
use postroom::commands::{OutboxRequest, Request};
use store::{Database, PostgresSettings as Connecting, StoreSettings};
use testkit::letters::{self, mix};
use testkit::missing::or_skip;
use testkit::peers::{CountingRelay, Postgres, PostgresSettings};
use testkit::program::Program;
use testkit::{wait, waiting};

use super::nodes::{Node, SCHEMA};

const NODES: u64 = 3;
/// Mails of a round.
const MAILS: usize = 200;
/// Nothing moves any more by itself.
const STANDS_STILL: Duration = Duration::from_secs(5);
/// A node is taken for dead after this time of silence.
const SILENCE_MS: u64 = 60_000;

#[test]
fn nodes_that_die_leave_nobody_without_his_mail() {
    or_skip(|| {
        let rounds = super::number("CRASH_SENDING_ROUNDS", 3);
        let folder = tempfile::tempdir()?;
        let mut house = House::start(folder.path())?;
        for round in 0..rounds {
            house.round(round).with_context(|| format!("round {round}"))?;
        }
        house.end()?;
        let taken = house.relay.taken();
        let missing = (1..house.next).filter(|number| !taken.contains_key(&waiting::recipient(*number)));
        assert_eq!(missing.count(), 0, "recipients without their mail");
        let repeats: usize = taken.values().map(|times| times - 1).sum();
        println!(
            "{NODES} nodes, {rounds} rounds ({} killed, {} cut off), {} mails, {repeats} taken twice, {} past their end when \
             their node died",
            house.killed, house.cut_off, house.next, house.past_their_end
        );
        ensure!(
            repeats <= house.past_their_end,
            "{repeats} repeats, {} past their end",
            house.past_their_end
        );
        Ok(())
    });
}

struct House {
    nodes: Vec<Node>,
    /// Of the nodes, as the catalogue has them.
    ids: Vec<String>,
    postgres: Postgres,
    relay: CountingRelay,
    folder: PathBuf,
    model: Id,
    schema: String,
    next: usize,
    killed: usize,
    cut_off: usize,
    past_their_end: usize,
}

impl House {
    fn start(folder: &Path) -> Result<Self> {
        let postgres = Postgres::start(PostgresSettings { is_synced: false, ..PostgresSettings::default() })?;
        let relay = CountingRelay::start()?;
        let (mut nodes, mut ids) = (Vec::new(), Vec::new());
        for number in 0..NODES {
            nodes.push(Node::start(&postgres, folder.join(number.to_string()))?);
            ids.push(latest(&postgres)?);
        }
        let first = nodes.first().and_then(|node| node.program.as_ref()).context("no node")?;
        letters::world_with(1)?.make(|request| first.command(request), |_| None)?;
        let model = waiting::one(first, relay.smtp(), 4_096)?;
        let schema =
            postgres.ask(&format!("select nspname from pg_namespace where nspname like '{SCHEMA}\\_%'"))?;
        let folder = folder.join("filler");
        let (next, killed, cut_off, past_their_end) = (1, 0, 0, 0);
        Ok(House {
            nodes,
            ids,
            postgres,
            relay,
            folder,
            model,
            schema,
            next,
            killed,
            cut_off,
            past_their_end,
        })
    }

    /// Lets mail wait, and when some of it is out, something happens to one node.
    fn round(&mut self, round: u64) -> Result<()> {
        let moment = self.relay.taken().len() + 20 + usize::try_from(mix(round) % 100)?;
        waiting::more(self.settings(), self.model, self.next..self.next + MAILS)?;
        self.next += MAILS;
        self.ring()?;
        wait::until("mail on its way", || (self.relay.taken().len() >= moment).then_some(()))?;
        let met = usize::try_from(mix(round + 1_000) % NODES)?;
        let node = self.nodes.get_mut(met).context("no such node")?;
        if round % 3 == 1 {
            node.proxy.cut();
            self.cut_off += 1;
            return Ok(());
        }
        node.kill()?;
        node.start_again()?;
        self.killed += 1;
        let dead = std::mem::replace(self.ids.get_mut(met).context("no such node")?, latest(&self.postgres)?);
        // Its rows stand still until it is missed: that time goes by at once.
        let past = format!(
            "select count(*) from {}.outboxmail where owner = '\\x{dead}' and dotattempt = attempts",
            self.schema
        );
        self.past_their_end += self.postgres.ask(&past)?.parse::<usize>()?;
        let silent =
            format!("update {SCHEMA}.node set seenon = seenon - {SILENCE_MS} where nodeid = '\\x{dead}'");
        self.postgres.ask(&silent).map(drop)
    }

    /// For the rows of mail.
    fn settings(&self) -> StoreSettings {
        let database = Database::Postgres(Connecting {
            url: self.postgres.url(),
            schema: SCHEMA.to_owned(),
            connections_max: 4,
            certificate_authority: PathBuf::new(),
        });
        StoreSettings { database, ..StoreSettings::new(&self.folder) }
    }

    fn ring(&self) -> Result<()> {
        let mut programs = self.nodes.iter().filter_map(|node| node.program.as_ref());
        let ring =
            |program: &Program| program.command(Request::Outbox(OutboxRequest::Limits(None))).map(drop);
        programs.try_for_each(ring)
    }

    /// All that waits goes out. What may be out when its answer was lost with the network has to run out, and what did not go for that
    /// reason has its pause: that time goes by at once. A claim of which its node never heard, it finds by itself.
    fn end(&mut self) -> Result<()> {
        let left = format!("select count(*) from {}.outboxmail where endedon is null", self.schema);
        let held = format!("{}.outboxmail where endedon is null and owner is not null", self.schema);
        let past = format!("select count(*) from {held} and dotattempt = attempts");
        let run_out = format!(
            "update {}.outboxmail set dueon = 1 where endedon is null and (owner is null or dotattempt = attempts)",
            self.schema
        );
        let (mut seen, mut since) = (String::new(), Instant::now());
        wait::until("all mail to be settled", || {
            let now = self.postgres.ask(&left).ok()?;
            if now != seen {
                (seen, since) = (now.clone(), Instant::now());
            } else if since.elapsed() > STANDS_STILL {
                self.past_their_end += self.postgres.ask(&past).ok()?.parse::<usize>().ok()?;
                self.postgres.ask(&run_out).ok()?;
                since = Instant::now();
            }
            (now == "0").then_some(())
        })
    }
}

/// The id of the node that was started last.
fn latest(postgres: &Postgres) -> Result<String> {
    postgres.ask(&format!("select encode(nodeid, 'hex') from {SCHEMA}.node order by startedon desc limit 1"))
}
