//! What is forgotten after its time, what is begun anew, and that the books say the same afterwards.

use crm::CrmError;
use crm::accounting::{self, alarm, alarm::Alarm};
use crm::mailboxes::ledger::Seen;
use crm::mailboxes::retention::{self, Forgotten};
use crm::mailboxes::standing;
use model::Timestamp;
use model::outcome::Outcome;
use model::schema::mailboxes::MailboxState;

use super::house::{House, NOW};
use super::ledger::Watched;

const VISIT: &str = "From: Zoe <zoe@fabrikam.test>
To: jane@contoso.test
Subject: Visit
Date: Fri, 6 Mar 2026 09:00:00 +0000
Message-ID: <visit@fabrikam.test>

At three?
";

fn days_later(days: i64) -> Timestamp {
    NOW.plus_seconds(days * 86_400)
}

/// Forgets as of some days later, on a thread that may wait.
async fn forget(house: &House, days: i64) -> Forgotten {
    let organization = house.organization.clone();
    let work = move || retention::forget(&organization, days_later(days), 30).unwrap();
    tokio::task::spawn_blocking(work).await.unwrap()
}

#[tokio::test]
async fn of_mail_that_nobody_wanted_stays_why() {
    let house = House::new().await;
    let mut unwanted = Vec::new();
    for number in 0..3 {
        let mail = VISIT.replace("visit@", &format!("{number}@")).replace("jane@", "ben@");
        let receipt = house.take_in(house.out_of_mailbox(house.ben, &mail)).await.unwrap();
        assert_eq!(receipt.outcome(), Outcome::Ignored);
        unwanted.push(receipt.copyid);
    }
    let email = house.store(house.out_of_mailbox(house.jane, VISIT)).await;
    let circling = format!("{}{VISIT}", "Received: from a.test by b.test\n".repeat(101));
    house.take(house.out_of_mailbox(house.jane, &circling)).await;
    let account = || house.organization.read(|read| accounting::of_day(read, NOW.day())).unwrap();
    let before = account();

    assert_eq!(forget(&house, 30).await, Forgotten::default(), "it is kept for 30 days");
    assert_eq!(forget(&house, 31).await, Forgotten { ignored: 3, messages: 0 });
    assert_eq!(forget(&house, 32).await, Forgotten::default(), "once");
    for copyid in unwanted {
        let (copy, outcomes) = house
            .organization
            .read(|read| Ok::<_, store::StoreError>((read.copy(copyid)?, read.outcomes(copyid)?)))
            .unwrap();
        let copy = copy.unwrap();
        assert_eq!((copy.mailfrom, copy.recipients.as_str(), copy.trace), (None, "", None));
        assert_eq!(outcomes[0].messageid, None);
        assert!(copy.size > 0 && copy.source.starts_with("sink:"));
    }
    assert_eq!(account(), before, "the books of the day are as they were");
    let copies = house.organization.read(|read| read.email_copies(email)).unwrap();
    assert_eq!(copies.len(), 1, "what was stored is not touched");
    assert_eq!(house.organization.read(|read| read.open_undeliverables(9)).unwrap().len(), 1);
    house.books_are_right();
}

#[tokio::test]
async fn a_message_long_gone_leaves_the_ledger_and_is_counted() {
    let watched = Watched::new().await;
    let entries = watched.see(&[1, 2, 3]).await;
    for entry in &entries[..2] {
        assert_eq!(watched.take(entry).await, Outcome::Stored);
    }
    watched.settle(&[1, 2]).await;
    watched.look(&[], &[1]).await;
    assert_eq!(watched.counted(), (3, 1, 2));
    assert_eq!(forget(&watched.house, 30).await.messages, 0);
    assert_eq!(forget(&watched.house, 31).await.messages, 1);
    assert_eq!(watched.counted(), (3, 1, 2), "one of them is not in the ledger any more");
    assert_eq!(watched.there().len(), 2, "what is there stays, be it settled or not");
    watched.house.books_are_right_but_for_ledgers();

    // The server shows it once more: it is taken in as another copy, and is here.
    let again = watched.see(&[1]).await;
    assert_ne!(again[0].copyid, entries[0].copyid);
    assert_eq!(watched.take(&again[0]).await, Outcome::Duplicate);
    assert_eq!(watched.house.email_count(), 2);
    assert_eq!(watched.counted(), (4, 1, 3));
    watched.house.books_are_right();
}

