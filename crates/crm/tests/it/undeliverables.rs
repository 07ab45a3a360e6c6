//! What was set aside is replayed once its cause is gone, or dismissed; the books agree at each step.

use crm::CrmError;
use crm::intake::{Copy, EnvelopeRecipient, Proof, Source, What};
use crm::undeliverables::{self, DISMISSED, Here, Kept, OPEN, REPLAYED, Replayed, Step};
use model::Id;
use model::outcome::{Outcome, Reason};

use super::house::{House, NOW, address};
use super::polled::{bytes, delivered, ended, take};

const VISIT: &str = "From: Zoe <zoe@fabrikam.test>
To: jane@contoso.test
Subject: Visit
Date: Fri, 6 Mar 2026 09:00:00 +0000
Message-ID: <visit@fabrikam.test>

At three?
";

const FORWARD: &str = "From: Jane <jane@contoso.test>
To: crm@sink.contoso.test
Subject: Fwd: both
Date: Fri, 6 Mar 2026 09:40:00 +0000
Message-ID: <forward@contoso.test>
MIME-Version: 1.0
Content-Type: multipart/mixed; boundary=b

--b
Content-Type: message/rfc822

";

fn both() -> String {
    let plan = VISIT.replace("visit@", "plan@").replace("Visit", "Plan");
    format!("{FORWARD}{VISIT}\n--b\nContent-Type: message/rfc822\n\n{plan}\n--b--\n")
}

fn list(house: &House, state: i32) -> Vec<Kept> {
    undeliverables::list(&house.organization, state, (None, 99)).unwrap()
}

async fn replay(house: &House, id: Id) -> Replayed {
    undeliverables::replay(&house.organization, id, house.moment()).await.unwrap()
}

/// The outcomes of the originals of what was taken in.
fn outcomes(replayed: &Replayed) -> Vec<Outcome> {
    match replayed {
        Replayed::Ended(receipt) => receipt.originals.iter().map(|original| original.outcome).collect(),
        other => panic!("{other:?}"),
    }
}

/// A mail of Zoë's at the sink of which nobody vouches for anything, from far away.
fn from_far_away(house: &House, mail: &str) -> Copy {
    let sink = address("crm@sink.contoso.test");
    let recipient = EnvelopeRecipient { address: sink.clone(), source: Source::Sink(sink), user: None };
    Copy {
        recipients: vec![recipient],
        peer: Some("198.51.100.9".parse().unwrap()),
        proof: Proof::None,
        ..house.out_of_mailbox(house.jane, mail)
    }
}

#[tokio::test]
async fn what_failed_is_replayed_and_stands_on_the_record_once() {
    let house = House::new().await;
    let mailbox = house.forward_mailbox("crm", false).await;
    let mail = bytes(&delivered("zoe@fabrikam.test", &house.key_address(house.jane), VISIT));
    let receipt = ended(take(&house, mailbox, What::SetAside(mail)).await.unwrap());
    house.books_are_right_but_for_ledgers();
    let kept = list(&house, OPEN).remove(0);
    assert_eq!((kept.source.as_str(), kept.step, kept.here), ("mailbox:crm", Step::Keeping, Here::Whole));
    let id = kept.row.undeliverableid;

    let first = replay(&house, id).await;
    assert_eq!(outcomes(&first), [Outcome::Stored]);
    assert_eq!(replay(&house, id).await, Replayed::Over, "twice replayed is once");
    assert_eq!(house.email_count(), 1);
    let rows = house.organization.read(|read| read.outcomes(receipt.copyid)).unwrap();
    assert_eq!((rows.len(), rows[0].outcome), (1, Outcome::Stored as i32), "by the same copy");
    let email = house.email(rows[0].activityid.unwrap());
    assert_eq!(email.receivinguserid, Some(house.jane), "whose mailbox it was is in its trace");
    let kept = undeliverables::find(&house.organization, id).unwrap();
    assert_eq!((kept.row.statecode, kept.row.attempts, kept.row.endedon), (REPLAYED, 1, Some(NOW)));
    assert!(list(&house, OPEN).is_empty());
    house.books_are_right_but_for_ledgers();
}

#[tokio::test]
async fn what_is_still_broken_waits_and_the_attempt_is_counted() {
    let house = House::new().await;
    let circling = format!("{}{VISIT}", "Received: from a.test by b.test\n".repeat(101));
    house.take(house.out_of_mailbox(house.jane, &circling)).await;
    let id = list(&house, OPEN)[0].row.undeliverableid;
    for attempt in 1..=2 {
        assert_eq!(replay(&house, id).await, Replayed::Waits);
        let kept = list(&house, OPEN).remove(0);
        assert_eq!((kept.row.attempts, kept.row.lasttriedon, kept.step), (attempt, Some(NOW), Step::Reading));
        house.books_are_right();
    }
    // The mail itself came by another way meanwhile; without its cause the copy is that mail.
    house.store(house.out_of_mailbox(house.jane, VISIT)).await;
    assert_eq!(replay(&house, id).await, Replayed::Waits);
    assert_eq!(house.email_count(), 1);
    house.books_are_right();
}

#[tokio::test]
async fn what_was_not_believed_is_believed_once_the_sink_says_so() {
    let house = House::new().await;
    let receipt = house.take_in(from_far_away(&house, &both())).await.unwrap();
    assert_eq!(receipt.originals[0].reason, Reason::Unproven);
    let id = list(&house, OPEN)[0].row.undeliverableid;
    assert_eq!(replay(&house, id).await, Replayed::Waits);
    assert_eq!(house.break_database("update sink set refusing = '198.51.100.0/24'"), 1);
    assert_eq!(outcomes(&replay(&house, id).await), [Outcome::Stored, Outcome::Stored]);
    let copy = house.organization.read(|read| read.copy(receipt.copyid)).unwrap().unwrap();
    assert_eq!(copy.originals, 2);
    assert!(copy.outerblobid.is_some(), "what stood around them is kept with the copy");
    house.books_are_right();
}

