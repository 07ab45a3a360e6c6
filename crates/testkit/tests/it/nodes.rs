//! Several stores on one PostgreSQL, each behind a network of its own: what must hold when two of them do the same at
//! one moment, and when something between them and the server breaks.
//!
//! What passes through: mails to a queue, and units of work. Each story has a server that is its own.

mod commit;
mod disk;
mod mailboxes;
mod outgoing;
mod together;
mod trouble;

use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Barrier};
use std::thread;

use anyhow::{Context, Result};
use crm::CrmError;
use crm::intake::{self, Copy, EnvelopeRecipient, Proof, Receipt, Source};
use crm::records::import::{self, Columns, Customers, Row};
use crm::records::people;
use crm::{jobs, records};
use message::identity;
use model::filter::IncomingFilter;
use model::outcome::Outcome;
use model::schema::emails::Email;
use model::{EmailAddress, Id, MessageId, Moment, Timestamp};
use store::{
    Database, Organization, PostgresSettings as Connecting, Priority, Store, StoreError, StoreSettings,
};
use testkit::letters::mix;
use testkit::peers::{Postgres, PostgresSettings};
use testkit::proxy::Proxy;
use testkit::wait;
use tokio::runtime::Runtime;
use tokio_postgres::NoTls;

const NOW: Timestamp = Timestamp(1_795_430_000_000);
const ORGANIZATION: &str = "contoso";
const SUPPORT: &str = "support@contoso.test";

/// So many nodes on one schema.
pub(crate) struct Nodes {
    pub(crate) nodes: Vec<Node>,
    pub(crate) postgres: Postgres,
}

/// A client beside the nodes.
pub(crate) struct Session {
    client: tokio_postgres::Client,
    runtime: Runtime,
}

impl Session {
    pub(crate) fn run(&self, sql: &str) -> Result<()> {
        Ok(self.runtime.block_on(self.client.batch_execute(sql))?)
    }
}

/// A store, the network to its server, and what it takes mail in with.
pub(crate) struct Node {
    pub(crate) organization: Arc<Organization>,
    pub(crate) proxy: Proxy,
    runtime: Runtime,
    moments: AtomicU64,
    // Last, so that the store closes after the organization is let go.
    _store: Arc<Store>,
    _folder: tempfile::TempDir,
}

impl Nodes {
    /// On a server of their own, whose commits do not reach the disk.
    pub(crate) fn start(count: u64) -> Result<Self> {
        Nodes::start_on(count, PostgresSettings { is_synced: false, ..PostgresSettings::default() })
    }

    pub(crate) fn start_on(count: u64, settings: PostgresSettings) -> Result<Self> {
        let postgres = Postgres::start(settings)?;
        let nodes: Result<Vec<Node>> = (0..count).map(|number| Node::open(&postgres, number)).collect();
        Ok(Nodes { nodes: nodes?, postgres })
    }

    /// Runs something at two nodes at the same moment.
    pub(crate) fn at_once<A: Send, B: Send>(
        &self,
        first: impl FnOnce(&Node) -> A + Send,
        second: impl FnOnce(&Node) -> B + Send,
    ) -> (A, B) {
        let together = Barrier::new(2);
        thread::scope(|scope| {
            let first = scope.spawn(|| {
                together.wait();
                first(&self.nodes[0])
            });
            let second = scope.spawn(|| {
                together.wait();
                second(&self.nodes[1])
            });
            (first.join().unwrap(), second.join().unwrap())
        })
    }

    /// The schema of the organization.
    pub(crate) fn schema(&self) -> Result<String> {
        self.postgres.ask("select nspname from pg_namespace where nspname like 'nodes\\_%'")
    }

    /// A client of the server beside the nodes, which has said this.
    pub(crate) fn session(&self, sql: &str) -> Result<Session> {
        let runtime = Runtime::new()?;
        let (client, connection) = runtime.block_on(tokio_postgres::connect(&self.postgres.url(), NoTls))?;
        runtime.spawn(connection);
        let session = Session { client, runtime };
        session.run(sql)?;
        Ok(session)
    }

    /// A session that claims the Message-ID of [`mail`] with this name: whoever stores that mail has asked everything,
    /// and waits in the middle of its writing until the session says `rollback`.
    pub(crate) fn blocked(&self, name: &str) -> Result<Session> {
        let id = MessageId::parse(&format!("<{name}@customer.test>")).context("no id")?;
        let key: String = identity::message_key(&id).iter().map(|byte| format!("{byte:02x}")).collect();
        self.session(&format!(
            "set search_path = {}; begin; insert into identity \
             (keyhash, variant, activityid, hasmessageid, textdigest, rawdigest) \
             values ('\\x{key}', 0, '\\x00', 1, '', '')",
            self.schema()?
        ))
    }

    /// How many connections wait for a lock.
    pub(crate) fn waiting(&self) -> Option<usize> {
        let sql = "select count(*) from pg_stat_activity where wait_event_type = 'Lock'";
        self.postgres.ask(sql).ok()?.parse().ok()
    }

