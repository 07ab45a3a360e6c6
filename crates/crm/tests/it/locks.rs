//! Two at a server who want the same: each batch of units holds the version of the records before rows of the outbox, so that
//! nobody waits for the version who holds what another waits for; and a template is held while it is compared.
//!
//! The other one is a transaction of its own, held open in the middle.

use std::sync::Arc;
use std::time::Duration;

use crm::outbox::{self, Claimed, Ends, Settled, Tried, Wanted};
use crm::templates::{self, NewTemplate, Source};
use model::{Id, Moment, language};
use tokio_postgres::{Client, NoTls};

use crate::house::House;
use crate::outbox::{NODE, claim, draft, house, now, said, send};

/// Somebody else's connection to the schema of the organization.
struct Other {
    client: Client,
}

impl Other {
    /// None where rows are in files: there one writes at a time.
    async fn beside(house: &House) -> Option<Other> {
        let Some((url, schema)) = house.server() else {
            eprintln!("skipped: rows are in files, where one writes at a time");
            return None;
        };
        let (client, connection) = tokio_postgres::connect(&url, NoTls).await.unwrap();
        tokio::spawn(connection);
        let digits = house.organization.id().to_string().replace('-', "");
        let other = Other { client };
        other.run(&format!("set search_path = {schema}_{digits}")).await;
        Some(other)
    }

    async fn run(&self, sql: &str) {
        self.client.batch_execute(sql).await.unwrap();
    }

    /// Waits until another connection waits for a lock that this one has.
    async fn is_waited_for(&self) {
        let sql = "select 1 from pg_stat_activity where pg_backend_pid() = any(pg_blocking_pids(pid))";
        let waited = async {
            while self.client.query(sql, &[]).await.unwrap().is_empty() {
                tokio::task::yield_now().await;
            }
        };
        assert!(tokio::time::timeout(Duration::from_secs(30), waited).await.is_ok(), "nobody waits");
    }

    /// Whether nobody holds any row of the outbox.
    async fn finds_the_outbox_free(&self) -> bool {
        self.client.query("select 1 from outboxmail for update nowait", &[]).await.is_ok()
    }
}

/// As a unit begins that changes what decisions depend on: an import, an address that is suppressed by hand.
const CHANGES_RECORDS: &str = "begin; lock table setting in exclusive mode";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_settlement_that_waits_for_the_version_holds_no_mail() {
    let house = house().await;
    let Some(other) = Other::beside(&house).await else { return };
    send(&house, draft()).await.unwrap();
    let claimed = claim(&house, NODE).await.remove(0);
    other.run(CHANGES_RECORDS).await;
    let settling =
        tokio::spawn(settle(Arc::clone(&house.organization), claimed, Moment::new(now(&house), 77)));
    other.is_waited_for().await;
    assert!(
        other.finds_the_outbox_free().await,
        "the one who changes records may cancel mail with the same commit"
    );
    other.run("commit").await;
    assert_eq!(settling.await.unwrap(), Settled::Ended);
}

async fn settle(organization: Arc<store::Organization>, claimed: Claimed, moment: Moment) -> Settled {
    let replies = vec![said(250); 3];
    let tried = [(Arc::new(claimed), Tried::Answered(replies))].into();
    let ends = Ends { tried, ending: Vec::new() };
    outbox::write_down(&organization, ends, moment).await.unwrap().settled[0]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_claim_that_waits_for_the_version_holds_no_mail() {
    let house = house().await;
    let Some(other) = Other::beside(&house).await else { return };
    send(&house, draft()).await.unwrap();
    other.run(CHANGES_RECORDS).await;
    let relay = outbox::relays(&house.organization).unwrap()[0].emailserverprofileid;
    let (organization, moment) = (Arc::clone(&house.organization), Moment::new(now(&house), 78));
    let claiming = tokio::spawn(async move {
        let wanted = Wanted { relay, limit: 16, has_bulk: true };
        outbox::claim(&organization, NODE, (moment, wanted)).await.unwrap().len()
    });
    other.is_waited_for().await;
    assert!(
        other.finds_the_outbox_free().await,
        "the one who changes records may cancel mail with the same commit"
    );
    other.run("commit").await;
    assert_eq!(claiming.await.unwrap(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_changes_a_template_waits_for_the_other_and_is_told() {
    let house = House::new().await;
    let Some(other) = Other::beside(&house).await else { return };
    let id = templates::add_template(&house.organization, welcome("Welcome"), house.moment()).await.unwrap();
    let of = |id: Id| house.organization.read(|read| read.template(id)).unwrap().unwrap();
    let seen = of(id).modifiedon;
    other.run("begin; update template set subject = 'Theirs', modifiedon = modifiedon + 1").await;
    let (organization, moment) = (Arc::clone(&house.organization), house.moment_after(1));
    let changing = tokio::spawn(async move {
        templates::change_template(&organization, (id, seen), welcome("Ours"), moment).await.unwrap()
    });
    other.is_waited_for().await;
    other.run("commit").await;
    assert!(!changing.await.unwrap(), "it was changed meanwhile");
    assert_eq!(of(id).subject, "Theirs");
}

fn welcome(subject: &str) -> NewTemplate {
    NewTemplate {
        title: "Welcome".to_owned(),
        language: language::ANY,
        kind: None,
        owner: None,
        source: Source { subject: subject.to_owned(), html: None, text: Some("Hello".to_owned()) },
    }
}