#[tokio::test]
async fn one_original_of_several_is_replayed_alone() {
    let house = House::new().await;
    let broken = both().replace("Subject: Plan", &"Received: from a.test by b.test\n".repeat(101));
    let receipt = house.take_in(house.out_of_mailbox(house.jane, &broken)).await.unwrap();
    let ends: Vec<Outcome> = receipt.originals.iter().map(|original| original.outcome).collect();
    assert_eq!(ends, [Outcome::Stored, Outcome::Undeliverable]);
    let id = list(&house, OPEN)[0].row.undeliverableid;
    assert_eq!(replay(&house, id).await, Replayed::Waits);
    let rows = house.organization.read(|read| read.outcomes(receipt.copyid)).unwrap();
    let ends: Vec<i32> = rows.iter().map(|row| row.outcome).collect();
    assert_eq!(ends, [Outcome::Stored as i32, Outcome::Undeliverable as i32], "it is no duplicate of itself");
    house.books_are_right();
    assert!(dismiss(&house, id, "two rules sent to each other").await.unwrap());
    assert_eq!(replay(&house, id).await, Replayed::Over);
    house.books_are_right();
}

async fn dismiss(house: &House, id: Id, reason: &str) -> Result<bool, CrmError> {
    undeliverables::dismiss(&house.organization, id, ("jane@contoso.test", reason), NOW).await
}

#[tokio::test]
async fn to_dismiss_takes_a_reason_and_leaves_a_trace() {
    let house = House::new().await;
    let circling = format!("{}{VISIT}", "Received: from a.test by b.test\n".repeat(101));
    house.take(house.out_of_mailbox(house.jane, &circling)).await;
    let id = list(&house, OPEN)[0].row.undeliverableid;
    assert!(matches!(dismiss(&house, id, " \n").await, Err(CrmError::Invalid(_))));
    assert!(dismiss(&house, id, "a loop,\nmended").await.unwrap());
    assert!(!dismiss(&house, id, "again").await.unwrap(), "it waits no longer");
    let kept = list(&house, DISMISSED).remove(0).row;
    let told = (kept.endedby.as_deref(), kept.endreason.as_deref(), kept.endedon);
    assert_eq!(told, (Some("jane@contoso.test"), Some("a loop, mended"), Some(NOW)));
    assert_eq!(undeliverables::bytes(&house.organization, id).unwrap(), bytes(&circling).to_vec());
    house.books_are_right();
}

#[tokio::test]
async fn what_is_not_here_cannot_be_replayed() {
    let house = House::new().await;
    let mailbox = house.forward_mailbox("crm", false).await;
    let what = What::Unfetchable { header: bytes("Subject: Plan\n\n"), words: "too large".to_owned() };
    take(&house, mailbox, what).await.unwrap();
    let kept = list(&house, OPEN).remove(0);
    assert_eq!((kept.here, kept.step), (Here::Header, Step::Fetching));
    assert_eq!(replay(&house, kept.row.undeliverableid).await, Replayed::Waits);
    let kept = list(&house, OPEN).remove(0).row;
    assert_eq!((kept.attempts, kept.detail.as_str()), (1, "too large"));
    house.books_are_right_but_for_ledgers();
}

#[tokio::test]
async fn two_replays_at_once_are_one() {
    let house = House::new().await;
    let mailbox = house.forward_mailbox("crm", false).await;
    let mail = bytes(&delivered("zoe@fabrikam.test", &house.key_address(house.jane), VISIT));
    take(&house, mailbox, What::SetAside(mail)).await.unwrap();
    let id = undeliverables::waiting(&house.organization).unwrap()[0];
    let (other, _open) = house.at_other_node();
    let (here, there) = tokio::join!(
        undeliverables::replay(&house.organization, id, house.moment()),
        undeliverables::replay(&other, id, house.moment())
    );
    let ends = [here.unwrap(), there.unwrap()];
    assert_eq!(ends.iter().filter(|end| **end == Replayed::Over).count(), 1, "{ends:?}");
    assert_eq!(house.email_count(), 1);
    house.books_are_right_but_for_ledgers();
}

#[tokio::test]
async fn what_is_kept_apart_is_listed_apart_a_page_at_a_time() {
    let house = House::new().await;
    for number in 0..6 {
        let mail = format!("To: jane@contoso.test\nSubject: {number}\n\nHello\n");
        assert_eq!(house.take(house.out_of_mailbox(house.jane, &mail)).await.0, Outcome::Undeliverable);
    }
    let odd = "update undeliverable set reason = 61 where subject in ('1', '3', '5')";
    assert_eq!(house.break_database(odd), 3);
    for (is_apart, expected) in [(true, ["1", "3", "5"]), (false, ["0", "2", "4"])] {
        let (mut behind, mut seen) = (None, Vec::new());
        loop {
            let page = undeliverables::waiting_apart(&house.organization, is_apart, (behind, 2)).unwrap();
            let Some(last) = page.last() else { break };
            behind = Some((last.row.createdon, last.row.undeliverableid));
            assert!(page.len() <= 2 && page.iter().all(|kept| !kept.source.is_empty()));
            seen.extend(page.into_iter().map(|kept| kept.row.subject));
        }
        seen.sort();
        assert_eq!(seen, expected, "{is_apart}");
    }
}
