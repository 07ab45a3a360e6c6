//! Two houses on one database server: what one leaves, the other takes up at once. No round of theirs comes in time.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use postroom::commands::{
    self, AddRelay, AddUser, CustomerKind, Import, OutboxRequest, Reply, Request, SendMail, When,
};
use postroom::node::Role;
use postroom::{House, Inside, RunningHouse, Settings};
use store::Database;
use tempfile::TempDir;
use tokio::runtime::Runtime;

use crate::client::{MailClient, mail};
use crate::nodes::wait_for;

#[test]
fn mail_that_one_node_wrote_another_takes_at_once_and_when_it_is_due() {
    let Some(nodes) = Nodes::start() else { return };
    let pickup = nodes.folder.path().join("pickup");
    fs::create_dir(&pickup).unwrap();
    nodes.run(Request::Outbox(OutboxRequest::AddRelay(picked_up(&pickup))));
    let taken = || fs::read_dir(&pickup).unwrap().count();
    for (before, when) in [None, Some(When::In(1))].into_iter().enumerate() {
        assert_eq!(taken(), before);
        let sent = nodes.run(Request::Outbox(OutboxRequest::Send(Box::new(offer(when)))));
        assert!(matches!(sent, Reply::SentMail(_)), "{sent:?}");
        wait_for(|| taken() == before + 1);
    }
    nodes.end();
}

#[test]
fn a_job_that_one_node_left_another_does_at_once() {
    let Some(nodes) = Nodes::start() else { return };
    let mut zoe = MailClient::smtp(nodes.takes.ports.smtp[0]);
    assert!(zoe.send(&["jane@contoso.test"], &mail(1)).starts_with("250"));
    let organization = nodes.writes.organization("contoso").unwrap();
    let is_open = || !organization.read(|read| read.open_parties("zoe@fabrikam.test", 1)).unwrap().is_empty();
    assert!(is_open(), "nobody knows her");
    nodes.run(Request::Import(Import {
        organization: "contoso".to_owned(),
        kind: CustomerKind::Contacts,
        heading: vec!["fullname".to_owned(), "emailaddress1".to_owned()],
        rows: vec![(2, vec!["Zoe".to_owned(), "zoe@fabrikam.test".to_owned()])],
    }));
    wait_for(|| !is_open());
    nodes.end();
}

/// One node that is told what to do and serves nothing, and one that does the work.
struct Nodes {
    writes: Arc<House>,
    takes: RunningHouse,
    runtime: Runtime,
    folder: TempDir,
}

impl Nodes {
    /// With an organization and its user Jane; `None` where tests have no server.
    fn start() -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let writes = settings(folder.path(), "writes")?;
        let runtime = Runtime::new().unwrap();
        let (writes, takes) = runtime.block_on(async {
            let writes = House::open_with(writes, patient()).unwrap();
            commands::run(&writes, Request::AddOrganization("contoso".to_owned())).await.unwrap();
            commands::run(&writes, Request::AddUser(jane())).await.unwrap();
            let takes = settings(folder.path(), "takes").unwrap();
            (writes, House::open_with(takes, patient()).unwrap().serve().await.unwrap())
        });
        wait_for(|| takes.house().store().is_listening());
        Some(Nodes { writes, takes, runtime, folder })
    }

    fn run(&self, request: Request) -> Reply {
        self.runtime.block_on(commands::run(&self.writes, request)).unwrap()
    }

    fn end(self) {
        self.runtime.block_on(self.takes.stop());
    }
}

/// Who never looks by himself, once he has begun.
fn patient() -> Inside {
    Inside { round: Some(Duration::from_secs(86_400)), ..Inside::default() }
}

/// Of a node; `None` where tests have no server.
fn settings(folder: &Path, name: &str) -> Option<Settings> {
    let Database::Postgres(server) = Database::for_tests(folder) else {
        println!("skipped: two nodes need a database server (POSTROOM_TEST_DATABASE)");
        return None;
    };
    let mut settings = Settings::built_in().unwrap();
    settings.data = folder.join(name);
    settings.database.url = server.url;
    settings.database.schema = server.schema;
    settings.hostname = "house.test".to_owned();
    settings.smtp.listen = vec!["127.0.0.1:0".parse().unwrap()];
    settings.node.roles = vec![Role::Receive, Role::Jobs, Role::Send];
    Some(settings)
}

fn jane() -> AddUser {
    AddUser {
        organization: "contoso".to_owned(),
        name: "Jane Doe".to_owned(),
        address: "jane@contoso.test".to_owned(),
        filter: Some("all".to_owned()),
        is_administrator: false,
        password: None,
    }
}

fn picked_up(folder: &Path) -> AddRelay {
    AddRelay {
        organization: "contoso".to_owned(),
        name: "main".to_owned(),
        kind: commands::PICKUP,
        host: folder.display().to_string(),
        port: 0,
        tls: 0,
        authority: None,
        login: None,
        return_domain: None,
    }
}

fn offer(when: Option<When>) -> SendMail {
    SendMail {
        organization: "contoso".to_owned(),
        from: "jane@contoso.test".to_owned(),
        to: vec!["zoe@fabrikam.test".to_owned()],
        subject: "Offer".to_owned(),
        text: "Fifty pallets?\n".to_owned(),
        when,
        ..SendMail::default()
    }
}