    pub(crate) fn until_waiting(&self, count: usize) -> Result<()> {
        wait::until("connections that wait for a lock", || (self.waiting()? == count).then_some(()))
    }

    pub(crate) fn books_are_right(&self) {
        for node in &self.nodes {
            let verified = crm::accounting::verify(&node.organization).unwrap();
            assert_eq!(verified.faults, Vec::<String>::new());
        }
    }
}

impl Node {
    fn open(postgres: &Postgres, number: u64) -> Result<Self> {
        let proxy = Proxy::start(postgres.address())?;
        let folder = tempfile::tempdir()?;
        let database = Database::Postgres(Connecting {
            url: postgres.url_by(proxy.address()),
            schema: "nodes".to_owned(),
            connections_max: 8,
            certificate_authority: PathBuf::new(),
        });
        let store = Store::open(StoreSettings { database, ..StoreSettings::new(folder.path()) })?;
        let runtime = Runtime::new()?;
        let moments = AtomicU64::new(number << 40);
        let moment = || Moment::new(NOW, mix(moments.fetch_add(1, Ordering::SeqCst)));
        let organization = if number == 0 {
            let made = records::add_organization(&store, ORGANIZATION, &moment())?;
            let queue = ("Support".to_owned(), address(SUPPORT), IncomingFilter::All);
            runtime.block_on(people::add_queue(&store, &made, queue, moment()))?;
            made
        } else {
            store.organization_by_name(ORGANIZATION)?
        };
        Ok(Node { organization, proxy, runtime, moments, _store: store, _folder: folder })
    }

    pub(crate) fn moment(&self) -> Moment {
        Moment::new(NOW, mix(self.moments.fetch_add(1, Ordering::SeqCst)))
    }

    pub(crate) fn take_in(&self, raw: &str) -> Result<Receipt, CrmError> {
        let source = Source::Queue(address(SUPPORT));
        let copy = Copy {
            copyid: self.moment().id(),
            source: source.clone(),
            arrived: NOW,
            has_envelope: true,
            mail_from: Some("somebody@customer.test".to_owned()),
            recipients: vec![EnvelopeRecipient { address: address(SUPPORT), source, user: None }],
            peer: None,
            trace: None,
            proof: Proof::None,
            raw: raw.replace('\n', "\r\n").into_bytes().into(),
            has_bare_line_ends: false,
        };
        self.runtime.block_on(intake::take_in(&self.organization, copy, self.moment()))
    }

    /// What became of a mail, and the e-mail that it is.
    pub(crate) fn take(&self, raw: &str) -> (Outcome, Id) {
        let receipt = self.take_in(raw).unwrap();
        let [original] = receipt.originals.as_slice() else { panic!("one original: {receipt:?}") };
        (original.outcome, original.email.unwrap_or_else(|| panic!("{receipt:?}")))
    }

    pub(crate) fn email(&self, id: Id) -> Email {
        self.organization.read(|read| read.email(id)).unwrap().unwrap()
    }

    /// Imports a contact with an address.
    pub(crate) fn contact(&self, at: &str) -> Result<(), CrmError> {
        let heading = ["fullname".to_owned(), "emailaddress1".to_owned()];
        let columns = Columns::read(Customers::Contacts, &heading).unwrap();
        let rows = vec![Row { line: 2, cells: vec![format!("Contact {at}"), at.to_owned()] }];
        let imported =
            self.runtime.block_on(import::import(&self.organization, &columns, rows, self.moment()))?;
        assert_eq!((imported.added, imported.faults), (1, vec![]));
        Ok(())
    }

    pub(crate) fn run_jobs(&self) {
        let node = self.moment().id();
        while self.runtime.block_on(jobs::run_one(&self.organization, node, self.moment())).unwrap() {}
    }

    /// Keeps a setting, and waits for what becomes of it.
    pub(crate) fn set(&self, name: &str, value: &str) -> Result<(), StoreError> {
        let (name, value) = (name.to_owned(), value.to_owned());
        self.organization.unit(Priority::Intake, move |tx| tx.set_setting(&name, &value)).wait()
    }

    pub(crate) fn setting(&self, name: &str) -> Option<String> {
        self.organization.read(|read| read.setting(name)).unwrap()
    }
}

fn address(text: &str) -> EmailAddress {
    EmailAddress::parse(text).unwrap()
}

/// A mail of a customer to the queue; `more` are lines of its header.
fn mail(id: &str, subject: &str, more: &str) -> String {
    format!(
        "From: Zoe <zoe@customer.test>\nTo: {SUPPORT}\nSubject: {subject}\n\
         Date: Mon, 23 Nov 2026 09:15:00 +0100\nMessage-ID: <{id}@customer.test>\n{more}\nIt is about {id}.\n"
    )
}

/// Some kilobytes that do not compress.
fn noise(seed: u64) -> String {
    (0..3_000)
        .map(|place| format!("{:016x}", mix(seed << 32 | place)) + if place % 4 == 3 { "\n" } else { " " })
        .collect()
}
