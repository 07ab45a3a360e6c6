//! What the hook before delivery says holds for the mail that it saw, and stays with it until a person looks.

use std::sync::Arc;

use crm::intake::{self, Copy, Heard, Proof, Receipt, Verdicts};
use crm::undeliverables::{self, Replayed};
use model::Id;
use model::decision::{Entity, RecordRef};
use model::outcome::{Outcome, Reason};

use crate::house::House;

fn mail(from: &str, subject: &str) -> String {
    format!(
        "From: {from}\nTo: jane@contoso.test\nSubject: {subject}\nDate: Fri, 6 Mar 2026 09:00:00 +0000\n\
         Message-ID: <{subject}@fabrikam.test>\n\n{subject}?\n"
    )
}

/// Several mails as Jane forwards them to the sink.
fn forward(mails: &[&str]) -> String {
    let parts: String =
        mails.iter().map(|mail| format!("--b\nContent-Type: message/rfc822\n\n{mail}\n")).collect();
    format!(
        "From: jane@contoso.test\nTo: crm@sink.contoso.test\nSubject: Fwd: all\nMessage-ID: <fwd@contoso.test>\n\
         MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n\n{parts}--b--\n"
    )
}

fn hint(entity: Entity, id: Id) -> Heard {
    Heard { hint: Some(RecordRef { entity, id }), ..Heard::default() }
}

async fn take(house: &House, copy: Copy, heard: Heard) -> Receipt {
    let verified = (copy, Arc::new(Verdicts { heard, ..Verdicts::default() }));
    intake::take_in_verified(&house.organization, verified, house.moment()).await.unwrap()
}

fn regarding(house: &House, receipt: &Receipt) -> Vec<Option<Id>> {
    let about = |email: Option<Id>| house.email(email.unwrap()).regardingobjectid;
    receipt.originals.iter().map(|original| about(original.email)).collect()
}

/// The record of Zoë, and one of Tom.
async fn customers(house: &House) -> [Id; 2] {
    house.contact("Tom Reed", "tom@northwind.test").await;
    let known = |key: &str| house.organization.read(|read| read.addresses(key)).unwrap()[0].objectid;
    [known("zoe@fabrikam.test"), known("tom@northwind.test")]
}

#[tokio::test]
async fn a_hint_is_of_the_mail_that_the_hook_saw_and_not_of_each_within_it() {
    let house = House::new().await;
    let [zoe, tom] = customers(&house).await;
    let both = forward(&[&mail("zoe@fabrikam.test", "sand"), &mail("tom@northwind.test", "gravel")]);
    let receipt = take(&house, house.out_of_mailbox(house.jane, &both), hint(Entity::Contact, zoe)).await;
    assert_eq!(regarding(&house, &receipt), [None, None], "nobody knows which of them it is of");
    // One alone is what it was said of; and so is a mail that came by itself.
    let one = forward(&[&mail("zoe@fabrikam.test", "lime")]);
    let receipt = take(&house, house.out_of_mailbox(house.jane, &one), hint(Entity::Contact, tom)).await;
    assert_eq!(regarding(&house, &receipt), [Some(tom)]);
    let alone = house.out_of_mailbox(house.jane, &mail("tom@northwind.test", "clay"));
    let receipt = take(&house, alone, hint(Entity::Contact, zoe)).await;
    assert_eq!(regarding(&house, &receipt), [Some(zoe)]);
    house.books_are_right();
}

#[tokio::test]
async fn a_hint_that_the_conversation_overrules_is_shown_as_that() {
    let house = House::new().await;
    let [zoe, tom] = customers(&house).await;
    let first = house.out_of_mailbox(house.jane, &mail("zoe@fabrikam.test", "sand"));
    take(&house, first, hint(Entity::Contact, zoe)).await;
    let answer = mail("zoe@fabrikam.test", "again")
        .replace("Message-ID", "In-Reply-To: <sand@fabrikam.test>\nMessage-ID");
    let receipt = take(&house, house.out_of_mailbox(house.jane, &answer), hint(Entity::Contact, tom)).await;
    assert_eq!(regarding(&house, &receipt), [Some(zoe)]);
    let email = house.email(receipt.originals[0].email.unwrap());
    let signals: serde_json::Value = serde_json::from_str(&email.decision).unwrap();
    let hooks: Vec<_> = signals.as_array().unwrap().iter().filter(|it| it["kind"] == "hook").collect();
    assert!(hooks.len() == 1 && hooks[0]["holds"] == false, "{}", email.decision);
}