#[tokio::test]
async fn what_is_lost_of_a_message_that_was_folded_away_is_seen() {
    let watched = Watched::new().await;
    let entries = watched.see(&[1]).await;
    watched.take(&entries[0]).await;
    watched.settle(&[1]).await;
    watched.look(&[], &[1]).await;
    forget(&watched.house, 31).await;
    watched.house.break_database("delete from outcome");
    let faults = accounting::verify(&watched.house.organization).unwrap().faults;
    assert!(faults[0].contains("1 copies were seen, and another number ended"), "{faults:?}");
}

#[tokio::test]
async fn a_folder_that_is_begun_anew_doubles_nothing() {
    let mut watched = Watched::new().await;
    let entries = watched.see(&[1, 2, 3]).await;
    for entry in &entries[..2] {
        watched.take(entry).await;
    }
    watched.settle(&[1]).await;
    standing::resync(&watched.house.organization, "crm").await.unwrap();
    assert_eq!(watched.look(&[1, 2, 3], &[]).await, Seen::Anew, "who is in the middle of it begins again");
    watched.reopen(10).await;
    let again = watched.see(&[1, 2, 3]).await;
    let mut ends = Vec::new();
    for entry in &again {
        ends.push(watched.take(entry).await);
    }
    assert_eq!(ends, [Outcome::Duplicate, Outcome::Duplicate, Outcome::Stored]);
    assert_eq!(watched.house.email_count(), 3);
    watched.house.books_are_right();
    let none = standing::resync(&watched.house.organization, "none").await;
    assert!(matches!(none, Err(CrmError::NotFound { what: "the mailbox" })), "{none:?}");
}

#[tokio::test]
async fn what_one_node_tells_of_a_mailbox_another_one_shows() {
    let watched = Watched::new().await;
    let (organization, mailbox) = (&watched.house.organization, watched.mailbox);
    watched.see(&[1, 2]).await;
    let told = |succeededon: Option<Timestamp>, state: &str| MailboxState {
        mailboxid: mailbox,
        node: "post1".to_owned(),
        state: state.to_owned(),
        iswell: succeededon.is_some(),
        failures: i32::from(succeededon.is_none()),
        nexttryon: None,
        succeededon,
        seenon: NOW,
    };
    standing::tell(organization, vec![told(Some(NOW), "well")]).await.unwrap();
    standing::tell(organization, vec![told(None, &"no answer ".repeat(200))]).await.unwrap();
    let (other, _open) = watched.house.at_other_node();
    let standing = standing::all(&other).unwrap().remove(0);
    let row = standing.told.unwrap();
    assert!(row.state.starts_with("no answer") && row.state.chars().count() <= 800, "{row:?}");
    assert_eq!(
        (row.iswell, row.failures, row.succeededon),
        (false, 1, Some(NOW)),
        "when it last went well stays"
    );
    let waiting = standing.waiting.unwrap();
    assert_eq!((waiting.count, waiting.since), (2, NOW));
    // What lasts is an alarm: trouble for an hour, waiting for a day.
    for (hours, expected) in [
        (1, vec![]),
        (2, vec!["the mailbox crm cannot be looked at since 2026-03-06"]),
        (
            25,
            vec![
                "messages wait in the mailbox crm since 2026-03-06",
                "the mailbox crm cannot be looked at since 2026-03-06",
            ],
        ),
    ] {
        let alarms = alarm::look(organization, NOW.plus_seconds(hours * 3_600), 1).unwrap();
        assert_eq!(alarms.iter().map(Alarm::words).collect::<Vec<_>>(), expected, "after {hours} h");
    }
}