#[tokio::test]
async fn what_a_hook_stopped_stays_stopped_though_it_was_set_aside_for_another_reason() {
    let house = House::new().await;
    let stopped = || Heard { stopped: Some("a virus".to_owned()), ..Heard::default() };
    // As if Jane had forwarded it, and nothing proves that.
    let forwarded = forward(&[&mail("zoe@fabrikam.test", "sand")]);
    let copy = Copy { proof: Proof::None, ..house.out_of_mailbox(house.jane, &forwarded) };
    let copyid = copy.copyid;
    let receipt = take(&house, copy, stopped()).await;
    assert_eq!(receipt.originals[0].reason, Reason::Unproven);
    // Since then the sinks say that this network vouches.
    assert_eq!(house.break_database("update undeliverable set proof = 1"), 1);
    let [waiting] = undeliverables::waiting(&house.organization).unwrap()[..] else { panic!("one") };
    let replayed = undeliverables::replay(&house.organization, waiting, house.moment()).await.unwrap();
    let Replayed::Ended(receipt) = replayed else { panic!("{replayed:?}") };
    assert_eq!((receipt.originals[0].reason, house.email_count()), (Reason::Stopped, 0));
    let rows = house.organization.read(|read| read.undeliverables_of(copyid)).unwrap();
    let [row] = rows.iter().filter(|row| row.statecode == undeliverables::OPEN).collect::<Vec<_>>()[..]
    else {
        panic!("what was forwarded waits: {rows:?}")
    };
    assert!(row.detail.contains("a virus"), "{}", row.detail);
    // Nobody who takes all in again takes it in; a person who lets it in does.
    assert_eq!(undeliverables::waiting(&house.organization).unwrap(), []);
    let id = row.undeliverableid;
    let released = undeliverables::replay(&house.organization, id, house.moment()).await.unwrap();
    let Replayed::Ended(receipt) = released else { panic!("{released:?}") };
    assert_eq!((receipt.outcome(), house.email_count()), (Outcome::Stored, 1));
    house.books_are_right();
}

#[tokio::test]
async fn what_a_hook_stopped_waits_beside_the_same_bytes_that_none_stopped() {
    let house = House::new().await;
    let stopped = |words: &str| Heard { stopped: Some(words.to_owned()), ..Heard::default() };
    let forwarded = forward(&[&mail("zoe@fabrikam.test", "sand")]);
    let copy = || Copy { proof: Proof::None, ..house.out_of_mailbox(house.jane, &forwarded) };
    let of = |copyid: Id| house.organization.read(|read| read.undeliverables_of(copyid)).unwrap();
    let (first, second, third) = (copy(), copy(), copy());
    let [one, two, three] = [&first, &second, &third].map(|copy| copy.copyid);
    take(&house, first, Heard::default()).await;
    take(&house, second, stopped("a virus")).await;
    // From then on one that was stopped speaks for what is stopped, and for what is not.
    take(&house, third, stopped("a virus, too")).await;
    take(&house, copy(), Heard::default()).await;
    let stops = |copyid: Id| of(copyid).into_iter().map(|row| row.stopreason).collect::<Vec<_>>();
    assert_eq!(
        (stops(one), stops(two), stops(three)),
        (vec![None], vec![Some("a virus".to_owned())], vec![])
    );
    // The sinks say now that this network vouches. Each is taken in again by itself.
    assert_eq!(house.break_database("update undeliverable set proof = 1"), 2);
    let replay = async |copyid: Id| {
        let id = of(copyid)[0].undeliverableid;
        undeliverables::replay(&house.organization, id, house.moment()).await.unwrap();
        let rows = of(copyid);
        (rows.iter().filter(|row| row.statecode == undeliverables::OPEN).count(), house.email_count())
    };
    assert_eq!(replay(two).await, (1, 0), "nobody has looked at what the hook stopped");
    assert_eq!(replay(one).await, (0, 1));
    house.books_are_right();
}
